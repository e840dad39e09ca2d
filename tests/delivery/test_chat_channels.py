"""Chat bots are told once, at least; nothing of the buyer; silent while it is quiet; a bot's outage is its own."""

import json
import threading
from collections.abc import Iterator
from datetime import time, timedelta
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import apprise.plugins.dingtalk
import apprise.plugins.feishu
import apprise.plugins.wecombot
import pytest
import time_machine
from django.core.mail import EmailMessage
from django.db import IntegrityError, transaction

from accounts.models import DutyShift, User
from handoffs import bots, notices, notifying, outbox
from handoffs.models import Case, Channel, ChannelPost
from tests import factories
from tests.factories import NOON, World

MINUTE = timedelta(minutes=1)
SECRETS = {"buyer_nick": "秘密买家", "buyer_name": "王秘密", "buyer_phone": "13900001111", "buyer_address": "秘密路1号",
           "reason": "秘密原因", "description": "秘密描述"}  # fmt: skip


class Bot:
    """A bot's server on this machine: keeps what it was told, and answers as it is asked to."""

    def __init__(self) -> None:
        self.told: list[tuple[str, dict[str, Any]]] = []
        self.status, self.answer, self.hangs = 200, b"{}", threading.Event()
        self.hangs.set()
        bot = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                bot.told.append((self.path, json.loads(body)))
                bot.hangs.wait(5)
                self.send_response(bot.status)
                self.send_header("content-length", str(len(bot.answer)))
                self.end_headers()
                self.wfile.write(bot.answer)

            def log_message(self, *_args: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.server.server_address[1]}"

    @property
    def texts(self) -> list[str]:
        return [f"{body['title']}\n{body['message']}" for _path, body in self.told]


@pytest.fixture
def bot(settings: Any) -> Iterator[Bot]:
    settings.NOTIFY_HOSTS = ["127.0.0.1"]
    made = Bot()
    yield made
    made.hangs.set()
    made.server.shutdown()
    made.server.server_close()


@pytest.fixture(autouse=True)
def _noon() -> Iterator[None]:
    with time_machine.travel(NOON, tick=False):
        yield


def channel(bot: Bot, user: User | None = None, **more: Any) -> Channel:
    made = Channel(user=user, label="群", **({"follows_duty": False} | more))
    made.keep(f"json://{bot.host}/hook", "json")
    made.save()
    Channel.objects.filter(pk=made.pk).update(created_at=NOON - timedelta(days=1))
    made.refresh_from_db()
    return made


def tell(world: World, *people: User, kind: str = "late", key: str = "late:1:1:3", at: Any = NOON, **data: Any) -> Case:
    case = Case.objects.first() or factories.case(world.shop, path=2)
    outbox.tell(kind, to=people, key=key, at=at, case=case, **({"clock": "first_response"} | data))
    return case


def run(after: timedelta = timedelta()) -> dict[str, Any]:
    with time_machine.travel(NOON + after, tick=False):
        return notifying.run(at=NOON + after)


def test_a_person_is_told_what_the_bell_tells_once(world: World, bot: Bot) -> None:
    world.support.language = "zh-hans"
    world.support.save()
    channel(bot, world.support)
    case = tell(world, world.support, world.supervisor)
    assert (run()["messages"], run(MINUTE)["messages"]) == (1, 0)
    (text,) = bot.texts
    assert case.refund_id in text
    assert notices.case_path(case.pk) in text
    assert "首次响应" in text
    assert Channel.objects.get().told_at == NOON


def test_what_came_together_goes_as_one_message_the_urgent_first(world: World, bot: Bot) -> None:
    world.support.language = "en"
    world.support.save()
    channel(bot, world.support)
    tell(world, world.support, kind="closed", key="closed:1")
    for number in range(10):
        tell(world, world.support, key=f"late:{number}:1:3")
    run()
    (text,) = bot.texts
    assert text.startswith("refunddesk · 11 messages\nLate")
    assert text.count("Late, was due") == notifying.LINES
    assert "and 3 more under the bell" in text


def test_a_message_in_chinese_fits_the_narrowest_bot_and_says_what_is_left(world: World, bot: Bot) -> None:
    world.support.language = "zh-hans"
    world.support.save()
    world.shop.name = "江南布衣旗舰店（华东仓直发专营）" * 3
    world.shop.save()
    channel(bot, world.support)
    for number in range(20):
        tell(world, world.support, key=f"late:{number}:1:3")
    run()
    ((_path, body),) = bot.told
    shown = body["message"].count("首次响应")
    assert 1 < shown < notifying.LINES
    assert len(f"{body['title']}\n{body['message']}".encode()) < 2048
    assert str(20 - shown) in body["message"].splitlines()[-1]


