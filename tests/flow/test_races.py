"""Two at once: each step, each approval, each payment happens exactly once."""

from datetime import timedelta
from decimal import Decimal

import pytest

from handoffs import sweep
from handoffs.flow import answer, decision, handoff, intake
from handoffs.flow.answer import Given
from handoffs.flow.decision import Proposal
from handoffs.flow.handoff import Question
from handoffs.models import Case, OutboxMessage, RefundOrder, TimelineEntry
from tests import factories
from tests.factories import NOON, World
from tests.races import DOUBLED, GOES_ON, LET_THROUGH, ONE_ALIVE, ORDERED_ONCE, exactly, race, together, turned_away

pytestmark = pytest.mark.django_db(transaction=True)
LATER = NOON + timedelta(minutes=5)
AS_A_WHOLE = {"handoffs.flow.intake._batch": intake._stored}  # a batch that fails is not tried row by row


@pytest.fixture
def world(transactional_db: None) -> World:
    from handoffs.seeds.load import load

    load()
    return factories.world()


@race("handoffs.sweep._claimed", ends=DOUBLED)
def test_two_sweepers_at_once_do_each_step_once(world: World) -> None:
    factories.take(world.shop, *(factories.row(**factories.ON_PATH[3]) for _ in range(60)))
    for minute in (15, 24, 30, 45):
        at = NOON + timedelta(minutes=minute)
        together(*(lambda at=at: sweep.run(at=at) for _ in range(3)))
    for kind, number in (("reminded", 120), ("late", 60), ("escalated", 60)):
        exactly(TimelineEntry.objects.filter(kind=kind).count(), number)
    exactly(OutboxMessage.objects.filter(kind="reminded").count(), 120)


@race("handoffs.flow.decision._locked", ends=LET_THROUGH, refused="kind.*version")
def test_two_approvals_at_once_leave_one_and_tell_the_other(world: World) -> None:
    case = factories.case(world.shop, path=3, amount=Decimal(300), total_fee=Decimal(300))
    made = decision.propose(case.pk, Proposal("full_refund", "商品破损，买家已提供照片"), by=world.support, at=NOON)
    results = together(
        lambda: decision.approve(made.pk, by=world.supervisor, at=LATER),
        lambda: decision.approve(made.pk, by=world.manager, at=LATER),
        lambda: answer.answer(made.handoff_id, Given("approve_less", amount=Decimal(5)), by=world.supervisor, at=LATER),
    )
    turned_away(results, 2)
    exactly(TimelineEntry.objects.filter(case=case, kind="approved").count(), 1)


@race("handoffs.flow.refund.check_cap", ends=LET_THROUGH, off=ORDERED_ONCE, constraint=ONE_ALIVE)
def test_a_refund_recorded_by_two_people_at_once_moves_money_once(world: World) -> None:
    case = factories.case(world.shop, path=3)
    made = decision.propose(case.pk, Proposal("full_refund", "商品破损，买家已提供照片"), by=world.support, at=NOON)
    people = (world.support, world.manager, world.supervisor)
    results = together(*(lambda by=by: decision.carry_out(made.pk, by=by, at=LATER) for by in people))
    turned_away(results, 2)
    exactly(RefundOrder.objects.count(), 1)


@race("handoffs.flow.answer._locked_group", ends=LET_THROUGH)
def test_two_answers_at_once_leave_one(world: World) -> None:
    case = factories.case(world.shop, path=2)
    asked = handoff.ask(case.pk, Question("recall_parcel"), by=world.support, at=NOON)
    results = together(
        lambda: answer.answer(asked.pk, Given("cannot"), by=world.logistics, at=LATER),
        lambda: answer.answer(asked.pk, Given("delivered"), by=world.manager, at=LATER),
    )
    turned_away(results, 1)
    exactly(TimelineEntry.objects.filter(case=case, kind="answered").count(), 1)


@race("handoffs.flow.intake._known", ends=DOUBLED, refused="refund_id", off=AS_A_WHOLE)
def test_the_same_push_three_times_at_once_makes_one_case(world: World) -> None:
    rows = [factories.row(f"9{n:03d}") for n in range(20)]
    together(*(lambda: factories.take(world.shop, *rows) for _ in range(3)))
    exactly(Case.objects.count(), 20)
    exactly(TimelineEntry.objects.filter(kind="arrived").count(), 20)


@race("handoffs.sweep._claimed", ends=GOES_ON)
def test_a_person_answers_while_the_sweep_runs(world: World) -> None:
    case = factories.case(world.shop, path=1)
    asked = case.handoffs.get(kind="stop_parcel")
    due = NOON + timedelta(minutes=30)
    results = together(
        lambda: sweep.run(at=due),
        lambda: answer.answer(asked.pk, Given("stopped"), by=world.warehouse, at=due - timedelta(seconds=1)),
    )
    assert not any(isinstance(result, Exception) for result in results)
    clock = asked.clocks.get()
    assert clock.ended_at is not None
    assert clock.next_action_at is None, f"{GOES_ON}: a clock that was answered"
