"""The Qianniu (千牛) refund export of Taobao and Tmall, generations A to D: one alias table (formats.md 3.1)."""

from collections.abc import Iterator
from typing import Any

from django.utils.translation import gettext as _

from handoffs.intake import vocabulary
from handoffs.intake.headers import Header, is_blank
from handoffs.intake.rows import Reject, Row
from handoffs.intake.values import Bad, identifier, moment, moment_or_none, money, text, waybill

ALIASES: dict[str, tuple[str, ...]] = {
    "refund_id": ("退款编号",),
    "order_id": ("订单编号",),
    "line_id": ("子订单编号",),
    "amount": ("买家退款金额", "退款总额", "退款金额（元）", "退款金额"),
    "status": ("退款状态",),
    "applied_at": ("退款的申请时间", "退款申请时间"),
    "paid_at": ("订单付款时间",),
    "sku": ("商品编码", "商家编码"),
    "ended_at": ("退款完结时间",),
    "buyer_nick": ("买家会员名称",),
    "paid": ("买家实际支付金额",),
    "title": ("宝贝标题", "商品标题"),
    "by_hand": ("手工退款/系统退款",),
    "type": ("是否需要退货", "售后类型"),
    "deadline": ("超时时间",),
    "goods": ("货物状态",),
    "return_parcel": ("退货物流信息",),
    "parcel": ("发货物流信息",),
    "cs_status": ("客服介入状态",),
    "return_waybill": ("退货物流单号",),
    "return_carrier": ("退货物流公司",),
    "reason": ("买家退款原因",),
    "description": ("买家退款说明",),
    "returned_at": ("买家退货时间",),
    "refund_phase": ("售中或售后",),
    "reviewer": ("审核操作人", "审核操作人新会员名"),
    "payer": ("退款操作人", "退款操作人新会员名"),
    "instant": ("是否零秒响应",),
    # Known by name so that a preview does not call them strange; kept with the row and not used.
    "_payment_no": ("支付宝交易号", "支付单号"),
    "_item": ("商品id",),
    "_seller": ("卖家真实姓名", "卖家真实姓名新", "卖家真实姓名(新)", "卖家真实姓名_新"),
    "_address": ("卖家退货地址", "卖家邮编", "卖家电话", "卖家手机"),
    "_duration": ("完结时间",),
    "_whole": ("部分退款/全部退款", "部分退款/全额退款", "部分退款 / 全部退款"),
    "_other": ("责任方", "商家备注", "备注标签", "举证超时", "退款原因标签", "业务类型", "是否帮他退款",
               "帮他退款操作账号", "小额收款", "淘特订单", "百亿补贴超链退款信息", "智能退款策略", "执行方案",
               "退给买家金额", "退给平台金额"),
}  # fmt: skip
REQUIRED = ("refund_id", "order_id", "amount", "status", "applied_at")
PHASES = {"售中": "onsale", "售后": "aftersale"}
TEXTS = ("sku", "buyer_nick", "title", "cs_status", "reason", "description")


def rows(header: Header, records: Iterator[tuple[int, list[Any]]]) -> Iterator[Row | Reject]:
    """Translate the records of an export; blank rows are passed over."""
    for number, record in records:
        if is_blank(record):
            continue
        raw = {name: text(cell) for name, cell in header.cells(record).items()}
        try:
            yield _row(number, Cells(header, record), raw)
        except Bad as bad:
            yield Reject(number, bad.field, bad.code, bad.message, raw)


class Cells:
    """One record by our names of the columns."""

    def __init__(self, header: Header, record: list[Any]) -> None:
        self._header, self._record = header, record

    def __contains__(self, name: str) -> bool:
        return name in self._header.place

    def __getitem__(self, name: str) -> Any:
        index = self._index(name)
        return self._record[index] if index is not None and index < len(self._record) else ""

    def name(self, ours: str) -> str:
        """The column's name as the file writes it, for complaints."""
        index = self._index(ours)
        return self._header.names[index] if index is not None else ours

    def _index(self, name: str) -> int | None:
        """Where the value stands: of several columns that mean the same, the preferred one that is not empty."""
        places = self._header.place.get(name, ())
        filled = (i for i in places if i < len(self._record) and text(self._record[i]))
        return next(filled, places[0] if places else None)


def _row(number: int, cells: Cells, raw: dict[str, Any]) -> Row:
    refund_id = identifier(cells["refund_id"], cells.name("refund_id"), required=True)
    fields: dict[str, Any] = {name: text(cells[name]) for name in TEXTS if name in cells}
    fields["order_id"] = identifier(cells["order_id"], cells.name("order_id"), required=True)
    fields["amount"] = money(cells["amount"], cells.name("amount"), required=True)
    fields["applied_at"] = moment(cells["applied_at"], cells.name("applied_at"), required=True)
    if "line_id" in cells:
        fields["line_id"] = identifier(cells["line_id"], cells.name("line_id"))
    if "paid" in cells:
        fields["paid"] = money(cells["paid"], cells.name("paid"))
    for ours, theirs in (
        ("marketplace_deadline", "deadline"),
        ("ended_at", "ended_at"),
        ("returned_at", "returned_at"),
    ):
        if theirs in cells:
            fields[ours] = moment(cells[theirs], cells.name(theirs))
    if "paid_at" in cells:
        fields["paid_at"] = moment_or_none(cells["paid_at"])
    _status(cells, fields)
    _goods(cells, fields)
    _parcels(cells, fields)
    _who_agreed(cells, fields)
    return Row(number, "refund", refund_id, fields, raw, None)


def _status(cells: Cells, fields: dict[str, Any]) -> None:
    said = text(cells["status"])
    if not said:
        raise Bad(cells.name("status"), "missing", _("“%(field)s” is empty.") % {"field": cells.name("status")})
    status = vocabulary.TOP_TEXTS.get(said, said)
    fields["marketplace_status"], fields["phase"] = status, vocabulary.phase_of("refund", status)
    kind = text(cells["type"])
    if kind:
        fields["dispute_type"], back = vocabulary.TYPE_TEXTS.get(kind, (kind, None))
        fields["has_good_return"] = back
    if "refund_phase" in cells and text(cells["refund_phase"]):
        fields["refund_phase"] = PHASES.get(text(cells["refund_phase"]), "")


def _goods(cells: Cells, fields: dict[str, Any]) -> None:
    said = text(cells["goods"])
    if not said:
        return
    order, claim = vocabulary.GOODS_TEXTS.get(said, ("", said))
    fields["good_status"] = claim
    if order:
        fields["order_status"] = order


def _parcels(cells: Cells, fields: dict[str, Any]) -> None:
    carrier, number = waybill(cells["parcel"])
    if number:
        fields["outbound"] = [(carrier, number)]
    carrier, number = waybill(cells["return_parcel"])
    number = identifier(cells["return_waybill"], cells.name("return_waybill")) or number
    carrier = text(cells["return_carrier"]) or carrier
    if number:
        fields["return_waybill"], fields["return_carrier"] = number, carrier


def _who_agreed(cells: Cells, fields: dict[str, Any]) -> None:
    by_hand = "手工" in text(cells["by_hand"]) or bool(text(cells["reviewer"]) or text(cells["payer"]))
    by_itself = "系统" in text(cells["by_hand"]) or text(cells["instant"]) == "是"
    fields["agreed_by"] = "person" if by_hand else "auto" if by_itself else ""
