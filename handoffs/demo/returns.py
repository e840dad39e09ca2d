"""Stories of goods the buyer has, and of goods that come back (paths 3 and 4).

Each yields the minutes until its next act. A story can be told in part: the cast says how many acts.
"""

from datetime import timedelta
from decimal import Decimal

from accounts.models.people import Role
from handoffs.demo.desk import Desk
from handoffs.demo.goods import FLAWS
from handoffs.demo.market import Application
from handoffs.demo.stage import Story
from handoffs.flow.answer import Given

# path 3 --------------------------------------------------------------------------------------------------------------


def refunded(d: Desk, a: Application) -> Story:
    """Within the limit support decides alone, above it the supervisor, above that the manager."""
    d.arrive(a)
    yield d.some(3, 16)
    d.respond(a)
    yield d.some(5, 20)
    yield from d.pay(a, "照片清楚，确为商品问题，同意退款")


def waits_for_approval(d: Desk, a: Application) -> Story:
    """Over the limit, and the supervisor has not yet answered."""
    d.arrive(a)
    yield d.some(3, 12)
    d.respond(a)
    yield d.some(5, 12)
    d.propose(a, "full_refund", "破损照片清楚，买家情绪较急，建议同意")
    yield 2000


def approved_less(d: Desk, a: Application) -> Story:
    """The supervisor approves less: an offer to the buyer, who changes the amount; then it is paid."""
    d.arrive(a)
    yield d.some(3, 14)
    d.respond(a)
    yield d.some(5, 15)
    d.propose(a, "full_refund", "面料有瑕疵，买家要求全额退款")
    yield d.some(20, 120)
    offer = (a.asked * Decimal("0.4")).quantize(Decimal(1))
    d.approve(a, str(offer), "瑕疵不影响使用，协商部分退款")
    yield d.some(4, 10)
    d.respond(a, "offer_partial", amount=offer)
    yield d.some(60, 240)
    d.moves(a, "wait_seller", amount=offer)
    yield d.some(3, 12)
    d.carry_out(a)
    yield d.some(15, 40)
    d.moves(a, "success")
    yield 1


def turned_down(d: Desk, a: Application) -> Story:
    """The supervisor refuses; support goes on with the buyer."""
    d.arrive(a)
    yield d.some(3, 14)
    d.respond(a)
    yield d.some(5, 12)
    d.propose(a, "full_refund", "买家称颜色不符，要求仅退款")
    yield d.some(30, 120)
    d.refuse(a, "颜色与详情页一致，请引导买家退货退款")
    yield d.some(5, 15)
    d.respond(a, "change_type")
    d.propose(a, "change_to_return", "引导买家改为退货退款")
    yield d.some(1, 4)
    d.carry_out(a)
    yield d.some(300, 500)


def offered(d: Desk, a: Application) -> Story:
    """A small part within the limit: the buyer is asked to change the amount."""
    d.arrive(a)
    yield d.some(3, 14)
    d.respond(a)
    yield d.some(5, 15)
    d.propose(a, "partial_refund", "少件，协商部分退款", str((a.asked / 3).quantize(Decimal("0.1"))))
    yield d.some(3, 8)
    d.respond(a, "offer_partial", amount=(a.asked / 3).quantize(Decimal("0.1")))
    yield d.some(500, 900)


def compensated(d: Desk, a: Application) -> Story:
    """The buyer keeps the goods and gets a small payment beside the refund application."""
    d.arrive(a)
    yield d.some(3, 14)
    d.respond(a)
    yield d.some(4, 10)
    yield from d.decide(a, "compensation", "包装破损，补偿买家", "15.00")
    d.carry_out(a, small_payment=True)
    yield d.some(3, 8)
    d.respond(a, "small_payment", amount="15.00")
    yield d.some(30, 90)
    d.moves(a, "closed")
    yield 1


def compensation_over_limit(d: Desk, a: Application) -> Story:
    """Compensation beyond support's limit waits for the supervisor's four hours."""
    d.arrive(a)
    yield 5
    d.respond(a)
    yield 5
    d.propose(a, "compensation", "家具磕碰，买家要求补偿安装费", "180.00")
    yield 2000


def refused(d: Desk, a: Application) -> Story:
    """Refused with a reason; the buyer edits the application and is answered anew."""
    d.arrive(a)
    yield d.some(3, 14)
    d.respond(a)
    yield d.some(10, 30)
    d.propose(a, "refuse", "商品签收十天后提出，照片看不出瑕疵，请补充开箱视频", reason_id="50")
    yield d.some(2, 6)
    d.carry_out(a)
    yield d.some(1, 3)
    d.moves(a, "refused")
    yield d.some(120, 400)
    d.moves(a, "wait_seller", words="补充了开箱视频，请再看一下")
    yield d.some(4, 20)
    d.respond(a)
    yield d.some(200, 400)


