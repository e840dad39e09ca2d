"""The one recommended next step of a case, and the others under it, from the playbook."""

from dataclasses import dataclass
from typing import Any

from accounts.models import Shop
from handoffs.flow.exchange import owes_goods
from handoffs.flow.grant import unassessed
from handoffs.flow.kinds import KINDS
from handoffs.flow.owed import MOVING
from handoffs.flow.playbook import LABELS, play
from handoffs.flow.standing import signed_for_by_shop
from handoffs.models import Case, Clock, Decision, Fact, Handoff, Parcel
from handoffs.models.clock import ClockKind
from handoffs.models.handoff import HandoffKind as K


@dataclass(frozen=True, slots=True)
class Step:
    """A button: its code and its label. `how` says which door it takes: respond, handoff, decision, act or wait."""

    code: str
    label: Any
    how: str


def step(code: str) -> Step:
    return Step(code, LABELS.get(code, code), _door(code))


def _door(code: str) -> str:
    if code in KINDS:
        return "handoff"
    if code in Decision.Kind.values:
        return "decision"
    if code in ("respond",):
        return "respond"
    return "wait" if code.startswith(("wait", "await")) or code in ("closed", "decide") else "act"


def steps(case: Case) -> list[Step]:
    """The offered steps, the recommended one first. Reads the case's related rows; prefetch them for lists."""
    codes = [*_urgent(case), *_from_playbook(case)]
    return [step(code) for code in dict.fromkeys(codes)] or [step("closed")]


def next_step(case: Case) -> Step:
    return steps(case)[0]


def _urgent(case: Case) -> list[str]:
    """What goes before the playbook: responding, a claim to assess, a decision to carry out or to wait for."""
    if case.status == Case.Status.CLOSED:
        return ["closed"]
    approved = [d for d in case.decisions.all() if d.status == Decision.Status.APPROVED]
    if case.status == Case.Status.GOODS_OPEN and case.money == Case.Money.CONFIRMED:
        return [*(["carry_out"] if any(not d.offer for d in approved) else []), *_secure(case)]
    codes: list[str] = ["reshipped"] if owes_goods(case) else []
    if _runs(case, ClockKind.FIRST_RESPONSE):
        codes.append("respond")
    if unassessed(case):
        codes.append("assess_compensation")
    if approved:
        codes.append("await_buyer" if approved[-1].offer else "carry_out")
    elif case.money in (Case.Money.ORDERED, Case.Money.ACKNOWLEDGED):
        codes.append("await_confirmation")
    elif _asked(case):
        codes.append("wait_colleague")
    return codes


def _secure(case: Case) -> list[str]:
    """The money has gone: what is left is to get the goods."""
    if _asked(case):
        return ["wait_colleague"]
    if case.goods == Case.Goods.LOST:
        return ["open_claim"]
    if case.goods == Case.Goods.RETURNING and case.path != Case.Path.RETURN:
        return [K.TRACE_RETURN.value]
    return [
        K.STOP_PARCEL.value if case.path == 1 else K.RECALL_PARCEL.value if case.path == 2 else K.RECEIVE_RETURN.value
    ]


def _runs(case: Case, kind: str) -> bool:
    return any(clock.kind == kind and clock.ended_at is None for clock in case.clocks.all())


def _asked(case: Case) -> list[str]:
    live: list[str] = [handoff.kind for handoff in case.handoffs.all() if handoff.status in Handoff.LIVE]
    proposed = [d.kind for d in case.decisions.all() if d.status == Decision.Status.PROPOSED]
    return live + proposed


def _from_playbook(case: Case) -> list[str]:
    if case.is_over or case.status == Case.Status.CLOSED:
        return []
    asked = set(_asked(case))
    offered = [code for code in play(case.path, event(case)).steps if code not in asked]
    if (
        any(d.status in Decision.LIVE and d.kind != "compensation" for d in case.decisions.all())
        or case.money in MOVING
    ):
        offered = [code for code in offered if code not in Decision.Kind.values or code == "compensation"]
    if case.path == Case.Path.NOT_SHIPPED or case.operation_constraint == "cannot_refuse" or "无理由" in case.reason:
        offered = [code for code in offered if code != "refuse"]  # the marketplace would not take it
    if case.path == Case.Path.RETURN and not _refund_first(case):
        offered = sorted(offered, key=lambda code: code == "full_refund")
    return offered


