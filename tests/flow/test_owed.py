"""What stays owed when something else ends: compensation beside a refund, a decision after a question fell away."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from handoffs.flow import acts, answer, decision, handoff, next_step, unsettled
from handoffs.flow.answer import Given
from handoffs.flow.errors import Invalid
from handoffs.flow.handoff import Question
from handoffs.flow.proposal import Proposal
from handoffs.models import Case, Clock, Compensation, Decision
from tests import factories
from tests.factories import NOON, World

MINUTE = timedelta(minutes=1)
LATER = NOON + 5 * MINUTE
WHY = "商品破损，买家已提供照片"


def propose(world: World, case: Case, kind: str, amount: str | None = None, *, at: Any = NOON) -> Decision:
    return decision.propose(case.pk, Proposal(kind, WHY, Decimal(amount) if amount else None), by=world.support, at=at)


def told(world: World, case: Case, phase: str, *, at: Any) -> Case:
    """What the marketplace says of the application now."""
    names = ("order_id", "line_id", "amount", "total_fee", "good_status", "order_status", "has_good_return",
             "dispute_type", "reason")  # fmt: skip
    same = {name: getattr(case, name) for name in names}
    factories.take(world.shop, factories.row(case.refund_id, **same, phase=phase, modified=at), at=at)
    return Case.objects.get(pk=case.pk)


def open_clock(case: Case, kind: str) -> Clock | None:
    return Clock.objects.filter(case=case, kind=kind, ended_at=None).first()


def test_compensation_approved_beside_a_refund_keeps_its_own_deadline_and_is_paid_after_the_case_was_refunded(
    world: World,
) -> None:
    case = factories.case(world.shop, path=3, amount=Decimal(60), total_fee=Decimal(60))
    refund = propose(world, case, "full_refund")
    granted = propose(world, case, "compensation", "20", at=LATER)
    decision.carry_out(refund.pk, by=world.support, at=NOON + 10 * MINUTE)
    running = open_clock(case, "carry_out")
    assert running is not None
    assert (running.due_at, running.version) == (LATER + 30 * MINUTE, 2)
    assert Clock.objects.get(case=case, kind="carry_out", version=1).state == "met"

    case = told(world, case, "success", at=NOON + 20 * MINUTE)
    assert (case.status, case.money, case.due_at) == ("to_pay", "confirmed", LATER + 30 * MINUTE)
    assert next_step.next_step(case).code == "carry_out"
    acts.perform(case.pk, "carry_out", {"small_payment": True}, by=world.support, at=NOON + 25 * MINUTE)
    case.refresh_from_db()
    assert (case.status, Compensation.objects.get().decision) == ("closed", granted)
    assert open_clock(case, "carry_out") is None


def test_a_late_clock_of_two_approvals_stays_late_and_runs_on(world: World) -> None:
    case = factories.case(world.shop, path=3, amount=Decimal(60), total_fee=Decimal(60))
    refund = propose(world, case, "full_refund")
    propose(world, case, "compensation", "20", at=LATER)
    decision.carry_out(refund.pk, by=world.support, at=NOON + 40 * MINUTE)
    running = open_clock(case, "carry_out")
    assert running is not None
    assert (running.version, running.due_at) == (1, NOON + 30 * MINUTE)


def test_a_proposed_compensation_outlives_the_application(world: World) -> None:
    case = factories.case(world.shop, path=3, amount=Decimal(900), total_fee=Decimal(900))
    made = propose(world, case, "compensation", "300")
    case = told(world, case, "closed", at=LATER)
    assert made.handoff is not None
    made.handoff.refresh_from_db()
    assert (case.status, made.handoff.status) == ("waiting_colleague", "open")
    assert Clock.objects.get(handoff=made.handoff).state == "running"
    decision.approve(made.pk, by=world.supervisor, at=LATER)
    case.refresh_from_db()
    assert case.status == "to_pay"
    decision.carry_out(made.pk, by=world.support, at=LATER)
    case.refresh_from_db()
    assert case.status == "closed"


def test_withdrawing_compensation_leaves_refund_and_its_money_alone(world: World) -> None:
    case = factories.case(world.shop, path=3, amount=Decimal(60), total_fee=Decimal(60))
    refund = propose(world, case, "full_refund")
    granted = propose(world, case, "compensation", "20", at=LATER)
    decision.withdraw(granted.pk, by=world.support, at=LATER)
    running = open_clock(case, "carry_out")
    assert running is not None
    assert running.due_at == NOON + 30 * MINUTE
    decision.carry_out(refund.pk, by=world.support, at=LATER)
    over = propose(world, case, "compensation", "300", at=LATER)
    assert over.handoff is not None
    handoff.withdraw(over.handoff.pk, by=world.support, at=LATER)
    case.refresh_from_db()
    assert case.money == "acknowledged"


def test_money_that_two_people_say_has_gone_counts_as_gone(world: World) -> None:
    case = factories.case(world.shop, path=2, amount=Decimal(60), total_fee=Decimal(60))
    decision.carry_out(propose(world, case, "full_refund").pk, by=world.support, at=LATER)
    case = told(world, case, "closed", at=LATER + MINUTE)
    order = case.refund_orders.get()
    assert (order.status, case.money) == ("unknown", "unknown")
    for person, said in ((world.support, "后台已查看"), (world.supervisor, "我也查看了")):
        unsettled.settle(order.pk, paid=True, reason=said, by=person, at=LATER + 2 * MINUTE)
    case.refresh_from_db()
    assert (case.money, case.status) == ("confirmed", "goods_open")


def cannot_be_recalled(world: World) -> Case:
    case = factories.case(world.shop, path=2)
    made = handoff.ask(case.pk, Question("recall_parcel"), by=world.support, at=NOON)
    answer.answer(made.pk, Given("cannot"), by=world.manager, at=NOON)
    assert open_clock(case, "decide") is not None
    return case


def test_a_question_that_is_withdrawn_leaves_the_decision_still_to_take(world: World) -> None:
    case = cannot_be_recalled(world)
    asked = handoff.ask(case.pk, Question("trace_delivery"), by=world.support, at=LATER)
    assert open_clock(case, "decide") is None
    handoff.withdraw(asked.pk, by=world.support, at=LATER + MINUTE)
    again = open_clock(case, "decide")
    assert again is not None
    assert again.due_at == LATER + 31 * MINUTE


def test_a_question_that_is_returned_leaves_the_decision_still_to_take(world: World) -> None:
    case = cannot_be_recalled(world)
    asked = handoff.ask(case.pk, Question("trace_delivery"), by=world.support, at=LATER)
    handoff.send_back(asked.pk, reason="请补充运单号再问", by=world.manager, at=LATER + MINUTE)
    assert open_clock(case, "decide") is not None
    handoff.send_again(asked.pk, note_text="运单号已补充", by=world.support, at=LATER + 2 * MINUTE)
    assert open_clock(case, "decide") is None


def test_a_proposal_that_is_withdrawn_leaves_the_decision_still_to_take(world: World) -> None:
    case = cannot_be_recalled(world)
    made = propose(world, case, "full_refund", at=LATER)
    assert open_clock(case, "decide") is None
    decision.withdraw(made.pk, by=world.support, at=LATER + MINUTE)
    assert open_clock(case, "decide") is not None


def test_a_claim_goes_on_when_the_buyer_withdraws_the_application(world: World) -> None:
    case = factories.case(world.shop, path=2)
    acts.perform(case.pk, "open_claim", {"cause": "lost", "amount": "50"}, by=world.support, at=NOON)
    assert open_clock(case, "claim") is not None
    told(world, case, "closed", at=LATER)
    assert open_clock(case, "claim") is not None


@pytest.mark.parametrize(("said", "payer"), [("", "shop"), ("carrier", "carrier")])
def test_the_ledger_of_compensation_says_who_bears_it(world: World, said: str, payer: str) -> None:
    case = factories.case(world.shop, path=3, amount=Decimal(60), total_fee=Decimal(60))
    propose(world, case, "compensation", "20")
    acts.perform(case.pk, "carry_out", {"payer": said}, by=world.support, at=LATER)
    assert Compensation.objects.get().payer == payer


def test_nobody_else_bears_a_compensation(world: World) -> None:
    case = factories.case(world.shop, path=3, amount=Decimal(60), total_fee=Decimal(60))
    propose(world, case, "compensation", "20")
    with pytest.raises(Invalid) as error:
        acts.perform(case.pk, "carry_out", {"payer": "nobody"}, by=world.support, at=LATER)
    assert error.value.field == "payer"
    assert not Compensation.objects.exists()
