"""The desk asks Kuaidi100: parcels subscribed, silent ones queried, parcels called back; each once, faults or not."""

import json
import logging
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.urls import reverse

from accounts.models import Carrier
from handoffs import tracking
from handoffs.carriers import kuaidi100_client
from handoffs.flow import handoff, stopping
from handoffs.flow.errors import Invalid, NotAllowed, Stale
from handoffs.models import CarrierAccount, Case, Handoff, Interception, Parcel
from tests import factories, snapshot
from tests.carriers.samples import posted
from tests.factories import NOON, World
from tests.goods.kuaidi import KEY, SALT, SECRET, Kuaidi, trace

WAYBILL = "YT0001"
OUT: Any = {"outbound": [("圆通速递", WAYBILL)], "path": 2}


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Iterator[Kuaidi]:
    plain = kuaidi100_client.post
    monkeypatch.setattr(kuaidi100_client, "post", lambda url, form: plain(url, form, timeout=0.2))
    made = Kuaidi()
    yield made
    made.close()


@pytest.fixture
def mine(world: World, service: Kuaidi) -> CarrierAccount:
    made = CarrierAccount(code="main", customer="C1", address=service.url)
    made.keep(key=KEY, salt=SALT, secret=SECRET)
    made.save()
    return made


def error() -> str:
    return CarrierAccount.objects.get().error


# Subscriptions --------------------------------------------------------------------------------------------------------


def test_new_parcels_of_open_cases_are_subscribed_once(world: World, service: Kuaidi, mine: CarrierAccount) -> None:
    factories.case(world.shop, **OUT)
    assert tracking.run(at=NOON)["subscribed"] == 1
    asked = service.subscribed[WAYBILL]
    assert (asked["company"], asked["parameters"]["salt"]) == ("yuantong", SALT)
    assert asked["parameters"]["callbackurl"].endswith("/hooks/kuaidi100/main/")
    assert tracking.run(at=NOON)["subscribed"] == 0


def test_one_that_was_subscribed_before_is_no_fault(world: World, service: Kuaidi, mine: CarrierAccount) -> None:
    factories.case(world.shop, **OUT)
    service.subscribed[WAYBILL] = {}
    assert (tracking.run(at=NOON)["subscribed"], error()) == (1, "")


@pytest.mark.parametrize("fault", ["slow", "cut_before", "cut_after", "html", "garbage", "http_500"])
def test_a_subscription_that_was_not_answered_is_tried_again(
    world: World, service: Kuaidi, mine: CarrierAccount, fault: str
) -> None:
    factories.case(world.shop, **OUT)
    service.faults.append(fault)
    assert tracking.run(at=NOON)["subscribed"] == 0
    assert (Parcel.objects.get().subscribed_at, bool(error())) == (None, True)
    assert tracking.run(at=NOON)["subscribed"] == 1


def test_what_the_service_refuses_is_shown_and_not_repeated(
    world: World, service: Kuaidi, mine: CarrierAccount
) -> None:
    factories.case(world.shop, **OUT)
    mine.keep(key="another")
    mine.save()
    tracking.run(at=NOON)
    assert "您不是合法的订阅者" in error()
    service.faults.append("never used")
    tracking.run(at=NOON)
    assert service.faults == ["never used"]


def test_closed_cases_and_other_shops_are_not_subscribed(world: World, service: Kuaidi, mine: CarrierAccount) -> None:
    factories.case(world.shop, **OUT)
    Case.objects.update(status=Case.Status.CLOSED)
    factories.case(world.other_shop, path=2, outbound=[("圆通速递", "YT0002")])
    CarrierAccount.objects.update(shop=world.shop)
    assert tracking.run(at=NOON)["subscribed"] == 0


# Queries --------------------------------------------------------------------------------------------------------------


def silent(world: World) -> Case:
    """A parcel that was heard of four and a half days ago, and counts as lost in half a day."""
    case = factories.case(world.shop, **OUT)
    begun = NOON - timedelta(days=4, hours=16)
    service = trace(WAYBILL, ("2026-11-06 20:00:00", "103", "已揽收"), state="1")
    Client().post(reverse("kuaidi100-push", args=["main"]), posted({"status": "polling", "lastResult": service}),
                  content_type="application/x-www-form-urlencoded")  # fmt: skip
    case.refresh_from_db()
    watch = case.clocks.get(kind="parcel_silence", ended_at=None)
    assert (watch.started_at, watch.due_at) == (begun, begun + timedelta(days=5))
    return case


