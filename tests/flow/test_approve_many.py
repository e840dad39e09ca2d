"""Many approvals in one act do what each by itself would have done, and say of each what it would have said."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection, transaction

from accounts.models import Limit, Membership, User
from accounts.models.people import Role
from handoffs import sweep
from handoffs.flow import decision
from handoffs.flow.approve_many import Wish, approve_many, approve_one
from handoffs.flow.errors import FlowError
from handoffs.flow.proposal import Proposal
from handoffs.models import Case, Clock, ClockPolicy, Decision, Handoff, OutboxMessage, Pause, TimelineEntry
from tests import factories
from tests.factories import NOON, World

WHY = "商品破损，买家已提供照片"
LATER = NOON + timedelta(minutes=20)
WRITTEN = (Case, Decision, Handoff, Clock, Pause, TimelineEntry, OutboxMessage)


def propose(world: World, kind: str, granted: str | None, by: User, **fields: Any) -> Decision:
    case = factories.case(world.shop, **({"path": 3, "amount": Decimal(900), "total_fee": Decimal(900)} | fields))
    value = Decimal(granted) if granted else None
    return decision.propose(case.pk, Proposal(kind, WHY, value, ask=True), by=by, at=NOON)


@pytest.fixture
def proposals(world: World) -> dict[str, Decision]:
    """Of every sort that can wait on a supervisor's screen, by what is special about it."""
    support, other = world.support, factories.person(Role.SUPPORT, world.shop)
    made = {
        "plain": propose(world, "full_refund", None, support),
        "plain too": propose(world, "full_refund", None, support),
        "with a note": propose(world, "full_refund", None, other),
        "compensation": propose(world, "compensation", "30", support),
        "refusing": propose(world, "refuse", None, support, claims_compensation=False),
        "reship": propose(world, "reship", None, support),
        "less": propose(world, "full_refund", None, support),
        "in full by its amount": propose(world, "full_refund", None, support),
        "an offer": propose(world, "partial_refund", "100", support),
        "above the limit": propose(world, "full_refund", None, support, amount=Decimal(5001), total_fee=Decimal(5001)),
        "own": propose(world, "full_refund", None, world.supervisor),
        "first of an order": propose(world, "compensation", "2000", support, order_id="2800", line_id="1"),
        "second of an order": propose(world, "compensation", "2000", support, order_id="2800", line_id="2"),
        "third of an order": propose(world, "compensation", "2000", support, order_id="2800", line_id="3"),
        "two on a case": propose(world, "full_refund", None, support),
        "settled": propose(world, "full_refund", None, support),
        "owned by another": propose(world, "full_refund", None, support),
        "claimed": propose(world, "full_refund", None, support),
        "on the way": propose(world, "full_refund", None, support, path=2),
        "late and swept": propose(world, "compensation", "40", support),
    }
    twin = made["two on a case"].case
    twin = decision.propose(twin.pk, Proposal("compensation", WHY, Decimal(5), ask=True), by=support, at=NOON)
    made["the other of the two"] = twin
    decision.refuse(made["settled"].pk, reason="证据不足，请补充", by=world.manager, at=NOON)
    Case.objects.filter(pk=made["owned by another"].case_id).update(owner=other)
    asked = made["claimed"].handoff
    Handoff.objects.filter(pk=asked.pk if asked else 0).update(status="claimed", assignee=world.manager)
    return made


def written() -> dict[str, list[Any]]:
    """What stands in the tables, by case, in the order it was written; new rows' keys left out."""
    rows: dict[str, list[Any]] = {}
    for model in WRITTEN:
        drawn = model in (TimelineEntry, OutboxMessage, Clock)
        columns = [field.attname for field in model._meta.concrete_fields if not (drawn and field.primary_key)]
        columns = ["terms__digest" if column == "terms_id" else column for column in columns]
        by = "case_id" if "case_id" in columns else columns[0]
        rows[model.__name__] = list(model._default_manager.order_by(by, "pk").values_list(*columns))
    return rows


@contextmanager
def taken_back() -> Iterator[None]:
    point = transaction.savepoint()
    yield
    transaction.savepoint_rollback(point)


def _wishes(proposals: dict[str, Decision]) -> dict[int, Wish]:
    special = {
        "with a note": Wish(note=" 同意 "),
        "less": Wish(Decimal("100.50")),
        "in full by its amount": Wish(Decimal(900)),
    }
    return {made.pk: special.get(name, Wish()) for name, made in proposals.items()}


BY_WHOM_AND_WHEN = [
    ("supervisor", timedelta(minutes=20), False),
    ("supervisor", timedelta(hours=13), False),
    ("supervisor", timedelta(hours=13), True),
    ("manager", timedelta(minutes=20), True),
    ("manager", timedelta(hours=13), False),
    ("support", timedelta(minutes=20), False),
    ("warehouse", timedelta(hours=13), True),
]


