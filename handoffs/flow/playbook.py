"""The playbook as one table: what a path and an event open by themselves, and which step is offered next.

Source: domain.md section 2. It drives the flow and is shown as a page; new staff learn the job from it.
"""

from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext_lazy as _

from handoffs.models import Fact
from handoffs.models.clock import ClockKind
from handoffs.models.handoff import HandoffKind as K


@dataclass(frozen=True, slots=True)
class Play:
    """One row. `opens` are handoffs opened by themselves, `clock` starts, `steps` are offered, the first as the one."""

    path: int | None
    event: str
    label: Any
    steps: tuple[str, ...]
    how: Any
    opens: tuple[str, ...] = ()
    clock: str = ""


@dataclass(frozen=True, slots=True)
class Effect:
    """What an answer brings about: a fact about the goods, a clock, a claim; whether a decision is due after it.

    `seen`: the goods themselves were in hand, which counts as much as a parcel event. `amiss`: what came is not ours.
    """

    fact: str = ""
    clock: str = ""
    opens: tuple[str, ...] = ()
    decide: bool = True
    seen: bool = False
    amiss: bool = False


@dataclass(frozen=True, slots=True)
class PathCard:
    """A path as the page explains it."""

    path: int | None
    title: Any
    goods_return: Any
    order_state: Any
    core: Any


PATHS = (
    PathCard(1, _("Not shipped"), _("no"), _("paid, not shipped"),
             _("Refund in batches, and stop the parcel before it leaves.")),
    PathCard(2, _("Shipped, not signed for"), _("by the carrier"), _("shipped, on its way"),
             _("The agreement with the carrier: will come back, cannot be recalled, or already delivered.")),
    PathCard(3, _("Signed for, refund only"), _("no"), _("signed for or finished"), _("Limits and approval times.")),
    PathCard(4, _("Goods come back"), _("yes"), _("any"), _("Receive, inspect, refund.")),
    PathCard(None, _("Unclear, or no ordinary refund"), _("depends"), _("any"), _("A person decides; never dropped.")),
)  # fmt: skip

DECIDE_3 = ("full_refund", "partial_refund", "compensation", "change_to_return", "offline_return", "refuse")
PLAYS = (
    Play(1, "new", _("new"), ("stop_parcel",), _(
        "Respond. The warehouse is asked to stop the parcel, for it may have been handed over while the system still "
        "says “not shipped”; where the warehouse system says that nothing was picked, the system alone is asked. Is "
        "compensation claimed?"), opens=(K.STOP_PARCEL,)),
    Play(1, "stopped", _("stopped, or not picked"), ("full_refund",), _("Refund in full, many at once.")),
    Play(1, "left", _("has left"), ("tell_buyer",), _(
        "The case turns to path 2 and the recall is asked for. Tell the buyer, and record dispatch in the back office."
    ), opens=(K.RECALL_PARCEL,)),
    Play(2, "new", _("new"), ("recall_parcel", "trace_delivery", "reship", "full_refund"), _(
        "Respond, then ask the carrier's contact to bring it back.")),
    Play(2, "will_return", _("will come back"), ("full_refund",), _(
        "A promise: the refund may be paid at once; the desk watches until the goods are back."),
        clock=ClockKind.RETURN_PROMISED),
    Play(2, "cannot", _("cannot be recalled"), ("ask_refuse_delivery", "trace_delivery", "full_refund"), _(
        "Ask the buyer to refuse the parcel at the door; there is a template.")),
    Play(2, "delivered", _("delivered"), ("check_not_received", *DECIDE_3), _(
        "The case turns to path 3 or 4. Where the buyer denies it, check with carrier and warehouse.")),
    Play(2, "lost", _("silent for 5 days: lost"), ("open_claim", "full_refund", "reship"), _(
        "Counts as lost: open the claim against the carrier, and reship or refund.")),
    Play(3, "new", _("new"), DECIDE_3, _(
        "Respond. Wrongly filed? Guide the buyer to change the type, or take the return number. Otherwise decide "
        "within your limit.")),
    Play(3, "denied", _("the buyer denies delivery"), ("check_not_received", *DECIDE_3), _(
        "Ask carrier and warehouse for proof before deciding.")),
    Play(3, "over_limit", _("over the limit"), ("wait_colleague",), _(
        "A supervisor whose own limit covers the total decides."), opens=(K.APPROVE_REFUND, K.APPROVE_COMPENSATION)),
    Play(4, "new", _("new"), ("agree_return", "partial_refund", "exchange", "refuse"), _(
        "Agree on who bears the freight and accept the return at once, unless the reason claims compensation or is "
        "shown publicly.")),
    Play(4, "unseen", _("compensation claimed, or the reason is shown publicly"),
         ("ask_quality", "agree_return", "partial_refund", "exchange", "refuse"), _(
        "Look first: have quality control say what it thinks of the photos, or whether the claim stands. Then agree.")),
    Play(4, "agreed", _("return agreed"), ("return_number", "chase_return_number"), _(
        "Chase the return number with the template that offers a coupon."), clock=ClockKind.RETURN_NUMBER),
    Play(4, "sent", _("return on its way"), ("receive_return", "trace_return"), _(
        "Ask whether it has been signed for.")),
    Play(4, "signed", _("signed for"), ("receive_return",), _(
        "From now the goods are the store's risk: inspect on the spot."), opens=(K.RECEIVE_RETURN,)),
    Play(4, "received", _("received"), ("inspect_return", "full_refund"), _(
        "Inspect, or refund at once: by the shop's policy."), opens=(K.INSPECT_RETURN,)),
    Play(4, "good", _("inspected: good"), ("full_refund",), _("Refund in full.")),
    Play(4, "not_good", _("inspected: not good"), ("partial_refund", "full_refund", "refuse", "ask_quality"), _(
        "Back to the owner with the photos: decide.")),
    Play(None, "unclear", _("a person decides"),
         ("full_refund", "partial_refund", "check_shipped", "trace_delivery", "exchange", "reship", "refuse"), _(
        "Find out where the goods are; nothing is dropped.")),
)  # fmt: skip