def test_somebody_who_left_is_told_nothing_more(world: World, bot: Bot) -> None:
    channel(bot, world.support)
    tell(world, world.support)
    notifying.collect(at=NOON)
    User.objects.filter(pk=world.support.pk).update(is_active=False)
    assert run()["messages"] == 0


def test_a_team_hears_of_an_event_once_however_many_are_told(world: World, bot: Bot) -> None:
    second = factories.person("support", world.shop)
    channel(bot, shop=world.shop, role="support")
    channel(bot, shop=world.other_shop, role="support")
    channel(bot, shop=world.shop, role="qc")
    tell(world, world.support, second)
    run()
    assert len(bot.told) == 1
    assert ChannelPost.objects.count() == 1


def test_only_urgent_means_late_and_escalated(world: World, bot: Bot) -> None:
    channel(bot, world.support, urgent_only=True)
    tell(world, world.support, kind="handed_off", key="handed_off:1")
    tell(world, world.support, kind="reminded", key="remind:1")
    assert run()["messages"] == 0
    tell(world, world.support)
    assert run()["told"] == 1


# Quiet ----------------------------------------------------------------------------------------------------------------


def test_in_quiet_hours_it_waits_and_comes_as_one(world: World, bot: Bot) -> None:
    channel(bot, world.support, quiet_from=time(11, 0), quiet_to=time(7, 30))
    for number in range(3):
        tell(world, world.support, key=f"late:{number}")
    assert run()["messages"] == 0
    assert run(timedelta(hours=19, minutes=29))["messages"] == 0
    assert run(timedelta(hours=19, minutes=30)) | {"at": ""} == {"at": "", "messages": 1, "told": 3, "failed": 0}


def test_off_duty_is_quiet_for_what_is_urgent_too(world: World, bot: Bot) -> None:
    DutyShift.objects.filter(user=world.support).update(starts_at=NOON + timedelta(hours=9), ends_at=None)
    channel(bot, world.support, follows_duty=True)
    tell(world, world.support)
    assert run()["messages"] == 0
    assert run(timedelta(hours=9))["messages"] == 1


def test_a_team_is_on_duty_while_one_of_it_is(world: World, bot: Bot) -> None:
    DutyShift.objects.filter(user=world.support).delete()
    channel(bot, shop=world.shop, role="support", follows_duty=True)
    tell(world, world.support)
    assert run()["messages"] == 0
    DutyShift.objects.create(user=world.support, starts_at=NOON)
    assert run(MINUTE)["messages"] == 1


# Failures -------------------------------------------------------------------------------------------------------------


def test_a_bot_that_fails_is_tried_again_then_given_up_and_holds_up_no_other(world: World, bot: Bot) -> None:
    other = Bot()
    channel(bot, world.support)
    channel(other, world.support)
    bot.status = 500
    tell(world, world.support)
    assert run()["failed"] == 1
    assert len(other.told) == 1
    waits = (1, 6, 21, 81)
    for number, minutes in enumerate(waits, 2):
        assert run(minutes * MINUTE - timedelta(seconds=1))["failed"] == 0
        run(minutes * MINUTE)
        assert len(bot.told) == number
    assert ChannelPost.objects.get(channel__error__gt="").state == "dead"
    bot.status = 200
    broken = Channel.objects.exclude(error="").get()
    assert notifying.try_again(broken, at=NOON + 90 * MINUTE) == 1
    assert run(90 * MINUTE)["messages"] == 1
    broken.refresh_from_db()
    assert broken.error == ""
    other.server.shutdown()
    other.server.server_close()


def test_a_bot_that_does_not_answer_costs_seconds_not_the_pass(world: World, bot: Bot, monkeypatch: Any) -> None:
    monkeypatch.setattr(bots, "READ", 0.2)
    bot.hangs.clear()
    channel(bot, world.support)
    tell(world, world.support)
    assert run()["failed"] == 1
    assert Channel.objects.get().error


def test_a_no_inside_a_200_is_a_no(world: World, bot: Bot) -> None:
    bot.answer = b'{"errcode": 310000, "errmsg": "keywords not in content"}'
    channel(bot, world.support)
    tell(world, world.support)
    run()
    assert Channel.objects.get().error == "310000 keywords not in content"
    assert ChannelPost.objects.get().state == "retry"


