"""The daily digest: a worklist per person in their morning, once a day, silent when there is nothing."""

import json
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from io import StringIO
from typing import Any

import pytest
import time_machine
from django.core import mail
from django.core.mail import EmailMultiAlternatives
from django.core.management import CommandError, call_command

from accounts.models import User
from handoffs import digests, sweep, tasks
from handoffs.flow import decision, handoff, response
from handoffs.flow.handoff import Question
from handoffs.flow.proposal import Proposal
from handoffs.flow.response import Reply
from handoffs.models import Case, OutboxMessage, Tick
from tests import factories
from tests.factories import NOON, World

MORNING = datetime(2026, 11, 12, 0, 0, tzinfo=UTC)  # 8 o'clock in Shanghai on the day after NOON
DAY = date(2026, 11, 12)
SAID = Reply("您好，已收到您的申请，正在核实")


def send(*options: str) -> dict[str, Any]:
    out = StringIO()
    call_command("send_digests", "--json", *options, stdout=out, stderr=StringIO())
    counts: dict[str, Any] = json.loads(out.getvalue().splitlines()[-1])
    return counts


def mails_to(user: User) -> list[EmailMultiAlternatives]:
    found = [m for m in mail.outbox if m.to == [user.email] and isinstance(m, EmailMultiAlternatives)]
    return [m for m in found if m.subject.startswith("11-1")]


def text(user: User, day: date = DAY, at: datetime = MORNING) -> str:
    letter = digests.digest_for(user, day, at=at)
    assert letter is not None
    return letter.text


def html_of(message: EmailMultiAlternatives) -> str:
    return str(message.alternatives[0][0])


@pytest.fixture
def case(world: World) -> Case:
    """A path 3 case of 345.67 yuan, answered in time, that waits for the supervisor; and one that waits for support."""
    response.respond(factories.case(world.shop, path=3).pk, SAID, by=world.support, at=NOON)
    made = factories.case(
        world.shop, path=3, amount=Decimal("345.67"), total_fee=Decimal("345.67"), title="羊毛围巾", buyer_nick="某买家"
    )
    response.respond(made.pk, SAID, by=world.support, at=NOON)
    decision.propose(made.pk, Proposal("full_refund", "买家提供了破损照片"), by=world.support, at=NOON)
    return made


def test_each_person_gets_the_list_of_their_own_role(world: World, case: Case) -> None:
    handoff.ask(case.pk, Question("ask_quality", note="面料是否合格"), by=world.support, at=MORNING)
    supervisor, qc = text(world.supervisor), text(world.qc)
    assert "approve a refund" in supervisor
    assert "345.67" in supervisor
    assert "ask about quality" in qc
    assert "ask about quality" not in supervisor
    assert case.refund_id in supervisor


def test_who_may_not_see_amounts_or_the_buyer_gets_none(world: World, case: Case) -> None:
    handoff.ask(case.pk, Question("ask_quality", note="面料是否合格"), by=world.support, at=MORNING)
    letter = digests.digest_for(world.qc, DAY, at=MORNING)
    assert letter is not None
    for content in (letter.text, letter.html):
        assert "345.67" not in content
        assert "¥" not in content
        assert "某买家" not in content


def test_every_line_links_to_its_case(world: World, case: Case, settings: Any) -> None:
    settings.BASE_URL = "https://desk.example.test"
    letter = digests.digest_for(world.supervisor, DAY, at=MORNING)
    assert letter is not None
    link = f"https://desk.example.test/handoffs/case/{case.pk}/change/"
    assert link in letter.text
    assert f'href="{link}"' in letter.html


def test_due_before_noon_and_waiting_are_told_apart(world: World) -> None:
    soon = factories.case(world.shop, path=3, at=MORNING - timedelta(minutes=5))
    later = factories.case(world.shop, path=3, at=MORNING - timedelta(minutes=5))
    response.respond(later.pk, SAID, by=world.support, at=MORNING)
    due, waiting = text(world.support).split("== Waiting for you ==")
    assert "Due before noon" in due
    assert soon.refund_id in due
    assert later.refund_id not in due
    assert later.refund_id in waiting
    assert soon.refund_id not in waiting