EFFECTS: dict[tuple[str, str], Effect] = {
    (K.STOP_PARCEL, "stopped"): Effect(fact=Fact.What.STOPPED),
    (K.STOP_PARCEL, "not_picked"): Effect(fact=Fact.What.NOT_PICKED),
    (K.STOP_PARCEL, "left"): Effect(fact=Fact.What.LEFT, opens=(K.RECALL_PARCEL,), decide=False),
    (K.RECALL_PARCEL, "will_return"): Effect(fact=Fact.What.WILL_RETURN, clock=ClockKind.RETURN_PROMISED),
    (K.RECALL_PARCEL, "delivered"): Effect(fact=Fact.What.DELIVERED),
    (K.CHECK_NOT_RECEIVED, "delivered"): Effect(fact=Fact.What.DELIVERED),
    (K.CHECK_NOT_RECEIVED, "misdelivered"): Effect(fact=Fact.What.IN_TRANSIT),
    (K.CHECK_NOT_RECEIVED, "lost"): Effect(fact=Fact.What.LOST),
    (K.FOLLOW_UP_PARCEL, "lost"): Effect(fact=Fact.What.LOST),
    (K.TRACE_RETURN, "signed"): Effect(fact=Fact.What.RETURN_SHIPPED, opens=(K.RECEIVE_RETURN,), decide=False),
    (K.TRACE_RETURN, "position"): Effect(decide=False),
    (K.TRACE_DELIVERY, "position"): Effect(decide=True),
    (K.RECEIVE_RETURN, "received"): Effect(fact=Fact.What.RETURNED, opens=(K.INSPECT_RETURN,), seen=True),
    (K.INSPECT_RETURN, "wrong_item"): Effect(amiss=True, seen=True),
    (K.INSPECT_RETURN, "empty_box"): Effect(amiss=True, seen=True),
    (K.INSPECT_RETURN, "not_ours"): Effect(amiss=True, seen=True),
    (K.INSPECT_AT_DOOR, "present"): Effect(decide=False),
    (K.ISSUE_CERTIFICATE, "document"): Effect(decide=False),
}
# Kinds that make sense on some paths only; a change of path away from them withdraws what is still open.
APPLIES: dict[str, frozenset[int | None]] = {
    K.STOP_PARCEL: frozenset({1, None}),
    K.RECALL_PARCEL: frozenset({2, None}),
    K.TRACE_DELIVERY: frozenset({2, None}),
    K.CHECK_NOT_RECEIVED: frozenset({2, 3, None}),
    K.TRACE_RETURN: frozenset({2, 4, None}),
    K.RECEIVE_RETURN: frozenset({2, 4, None}),
    K.INSPECT_RETURN: frozenset({2, 4, None}),
}
LABELS: dict[str, Any] = {
    "respond": _("Respond to the buyer"),
    "assess_compensation": _("Does the compensation claim stand?"),
    "carry_out": _("Carry out in the back office and record it"),
    "await_confirmation": _("Paid: the next import confirms it"),
    "await_buyer": _("Wait for the buyer's edit"),
    "wait_colleague": _("Wait for the colleague's answer"),
    "decide": _("Decide"),
    "full_refund": _("Refund in full"),
    "partial_refund": _("Offer a part"),
    "compensation": _("Pay compensation"),
    "refuse": _("Refuse"),
    "reship": _("Reship"),
    "exchange": _("Exchange"),
    "change_to_return": _("Guide to return and refund"),
    "offline_return": _("Take the return number directly"),
    "tell_buyer": _("Tell the buyer it has left"),
    "ask_refuse_delivery": _("Ask the buyer to refuse delivery"),
    "open_claim": _("Open a carrier claim"),
    "agree_return": _("Agree to the return"),
    "return_number": _("Record the return number"),
    "reshipped": _("Record the new waybill"),
    "chase_return_number": _("Remind the buyer of the return number"),
    "confirm_basis": _("Confirm what the buyer paid"),
    "secure_goods": _("Secure the goods"),
    "ask_exchange": _("Ask how to exchange"),
    "settle_claim": _("Settle the carrier claim"),
    "watch_silence": _("Watch the waybill for silence"),
    "parcel_event": _("Enter a parcel event"),
    "promise_return": _("Record a promised return"),
    "came_back": _("The parcel is back"),
    "waive_goods": _("Waive the goods"),
    "goods_at_qc": _("The goods have arrived at quality control"),
    "note": _("Internal note"),
    "closed": _("Nothing to do"),
    **{kind.value: kind.label for kind in K},
}


def play(path: int | None, event: str) -> Play:
    """The row for a path and an event; a path's “new” where the event has none of its own."""
    rows = {row.event: row for row in PLAYS if row.path == path}
    return rows.get(event) or rows.get("new") or PLAYS[-1]
