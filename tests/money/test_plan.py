"""The plan of a batch: what may be paid, what not and why, for whom, in which calls."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from accounts.models import Limit
from handoffs.flow import acts, batch, decision
from handoffs.flow.errors import Invalid, NotAllowed, NotYours, Stale
from handoffs.flow.proposal import Proposal
from handoffs.models import BatchRow, Case, RefundBatch, TimelineEntry
from tests import factories
from tests.factories import NOON, World
from tests.money.conftest import stopped


def why(case: Case, world: World, role: str = "support") -> str:
    made = batch.plan([case.pk], by=world.people[role], at=NOON)
    return made.rows.get().why


def test_stopped_parcels_are_paid_and_the_plan_changes_nothing(world: World) -> None:
    cases = [stopped(world) for _ in range(3)]
    before = TimelineEntry.objects.count()
    made = batch.plan([case.pk for case in cases], by=world.support, at=NOON)
    assert (made.rows_planned, made.total) == (3, Decimal("150.00"))
    assert {row.state for row in made.rows.all()} == {"waiting"}
    assert TimelineEntry.objects.count() == before


def test_a_parcel_that_is_not_stopped_keeps_its_money_also_when_the_refund_is_approved(world: World) -> None:
    case = factories.case(world.shop)
    assert why(case, world) == "not_stopped"
    made = decision.propose(case.pk, Proposal("full_refund", "同意退款"), by=world.support, at=NOON)
    assert made.status == "approved"
    assert why(case, world) == "not_stopped"


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"operation_constraint": "refund_onweb"}, "on_the_web"),
        ({"cs_status": "3"}, "intervened"),
        ({"marketplace_deadline": NOON - timedelta(minutes=1)}, "deadline"),
        ({"amount": Decimal(0)}, "no_amount"),
        ({"amount": Decimal(7000), "total_fee": Decimal(7000)}, "above_one_call"),
        ({"amount": Decimal(60), "total_fee": Decimal(50)}, "over_the_cap"),
    ],
)
def test_what_cannot_be_paid_says_why(world: World, fields: dict[str, Any], reason: str) -> None:
    assert why(stopped(world, **fields), world) == reason


def test_a_claim_of_compensation_is_assessed_first(world: World) -> None:
    case = stopped(world)
    Case.objects.filter(pk=case.pk).update(claims_compensation=True)
    assert why(case, world) == "compensation"
    acts.perform(case.pk, "assess_compensation", {"claimed": True, "stands": False}, by=world.support, at=NOON)
    assert why(case, world) == ""


@pytest.mark.parametrize(("path", "reason"), [(2, "not_ready"), (3, "not_ready"), (4, "not_ready"), (None, "unclear")])
def test_other_paths_wait_for_the_goods_or_for_a_person(world: World, path: int | None, reason: str) -> None:
    assert why(factories.case(world.shop, path=path), world) == reason


def test_an_approved_refund_of_path_3_can_be_paid_and_one_above_the_limit_cannot(world: World) -> None:
    small = factories.case(world.shop, path=3)
    decision.propose(small.pk, Proposal("full_refund", "同意退款"), by=world.support, at=NOON)
    assert why(small, world) == ""
    large = factories.case(world.shop, path=3, amount=Decimal(500), total_fee=Decimal(500))
    decision.propose(large.pk, Proposal("full_refund", "同意退款"), by=world.support, at=NOON)
    assert why(large, world) == "to_approve"


def test_all_that_is_ripe_is_found_without_naming_it(world: World) -> None:
    ready = stopped(world)
    factories.case(world.shop)
    made = batch.plan(None, by=world.support, at=NOON)
    assert [row.case_id for row in made.rows.all()] == [ready.pk]


def test_nothing_chosen_is_said(world: World) -> None:
    with pytest.raises(Invalid, match="nothing to refund"):
        batch.plan(None, by=world.support, at=NOON)


@pytest.mark.parametrize("role", ["warehouse", "qc", "logistics"])
def test_the_counterparts_plan_nothing_and_see_no_batch(world: World, role: str) -> None:
    case = stopped(world)
    with pytest.raises(NotAllowed):
        batch.plan([case.pk], by=world.people[role], at=NOON)
    made = batch.plan([case.pk], by=world.support, at=NOON)
    with pytest.raises(NotYours):
        batch.seen(made.pk, by=world.people[role])


def test_the_plan_costs_the_same_however_many_cases(world: World, django_assert_max_num_queries: Any) -> None:
    cases = [stopped(world) for _ in range(12)]
    with django_assert_max_num_queries(24):
        batch.plan([case.pk for case in cases], by=world.support, at=NOON)


def test_calls_obey_the_caps_on_number_and_sum(world: World) -> None:
    amounts = [Decimal(50)] * 25 + [Decimal(3000), Decimal(2900), Decimal(200), Decimal(6000)]
    rows = [BatchRow(amount=amount) for amount in amounts]
    sizes = [[row.amount for row in chunk] for chunk in batch.chunks(rows, "taobao")]
    assert [len(size) for size in sizes] == [20, 6, 2, 1]
    assert max(sum(size) for size in sizes) <= 6000


# The second confirmation ----------------------------------------------------------------------------------------------


def planned(world: World, count: int = 2) -> RefundBatch:
    return batch.plan([stopped(world).pk for _ in range(count)], by=world.support, at=NOON)


def test_it_starts_only_with_its_sum_typed(world: World) -> None:
    made = planned(world)
    for typed in (None, Decimal(99), Decimal("100.01")):
        with pytest.raises(Invalid, match=r"100\.00"):
            batch.confirm(made.pk, typed=typed, reason="批量退款", by=world.support, at=NOON)
    made.refresh_from_db()
    assert made.status == "planned"
    assert batch.confirm(made.pk, typed=Decimal(100), reason="批量退款", by=world.support, at=NOON).status == "running"


def test_a_smiley_is_no_reason(world: World) -> None:
    with pytest.raises(Invalid):
        batch.confirm(planned(world).pk, typed=Decimal(100), reason="(*￣︶￣)", by=world.support, at=NOON)


def test_rows_left_out_are_not_in_the_sum(world: World) -> None:
    made = planned(world, 3)
    first = made.rows.order_by("pk").first()
    assert first is not None
    batch.leave_out(made.pk, keep=[first.pk], by=world.support)
    made.refresh_from_db()
    assert (made.rows_planned, made.total) == (1, Decimal("50.00"))
    batch.leave_out(made.pk, keep=list(made.rows.values_list("pk", flat=True)), by=world.support)
    made.refresh_from_db()
    assert made.rows_planned == 3


def test_two_people_confirm_it_and_it_starts_once(world: World) -> None:
    made = planned(world)
    batch.confirm(made.pk, typed=Decimal(100), reason="批量退款", by=world.support, at=NOON)
    with pytest.raises(Stale):
        batch.confirm(made.pk, typed=Decimal(100), reason="批量退款", by=world.supervisor, at=NOON)


def test_above_the_limit_of_one_batch_a_supervisor_lets_it_run(world: World) -> None:
    Limit.objects.create(role="support", kind="batch_refund", amount=Decimal(80))
    made = planned(world)
    made = batch.confirm(made.pk, typed=Decimal(100), reason="批量退款", by=world.support, at=NOON)
    assert made.status == "to_approve"
    told = world.supervisor.messages.filter(kind="batch_to_approve")
    assert told.count() == 1
    with pytest.raises(NotAllowed):
        batch.approve(made.pk, by=world.support, at=NOON)
    made = batch.approve(made.pk, by=world.supervisor, at=NOON)
    assert (made.status, made.approved_by) == ("running", world.supervisor)
    with pytest.raises(Stale):
        batch.approve(made.pk, by=world.manager, at=NOON)


def test_nobody_lets_their_own_batch_run(world: World) -> None:
    Limit.objects.create(role="supervisor", kind="batch_refund", amount=Decimal(80))
    made = batch.plan([stopped(world).pk, stopped(world).pk], by=world.supervisor, at=NOON)
    batch.confirm(made.pk, typed=Decimal(100), reason="批量退款", by=world.supervisor, at=NOON)
    with pytest.raises(NotAllowed):
        batch.approve(made.pk, by=world.supervisor, at=NOON)