def test_yesterdays_late_ones_come_with_their_cause(world: World) -> None:
    tardy, ignored = (factories.case(world.shop, path=3) for _ in range(2))
    arrived = factories.case(world.shop, path=3, applied_at=NOON - timedelta(hours=1))
    sweep.run(at=NOON + timedelta(minutes=31))
    response.respond(tardy.pk, SAID, by=world.support, at=NOON + timedelta(minutes=53))
    late = text(world.support).split("== Late yesterday ==")[1]
    lines = {c.refund_id: late.split(c.refund_id)[1].split("http")[0] for c in (tardy, ignored, arrived)}
    assert "23 min too late · Support" in lines[tardy.refund_id]
    assert "still open" in lines[ignored.refund_id]
    assert "past due when it first arrived" in lines[arrived.refund_id]


def test_a_lead_hears_of_the_whole_role_and_others_only_of_their_own(world: World) -> None:
    colleague = factories.person("support", world.shop, on_duty=False)
    case = factories.case(world.shop, path=3)
    sweep.run(at=NOON + timedelta(minutes=31))
    assert digests.digest_for(colleague, DAY, at=MORNING) is None
    assert case.owner == world.support
    Case.objects.filter(pk=case.pk).update(owner=colleague)
    assert case.refund_id in text(world.support)
    assert case.refund_id in text(colleague)


def test_the_managers_version_has_the_measures_with_bars(world: World, case: Case) -> None:
    asked = factories.case(world.shop, path=2)
    handoff.ask(asked.pk, Question("recall_parcel"), by=world.support, at=NOON)
    sweep.run(at=NOON + timedelta(hours=3))
    factories.case(
        world.shop, applied_at=NOON - timedelta(hours=2), phase="success", marketplace_status="SUCCESS", ended_at=NOON,
        modified=NOON,
    )  # fmt: skip
    letter = digests.digest_for(world.manager, DAY, at=MORNING)
    assert letter is not None
    assert "First response, yesterday: 66 % (2 of 3)" in letter.text
    assert "half within 2 h, nine of ten within 2 h (refunds: 1)" in letter.text
    assert "░░░░░░░░░░ 0 % (0/1)  support agent → logistics contact" in letter.text
    assert "ZTO" in letter.text
    assert 'width="66%"' in letter.html
    assert asked.refund_id in letter.text
    assert "Money gone, goods not secured" in letter.text
    assert "How it went" not in text(world.supervisor)


def test_the_command_sends_everybody_once_a_day(world: World, case: Case) -> None:
    OutboxMessage.objects.update(mail="none")
    with time_machine.travel(MORNING, tick=False):
        first, second = send(), send()
    assert first == {"date": "2026-11-12", "sent": 3, "skipped_empty": 3, "already": 0, "waiting": 0}
    assert second == {"date": "2026-11-12", "sent": 0, "skipped_empty": 3, "already": 3, "waiting": 0}
    assert len(mail.outbox) == 3
    (message,) = mails_to(world.supervisor)
    assert message.alternatives[0][1] == "text/html"
    assert "<style" not in html_of(message)


def test_another_day_can_be_named(world: World, case: Case) -> None:
    assert send("--date", "2026-11-15")["date"] == "2026-11-15"
    assert OutboxMessage.objects.filter(key=f"digest:2026-11-15:{world.supervisor.pk}", mail="sent").exists()
    with pytest.raises(CommandError, match="not a day"):
        send("--date", "tomorrow")
    with pytest.raises(CommandError, match="not a day"):
        send("--date", "2026-02-30")


def test_a_dry_run_prints_and_changes_nothing(world: World, case: Case) -> None:
    before = OutboxMessage.objects.count()
    out = StringIO()
    call_command("send_digests", "--dry-run", "--date", "2026-11-12", stdout=out)
    assert f"To: {world.supervisor.email}" in out.getvalue()
    assert case.refund_id in out.getvalue()
    assert mail.outbox == []
    assert OutboxMessage.objects.count() == before
    assert send("--dry-run", "--date", "2026-11-12")["would_send"] == 3


