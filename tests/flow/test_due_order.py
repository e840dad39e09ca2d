"""By what queues are ordered: a case's earliest open deadline, a question's first moment, as the rule has it."""

from datetime import datetime, timedelta
from itertools import product

import pytest

from handoffs.flow import clock, handoff
from handoffs.flow.handoff import Question
from handoffs.models import Case, Clock, Handoff
from tests import factories
from tests.factories import NOON, World

HOUR = timedelta(hours=1)
LEFT_ALONE = NOON - 900 * HOUR


@pytest.fixture
def asked(world: World) -> Handoff:
    case = factories.case(world.shop, path=2, outbound=[("中通快递", "Z1")])
    return handoff.ask(case.pk, Question("check_shipped"), by=world.support, at=NOON)


def test_a_question_comes_first_by_its_promise_or_by_the_marketplace_s_deadline(asked: Handoff) -> None:
    phases = ("wait_seller", "wait_seller_confirm", "wait_buyer_return", "success")
    deadlines = (None, NOON, NOON + HOUR - timedelta(microseconds=1), NOON + HOUR, NOON + 9 * HOUR)
    for phase, deadline, due_at, stale in product(phases, deadlines, (None, NOON + HOUR), (None, LEFT_ALONE)):
        Case.objects.filter(pk=asked.case_id).update(phase=phase, marketplace_deadline=deadline)
        Handoff.objects.filter(pk=asked.pk).update(due_at=due_at, first_at=stale)
        clock.refresh_due([asked.case_id])
        asked.refresh_from_db()
        wanted = clock.first_moment(Case.objects.get(pk=asked.case_id), due_at)
        assert asked.first_at == wanted, (phase, deadline, due_at, stale)


@pytest.mark.parametrize("stale", [None, LEFT_ALONE])
@pytest.mark.parametrize(("open_until", "first"), [
    ([], None), ([None], None), ([NOON + HOUR, None, NOON], NOON),
    ([NOON + timedelta(microseconds=1), NOON + HOUR], NOON + timedelta(microseconds=1)),
])  # fmt: skip
def test_a_case_comes_first_by_its_earliest_open_deadline(
    asked: Handoff, stale: datetime | None, open_until: list[datetime | None], first: datetime | None
) -> None:
    case = asked.case
    Clock.objects.filter(case=case).update(ended_at=NOON, due_at=LEFT_ALONE)
    terms = Clock.objects.filter(case=case)[0].terms
    for number, due_at in enumerate(open_until):
        Clock.objects.create(case=case, kind="decide", owner_role="support", version=9 + number, terms=terms,
                             started_at=NOON, due_at=due_at)  # fmt: skip
    Case.objects.filter(pk=case.pk).update(due_at=stale)
    clock.refresh_due([case.pk])
    case.refresh_from_db()
    assert case.due_at == first


def test_only_the_questions_that_live_and_the_cases_that_are_named_are_written(world: World, asked: Handoff) -> None:
    over = handoff.ask(asked.case_id, Question("recheck_weight"), by=world.support, at=NOON)
    other = factories.case(world.shop, path=2)
    Handoff.objects.filter(pk=over.pk).update(status="answered")
    Handoff.objects.update(first_at=LEFT_ALONE)
    Case.objects.update(due_at=LEFT_ALONE)
    clock.refresh_due([])
    assert set(Case.objects.values_list("due_at", flat=True)) == {LEFT_ALONE}
    clock.refresh_due([asked.case_id])
    kept = {"case": Case.objects.get(pk=other.pk).due_at, "question": Handoff.objects.get(pk=over.pk).first_at}
    assert kept == {"case": LEFT_ALONE, "question": LEFT_ALONE}
    asked.refresh_from_db()
    assert LEFT_ALONE not in (asked.first_at, asked.case.due_at)
