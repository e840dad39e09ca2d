"""JD's services have lines, and a later row may say other goods: then what was decided on the old ones is void."""

from datetime import timedelta
from decimal import Decimal
from itertools import count
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from handoffs.flow import decision
from handoffs.flow.proposal import Proposal
from handoffs.models import Case, CaseSource, Clock, Decision
from tests import factories
from tests.factories import NOON, World

HOUR = timedelta(hours=1)
WHY = "商品破损，买家已提供照片"
CUP: dict[str, Any] = {"sku": "1001", "title": "水杯", "quantity": 1, "amount": Decimal(90)}
LID: dict[str, Any] = {"sku": "1002", "title": "杯盖", "quantity": 2, "amount": Decimal(10)}
GIVEN = {"order_id": "2711", "line_id": "", "dispute_type": "refund_only", "amount": Decimal(110),
         "total_fee": Decimal(110), "good_status": "BUYER_RECEIVED", "order_status": "DELIVERED",
         "buyer_nick": "jd1"}  # fmt: skip


def told(world: World, *lines: dict[str, Any], after: int = 0, **fields: Any) -> str:
    """A row of the service; what became of it."""
    row = factories.row("7001", source_kind="service", **GIVEN, lines=[dict(line) for line in lines], **fields)
    (outcome,) = factories.take(world.other_shop, row, at=NOON + after * HOUR)
    assert not outcome.reason
    return outcome.result


def stored() -> list[tuple[str, str, int | None, Decimal | None]]:
    return list(Case.objects.get().lines.order_by("sku").values_list("sku", "title", "quantity", "amount"))


def proposed(world: World, kind: str = "full_refund", amount: str | None = None) -> Decision:
    value = Decimal(amount) if amount else None
    return decision.propose(Case.objects.get().pk, Proposal(kind, WHY, value, ask=True), by=world.support, at=NOON)


def kinds() -> list[str]:
    return list(Case.objects.get().timeline.order_by("pk").values_list("kind", flat=True))


@pytest.mark.parametrize("later", [[{**CUP, "quantity": 2}], [CUP, LID], [{**CUP, "amount": Decimal(80)}]])
def test_other_goods_void_what_was_decided(world: World, later: list[dict[str, Any]]) -> None:
    told(world, CUP)
    made = proposed(world)
    assert told(world, *later, after=1) == "updated"
    made.refresh_from_db()
    again = Decision.objects.exclude(pk=made.pk).first()
    assert made.status == "void"
    assert again is not None or Clock.objects.filter(kind="decide", ended_at=None).exists()
    assert "lines_changed" in kinds()
    assert [line[0] for line in stored()] == [line["sku"] for line in later]
    assert told(world, *later, after=2) == "unchanged"


def test_compensation_stands_whatever_the_goods(world: World) -> None:
    told(world, CUP)
    made = proposed(world, "compensation", "20")
    told(world, CUP, LID, after=1)
    made.refresh_from_db()
    assert made.status == "proposed"


def test_what_was_unknown_and_is_learned_voids_nothing(world: World) -> None:
    told(world, {**CUP, "amount": None, "quantity": None, "title": ""})
    made = proposed(world)
    assert told(world, CUP, after=1) == "updated"
    assert stored() == [("1001", "水杯", 1, Decimal(90))]
    decision.void_changed(Case.objects.get(), at=NOON + 2 * HOUR)  # as the next change of the marketplace asks
    made.refresh_from_db()
    assert made.status == "proposed"
    assert "lines_changed" not in kinds()


def test_a_row_that_names_one_line_or_leaves_values_empty_wipes_nothing(world: World) -> None:
    told(world, CUP, LID)
    assert told(world, {"sku": "1002", "title": "", "quantity": None, "amount": None}, after=1) == "unchanged"
    told(world, after=2)
    assert [line[0] for line in stored()] == ["1001", "1002"]
    assert stored()[1][1:] == ("杯盖", 2, Decimal(10))


def test_an_older_file_does_not_bring_the_old_goods_back(world: World) -> None:
    told(world, CUP)
    told(world, {**CUP, "quantity": 3}, after=2)
    row = factories.row("7001", source_kind="service", **GIVEN, lines=[CUP])
    factories.take(world.other_shop, row, at=NOON + 3 * HOUR, as_of=NOON + HOUR)
    assert stored()[0][2] == 3


