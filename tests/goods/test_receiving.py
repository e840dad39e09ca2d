"""Returns received by scan: expected lines, counts, photos, several cases a parcel, the same receipt twice, orphans."""

from datetime import timedelta

import pytest

from handoffs.carriers.base import State
from handoffs.flow import orphans, receiving
from handoffs.flow.errors import FlowError, Invalid, NotAllowed, NotYours, Stale
from handoffs.flow.receiving import Counted, Receipt
from handoffs.models import Case
from handoffs.models import Receipt as Kept
from tests import factories, photos
from tests.factories import NOON, World
from tests.goods.telling import event, told

LATER = NOON + timedelta(hours=1)


def returning(world: World, waybill: str = "YT555", **fields: object) -> Case:
    return factories.case(world.shop, path=4, return_waybill=waybill, return_carrier="圆通速递", quantity=2, **fields)


def counted(case: Case, actual: int = 2, condition: str = "good", line: str = "") -> Counted:
    return Counted(case.pk, line, actual, condition)


def receive(world: World, *lines: Counted, key: str = "key-00001", by: str = "warehouse", **more: object) -> object:
    values = {"weight_grams": 480, "waybill": "YT555", **more}
    return receiving.receive(Receipt(key, lines=lines, **values), by=world.people[by], at=LATER)  # type: ignore[arg-type]


def test_a_scan_shows_the_lines_to_expect(world: World) -> None:
    case = returning(world)
    found = receiving.look(" yt555-1-1- ", by=world.warehouse, at=LATER)
    assert (found.waybill, found.carrier, found.refused_at_door) == ("YT555", "YTO", False)
    assert [(line.case_id, line.planned, line.received) for line in found.lines] == [(case.pk, 2, False)]


def test_what_was_counted_answers_the_question_and_asks_for_the_inspection(world: World) -> None:
    case = returning(world)
    done = receive(world, counted(case))
    case.refresh_from_db()
    asked = case.handoffs.get(kind="receive_return")
    assert (asked.status, asked.answer, asked.answered_by) == ("answered", "received", world.warehouse)
    assert (asked.data["condition"], asked.data["weight"]) == ("good", "0.48")
    assert asked.data["counted"][0] | {} == {"line": "", "sku": "", "planned": 2, "actual": 2, "condition": "good"}
    assert (case.goods, case.handoffs.get(kind="inspect_return").status) == ("returned", "open")
    assert not done.repeated  # type: ignore[attr-defined]


def test_the_same_receipt_sent_again_changes_nothing(world: World) -> None:
    case = returning(world)
    receive(world, counted(case))
    entries = case.timeline.count()
    again = receive(world, counted(case))
    assert again.repeated  # type: ignore[attr-defined]
    assert (case.timeline.count(), Kept.objects.count()) == (entries, 1)


@pytest.mark.parametrize(("actual", "condition"), [(1, "good"), (2, "damaged"), (0, "empty_box")])
def test_what_is_not_as_planned_needs_a_photo(world: World, actual: int, condition: str) -> None:
    case = returning(world)
    with pytest.raises(Invalid) as error:
        receive(world, counted(case, actual, condition))
    assert error.value.field == "attachments"
    case.refresh_from_db()
    assert (case.goods, Kept.objects.count()) == ("with_buyer", 0)
    proof = photos.uploaded(world.warehouse, at=NOON)
    receive(world, counted(case, actual, condition), attachments=(proof.pk,))
    asked = case.handoffs.get(kind="receive_return")
    assert (asked.data["condition"], asked.attachments.get()) == (condition, proof)


@pytest.mark.parametrize(
    ("change", "field"),
    [({"weight_grams": None}, "weight"), ({"waybill": "??"}, "waybill"), ({"key": "x"}, "key")],
)
def test_an_incomplete_receipt_names_the_field(world: World, change: dict[str, object], field: str) -> None:
    case = returning(world)
    with pytest.raises(Invalid) as error:
        receive(world, counted(case), **change)  # type: ignore[arg-type]
    assert error.value.field == field


def test_one_parcel_brings_the_goods_of_several_cases(world: World) -> None:
    first, second = returning(world), returning(world)
    receive(world, counted(first), counted(second))
    assert {Case.objects.get(pk=case.pk).goods for case in (first, second)} == {"returned"}
    assert Kept.objects.get().lines[1]["case"] == second.pk


def test_jds_services_are_counted_line_by_line(world: World) -> None:
    lines = [{"sku": "A1", "title": "杯", "quantity": 1}, {"sku": "B2", "title": "盖", "quantity": 3}]
    row = factories.row("9001", source_kind="service", dispute_type="return_refund", has_good_return=True, lines=lines,
                        return_waybill="YT555", return_carrier="YTO", order_status="DELIVERED")  # fmt: skip
    factories.take(world.other_shop, row)
    case = Case.objects.get(refund_id="9001")
    found = receiving.look("YT555", by=world.warehouse, at=LATER)
    assert [(line.line, line.planned) for line in found.lines] == [("A1", 1), ("B2", 3)]
    receive(world, counted(case, 1, line="A1"), counted(case, 3, line="B2"))
    asked = case.handoffs.get(kind="receive_return")
    assert [(row["sku"], row["actual"]) for row in asked.data["counted"]] == [("A1", 1), ("B2", 3)]


