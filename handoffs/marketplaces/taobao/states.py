"""A TOP refund object as the State that base.py promises."""

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from handoffs.marketplaces.base import State
from handoffs.marketplaces.taobao.wire import moment_of

# formats.md 1.2. Anything else is kept as it came and marked unmapped.
OPEN = frozenset({
    "WAIT_SELLER_AGREE", "WAIT_BUYER_RETURN_GOODS", "WAIT_SELLER_CONFIRM_GOODS", "SELLER_REFUSE_BUYER",
    "WAIT_BUYER_CONFIRM_EXCHANGE_SELLER_SEND_GOODS", "EXCHANGE_TRANSFORM_TO_REFUND", "WAIT_SELLER_CONSIGN_GOODS",
    "WAIT_BUYER_CONFIRM_REDO_SEND_GOODS", "WAIT_SELLER_CONFIRM_RETURN_ADDRESS", "WAIT_SELLER_CONSIGN_GOOGDS",
    "EXCHANGE_WAIT_BUYER_CONFIRM_GOODS", "POST_FEE_DISPUTE_WAIT_ACTIVATE",
})  # fmt: skip
SUCCESS, CLOSED = "SUCCESS", "CLOSED"
# Disputes that succeed without money.
GOODS_ONLY = frozenset({"TMALL_EXCHANGE", "TAOBAO_EXCHANGE", "REPAIR", "RESHIPPING"})

# What refund.get and refunds.receive.get are asked for: the documented names, and those of their answers.
LIST_FIELDS = (
    "refund_id,tid,title,buyer_nick,seller_nick,total_fee,status,created,refund_fee,oid,good_status,company_name,sid,"
    "payment,reason,desc,has_good_return,modified,order_status,refund_phase,dispute_type"
)
FIELDS = (
    "refund_id,alipay_no,tid,oid,buyer_nick,buyer_open_uid,seller_nick,total_fee,status,created,modified,refund_fee,"
    "good_status,has_good_return,payment,reason,desc,num_iid,title,price,num,good_return_time,company_name,sid,address,"
    "shipping_type,refund_remind_timeout,refund_phase,refund_version,operation_contraint,attribute,outer_id,"
    "dispute_type,sku,end_time,order_status,cs_status,advance_status,split_taobao_fee,split_seller_fee,"
    "combine_item_info"
)


def state_of(refund: Mapping[str, Any]) -> State:
    """The state of one refund object; `raw` is that object, for intake."""
    status = text(refund.get("status"))
    ended = status == SUCCESS
    goods_only = text(refund.get("dispute_type")) in GOODS_ONLY
    return State(
        refund_id=text(refund.get("refund_id")),
        status=status,
        amount=money(refund.get("refund_fee")),
        version=text(refund.get("refund_version")),
        phase=text(refund.get("refund_phase")),
        modified=moment_of(refund.get("modified")),
        raw=dict(refund),
        paid=ended and not goods_only,
        closed=status == CLOSED or (ended and goods_only),
        unmapped=status not in OPEN and status not in (SUCCESS, CLOSED),
    )


def money(value: Any) -> Decimal | None:
    """Yuan as TOP's reads give them; None where it is no amount."""
    try:
        amount = Decimal(text(value).replace(",", ""))
    except InvalidOperation:
        return None
    return amount if amount.is_finite() else None


def text(value: Any) -> str:
    """A field as text; ids are exact, being whole numbers or strings."""
    return "" if value is None else str(value).strip()
