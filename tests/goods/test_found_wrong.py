"""What could go wrong with goods: claims again, numbers that go on, orders told together, empty boxes, lines missed."""

from datetime import timedelta
from decimal import Decimal

import pytest

from handoffs import sweep
from handoffs.carriers.base import Event, State, Track
from handoffs.flow import acts, answer, claims, exposure, handoff, receiving, stopping, tracking
from handoffs.flow.errors import Invalid
from handoffs.models import Case, CaseLine, Handoff, Parcel
from tests import factories, photos
from tests.factories import NOON, World
from tests.goods.telling import event, told

DAY, HOUR = timedelta(days=1), timedelta(hours=1)


def goes_on(world: World, old: str, new: str, at: int) -> None:
    line = Event(NOON + at * HOUR, State.RETURNING, "648", f"快件已退回，新单号为{new}", "", old, new)
    track = Track("顺丰速运", old, State.UNKNOWN, "", (line,))
    tracking.one(track, tracking.Origin("api", world.shop), at=NOON + at * HOUR)


def scan(
    world: World, *lines: receiving.Counted, key: str = "key-00001", waybill: str = "YT555001", **more: object
) -> None:
    given = receiving.Receipt(key, waybill, weight_grams=300, lines=lines, **more)  # type: ignore[arg-type]
    receiving.receive(given, by=world.warehouse, at=NOON + 3 * HOUR)


def test_what_is_lost_again_after_a_withdrawn_claim_is_claimed_again(world: World) -> None:
    case = factories.case(world.shop, path=2)
    told(case, event(State.IN_TRANSIT, NOON))
    sweep.run(at=NOON + 5 * DAY + HOUR)
    claims.withdraw(case.claims.get().pk, reason="包裹又找到了", by=world.support, at=NOON + 6 * DAY)
    told(case, event(State.IN_TRANSIT, NOON + 6 * DAY))
    sweep.run(at=NOON + 12 * DAY)
    assert sorted(case.claims.values_list("status", flat=True)) == ["claimed", "withdrawn"]


@pytest.mark.parametrize("amount", ["NaN", "sNaN", "Infinity", "1e40", "9" * 40])
def test_an_amount_that_is_none_is_declined(world: World, amount: str) -> None:
    case = factories.case(world.shop, path=2)
    with pytest.raises(Invalid):
        claims.open_claim(case, case.parcels.get(), Decimal(amount), "lost", by=world.support, at=NOON)
    asked = handoff.ask(case.pk, handoff.Question("recall_parcel"), by=world.support, at=NOON)
    with pytest.raises(Invalid):
        stopping.record_fee(asked.pk, fee=Decimal(amount), payer="shop", by=world.support, at=NOON)


def test_no_more_comes_back_than_was_claimed(world: World) -> None:
    case = factories.case(world.shop, path=2)
    made = claims.open_claim(case, case.parcels.get(), Decimal(50), "lost", by=world.support, at=NOON)
    with pytest.raises(Invalid):
        claims.paid(made.pk, amount=Decimal(500), by=world.support, at=NOON)


def test_a_chain_of_numbers_told_out_of_order_keeps_the_case(world: World) -> None:
    case = factories.case(world.shop, path=2, outbound=[("顺丰速运", "SF1000000001")])
    goes_on(world, "SF1000000002", "SF1000000003", 2)
    goes_on(world, "SF1000000001", "SF1000000002", 1)
    done = event(State.RETURNED_SIGNED, NOON + 3 * HOUR, waybill="SF1000000003")
    track = Track("顺丰速运", "SF1000000003", State.UNKNOWN, "", (done,))
    tracking.one(track, tracking.Origin("api", world.shop), at=NOON + 3 * HOUR)
    case.refresh_from_db()
    assert (case.goods, case.parcels.count()) == ("returned", 3)


def test_a_case_that_comes_later_follows_the_new_number(world: World) -> None:
    factories.case(world.shop, path=2, outbound=[("顺丰速运", "SF1000000001")])
    goes_on(world, "SF1000000001", "SF1000000002", 1)
    later = factories.case(world.shop, path=2, outbound=[("顺丰速运", "SF1000000001")], at=NOON + 2 * HOUR)
    assert set(later.parcels.values_list("waybill", flat=True)) == {"SF1000000001", "SF1000000002"}


def test_two_orders_told_of_with_one_new_parcel_both_follow(world: World) -> None:
    cases = [factories.case(world.shop, path=2, outbound=[], order_id=f"27009{n}") for n in (1, 2)]
    track = tracking.single("ZTO7700", event(State.SIGNED, NOON, waybill="ZTO7700"))
    heard = [tracking.Heard(n, track, "", case.order_id) for n, case in enumerate(cases)]
    list(tracking.take(heard, tracking.Origin("file", world.shop), at=NOON))
    assert {Case.objects.get(pk=case.pk).goods for case in cases} == {"with_buyer"}


def test_an_order_told_later_still_links_the_parcel(world: World) -> None:
    case = factories.case(world.shop, path=2, outbound=[], order_id="270091")
    origin = tracking.Origin("file", world.shop)
    first = tracking.single("ZTO7700", event(State.IN_TRANSIT, NOON, waybill="ZTO7700"))
    tracking.one(first, origin, at=NOON)
    tracking.one(first, origin, at=NOON, order_id="270091")
    assert case.parcels.get().waybill == "ZTO7700"


