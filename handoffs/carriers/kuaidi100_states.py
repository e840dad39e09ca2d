"""Kuaidi100's codes and words in the desk's terms (formats.md 4.1).

The trap: 6 is on its way back, 4 is back and signed for by the sender, 14 is refused at the door.
"""

from handoffs.carriers.base import State

CODES: dict[str, State] = {
    "0": State.IN_TRANSIT, "1001": State.IN_TRANSIT, "1002": State.IN_TRANSIT, "1003": State.IN_TRANSIT,
    "1": State.PICKED_UP, "101": State.ORDERED, "102": State.ORDERED, "103": State.PICKED_UP,
    "2": State.PROBLEM, "201": State.PROBLEM, "202": State.PROBLEM, "203": State.REFUSED, "204": State.PROBLEM,
    "205": State.AT_OUTLET, "206": State.PROBLEM, "207": State.PROBLEM, "208": State.PROBLEM, "209": State.PROBLEM,
    "210": State.CANCELLED,
    "3": State.SIGNED, "301": State.SIGNED, "302": State.SIGNED, "303": State.SIGNED_BY_OTHER,
    "304": State.SIGNED_BY_OTHER,
    "4": State.RETURNED_SIGNED, "401": State.CANCELLED,
    "5": State.OUT_FOR_DELIVERY, "501": State.AT_OUTLET,
    "6": State.RETURNING,
    "7": State.IN_TRANSIT,
    "8": State.CUSTOMS, "10": State.CUSTOMS, "11": State.CUSTOMS, "12": State.CUSTOMS, "13": State.CUSTOMS,
    "14": State.REFUSED,
}  # fmt: skip
# A line's `status`, in words.
WORDS: dict[str, State] = {
    "在途": State.IN_TRANSIT, "干线": State.IN_TRANSIT, "到达派件城市": State.IN_TRANSIT, "转递": State.IN_TRANSIT,
    "转投": State.IN_TRANSIT, "揽收": State.PICKED_UP, "已揽收": State.PICKED_UP, "已下单": State.ORDERED,
    "待揽收": State.ORDERED, "疑难": State.PROBLEM, "签收": State.SIGNED, "本人签收": State.SIGNED,
    "代签": State.SIGNED_BY_OTHER, "投柜或站签收": State.SIGNED_BY_OTHER, "退签": State.RETURNED_SIGNED,
    "已销单": State.CANCELLED, "派件": State.OUT_FOR_DELIVERY, "投柜或驿站": State.AT_OUTLET, "退回": State.RETURNING,
    "清关": State.CUSTOMS, "拒签": State.REFUSED, "拒收": State.REFUSED,
}  # fmt: skip


def state_of(code: str, word: str = "") -> State:
    """By the code, else by the word; UNKNOWN where neither stands in a table."""
    return CODES.get(code) or WORDS.get(word, State.UNKNOWN)
