"""The marketplace's side of the demo: applications as Taobao and JD send them, translated by the real readers."""

import csv
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from tempfile import NamedTemporaryFile
from typing import Any
from zoneinfo import ZoneInfo

from accounts.models import Shop
from handoffs.demo.goods import Good
from handoffs.flow import intake
from handoffs.intake import jd_api, read, top
from handoffs.intake.rows import Row
from handoffs.models import Case

BEIJING = ZoneInfo("Asia/Shanghai")
# phase: (TOP status, JD service status, JD status of a cancelled order)
STATUSES = {
    "wait_seller": ("WAIT_SELLER_AGREE", "待审核", "0"),
    "wait_buyer_return": ("WAIT_BUYER_RETURN_GOODS", "待收货", "1"),
    "wait_seller_confirm": ("WAIT_SELLER_CONFIRM_GOODS", "待处理", "1"),
    "intercepting": ("WAIT_SELLER_AGREE", "待审核", "8"),
    "refused": ("SELLER_REFUSE_BUYER", "待审核", "2"),
    "closed": ("CLOSED", "取消", "11"),
    "success": ("SUCCESS", "完成", "9"),
}
TOP_TYPES = {
    "refund_only": "REFUND", "return_refund": "REFUND_AND_RETURN", "exchange": "TAOBAO_EXCHANGE", "repair": "REPAIR",
    "reship": "RESHIPPING", "strange": "TRADE_IN_2026",
}  # fmt: skip
JD_TYPES = {"refund_only": "仅退款", "return_refund": "退货", "exchange": "换货", "repair": "维修", "reship": "补发"}
TOP_ORDERS = {
    "unshipped": "WAIT_SELLER_SEND_GOODS", "shipped": "WAIT_BUYER_CONFIRM_GOODS", "signed": "TRADE_FINISHED",
    "part": "SELLER_CONSIGNED_PART",
}  # fmt: skip
JD_ORDERS = {"unshipped": ("未出库", "等待出库"), "shipped": ("已出库", "待收货"), "signed": ("已出库", "已完成")}


def text_of(moment: datetime) -> str:
    return moment.astimezone(BEIJING).strftime("%Y-%m-%d %H:%M:%S")