def wrongly_filed(d: Desk, a: Application) -> Story:
    """Refund only, but the goods should come back: the buyer is guided to change the type, and does."""
    d.arrive(a)
    yield d.some(3, 14)
    d.respond(a, "change_type")
    yield d.some(4, 12)
    d.propose(a, "change_to_return", "不喜欢属于退货，引导修改类型")
    yield d.some(1, 4)
    d.carry_out(a)
    yield d.some(60, 240)
    d.moves(a, "wait_seller", type="return_refund")
    yield d.some(3, 9)
    d.act(a, "agree_return", freight="buyer", message=d.words(a, "agree_return_buyer_pays"))
    yield d.some(300, 600)


def sent_back_offline(d: Desk, a: Application) -> Story:
    """The buyer has sent it back already: the return number is taken directly."""
    d.arrive(a)
    yield d.some(3, 14)
    d.respond(a, "offline_return")
    yield d.some(60, 180)
    a.return_waybill, a.return_carrier = f"SF{a.number:010d}", "顺丰速运"
    d.act(a, "offline_return", waybill=a.return_waybill, carrier=a.return_carrier)
    yield d.some(10, 30)
    d.ask(a, "trace_return")
    yield d.some(30, 70)
    d.answer(a, "trace_return", Given("position", note="已揽收，正发往仓库"))
    yield d.some(300, 500)


def quality_asked(d: Desk, a: Application) -> Story:
    """A question about quality goes to the people who know the goods."""
    d.arrive(a)
    yield d.some(3, 14)
    d.respond(a)
    yield d.some(3, 10)
    d.ask(a, "ask_quality", "买家说通电有异味，新品是否正常？")
    yield d.some(30, 100)
    d.answer(a, "ask_quality", Given("yes", note="首次使用有轻微气味，通风半小时即可；若持续请寄回"))
    yield d.some(5, 15)
    yield from d.pay(a, "买家不接受异味，金额小，同意退款")


def special_wish(d: Desk, a: Application) -> Story:
    """A wish outside the rules goes to the supervisor."""
    d.arrive(a)
    yield d.some(3, 14)
    d.respond(a)
    yield d.some(3, 10)
    d.ask(a, "special_request", "买家希望退款后商品捐赠，不寄回")
    yield d.some(40, 160)
    d.answer(a, "special_request", Given("instead", note="金额不大可以，请买家提供照片留存"))
    yield d.some(5, 20)
    yield from d.pay(a, "按主管意见，照片留存后退款")


def amount_changed(d: Desk, a: Application) -> Story:
    """While the supervisor looks at it the buyer changes the amount: the decision is void and the desk asks again."""
    d.arrive(a)
    yield d.some(3, 10)
    d.respond(a)
    yield d.some(5, 12)
    d.propose(a, "full_refund", "破损属实，建议同意")
    yield d.some(30, 90)
    d.moves(a, "wait_seller", amount=(a.asked * Decimal("0.7")).quantize(Decimal("0.01")))
    yield 2000


def thought_better(d: Desk, a: Application) -> Story:
    """Proposed, and taken back by the proposer."""
    d.arrive(a)
    yield d.some(3, 12)
    d.respond(a)
    yield d.some(4, 9)
    d.propose(a, "full_refund", "买家称少件")
    yield d.some(5, 15)
    d.take_decision_back(a)
    yield d.some(1, 3)
    d.ask(a, "check_shipped", "请查出库称重和配件", difficult=True, difficult_reason="旧仓打包台监控需要调取")
    yield d.some(40, 90)
    d.answer(
        a, "check_shipped", Given("facts", note="出库称重少180克，确实漏放配件包", attachments=d.photo(Role.WAREHOUSE))
    )
    yield d.some(300, 500)


def no_question_needed(d: Desk, a: Application) -> Story:
    """Asked, and taken back before it was answered; a note stays, and the buyer's number was looked up."""
    d.arrive(a)
    yield d.some(3, 12)
    d.respond(a, channel="phone")
    yield d.some(3, 8)
    d.ask(a, "ask_quality", "是否同批次问题？")
    yield d.some(5, 15)
    d.withdraw(a, "ask_quality")
    d.act(a, "note", text="电话里买家确认是自己安装时磕到的，协商中。")
    yield d.some(300, 500)


# path 4 --------------------------------------------------------------------------------------------------------------


def _agreed(d: Desk, a: Application) -> Story:
    """Up to the point where the buyer owes the return number."""
    d.arrive(a)
    yield d.some(3, 14)
    d.act(a, "agree_return", freight="seller", message=d.words(a, "agree_return_shop_pays"))
    yield d.some(1, 4)
    d.moves(a, "wait_buyer_return")


