"""Stories of parcels that have not left, and of parcels on their way (paths 1 and 2).

Each yields the minutes until its next act. A story can be told in part: the cast says how many acts.
"""

from datetime import timedelta

from accounts.models.people import Role
from handoffs.demo.desk import Desk
from handoffs.demo.goods import PLACES
from handoffs.demo.market import Application
from handoffs.demo.stage import Story
from handoffs.flow.answer import Given


def _day(d: Desk, days: int) -> str:
    return (d.stage.at + timedelta(days=days)).date().isoformat()


# path 1 --------------------------------------------------------------------------------------------------------------


def stopped(d: Desk, a: Application) -> Story:
    """The warehouse stops it, the refund is carried out and confirmed."""
    d.arrive(a)
    yield d.some(3, 14)
    d.respond(a)
    yield d.some(4, 11)
    d.answer(a, "stop_parcel", Given(d.random.choice(("stopped", "not_picked"))))
    yield d.some(3, 14)
    yield from d.pay(a, "尚未发货，仓库已拦下，同意退款")


def left_and_recalled(d: Desk, a: Application) -> Story:
    """The system says “not shipped”, the parcel has left; the carrier brings it back."""
    d.arrive(a)
    yield d.some(3, 10)
    d.respond(a)
    yield d.some(5, 12)
    d.answer(a, "stop_parcel", Given("left", waybill=f"ZT{a.number:010d}", carrier="中通快递"))
    yield d.some(3, 10)
    a.waybill, a.carrier = f"ZT{a.number:010d}", "中通快递"
    d.act(a, "tell_buyer", message=d.words(a, "parcel_left"))
    yield d.some(15, 60)
    d.answer(a, "recall_parcel", Given("will_return", by=_day(d, 3), note="已登记拦截，网点确认退回"))
    yield d.some(3, 10)
    yield from d.pay(a, "快递承诺退回，先行退款")


def left_cannot(d: Desk, a: Application) -> Story:
    """It has left and cannot be recalled: the buyer is asked to refuse it."""
    d.arrive(a)
    yield d.some(3, 10)
    d.respond(a)
    yield d.some(5, 15)
    d.answer(a, "stop_parcel", Given("left", waybill=f"YT{a.number:010d}", carrier="圆通"))
    yield d.some(20, 70)
    d.answer(a, "recall_parcel", Given("cannot", note="派送中无法拦截"))
    yield d.some(3, 12)
    a.waybill, a.carrier = f"YT{a.number:010d}", "圆通速递"
    d.act(a, "ask_refuse_delivery", message=d.words(a, "refuse_delivery"))
    yield d.some(300, 600)


def warehouse_late(d: Desk, a: Application) -> Story:
    """The warehouse answers long after its half hour."""
    d.arrive(a)
    yield d.some(4, 12)
    d.respond(a)
    yield d.some(50, 80)
    d.answer(a, "stop_parcel", Given("stopped", note="刚从打包台找回来"))
    yield d.some(4, 12)
    yield from d.pay(a, "已拦下，同意退款")


def late_response(d: Desk, a: Application) -> Story:
    """Nobody answered the buyer in time."""
    d.arrive(a)
    yield d.some(12, 18)
    d.answer(a, "stop_parcel", Given("not_picked"))
    yield d.some(30, 90)
    d.respond(a, "delay")
    yield d.some(3, 10)
    yield from d.pay(a, "未发货，同意退款")


def claims_compensation(d: Desk, a: Application) -> Story:
    """Out of stock or sent late: the claim is assessed, the refund paid, and the compensation beside it."""
    d.arrive(a)
    yield d.some(3, 12)
    d.respond(a, "compensation_checking")
    yield d.some(4, 12)
    d.answer(a, "stop_parcel", Given("not_picked", note="仓库缺货，未拣"))
    yield d.some(4, 15)
    d.act(a, "assess_compensation", claimed=True, stands=True)
    yield d.some(3, 10)
    yield from d.decide(a, "compensation", "超时未发货，按规则赔付", "12.00")
    d.carry_out(a, small_payment=True)
    yield d.some(2, 8)
    yield from d.pay(a, "未发货，同意退款")


def buyer_withdraws(d: Desk, a: Application) -> Story:
    """The buyer changes their mind before anything is decided."""
    d.arrive(a)
    yield d.some(3, 9)
    d.respond(a)
    yield d.some(4, 9)
    d.moves(a, "closed")
    yield 1


def refunded_at_once(d: Desk, a: Application) -> Story:
    """The marketplace refunded by itself; the parcel still has to be stopped."""
    a.phase, a.automatic = "success", True
    d.arrive(a)
    yield d.some(10, 20)
    d.take_up(a, "stop_parcel")
    yield d.some(5, 9)
    d.answer(a, "stop_parcel", Given("stopped"))
    yield 1


def question_sent_back(d: Desk, a: Application) -> Story:
    """The warehouse cannot answer it as it stands; it is asked again."""
    d.arrive(a)
    yield d.some(3, 9)
    d.respond(a)
    yield d.some(3, 8)
    d.send_back(a, "stop_parcel", "系统里查不到这个订单，请给主订单号")
    yield d.some(4, 12)
    d.send_again(a, "stop_parcel", f"主订单号 {a.order_id}")
    yield d.some(10, 20)
    d.answer(a, "stop_parcel", Given("stopped"))
    yield d.some(3, 9)
    yield from d.pay(a, "已拦下，同意退款")


def settled_long_ago(d: Desk, a: Application) -> Story:
    """An old row of an export: history, which opens nothing."""
    a.phase, a.settled_at = "success", d.stage.at - timedelta(days=19)
    d.arrive(a, after=60 * 24 * 20)
    yield 1


