"""TOP refund objects, as `taobao.refunds.receive.get` and `taobao.refund.get` give them (formats.md 1.1)."""

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _

from handoffs import envelopes
from handoffs.intake import attribute, vocabulary
from handoffs.intake.rows import Reject, Row
from handoffs.intake.values import Bad, identifier, moment, money, quantity, text

SAME = {
    "title": "title",
    "outer_id": "sku",
    "refund_phase": "refund_phase",
    "reason": "reason",
    "desc": "description",
    "company_name": "return_carrier",
    "buyer_nick": "buyer_nick",
    "buyer_open_uid": "buyer_uid",
    "cs_status": "cs_status",
    "advance_status": "advance_status",
}
MONEY = {"refund_fee": "amount", "total_fee": "total_fee"}
TRUTHS = {"true": True, "1": True, "false": False, "0": False, "": None, "null": None}
refunds_in = envelopes.of_top
TIMES = {"created": "applied_at", "end_time": "ended_at", "good_return_time": "returned_at"}


def row(obj: Any, number: int) -> Row | Reject:
    """One refund object as a Row, or turned down with the field and the reason. Ids are exact however they come."""
    if not isinstance(obj, Mapping):
        return Reject(number, "", "not_an_object", _("This is no refund object."), {})
    try:
        return _row(obj, number)
    except Bad as bad:
        return Reject(number, bad.field, bad.code, bad.message, dict(obj))


def _row(obj: Mapping[str, Any], number: int) -> Row:
    refund_id = identifier(obj.get("refund_id"), "refund_id", required=True)
    fields: dict[str, Any] = {ours: text(obj[theirs]) for theirs, ours in SAME.items() if theirs in obj}
    if "title" in fields:
        fields["title"] = fields["title"][:255]  # shown only; the whole stands in the raw row
    for theirs, ours in MONEY.items():
        if theirs in obj or theirs == "refund_fee":
            fields[ours] = money(obj.get(theirs), theirs, required=theirs == "refund_fee")
    for theirs, ours in TIMES.items():
        if theirs in obj or theirs == "created":
            fields[ours] = moment(obj.get(theirs), theirs, required=theirs == "created")
    for theirs, ours in (("tid", "order_id"), ("oid", "line_id"), ("sid", "return_waybill")):
        if theirs in obj:
            fields[ours] = identifier(obj[theirs], theirs)
    if "sku" not in fields and isinstance(obj.get("sku"), str):
        fields["sku"] = text(obj["sku"])
    if "num" in obj:
        fields["quantity"] = quantity(obj["num"])
    if "refund_version" in obj:
        fields["refund_version"] = identifier(obj["refund_version"], "refund_version")
    _status(obj, fields)
    _deadline(obj, fields)
    _bag(obj, fields)
    return Row(number, "refund", refund_id, fields, dict(obj), moment(obj.get("modified"), "modified"))


def _status(obj: Mapping[str, Any], fields: dict[str, Any]) -> None:
    status = text(obj.get("status"))
    if not status:
        raise Bad("status", "missing", _("“%(field)s” is empty.") % {"field": "status"})
    status = vocabulary.TOP_TEXTS.get(status, status)
    fields["marketplace_status"], fields["phase"] = status, vocabulary.phase_of("refund", status)
    for name in ("order_status", "good_status"):
        if name in obj:
            fields[name] = text(obj[name])
    if "operation_contraint" in obj:
        constraint = text(obj["operation_contraint"])
        fields["operation_constraint"] = "" if constraint == "null" else constraint
    back = obj.get("has_good_return")
    said = TRUTHS.get(text(back).lower()) if back is not None else None
    kind = text(obj.get("special_refund_type")) or text(obj.get("dispute_type"))
    if not kind and said is not None:
        fields["dispute_type"] = "return_refund" if said else "refund_only"
    elif kind:
        fields["dispute_type"], implied = vocabulary.TYPE_TEXTS.get(kind, (kind, None))
        said = implied if said is None and kind == "REFUND_AND_RETURN" else said
    if kind == "REFUND_AND_RETURN" and said is None:
        said = True
    if back is not None and text(back).lower() not in TRUTHS:
        fields["dispute_type"] = f"has_good_return: {text(back)}"[:64]  # a value nobody knows: a person decides
    if said is not None or "has_good_return" in obj:
        fields["has_good_return"] = said


def _deadline(obj: Mapping[str, Any], fields: dict[str, Any]) -> None:
    """The only authoritative deadline is refund_remind_timeout; missing means unknown, never none."""
    remind = obj.get("refund_remind_timeout")
    if isinstance(remind, Mapping):
        exists = text(remind.get("exist_timeout")).lower() != "false"
        fields["marketplace_deadline"] = moment(remind.get("timeout"), "refund_remind_timeout") if exists else None


def _bag(obj: Mapping[str, Any], fields: dict[str, Any]) -> None:
    if not isinstance(obj.get("attribute"), str):
        return
    bag = attribute.parse(obj["attribute"])
    if attribute.agreed_automatically(bag):
        fields["agreed_by"] = "auto"
    if "interceptStatus" in bag:
        fields["intercept_status"] = bag["interceptStatus"]
