"""A batch at the marketplace, and every way it can go wrong: nothing is paid twice, nothing is lost."""

from collections import Counter
from decimal import Decimal
from typing import Any

import pytest

from handoffs import payments, reconcile
from handoffs.flow import batch, decision, unsettled
from handoffs.flow.errors import NotAllowed, Stale
from handoffs.marketplaces.base import Later, State
from handoffs.models import BatchRow, Case, OrderLine, RefundBatch, RefundOrder
from tests.factories import NOON, World
from tests.money.conftest import Hands, stopped
from tests.money.market import Market

AT_LEISURE = 60.0  # seconds: a busy machine must not end a pass before its rows


def running(world: World, market: Market, count: int = 3, **fields: Any) -> RefundBatch:
    cases = [stopped(world, **fields) for _ in range(count)]
    for case in cases:
        market.hold(case)
    made = batch.plan([case.pk for case in cases], by=world.support, at=NOON)
    return batch.confirm(made.pk, typed=made.total, reason="批量退款", by=world.support, at=NOON)


def states(made: RefundBatch) -> Counter[str]:
    return Counter(made.rows.values_list("state", flat=True))


def ledgers_agree(market: Market) -> None:
    """What left the marketplace's till is what the desk holds as confirmed, each refund once."""
    assert max(Counter(refund_id for refund_id, _amount in market.left).values(), default=1) == 1
    paid = RefundOrder.objects.filter(status="confirmed").values_list("case__refund_id", "amount")
    assert sorted(paid) == sorted(market.left)


def test_each_refund_is_paid_once_and_confirmed_by_reading_back(world: World, market: Market, hands: Hands) -> None:
    made = running(world, market)
    payments.run(made.pk, now=hands)
    made.refresh_from_db()
    assert (made.status, states(made)) == ("done", Counter(paid=3))
    assert market.calls == 1
    ledgers_agree(market)
    case = Case.objects.first()
    assert case is not None
    assert (case.phase, case.money, case.status) == ("success", "confirmed", "closed")
    assert set(case.decisions.values_list("status", flat=True)) == {"carried_out"}
    kinds = list(case.timeline.order_by("pk").values_list("kind", flat=True))
    assert [kind for kind in kinds if kind in ("proposed", "approved", "ordered", "acknowledged", "confirmed")] == [
        "proposed", "approved", "ordered", "acknowledged", "confirmed",
    ]  # fmt: skip


def test_the_order_is_committed_before_the_call(world: World, market: Market, hands: Hands) -> None:
    seen: list[list[str]] = []
    market.before_paying = lambda _payments: seen.append(list(RefundOrder.objects.values_list("status", flat=True)))
    payments.run(running(world, market, 2).pk, now=hands)
    assert seen == [["ordered", "ordered"]]


def test_a_second_run_of_the_same_batch_pays_nothing(world: World, market: Market, hands: Hands) -> None:
    made = running(world, market)
    payments.run(made.pk, now=hands)
    payments.run(made.pk, now=hands)
    assert market.calls == 1
    ledgers_agree(market)


def test_more_than_one_call_carries_go_in_several(world: World, market: Market, hands: Hands) -> None:
    made = running(world, market, 7)
    payments.run(made.pk, now=hands, seconds=AT_LEISURE)
    assert market.calls == 2
    assert states(made) == Counter(paid=7)
    ledgers_agree(market)


@pytest.mark.parametrize("fault", ["cut_before", "cut_after"])
def test_a_cut_connection_leaves_unknown_and_reading_back_settles_it(
    world: World, market: Market, hands: Hands, fault: str
) -> None:
    market.faults = [fault]
    made = running(world, market)
    payments.run(made.pk, now=hands)
    assert states(made) == Counter(unknown=3)
    assert unsettled.unknown(world.support).count() == 3
    payments.run(made.pk, now=hands)
    assert market.calls == 1  # never again by itself
    hands.on(minutes=11)
    reconcile.read_due(at=hands.at)
    left = unsettled.unknown(world.support).count()
    assert left == 0
    assert states(made) == (Counter(paid=3) if fault == "cut_after" else Counter(failed=3))
    ledgers_agree(market)
    if fault == "cut_before":
        again = batch.what_is_left(made.pk, by=world.support, at=hands.at)
        batch.confirm(again.pk, typed=again.total, reason="再次批量退款", by=world.support, at=hands.at)
        payments.run(again.pk, now=hands)
        assert states(again) == Counter(paid=3)
        ledgers_agree(market)