def cancelled_order(d: Desk, a: Application) -> Story:
    """A JD order cancelled before it left. The amount paid is not in the message: a person confirms it."""
    d.arrive(a)
    yield d.some(3, 14)
    d.respond(a, "not_shipped_agreed")
    yield d.some(4, 11)
    d.answer(a, "stop_parcel", Given("stopped"))
    yield d.some(2, 6)
    d.act(a, "confirm_basis")
    yield d.some(2, 8)
    yield from d.pay(a, "订单未出库，同意取消")


# path 2 --------------------------------------------------------------------------------------------------------------


def recalled(d: Desk, a: Application) -> Story:
    """A promise to bring it back: paid at once, watched until it is back, received."""
    d.arrive(a)
    yield d.some(3, 14)
    d.respond(a)
    yield d.some(2, 8)
    d.ask(a, "recall_parcel", "买家不要了，请追回")
    yield d.some(20, 90)
    d.answer(a, "recall_parcel", Given("will_return", by=_day(d, 2), note="网点反馈拦截成功，退回寄件网点"))
    yield d.some(3, 12)
    yield from d.pay(a, "快递承诺退回，先行退款")
    yield d.some(400, 700)
    d.act(a, "parcel_event", what="returned")
    yield d.some(8, 20)
    d.answer(a, "receive_return", Given("received", data={"condition": "完好", "weight": "0.8", "quantity": 1}))
    yield 1


def recall_refused(d: Desk, a: Application) -> Story:
    """It cannot be brought back; the buyer refuses it at the door."""
    d.arrive(a)
    yield d.some(3, 14)
    d.respond(a)
    yield d.some(2, 8)
    d.ask(a, "recall_parcel")
    yield d.some(30, 100)
    d.answer(a, "recall_parcel", Given("cannot", note="已在派送途中"))
    yield d.some(4, 15)
    d.act(a, "ask_refuse_delivery", message=d.words(a, "refuse_delivery"))
    yield d.some(200, 500)
    d.act(a, "parcel_event", what="return_shipped")
    yield d.some(5, 20)
    yield from d.pay(a, "买家拒收，包裹退回途中")


def denied(d: Desk, a: Application) -> Story:
    """The carrier says delivered, the buyer says it never came: carrier and warehouse are asked for proof."""
    d.arrive(a)
    yield d.some(3, 12)
    d.respond(a)
    yield d.some(2, 8)
    d.ask(a, "recall_parcel")
    yield d.some(15, 60)
    d.answer(a, "recall_parcel", Given("delivered", note="昨天已由驿站代收"))
    yield d.some(5, 15)
    d.respond(a, "not_received_check")
    d.ask(a, "check_not_received", "买家坚持没收到，请提供签收底单")
    yield d.some(40, 90)
    d.answer(a, "check_not_received", Given("handed_over", note="交接单已盖章", attachments=d.photo(Role.WAREHOUSE)),
             to_role=Role.WAREHOUSE)  # fmt: skip
    yield d.some(20, 60)
    d.answer(a, "check_not_received", Given("misdelivered", note="快递员放错楼栋，已取回重新派送"),
             to_role=Role.LOGISTICS)  # fmt: skip
    yield d.some(10, 25)
    d.moves(a, "closed")
    yield 1


def silent_parcel(d: Desk, a: Application) -> Story:
    """No event for days: it counts as lost by itself, a claim is opened, the buyer refunded."""
    d.arrive(a)
    yield d.some(3, 12)
    d.respond(a)
    yield d.some(3, 10)
    last = d.stage.at - timedelta(days=4 if a.carrier == "顺丰速运" else 5) + timedelta(hours=2)
    d.act(a, "watch_silence", last_event=last.isoformat())
    yield 150
    d.respond(a, "parcel_lost")
    yield d.some(5, 15)
    yield from d.pay(a, "包裹按丢件处理，向快递索赔")
    if a.number % 2:
        return  # the carrier still thinks about it
    yield d.some(300, 600)
    d.act(a, "settle_claim", result="paid")
    yield 1


def traced(d: Desk, a: Application) -> Story:
    """Only late: the carrier says where it is and when it will come."""
    d.arrive(a)
    yield d.some(4, 14)
    d.respond(a)
    yield d.some(3, 9)
    d.ask(a, "trace_delivery", "买家问包裹到哪了")
    yield d.some(20, 80)
    d.answer(a, "trace_delivery", Given("position", note=f"{d.random.choice(PLACES)}，等待装车", by=_day(d, 1)))
    yield d.some(5, 15)
    d.respond(a, "delay")
    yield d.some(4, 12)
    d.moves(a, "closed")
    yield 1


def unanswered(d: Desk, a: Application) -> Story:
    """Asked, and the carrier's contact does not answer."""
    d.arrive(a)
    yield 6
    d.respond(a)
    yield 4
    d.ask(a, "recall_parcel", "请尽快追回")
    yield 2000


def follow_up(d: Desk, a: Application) -> Story:
    """Handed over, but the carrier's system knows nothing of it: the warehouse asks the carrier."""
    d.arrive(a)
    yield d.some(4, 14)
    d.respond(a)
    yield d.some(4, 10)
    d.answer(a, "stop_parcel", Given("left", waybill=f"ZT{a.number:010d}", carrier="中通快递"))
    yield d.some(5, 20)
    d.ask(a, "follow_up_parcel", "交接后无揽收记录，请核实", by=Role.WAREHOUSE)
    yield d.some(40, 100)
    d.answer(a, "follow_up_parcel", Given("found", note="漏扫，今晚已补录"))
    yield 1