def test_a_parcel_about_to_count_as_lost_is_asked_about_first(
    world: World, service: Kuaidi, mine: CarrierAccount
) -> None:
    case = silent(world)
    rows = (("2026-11-11 08:00:00", "1002", "到达上海转运中心"), ("2026-11-06 20:00:00", "103", "已揽收"))
    service.traces[WAYBILL] = trace(WAYBILL, *rows)
    assert tracking.run(at=NOON)["queried"] == 1
    watch = case.clocks.get(kind="parcel_silence", ended_at=None)
    assert watch.due_at == NOON - timedelta(hours=4) + timedelta(days=5)
    assert set(Parcel.objects.get().events.values_list("source", flat=True)) == {"push", "query"}


def test_one_number_is_asked_for_at_most_every_thirty_minutes(
    world: World, service: Kuaidi, mine: CarrierAccount
) -> None:
    silent(world)
    for minutes in (0, 1, 29):
        with time_machine.travel(NOON + timedelta(minutes=minutes), tick=False):
            tracking.run(at=NOON + timedelta(minutes=minutes))
    assert service.queried == [WAYBILL]


def test_no_result_says_nothing_of_the_parcel(world: World, service: Kuaidi, mine: CarrierAccount) -> None:
    case = silent(world)
    entries = case.timeline.count()
    assert tracking.run(at=NOON)["queried"] == 0
    assert ("查询无结果" in error(), case.timeline.count(), Parcel.objects.get().state) == (True, entries, "picked_up")


# Calling back ---------------------------------------------------------------------------------------------------------


def recall(world: World, *cases: Case) -> Handoff:
    for case in cases or (factories.case(world.shop, **OUT),):
        handoff.ask(case.pk, handoff.Question("recall_parcel"), by=world.support, at=NOON)
    return Handoff.objects.filter(kind="recall_parcel").order_by("pk")[0]


def heard(key: str, told: dict[str, Any], *, salt: str = SALT) -> int:
    where = reverse("kuaidi100-intercepted", args=["main", key])
    kind = "application/x-www-form-urlencoded"
    return Client().post(where, posted(told, salt=salt), content_type=kind).status_code


def test_a_parcel_is_called_back_and_the_callback_answers_all_its_cases(
    world: World, service: Kuaidi, mine: CarrierAccount
) -> None:
    cases = [factories.case(world.shop, **OUT), factories.case(world.shop, **OUT)]
    asked = recall(world, *cases)
    stopping.ask_service(asked.pk, payer="shop", by=world.support, at=NOON)
    assert tracking.run(at=NOON)["intercepted"] == 1
    made, (order,) = Interception.objects.get(), service.intercepted
    assert (order["kuaidinum"], order["interceptType"], order["interceptPayType"], order["salt"]) == (
        WAYBILL, "RETURN_SEND_ADDR", "MONTHLY", SALT,
    )  # fmt: skip
    assert order["callbackUrl"].endswith(f"/hooks/kuaidi100/main/intercepted/{made.key}/")
    assert (made.state, Handoff.objects.get(pk=asked.pk).status) == ("taken", "open")  # asked is not stopped

    assert heard(made.key, {"status": "success", "message": "网点反馈拦截成功，退回寄件网点"}) == 200
    made.refresh_from_db()
    assert made.state == "stopped"
    for each in cases:
        each.refresh_from_db()
        assert (each.goods, each.handoffs.get(kind="recall_parcel").answer) == ("returning", "will_return")
        assert each.clocks.filter(kind="return_promised", ended_at=None).exists()


def test_the_same_callback_thrice_changes_nothing_more(world: World, service: Kuaidi, mine: CarrierAccount) -> None:
    asked = recall(world)
    stopping.ask_service(asked.pk, payer="shop", by=world.support, at=NOON)
    tracking.run(at=NOON)
    key, told = Interception.objects.get().key, {"message": "拦截成功"}
    heard(key, told)
    before = snapshot.of_the_desk()
    assert [heard(key, told) for _time in range(3)] == [200, 200, 200]
    assert heard(key, {"message": "派送中无法拦截"}) == 200  # it is settled
    assert snapshot.of_the_desk() == before


def test_an_unsure_callback_waits_for_the_next_and_the_newest_counts(
    world: World, service: Kuaidi, mine: CarrierAccount
) -> None:
    asked = recall(world)
    stopping.ask_service(asked.pk, payer="shop", by=world.support, at=NOON)
    tracking.run(at=NOON)
    made = Interception.objects.get()
    heard(made.key, {"message": "已通知网点处理"})
    made.refresh_from_db()
    assert (made.state, "已通知网点处理" in made.said) == ("taken", True)
    heard(made.key, {"message": "派送中无法拦截"})
    made.refresh_from_db()
    asked.refresh_from_db()
    assert (made.state, asked.status) == ("failed", "open")  # the carrier's contact goes on


