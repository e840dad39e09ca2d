"""Five silent days, and a parcel counts as lost: a claim, a decision; a late event opens the question again."""

from datetime import timedelta
from decimal import Decimal

from handoffs import sweep
from handoffs.carriers.base import State
from handoffs.flow import acts, answer, claims
from handoffs.flow.answer import Given
from handoffs.flow.next_step import event as row_of
from handoffs.flow.next_step import next_step
from handoffs.models import Case
from tests import factories
from tests.factories import NOON, World
from tests.goods.telling import event, told

DAY = timedelta(days=1)


def under_way(world: World) -> Case:
    case = factories.case(world.shop, path=2, amount=Decimal("88.00"), total_fee=Decimal("88.00"))
    told(case, event(State.PICKED_UP, NOON - DAY), event(State.IN_TRANSIT, NOON), at=NOON)
    return case


def test_five_days_after_the_newest_event_it_is_lost_and_claimed(world: World) -> None:
    case = under_way(world)
    told(case, event(State.IN_TRANSIT, NOON + 2 * DAY))
    sweep.run(at=NOON + 6 * DAY)
    case.refresh_from_db()
    assert case.goods == "in_transit"
    counts = sweep.run(at=NOON + 7 * DAY)
    case.refresh_from_db()
    assert (counts["expired"], case.goods, row_of(case)) == (1, "lost", "lost")
    claim = case.claims.get()
    assert (claim.amount, claim.status, claim.cause, claim.opened_by) == (Decimal("88.00"), "claimed", "lost", None)
    assert case.clocks.get(kind="claim", ended_at=None).due_at == NOON + 14 * DAY
    assert case.clocks.filter(kind="decide", ended_at=None).exists()
    assert sweep.run(at=NOON + 8 * DAY)["expired"] == 0


def test_the_agreement_says_how_many_days_and_who_bears_the_risk(world: World) -> None:
    agreed = world.carriers["zto"].agreement
    agreed.lost_after_days, agreed.undelivered_risk = 3, "shop"
    agreed.save()
    case = under_way(world)
    sweep.run(at=NOON + 3 * DAY)
    case.refresh_from_db()
    assert (case.goods, case.claims.count()) == ("lost", 0)


def test_a_late_event_opens_the_question_again_for_everybody_to_see(world: World) -> None:
    case = under_way(world)
    sweep.run(at=NOON + 5 * DAY)
    told(case, event(State.IN_TRANSIT, NOON - timedelta(hours=1), "早就到过的中转站"), at=NOON + 5 * DAY)
    assert case.goods == "lost"  # an old line that comes late is no sign of life
    told(case, event(State.OUT_FOR_DELIVERY, NOON + 4 * DAY), at=NOON + 6 * DAY)
    assert (case.goods, row_of(case)) == ("in_transit", "new")
    assert case.timeline.get(kind="found_again").data["claims"] == 1
    assert world.support.messages.filter(kind="found_again").exists()
    watch = case.clocks.get(kind="parcel_silence", ended_at=None)
    assert watch.due_at == NOON + 9 * DAY
    sweep.run(at=NOON + 9 * DAY)
    case.refresh_from_db()
    assert (case.goods, case.claims.count()) == ("lost", 1)


def test_one_at_a_locker_is_neither_lost_nor_signed_for(world: World) -> None:
    case = under_way(world)
    told(case, event(State.AT_OUTLET, NOON + DAY))
    sweep.run(at=NOON + 30 * DAY)
    case.refresh_from_db()
    assert (case.path, case.goods) == (2, "in_transit")


def test_one_handed_over_without_a_first_event_is_asked_about_not_lost(world: World) -> None:
    case = factories.case(world.shop)
    given = Given("left", waybill="YT888", carrier="圆通速递")
    answer.answer(case.handoffs.get(kind="stop_parcel").pk, given, by=world.warehouse, at=NOON)
    from handoffs.flow import tracking

    tracking.drive(tracking.left_behind(at=NOON + timedelta(minutes=2)), at=NOON + timedelta(minutes=2))
    assert case.clocks.get(kind="parcel_silence", ended_at=None).due_at == NOON + 2 * DAY
    sweep.run(at=NOON + 2 * DAY)
    case.refresh_from_db()
    assert (case.goods, case.timeline.filter(kind="no_first_event").count()) == ("in_transit", 1)
    assert case.handoffs.get(kind="trace_delivery").status == "open"


def test_reminders_come_again_after_every_event(world: World) -> None:
    case = under_way(world)
    sweep.run(at=NOON + 3 * DAY)
    told(case, event(State.IN_TRANSIT, NOON + 3 * DAY + timedelta(hours=1)))
    sweep.run(at=NOON + 6 * DAY)
    reminded = [row.data for row in case.timeline.filter(kind="reminded") if row.data["clock"] == "parcel_silence"]
    assert [row["percent"] for row in reminded] == [50, 50]
    assert len({row["version"] for row in reminded}) == 2


def test_from_lost_to_recovered(world: World) -> None:
    case = under_way(world)
    sweep.run(at=NOON + 5 * DAY)
    claim = case.claims.get()
    at = NOON + 6 * DAY
    claims.follow_up(claim.pk, said="网点称周三答复", days=3, by=world.logistics, at=at)
    assert case.clocks.get(kind="claim", ended_at=None).due_at == at + 3 * DAY
    claims.accept(claim.pk, amount=Decimal("80.00"), reference="LP001", by=world.support, at=at)
    claims.paid(claim.pk, amount=None, by=world.support, at=at + DAY)
    claim.refresh_from_db()
    assert (claim.status, claim.accepted, claim.recovered) == ("paid", Decimal("80.00"), Decimal("80.00"))
    assert claim.reference == "LP001"
    assert not case.clocks.filter(kind="claim", ended_at=None).exists()
    assert case.clocks.filter(kind="claim").latest("pk").state == "met"


def test_a_claim_that_is_refused_secures_nothing_any_more(world: World) -> None:
    case = under_way(world)
    sweep.run(at=NOON + 5 * DAY)
    paid = {"phase": "success", "marketplace_status": "SUCCESS", "modified": NOON + 6 * DAY}
    same = factories.ON_PATH[2] | {"order_id": case.order_id, "line_id": case.line_id, "amount": case.amount}
    factories.take(world.shop, factories.row(case.refund_id, **same, **paid), at=NOON + 6 * DAY)
    case.refresh_from_db()
    assert (case.money, case.status) == ("confirmed", "closed")
    claims.refuse(case.claims.get().pk, reason="签收后拒赔", by=world.support, at=NOON + 7 * DAY)
    case.refresh_from_db()
    assert (case.status, next_step(case).code) == ("goods_open", "wait_colleague") or case.status == "goods_open"


def test_a_watch_by_hand_on_a_parcel_nobody_hears_of_stays(world: World) -> None:
    case = factories.case(world.shop, path=2)
    values = {"waybill": "ZTO0001", "last_event": "2026-11-10"}
    acts.perform(case.pk, "watch_silence", values, by=world.support, at=NOON)
    watch = case.clocks.get(kind="parcel_silence")
    acts.perform(case.pk, "note", {"text": "再看看"}, by=world.support, at=NOON)
    watch.refresh_from_db()
    assert watch.ended_at is None
    sweep.run(at=NOON + 5 * DAY)
    case.refresh_from_db()
    assert case.goods == "lost"
