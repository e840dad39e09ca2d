"""A marketplace in memory with a ledger of its own: for the order of acts. The wire is tested against the gateway."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from handoffs.marketplaces.base import CAPS, Caps, Later, Paid, Payment, Result, State
from handoffs.models import Case
from tests.factories import NOON

GMT8 = timedelta(hours=8)


def said(moment: datetime) -> str:
    return (moment.astimezone(UTC) + GMT8).strftime("%Y-%m-%d %H:%M:%S")


@dataclass
class Application:
    refund_id: str
    amount: Decimal
    status: str = "WAIT_SELLER_AGREE"
    version: int = 1
    raw: dict[str, Any] = field(default_factory=dict)


@dataclass
class Market:
    """What the marketplace holds, what left its till, and how its next calls go wrong."""

    held: dict[str, Application] = field(default_factory=dict)
    left: list[tuple[str, Decimal]] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    calls: int = 0
    caps: Caps = field(default_factory=lambda: CAPS["taobao"])
    down: bool = False
    before_paying: Any = None
    after_paying: Any = None

    def hold(self, case: Case) -> None:
        """Let it hold the application of a case as the desk knows it."""
        raw = {
            "refund_id": case.refund_id, "tid": case.order_id, "oid": case.line_id, "title": case.title,
            "total_fee": str(case.total_fee), "order_status": case.order_status, "good_status": case.good_status,
            "has_good_return": False, "reason": case.reason, "created": said(case.applied_at),
        }  # fmt: skip
        self.held[case.refund_id] = Application(case.refund_id, case.amount, raw=raw)

    def change(self, refund_id: str, **values: Any) -> None:
        for name, value in values.items():
            setattr(self.held[refund_id], name, value)
        self.held[refund_id].version += 1

    def _state(self, one: Application) -> State:
        modified = NOON + timedelta(seconds=one.version)
        raw = {**one.raw, "status": one.status, "refund_fee": str(one.amount), "refund_version": str(one.version),
               "modified": said(modified)}  # fmt: skip
        return State(one.refund_id, one.status, one.amount, str(one.version), "onsale", modified, raw,
                     paid=one.status == "SUCCESS", closed=one.status == "CLOSED")  # fmt: skip

    def test(self) -> str:
        return "fine"

    def pull(self, _since: datetime, _until: datetime, **_how: Any) -> Iterator[State]:
        self._open()
        yield from [self._state(one) for one in self.held.values()]

    def read(self, refund_id: str) -> State:
        self._open()
        return self._state(self.held[refund_id])

    def _open(self) -> None:
        if self.down:
            raise Later("cannot be reached", wait=60)

    def pay(self, payments: Sequence[Payment], code: str = "") -> list[Paid]:
        """Pay what can be paid. Faults: `cut_before`, `cut_after`, `later`, `code`, `refuse`."""
        assert len(payments) <= self.caps.rows
        self.calls += 1
        fault = self.faults.pop(0) if self.faults else ""
        if self.before_paying:
            self.before_paying(payments)
        if self.down or fault == "later":
            return [Paid(p.refund_id, Result.LATER, "busy") for p in payments]
        if fault == "code" and not code:
            return [Paid(p.refund_id, Result.NEEDS_CODE, "code sent") for p in payments]
        if fault == "refuse":
            return [Paid(p.refund_id, Result.REFUSED, "no", "isv.no") for p in payments]
        answers = [] if fault == "cut_before" else [self._pay(payment) for payment in payments]
        if self.after_paying:
            self.after_paying(payments)
        if fault in ("cut_before", "cut_after"):
            return [Paid(p.refund_id, Result.UNKNOWN, "cut off") for p in payments]
        return answers

    def _pay(self, payment: Payment) -> Paid:
        one = self.held[payment.refund_id]
        if one.status != "WAIT_SELLER_AGREE":
            return Paid(payment.refund_id, Result.REFUSED, "not waiting", "isv.status")
        if str(one.version) != payment.version or one.amount != payment.amount:
            return Paid(payment.refund_id, Result.REFUSED, "stale version", "isv.version")
        self.left.append((payment.refund_id, payment.amount))
        self.change(payment.refund_id, status="SUCCESS")
        return Paid(payment.refund_id, Result.ACCEPTED, "OP_SUCC")
