"""The timeline in words: one sentence per kind of entry, in the reader's language."""

from typing import Any

from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from handoffs.admin import values
from handoffs.flow.kinds import KINDS
from handoffs.models import CarrierClaim, Case, Decision, Interception, TimelineEntry
from handoffs.models.clock import ClockKind
from handoffs.notices import when

L = gettext_lazy
SENTENCES: dict[str, Any] = {
    "arrived": L("Application received"),
    "follows": L("Goes on from the earlier application %(refund_id)s: its parcel and recall"),
    "followed_by": L("The buyer applied again: %(refund_id)s"),
    "changed": L("Changed on the marketplace"),
    "amount_changed": L("The buyer changed the amount: %(before)s → %(amount)s"),
    "deadline_moved": L("The deadline of “%(clock)s” was moved by new rules: %(was)s → %(due)s"),
    "path_changed": L("Path changed: %(from)s → %(to)s"),
    "status": L("Status: %(to)s"),
    "responded": L("Responded (%(channel)s): %(message)s"),
    "handed_off": L("Asked: %(kind)s. %(note)s"),
    "claimed": L("Claimed: %(kind)s"),
    "answered": L("Answered %(kind)s: %(answer)s. %(note)s"),
    "returned": L("Returned %(kind)s: %(reason)s"),
    "reassigned": L("Reassigned: %(from)s → %(to)s"),
    "withdrawn": L("Withdrawn: %(kind)s (%(cause)s)"),
    "proposed": L("Proposed: %(kind)s %(amount)s. %(reason)s"),
    "approved": L("Approved: %(kind)s %(amount)s"),
    "refused": L("Refused: %(kind)s. %(reason)s"),
    "voided": L("Void: %(kind)s (%(cause)s)"),
    "decision_withdrawn": L("Decision withdrawn: %(kind)s"),
    "carried_out": L("Carried out: %(kind)s %(amount)s %(reference)s"),
    "ordered": L("Refund ordered: %(amount)s"),
    "acknowledged": L("Refund recorded in the back office: %(amount)s"),
    "confirmed": L("Refund confirmed by the marketplace: %(amount)s"),
    "paid_elsewhere": L("Refunded on the marketplace without the desk: %(amount)s"),
    "refund_unknown": L("Not certain whether this was paid: %(amount)s"),
    "refund_failed": L("Not paid: %(amount)s. %(said)s"),
    "market_refused": L("The marketplace did not take it: %(said)s"),
    "market_unknown": L("Not certain whether it reached the marketplace: %(said)s"),
    "settling": L("Settled by hand as %(result)s, a second person has to agree: %(reason)s"),
    "offer_taken": L("The buyer took the offer: %(amount)s"),
    "reminded": L("Reminded: %(clock)s at %(percent)s %%"),
    "late": L("Late: %(clock)s"),
    "escalated": L("Escalated: %(clock)s"),
    "case_claimed": L("Case taken by %(owner)s"),
    "case_assigned": L("Case passed to %(owner)s"),
    "case_put_back": L("Case put back into the open queue"),
    "compensation_assessed": L("Compensation assessed"),
    "told_buyer": L("Buyer told that the parcel has left"),
    "asked_to_refuse_delivery": L("Buyer asked to refuse delivery"),
    "return_agreed": L("Return agreed"),
    "freight": L("Freight: %(bearer)s"),
    "return_number": L("Return number %(carrier)s %(waybill)s"),
    "return_number_chased": L("Buyer reminded of the return number"),
    "record_dispatch": L("Record the dispatch of %(waybill)s in the back office"),
    "silence_watched": L("Watching %(waybill)s for silence"),
    "parcel_event": L("Parcel event: %(what)s %(waybill)s"),
    "counted_lost": L("Counts as lost: %(waybill)s"),
    "claim_opened": L("Claim opened against the carrier: %(amount)s"),
    "claim_settled": L("Claim settled: %(result)s"),
    "claim_followed": L("Claim followed up: %(result)s"),
    "goods_moved": L("Goods: %(what)s, %(waybill)s"),
    "found_again": L("Counted lost, and heard of again: %(waybill)s"),
    "left_after_all": L("Refunded as not sent, and the carrier has it: %(waybill)s"),
    "return_silent": L("The return has been silent for too long: %(waybill)s"),
    "promise_broken": L("Promised to come back, and delivered: %(waybill)s"),
    "no_first_event": L("Handed over, and no event came: %(waybill)s"),
    "reshipped": L("Sent again as %(carrier)s %(waybill)s"),
    "return_signed": L("The return was signed for: %(waybill)s"),
    "orphan_assigned": L("A parcel that belonged to no case: %(waybill)s"),
    "lines_changed": L("Other goods than before: see the lines"),
    "interception_asked": L("Interception asked for: %(waybill)s"),
    "not_picked": L("The warehouse system says that nothing was picked yet; it alone is asked to stop the order"),
    "picked": L("The warehouse is asked after all: %(said)s"),
    "interception": L("Interception: %(state)s %(said)s"),
    "interception_fee": L("Fee of the interception: %(fee)s"),
    "return_promised": L("Return promised"),
    "came_back": L("The parcel is back"),
    "basis_confirmed": L("Paid amount confirmed by a person: %(amount)s"),
    "basis_taken": L("Paid amount as the file says, confirmed by deciding: %(amount)s"),
    "goods_at_qc": L("The goods have arrived at quality control"),
    "goods_waived": L("Goods waived: %(reason)s"),
    "exchange_asked": L("Buyer asked how to exchange"),
    "exchange_way": L("Way: %(way)s"),
    "exchange_confirmed": L("The buyer did so: %(way)s"),
    "revealed": L("Buyer's data revealed"),
    "erase_asked": L("Buyer's data is to be erased when the case is closed: %(reason)s"),
    "erased": L("Buyer's data erased: %(cause)s%(reason)s"),
    "archived": L("%(rows)s older entries are in the archive: %(file)s"),
    "note": L("Note: %(text)s"),
}
CAUSES: dict[str, Any] = {
    "path_changed": L("the path changed"),
    "picked": L("picked after all"),
    "goods_back": L("the goods are back"),
    "asker": L("taken back by the asker"),
    "withdrawn": L("taken back"),
    "marketplace_changed": L("the marketplace changed it"),
    "already_refunded": L("already refunded"),
    "closed_on_the_marketplace": L("closed on the marketplace"),
    "arrived_late": L("arrived late"),
    "retention": L("kept for as long as the policy says"),
    "asked_for": L("asked for while the case was open"),
}


