"""What a change on the marketplace sets off on cases the desk already has.

Columns are written set-wise; a case with nothing open needs no more. Only those whose path, phase, amount or version
moved are driven on one by one, under the lock the batch holds.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from accounts.models.people import Role
from handoffs import outbox
from handoffs.flow import arrive, clock, decision, exchange, handoff, lines, owed, path, refund, unpicked
from handoffs.flow.case import refresh
from handoffs.flow.moves import note
from handoffs.intake.rows import Row
from handoffs.models import Case, CaseSource
from handoffs.models.clock import ClockKind
from handoffs.models.handoff import HandoffKind
from handoffs.models.rewrite import rewrite

Phase = Case.Phase
# What the timeline tells everybody of a change: no money, no buyer's words.
TOLD = frozenset({
    "phase", "marketplace_status", "dispute_type", "good_status", "order_status", "has_good_return",
    "marketplace_deadline", "refund_version",
})  # fmt: skip
TELLING = frozenset({
    "phase", "amount", "refund_version", "dispute_type", "good_status", "order_status", "has_good_return",
    "marketplace_deadline", "marketplace_status", "modified",
})  # fmt: skip
# What a closed application does not end: goods on their way back, claims, what was granted beside the refund.
OUTLIVES = (HandoffKind.RECALL_PARCEL, HandoffKind.APPROVE_COMPENSATION)
GOES_ON = (ClockKind.RETURN_PROMISED, ClockKind.CLAIM, ClockKind.CARRY_OUT)


@dataclass
class Change:
    """A known case with the values a row replaced. The case in memory already holds the new ones, but for `lines`: what
    the row says of them and is not written yet.
    """

    case: Case
    source: CaseSource
    row: Row
    before: dict[str, Any]
    lines: Sequence[Mapping[str, Any]] = ()
    other_goods: bool = field(default=False, init=False)

    def then(self, later: "Change") -> None:
        """A later row of the same batch for the same case."""
        self.before = later.before | self.before
        self.row, self.lines = later.row, [*self.lines, *later.lines]


def write(changes: list[Change], arrival: arrive.Arrival) -> None:
    """Store changed cases and drive on those for which the change means something."""
    if not changes:
        return
    for change in changes:
        _judge_reason(change, arrival)
    columns = sorted({name for change in changes for name in change.before})
    cases = [change.case for change in changes]
    for case in cases:
        case.changed_at = arrival.at
    rewrite(cases, [*columns, "changed_at"])
    rewrite([change.source for change in changes], ["digest", "stamps", "raw", "former", "agreed_by"])
    arrive.link_parcels([(change.case, change.row) for change in changes], arrival)
    other_goods = lines.take({change.case: change.lines for change in changes if change.lines})
    for change in changes:
        change.other_goods = change.case.pk in other_goods
        if TELLING & set(change.before) or change.other_goods or change.row.fields.get("return_waybill"):
            drive(change, arrival)


def _judge_reason(change: Change, arrival: arrive.Arrival) -> None:
    """The buyer gave another reason: what that means is looked up again."""
    case = change.case
    if "reason" in change.before:
        change.before |= {"claims_compensation": case.claims_compensation, "shown_publicly": case.shown_publicly}
        arrival.judge_reason(case)


def drive(change: Change, arrival: arrive.Arrival) -> None:
    """Bring clocks, decisions, refund orders, questions, path and status in step with the marketplace's new word."""
    case, before, at = change.case, change.before, arrival.at
    shown = {name: [str(old), str(getattr(case, name))] for name, old in before.items() if name in TOLD}
    note(case, "changed", at=at, by=None, changes=shown)
    if change.other_goods:
        note(case, "lines_changed", at=at, by=None)
    if "amount" in before:
        note(case, "amount_changed", at=at, by=None, amount=str(case.amount), before=str(before["amount"]))
    if "phase" in before:
        _phase_moved(case, before["phase"], change.source, arrival)
    elif not case.is_over and {"amount", "refund_version", "dispute_type"} & set(before):
        clock.end_all(case, ClockKind.BUYER_EDIT, at=at)
    if change.other_goods or {"amount", "refund_version", "dispute_type", "marketplace_status"} & set(before):
        decision.void_changed(case, at=at)
    if change.row.fields.get("return_waybill"):
        clock.end_all(case, ClockKind.RETURN_NUMBER, at=at)
    if "order_status" in before and case.order_status in path.SHIPPED | path.SIGNED and unpicked.forget(case):
        clock.cancel_all(case, ClockKind.DECIDE, at=at, cause="picked")
    exchange.follow(case, before, at=at)
    clock.follow_marketplace(case, at=at, by=None)
    refresh(case, at=at, by=None)


