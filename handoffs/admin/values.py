"""Stored codes in the reader's words: what the marketplace said, which facts decided the path, what an act recorded."""

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext_lazy as _

from handoffs.flow.acts import FREIGHT, WAYS
from handoffs.intake import vocabulary
from handoffs.models import CarrierClaim, Case, Fact, Response

TYPES = {
    "refund_only": _("refund only"),
    "return_refund": _("return and refund"),
    "exchange": _("exchange"),
    "repair": _("repair"),
    "reship": _("reship"),
    "price_protect": _("price protection"),
    "cancel_order": _("order cancelled"),
}
ORDERS = {
    "TRADE_NO_CREATE_PAY": _("not paid"),
    "WAIT_BUYER_PAY": _("not paid"),
    "WAIT_SELLER_SEND_GOODS": _("paid, not shipped"),
    "SELLER_CONSIGNED_PART": _("shipped in part"),
    "WAIT_BUYER_CONFIRM_GOODS": _("shipped"),
    "SHIPPED": _("shipped"),
    "TRADE_BUYER_SIGNED": _("signed for"),
    "DELIVERED": _("delivered"),
    "TRADE_FINISHED": _("order finished"),
    "TRADE_CLOSED": _("closed"),
    "TRADE_CLOSED_BY_TAOBAO": _("closed"),
}
CLAIMED = {
    "BUYER_NOT_RECEIVED": _("goods not received"),
    "BUYER_RECEIVED": _("goods received"),
    "BUYER_RETURNED_GOODS": _("goods sent back"),
}
FACTS: Mapping[str, Any] = dict(Fact.What.choices)
WORDS: Mapping[str, Mapping[str, Any]] = {
    "dispute_type": TYPES,
    "order_status": ORDERS,
    "good_status": CLAIMED,
    "event": FACTS,
    "answer": FACTS,
    "what": FACTS,
    "goods": dict(Case.Goods.choices),
    "channel": dict(Response.Channel.choices),
    "bearer": dict(FREIGHT),
    "way": dict(WAYS),
    "result": dict(CarrierClaim.Status.choices),
}
NAMES: Mapping[str, Any] = {
    "event": _("parcel event"),
    "answer": _("a colleague's answer"),
    "order_status": _("order status"),
    "good_status": _("buyer says of the goods"),
    "dispute_type": _("type"),
    "marketplace_status": _("marketplace status"),
    "has_good_return": _("goods must come back"),
    "return_agreed": _("return agreed offline"),
    "goods": _("goods"),
    "unknown": _("unknown"),
}
YES, NO = _("yes"), _("no")


def said(name: str, value: Any) -> str:
    """A stored value in words; one that stands in no table is shown as it is."""
    if isinstance(value, bool):
        return str(YES if value else NO)
    return str(WORDS.get(name, {}).get(value, value)) if isinstance(value, str) else str(value)


def facts(case: Case) -> list[tuple[str, str]]:
    """The facts behind the path, strongest first, as name and value."""
    return [(str(NAMES.get(name, name)), _fact(case, name, value)) for name, value in case.path_facts.items()]


def _fact(case: Case, name: str, value: Any) -> str:
    if isinstance(value, dict):
        return " · ".join(str(each) for each in value.values())
    if name == "marketplace_status":
        phase = vocabulary.phase_of(case.source_kind, value)
        return str(value if phase == Case.Phase.UNKNOWN else Case.Phase(phase).label)
    return said(name, value)
