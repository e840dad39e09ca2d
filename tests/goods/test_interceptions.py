"""Calling parcels back through the service: sent once, heard as often as it likes, shared by all cases of a waybill."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from handoffs import permissions, tracking
from handoffs.flow import answer, handoff, stopping
from handoffs.flow.errors import Stale
from handoffs.gateway import Gateway
from handoffs.gateway.carriers import INTERCEPT, LABEL, CarrierDesk, Told, form_of
from handoffs.models import CarrierAccount, Case, Handoff, Interception, Parcel
from tests import factories, snapshot
from tests.carriers.samples import SALT
from tests.factories import NOON, World
from tests.goods.telling import sent

WAYBILL = "YT0001"
TAKEN_IN_HAND, STOPPED, CANNOT = {"message": "已登记"}, {"message": "网点反馈拦截成功，退回寄件网点"}, {
    "message": "派送中无法拦截"}  # fmt: skip

pytestmark = pytest.mark.usefixtures("asking")


@pytest.fixture
def case(world: World) -> Case:
    return factories.case(world.shop, path=2, outbound=[("圆通速递", WAYBILL)])


@pytest.fixture
def recall(world: World, case: Case) -> Handoff:
    return asked(world, case)


@pytest.fixture
def ordered(world: World, recall: Handoff) -> Interception:
    """The carrier was told, and has taken it in hand."""
    stopping.ask_service(recall.pk, payer="shop", by=world.support, at=NOON)
    tracking.intercept(at=NOON)
    return now()


def asked(world: World, case: Case) -> Handoff:
    handoff.ask(case.pk, handoff.Question("recall_parcel"), by=world.support, at=NOON)
    return case.handoffs.get(kind="recall_parcel")


def now() -> Interception:
    return Interception.objects.latest("pk")


def heard(service: CarrierDesk, told: dict[str, Any], **more: Any) -> Told:
    return service.call_back(WAYBILL, told, sent, **more)


def goods(*cases: Case) -> list[tuple[str, str]]:
    for each in cases:
        each.refresh_from_db()
    return [(each.goods, each.handoffs.filter(kind="recall_parcel").latest("pk").answer) for each in cases]


# Asking ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("payer", "pays"), [("shop", "MONTHLY"), ("buyer", "CONSIGNEE"), ("carrier", "MONTHLY")])
def test_the_order_says_what_to_do_who_pays_and_where_to_answer(
    world: World, recall: Handoff, kuaidi100: CarrierDesk, payer: str, pays: str
) -> None:
    stopping.ask_service(recall.pk, payer=payer, by=world.support, at=NOON)
    assert tracking.intercept(at=NOON) == 1
    ((order,), made) = kuaidi100.ordered[WAYBILL], now()
    assert (order["kuaidicom"], order["interceptType"], order["interceptPayType"]) == (
        "yuantong", "RETURN_SEND_ADDR", pays,
    )  # fmt: skip
    assert order["callbackUrl"].endswith(reverse("kuaidi100-intercepted", args=["main", made.key]))
    assert (made.state, made.payer, made.sent_at) == ("taken", payer, NOON)


def test_a_fee_may_be_recorded_beside_what_the_service_said(
    world: World, ordered: Interception, recall: Handoff, kuaidi100: CarrierDesk
) -> None:
    heard(kuaidi100, STOPPED)
    stopping.record_fee(recall.pk, fee=Decimal("6.50"), payer="buyer", by=world.support, at=NOON)
    made = Interception.objects.get()
    assert (made.pk, made.fee, made.payer, made.state) == (ordered.pk, Decimal("6.50"), "buyer", "stopped")


def test_two_cases_of_one_waybill_have_it_stopped_once(
    world: World, case: Case, recall: Handoff, kuaidi100: CarrierDesk
) -> None:
    other = asked(world, factories.case(world.shop, path=2, outbound=[("圆通速递", WAYBILL)]))
    assert other.joined == recall
    stopping.ask_service(recall.pk, payer="shop", by=world.support, at=NOON)
    for each in (recall, other):
        with pytest.raises(Stale):
            stopping.ask_service(each.pk, payer="shop", by=world.support, at=NOON)
    tracking.intercept(at=NOON)
    tracking.intercept(at=NOON)
    assert len(kuaidi100.ordered[WAYBILL]) == 1


def test_only_one_worker_sends_it(world: World, recall: Handoff, kuaidi100: CarrierDesk) -> None:
    made = stopping.ask_service(recall.pk, payer="shop", by=world.support, at=NOON)
    assert [stopping.take(made.pk, at=NOON) for _worker in range(3)] == [True, False, False]
    assert (tracking.intercept(at=NOON), kuaidi100.ordered) == (0, {})


def test_a_worker_killed_in_the_call_leaves_an_unknown_one_that_is_never_sent_again(
    world: World, case: Case, recall: Handoff, kuaidi100: CarrierDesk, gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    stopping.ask_service(recall.pk, payer="shop", by=world.support, at=NOON)
    with monkeypatch.context() as killed:
        killed.setattr("handoffs.flow.stopping.settle", interrupt)
        with pytest.raises(KeyboardInterrupt):
            tracking.intercept(at=NOON)
    assert (now().state, len(kuaidi100.ordered[WAYBILL])) == ("asked", 1)
    for minutes in (1, 11, 60):
        tracking.run(at=NOON + timedelta(minutes=minutes))
    assert (now().state, len(kuaidi100.ordered[WAYBILL])) == ("unknown", 1)
    heard(kuaidi100, STOPPED)
    assert goods(case) == [("returning", "will_return")]


def interrupt(*_what: Any, **_more: Any) -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize("kind", ["slow", "cut_after", "half", "html", "garbage", "http_500"])
def test_taken_without_an_answer_the_callback_still_tells(
    world: World, case: Case, recall: Handoff, kuaidi100: CarrierDesk, gateway: Gateway, kind: str
) -> None:
    stopping.ask_service(recall.pk, payer="shop", by=world.support, at=NOON)
    gateway.faults.add(INTERCEPT, kind, seconds=2, after=True)
    tracking.intercept(at=NOON)
    tracking.intercept(at=NOON + timedelta(hours=1))
    assert (now().state, len(kuaidi100.ordered[WAYBILL])) == ("unknown", 1)
    assert CarrierAccount.objects.get().error
    heard(kuaidi100, STOPPED)
    assert (now().state, *goods(case)) == ("stopped", ("returning", "will_return"))


@pytest.mark.parametrize(("told", "state"), [(STOPPED, "stopped"), (CANNOT, "failed")])
def test_a_callback_faster_than_the_answer_is_not_overwritten(
    recall: Handoff, world: World, kuaidi100: CarrierDesk, told: dict[str, Any], state: str
) -> None:
    made = stopping.ask_service(recall.pk, payer="shop", by=world.support, at=NOON)
    stopping.take(made.pk, at=NOON)
    assert stopping.heard(made.key, told, at=NOON)
    stopping.settle(made.pk, "taken", said="", at=NOON)
    stopping.settle(made.pk, "unknown", said="", at=NOON)
    assert now().state == state


def test_nobody_at_the_address_is_tried_again_and_shown(
    world: World, recall: Handoff, kuaidi100: CarrierDesk, gateway: Gateway
) -> None:
    stopping.ask_service(recall.pk, payer="shop", by=world.support, at=NOON)
    gateway.down = True
    tracking.intercept(at=NOON)
    assert (now().state, now().sent_at, bool(now().said)) == ("asked", None, True)
    assert WAYBILL in CarrierAccount.objects.get().error
    gateway.down = False
    tracking.intercept(at=NOON + timedelta(minutes=1))
    assert (now().state, len(kuaidi100.ordered[WAYBILL])) == ("taken", 1)


# What may change before it is sent ------------------------------------------------------------------------------------


def test_people_who_answered_first_are_not_overruled(world: World, recall: Handoff, kuaidi100: CarrierDesk) -> None:
    stopping.ask_service(recall.pk, payer="shop", by=world.support, at=NOON)
    answer.answer(recall.pk, answer.Given("cannot", note="已经派送"), by=world.logistics, at=NOON)
    assert (tracking.intercept(at=NOON), now().state, kuaidi100.ordered) == (0, "failed", {})
    assert now().said


def test_a_question_that_was_taken_back_stops_no_parcel(world: World, recall: Handoff, kuaidi100: CarrierDesk) -> None:
    stopping.ask_service(recall.pk, payer="shop", by=world.support, at=NOON)
    handoff.withdraw(recall.pk, by=world.support, at=NOON, reason="买家不退了")
    assert (tracking.intercept(at=NOON), now().state, kuaidi100.ordered) == (0, "failed", {})


def test_another_case_that_still_waits_has_it_sent(world: World, recall: Handoff, kuaidi100: CarrierDesk) -> None:
    asked(world, factories.case(world.shop, path=2, outbound=[("圆通速递", WAYBILL)]))
    stopping.ask_service(recall.pk, payer="shop", by=world.support, at=NOON)
    handoff.withdraw(recall.pk, by=world.support, at=NOON, reason="买家不退了")
    assert (tracking.intercept(at=NOON), len(kuaidi100.ordered[WAYBILL])) == (1, 1)


def test_an_account_taken_away_leaves_it_to_the_contact(world: World, recall: Handoff, kuaidi100: CarrierDesk) -> None:
    stopping.ask_service(recall.pk, payer="shop", by=world.support, at=NOON)
    CarrierAccount.objects.update(active=False)
    assert (tracking.intercept(at=NOON), now().state, kuaidi100.ordered) == (0, "failed", {})
    recall.refresh_from_db()
    assert recall.is_live


# The way back to the contact ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("told", ["at once", "by callback"])
def test_what_fails_stays_in_the_contacts_queue_and_may_be_answered_there(
    world: World, case: Case, recall: Handoff, kuaidi100: CarrierDesk, told: str
) -> None:
    if told == "at once":
        kuaidi100.add_parcel(WAYBILL, "yuantong", state="301")
    stopping.ask_service(recall.pk, payer="shop", by=world.support, at=NOON)
    tracking.intercept(at=NOON)
    if told == "by callback":
        heard(kuaidi100, CANNOT)
    recall.refresh_from_db()
    assert (now().state, "无法拦截" in now().said) == ("failed", True)
    assert (recall.is_live, recall.assignee) == (True, world.logistics)
    assert recall in permissions.visible_handoffs(world.logistics)
    answer.answer(recall.pk, answer.Given("will_return", by="2026-11-15"), by=world.logistics, at=NOON)
    assert goods(case) == [("returning", "will_return")]


def test_after_a_failure_the_service_may_be_asked_anew(
    world: World, ordered: Interception, recall: Handoff, kuaidi100: CarrierDesk
) -> None:
    heard(kuaidi100, CANNOT)
    second = stopping.ask_service(recall.pk, payer="buyer", by=world.support, at=NOON)
    tracking.intercept(at=NOON)
    assert (second.key != ordered.key, now().state, len(kuaidi100.ordered[WAYBILL])) == (True, "taken", 2)


def test_a_refusal_is_kept_in_the_services_words(world: World, recall: Handoff, kuaidi100: CarrierDesk) -> None:
    kuaidi100.refuses[LABEL] = ("30001", "该快递公司不支持拦截")
    stopping.ask_service(recall.pk, payer="shop", by=world.support, at=NOON)
    tracking.intercept(at=NOON)
    assert (now().state, now().said, kuaidi100.ordered) == ("failed", "该快递公司不支持拦截", {})
    assert "不支持拦截" in CarrierAccount.objects.get().error


def test_a_wrong_secret_stops_nothing(
    world: World, recall: Handoff, asking: CarrierAccount, kuaidi100: CarrierDesk
) -> None:
    asking.keep(secret="another-secret")  # noqa: S106
    asking.save()
    stopping.ask_service(recall.pk, payer="shop", by=world.support, at=NOON)
    tracking.intercept(at=NOON)
    assert (now().state, now().said, kuaidi100.ordered) == ("failed", "验证签名失败", {})


# Callbacks ------------------------------------------------------------------------------------------------------------


def test_one_callback_answers_for_all_cases_of_the_waybill(
    world: World, case: Case, recall: Handoff, kuaidi100: CarrierDesk
) -> None:
    others = [factories.case(world.shop, path=2, outbound=[("圆通速递", WAYBILL)]) for _case in range(2)]
    for other in others:
        asked(world, other)
    stopping.ask_service(recall.pk, payer="shop", by=world.support, at=NOON)
    tracking.intercept(at=NOON)
    assert heard(kuaidi100, STOPPED).accepted
    assert goods(case, *others) == [("returning", "will_return")] * 3
    for each in (case, *others):
        told = each.handoffs.get(kind="recall_parcel")
        assert (told.answered_by, told.data["answered_as"]) == (None, "system")
        assert each.clocks.filter(kind="return_promised", ended_at=None).exists()


@pytest.mark.parametrize("told", [TAKEN_IN_HAND, STOPPED, CANNOT])
def test_a_callback_thrice_is_one(
    ordered: Interception, recall: Handoff, kuaidi100: CarrierDesk, told: dict[str, Any]
) -> None:
    assert heard(kuaidi100, told).accepted
    before = snapshot.of_the_desk()
    assert all(heard(kuaidi100, told).accepted for _time in range(3))
    assert snapshot.of_the_desk() == before


def test_the_newest_reply_wins_while_the_carrier_is_at_it(
    ordered: Interception, recall: Handoff, kuaidi100: CarrierDesk
) -> None:
    for told, state in ((TAKEN_IN_HAND, "taken"), ({"message": "网点处理中"}, "taken"), (CANNOT, "failed")):
        heard(kuaidi100, told)
        assert (now().state, told["message"] in now().said) == (state, True)
    recall.refresh_from_db()
    assert recall.is_live


def test_taken_in_hand_does_not_undo_an_answer(ordered: Interception, case: Case, kuaidi100: CarrierDesk) -> None:
    for told in (STOPPED, TAKEN_IN_HAND):
        assert heard(kuaidi100, told).accepted
    assert (now().state, *goods(case)) == ("stopped", ("returning", "will_return"))


def test_stopped_after_all_is_heard(ordered: Interception, case: Case, kuaidi100: CarrierDesk) -> None:
    for told in (CANNOT, STOPPED):
        assert heard(kuaidi100, told).accepted
    assert (now().state, *goods(case)) == ("stopped", ("returning", "will_return"))


def test_not_stopped_after_all_is_seen_on_the_case(ordered: Interception, case: Case, kuaidi100: CarrierDesk) -> None:
    heard(kuaidi100, STOPPED)
    entries = case.timeline.count()
    heard(kuaidi100, CANNOT)
    assert case.timeline.count() > entries


def test_a_case_whose_leader_was_taken_back_is_answered_too(
    world: World, case: Case, recall: Handoff, kuaidi100: CarrierDesk
) -> None:
    other = factories.case(world.shop, path=2, outbound=[("圆通速递", WAYBILL)])
    asked(world, other)
    stopping.ask_service(recall.pk, payer="shop", by=world.support, at=NOON)
    tracking.intercept(at=NOON)
    handoff.withdraw(recall.pk, by=world.support, at=NOON, reason="买家不退了")
    heard(kuaidi100, STOPPED)
    assert goods(other) == [("returning", "will_return")]


def test_an_answer_by_people_before_the_callback_stands(
    world: World, ordered: Interception, case: Case, recall: Handoff, kuaidi100: CarrierDesk
) -> None:
    answer.answer(recall.pk, answer.Given("will_return", by="2026-11-20"), by=world.logistics, at=NOON)
    assert heard(kuaidi100, STOPPED).accepted
    recall.refresh_from_db()
    assert (now().state, recall.answered_by) == ("stopped", world.logistics)


# Who may call back ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("salt", ["", "wrong", SALT.upper(), SALT + " "])
def test_a_callback_with_a_wrong_signature_changes_nothing(
    ordered: Interception, kuaidi100: CarrierDesk, salt: str
) -> None:
    before = snapshot.of_the_desk()
    told = heard(kuaidi100, STOPPED, salt=salt)
    assert (told.status, told.accepted, snapshot.of_the_desk() == before) == (403, False, True)


def post(body: bytes, *, code: str = "main", key: str) -> int:
    where = reverse("kuaidi100-intercepted", args=[code, key])
    return Client().post(where, body, content_type="application/x-www-form-urlencoded").status_code


@pytest.mark.parametrize(("code", "key", "status"), [("main", "no-such-key", 404), ("nobody", "", 404)])
def test_a_callback_to_nothing_we_asked_changes_nothing(
    ordered: Interception, code: str, key: str, status: int
) -> None:
    before = snapshot.of_the_desk()
    assert post(form_of(STOPPED, SALT), code=code, key=key or ordered.key) == status
    assert snapshot.of_the_desk() == before


@pytest.mark.parametrize("body", [b"", b"param=", b"sign=1", b"param=1&param=2&sign=3", b"\xff\xfe", b"param=%5B%5D"])
def test_what_is_no_callback_is_declined(ordered: Interception, body: bytes) -> None:
    before = snapshot.of_the_desk()
    assert post(body or b"x", key=ordered.key) in (400, 403)
    assert (snapshot.of_the_desk(), Client().get(reverse("kuaidi100-intercepted", args=["main", "x"])).status_code) == (
        before, 405,
    )  # fmt: skip


def test_another_account_cannot_answer_for_this_one(world: World, ordered: Interception, case: Case) -> None:
    theirs = CarrierAccount(code="theirs", customer="C2", shop=world.other_shop)
    theirs.keep(key="k", salt="their-salt")
    theirs.save()
    before = snapshot.of_the_desk()
    assert post(form_of(STOPPED, "their-salt"), code="theirs", key=ordered.key) == 404
    assert snapshot.of_the_desk() == before


def test_the_board_shows_who_was_asked_and_what_came(
    world: World, ordered: Interception, kuaidi100: CarrierDesk
) -> None:
    (stop,) = stopping.board(world.support, at=NOON)
    assert (stop.interception, stop.can_intercept) == (ordered, False)
    heard(kuaidi100, CANNOT)
    (stop,) = stopping.board(world.support, at=NOON)
    assert (stop.interception and stop.interception.state, stop.can_intercept) == ("failed", True)
    assert stop.handoff.parcel == Parcel.objects.get(waybill=WAYBILL)
