"""JD's after-sale exports: the flat one and the one with two header rows (formats.md 3.2)."""

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from django.utils.translation import gettext as _

from handoffs.intake import vocabulary
from handoffs.intake.headers import Header, is_blank
from handoffs.intake.qianniu import Cells
from handoffs.intake.rows import Reject, Row
from handoffs.intake.values import Bad, identifier, moment, money, quantity, text

ALIASES: dict[str, tuple[str, ...]] = {
    "refund_id": ("服务单号",),
    "order_id": ("订单号",),
    "sku": ("商品编号",),
    "title": ("商品名称",),
    "price": ("商品金额",),
    "quantity": ("商品数量",),
    "status": ("服务单状态",),
    "applied_at": ("售后申请时间", "售后服务单申请时间"),
    "expect": ("客户期望", "客户预期处理方式"),
    "amount": ("退款金额",),
    "reason": ("二级申请原因", "一级申请原因"),
    "description": ("客户问题描述",),
    "out": ("出库状态",),
    "order_state": ("申请时订单状态",),
    "buyer_nick": ("下单账号",),
    "return_waybill": ("运单号",),
    "return_carrier": ("快递公司",),
    "reviewer": ("审核人姓名",),
    "_known": (
        "审核结果", "审核时间", "审核意见", "取件时间", "取件状态", "发货时间", "运费金额", "商家收货时间",
        "收货登记原因",
        "收货人", "处理人", "处理结果", "处理结果描述", "自动审核类型", "商家首次审核时间", "商家首次处理时间",
        "售后整体时长(H)", "售后服务单整体时长", "是否闪退订单", "换新订单", "换新商品编号", "返回方式", "省", "市",
        "订单类型",
        "最新审核时间",
    ),
}  # fmt: skip
REQUIRED = ("refund_id", "order_id", "status", "applied_at")
SERVICE_ID = re.compile(r"[0-9VW]\S*")


def rows(header: Header, records: Iterator[tuple[int, list[Any]]]) -> Iterator[Row | Reject]:
    """Translate the records; the rows of one service, wherever they stand, become one Row with several lines.

    So all services are held until the end of the file; JD writes at most 10,000 rows into one.
    """
    services: dict[str, Row] = {}
    for number, record in records:
        if is_blank(record):
            continue
        raw = {name: text(cell) for name, cell in header.cells(record).items()}
        try:
            found = _row(number, Cells(header, record), raw)
        except Bad as bad:
            yield Reject(number, bad.field, bad.code, bad.message, raw)
            continue
        held = services.get(found.refund_id)
        services[found.refund_id] = found if held is None else _joined(held, found)
    yield from services.values()


def _joined(held: Row, found: Row) -> Row:
    """The service with another of its rows."""
    _join(held, found)
    return replace(held, rows=held.rows + 1)


def _join(held: Row, found: Row) -> None:
    """Another SKU of the same service: its line is added; its amounts are the sums over the lines."""
    known = {line["sku"] for line in held.fields["lines"]}
    held.fields["lines"] += [line for line in found.fields["lines"] if line["sku"] not in known]
    if {line["sku"] for line in found.fields["lines"]} - known:
        for name in ("amount", "total_fee"):
            if name in held.fields and name in found.fields:
                held.fields[name] += found.fields[name]


def _row(number: int, cells: Cells, raw: dict[str, Any]) -> Row:
    refund_id = identifier(cells["refund_id"], cells.name("refund_id"), required=True)
    if not SERVICE_ID.fullmatch(refund_id):
        raise Bad(cells.name("refund_id"), "not_a_service_number",
                  _("“%(value)s” is no service number: it begins with a digit, V or W.")
                  % {"value": refund_id})  # fmt: skip
    status = text(cells["status"])
    if not status:
        raise Bad(cells.name("status"), "missing", _("“%(field)s” is empty.") % {"field": cells.name("status")})
    status = vocabulary.JD_TEXTS.get(status, status)
    price = money(cells["price"], cells.name("price"))
    amount = money(cells["amount"], cells.name("amount"))
    fields: dict[str, Any] = {
        "order_id": identifier(cells["order_id"], cells.name("order_id"), required=True),
        "marketplace_status": status,
        "phase": vocabulary.phase_of("service", status),
        "applied_at": moment(cells["applied_at"], cells.name("applied_at"), required=True),
        "amount": amount if amount is not None else price or money("0", ""),
        "title": text(cells["title"]),
        "sku": identifier(cells["sku"], cells.name("sku")),
        "reason": text(cells["reason"]),
        "description": text(cells["description"]),
        "agreed_by": "person" if text(cells["reviewer"]) else "",
    }
    if price is not None:
        fields["total_fee"] = price
    if fields["sku"]:
        fields["lines"] = [{"sku": fields["sku"], "title": fields["title"], "quantity": quantity(cells["quantity"]),
                            "amount": price}]  # fmt: skip
    fields.setdefault("lines", [])
    _type_and_goods(cells, fields)
    for name in ("buyer_nick",):
        if name in cells:
            fields[name] = text(cells[name])
    if number_back := identifier(cells["return_waybill"], cells.name("return_waybill")):
        fields["return_waybill"], fields["return_carrier"] = number_back, text(cells["return_carrier"])
    return Row(number, "service", refund_id, fields, raw, None)


def _type_and_goods(cells: Cells, fields: dict[str, Any]) -> None:
    if expect := text(cells["expect"]):
        fields["dispute_type"], fields["has_good_return"] = vocabulary.TYPE_TEXTS.get(expect, (expect, None))
    state = text(cells["order_state"])
    out = text(cells["out"])
    if vocabulary.JD_ORDER_STATES.get(state) == "DELIVERED":
        fields["order_status"] = "DELIVERED"
    elif out:
        fields["order_status"] = vocabulary.JD_OUT.get(out, out)
    elif state:
        fields["order_status"] = vocabulary.JD_ORDER_STATES.get(state, state)