def _sent(d: Desk, a: Application) -> Story:
    """Up to the point where the return is on its way."""
    yield from _agreed(d, a)
    yield d.some(90, 300)
    number, carrier = (f"YT{a.number:010d}", "圆通速递") if a.number % 2 else (f"ZT{a.number:010d}", "中通快递")
    d.moves(a, "wait_seller_confirm", return_waybill=number, return_carrier=carrier)


def _received(d: Desk, a: Application) -> Story:
    yield from _sent(d, a)
    yield d.some(120, 300)
    d.ask(a, "receive_return", "物流显示已签收，请确认")
    yield d.some(6, 24)
    d.answer(a, "receive_return", Given("received", data={"condition": "完好", "weight": "1.2", "quantity": 1}))


def returned_good(d: Desk, a: Application) -> Story:
    """Agreed, sent, received, inspected as good where the shop inspects first, refunded."""
    yield from _received(d, a)
    yield d.some(10, 40)
    if a.shop == d.company.taobao:
        d.answer(a, "inspect_return", Given("good"))
        yield d.some(3, 12)
    yield from d.pay(a, "退货已收到，同意退款")


def returned_damaged(d: Desk, a: Application) -> Story:
    """Quality control finds damage: photos, and less is offered."""
    yield from _received(d, a)
    yield d.some(20, 90)
    flaw = d.random.choice(FLAWS)
    lines = [{"line": "1", "sku": a.good.sku, "outcome": "damaged", "note": flaw}]
    d.answer(a, "inspect_return", Given("outcome", note=flaw, data={"lines": lines}, attachments=d.photo(Role.QC)))
    yield d.some(5, 14)
    d.respond(a, "inspected_damaged", reason=flaw)
    yield d.some(5, 15)
    d.propose(
        a, "partial_refund", f"质检发现{flaw}，协商扣除折旧", str((a.asked * Decimal("0.8")).quantize(Decimal("0.1")))
    )
    yield d.some(300, 600)


def wrong_item_back(d: Desk, a: Application) -> Story:
    """What came back is not what was sold."""
    yield from _received(d, a)
    yield d.some(20, 60)
    d.answer(a, "inspect_return", Given("wrong_item", note="退回的是其他品牌旧品", attachments=d.photo(Role.QC)))
    yield d.some(10, 20)
    d.ask(a, "recheck_weight", "请复称并附问题件签收凭证")
    yield d.some(20, 60)
    d.answer(a, "recheck_weight", Given("weight", data={"weight": "0.45"}, attachments=d.photo(Role.WAREHOUSE)))
    yield d.some(300, 500)


def at_the_door(d: Desk, a: Application) -> Story:
    """A valuable return is inspected with the courier, who also certifies the damage."""
    yield from _sent(d, a)
    yield d.some(60, 120)
    d.ask(a, "receive_return", "贵重退货，请当面验货")
    yield d.some(2, 5)
    d.ask(a, "inspect_at_door", "请派件员配合开箱验货", by=Role.WAREHOUSE)
    yield d.some(20, 60)
    d.answer(a, "inspect_at_door", Given("present", note="下午三点派送，配合验货"))
    yield d.some(2, 6)
    back = d.case(a).parcels.get(leg="return")
    d.ask(a, "issue_certificate", "外箱破损，请出具红章证明", by=Role.WAREHOUSE, parcel=back)
    yield d.some(40, 100)
    d.answer(a, "issue_certificate", Given("document", attachments=d.photo(Role.LOGISTICS, stamp=True)))
    yield 400


def number_owed(d: Desk, a: Application) -> Story:
    """The buyer does not send the return number; chased with a coupon."""
    yield from _agreed(d, a)
    yield 420
    d.act(a, "chase_return_number", message=d.words(a, "return_number_coupon"))
    yield 2000


def on_its_way_back(d: Desk, a: Application) -> Story:
    """Whether the return was signed for is asked of the carrier."""
    yield from _sent(d, a)
    yield d.some(60, 200)
    d.ask(a, "trace_return", "物流两天未更新")
    yield d.some(30, 100)
    d.answer(a, "trace_return", Given("signed", data={"signed_at": (d.stage.at - timedelta(minutes=30)).isoformat()}))
    yield d.some(200, 400)


def not_received_yet(d: Desk, a: Application) -> Story:
    """At the warehouse's door and not yet confirmed."""
    yield from _sent(d, a)
    yield 90
    d.ask(a, "receive_return", "物流显示已签收，请确认")
    yield 2000


def not_inspected_yet(d: Desk, a: Application) -> Story:
    """Received, and waiting for quality control."""
    yield from _received(d, a)
    yield 2000