@pytest.mark.parametrize("chosen", [slice(0, None, 2), pytest.param(slice(None), marks=pytest.mark.slow)])
def test_together_is_as_one_by_one(world: World, proposals: dict[str, Decision], chosen: slice) -> None:
    wishes, untouched = _wishes(proposals), written()
    for who, after, swept in BY_WHOM_AND_WHEN[chosen]:
        with taken_back():
            _alike(wishes, world.people[who], NOON + after, swept=swept)
        assert written() == untouched


def _alike(wishes: dict[int, Wish], by: User, at: datetime, *, swept: bool) -> None:
    if swept:
        sweep.run(at=at)
    before, said = written(), {}
    with taken_back():
        for pk, wish in wishes.items():
            try:
                decision.approve(pk, by=by, at=at, amount=wish.amount, note=wish.note)
                said[pk] = ""
            except FlowError as error:
                said[pk] = str(error)
        alone = written()
    assert written() == before
    together = approve_many(wishes, by=by, at=at)
    assert {pk: str(error or "") for pk, error in together.items()} == said
    found = written()
    for table, rows in alone.items():
        assert found[table] == rows, (by, at, swept, table)
    assert (found != before) == (by.name in ("Supervisor", "Manager"))


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite approves one by one")
def test_what_is_alike_goes_together_and_nothing_else(
    world: World, proposals: dict[str, Decision], monkeypatch: pytest.MonkeyPatch
) -> None:
    alone: list[int] = []
    monkeypatch.setattr("handoffs.flow.approve_many._refused", lambda pk, _wish, **_more: alone.append(pk))
    at = NOON + timedelta(hours=13)
    asked = proposals["late and swept"].handoff
    Clock.objects.exclude(handoff=asked).update(due_at=at + timedelta(hours=1))
    sweep.run(at=at)
    approve_many(_wishes(proposals), by=world.supervisor, at=at)
    names = {made.pk: name for name, made in proposals.items()}
    assert {names[pk] for pk in alone} == {
        "less", "an offer", "above the limit", "own", "first of an order", "second of an order", "third of an order",
        "two on a case", "the other of the two", "settled",
    }  # fmt: skip


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite approves one by one")
def test_a_changed_limit_or_deadline_holds_at_once(world: World) -> None:
    first, second, third = (propose(world, "full_refund", None, world.support) for _ in range(3))
    assert approve_many({first.pk: Wish()}, by=world.supervisor, at=LATER) == {first.pk: None}
    ClockPolicy.objects.filter(clock="carry_out").update(minutes=7)
    approve_many({second.pk: Wish()}, by=world.supervisor, at=LATER)
    assert Clock.objects.get(case=second.case_id, kind="carry_out").due_at == LATER + timedelta(minutes=7)
    Limit.objects.create(user=world.supervisor, amount=Decimal(1))
    said = approve_many({third.pk: Wish()}, by=world.supervisor, at=LATER)
    assert getattr(said[third.pk], "code", None) == "over_own_limit"


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite approves one by one")
@pytest.mark.parametrize(
    "change", [{"valid_to": NOON.date() - timedelta(days=1)}, {"role": "warehouse"}, {"shop": None}]
)
def test_a_role_that_ends_after_the_person_was_looked_up_ends_at_once(world: World, change: dict[str, Any]) -> None:
    made, by = propose(world, "full_refund", None, world.support), User.objects.get(pk=world.supervisor.pk)
    assert by.places  # read, as the request reads it
    held = Membership.objects.filter(user=by)
    held.update(**change) if "shop" not in change else held.delete()
    with pytest.raises(FlowError) as refused:
        approve_one(made.pk, Wish(), by=by, at=LATER)
    assert refused.value.status in (403, 404)
    assert Decision.objects.get(pk=made.pk).status == Decision.Status.PROPOSED


def test_one_approved_is_given_back_as_it_now_stands(world: World) -> None:
    made = propose(world, "full_refund", None, world.support)
    given = approve_one(made.pk, Wish(note=" 同意 "), by=world.supervisor, at=LATER)
    stored = Decision.objects.get(pk=made.pk)
    for field in Decision._meta.concrete_fields:
        assert getattr(given, field.attname) == getattr(stored, field.attname), field.name
    assert (given.by.name, given.by.email) == (world.support.name, world.support.email)


def test_one_that_changes_meanwhile_is_told_and_stops_no_other(world: World) -> None:
    made = [propose(world, "full_refund", None, world.support) for _ in range(3)]
    decision.withdraw(made[1].pk, by=world.support, at=NOON)
    said = approve_many({each.pk: Wish() for each in made}, by=world.supervisor, at=LATER)
    assert [error is None for error in said.values()] == [True, False, True]
    assert "withdrawn" in str(said[made[1].pk])


def test_a_limit_of_the_person_holds_for_each_and_remembers(world: World) -> None:
    Limit.objects.create(user=world.supervisor, amount=Decimal(1000))
    made = [propose(world, "compensation", "600", world.support, order_id="2900", line_id=str(n)) for n in range(2)]
    said = approve_many({each.pk: Wish() for each in made}, by=world.supervisor, at=LATER)
    assert [getattr(error, "code", None) for error in said.values()] == [None, "over_own_limit"]
