"""The refunds a gateway holds, in TOP's shape, and the money that left by them."""

import re
import threading
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

from handoffs.gateway.shops import Seller

GMT8 = timezone(timedelta(hours=8))
TIMES = "%Y-%m-%d %H:%M:%S"
OVER = ("SUCCESS", "CLOSED")
TOPICS = {
    "WAIT_BUYER_RETURN_GOODS": "RefundSellerAgreeAgreement",
    "SELLER_REFUSE_BUYER": "RefundSellerRefuseAgreement",
    "WAIT_SELLER_AGREE": "RefundBuyerModifyAgreement",
    "WAIT_SELLER_CONFIRM_GOODS": "RefundBuyerReturnGoods",
    "CLOSED": "RefundClosed",
    "SUCCESS": "RefundSuccess",
}


class Refunds:
    """Every refund by id (as text), its messages, its reviews, and `paid`, the ledger."""

    def __init__(self, *, now: Callable[[], datetime], lock: threading.RLock) -> None:
        self._now, self._lock = now, lock
        self.held: dict[str, dict[str, Any]] = {}
        self.paid: dict[str, list[int]] = {}
        self.reviewed: set[tuple[str, str]] = set()
        self.talk: dict[str, list[dict[str, Any]]] = {}
        self.queue: list[dict[str, Any]] = []
        self._serial = 0

    def serial(self) -> int:
        with self._lock:
            self._serial += 1
            return self._serial

    def add(self, seller: Seller, **fields: Any) -> dict[str, Any]:
        """A refund of unshipped goods that waits for the seller. Ids that are numbers come out as numbers."""
        number = self.serial()
        trade = 2_100_000_000_000_000_000 + number
        moment = self._moment(fields.pop("at", None))
        fee = str(fields.get("refund_fee", "100.00"))
        refund = {
            "refund_id": str(40_594_600_000_000 + number), "tid": trade, "oid": trade, "status": "WAIT_SELLER_AGREE",
            "order_status": "WAIT_SELLER_SEND_GOODS", "good_status": "BUYER_NOT_RECEIVED", "has_good_return": False,
            "refund_phase": "onsale", "refund_fee": fee, "total_fee": fee, "payment": "0.00", "price": fee, "num": 1,
            "reason": "缺货", "title": f"沙箱测试{number:04}", "buyer_nick": "t**1", "buyer_open_uid": f"AAE{number}",
            "seller_nick": seller.nick, "dispute_type": "REFUND", "operation_contraint": "null", "cs_status": 1,
            "advance_status": 0, "attribute": ";refundFrom:2;reason:5;", "created": moment,
        }  # fmt: skip
        refund |= {"modified": moment, "refund_version": _version(moment), **fields}
        with self._lock:
            self.held[str(refund["refund_id"])] = refund
            self._tell(refund, "RefundCreated")
        return dict(refund)

    def change(self, refund_id: str, *, keep_version: bool = False, **fields: Any) -> dict[str, Any]:
        """Change a refund. `modified` and the version move on, the version not where TOP leaves it."""
        with self._lock:
            refund = self.held[str(refund_id)]
            moment = self._moment(fields.pop("at", None))
            was = refund["status"]
            refund |= {"modified": moment, **fields}
            if not keep_version and "refund_version" not in fields:
                refund["refund_version"] = max(_version(moment), int(refund["refund_version"]) + 1)
            if refund["status"] != was and refund["status"] in TOPICS:
                self._tell(refund, TOPICS[refund["status"]])
            return dict(refund)

    def pay(self, refund_id: str, fen: int) -> None:
        """Money leaves."""
        with self._lock:
            self.paid.setdefault(str(refund_id), []).append(fen)
            self.change(refund_id, status="SUCCESS")

    def of(self, seller: Seller, refund_id: str) -> dict[str, Any] | None:
        refund = self.held.get(refund_id)
        return refund if refund is not None and refund["seller_nick"] == seller.nick else None

    def moment(self) -> str:
        return self._moment(None)

    def _moment(self, at: datetime | str | None) -> str:
        if isinstance(at, str):
            return at
        return (at or self._now()).astimezone(GMT8).strftime(TIMES)

    def _tell(self, refund: dict[str, Any], topic: str) -> None:
        names = ("buyer_nick", "modified", "oid", "tid", "refund_fee", "refund_id", "refund_phase", "seller_nick")
        content = {"bill_type": "refund_bill"} | {name: refund[name] for name in names}
        self.queue.append({
            "id": 7_120_000_000_000_000_000 + self.serial(), "topic": f"taobao_refund_{topic}", "content": content,
            "pub_time": refund["modified"], "user_id": 1000000001, "user_nick": refund["seller_nick"],
            "pub_app_key": "12497914",
        })  # fmt: skip


def fen_of(refund: dict[str, Any]) -> int:
    """What is applied for, in fen."""
    return int(Decimal(str(refund["refund_fee"])) * 100)


def put_in_bag(bag: str, key: str, value: str) -> str:
    """An attribute bag with a key set."""
    return re.sub(rf";{key}:[^;]*(?=;)", "", bag or ";") + f"{key}:{value};"


def _version(moment: str) -> int:
    """Milliseconds, as TOP's are."""
    return int(datetime.strptime(moment, TIMES).replace(tzinfo=GMT8).timestamp() * 1000)
