"""The reply templates the desk starts with, in both languages, and the variables they may use.

Each stays within 200 characters and 400 bytes when filled, so that it passes as a marketplace message and as a refusal.
"""

from typing import Any, NamedTuple

from django.utils.translation import gettext_lazy as _

VARIABLES: dict[str, Any] = {
    "buyer": _("buyer"),
    "order_id": _("order number"),
    "refund_id": _("refund number"),
    "amount": _("amount in yuan"),
    "title": _("item"),
    "shop": _("shop"),
    "agent": _("agent"),
    "waybill": _("waybill"),
    "carrier": _("carrier"),
    "date": _("date"),
    "coupon": _("coupon"),
    "address": _("return address"),
    "reason": _("reason"),
    "inspection": _("result of the inspection"),
}


class TemplateRow(NamedTuple):
    """One template in one language."""

    code: str
    language: str
    title: str
    body: str


ZH: dict[str, tuple[str, str]] = {
    # any path
    "looking": (
        "已收到，正在核实",
        "{buyer}您好，您的退款申请{refund_id}已收到，我是客服{agent}，正在为您核实，有结果会第一时间联系您，请放心。",
    ),
    "delay": (
        "处理延迟致歉",
        "{buyer}您好，非常抱歉让您久等了。您的退款申请{refund_id}还在核实中，我们会在{date}前给您明确答复，感谢您的耐心。",
    ),
    "refuse": (
        "说明原因后拒绝",
        "{buyer}您好，您的申请已仔细核实，因{reason}，这次暂时无法按申请退款，非常抱歉。"
        "如有新的凭证或其他想法，请联系客服{agent}。",
    ),
    # path 1: not shipped
    "not_shipped_agreed": (
        "未发货，同意退款",
        "{buyer}您好，订单{order_id}还没有发出，已同意为您退款{amount}元，款项会原路退回，请留意查收。期待您再来。",
    ),
    "compensation_checking": (
        "核实赔付",
        "{buyer}您好，您提到的赔付我们已经记录，正在核对订单{order_id}的发货承诺，{date}前给您答复，不影响您的退款。",
    ),
    "parcel_stopped": (
        "包裹已拦下",
        "{buyer}您好，包裹已在仓库拦下，不会再发出，退款{amount}元正在为您办理，款项会原路退回，请放心。",
    ),
    # path 2: shipped, not signed for
    "parcel_left": (
        "包裹已发出",
        "{buyer}您好，很抱歉，您的包裹在申请前已交给{carrier}，单号{waybill}，没能拦下。"
        "我们正联系快递追回，有进展马上告诉您。",
    ),
    "refuse_delivery": (
        "请拒收包裹",
        "{buyer}您好，{carrier}单号{waybill}已在派送途中，无法追回。送到时麻烦您直接拒收，包裹退回后马上为您退款，辛苦您了。",
    ),
    "recall_promised": (
        "快递承诺追回",
        "{buyer}您好，{carrier}已确认追回您的包裹{waybill}，您无需签收，退款{amount}元现在就为您办理，请留意查收。",
    ),
    "recall_impossible": (
        "无法追回",
        "{buyer}您好，{carrier}答复包裹{waybill}已无法追回。您可以拒收，也可以收到后申请退货退款，我们都会跟进到底。",
    ),
    "not_received_check": (
        "核查未收到",
        "{buyer}您好，物流显示{carrier}{waybill}已签收，而您说没有收到，我们正请快递核查签收人和地点，{date}前答复您。"
        "也请问问家人或驿站。",
    ),
    "parcel_lost": (
        "包裹丢失，补发或退款",
        "{buyer}您好，包裹{waybill}多日没有物流更新，我们按丢件处理，非常抱歉。您希望补发还是退款{amount}元？回复后马上办理。",
    ),
    # path 3: signed for, refund only
    "change_type": (
        "选错类型，请改为退货退款",
        "{buyer}您好，这件商品需要退回，麻烦您把申请{refund_id}修改为“退货退款”，我们会尽快同意。"
        "不清楚怎么改可以随时问我。",
    ),
    "offline_return": (
        "直接提供退货单号",
        "{buyer}您好，您不必重新申请，请把商品寄回：{address}，寄出后把快递公司和单号发给我，验收后马上为您退款。",
    ),
    "offer_partial": (
        "协商部分退款",
        "{buyer}您好，给您添麻烦了。商品您留用，我们为您退款{amount}元，您看可以吗？同意的话，请把申请金额改为{amount}元。",
    ),
    "small_payment": (
        "小额打款",
        "{buyer}您好，非常抱歉给您带来不便，我们向您另外打款{amount}元作为补偿，请留意查收。款项到账后，还请撤销退款申请。",
    ),
    # path 4: goods come back
    "agree_return": (
        "同意退货",
        "{buyer}您好，已同意您的退货申请，请把商品和配件寄到：{address}，运费按约定承担。寄出后请填写退货单号，收货后尽快退款。",
    ),
    "agree_return_shop_pays": (
        "同意退货，运费我们承担",
        "{buyer}您好，已同意退货，运费由我们承担。请寄到：{address}，运费先垫付，不要到付，凭单据为您报销，寄出后请填写单号。",
    ),
    "agree_return_buyer_pays": (
        "同意退货，运费买家承担",
        "{buyer}您好，已同意您的退货申请，请保持商品完好，寄到：{address}，此次运费需您承担，请勿到付。寄出后请填写单号。",
    ),
    "return_number_coupon": (
        "填退货单号送优惠券",
        "{buyer}您好，商品寄出了吗？请在{date}前填写退货单号，我们送您{coupon}，也能更快为您退款。有困难请告诉我。",
    ),
    "return_received": (
        "退货已签收",
        "{buyer}您好，您寄回的包裹{waybill}已经签收，正在检查商品，没有问题会马上为您退款{amount}元，请放心。",
    ),
    "inspected_damaged": (
        "质检发现损坏",
        "{buyer}您好，退回的商品检查时发现问题：{reason}，照片已留存，可以发给您看。想和您商量退款金额，方便时请回复我。",
    ),
    # an exchange is what the buyer really wants
    "inspection_result": (
        "退货验收结果",
        "{buyer}您好，您退回的{title}已验收，结果：{inspection}。验收照片已上传，麻烦您看一下，我们会尽快与您商量处理办法。",
    ),
    "exchange_return": (
        "换货：退货后重拍",
        "{buyer}您好，想换的话，最快的办法是这件先退货退款，同时重新拍下想要的款式，我们会优先为您发出，您看可以吗？",
    ),
    "exchange_zero": (
        "换货：金额改为0",
        "{buyer}您好，您要的是换货，麻烦把申请{refund_id}的退款金额改为0元，收到您寄回的商品后，我们马上为您换货发出。",
    ),
    "exchange_confirm": (
        "换货：先确认收货",
        "{buyer}您好，您要的是换货，麻烦先在订单{order_id}确认收货并撤销退款，我们再为您安排换货，售后照常有保障。",
    ),
}
EN: dict[str, tuple[str, str]] = {
    "looking": (
        "Received, looking into it",
        "Hello {buyer}, we have your refund request {refund_id}. I am {agent} and I am checking it now. "
        "You will hear from me as soon as I know more.",
    ),
    "delay": (
        "Apology for the delay",
        "Hello {buyer}, we are sorry to keep you waiting. Your request {refund_id} is still being checked; "
        "you will have a clear answer by {date}.",
    ),
    "refuse": (
        "Refuse with the reason",
        "Hello {buyer}, we are sorry, we cannot refund this request: {reason}. "
        "If you have more evidence or another wish, please write to {agent}.",
    ),
    "not_shipped_agreed": (
        "Not shipped, refund agreed",
        "Hello {buyer}, order {order_id} has not left yet. We have agreed to refund {amount} yuan the way you paid. "
        "We hope to see you again.",
    ),
    "compensation_checking": (
        "Checking the compensation",
        "Hello {buyer}, we have noted your claim and are checking our promise on order {order_id}. "
        "You have our answer by {date}; your refund does not wait.",
    ),
    "parcel_stopped": (
        "Parcel stopped",
        "Hello {buyer}, your parcel was stopped in our warehouse and will not leave. "
        "Your refund of {amount} yuan is on its way to you.",
    ),
    "parcel_left": (
        "Parcel has already left",
        "Hello {buyer}, sorry, your parcel had already left with {carrier}, {waybill}. "
        "We are asking them to bring it back and will let you know.",
    ),
    "refuse_delivery": (
        "Please refuse delivery",
        "Hello {buyer}, {carrier} {waybill} is out for delivery and cannot be recalled. "
        "Please refuse it at the door; we refund once it is back.",
    ),
    "recall_promised": (
        "Recall promised",
        "Hello {buyer}, {carrier} will bring parcel {waybill} back to us; please do not sign for it. "
        "We are refunding {amount} yuan now.",
    ),
    "recall_impossible": (
        "Recall impossible",
        "Hello {buyer}, {carrier} cannot bring {waybill} back. Please refuse it, "
        "or ask for a return once you have it. We will see it through.",
    ),
    "not_received_check": (
        "Checking a parcel not received",
        "Hello {buyer}, {carrier} shows {waybill} as signed for. We are asking by whom and where, answer by {date}. "
        "Could you ask at home or the pickup point?",
    ),
    "parcel_lost": (
        "Parcel lost: reship or refund",
        "Hello {buyer}, parcel {waybill} has not moved for days and we treat it as lost. Sorry! "
        "Shall we send it again, or refund {amount} yuan?",
    ),
    "change_type": (
        "Wrongly filed: change the type",
        "Hello {buyer}, this item has to come back to us. Please change request {refund_id} to “return and refund” "
        "and we will agree at once.",
    ),
    "offline_return": (
        "Give us the return number directly",
        "Hello {buyer}, no need to apply again. Please send it to {address} and tell me carrier and number; "
        "we refund after checking.",
    ),
    "offer_partial": (
        "Offer a partial amount",
        "Hello {buyer}, sorry for the trouble. Would you keep the item for a refund of {amount} yuan? "
        "If so, please change the amount to {amount}.",
    ),
    "small_payment": (
        "Small payment",
        "Hello {buyer}, sorry for the trouble. We are sending you {amount} yuan as compensation. "
        "Once it is there, please withdraw the refund request.",
    ),
    "agree_return": (
        "Agree to the return",
        "Hello {buyer}, your return is agreed. Please send everything to {address}, freight as agreed, "
        "and enter the return number.",
    ),
    "agree_return_shop_pays": (
        "Agree to the return, we bear the freight",
        "Hello {buyer}, your return is agreed, to {address}. Please pay the freight first; "
        "we pay it back. Do enter the return number.",
    ),
    "agree_return_buyer_pays": (
        "Agree to the return, buyer bears the freight",
        "Hello {buyer}, your return is agreed, to {address}. The freight is yours this time, please prepaid. "
        "Do enter the return number.",
    ),
    "return_number_coupon": (
        "Coupon for the return number",
        "Hello {buyer}, have you sent it? Enter the return number by {date} and we give you {coupon}, "
        "and can refund sooner. Tell me if it is difficult.",
    ),
    "return_received": (
        "Return received",
        "Hello {buyer}, your parcel {waybill} has arrived and is being checked. "
        "If all is well we refund {amount} yuan at once.",
    ),
    "inspected_damaged": (
        "Damage found on inspection",
        "Hello {buyer}, we found this when checking your return: {reason}. We kept photos to show you. "
        "May we talk about the amount to refund?",
    ),
    "inspection_result": (
        "Result of the inspection",
        "Hello {buyer}, the {title} you sent back was inspected: {inspection}. "
        "Photos are attached. We will settle it with you as soon as possible.",
    ),
    "exchange_return": (
        "Exchange: return and buy again",
        "Hello {buyer}, the quickest way to exchange: return this one for a refund "
        "and order the one you want; we send it first. Is that all right?",
    ),
    "exchange_zero": (
        "Exchange: set the amount to 0",
        "Hello {buyer}, for an exchange please set the amount of request {refund_id} to 0. "
        "We send the new item once yours is back.",
    ),
    "exchange_confirm": (
        "Exchange: confirm receipt first",
        "Hello {buyer}, for an exchange please confirm receipt of order {order_id} and withdraw the refund. "
        "We then arrange the exchange.",
    ),
}
TEMPLATES: list[TemplateRow] = [
    TemplateRow(code, language, title, body)
    for language, rows in (("zh-hans", ZH), ("en", EN))
    for code, (title, body) in rows.items()
]
