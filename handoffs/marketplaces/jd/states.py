"""JD's two kinds of object as the State that base.py promises (formats.md 2.1, 2.2).

`phase` tells the kinds apart, for an application to cancel and a service may have the same number; `version` is empty,
for JD has none. A code that stands in no table is kept as it came and marked unmapped.
"""

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from handoffs.marketplaces.base import State
from handoffs.marketplaces.jd.wire import moment_of, text
from handoffs.marketplaces.money import yuan

CANCEL, SERVICE = "cancel", "service"

# 取消订单退款. Only JD's finance (3) says that the money has left; 4 says that it will not.
PAID = frozenset({"3"})
ENDED = frozenset({"4", "11", "18"})
# Agreed to, by the shop, by JD's staff or by the parcel's being stopped or refused: finance comes next.
AGREED = frozenset({"1", "5", "6", "7", "9", "16", "17", "27"})
OPEN = frozenset({"0", "2", "8", "10", "19"})
CANCEL_CODES = PAID | ENDED | AGREED | OPEN

# 服务单: the service's own state, and what became of its refund.
SERVICE_OVER = frozenset({"10004", "10011"})
SERVICE_CODES = SERVICE_OVER | {
    "10000", "10001", "10002", "10005", "10006", "10007", "10009", "10010", "10012", "10041",
}  # fmt: skip
REFUNDED, NOT_REFUNDED = "13", "14"


def cancel_state(row: Mapping[str, Any]) -> State:
    """An application to cancel an order. Its amount is in fen and may be 0."""
    status = text(row.get("status"))
    return State(
        refund_id=text(row.get("id")),
        status=status,
        amount=_from_fen(row.get("applyRefundSum")),
        version="",
        phase=CANCEL,
        modified=moment_of(row.get("modified")),
        raw=dict(row),
        paid=status in PAID,
        closed=status in ENDED,
        unmapped=status not in CANCEL_CODES,
        agreed=status in AGREED,
    )


def service_state(row: Mapping[str, Any]) -> State:
    """A service with its refund, or in process without one. Its amount is yuan as the documents' own tests have it."""
    inner = row.get("sameOrderServiceBill")
    bill: Mapping[str, Any] = inner if isinstance(inner, Mapping) else row
    state, refund = text(bill.get("serviceState")), text(row.get("status"))
    return State(
        refund_id=text(bill.get("serviceId")),
        status=state or refund,
        amount=_in_yuan(row.get("refoundAmount")),
        version="",
        phase=SERVICE,
        modified=None,
        raw=dict(row),
        paid=refund == REFUNDED,
        closed=state in SERVICE_OVER and refund != REFUNDED,
        unmapped=not _known(state, refund),
    )


def _known(state: str, refund: str) -> bool:
    if not state and not refund:
        return False
    return (not state or state in SERVICE_CODES) and refund in ("", REFUNDED, NOT_REFUNDED)


def _from_fen(value: Any) -> Decimal | None:
    amount = _number(value)
    return yuan(int(amount)) if amount is not None and amount == amount.to_integral_value() else None


def _in_yuan(value: Any) -> Decimal | None:
    amount = _number(value)
    return amount.quantize(Decimal("0.01")) if amount is not None and amount == round(amount, 2) else None


def _number(value: Any) -> Decimal | None:
    try:
        amount = Decimal(text(value))
    except InvalidOperation:
        return None
    return amount if amount.is_finite() and 0 <= amount < Decimal(10) ** 12 else None