def _refund_first(case: Case) -> bool:
    inspected = any(h.kind == K.INSPECT_RETURN and h.status == "answered" for h in case.handoffs.all())
    return inspected or case.shop.return_policy == Shop.ReturnPolicy.ON_SIGNATURE


def event(case: Case) -> str:
    """Which row of the playbook the case stands on."""
    if case.path == Case.Path.RETURN:
        return _return_event(case)
    facts = [fact.what for fact in sorted(case.facts.all(), key=lambda fact: (fact.rank, fact.at))]
    last = facts[-1] if facts else ""
    answers = {handoff.kind: handoff.answer for handoff in case.handoffs.all() if handoff.status == "answered"}
    if case.path == Case.Path.NOT_SHIPPED:
        return "stopped" if last in ("stopped", "not_picked") else "new"
    if case.path == Case.Path.ON_THE_WAY:
        if told := _promised_or_lost(case):
            return told
        return "cannot" if answers.get(K.RECALL_PARCEL) == "cannot" else "new"
    if case.path == Case.Path.REFUND_ONLY:
        denied = case.contradiction == "buyer_denies" and K.CHECK_NOT_RECEIVED not in answers
        return "denied" if denied else "new"
    return "unclear"


def _promised_or_lost(case: Case) -> str:
    """Whether the parcel comes back or is lost. Events outrank answers, but one that is only under way takes no promise
    back; what was called lost and was heard of later is not.
    """
    latest: dict[int, Fact] = {}
    for fact in sorted(case.facts.all(), key=lambda fact: (fact.at, fact.pk)):
        latest[fact.rank] = fact
    event, answer = latest.get(Fact.Rank.EVENT), latest.get(Fact.Rank.ANSWER)
    if event is not None and event.what in ("will_return", "returned", "lost"):
        return "lost" if event.what == "lost" else "will_return"
    if answer is None or (event is not None and event.what != "in_transit"):
        return ""
    if answer.what == "lost":
        heard = max((parcel.state_at for parcel in case.parcels.all() if parcel.state_at), default=None)
        return "" if heard and heard > answer.at else "lost"
    return "will_return" if answer.what in ("will_return", "returned") else ""


def _return_event(case: Case) -> str:
    answers = {handoff.kind: handoff.answer for handoff in case.handoffs.all() if handoff.status == "answered"}
    if K.INSPECT_RETURN in answers:
        return "good" if _all_good(case) else "not_good"
    if K.RECEIVE_RETURN in answers or case.goods == Case.Goods.RETURNED:
        return "received"
    if answers.get(K.TRACE_RETURN) == "signed" or signed_for_by_shop(list(case.parcels.all())):
        return "signed"
    if any(parcel.leg == Parcel.Leg.RETURN for parcel in case.parcels.all()):
        return "sent"
    agreed = case.phase in (Case.Phase.WAIT_BUYER_RETURN, Case.Phase.WAIT_SELLER_CONFIRM)
    if agreed or case.return_agreed_offline or _runs(case, ClockKind.RETURN_NUMBER):
        return "agreed"
    seen = case.compensation_stands is not None or K.ASK_QUALITY in answers
    return "unseen" if (case.claims_compensation or case.shown_publicly) and not seen else "new"


def _all_good(case: Case) -> bool:
    answered = [h for h in case.handoffs.all() if h.kind == K.INSPECT_RETURN and h.status == "answered"]
    last = max(answered, key=lambda handoff: (handoff.answered_at, handoff.pk))
    lines = last.data.get("lines") or []
    return last.answer == "good" or (last.answer == "outcome" and all(line.get("outcome") == "good" for line in lines))


def open_clocks(case: Case) -> list[Clock]:
    return [clock for clock in case.clocks.all() if clock.ended_at is None]