def test_read_back_too_early_settles_nothing(world: World, market: Market, hands: Hands) -> None:
    market.faults = ["cut_before"]
    made = running(world, market, 1)
    payments.run(made.pk, now=hands)
    hands.on(minutes=2)
    reconcile.read_due(at=hands.at)
    order = RefundOrder.objects.get()
    assert (order.status, len(order.evidence)) == ("unknown", 1)
    assert order.evidence[0]["status"] == "WAIT_SELLER_AGREE"


class Died(BaseException):
    """The worker is gone."""


def test_a_worker_that_dies_after_the_effect_leaves_no_doubt_unlisted(
    world: World, market: Market, hands: Hands
) -> None:
    made = running(world, market, 7)

    def die(_payments: Any) -> None:
        raise Died

    market.after_paying = die
    with pytest.raises(Died):
        payments.run(made.pk, now=hands)
    market.after_paying = None
    assert payments.waiting(hands.at) == []  # its lease still runs
    hands.on(minutes=3)
    assert payments.waiting(hands.at) == [made.pk]
    payments.run(made.pk, now=hands)
    assert states(made) == Counter(unknown=5, paid=2)
    hands.on(minutes=1)
    reconcile.read_due(at=hands.at)
    assert states(made) == Counter(paid=7)
    ledgers_agree(market)


def test_a_worker_that_dies_before_the_call_pays_nothing_twice(world: World, market: Market, hands: Hands) -> None:
    made = running(world, market, 2)

    def die(_payments: Any) -> None:
        raise Died

    market.before_paying = die
    with pytest.raises(Died):
        payments.run(made.pk, now=hands)
    market.before_paying = None
    hands.on(minutes=12)
    payments.run(made.pk, now=hands)
    reconcile.read_due(at=hands.at)
    assert states(made) == Counter(failed=2)
    assert market.left == []
    assert OrderLine.objects.filter(refunded__gt=0).count() == 0


def test_a_gateway_down_for_an_hour_loses_nothing(world: World, market: Market, hands: Hands) -> None:
    made = running(world, market)
    market.down = True
    for _minute in range(60):
        payments.run(made.pk, now=hands)
        hands.on(minutes=1)
    made.refresh_from_db()
    assert (made.status, made.error) == ("running", "cannot be reached")
    assert states(made) == Counter(waiting=3)
    market.down = False
    hands.on(minutes=2)
    payments.run(made.pk, now=hands)
    made.refresh_from_db()
    assert (made.status, made.error, states(made)) == ("done", "", Counter(paid=3))
    ledgers_agree(market)


def test_turned_away_for_now_goes_on_later(world: World, market: Market, hands: Hands) -> None:
    market.faults = ["later"]
    made = running(world, market)
    payments.run(made.pk, now=hands)
    assert states(made) == Counter(waiting=3)
    hands.on(minutes=2)
    payments.run(made.pk, now=hands)
    assert states(made) == Counter(paid=3)
    assert set(RefundOrder.objects.values_list("attempts", flat=True)) == {2}
    ledgers_agree(market)


