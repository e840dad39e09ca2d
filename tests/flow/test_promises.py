"""Promises that are easily broken at the edges: what waits for us, what is settled, what goes on in the next case."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from handoffs.flow import acts, answer, decision, handoff, owner, response
from handoffs.flow.answer import Given
from handoffs.flow.errors import Invalid, NotAllowed, Stale
from handoffs.flow.handoff import Question
from handoffs.flow.next_step import steps
from handoffs.flow.proposal import Proposal
from handoffs.models import Case, Handoff
from tests import factories
from tests.factories import NOON, World

LATER = NOON + timedelta(minutes=10)


def again(world: World, case: Case, *, modified: Any = LATER, **fields: Any) -> Case:
    """The marketplace says something new of a case."""
    same = {"order_id": case.order_id, "line_id": case.line_id, "amount": case.amount, "total_fee": case.total_fee,
            "order_status": case.order_status, "good_status": case.good_status,
            "has_good_return": case.has_good_return, "dispute_type": case.dispute_type}  # fmt: skip
    factories.take(world.shop, factories.row(case.refund_id, modified=modified, **{**same, **fields}), at=LATER)
    case.refresh_from_db()
    return case


# Waiting for the seller ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "phase"),
    [("CLOSED", "closed"), ("SELLER_REFUSE_BUYER", "refused"), ("WAIT_BUYER_RETURN_GOODS", "wait_buyer_return"),
     ("WEIRD", "unknown")],
)  # fmt: skip
def test_whatever_it_was_before_it_has_30_minutes_from_when_it_waits_for_us(
    world: World, status: str, phase: str
) -> None:
    case = factories.case(world.shop, path=3, marketplace_status=status, phase=phase)
    assert not case.clocks.filter(kind="first_response").exists()
    again(world, case, marketplace_status="WAIT_SELLER_AGREE", phase="wait_seller")
    clock = case.clocks.get(kind="first_response")
    assert (clock.state, clock.started_at, clock.due_at) == ("running", LATER, LATER + timedelta(minutes=30))
    assert case.due_at == clock.due_at


def test_opened_again_after_it_was_closed_it_has_a_new_clock(world: World) -> None:
    case = factories.case(world.shop, path=3)
    again(world, case, marketplace_status="CLOSED", phase="closed")
    again(world, case, marketplace_status="WAIT_SELLER_AGREE", phase="wait_seller",
          modified=LATER + timedelta(minutes=1))  # fmt: skip
    states = list(case.clocks.filter(kind="first_response").order_by("version").values_list("version", "state"))
    assert states == [(1, "cancelled"), (2, "running")]


def test_a_response_sent_in_time_and_declared_late_was_in_time(world: World) -> None:
    case = factories.case(world.shop, path=3, applied_at=NOON - timedelta(minutes=50))
    assert case.clocks.get(kind="first_response").state == "late"
    sent = NOON - timedelta(minutes=40)
    response.respond(case.pk, response.Reply("您好，已为您核实", sent_at=sent), by=world.support, at=NOON)
    clock = case.clocks.get(kind="first_response")
    assert (clock.state, clock.ended_at) == ("met", sent)


# Questions -----------------------------------------------------------------------------------------------------------


def test_who_was_asked_answers_or_returns_and_never_takes_the_question_away(world: World) -> None:
    case = factories.case(world.shop)
    stop = Handoff.objects.get(case=case, kind="stop_parcel")
    with pytest.raises(NotAllowed):
        handoff.withdraw(stop.pk, by=world.warehouse, at=LATER)
    wish = handoff.ask(case.pk, Question("special_request", "买家想改地址"), by=world.support, at=LATER)
    with pytest.raises(NotAllowed):
        handoff.withdraw(wish.pk, by=world.supervisor, at=LATER)
    assert handoff.withdraw(wish.pk, by=world.support, at=LATER).status == "withdrawn"


@pytest.mark.parametrize("text", ["(*￣︶￣)", "😀😀", "<br>&nbsp;", "……"])
def test_a_question_is_returned_with_words(world: World, text: str) -> None:
    asked = handoff.ask(factories.case(world.shop).pk, Question("check_shipped"), by=world.support, at=NOON)
    with pytest.raises(Invalid) as error:
        handoff.send_back(asked.pk, reason=text, by=world.warehouse, at=LATER)
    assert error.value.field == "reason"


def test_a_promise_lies_in_the_future(world: World) -> None:
    asked = handoff.ask(factories.case(world.shop, path=2).pk, Question("recall_parcel"), by=world.support, at=NOON)
    with pytest.raises(Invalid) as error:
        answer.answer(asked.pk, Given("will_return", by="2020-01-01"), by=world.logistics, at=LATER)
    assert error.value.field == "by"


def test_less_is_less(world: World) -> None:
    case = factories.case(world.shop, path=3, amount=Decimal(300), total_fee=Decimal(300))
    made = decision.propose(case.pk, Proposal("full_refund", "同意退款"), by=world.support, at=NOON)
    with pytest.raises(Invalid):
        answer.answer(made.handoff_id, Given("approve_less", amount=Decimal(300)), by=world.supervisor, at=LATER)


# Settled is settled --------------------------------------------------------------------------------------------------


def test_the_same_act_twice_is_said(world: World) -> None:
    case = factories.case(world.shop, path=4)
    owner.put_back(case.pk, by=world.support, at=NOON)
    with pytest.raises(Stale):
        owner.put_back(case.pk, by=world.support, at=NOON)
    owner.claim(case.pk, by=world.support, at=NOON)
    with pytest.raises(Stale):
        owner.claim(case.pk, by=world.support, at=NOON)
    given = {"freight": "seller", "message": "请寄回，运费由我们承担"}
    acts.perform(case.pk, "agree_return", given, by=world.support, at=NOON)
    with pytest.raises(Stale):
        acts.perform(case.pk, "agree_return", given, by=world.support, at=NOON)
    with pytest.raises(Invalid):
        acts.perform(case.pk, "assess_compensation", {}, by=world.support, at=NOON)


# Paths and money -----------------------------------------------------------------------------------------------------


def test_shipped_after_the_warehouse_said_stopped_is_shown_and_lifts_no_limit(world: World) -> None:
    case = factories.case(world.shop, amount=Decimal(300), total_fee=Decimal(300))
    asked = Handoff.objects.get(case=case, kind="stop_parcel")
    answer.answer(asked.pk, Given("stopped"), by=world.warehouse, at=NOON)
    again(world, case, order_status="WAIT_BUYER_CONFIRM_GOODS")
    assert (case.path, case.contradiction) == (1, "shipped_after_stop")
    made = decision.propose(case.pk, Proposal("full_refund", "同意退款"), by=world.support, at=LATER)
    assert made.status == "proposed"


@pytest.mark.parametrize(
    "fields",
    [{"dispute_type": "return_refund"}, {"marketplace_status": "WAIT_BUYER_RETURN_GOODS", "phase": "wait_buyer_return"},
     {"marketplace_status": "WAIT_SELLER_CONFIRM_GOODS", "phase": "wait_seller_confirm"}],
)  # fmt: skip
def test_any_sign_that_goods_come_back_leads_to_path_4(world: World, fields: dict[str, Any]) -> None:
    case = factories.case(world.shop, path=3, has_good_return=False, **fields)
    assert case.path == 4


def test_two_refunds_of_a_line_are_not_both_promised(world: World) -> None:
    line = {"order_id": "771", "line_id": "772", "amount": Decimal(200), "total_fee": Decimal(300)}
    first, second = (factories.case(world.shop, path=3, **line) for _ in range(2))
    decision.propose(first.pk, Proposal("full_refund", "同意退款"), by=world.manager, at=NOON)
    with pytest.raises(Invalid) as error:
        decision.propose(second.pk, Proposal("full_refund", "同意退款"), by=world.manager, at=NOON)
    assert error.value.code == "over_the_cap"


def test_path_1_offers_no_refusal(world: World) -> None:
    case = factories.case(world.shop)
    assert "refuse" not in {step.code for step in steps(case)}


# The next application on the line ------------------------------------------------------------------------------------


def test_the_buyers_next_application_goes_on_with_parcel_and_recall(world: World) -> None:
    case = factories.case(world.shop)
    asked = Handoff.objects.get(case=case, kind="stop_parcel")
    left = Given("left", waybill="YT777", carrier="圆通速递")
    answer.answer(asked.pk, left, by=world.warehouse, at=NOON)
    again(world, case, marketplace_status="CLOSED", phase="closed", order_status="WAIT_BUYER_CONFIRM_GOODS")
    recall = Handoff.objects.get(case=case, kind="recall_parcel")
    assert recall.is_live
    line = {"order_id": case.order_id, "line_id": case.line_id}
    anew = factories.case(world.shop, path=2, at=LATER, outbound=None, **line)
    assert [parcel.waybill for parcel in anew.parcels.all()] == ["YT777"]
    joined = Handoff.objects.get(case=anew, kind="recall_parcel")
    assert joined.joined == recall
    assert anew.timeline.filter(kind="follows", data__refund_id=case.refund_id).exists()
    answer.answer(recall.pk, Given("will_return", by="2026-11-20"), by=world.logistics, at=LATER)
    anew.refresh_from_db()
    assert anew.goods == "returning"


def test_an_application_on_another_line_goes_on_with_nothing(world: World) -> None:
    case = factories.case(world.shop)
    asked = Handoff.objects.get(case=case, kind="stop_parcel")
    answer.answer(asked.pk, Given("left", waybill="YT777"), by=world.warehouse, at=NOON)
    other = factories.case(world.shop, at=LATER, order_id=case.order_id, line_id="999")
    assert not other.parcels.exists()
    assert Handoff.objects.filter(case=other, kind="stop_parcel").exists()


# What is read --------------------------------------------------------------------------------------------------------


def test_a_stamp_from_the_future_keeps_nothing_newer_out(world: World) -> None:
    case = factories.case(world.shop, path=3)
    again(world, case, modified=NOON + timedelta(days=30_000), reason="一")
    assert case.reason == "一"
    again(world, case, modified=LATER, reason="二")
    assert case.reason == "二"
    again(world, case, modified=LATER + timedelta(minutes=1), marketplace_status="SUCCESS", phase="success")
    assert case.phase == "success"


def test_the_same_row_with_a_stamp_from_the_future_is_unchanged(world: World) -> None:
    row = factories.row(modified=NOON + timedelta(days=30_000))
    assert [factories.take(world.shop, replace(row), at=NOON)[0].result for _ in range(3)] == [
        "created", "unchanged", "unchanged",
    ]  # fmt: skip