@dataclass
class Application:
    """One application on the marketplace. `goods` is where the parcel is by the order; `claim` what the buyer says."""

    shop: Shop
    number: int
    good: Good
    kind: str = "refund"
    type: str = "refund_only"
    goods: str = "unshipped"
    claim: str = "BUYER_NOT_RECEIVED"
    reason: str = "其他"
    words: str = ""
    amount: Decimal | None = None
    waybill: str = ""
    carrier: str = ""
    return_waybill: str = ""
    return_carrier: str = ""
    deadline: timedelta | None = None
    phase: str = "wait_seller"
    automatic: bool = False
    settled_at: datetime | None = None
    applied_at: datetime = field(init=False)
    deadline_at: datetime | None = None
    case_id: int = 0

    @property
    def asked(self) -> Decimal:
        return self.good.price if self.amount is None else self.amount

    @property
    def refund_id(self) -> str:
        """Numbers of the length the marketplace gives them, from a range of the demo's own."""
        return f"9000{self.number:014d}" if self.kind == "refund" else f"9{self.number:09d}"

    @property
    def order_id(self) -> str:
        return f"8000{self.number:015d}" if self.kind == "refund" else f"8{self.number:011d}"

    def push(self, *, at: datetime, applied_at: datetime | None = None) -> Case:
        """Tell the desk how the application stands at `at`, as the marketplace's interface or an export would."""
        if applied_at is not None:
            self.applied_at = applied_at.replace(microsecond=0)
            self.deadline_at = self.applied_at + self.deadline if self.deadline else None
        row = self._row(at)
        origin = intake.Origin(as_of=at, name="demo", key=f"demo:{self.number}:{at.isoformat()}")
        (outcome,) = intake.take([row], shop=self.shop, origin=origin, by=None, at=at)
        if outcome.result == "rejected":
            raise ValueError(f"The desk turned the demo's row {self.number} down: {outcome.reason}")
        case = Case.objects.get(shop=self.shop, source_kind=row.source_kind, refund_id=row.refund_id)
        self.case_id = case.pk
        return case

    def _row(self, at: datetime) -> Row:
        made = {"refund": self._top, "service": self._service, "cancel": self._cancel}[self.kind](at)
        if not isinstance(made, Row):
            raise ValueError(f"The reader turned the demo's row {self.number} down: {made.message}")
        if self.waybill:
            made.fields["outbound"] = [(self.carrier, self.waybill)]
        made.fields.setdefault("title", self.good.title)
        made.fields.update(self._buyer())
        return made

    def _buyer(self) -> dict[str, str]:
        return {
            "buyer_name": f"演示买家{self.number}",
            "buyer_phone": f"000-0000-{self.number:04d}",
            "buyer_address": f"演示省样例市虚构路{self.number}号",
        }

    def _top(self, at: datetime) -> Any:
        over = self.phase in ("success", "closed")
        modified = (self.settled_at or at).replace(microsecond=0)
        closes = self.phase == "success" and self.goods == "unshipped" and not self.automatic
        order = "TRADE_CLOSED" if closes else TOP_ORDERS[self.goods]
        seen: dict[str, Any] = {
            "refund_id": self.refund_id, "tid": self.order_id, "oid": f"{self.order_id[:-1]}1",
            "title": self.good.title, "outer_id": self.good.sku, "num": 1, "price": str(self.good.price),
            "total_fee": str(self.good.price),
            "refund_fee": str(self.asked), "status": STATUSES[self.phase][0], "order_status": order,
            "good_status": self.claim, "has_good_return": self.type == "return_refund", "reason": self.reason,
            "desc": self.words, "buyer_nick": f"演示{self.number:03d}号买家", "created": text_of(self.applied_at),
            "modified": text_of(modified), "refund_version": int(modified.timestamp() * 1000),
            "refund_phase": "aftersale" if self.goods == "signed" else "onsale", "cs_status": "1",
        }  # fmt: skip
        if self.type == "price_protect":
            seen["special_refund_type"] = "priceProtect"
        else:
            seen["dispute_type"] = TOP_TYPES[self.type]
        if self.return_waybill:
            seen |= {"sid": self.return_waybill, "company_name": self.return_carrier}
        if self.deadline_at is not None and not over:
            seen["refund_remind_timeout"] = {"exist_timeout": True, "timeout": text_of(self.deadline_at)}
        if self.automatic:
            seen["attribute"] = ";agreeSource:2h;twoHoursAutoRefund:1;"
        if over:
            seen["end_time"] = text_of(modified)
        return top.row(seen, self.number)

    def _service(self, at: datetime) -> Any:
        """A line of JD's after-sale export, read from a file."""
        del at
        out, state = JD_ORDERS[self.goods]
        cells = {
            "服务单号": self.refund_id, "订单号": self.order_id, "客户期望": JD_TYPES[self.type],
            "服务单状态": STATUSES[self.phase][1], "二级申请原因": self.reason, "客户问题描述": self.words,
            "售后申请时间": text_of(self.applied_at), "出库状态": out, "申请时订单状态": state,
            "下单账号": f"jd_demo_{self.number:03d}", "商品编号": f"1000{self.number:08d}", "商品名称": self.good.title,
            "商品金额": str(self.good.price), "商品数量": "1", "退款金额": str(self.asked),
            "审核人姓名": "客服小青" if self.phase == "wait_buyer_return" else "", "运单号": self.return_waybill,
            "快递公司": self.return_carrier,
        }  # fmt: skip
        with NamedTemporaryFile("w", suffix=".csv", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([list(cells), list(cells.values())])
            file.flush()
            return next(read(file.name, format="jd"))

    def _cancel(self, at: datetime) -> Any:
        """An order cancelled on JD before it was delivered; amounts are in fen."""
        seen = {
            "id": self.refund_id, "orderId": self.order_id, "status": STATUSES[self.phase][2],
            "applyRefundSum": int(self.asked * 100), "applyTime": text_of(self.applied_at), "reason": self.reason,
            "buyerId": f"jd_demo_{self.number:03d}", "modified": text_of(at),
        }  # fmt: skip
        return jd_api.row(seen, self.number)
