"""The cast: which stories are told, how often, when they began and how far they have come."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count, islice
from typing import Any
from zoneinfo import ZoneInfo

from accounts.models import Shop
from handoffs.demo import others as o
from handoffs.demo import parcels
from handoffs.demo import returns as r
from handoffs.demo import shipping as s
from handoffs.demo.desk import Desk, respond_to_many
from handoffs.demo.goods import CHEAP, DEAR, MIDDLE, WORDS, Good
from handoffs.demo.market import Application
from handoffs.demo.stage import Stage, Story
from handoffs.flow.errors import FlowError

BEIJING = ZoneInfo("Asia/Shanghai")
CARRIERS = (("中通快递", "ZT"), ("圆通速递", "YT"), ("顺丰速运", "SF"))
TAOBAO, JD = "taobao", "jd"

Tale = Callable[[Desk, Application], Story]
Fields = dict[str, Any]


@dataclass(frozen=True)
class Part:
    """A story told once per entry of `ago` (hours before the end), and `often` more times at hours by day.

    `acts` cuts it short; 1 is the arrival alone.
    """

    story: Tale
    fields: Fields
    reasons: Sequence[str]
    ago: Sequence[float] = ()
    often: int = 0
    acts: int | None = None
    goods: Sequence[Good] = CHEAP
    shop: str = TAOBAO
    deadline: float | None = None
    between: tuple[float, float] = field(default=(4, 46))


# where the goods are -------------------------------------------------------------------------------------------------
UNSHIPPED: Fields = {"goods": "unshipped"}
SHIPPED: Fields = {"goods": "shipped"}
SIGNED: Fields = {"goods": "signed", "claim": "BUYER_RECEIVED"}
RETURN: Fields = {"goods": "signed", "claim": "BUYER_RECEIVED", "type": "return_refund"}
SERVICE = {"kind": "service", "claim": ""}
CANCEL = {"kind": "cancel", "claim": ""}
CHANGED_MIND = ("多拍/错拍/不想要", "订单信息拍错（规格/尺码/颜色等）", "协商一致退款")
OWED = ("未按约定时间发货", "缺货")
SLOW = ("快递一直未送达", "多拍/错拍/不想要")
FAULTS = ("商品破损/瑕疵", "质量问题", "商品描述不符", "做工粗糙/有瑕疵", "空包裹/少件/漏发")
UNLIKED = ("7天无理由退换货", "不喜欢/效果不好", "商品描述不符")
JD_MIND = ("不想要了", "重复下单/误下单", "收货信息填写错误")
JD_FAULTS = ("商品质量问题", "商品损坏/包装破损", "商品与页面描述不符")
JD_UNLIKED = ("七天无理由退货",)

PATH_1 = (
    Part(s.stopped, UNSHIPPED, CHANGED_MIND, often=5, goods=CHEAP + MIDDLE, deadline=48),
    Part(s.stopped, UNSHIPPED | SERVICE, JD_MIND, often=3, shop=JD),
    Part(s.stopped, UNSHIPPED, CHANGED_MIND, ago=(0.05, 0.13, 0.28, 0.44, 0.68), acts=1, deadline=48),
    Part(s.stopped, UNSHIPPED | SERVICE, JD_MIND, ago=(0.16,), acts=1, shop=JD),
    Part(s.stopped, UNSHIPPED, CHANGED_MIND, ago=(0.3, 0.47, 0.6), acts=2, deadline=48),
    Part(s.stopped, UNSHIPPED, CHANGED_MIND, ago=(0.55, 0.62, 0.66, 1.2), acts=3, goods=CHEAP + MIDDLE, deadline=3),
    Part(s.stopped, UNSHIPPED, CHANGED_MIND, ago=(0.8, 0.85, 1.6), acts=4, goods=CHEAP + MIDDLE, deadline=48),
    Part(s.stopped, UNSHIPPED, CHANGED_MIND, ago=(1.3, 1.5), acts=5, deadline=48),
    Part(s.left_and_recalled, UNSHIPPED, CHANGED_MIND, often=2, ago=(3.2,), deadline=48),
    Part(s.left_and_recalled, UNSHIPPED, CHANGED_MIND, ago=(0.75,), acts=4, deadline=48),
    Part(s.left_cannot, UNSHIPPED, CHANGED_MIND, often=1, ago=(5,), deadline=48),
    Part(s.warehouse_late, UNSHIPPED, CHANGED_MIND, often=1, deadline=48),
    Part(s.late_response, UNSHIPPED, CHANGED_MIND, often=1, ago=(26,), deadline=48),
    Part(s.claims_compensation, UNSHIPPED, OWED, often=1, ago=(4.5,), goods=CHEAP + MIDDLE, deadline=48),
    Part(s.claims_compensation, UNSHIPPED, OWED, ago=(0.65,), acts=3, goods=CHEAP + MIDDLE, deadline=24),
    Part(s.buyer_withdraws, UNSHIPPED, CHANGED_MIND, often=2, deadline=48),
    Part(s.refunded_at_once, UNSHIPPED, CHANGED_MIND, often=2),
    Part(s.refunded_at_once, UNSHIPPED, CHANGED_MIND, ago=(0.2,), acts=1),
    Part(s.refunded_at_once, UNSHIPPED, CHANGED_MIND, ago=(0.42,), acts=2),
    Part(s.question_sent_back, UNSHIPPED, CHANGED_MIND, often=1, deadline=48),
    Part(s.question_sent_back, UNSHIPPED, CHANGED_MIND, ago=(0.5,), acts=3, deadline=48),
    Part(s.settled_long_ago, UNSHIPPED, CHANGED_MIND, ago=(30, 30.1)),
    Part(s.cancelled_order, UNSHIPPED | CANCEL, JD_MIND, often=2, shop=JD, goods=CHEAP + MIDDLE),
    Part(s.cancelled_order, UNSHIPPED | CANCEL, JD_MIND, ago=(0.1, 0.37), acts=1, shop=JD),
    Part(s.follow_up, UNSHIPPED, CHANGED_MIND, often=1, ago=(1.4,), deadline=48),
)
PATH_2 = (
    Part(s.recalled, SHIPPED, SLOW, often=3, between=(18, 46), deadline=120),
    Part(s.recalled, SHIPPED, SLOW, ago=(3.5, 6), goods=CHEAP + MIDDLE, deadline=120),
    Part(s.recalled, SHIPPED | SERVICE, ("不想要了", "物流太慢/一直未送达"), often=1, ago=(5,), shop=JD),
    Part(s.recalled, SHIPPED, SLOW, ago=(0.07, 0.22, 0.4), acts=1, deadline=120),
    Part(s.recalled, SHIPPED | SERVICE, ("不想要了",), ago=(0.18,), acts=1, shop=JD),
    Part(s.recalled, SHIPPED, SLOW, ago=(1.75,), acts=4, deadline=2.6),
    Part(s.recall_refused, SHIPPED, SLOW, often=2, between=(12, 40), deadline=120),
    Part(s.denied, SHIPPED, ("快递一直未送达",), often=2, deadline=120),
    Part(s.denied, SHIPPED, ("快递一直未送达",), ago=(2.1,), acts=5, deadline=120),
    Part(s.silent_parcel, SHIPPED, ("快递无跟踪记录", "快递一直未送达"), often=2, between=(14, 30), deadline=120),
    Part(s.traced, SHIPPED, ("快递一直未送达",), often=2, deadline=120),
    Part(s.unanswered, SHIPPED, SLOW, ago=(0.6, 1.4, 2.05, 3.1, 4.4), deadline=120),
)
PATH_3 = (
    Part(r.refunded, SIGNED, FAULTS, often=3, deadline=120),
    Part(r.refunded, SIGNED, FAULTS, often=2, goods=MIDDLE, deadline=120),
    Part(r.refunded, SIGNED | SERVICE, JD_FAULTS, often=2, shop=JD),
    Part(r.refunded, SIGNED, FAULTS, ago=(22,), goods=DEAR, deadline=120),
    Part(r.refunded, SIGNED, FAULTS, ago=(0.05, 0.43, 0.62, 1.7), acts=1, goods=CHEAP + MIDDLE, deadline=120),
    Part(r.refunded, SIGNED | SERVICE, JD_FAULTS, ago=(0.32,), acts=1, shop=JD),
    Part(r.refunded, SIGNED, FAULTS, ago=(0.5, 0.7), acts=2, deadline=120),
    Part(r.waits_for_approval, SIGNED, FAULTS, ago=(0.6, 2.1, 5.6, 10, 11.6, 13.5), goods=MIDDLE, deadline=120),
    Part(r.waits_for_approval, SIGNED, FAULTS, ago=(8,), goods=MIDDLE, deadline=8.9),
    Part(r.waits_for_approval, SIGNED, FAULTS, ago=(3,), goods=DEAR, deadline=120),
    Part(r.approved_less, SIGNED, FAULTS, often=2, between=(10, 46), goods=MIDDLE, deadline=120),
    Part(r.approved_less, SIGNED, FAULTS, ago=(3.4,), acts=5, goods=MIDDLE, deadline=120),
    Part(r.turned_down, SIGNED, ("商品描述不符",), often=1, goods=MIDDLE, deadline=120),
    Part(r.offered, SIGNED, ("空包裹/少件/漏发",), often=1, ago=(2.5, 6), deadline=120),
    Part(r.compensated, SIGNED, FAULTS, often=1, deadline=120),
    Part(r.compensation_over_limit, SIGNED, FAULTS, ago=(0.8, 3.7), goods=MIDDLE, deadline=120),
    Part(r.refused, SIGNED, FAULTS, often=1, ago=(3,), goods=MIDDLE, deadline=120),
    Part(r.wrongly_filed, SIGNED, ("不喜欢/效果不好",), often=1, ago=(2,), deadline=120),
    Part(r.sent_back_offline, SIGNED, ("不喜欢/效果不好",), often=1, deadline=120),
    Part(r.quality_asked, SIGNED, ("质量问题",), often=1, deadline=120),
    Part(r.quality_asked, SIGNED, ("质量问题",), ago=(1.1,), acts=3, deadline=120),
    Part(r.special_wish, SIGNED, ("其他",), often=1, deadline=120),
    Part(r.special_wish, SIGNED, ("其他",), ago=(2.8,), acts=3, deadline=120),
    Part(r.amount_changed, SIGNED, FAULTS, ago=(2.4,), goods=MIDDLE, deadline=120),
    Part(r.thought_better, SIGNED, ("空包裹/少件/漏发",), often=1, goods=MIDDLE, deadline=120),
    Part(r.no_question_needed, SIGNED, ("商品破损/瑕疵",), often=1, deadline=120),
)
PATH_4 = (
    Part(r.returned_good, RETURN, UNLIKED, often=3, between=(20, 47), deadline=120),
    Part(r.returned_good, RETURN | SERVICE, JD_UNLIKED, often=2, between=(20, 47), shop=JD, goods=CHEAP + MIDDLE),
    Part(r.returned_good, RETURN, UNLIKED, ago=(0.1, 0.24, 0.46), acts=1, deadline=120),
    Part(r.returned_good, RETURN | SERVICE, JD_UNLIKED, ago=(0.35, 0.9), acts=1, shop=JD),
    Part(r.returned_damaged, RETURN, UNLIKED, often=2, between=(18, 44), goods=MIDDLE, deadline=120),
    Part(r.wrong_item_back, RETURN, ("卖家发错货",), often=1, between=(20, 40), goods=MIDDLE, deadline=120),
    Part(r.at_the_door, RETURN, UNLIKED, often=1, between=(14, 30), goods=MIDDLE, deadline=120),
    Part(r.number_owed, RETURN, UNLIKED, ago=(1.2, 5.4, 11.6, 14), deadline=120),
    Part(r.on_its_way_back, RETURN, UNLIKED, often=1, ago=(6,), between=(12, 30), deadline=120),
    Part(r.not_received_yet, RETURN, UNLIKED, ago=(5.5, 7.2), deadline=120),
    Part(r.not_inspected_yet, RETURN, UNLIKED, ago=(11, 17, 24), deadline=120),
)
OTHERS = (
    Part(o.exchange, SIGNED | {"type": "exchange"}, FAULTS, often=2, ago=(0.14,), deadline=120),
    Part(o.exchange, SIGNED | SERVICE | {"type": "exchange"}, JD_FAULTS, often=1, shop=JD),
    Part(o.unclear, {"goods": "part"}, ("其他", "空包裹/少件/漏发"), often=1, ago=(0.75,), deadline=48),
    Part(o.reshipped, SIGNED | {"type": "reship"}, ("空包裹/少件/漏发",), often=1, deadline=120),
    Part(o.left_to_others, SIGNED | {"type": "strange"}, ("其他",), ago=(2.2,), deadline=120),
    Part(o.left_to_others, SIGNED | SERVICE | {"type": "repair"}, JD_FAULTS, ago=(7,), shop=JD),
    Part(o.left_to_others, SIGNED | {"type": "price_protect"}, ("其他",), ago=(0.5,), acts=1),
    Part(o.passed_on, UNSHIPPED | {"claim": "BUYER_RECEIVED"}, ("其他",), ago=(1.1,), deadline=48),
)
PARTS = (*PATH_1, *PATH_2, *PATH_3, *PATH_4, *OTHERS)


def assemble(desk: Desk, stage: Stage) -> int:
    """Put every story on the stage; returns how many applications there are."""
    numbers = count(1)
    for part in PARTS:
        for ago in (*part.ago, *_by_day(desk, stage.end, part)):
            story = part.story(desk, application(desk, part, next(numbers)))
            stage.add(stage.end - timedelta(hours=ago), _told(story, part))
    for group, begun in ((_crowd, 0.3), (_one_waybill, 1.15)):
        made = [application(desk, _GROUPS[group.__name__], next(numbers)) for _ in range(3)]
        stage.add(stage.end - timedelta(hours=begun), group(desk, made))
    for scene, begun in ((parcels.orphans, 3.4), (parcels.tell, 0.01)):
        stage.add(stage.end - timedelta(hours=begun), scene(desk))
    return next(numbers) - 1


def _told(story: Story, part: Part) -> Story:
    """The story as far as it is told; one that the flow declines is a fault of the demo and says whose."""
    try:
        yield from islice(story, part.acts)
    except FlowError as error:
        raise ValueError(f"{part.story.__name__}: {error}") from error


def _by_day(desk: Desk, end: datetime, part: Part) -> Iterator[float]:
    """Hours before the end that fall between 8 in the morning and 11 at night in the shop's zone."""
    for _ in range(part.often):
        ago = desk.random.uniform(*part.between)
        while not 8 <= (end - timedelta(hours=ago)).astimezone(BEIJING).hour < 23:
            ago = desk.random.uniform(*part.between)
        yield ago


