"""The words marketplaces use, and what the desk calls them. A value that stands in no table here is unknown: it is kept
and shown as it came. Sources: formats.md sections 1.2, 1.3, 2 and 3.
"""

TOP_TEXTS = {
    "买家已经申请退款，等待卖家同意": "WAIT_SELLER_AGREE",
    "买家已经申请退款,等待卖家同意": "WAIT_SELLER_AGREE",
    "卖家已经同意退款，等待买家退货": "WAIT_BUYER_RETURN_GOODS",
    "卖家已经同意退款,等待买家退货": "WAIT_BUYER_RETURN_GOODS",
    "买家已经退货，等待卖家确认收货": "WAIT_SELLER_CONFIRM_GOODS",
    "买家已经退货,等待卖家确认收货": "WAIT_SELLER_CONFIRM_GOODS",
    "卖家拒绝退款": "SELLER_REFUSE_BUYER",
    "退款关闭": "CLOSED",
    "退款成功": "SUCCESS",
}
TOP_PHASES = {
    "WAIT_SELLER_AGREE": "wait_seller",
    "WAIT_BUYER_RETURN_GOODS": "wait_buyer_return",
    "WAIT_SELLER_CONFIRM_GOODS": "wait_seller_confirm",
    "SELLER_REFUSE_BUYER": "refused",
    "CLOSED": "closed",
    "SUCCESS": "success",
    "WAIT_BUYER_CONFIRM_EXCHANGE_SELLER_SEND_GOODS": "wait_buyer_return",
    "WAIT_BUYER_CONFIRM_REDO_SEND_GOODS": "wait_buyer_return",
    "WAIT_SELLER_CONFIRM_RETURN_ADDRESS": "wait_seller",
    "WAIT_SELLER_CONSIGN_GOODS": "wait_seller_confirm",
    "WAIT_SELLER_CONSIGN_GOOGDS": "wait_seller_confirm",
    "EXCHANGE_WAIT_BUYER_CONFIRM_GOODS": "wait_buyer_return",
    "EXCHANGE_TRANSFORM_TO_REFUND": "wait_seller",
    "POST_FEE_DISPUTE_WAIT_ACTIVATE": "wait_buyer_return",
}
# 服务单: code, the texts files use for it, the phase (formats.md 2.2 and 3.2).
JD_SERVICE = (
    ("10000", ("待审核", "待领取", "待审核(领取)", "待审核（领取）"), "wait_seller"),
    ("10001", ("待审核",), "wait_seller"),
    ("10002", ("待客户反馈", "待用户反馈"), "wait_buyer_return"),
    ("10004", ("审核关闭", "审核不通过"), "closed"),
    ("10005", ("待收货", "待商家收货"), "wait_buyer_return"),
    ("10006", ("待处理领取",), "wait_seller_confirm"),
    ("10007", ("待处理", "已收货", "待商家处理"), "wait_seller_confirm"),
    ("10009", ("待用户确认", "待客户确认"), "wait_seller_confirm"),
    ("10010", ("完成", "已完成"), "success"),
    ("10011", ("取消", "已取消"), "closed"),
    ("10012", ("客户已反馈", "用户已反馈"), "wait_seller"),
    ("10041", ("提交退款申请",), "wait_seller_confirm"),
)
JD_TEXTS = {text: code for code, texts, _phase in reversed(JD_SERVICE) for text in texts}
# 取消订单退款 (formats.md 2.1); 7, 8 and 10 are being intercepted.
JD_CANCEL_PHASES = {
    "0": "wait_seller", "1": "wait_seller_confirm", "2": "refused", "3": "success", "4": "refused",
    "5": "wait_seller_confirm", "6": "wait_seller_confirm", "7": "wait_seller_confirm", "8": "wait_seller",
    "9": "wait_seller_confirm", "10": "wait_seller_confirm", "11": "closed", "16": "wait_seller_confirm",
    "17": "wait_seller_confirm", "18": "closed",
    "19": "wait_seller", "27": "wait_seller_confirm",
}  # fmt: skip
JD_INTERCEPTING = frozenset({"7", "8", "10"})
JD_HAD_LEFT = frozenset({"16", "17"})  # refunded after delivery was refused, or after a return was agreed
PHASES = {
    "refund": TOP_PHASES,
    "service": {code: phase for code, _texts, phase in JD_SERVICE},
    "cancel": JD_CANCEL_PHASES,
}
KNOWN_STATUSES = frozenset().union(*PHASES.values())