class _Values(dict[str, Any]):
    """The values of an entry; what an entry does not have reads as nothing."""

    def __missing__(self, key: str) -> str:
        return ""


def sentence(entry: TimelineEntry) -> str:
    """The entry in one sentence. A kind without one is shown by its code."""
    template = SENTENCES.get(entry.kind)
    if template is None:
        return entry.kind
    filled = _Values({key: _word(key, value) for key, value in entry.data.items() if value is not None})
    if "clock" in filled and "kind" in filled:
        filled["clock"] = filled["kind"]  # the clock of a question goes by the question's name
    return (str(template) % filled).strip(" .")


def _word(key: str, value: Any) -> str:
    if key == "kind":
        decision = dict(Decision.Kind.choices).get(value, value)
        return str(dict(_kinds()).get(value, decision))
    if key == "clock":
        return str(dict(ClockKind.choices).get(value, value))
    if key in ("was", "due") and (moment := parse_datetime(str(value))):
        return when(moment)
    if key in ("from", "to"):
        names: dict[Any, Any] = {**dict(Case.Status.choices), **dict(Case.Path.choices)}
        return str(names.get(value, value))
    if key == "cause":
        return str(CAUSES.get(value, value))
    if key == "answer":
        return str(_answers().get(value, value))
    if key in ("state", "result"):
        named: dict[Any, Any] = {
            **dict(Interception.State.choices), **dict(CarrierClaim.Status.choices),
        }  # fmt: skip
        return str(named.get(value, value))
    return f"¥{value}" if key in ("amount", "before", "fee") else values.said(key, value)


def _kinds() -> list[tuple[str, Any]]:
    from handoffs.models.handoff import HandoffKind

    return [(value, label) for value, label in HandoffKind.choices]


def _answers() -> dict[str, Any]:
    return {answer.code: answer.label for kind in KINDS.values() for answer in kind.answers}


def answer_label(kind: str, code: str) -> str:
    """An answer in words."""
    found = KINDS[kind].answer(code) if code and kind in KINDS else None
    return str(found.label) if found else code


DETAILS: dict[str, Any] = {
    "by": L("by when"),
    "waybill": L("waybill"),
    "carrier": L("carrier"),
    "position": L("position"),
    "condition": L("condition"),
    "weight": L("weight (kg)"),
    "signed_at": L("signed for at"),
    "planned": L("planned quantity"),
    "actual": L("actual quantity"),
    "quantity": L("quantity"),
    "amount": L("amount"),
    "answered_as": L("answered as"),
    "facts": L("facts"),
}


NOT_LISTED = ("lines", "amount", "counted", "differs")


def details(data: dict[str, Any], *, amounts: bool) -> list[tuple[str, str]]:
    """The details of an answer as label and value; the amount only for those who see amounts."""
    rows = [(str(DETAILS.get(key, key)), str(value)) for key, value in data.items() if key not in NOT_LISTED]
    if amounts and "amount" in data:
        rows.append((_("amount"), f"¥{data['amount']}"))
    for line in data.get("counted") or ():
        name = f"{line.get('sku') or ''} {_('planned quantity')}/{_('actual quantity')}".strip()
        planned = "–" if line.get("planned") is None else line["planned"]
        rows.append((name, f"{planned} / {line.get('actual')} · {line.get('condition')}"))
    for line in data.get("lines") or ():
        outcome = answer_label("inspect_return", line.get("outcome", ""))
        if own := line.get("photos"):
            outcome += " · " + _("photos: %s") % len(own)
        rows.append((_("line %(line)s") % {"line": line.get("line", "")}, outcome))
    return rows
