"""What a line of a trace says, and what all lines together come to (formats.md 4.3, 4.4).

Words of a return release money, so they are believed only where they are plain: advice (“may be refused”), failures
(“cannot be returned”), names (a returns department signs for it) and “returned or forwarded” are none.
"""

import re
from collections.abc import Sequence
from enum import StrEnum

from handoffs.carriers.base import GOING_BACK, SIGNED_FOR, Event, State

# Who signed is a name, not news.
_SIGNER = re.compile(r"签收人(是|为)?\s*[：:]?\s*[（(【\[]?[^，,。；;）)】\]]*")
_NAMES = re.compile(r"退(货|件|换货?)(仓库?|组|部门?|中心|点|处|专员|员|收货|地址|班)")
_IF = re.compile(r"(如|若)(果|有|需|您|遇|发现|要|未|无)[^，,。；;]*")
_EITHER = re.compile(r"退回\s*[/／或、]\s*转寄|转寄\s*[/／或、]\s*退回")
_NO_RETURN = re.compile(
    r"(取消|撤销|终止|停止|无法|不能|不予|不可|未能?|暂不|拒绝|如需|如要|若需|可?申请|支持|将|会|可能|逾期|或|可)"
    r"(再|被|自动|办理|进行|申请|予以){0,2}(退回|退件|退货|退返|返回|拦截|转寄)"
    r"|(退回|退件|退货|退返|拦截)(件)?(失败|不成功|未成功|取消|撤销|被拒)"
)
_GOES_ON = re.compile(
    r"(取消|撤销|终止|停止)(退回|退件|退货|退返|拦截)|(退回|退件|拦截)(取消|撤销)|(恢复|继续)(派送|派件|投递|配送)"
)
_NO_REFUSAL = re.compile(
    r"(如|若|可|可以|有权|避免|防止|以免|请勿|勿|未|没有|并非)[^，,。；;]{0,8}拒(收|签)|拒(收|签)(取消|撤销)|取消拒(收|签)"
)
_NO_SIGNATURE = re.compile(
    r"(准备|等待|待|未能?|未被|请(您|及时|尽快|注意)?|提醒您?|方便|便于|即将|无法|不能|尚未|催)(您|客户|收件人|买家|用户|本人)?(及时|尽快)?签收"
    r"|签收(前|时|后|短信|码|请(当面|先|验|检|出示|携带|注意)|失败|异常|不成功|超时)"
)
_BACK = re.compile(
    r"退回|退件|退货|退返|退往|原(件|路)返|返回(寄|发)(件|货)|返回原?(寄|发)|拦截成功|已(被)?拦截|成功拦截"
)
_BACK_SIGNED = re.compile(r"退签|(寄|发)(件|货)(人|方|网点|客户)[^，,。；;]{0,4}(已)?签收")
_FOR_THEM = re.compile(r"代签|代收(?!货款|点)")
_OTHER = re.compile(
    r"代签|代收(?!货款|点)|驿站|快递柜|丰巢|智能柜|自提柜|超市|便利店|门卫|保安|物业|前台|家人|邻居|同事|他人"
)
_STORED = re.compile(
    r"(暂存|存放|存入|寄存(至|在|于)|投递至|投放|放入|放至|放到|放在|置于|送至|送达|交由|移交|委托)[^，,。；;]{0,40}"
    r"(驿站|柜|丰巢|代收点|自提点|代办点|便利店|超市|服务站|妈妈驿站|兔喜)"
    r"|(到达|已至|已到)[^，,。；;]{0,40}(驿站|快递柜|智能柜|丰巢|代收点|自提点)"
    r"|(驿站|柜|丰巢|代收点|自提点|便利店|超市)[^，,。；;]{0,20}(代收|待取|领取|取件|自提|保管)|入柜|投柜"
)
_RULES: tuple[tuple[State, re.Pattern[str]], ...] = (
    (State.PROBLEM, re.compile(
        r"(派送|派件|投递|配送|妥投|签收)(不成功|失败|异常|未成功|未果)|无法(联系|送达|派送|派件|投递)|联系不上|无人接听|疑难|问题件"
        r"|破损|滞留|超区|超出派送|错分|错发|地址(不详|有误|错误)|遗失|丢失|改约|延误|再次投递|另约")),
    (State.SIGNED, re.compile(r"签收|妥投|投递成功|已取走|已取出|已被取|客户已(取|领)")),
    (State.CUSTOMS, re.compile(r"清关|海关|报关|通关")),
    (State.OUT_FOR_DELIVERY, re.compile(r"派送|派件|投递|配送(中|员)|正在配送")),
    (State.ORDERED, re.compile(r"已下单|待揽|等待揽|未揽|已接单|等待(快递员)?上门|电子面单|待收件")),
    (State.PICKED_UP, re.compile(r"揽(收|件)|收取|收寄|已(收件|取件|揽)|收件(?!人|方|地|网点|客户|码|电话)")),
    (State.IN_TRANSIT, re.compile(
        r"到达|抵达|离开|发往|发出|发车|装车|卸车|装袋|中转|转运|分拨|运输|运往|下一站|集散|航班|起飞|降落|入库|出库|扫描|转寄|转递|在途|途中")),
)  # fmt: skip
_NEW_NUMBER = re.compile(r"新(?:的)?(?:快递|运|面)?单号?(?:为|是|号)?\s*[：:【\[]?\s*([A-Za-z]{0,4}\d{8,20})")