def test_what_the_carrier_says_afterwards_does_not_undo_a_receipt(world: World) -> None:
    case = returning(world)
    receive(world, counted(case))
    told(case, event(State.OUT_FOR_DELIVERY, LATER - timedelta(hours=3), waybill="YT555"), waybill="YT555", at=LATER)
    assert case.goods == "returned"
    with pytest.raises(Stale):
        receive(world, counted(case), key="key-00002")


def test_a_parcel_refused_at_the_door_is_received_too(world: World) -> None:
    case = factories.case(world.shop, path=2, quantity=2, outbound=[("圆通速递", "YT555")])
    assert receiving.look("YT555", by=world.warehouse, at=LATER).refused_at_door
    receive(world, counted(case))
    case.refresh_from_db()
    assert (case.goods, case.path) == ("returned", 2)


def test_a_return_of_a_closed_case_is_received_and_its_owner_told(world: World) -> None:
    case = returning(world)
    closed = factories.row(case.refund_id, **factories.ON_PATH[4], order_id=case.order_id, line_id=case.line_id,
                           phase="closed", marketplace_status="CLOSED", modified=LATER)  # fmt: skip
    factories.take(world.shop, closed, at=LATER)
    receive(world, counted(case))
    case.refresh_from_db()
    assert (case.status, case.goods) == ("closed", "returned")
    assert world.support.messages.filter(kind="answered").exists()


@pytest.mark.parametrize("role", ["support", "supervisor", "qc", "logistics"])
def test_others_receive_nothing(world: World, role: str) -> None:
    case = returning(world)
    with pytest.raises(FlowError):
        receive(world, counted(case), by=role)
    case.refresh_from_db()
    assert (case.goods, Kept.objects.count()) == ("with_buyer", 0)


def test_a_parcel_nobody_expects_is_kept_with_its_photos_and_given_to_a_case(world: World) -> None:
    owed = factories.case(world.shop, path=4, phase="wait_buyer_return", marketplace_status="WAIT_BUYER_RETURN_GOODS")
    found = receiving.look("ZT77777777", by=world.warehouse, at=LATER)
    assert ([each.case_id for each in found.suggestions], found.lines) == ([owed.pk], ())
    proof = photos.uploaded(world.warehouse, at=NOON)
    more = {"waybill": "ZT77777777", "attachments": (proof.pk,), "shop_id": world.shop.pk}
    kept = receive(world, **more)  # type: ignore[arg-type]
    (orphan,) = orphans.waiting(by=world.support)
    assert (orphan.pk, orphan.attachments.get()) == (kept.orphan_id, proof)  # type: ignore[attr-defined]
    orphans.assign(orphan.pk, owed.pk, by=world.support, at=LATER)
    proof.refresh_from_db()
    assert (proof.case, orphans.waiting(by=world.support)) == (owed, [])
    assert owed.handoffs.get(kind="receive_return").status == "open"
    with pytest.raises(Stale):
        orphans.dismiss(orphan.pk, "退回寄件人", by=world.support, at=LATER)


def test_an_orphan_that_is_nobodys_goes_with_its_reason(world: World) -> None:
    receive(world, waybill="ZT88888888", shop_id=world.shop.pk)
    (orphan,) = orphans.waiting(by=world.warehouse)
    with pytest.raises(Invalid):
        orphans.dismiss(orphan.pk, " ", by=world.warehouse, at=LATER)
    orphans.dismiss(orphan.pk, "拒收，退回快递", by=world.warehouse, at=LATER)
    orphan.refresh_from_db()
    assert (orphan.state, orphan.settled_as, orphan.settled_by) == ("dismissed", "拒收，退回快递", world.warehouse)
    with pytest.raises(NotAllowed):
        orphans.waiting(by=world.logistics)


def test_photos_that_come_later_join_their_receipt(world: World) -> None:
    case = returning(world)
    receive(world, counted(case))
    late = photos.uploaded(world.warehouse, at=LATER)
    receiving.attach("key-00001", [late.pk], by=world.warehouse, at=LATER)
    assert case.handoffs.get(kind="receive_return").attachments.get() == late
    with pytest.raises(NotYours):
        receiving.attach("key-00001", [late.pk], by=world.qc, at=LATER)


def test_weight_is_shown_against_what_went_out(world: World) -> None:
    case = returning(world, outbound=[("中通快递", "ZTO0009")])
    case.parcels.filter(waybill="ZTO0009").update(grams=500)
    assert receiving.look("YT555", by=world.warehouse, at=LATER).expected_grams == 500
