"""JD's JSON: applications to cancel an order, and after-sale services with their refunds (formats.md 2.1, 2.2)."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext as _

from handoffs.intake import vocabulary
from handoffs.intake.rows import Reject, Row
from handoffs.intake.values import Bad, identifier, moment, money, quantity, text

SHIPPED = vocabulary.JD_INTERCEPTING | vocabulary.JD_HAD_LEFT


def row(obj: Any, number: int) -> Row | Reject:
    """One object as a Row, or turned down with the reason."""
    if not isinstance(obj, Mapping):
        return Reject(number, "", "not_an_object", _("This is no refund object."), {})
    try:
        return _cancel(obj, number) if "applyRefundSum" in obj else _service(obj, number)
    except Bad as bad:
        return Reject(number, bad.field, bad.code, bad.message, dict(obj))


def _cancel(obj: Mapping[str, Any], number: int) -> Row:
    """取消订单退款. The amount is in fen and may be 0."""
    status = text(obj.get("status"))
    fen = money(obj.get("applyRefundSum"), "applyRefundSum") or Decimal(0)
    fields: dict[str, Any] = {
        "order_id": identifier(obj.get("orderId"), "orderId", required=True),
        "amount": (fen / 100).quantize(Decimal("0.01")),
        "dispute_type": "cancel_order",
        "marketplace_status": status,
        "phase": vocabulary.phase_of("cancel", status),
        "order_status": "SHIPPED" if status in SHIPPED else "WAIT_SELLER_SEND_GOODS",
        "has_good_return": False,
        "applied_at": moment(obj.get("applyTime"), "applyTime", required=True),
        "reason": text(obj.get("reason")),
        "buyer_nick": text(obj.get("buyerId")),
        "buyer_name": text(obj.get("buyerName")),
    }
    refund_id = identifier(obj.get("id"), "id", required=True)
    return Row(number, "cancel", refund_id, fields, dict(obj), moment(obj.get("modified"), "modified"))


def _service(obj: Mapping[str, Any], number: int) -> Row:
    """服务单 with its refund. Without a refund object it is in process."""
    inner = obj.get("sameOrderServiceBill")
    bill: Mapping[str, Any] = inner if isinstance(inner, Mapping) else obj
    state = text(bill.get("serviceState"))
    paid = text(obj.get("status"))
    applied = bill.get("afsApplyTime") or obj.get("completeTime")
    status = "10010" if paid == "13" else state
    fields: dict[str, Any] = {
        "order_id": identifier(bill.get("orderId"), "orderId", required=True),
        "amount": money(obj.get("refoundAmount"), "refoundAmount") or Decimal(0),
        "marketplace_status": status or paid,
        "phase": vocabulary.phase_of("service", status),
        "applied_at": moment(applied, "afsApplyTime", required=True),
        "title": text(bill.get("wareName")),
        "reason": text(bill.get("applyReason")),
        "description": text(bill.get("questionDesc")),
        "return_waybill": identifier(obj.get("expressNo"), "expressNo"),
        "return_carrier": text(obj.get("expressCompany")),
    }
    if expect := text(bill.get("customerExpect")):
        fields["dispute_type"], fields["has_good_return"] = vocabulary.TYPE_TEXTS.get(expect, (expect, None))
    if paid == "13":
        fields["ended_at"] = moment(obj.get("completeTime"), "completeTime")
    if ware := text(bill.get("wareId")):
        fields["lines"] = [
            {"sku": ware, "title": fields["title"], "quantity": quantity(bill.get("serviceCount")), "amount": None}
        ]
    refund_id = identifier(bill.get("serviceId"), "serviceId", required=True)
    return Row(number, "service", refund_id, fields, dict(obj), None)