def test_the_digest_is_in_the_readers_language(world: World, case: Case) -> None:
    User.objects.filter(pk=world.supervisor.pk).update(language="zh-hans")
    send("--date", "2026-11-12")
    (message,) = mails_to(world.supervisor)
    assert 'lang="zh-hans"' in html_of(message)


def test_the_timetable_waits_for_each_ones_own_morning(world: World, case: Case) -> None:
    User.objects.filter(pk=world.support.pk).update(time_zone="Europe/Berlin")
    User.objects.filter(pk=world.manager.pk).update(digest_at=time(9, 30))
    assert digests.prepare(at=MORNING - timedelta(minutes=1)).counts["sent"] == 0
    at_eight = digests.prepare(at=MORNING)
    assert list(OutboxMessage.objects.filter(pk__in=at_eight.ids).values_list("to", flat=True)) == [world.supervisor.pk]
    later = digests.prepare(at=MORNING + timedelta(hours=1, minutes=35))
    assert list(OutboxMessage.objects.filter(pk__in=later.ids).values_list("to", flat=True)) == [world.manager.pk]
    berlin = digests.prepare(at=MORNING + timedelta(hours=7))
    assert list(OutboxMessage.objects.filter(pk__in=berlin.ids).values_list("key", flat=True)) == [
        f"digest:2026-11-12:{world.support.pk}"
    ]


def test_a_morning_that_was_empty_stays_silent_all_day(world: World) -> None:
    assert digests.prepare(at=MORNING).counts == {
        "date": "2026-11-12", "sent": 0, "skipped_empty": 6, "already": 0
    }  # fmt: skip
    factories.case(world.shop, path=3, at=MORNING)
    assert digests.prepare(at=MORNING + timedelta(minutes=5)).counts["already"] == 6
    assert not OutboxMessage.objects.filter(kind="digest", mail="queued").exists()


def test_no_morning_mail_goes_out_in_the_afternoon(world: World, case: Case) -> None:
    assert digests.prepare(at=MORNING + timedelta(hours=4)).counts["sent"] == 0


def test_who_does_not_want_it_or_has_no_role_gets_none(world: World, case: Case) -> None:
    User.objects.filter(pk=world.supervisor.pk).update(wants_digest=False)
    User.objects.filter(pk=world.support.pk).update(is_active=False)
    factories.person("support", on_duty=False)
    assert send("--date", "2026-11-12")["sent"] == 1


def test_it_goes_out_even_to_those_who_want_no_other_mail_and_is_not_unread_in_the_bell(
    world: World, case: Case
) -> None:
    User.objects.filter(pk=world.supervisor.pk).update(wants_mail=False)
    send("--date", "2026-11-12")
    assert len(mails_to(world.supervisor)) == 1
    assert not OutboxMessage.objects.filter(kind="digest", read_at=None).exists()


def test_the_tasks_do_their_pass_and_leave_a_tick(world: World, case: Case) -> None:
    OutboxMessage.objects.update(mail="none")
    with time_machine.travel(MORNING, tick=False):
        tasks.sweep()
        tasks.send_digests()
        tasks.deliver()
    assert set(Tick.objects.values_list("name", flat=True)) == {"sweep", "deliver", "digests", "handover"}
    assert Tick.objects.get(name="digests").data["sent"] == 3
    assert len(mails_to(world.supervisor)) == 1


def test_the_timetable_names_tasks_that_exist() -> None:
    from refunddesk.celery import app

    app.loader.import_default_modules()
    for entry in app.conf.beat_schedule.values():
        assert entry["task"] in app.tasks
        assert "eta" not in entry.get("options", {})
    for name in ("sweep", "deliver", "digests", "run_import"):
        assert app.tasks[f"handoffs.tasks.{name}"].acks_late
        assert app.tasks[f"handoffs.tasks.{name}"].ignore_result