def test_a_worker_that_died_while_sending_is_made_up_for(world: World, bot: Bot, monkeypatch: Any) -> None:
    channel(bot, world.support)
    tell(world, world.support)

    def dies(*_args: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(bots, "send", dies)
        with pytest.raises(KeyboardInterrupt):
            run()
    assert run(4 * MINUTE)["messages"] == 0
    assert run(5 * MINUTE)["messages"] == 1


def test_what_is_old_when_the_channel_is_made_or_after_an_outage_is_left_to_the_bell(world: World, bot: Bot) -> None:
    made = channel(bot, world.support)
    tell(world, world.support, key="late:1", at=NOON - timedelta(hours=2))
    Channel.objects.filter(pk=made.pk).update(created_at=NOON - 10 * MINUTE)
    tell(world, world.support, key="late:2", at=NOON - 20 * MINUTE)
    assert run()["told"] == 0


# What is said ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", sorted(notices.TITLES))
def test_no_buyers_data_and_no_amount_is_sent(world: World, bot: Bot, kind: str) -> None:
    hidden = SECRETS | {"amount": Decimal("86421357.77"), "total_fee": Decimal("86421357.77")}
    factories.case(world.shop, path=2, **hidden)
    channel(bot, world.support)
    said = {"reason": "王秘密要求退款86421357.77", "answer": "delivered", "kind_asked": "recall_parcel", "count": 2}
    tell(world, world.support, kind=kind, key=f"{kind}:1", **said)
    run()
    for text in bot.texts:
        assert not [word for word in ("秘密", "13900001111", "86421357") if word in text]
    assert len(bot.told) == (kind != "digest")


PAYLOADS = [
    ("dingtalk://token12345", apprise.plugins.dingtalk.NotifyDingTalk, "/robot/send?access_token={token}",
     lambda body: body["text"]["content"]),
    ("wecombot://5b6a1b1e-1111-2222-3333-444455556666", apprise.plugins.wecombot.NotifyWeComBot, "/send?key={key}",
     lambda body: body["text"]["content"]),
    ("feishu://abcd1234-1234-1234-1234-123456789012", apprise.plugins.feishu.NotifyFeishu, "/hook/{token}/",
     lambda body: body["content"]["text"]),
]  # fmt: skip


@pytest.mark.parametrize(("address", "plugin", "path", "text_of"), PAYLOADS, ids=["dingtalk", "wecom", "feishu"])
def test_each_bots_payload_is_plain_text_that_names_the_case(
    world: World, bot: Bot, monkeypatch: Any, address: str, plugin: Any, path: str, text_of: Any
) -> None:
    monkeypatch.setattr(plugin, "notify_url", f"http://{bot.host}{path}")
    made = channel(bot, world.support)
    made.keep(address, bots.kind_of(address))
    made.save()
    case = tell(world, world.support)
    assert run()["messages"] == 1
    (asked, body), text = bot.told[0], text_of(bot.told[0][1])
    assert address.partition("://")[2] in asked
    assert case.refund_id in text
    assert body.get("msgtype", body.get("msg_type")) == "text"


@pytest.mark.parametrize("address", ["", "ftp://x", "mailto://a:b@example.test", "json://10.0.0.1/x", "jsons://internal",
                                     "workflows://evil.test/a/b", "file:///etc/passwd", "dingtalk://",
                                     "json://127.0.0.1@10.0.0.1/",
                                     "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/?TEMPLATE=http://10.0.0.1/",
                                     "json://127.0.0.1/?template=/etc/passwd"])  # fmt: skip
def test_other_addresses_are_declined(bot: Bot, address: str) -> None:
    with pytest.raises(bots.BotError):
        bots.kind_of(address)


def test_an_address_cannot_switch_off_certificates_or_ask_for_patience(bot: Bot) -> None:
    made = bots._bot(f"json://{bot.host}/?verify=no&cto=600&rto=600&redirect=yes&retry=9")
    assert (made.verify_certificate, made.redirects, made.retry) == (True, False, 0)
    assert made.request_timeout == (bots.CONNECT, bots.READ)


def test_a_channel_is_somebodys(world: World, bot: Bot) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        channel(bot)
    with pytest.raises(IntegrityError), transaction.atomic():
        channel(bot, world.support, shop=world.shop, role="qc")


def test_bots_leave_the_desks_mails_as_they_were() -> None:
    bots.kind_of("dingtalk://" + "a" * 64)  # loads every plugin there is
    mail = EmailMessage("11-24：中午前到期3项", "…", "desk@desk.test", ["anna@desk.test"]).message()
    assert b"\nSubject: =?utf-8?b?" in mail.as_bytes()
