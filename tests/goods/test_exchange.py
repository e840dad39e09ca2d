"""Exchanges: each of the three ways asked for, confirmed by the next import, followed up until the goods are sent."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from handoffs.flow import acts
from handoffs.flow.errors import Invalid, Stale
from handoffs.flow.next_step import next_step
from handoffs.models import Case
from tests import factories
from tests.factories import NOON, World

MINUTE = timedelta(minutes=1)


class Deal:
    """A buyer who wants another size, and the marketplace's word of what they do."""

    def __init__(self, world: World, way: str, path: int = 4) -> None:
        self.world = world
        self.row = factories.row(**factories.ON_PATH[path])
        factories.take(world.shop, self.row)
        self.case = Case.objects.get()
        values = {"way": way, "message": "您好，换货请按以下方式操作，我们马上安排"}
        acts.perform(self.case.pk, "ask_exchange", values, by=world.support, at=NOON)

    def told(self, *, minutes: int = 10, **fields: Any) -> Case:
        at, row = NOON + minutes * MINUTE, self.row
        news = type(row)(row.number, row.source_kind, row.refund_id, {**row.fields, **fields}, row.raw, at)
        factories.take(self.world.shop, news, at=at)
        self.case.refresh_from_db()
        return self.case

    def send(self, minutes: int = 20) -> None:
        values = {"waybill": "YT880001", "carrier": "圆通速递"}
        acts.perform(self.case.pk, "reshipped", values, by=self.world.support, at=NOON + minutes * MINUTE)
        self.case.refresh_from_db()


def running(case: Case, kind: str) -> bool:
    return case.clocks.filter(kind=kind, ended_at=None).exists()


def test_asking_starts_the_buyer_s_clock_and_remembers_the_way(world: World) -> None:
    deal = Deal(world, "amount_to_zero")
    deal.case.refresh_from_db()
    assert (deal.case.exchange_way, deal.case.exchange_state) == ("amount_to_zero", "asked")
    assert running(deal.case, "buyer_edit")


def test_return_and_buy_again_chases_the_return_number(world: World) -> None:
    case = Deal(world, "return_and_buy_again", path=3).told(dispute_type="return_refund", has_good_return=True)
    assert (case.exchange_state, case.path) == ("confirmed", 4)
    assert (running(case, "buyer_edit"), running(case, "return_number")) == (False, True)
    assert case.timeline.filter(kind="exchange_confirmed").exists()


def test_by_amount_to_zero_the_new_goods_leave_when_the_old_are_back(world: World) -> None:
    deal = Deal(world, "amount_to_zero")
    case = deal.told(amount=Decimal("0.00"))
    assert (case.exchange_state, running(case, "return_number")) == ("confirmed", True)
    with pytest.raises(Stale):
        deal.send()  # the old ones are not back
    acts.perform(case.pk, "came_back", {}, by=world.support, at=NOON + 15 * MINUTE)
    case = Case.objects.get()
    assert next_step(case).code == "reshipped"
    deal.send()
    assert (deal.case.exchange_state, deal.case.parcels.get(leg="outbound").again) == ("done", True)


def test_by_confirm_receipt_the_new_goods_leave_at_once_though_the_case_is_closed(world: World) -> None:
    deal = Deal(world, "confirm_receipt", path=3)
    case = deal.told(order_status="TRADE_FINISHED", phase="closed", marketplace_status="CLOSED")
    assert (case.exchange_state, case.status, next_step(case).code) == ("confirmed", "to_decide", "reshipped")
    assert running(case, "carry_out")
    deal.send()
    assert (deal.case.exchange_state, deal.case.status, running(deal.case, "carry_out")) == ("done", "closed", False)
    assert deal.case.parcels.get(waybill="YT880001").again


def test_what_the_buyer_does_instead_confirms_nothing(world: World) -> None:
    case = Deal(world, "amount_to_zero").told(amount=Decimal("10.00"))
    assert case.exchange_state == "asked"


def test_a_way_that_is_none_is_declined(world: World) -> None:
    case = factories.case(world.shop, path=4)
    with pytest.raises(Invalid):
        acts.perform(
            case.pk, "ask_exchange", {"way": "barter", "message": "您好，请选择方式"}, by=world.support, at=NOON
        )
    assert Case.objects.get().exchange_way == ""


def test_asked_again_another_way_counts(world: World) -> None:
    deal = Deal(world, "amount_to_zero")
    again = {"way": "confirm_receipt", "message": "您好，也可以先确认收货，我们马上补发"}
    acts.perform(deal.case.pk, "ask_exchange", again, by=world.support, at=NOON + MINUTE)
    assert deal.told(amount=Decimal("0.00")).exchange_state == "asked"
    assert deal.told(minutes=11, amount=Decimal("0.00"), order_status="TRADE_FINISHED").exchange_state == "confirmed"