def test_a_read_that_fails_in_the_middle_leaves_no_row_recorded_and_unsent(
    world: World, market: Market, hands: Hands, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = running(world, market)
    real, reads = market.read, []

    def third_fails(refund_id: str) -> State:
        reads.append(refund_id)
        if len(reads) == 3:
            raise Later("busy", wait=30)
        return real(refund_id)

    monkeypatch.setattr(market, "read", third_fails)
    payments.run(made.pk, now=hands)
    assert states(made) == Counter(waiting=3)
    hands.on(minutes=1)
    payments.run(made.pk, now=hands)
    assert states(made) == Counter(paid=3)
    ledgers_agree(market)


def test_the_version_changed_under_us_is_not_paid_at_the_old_amount(world: World, market: Market, hands: Hands) -> None:
    made = running(world, market)
    first = made.rows.order_by("pk").select_related("case")[0]
    market.change(first.case.refund_id, amount=Decimal(40))
    payments.run(made.pk, now=hands)
    assert states(made) == Counter(paid=2, failed=1)
    first.refresh_from_db()
    assert first.why == "amount_changed"
    ledgers_agree(market)


def test_the_version_changed_between_reading_and_calling_is_refused_and_may_be_planned_again(
    world: World, market: Market, hands: Hands
) -> None:
    made = running(world, market, 2)
    first = made.rows.order_by("pk").select_related("case")[0]
    market.before_paying = lambda _payments: market.change(first.case.refund_id)
    payments.run(made.pk, now=hands)
    market.before_paying = None
    assert states(made) == Counter(paid=1, failed=1)
    again = batch.what_is_left(made.pk, by=world.support, at=hands.at)
    batch.confirm(again.pk, typed=again.total, reason="再次批量退款", by=world.support, at=hands.at)
    payments.run(again.pk, now=hands)
    assert states(again) == Counter(paid=1)
    ledgers_agree(market)


def test_paid_by_the_marketplace_itself_is_not_paid_again_and_the_parcel_is_still_stopped(
    world: World, market: Market, hands: Hands
) -> None:
    made = running(world, market, 1)
    row = made.rows.select_related("case").get()
    market.change(row.case.refund_id, status="SUCCESS")
    payments.run(made.pk, now=hands)
    assert states(made) == Counter(failed=1)
    assert market.left == []
    assert row.case.timeline.filter(kind="paid_elsewhere").exists()


def test_rows_that_need_a_code_wait_for_it(world: World, market: Market, hands: Hands) -> None:
    market.faults = ["code", "code"]
    made = running(world, market)
    payments.run(made.pk, now=hands)
    assert states(made) == Counter(needs_code=3)
    batch.resume(made.pk, by=world.support, sms_code="123456")
    payments.run(made.pk, now=hands)
    made.refresh_from_db()
    assert (states(made), made.sms_code) == (Counter(paid=3), "")
    ledgers_agree(market)


def test_a_pause_stops_after_the_call_under_way(world: World, market: Market, hands: Hands) -> None:
    made = running(world, market, 7)
    market.after_paying = lambda _payments: batch.pause(made.pk, by=world.support)
    payments.run(made.pk, now=hands)
    market.after_paying = None
    assert states(made) == Counter(paid=5, waiting=2)
    batch.resume(made.pk, by=world.support)
    payments.run(made.pk, now=hands)
    assert states(made) == Counter(paid=7)
    ledgers_agree(market)


def test_a_long_batch_lets_other_work_in_between(world: World, market: Market, hands: Hands) -> None:
    made = running(world, market, 7)
    assert payments.run(made.pk, now=hands, seconds=-1)
    assert payments.waiting(hands.at) == [made.pk]
    assert payments.run(made.pk, now=hands, seconds=AT_LEISURE) is False
    assert states(made) == Counter(paid=7)


def test_a_cancelled_rest_is_not_paid(world: World, market: Market, hands: Hands) -> None:
    made = running(world, market, 2)
    batch.pause(made.pk, by=world.support)
    batch.cancel(made.pk, by=world.support, at=NOON)
    payments.run(made.pk, now=hands)
    assert (states(made), market.calls) == (Counter(waiting=2), 0)


def test_a_refund_in_two_batches_is_paid_once(world: World, market: Market, hands: Hands) -> None:
    made = running(world, market, 2)
    other = batch.plan(list(made.rows.values_list("case_id", flat=True)), by=world.supervisor, at=NOON)
    batch.confirm(other.pk, typed=other.total, reason="批量退款", by=world.supervisor, at=NOON)
    payments.run(made.pk, now=hands)
    payments.run(other.pk, now=hands)
    assert states(other) == Counter(failed=2)
    assert set(other.rows.values_list("why", flat=True)) == {"already_paid"}
    ledgers_agree(market)


def test_a_decision_whose_money_may_be_moving_cannot_be_taken_back(world: World, market: Market, hands: Hands) -> None:
    market.faults = ["cut_after"]
    made = running(world, market, 1)
    payments.run(made.pk, now=hands)
    row = made.rows.select_related("decision").get()
    assert row.decision is not None
    with pytest.raises(Stale):
        decision.withdraw(row.decision.pk, by=world.support, at=hands.at)


def test_without_a_connection_the_rows_are_left_to_staff_and_recorded(world: World, hands: Hands) -> None:
    cases = [stopped(world) for _ in range(2)]
    made = batch.plan([case.pk for case in cases], by=world.support, at=NOON)
    batch.confirm(made.pk, typed=made.total, reason="批量退款", by=world.support, at=NOON)
    payments.run(made.pk, now=hands)
    assert states(made) == Counter(by_hand=2)
    assert not RefundOrder.objects.exists()
    assert batch.record_by_hand(made.pk, reference="后台批次7", by=world.support, at=NOON) == {}
    assert states(made) == Counter(accepted=2)
    assert set(RefundOrder.objects.values_list("status", "via", "reference")) == {("acknowledged", "hand", "后台批次7")}


# Settled by two people ------------------------------------------------------------------------------------------------


def doubtful(world: World, market: Market, hands: Hands) -> RefundOrder:
    market.faults = ["cut_after"]
    payments.run(running(world, market, 1).pk, now=hands)
    return RefundOrder.objects.get()


@pytest.mark.parametrize(("paid", "state"), [(True, "confirmed"), (False, "failed")])
def test_two_people_settle_what_is_unknown(world: World, market: Market, hands: Hands, paid: Any, state: str) -> None:
    order = doubtful(world, market, hands)
    unsettled.settle(order.pk, paid=paid, reason="后台已查看", by=world.support, at=hands.at)
    order.refresh_from_db()
    assert (order.status, order.settle_by) == ("unknown", world.support)
    with pytest.raises(NotAllowed):
        unsettled.settle(order.pk, paid=paid, reason="后台已查看", by=world.support, at=hands.at)
    unsettled.settle(order.pk, paid=paid, reason="我也查看了", by=world.supervisor, at=hands.at)
    order.refresh_from_db()
    assert order.status == state
    assert BatchRow.objects.get().state == ("paid" if paid else "failed")
    with pytest.raises(Stale):
        unsettled.settle(order.pk, paid=paid, reason="再次确认", by=world.manager, at=hands.at)


def test_a_second_person_who_says_otherwise_starts_anew(world: World, market: Market, hands: Hands) -> None:
    order = doubtful(world, market, hands)
    unsettled.settle(order.pk, paid=True, reason="后台已查看", by=world.support, at=hands.at)
    unsettled.settle(order.pk, paid=False, reason="没有看到付款", by=world.supervisor, at=hands.at)
    order.refresh_from_db()
    assert (order.status, order.settle_as, order.settle_by) == ("unknown", "failed", world.supervisor)


def test_support_alone_cannot_be_both(world: World, market: Market, hands: Hands) -> None:
    from tests import factories

    order = doubtful(world, market, hands)
    colleague = factories.person("support", world.shop)
    unsettled.settle(order.pk, paid=True, reason="后台已查看", by=world.support, at=hands.at)
    with pytest.raises(NotAllowed):
        unsettled.settle(order.pk, paid=True, reason="我也查看了", by=colleague, at=hands.at)