@pytest.mark.parametrize(("key", "salt", "status"), [("", "wrong", 403), ("nobody", SALT, 404)])
def test_a_callback_that_is_not_ours_changes_nothing(
    world: World, service: Kuaidi, mine: CarrierAccount, key: str, salt: str, status: int
) -> None:
    asked = recall(world)
    stopping.ask_service(asked.pk, payer="shop", by=world.support, at=NOON)
    tracking.run(at=NOON)
    before = snapshot.of_the_desk()
    assert heard(key or Interception.objects.get().key, {"message": "拦截成功"}, salt=salt) == status
    assert snapshot.of_the_desk() == before


def test_what_the_service_refuses_stays_with_the_carrier_s_contact(
    world: World, service: Kuaidi, mine: CarrierAccount
) -> None:
    service.refuses = "运单已签收，无法拦截"
    asked = recall(world)
    stopping.ask_service(asked.pk, payer="shop", by=world.support, at=NOON)
    tracking.run(at=NOON)
    asked.refresh_from_db()
    assert (Interception.objects.get().state, asked.status, asked.assignee) == ("failed", "open", world.logistics)
    assert "无法拦截" in Interception.objects.get().said


@pytest.mark.parametrize("fault", ["slow", "cut_before", "cut_after", "html", "http_500"])
def test_an_interception_without_an_answer_is_unknown_and_never_sent_twice(
    world: World, service: Kuaidi, mine: CarrierAccount, fault: str
) -> None:
    asked = recall(world)
    CarrierAccount.objects.update(subscribes=False)
    stopping.ask_service(asked.pk, payer="shop", by=world.support, at=NOON)
    service.faults.append(fault)
    tracking.run(at=NOON)
    assert Interception.objects.get().state == "unknown"
    tracking.run(at=NOON + timedelta(hours=1))
    assert len(service.intercepted) <= 1
    with pytest.raises(Stale):
        stopping.ask_service(asked.pk, payer="shop", by=world.support, at=NOON)
    heard(Interception.objects.get().key, {"message": "拦截成功"})
    assert Interception.objects.get().state == "stopped"


def test_nobody_there_is_tried_again(world: World, service: Kuaidi, mine: CarrierAccount) -> None:
    asked = recall(world)
    stopping.ask_service(asked.pk, payer="shop", by=world.support, at=NOON)
    CarrierAccount.objects.update(address="http://127.0.0.1:9", subscribes=False)
    tracking.run(at=NOON)
    assert Interception.objects.get().state == "asked"
    CarrierAccount.objects.update(address=service.url)
    tracking.run(at=NOON)
    assert (Interception.objects.get().state, len(service.intercepted)) == ("taken", 1)


def test_who_may_call_back_and_what_is_needed(world: World, service: Kuaidi, mine: CarrierAccount) -> None:
    asked = recall(world)
    with pytest.raises(NotAllowed):
        stopping.ask_service(asked.pk, payer="shop", by=world.logistics, at=NOON)
    with pytest.raises(Invalid):
        stopping.ask_service(asked.pk, payer="nobody", by=world.support, at=NOON)
    CarrierAccount.objects.update(sealed_secret="")
    with pytest.raises(Invalid):
        stopping.ask_service(asked.pk, payer="shop", by=world.support, at=NOON)


# What goes wrong with the account -------------------------------------------------------------------------------------


def test_secrets_never_stand_in_a_log(
    world: World, service: Kuaidi, mine: CarrierAccount, caplog: pytest.LogCaptureFixture
) -> None:
    asked = recall(world)
    stopping.ask_service(asked.pk, payer="shop", by=world.support, at=NOON)
    service.faults.extend(["html", "http_500", "cut_after"])
    with caplog.at_level(logging.DEBUG):
        tracking.run(at=NOON)
    shown = caplog.text + json.dumps(list(CarrierAccount.objects.values("error", "code")))
    assert not [word for word in (KEY, SECRET, SALT) if word in shown]


def test_secrets_that_cannot_be_opened_are_said_and_stop_no_other_account(
    world: World, service: Kuaidi, mine: CarrierAccount
) -> None:
    factories.case(world.shop, **OUT)
    CarrierAccount.objects.create(code="aaa", customer="C0", sealed_key="nonsense", sealed_salt="nonsense")
    assert tracking.run(at=NOON)["subscribed"] == 1
    assert CarrierAccount.objects.get(code="aaa").error


def test_a_carrier_the_service_does_not_know_is_left_alone(world: World, service: Kuaidi, mine: CarrierAccount) -> None:
    Carrier.objects.create(code="own", name="自家车队")
    factories.case(world.shop, path=2, outbound=[("自家车队", "OWN0001")])
    assert (tracking.run(at=NOON)["subscribed"], service.subscribed, error()) == (0, {}, "")
