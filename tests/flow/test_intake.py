"""Intake: rows become cases, idempotently; newer over older, `modified` over a file (domain.md section 5)."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts import duty
from handoffs.flow import intake, owner
from handoffs.flow.errors import Stale
from handoffs.intake.rows import Reject
from handoffs.models import Case, Clock, Parcel, TimelineEntry
from tests import factories
from tests.factories import NOON, World

HOUR = timedelta(hours=1)


def again(case: Case, **fields: Any) -> Any:
    """The application of `case` once more, as received, with some fields changed."""
    kept = ("order_id", "line_id", "title", "amount", "total_fee", "dispute_type", "marketplace_status", "phase",
            "good_status", "order_status", "has_good_return", "reason", "applied_at", "buyer_nick")  # fmt: skip
    return factories.row(case.refund_id, **({name: getattr(case, name) for name in kept} | fields))


def written() -> tuple[int, int, list[Any]]:
    versions = list(Case.objects.order_by("pk").values_list("version", "changed_at"))
    return Clock.objects.count(), TimelineEntry.objects.count(), versions


def test_the_same_rows_twice_change_nothing(world: World) -> None:
    rows = [factories.row() for _ in range(3)]
    assert [o.result for o in factories.take(world.shop, *rows)] == ["created"] * 3
    before = written()
    assert [o.result for o in factories.take(world.shop, *rows, at=NOON + HOUR)] == ["unchanged"] * 3
    assert written() == before


def test_an_older_modified_never_overwrites_a_newer_row(world: World) -> None:
    case = factories.case(world.shop, path=3, modified=NOON)
    older = again(case, amount=Decimal("9.00"), modified=NOON - HOUR)
    assert factories.take(world.shop, older)[0].result == "unchanged"
    case.refresh_from_db()
    assert case.amount == Decimal("50.00")


def test_a_newer_modified_updates_the_case(world: World) -> None:
    case = factories.case(world.shop, path=3, modified=NOON)
    newer = again(case, amount=Decimal("40.00"), modified=NOON + HOUR)
    assert factories.take(world.shop, newer, at=NOON + HOUR)[0].result == "updated"
    case.refresh_from_db()
    assert (case.amount, case.modified) == (Decimal("40.00"), NOON + HOUR)


def test_a_file_never_overwrites_a_field_that_a_row_with_modified_set_later(world: World) -> None:
    case = factories.case(world.shop, path=3, modified=NOON + HOUR)
    from_file = again(case, amount=Decimal("9.00"), description="文件里的话")
    factories.take(world.shop, from_file, at=NOON + 3 * HOUR, as_of=NOON)
    case.refresh_from_db()
    assert (case.amount, case.description) == (Decimal("50.00"), "文件里的话")


def test_a_newer_file_updates_what_an_older_row_set(world: World) -> None:
    case = factories.case(world.shop, path=3, modified=NOON)
    factories.take(world.shop, again(case, amount=Decimal("9.00")), at=NOON + 3 * HOUR, as_of=NOON + 2 * HOUR)
    case.refresh_from_db()
    assert case.amount == Decimal("9.00")


def test_an_older_file_never_overwrites_a_newer_one(world: World) -> None:
    case = factories.case(world.shop, path=3)
    factories.take(world.shop, again(case, amount=Decimal("40.00")), at=NOON + 3 * HOUR, as_of=NOON + 2 * HOUR)
    factories.take(world.shop, again(case, amount=Decimal("30.00")), at=NOON + 4 * HOUR, as_of=NOON + HOUR)
    case.refresh_from_db()
    assert case.amount == Decimal("40.00")


def test_a_file_never_reopens_a_closed_case(world: World) -> None:
    case = factories.case(world.shop, path=3, phase="closed", marketplace_status="CLOSED", modified=NOON)
    reopened = again(case, phase="wait_seller", marketplace_status="WAIT_SELLER_AGREE")
    factories.take(world.shop, reopened, at=NOON + 9 * HOUR, as_of=NOON + 8 * HOUR)
    case.refresh_from_db()
    assert (case.phase, case.status) == ("closed", "closed")


def test_an_empty_cell_of_a_file_wipes_nothing(world: World) -> None:
    case = factories.case(world.shop, path=3)
    factories.take(world.shop, again(case, title="", reason=""), at=NOON + HOUR, as_of=NOON + HOUR)
    case.refresh_from_db()
    assert (case.title, case.reason) == ("测试水杯", "协商一致退款")


def test_one_case_per_shop_source_and_marketplace_id(world: World) -> None:
    factories.take(world.shop, factories.row("7001"))
    factories.take(world.other_shop, factories.row("7001"))
    factories.take(world.other_shop, factories.row("7001", source_kind="service"))
    assert Case.objects.filter(refund_id="7001").count() == 3


def test_the_same_id_twice_in_one_file_is_one_case_with_the_later_word(world: World) -> None:
    first, second = factories.row("7002", amount=Decimal("5.00")), factories.row("7002", amount=Decimal("6.00"))
    assert [o.result for o in factories.take(world.shop, first, second)] == ["created", "updated"]
    assert Case.objects.get(refund_id="7002").amount == Decimal("6.00")


def test_a_rejected_row_stops_no_row_beside_it(world: World) -> None:
    bad = Reject(2, "amount", "not_money", "“abc” is no amount.", {"退款编号": "7004"})
    outcomes = factories.take(world.shop, factories.row("7003"), bad, factories.row("7005"))
    assert [o.result for o in outcomes] == ["created", "rejected", "created"]
    assert outcomes[1].reason == "“abc” is no amount."


def test_a_row_the_database_refuses_is_rejected_alone(world: World) -> None:
    rows = [factories.row(f"71{n:02d}", amount=Decimal("-1.00") if n == 3 else Decimal("5.00")) for n in range(8)]
    results = [o.result for o in factories.take(world.shop, *rows)]
    assert results == ["created"] * 3 + ["rejected"] + ["created"] * 4
    assert Case.objects.count() == 7


def test_a_value_too_long_for_its_column_is_named(world: World) -> None:
    (outcome,) = factories.take(world.shop, factories.row(order_id="9" * 65))
    assert (outcome.result, "order_id" in outcome.reason) == ("rejected", True)


def test_a_dry_run_leaves_nothing(world: World) -> None:
    from handoffs.flow import intake

    origin = intake.Origin(as_of=NOON, dry_run=True)
    outcomes = list(intake.take([factories.row()], shop=world.shop, origin=origin, by=None, at=NOON))
    assert ([o.result for o in outcomes], Case.objects.count(), world.support.messages.count()) == (["created"], 0, 0)


def test_parcels_are_shared_by_waybill_and_know_their_carrier(world: World) -> None:
    rows = [factories.row(**factories.ON_PATH[2]) for _ in range(2)]
    factories.take(world.shop, *rows)
    parcel = Parcel.objects.get()
    assert (parcel.waybill, parcel.carrier.code, parcel.cases.count()) == ("ZTO0001", "zto", 2)


def test_cases_are_dealt_to_those_on_duty_fewest_first(world: World) -> None:
    second = factories.person("support", world.shop)
    factories.person("support", world.shop, on_duty=False)
    factories.take(world.shop, *(factories.row() for _ in range(4)))
    owners = list(Case.objects.values_list("owner__name", flat=True))
    assert sorted(owners) == sorted(["Support", second.name] * 2)


def test_with_nobody_on_duty_cases_stay_in_the_open_queue_and_the_lead_is_told_once(world: World) -> None:
    duty.switch_off(world.support, at=NOON)
    factories.take(world.shop, *(factories.row() for _ in range(3)), at=NOON + HOUR)
    assert set(Case.objects.values_list("owner", flat=True)) == {None}
    assert world.support.messages.get(kind="nobody_on_duty").data["count"] == 3


def test_a_case_another_person_owns_cannot_be_claimed(world: World) -> None:
    second = factories.person("support", world.shop, on_duty=False)
    case = factories.case(world.shop, path=3)
    with pytest.raises(Stale):
        owner.claim(case.pk, by=second, at=NOON)
    owner.put_back(case.pk, by=world.support, at=NOON)
    owner.claim(case.pk, by=second, at=NOON)
    case.refresh_from_db()
    assert (case.owner, case.status) == (second, "in_progress")


def test_history_opens_nothing(world: World) -> None:
    old = factories.case(world.shop, applied_at=NOON - timedelta(days=30), ended_at=NOON - timedelta(days=29),
                         phase="success", marketplace_status="SUCCESS")  # fmt: skip
    assert (old.status, old.path, old.clocks.count(), old.handoffs.count()) == ("closed", 1, 0, 0)


def test_a_refund_paid_minutes_ago_still_has_a_parcel_to_stop(world: World) -> None:
    paid = factories.case(world.shop, ended_at=NOON, phase="success", marketplace_status="SUCCESS")
    assert (paid.status, paid.clocks.exclude(kind="handoff").count()) == ("goods_open", 0)
    assert paid.handoffs.get().kind == "stop_parcel"


def test_intake_takes_a_few_statements_a_batch_however_many_rows(world: World) -> None:
    def statements(rows: int) -> int:
        with CaptureQueriesContext(connection) as seen:
            factories.take(world.shop, *(factories.row() for _ in range(rows)))
        return len(seen)

    statements(1)
    assert statements(100) < 2 * statements(10) < 100


def test_open_cases_are_counted_once_a_run_and_closed_ones_never(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intake, "BATCH", 2)
    second = factories.person("support", world.shop)
    for _number in range(3):
        old = factories.case(world.shop)
        Case.objects.filter(pk=old.pk).update(owner=second, status="closed")
    with CaptureQueriesContext(connection) as seen:
        factories.take(world.shop, *(factories.row() for _number in range(8)))
    counts = [each["sql"] for each in seen if "COUNT(" in each["sql"] and "owner_id" in each["sql"]]
    owned = Case.objects.exclude(status="closed").values_list("owner", flat=True)
    assert (len(counts), sorted(owned)) == (1, sorted([world.support.pk, second.pk] * 4))


def test_what_was_dealt_in_a_batch_that_did_not_come_to_be_does_not_count(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    second = factories.person("support", world.shop)
    bad = factories.row(order_id="3" * 400)
    monkeypatch.setattr(intake, "too_long", lambda _row: "")
    outcomes = factories.take(world.shop, factories.row(), bad, factories.row(), factories.row(), factories.row())
    assert [each.result for each in outcomes].count("created") in (4, 5)  # SQLite takes any length
    owned = list(Case.objects.values_list("owner", flat=True))
    assert abs(owned.count(world.support.pk) - owned.count(second.pk)) <= len(owned) % 2
