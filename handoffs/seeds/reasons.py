"""The reasons the desk starts with, and what each means for the shop; a manager edits the rows made of them.

Texts marked “formats” are those listed in formats.md section 3.1 or found in the sample files; the others are what
buyers on these marketplaces commonly see. What each row says beyond its text is our own judgement:

- compensation: the marketplace pays out of the shop's deposit when the claim stands, so it is assessed first;
- shown publicly: it counts in the ratings shown to other buyers (quality, description, disputes);
- refusable: the marketplace takes a refusal. Never for 7-day no-reason returns and goods that were not shipped.
"""

from typing import NamedTuple


class ReasonRow(NamedTuple):
    """One reason on one marketplace."""

    marketplace: str
    text: str
    compensation: bool
    shown_publicly: bool
    refusable: bool


class Meaning(NamedTuple):
    compensation: bool = False
    shown_publicly: bool = False
    refusable: bool = True


PLAIN = Meaning()
NOT_REFUSABLE = Meaning(refusable=False)
PUBLIC = Meaning(shown_publicly=True)
CLAIM = Meaning(compensation=True, shown_publicly=True)
CLAIM_NOT_REFUSABLE = Meaning(compensation=True, shown_publicly=True, refusable=False)

# Taobao and Tmall show buyers the same texts.
TAOBAO: dict[str, Meaning] = {
    "7天无理由退换货": NOT_REFUSABLE,  # formats
    "七天无理由退换货": NOT_REFUSABLE,
    "7天无理由退货": NOT_REFUSABLE,
    "多拍/错拍/不想要": PLAIN,  # formats; refused only by the order's state, not by the text
    "订单信息拍错（规格/尺码/颜色等）": PLAIN,  # formats
    "协商一致退款": PLAIN,  # formats
    "缺货": CLAIM_NOT_REFUSABLE,  # formats
    "未按约定时间发货": CLAIM_NOT_REFUSABLE,
    "空包裹/少件/漏发": PUBLIC,  # formats
    "空包裹/少货": PUBLIC,
    "质量问题": PUBLIC,  # formats, in short: 质量
    "商品破损/瑕疵": PUBLIC,  # formats, in the sample export
    "包装/商品破损/污渍": PUBLIC,  # formats, in short: 破损, 污渍
    "商品描述不符": PUBLIC,  # formats, in short: 描述不符
    "颜色/图案/款式与商品描述不符": PUBLIC,
    "大小/尺寸与商品描述不符": PUBLIC,
    "材质与商品描述不符": PUBLIC,  # formats, in short: 材质
    "做工粗糙/有瑕疵": PUBLIC,
    "卖家发错货": CLAIM,  # formats, in short: 发错货
    "假冒品牌": CLAIM,
    "生产日期/保质期与商品描述不符": CLAIM,
    "快递一直未送达": PLAIN,
    "快递/物流一直未送到": PLAIN,
    "快递无跟踪记录": PLAIN,
    "快递/物流无跟踪记录": PLAIN,
    "货物破损已拒签": PUBLIC,
    "拒收": PLAIN,
    "不喜欢/效果不好": PLAIN,
    "地址/电话信息填写错误": PLAIN,
    "没用/少用优惠券": PLAIN,
    "退运费": PLAIN,
    "发票问题": Meaning(compensation=True),
    "其他": PLAIN,
}
# Cancelling an order and asking for after-sale service have lists of their own on JD; one table holds both.
JD: dict[str, Meaning] = {
    "七天无理由退货": NOT_REFUSABLE,
    "7天无理由退货": NOT_REFUSABLE,
    "不想要了": PLAIN,
    "商品无货": CLAIM_NOT_REFUSABLE,
    "发货时间问题": CLAIM_NOT_REFUSABLE,
    "未按约定时间发货": CLAIM_NOT_REFUSABLE,
    "订单信息填写错误": PLAIN,
    "收货信息填写错误": PLAIN,
    "重复下单/误下单": PLAIN,
    "价格问题/降价": PLAIN,
    "没用/少用/错用优惠": PLAIN,
    "协商一致退款": PLAIN,
    "商品质量问题": PUBLIC,
    "商品损坏/包装破损": PUBLIC,
    "商品与页面描述不符": PUBLIC,
    "少件/漏发": PUBLIC,
    "发错货": CLAIM,
    "怀疑商品为假货": CLAIM,
    "尺码/尺寸不合适": PLAIN,
    "物流太慢/一直未送达": PLAIN,
    "拒收": PLAIN,
    "其他": PLAIN,
}
REASONS: list[ReasonRow] = [
    ReasonRow(marketplace, text, *meaning)
    for marketplace, rows in (("taobao", TAOBAO), ("tmall", TAOBAO), ("jd", JD))
    for text, meaning in rows.items()
]