def test_two_rows_of_one_batch_both_count(world: World) -> None:
    rows = [factories.row("7001", source_kind="service", **GIVEN, lines=[line]) for line in (CUP, LID)]
    factories.take(world.other_shop, *rows)
    assert [line[0] for line in stored()] == ["1001", "1002"]
    more = [{**CUP, "quantity": 4}, {"sku": "1003", "title": "杯刷", "quantity": 1, "amount": Decimal(5)}]
    rows = [factories.row("7001", source_kind="service", **GIVEN, lines=[line]) for line in more]
    factories.take(world.other_shop, *rows, at=NOON + HOUR)
    assert [(line[0], line[2]) for line in stored()] == [("1001", 4), ("1002", 2), ("1003", 1)]


def test_many_services_with_other_words_take_as_many_statements_as_a_few(world: World) -> None:
    def rows(numbers: range, version: int) -> list[Any]:
        lines = [{**CUP, "title": f"水杯{version}"}, LID]
        given = [(f"8{number:05d}", {**GIVEN, "order_id": f"8{number}", "lines": lines}) for number in numbers]
        return [factories.row(refund_id, source_kind="service", **fields) for refund_id, fields in given]

    def statements(numbers: range) -> int:
        with CaptureQueriesContext(connection) as seen:
            factories.take(world.other_shop, *rows(numbers, next(counted)), at=NOON + HOUR)
        return len(seen)

    counted = count(2)
    factories.take(world.other_shop, *rows(range(60), 1))
    few, many = statements(range(5)), statements(range(60))
    assert many < 2 * few


def test_lines_that_are_learned_at_all_void_nothing(world: World) -> None:
    told(world)
    made = proposed(world)
    told(world, CUP, LID, after=1)
    decision.void_changed(Case.objects.get(), at=NOON + 2 * HOUR)
    made.refresh_from_db()
    assert (made.status, len(stored()), "lines_changed" in kinds()) == ("proposed", 2, False)


def test_the_last_row_of_a_batch_counts_also_where_it_says_what_is_stored(world: World) -> None:
    told(world, CUP)
    given = [{**GIVEN, "lines": [{**CUP, "quantity": 2}]}, {**GIVEN, "lines": [CUP], "description": "又改回来了"}]
    rows = [factories.row("7001", source_kind="service", **fields) for fields in given]
    factories.take(world.other_shop, *rows, at=NOON + HOUR)
    assert stored()[0][2] == 1


def test_lines_from_before_they_were_stamped_are_not_older_than_the_row(world: World) -> None:
    told(world, CUP, after=2)
    source = CaseSource.objects.get()
    source.stamps.pop("lines")
    source.save()
    made = proposed(world)
    row = factories.row("7001", source_kind="service", **GIVEN, lines=[{**CUP, "quantity": 3}])
    factories.take(world.other_shop, row, at=NOON + 3 * HOUR, as_of=NOON - 48 * HOUR)
    made.refresh_from_db()
    assert (stored()[0][2], made.status) == (1, "proposed")


def test_decisions_make_no_statement_a_service(world: World) -> None:
    def rows(numbers: range, **line: Any) -> list[Any]:
        lines = [{**CUP, "amount": None, **line}]
        return [factories.row(f"8{n:05d}", source_kind="service", **{**GIVEN, "order_id": f"8{n}", "lines": lines})
                for n in numbers]  # fmt: skip

    def statements(numbers: range, **line: Any) -> int:
        with CaptureQueriesContext(connection) as seen:
            factories.take(world.other_shop, *rows(numbers, **line), at=NOON + HOUR)
        return len(seen)

    factories.take(world.other_shop, *rows(range(33)))
    for case in Case.objects.all():
        decision.propose(case.pk, Proposal("full_refund", WHY, None, ask=True), by=world.support, at=NOON)
    few, many = statements(range(3), amount=Decimal(90)), statements(range(3, 33), amount=Decimal(90))
    assert many < 2 * few
    assert set(Decision.objects.values_list("status", flat=True)) == {"proposed"}