def meaning(text: str) -> State:
    """What one line says; UNKNOWN where it says nothing of where the parcel is."""
    signed_by_other = bool(_OTHER.search(text)) and "签收" in text
    plain = _EITHER.sub("转寄", _NO_SIGNATURE.sub(_kept_failures, _news(text)))
    back = bool(_BACK.search(_NO_RETURN.sub("", plain)))
    if _BACK_SIGNED.search(plain) or (back and "签收" in plain):
        return State.RETURNED_SIGNED
    if back:
        return State.RETURNING
    if re.search("拒(收|签)", _NO_REFUSAL.sub("", plain)):
        return State.REFUSED
    if _STORED.search(plain) and "签收" not in plain:
        return State.AT_OUTLET
    if "签收" not in plain and _FOR_THEM.search(plain):
        return State.SIGNED_BY_OTHER
    found = next((state for state, pattern in _RULES if pattern.search(plain)), State.UNKNOWN)
    return State.SIGNED_BY_OTHER if found == State.SIGNED and signed_by_other else found


def _news(text: str) -> str:
    """The line without names and without what would be if."""
    return _IF.sub("", _NAMES.sub("", _SIGNER.sub("签收", text)))


def _kept_failures(matched: re.Match[str]) -> str:
    """“Signing failed” stays, being news; “please sign” goes."""
    return matched.group() if re.search("失败|异常|不成功", matched.group()) else ""


def goes_on(text: str) -> bool:
    """Whether a line takes a return back: the parcel goes on to the buyer."""
    return bool(_GOES_ON.search(text))


def new_waybill(text: str, *, of: str = "") -> str:
    """The number under which a parcel goes on (SF's 648: returned or forwarded); empty when none is told."""
    found = _NEW_NUMBER.search(text)
    number = found.group(1).upper() if found else ""
    return "" if number == of.upper() else number


def refined(coded: State, text: str) -> State:
    """A line's state by its code, made finer by its words: where the code says little, and where they tell of a
    return, which no code for deliveries and signatures does.
    """
    said = meaning(text)
    if coded in (State.UNKNOWN, State.NO_TRACE):
        return said
    if coded in GOING_BACK or coded == State.CANCELLED:
        return coded
    if said in (State.RETURNING, State.RETURNED_SIGNED):
        return State.RETURNED_SIGNED if coded in SIGNED_FOR else said
    if coded in (State.IN_TRANSIT, State.PROBLEM) and said in (State.REFUSED, State.AT_OUTLET):
        return said
    return said if coded == State.IN_TRANSIT and said == State.OUT_FOR_DELIVERY else coded


def told_by(events: Sequence[Event]) -> State:
    """What the lines come to, read oldest first.

    A return once begun outranks later deliveries, and a signature after it is the sender's. Signed, stored at a
    station, signed again: the newest counts. Refused, then signed for without a word of a return: a person looks.
    """
    returning = refused = False
    now = State.UNKNOWN if events else State.NO_TRACE
    for event in events:
        if goes_on(event.text):
            returning = refused = False
        returning |= event.state in (State.RETURNING, State.RETURNED_SIGNED)
        refused |= event.state == State.REFUSED
        if event.state in (State.UNKNOWN, State.NO_TRACE):
            continue
        now = _now(event.state, returning=returning, refused=refused)
    return now


def _now(state: State, *, returning: bool, refused: bool) -> State:
    if returning:
        signed = state in SIGNED_FOR or state == State.RETURNED_SIGNED
        return State.RETURNED_SIGNED if signed else State.RETURNING
    if refused:
        return State.PROBLEM if state in SIGNED_FOR else State.REFUSED
    return state


def settled(summary: State, events: Sequence[Event]) -> State:
    """A parcel's state from the carrier's summary and its lines. The summary counts, but for what it cannot tell:
    that the parcel is on its way back, or lies at a station after somebody signed.
    """
    lines = told_by(events)
    if summary in (State.UNKNOWN, State.NO_TRACE):
        return lines if events else summary
    if not events:
        return summary
    if summary in SIGNED_FOR:
        return _signed_and(summary, lines, refused=any(event.state == State.REFUSED for event in events))
    if summary in GOING_BACK:
        return (
            lines if lines in (State.RETURNING, State.RETURNED_SIGNED) and summary != State.RETURNED_SIGNED else summary
        )
    if summary == State.IN_TRANSIT and lines in (State.OUT_FOR_DELIVERY, State.AT_OUTLET):
        return lines
    return lines if lines in GOING_BACK else summary


def _signed_and(summary: State, lines: State, *, refused: bool) -> State:
    if lines in (State.RETURNING, State.RETURNED_SIGNED):
        return State.RETURNED_SIGNED
    if lines == State.REFUSED or (lines == State.PROBLEM and refused):
        return State.PROBLEM
    return lines if lines in (State.AT_OUTLET, State.SIGNED_BY_OTHER) else summary


class Stop(StrEnum):
    """A carrier's answer to “stop it”."""

    STOPPED = "stopped"
    CANNOT = "cannot"


_CANNOT = re.compile(
    r"(无法|不能|未能|没法|不可|来不及)[^，,。；;]{0,4}拦截|拦截(失败|不了|不成功|不到)|已(经)?签收|拒绝拦截|拦不(住|了|到)"
)
_STOPPED = re.compile(r"拦截成功|已(被)?拦截|成功拦截|拦(住|到)了|(已|同意)退回")


def stop_answer(replies: Sequence[str]) -> Stop | None:
    """What an outlet's free words come to, oldest first: the newest reply that says yes or no wins."""
    for reply in reversed(replies):
        if _CANNOT.search(reply):
            return Stop.CANNOT
        if _STOPPED.search(reply):
            return Stop.STOPPED
    return None