def application(desk: Desk, part: Part, number: int) -> Application:
    good = part.goods[number % len(part.goods)]
    reason = part.reasons[number % len(part.reasons)]
    words = WORDS.get(reason, ("",))
    shop: Shop = desk.company.taobao if part.shop == TAOBAO else desk.company.jd
    made = Application(shop, number, good, reason=reason, words=words[number % len(words)], **part.fields)
    made.deadline = timedelta(hours=part.deadline) if part.deadline else None
    if made.goods == "shipped":
        made.carrier, prefix = CARRIERS[number % len(CARRIERS)]
        made.waybill = f"{prefix}{number:010d}"
    return made


def _crowd(desk: Desk, made: list[Application]) -> Story:
    """Many at once, answered with one text."""
    for a in made:
        desk.arrive(a)
    yield 13
    respond_to_many(desk, made)
    yield 1


def _one_waybill(desk: Desk, made: list[Application]) -> Story:
    """Three applications on one parcel: one question, whose answer serves them all."""
    for a in made:
        a.waybill, a.carrier = made[0].waybill, made[0].carrier
        desk.arrive(a)
    yield 6
    for a in made:
        desk.respond(a)
        desk.ask(a, "recall_parcel", "同一包裹多件，请一并追回")
    yield 2000


_GROUPS = {
    "_crowd": Part(s.stopped, UNSHIPPED, CHANGED_MIND, deadline=48),
    "_one_waybill": Part(s.recalled, SHIPPED, SLOW, deadline=120),
}