KNOWN_ORDER_STATUSES = frozenset({
    "TRADE_NO_CREATE_PAY", "WAIT_BUYER_PAY", "WAIT_SELLER_SEND_GOODS", "SELLER_CONSIGNED_PART",
    "WAIT_BUYER_CONFIRM_GOODS", "TRADE_BUYER_SIGNED", "TRADE_FINISHED", "TRADE_CLOSED", "TRADE_CLOSED_BY_TAOBAO",
    "SHIPPED", "DELIVERED",
})  # fmt: skip
KNOWN_GOOD_STATUSES = frozenset({"BUYER_NOT_RECEIVED", "BUYER_RECEIVED", "BUYER_RETURNED_GOODS"})
# 货物状态 of an export: (order status, claim). 未收到货 is not 未发货, so the parcel has been shipped.
GOODS_TEXTS = {
    "未发货": ("WAIT_SELLER_SEND_GOODS", ""),
    "卖家未发货": ("WAIT_SELLER_SEND_GOODS", ""),
    "未收到货": ("SHIPPED", "BUYER_NOT_RECEIVED"),
    "买家未收到货": ("SHIPPED", "BUYER_NOT_RECEIVED"),
    "已收到货": ("SHIPPED", "BUYER_RECEIVED"),
    "买家已收到货": ("SHIPPED", "BUYER_RECEIVED"),
    "已退货": ("SHIPPED", "BUYER_RETURNED_GOODS"),
    "买家已退货": ("SHIPPED", "BUYER_RETURNED_GOODS"),
}
JD_OUT = {"未出库": "WAIT_SELLER_SEND_GOODS", "已出库": "SHIPPED"}
JD_ORDER_STATES = {
    "等待出库": "WAIT_SELLER_SEND_GOODS", "待出库": "WAIT_SELLER_SEND_GOODS", "未出库": "WAIT_SELLER_SEND_GOODS",
    "已出库": "SHIPPED", "等待确认收货": "SHIPPED", "待收货": "SHIPPED", "配送中": "SHIPPED",
    "已完成": "DELIVERED", "完成": "DELIVERED", "已签收": "DELIVERED", "妥投": "DELIVERED", "已妥投": "DELIVERED",
}  # fmt: skip

# what the source says → (our type, whether the goods come back; None where the source does not say)
TYPE_TEXTS: dict[str, tuple[str, bool | None]] = {
    "仅退款": ("refund_only", False),
    "未发货仅退款": ("refund_only", False),
    "已发货仅退款": ("refund_only", False),
    "不需要退货": ("refund_only", False),
    "无需退货": ("refund_only", False),
    "REFUND": ("refund_only", None),
    "11": ("refund_only", False),
    "退货退款": ("return_refund", True),
    "需要退货": ("return_refund", True),
    "退货": ("return_refund", True),
    "10": ("return_refund", True),
    "REFUND_AND_RETURN": ("return_refund", None),
    "换货": ("exchange", None),
    "20": ("exchange", None),
    "TMALL_EXCHANGE": ("exchange", None),
    "TAOBAO_EXCHANGE": ("exchange", None),
    "维修": ("repair", None),
    "30": ("repair", None),
    "REPAIR": ("repair", None),
    "补寄": ("reship", None),
    "补发": ("reship", None),
    "补发商品": ("reship", None),
    "80": ("reship", None),
    "RESHIPPING": ("reship", None),
    "价保": ("price_protect", None),
    "priceProtect": ("price_protect", None),
    "cashBack": ("price_protect", None),
}
DISPUTE_TYPES = frozenset({kind for kind, _back in TYPE_TEXTS.values()} | {"cancel_order"})


def phase_of(source_kind: str, status: str) -> str:
    """Where an application stands, from the marketplace's status; ``unknown`` for a status no table has."""
    return PHASES[source_kind].get(status, "unknown")