def _phase_moved(case: Case, old: str, source: CaseSource, arrival: arrive.Arrival) -> None:
    at = arrival.at
    if old == Phase.WAIT_SELLER:
        _first_response_over(case, source, at=at)
    if case.phase == Phase.WAIT_SELLER:
        _waits_for_us(case, arrival)
    if case.phase == Phase.SUCCESS:
        _paid(case, at=at)
    elif case.phase == Phase.CLOSED:
        _closed(case, at=at)
    elif case.phase == Phase.WAIT_BUYER_RETURN:
        _return_agreed(case, at=at)


def _waits_for_us(case: Case, arrival: arrive.Arrival) -> None:
    """It has come to wait for the seller: the buyer's edit after a refusal, or an application that was not open yet.

    The buyer waits since the change; where the change has no time of its own, since the desk learned of it. What is
    past due when the desk learns of it is late at once: noted, and told to the lead in the summary of the run.
    """
    at = arrival.at
    clock.end_all(case, ClockKind.BUYER_EDIT, at=at)
    started = max(case.modified or at, case.applied_at)
    begun = clock.start(case, clock.Start(ClockKind.FIRST_RESPONSE, Role.SUPPORT, min(started, at)), at=at)
    if begun.cause == "arrived_late":
        arrive.late(begun, at).save()
        arrival.late += 1


def _return_agreed(case: Case, *, at: datetime) -> None:
    """The return was agreed: the buyer owes the return number, unless the marketplace collects."""
    if not case.shop.marketplace_collects and not clock.running(case, ClockKind.RETURN_NUMBER):
        clock.start(case, clock.Start(ClockKind.RETURN_NUMBER, Role.SUPPORT, at), at=at)


def _first_response_over(case: Case, source: CaseSource, *, at: datetime) -> None:
    """Agreed or refused by a person: met. Agreed automatically, timed out or withdrawn: cancelled, outside the rate."""
    by_person = case.phase == Phase.REFUSED or source.agreed_by == "person"
    moment = min(case.modified or at, at)
    for running in clock.running(case, ClockKind.FIRST_RESPONSE):
        if by_person and case.phase != Phase.CLOSED:
            clock.end(running, at=max(moment, running.started_at), cause="on_the_marketplace")
        else:
            clock.drop(running, at=at, cause="settled_without_us")


def _paid(case: Case, *, at: datetime) -> None:
    """Refunded: confirm our order, void what was still being decided, and still stop the parcel."""
    for order in refund.confirm(case, at=at):
        decision.paid_at_gateway(order, by=None, at=at)
    decision.void_all(case, at=at, cause="already_refunded")
    clock.cancel_all(case, ClockKind.DECIDE, ClockKind.BUYER_EDIT, ClockKind.RETURN_NUMBER, at=at,
                     cause="already_refunded")  # fmt: skip
    owed.falls_away(case, at=at, cause="already_refunded")
    if case.path == Case.Path.NOT_SHIPPED:
        handoff.open_once(case, HandoffKind.STOP_PARCEL, at=at)


def _closed(case: Case, *, at: datetime) -> None:
    """Closed or withdrawn: questions and decisions fall away, but a parcel being recalled is still recalled, and a
    compensation is still approved and paid.
    """
    refund.contradict(case, at=at)
    decision.void_all(case, at=at, cause="closed_on_the_marketplace")
    for asked in case.handoffs.filter(status__in=("open", "claimed")).exclude(kind__in=OUTLIVES):
        asked.case = case
        handoff.retire(asked, at=at, by=None, cause="closed_on_the_marketplace")
    for running in clock.running(case):
        if running.handoff_id is None and running.kind not in GOES_ON:
            clock.cancel(running, at=at, cause="closed_on_the_marketplace")
    owed.falls_away(case, at=at, cause="closed_on_the_marketplace")
    if case.owner is not None:
        outbox.tell("closed", to=[case.owner], key=f"closed:{case.pk}:{case.version}", at=at, case=case)
