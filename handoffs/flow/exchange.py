"""An exchange inside a refund: the buyer is asked for one of three ways, the next import confirms it, goods follow.

Source: domain.md section 2, path 4. By “return and buy again” the return is chased; by “amount to 0” the goods come
back and new ones are sent; by “confirm receipt” new ones are sent at once.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from accounts.models.people import Role
from handoffs.flow import clock
from handoffs.flow.moves import note
from handoffs.models import Case
from handoffs.models.clock import ClockKind

Way, State = Case.ExchangeWay, Case.ExchangeState
FINISHED = frozenset({"TRADE_FINISHED", "TRADE_BUYER_SIGNED", "DELIVERED"})
RETURNED = frozenset({Case.Phase.WAIT_BUYER_RETURN, Case.Phase.WAIT_SELLER_CONFIRM})


def ask(case: Case, way: str, *, at: datetime) -> None:
    """The buyer was asked; they owe the edit, and the next import shows what they did."""
    _write(case, way, State.ASKED)
    clock.start(case, clock.Start(ClockKind.BUYER_EDIT, Role.SUPPORT, at), at=at)


def follow(case: Case, before: Mapping[str, Any], *, at: datetime) -> None:
    """See whether what the marketplace told just now is what the buyer was asked for; then its follow-up begins."""
    if case.exchange_state != State.ASKED or not _happened(case, before):
        return
    _write(case, case.exchange_way, State.CONFIRMED)
    note(case, "exchange_confirmed", at=at, by=None, way=case.exchange_way)
    clock.end_all(case, ClockKind.BUYER_EDIT, at=at)
    if case.exchange_way == Way.CONFIRM_RECEIPT:
        clock.start(case, clock.Start(ClockKind.CARRY_OUT, Role.SUPPORT, at), at=at)
    elif _owes_number(case):
        clock.start(case, clock.Start(ClockKind.RETURN_NUMBER, Role.SUPPORT, at), at=at)


def _happened(case: Case, before: Mapping[str, Any]) -> bool:
    if case.exchange_way == Way.AMOUNT_TO_ZERO:
        return "amount" in before and case.amount == 0
    if case.exchange_way == Way.CONFIRM_RECEIPT:
        return "order_status" in before and case.order_status in FINISHED
    became_return = "dispute_type" in before and case.dispute_type == "return_refund"
    return became_return or ("phase" in before and case.phase in RETURNED) or _number_known(case)


def _owes_number(case: Case) -> bool:
    chased = case.shop.marketplace_collects or clock.running(case, ClockKind.RETURN_NUMBER)
    return not (case.is_over or _number_known(case) or chased)


def _number_known(case: Case) -> bool:
    return case.parcels.filter(leg="return").exists()


def owes_goods(case: Case) -> bool:
    """Whether new goods are to be sent to the buyer now."""
    if case.exchange_state != State.CONFIRMED:
        return False
    back = case.exchange_way == Way.AMOUNT_TO_ZERO and case.goods == Case.Goods.RETURNED
    return back or case.exchange_way == Way.CONFIRM_RECEIPT


def awaits_goods(case: Case) -> bool:
    """Whether the buyer set the amount to 0 and still owes the goods."""
    zero = case.exchange_way == Way.AMOUNT_TO_ZERO and case.exchange_state == State.CONFIRMED
    return zero and case.goods != Case.Goods.RETURNED


def sent(case: Case, *, at: datetime) -> None:
    """The new goods are on their way."""
    if case.exchange_state == State.CONFIRMED:
        _write(case, case.exchange_way, State.DONE)
        clock.end_all(case, ClockKind.CARRY_OUT, ClockKind.DECIDE, at=at)


def _write(case: Case, way: str, state: str) -> None:
    Case.objects.filter(pk=case.pk).update(exchange_way=way, exchange_state=state)
    case.exchange_way, case.exchange_state = way, state