def test_the_parcel_is_back_whatever_old_event_still_comes(world: World) -> None:
    case = factories.case(world.shop, path=2)
    told(case, event(State.RETURNING, NOON))
    acts.perform(case.pk, "came_back", {}, by=world.support, at=NOON + HOUR)
    told(case, event(State.IN_TRANSIT, NOON + timedelta(minutes=5)), at=NOON + 2 * HOUR)
    assert case.goods == "returned"


def test_an_empty_box_brings_nothing_back(world: World) -> None:
    case = factories.case(world.shop, path=4, return_waybill="YT555001", return_carrier="圆通速递", quantity=1)
    proof = photos.uploaded(world.warehouse, at=NOON)
    scan(world, receiving.Counted(case.pk, "", 0, "empty_box"), attachments=(proof.pk,))
    case.refresh_from_db()
    assert (case.goods, case.handoffs.get(kind="receive_return").status) == ("with_buyer", "answered")


def test_every_line_is_counted_once(world: World) -> None:
    case = factories.case(world.shop, path=4, return_waybill="YT555001", return_carrier="圆通速递")
    CaseLine.objects.bulk_create(CaseLine(case=case, sku=sku, title=sku, quantity=1) for sku in ("A1", "B2"))
    one = receiving.Counted(case.pk, "A1", 1, "good")
    for wrong in ((one,), (one, one), (one, one, receiving.Counted(case.pk, "B2", 1, "good"))):
        with pytest.raises(Invalid):
            scan(world, *wrong)
    scan(world, one, receiving.Counted(case.pk, "B2", 1, "good"))


def test_photos_of_a_shared_parcel_prove_each_case(world: World) -> None:
    cases = [factories.case(world.shop, path=4, return_waybill="YT555001", return_carrier="圆通速递", quantity=1)
             for _number in range(2)]  # fmt: skip
    proof = photos.uploaded(world.warehouse, at=NOON)
    scan(world, *(receiving.Counted(case.pk, "", 1, "damaged") for case in cases), attachments=(proof.pk,))
    assert [case.handoffs.get(kind="receive_return").attachments.count() for case in cases] == [1, 1]


def test_refunded_as_lost_and_delivered_after_all_is_exposed(world: World) -> None:
    row = factories.row("77009", **factories.ON_PATH[2])
    factories.take(world.shop, row)
    case = Case.objects.get()
    told(case, event(State.IN_TRANSIT, NOON))
    sweep.run(at=NOON + 5 * DAY + HOUR)
    paid = {**row.fields, "marketplace_status": "SUCCESS", "phase": "success"}
    at = NOON + 6 * DAY
    factories.take(world.shop, type(row)(row.number, row.source_kind, row.refund_id, paid, row.raw, at), at=at)
    assert not exposure.exposed({world.shop.pk}).exists()
    told(case, event(State.SIGNED, at + HOUR))
    assert exposure.exposed({world.shop.pk}).get() == case


def test_the_refund_on_signature_does_not_wait_for_a_question_asked_by_hand(world: World) -> None:
    world.shop.return_policy = "on_signature"
    world.shop.save()
    case = factories.case(world.shop, path=4, return_waybill="YT555001", return_carrier="圆通速递")
    handoff.ask(case.pk, handoff.Question("receive_return"), by=world.support, at=NOON)
    told(case, event(State.SIGNED, NOON, waybill="YT555001"), waybill="YT555001", leg=Parcel.Leg.RETURN)
    assert case.clocks.filter(kind="carry_out", ended_at=None).count() == 1


def test_goods_sent_again_in_an_exchange_are_watched(world: World) -> None:
    case = factories.case(world.shop, path=None)
    Case.objects.filter(pk=case.pk).update(exchange_way="confirm_receipt", exchange_state="confirmed")
    acts.perform(case.pk, "reshipped", {"waybill": "ZTO9911", "carrier": "中通快递"}, by=world.support, at=NOON)
    case.refresh_from_db()
    told(case, event(State.IN_TRANSIT, NOON + HOUR, waybill="ZTO9911"), waybill="ZTO9911")
    assert case.clocks.filter(kind="parcel_silence", ended_at=None).exists()


def test_who_only_looks_is_offered_no_cases(world: World) -> None:
    case = factories.case(world.shop, path=4, marketplace_status="WAIT_BUYER_RETURN_GOODS", phase="wait_buyer_return")
    assert receiving.look(case.order_id, by=world.warehouse, at=NOON).suggestions
    assert receiving.look(case.order_id, by=world.qc, at=NOON).suggestions == ()


def test_an_inspection_gives_every_line_its_outcome(world: World) -> None:
    case = factories.case(world.shop, path=4)
    CaseLine.objects.bulk_create(CaseLine(case=case, sku=sku, title=sku, quantity=1) for sku in ("A1", "B2"))
    handoff.ask(case.pk, handoff.Question("inspect_return"), by=world.manager, at=NOON)
    asked = Handoff.objects.get(kind="inspect_return")
    some = answer.Given("outcome", data={"lines": [{"line": "A1", "outcome": "good"}]})
    with pytest.raises(Invalid):
        answer.answer(asked.pk, some, by=world.qc, at=NOON)
