"""Batch refunds: plan, confirm once, run row by row; a failure in one row stops no other (domain.md section 2, path 1).

Nothing here calls a marketplace: `payments` does, between `order` (recorded, committed) and `settle` (its answer).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from accounts import limits
from accounts.models import User
from accounts.models.people import Role
from handoffs import outbox, permissions
from handoffs.flow import decision, eligible, refund
from handoffs.flow.audience import Audience
from handoffs.flow.case import refresh
from handoffs.flow.errors import FlowError, Invalid, NotAllowed, NotYours, Stale
from handoffs.flow.moves import locked_case
from handoffs.flow.proposal import Proposal
from handoffs.flow.response import checked
from handoffs.marketplaces.base import CAPS, Paid, Result
from handoffs.models import BatchRow, Case, Decision, RefundBatch, RefundOrder, bulk

Status, State = RefundBatch.Status, BatchRow.State
MOST = 2000  # rows of one batch


def plan(case_ids: Iterable[int] | None, *, by: User, at: datetime) -> RefundBatch:
    """Draw up what would be paid and what not, and why. None: everything that may be ripe. Changes no case.

    Raises Invalid when nothing was chosen, NotAllowed for a role that does not decide.
    """
    if not permissions.may(by, "propose"):
        raise NotAllowed(_("Your role does not decide on refunds."))
    if case_ids is None:
        chosen = eligible.candidates(by)
    else:
        chosen = permissions.visible_cases(by).filter(pk__in=list(case_ids)).order_by("due_at", "pk")
    cases = list(eligible.readable(chosen)[:MOST])
    if not cases:
        raise Invalid(_("There is nothing to refund among these cases."), code="nothing_chosen")
    with transaction.atomic():
        batch = RefundBatch.objects.create(by=by, at=at)
        rows = [_row(batch, case, said) for case, said in eligible.judged(cases, by=by, at=at)]
        bulk.create(rows)
        paid = [row.amount for row in rows if row.state == State.WAITING]
        batch.rows_planned, batch.total = len(paid), sum(paid, Decimal(0))
        batch.save(update_fields=["rows_planned", "total"])
    return batch


def _row(batch: RefundBatch, case: Case, said: eligible.Verdict) -> BatchRow:
    approved = said.decision
    amount = approved.amount if approved is not None and approved.amount is not None else case.amount
    state = State.EXCLUDED if said.why else State.WAITING
    return BatchRow(batch=batch, case=case, amount=amount, state=state, why=said.why, decision=approved)


def what_is_left(batch_id: int, *, by: User, at: datetime) -> RefundBatch:
    """A new plan of the rows that were not paid."""
    batch = seen(batch_id, by=by)
    left = batch.rows.filter(state__in=(*BatchRow.LEFT, State.EXCLUDED)).values_list("case_id", flat=True)
    return plan(list(left), by=by, at=at)


# Who sees it, who may act on it ---------------------------------------------------------------------------------------


def visible(user: User) -> QuerySet[RefundBatch]:
    """The batches whose cases are all of the person's own shops."""
    others = BatchRow.objects.exclude(case__shop__in=user.shops_as(*permissions.DESK))
    return RefundBatch.objects.exclude(pk__in=others.values("batch_id"))


def seen(batch_id: int, *, by: User) -> RefundBatch:
    """Raises NotYours when it does not exist for this person."""
    batch = visible(by).filter(pk=batch_id).first()
    if batch is None or not permissions.may(by, "propose"):
        raise NotYours(_("There is no such batch."))
    return batch


def _turn(batch: RefundBatch, to: str, *, of: Iterable[str], **values: Any) -> None:
    """Take the batch on from one of these states; whoever comes second learns how it stands."""
    if not RefundBatch.objects.filter(pk=batch.pk, status__in=list(of)).update(status=to, **values):
        batch.refresh_from_db()
        raise Stale(_("This changed while you looked. It is now: %(state)s.") % {"state": batch.get_status_display()})
    batch.refresh_from_db()


# The second confirmation and the switches -----------------------------------------------------------------------------


def leave_out(batch_id: int, *, keep: Iterable[int], by: User) -> RefundBatch:
    """Before confirming: only these rows of the plan stay in it; what was left out may be taken in again."""
    with transaction.atomic():
        batch = seen(batch_id, by=by)
        _turn(batch, Status.PLANNED, of=(Status.PLANNED,))
        wanted, rows = set(keep), batch.rows.filter(Q(state=State.WAITING) | Q(why="left_out"))
        rows.filter(pk__in=wanted).update(state=State.WAITING, why="")
        rows.exclude(pk__in=wanted).update(state=State.EXCLUDED, why="left_out")
        paid = list(batch.rows.filter(state=State.WAITING).values_list("amount", flat=True))
        batch.rows_planned, batch.total = len(paid), sum(paid, Decimal(0))
        batch.save(update_fields=["rows_planned", "total"])
    return batch


def confirm(batch_id: int, *, typed: Decimal | None, reason: str, by: User, at: datetime) -> RefundBatch:
    """Start it, by typing its sum. Above the person's limit for one batch it waits for a supervisor."""
    with transaction.atomic():
        batch = seen(batch_id, by=by)
        if batch.status != Status.PLANNED:
            _turn(batch, Status.RUNNING, of=())
        if not batch.rows_planned:
            raise Invalid(_("Nothing in this plan can be paid."), code="nothing_chosen")
        if typed != batch.total:
            text = _("Type the sum of the plan, %(total)s, to confirm it.")
            raise Invalid(text % {"total": batch.total}, field="typed", code="wrong_sum")
        checked(reason, field="reason")
        above = _above_limit(batch, by)
        values = {"confirmed_by": by, "confirmed_at": at, "reason": reason.strip()[:200]}
        _turn(batch, Status.TO_APPROVE if above else Status.RUNNING, of=(Status.PLANNED,), **values)
        if above:
            shops = list(shop_ids(batch))
            people = Audience(shops, at=at)
            told = [lead for shop in shops for lead in people.lead_of(Role.SUPERVISOR, shop)]
            others = [user for user in dict.fromkeys(told) if user.pk != by.pk]
            outbox.tell("batch_to_approve", to=others, key=f"batch_to_approve:{batch.pk}", at=at, batch=batch.pk,
                        amount=str(batch.total))  # fmt: skip
    return batch


def approve(batch_id: int, *, by: User, at: datetime) -> RefundBatch:
    """A second person lets it run: never the one who confirmed it, and within the own limit for one batch."""
    batch = seen(batch_id, by=by)
    if not all(permissions.may(by, "approve", shop_id=shop) for shop in shop_ids(batch)):
        raise NotAllowed(_("Your role does not approve."))
    if batch.status != Status.TO_APPROVE:
        _turn(batch, Status.RUNNING, of=())
    if batch.confirmed_by_id == by.pk:
        raise NotAllowed(_("Nobody approves what they proposed themselves."), code="own_proposal")
    if _above_limit(batch, by):
        raise NotAllowed(_("The total of %(total)s yuan is above your own limit.") % {"total": batch.total},
                         code="over_own_limit")  # fmt: skip
    _turn(batch, Status.RUNNING, of=(Status.TO_APPROVE,), approved_by=by)
    return batch


def _above_limit(batch: RefundBatch, by: User) -> bool:
    return any(not limits.covers_batch(by, batch.total, shop_id=shop) for shop in shop_ids(batch))


def shop_ids(batch: RefundBatch) -> set[int]:
    return set(batch.rows.values_list("case__shop_id", flat=True).distinct())


def pause(batch_id: int, *, by: User) -> RefundBatch:
    """Stop after the call under way; nothing that was ordered is taken back."""
    batch = seen(batch_id, by=by)
    _turn(batch, Status.PAUSED, of=(Status.RUNNING,))
    return batch


def resume(batch_id: int, *, by: User, sms_code: str = "") -> RefundBatch:
    """Go on with what is left. A given SMS code is sent with the rows that need one."""
    batch = seen(batch_id, by=by)
    if batch.confirmed_by_id is None:
        raise Stale(_("This batch was not confirmed."))
    with transaction.atomic():
        _turn(batch, Status.RUNNING, of=(Status.PAUSED, Status.DONE) if sms_code else (Status.PAUSED,),
              sms_code=sms_code.strip()[:12], ended_at=None, error="")  # fmt: skip
        if sms_code:
            batch.rows.filter(state=State.NEEDS_CODE).update(state=State.WAITING, why="", message="")
    return batch


def cancel(batch_id: int, *, by: User, at: datetime) -> RefundBatch:
    """Drop what was not paid yet."""
    batch = seen(batch_id, by=by)
    _turn(batch, Status.CANCELLED, of=(Status.PLANNED, Status.TO_APPROVE, Status.PAUSED), ended_at=at)
    return batch


# One row --------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Ordered:
    """A row whose order is recorded, with the case as it then stood. `order` None: nothing may be sent for it."""

    row: BatchRow
    order: RefundOrder | None


def order(row_id: int, *, holder: str, gateway: bool, at: datetime, amount: Decimal | None = None) -> Ordered:
    """Record the order of one waiting row under its case's lock, if it may still be paid.

    Nothing is recorded unless the batch still runs in this worker's hand. Without a gateway the row is left to staff.
    `amount`: what the marketplace just said is applied for, in yuan.
    """
    with transaction.atomic():
        case_id = BatchRow.objects.values_list("case_id", flat=True).get(pk=row_id)
        case = locked_case(case_id)
        row = BatchRow.objects.select_for_update(of=("self",), no_key=True).select_related("batch__confirmed_by").get(
            pk=row_id
        )  # fmt: skip
        mine = RefundBatch.objects.filter(pk=row.batch_id, holder=holder, status=Status.RUNNING).exists()
        if row.state != State.WAITING or not mine:
            return Ordered(row, None)
        try:
            with transaction.atomic():
                made = _ordered(row, case, gateway=gateway, at=at, applied=amount)
        except FlowError as error:
            _put(row, State.FAILED, at=at, why=error.code, message=str(error))
            return Ordered(row, None)
        return Ordered(row, made)


def _ordered(row: BatchRow, case: Case, *, gateway: bool, at: datetime, applied: Decimal | None) -> RefundOrder | None:
    by = row.batch.confirmed_by
    if by is None:
        raise Stale(_("This batch was not confirmed."))
    said = eligible.verdict(case, by=by, at=at)
    if said.why:
        raise Invalid(said.words, code=said.why)
    approved = said.decision or _decide(case, row, by=by, at=at)
    now = approved.amount if applied in (None, approved.amount) else applied
    if now != row.amount:
        text = _("The amount is %(now)s yuan now; the plan said %(then)s.")
        raise Stale(text % {"now": now, "then": row.amount}, code="amount_changed")
    row.decision = approved
    if not gateway:
        _put(row, State.BY_HAND, at=at)
        return None
    approved.case = case
    made = refund.order_at_gateway(approved, by=by, at=at)
    row.order = made
    _put(row, State.SENT, at=at)
    refresh(case, at=at, by=by)
    return made


def _decide(case: Case, row: BatchRow, *, by: User, at: datetime) -> Decision:
    made = decision.propose(case.pk, Proposal(Decision.Kind.FULL_REFUND, row.batch.reason), by=by, at=at)
    if made.status != Decision.Status.APPROVED:
        raise Invalid(str(eligible.WHY["over_limit"]), code="over_limit")
    case.refresh_from_db()
    return made


def _put(row: BatchRow, state: str, *, at: datetime, why: str = "", message: str = "") -> None:
    row.state, row.why, row.message, row.at = state, why[:40], message[:255], at
    row.save(update_fields=["state", "why", "message", "at", "decision", "order"])


def decline(row_id: int, *, why: str, message: str, at: datetime) -> None:
    """A row that is not sent now, and why."""
    values = {"state": State.FAILED, "why": why, "message": message[:255], "at": at}
    BatchRow.objects.filter(pk=row_id, state=State.WAITING).update(**values)


def settle(order_id: int, paid: Paid, *, at: datetime) -> None:
    """Write what the marketplace answered for one order. An order that was settled meanwhile stays as it is."""
    with transaction.atomic():
        case = locked_case(RefundOrder.objects.values_list("case_id", flat=True).get(pk=order_id))
        made = RefundOrder.objects.select_related("decision", "by").get(pk=order_id)
        if made.status != RefundOrder.Status.ORDERED:
            return
        made.case = case
        if paid.result == Result.ACCEPTED:
            refund.accepted(made, by=made.by, at=at, answer=paid.message[:255])
            decision.paid_at_gateway(made, by=made.by, at=at)
        elif paid.result == Result.UNKNOWN:
            refund.doubted(made, at=at, answer=paid.message)
        else:
            refund.failed(made, by=made.by, at=at, code=paid.code or paid.result, answer=paid.message)
            state = {Result.NEEDS_CODE: State.NEEDS_CODE, Result.LATER: State.WAITING}.get(paid.result, State.FAILED)
            rows = BatchRow.objects.filter(order=made, state=State.FAILED, batch__status=Status.RUNNING)
            rows.update(state=state, why=paid.result, message=paid.message[:255], at=at)
        refresh(case, at=at, by=made.by)


def record_by_hand(batch_id: int, *, reference: str, by: User, at: datetime) -> dict[str, str]:
    """Staff have paid the rows left to them in the back office: record each. Returns what declined, by refund id."""
    batch = seen(batch_id, by=by)
    declined: dict[str, str] = {}
    for row in batch.rows.filter(state=State.BY_HAND).select_related("case", "decision"):
        try:
            if row.decision is None:
                raise Stale(_("There is no approved decision to carry out."))
            with transaction.atomic():
                decision.carry_out(row.decision.pk, by=by, at=at, reference=reference)
                row.order = row.case.refund_orders.exclude(status="failed").get()
                _put(row, State.ACCEPTED, at=at)
        except FlowError as error:
            _put(row, State.FAILED, at=at, why=error.code, message=str(error))
            declined[row.case.refund_id] = str(error)
    return declined


# The worker's hand ----------------------------------------------------------------------------------------------------


def take(batch_id: int, *, holder: str, at: datetime, until: datetime) -> bool:
    """Take a running batch in hand, if no living worker has it."""
    free = Q(lease=None) | Q(lease__lte=at) | Q(holder=holder)
    rows = RefundBatch.objects.filter(free, pk=batch_id, status=Status.RUNNING)
    return rows.update(holder=holder, lease=until) == 1


def hold(batch_id: int, *, holder: str, until: datetime, even_paused: bool = False) -> bool:
    """Keep it in hand; False when another worker has it, or it was paused (what is recorded already is still sent)."""
    rows = RefundBatch.objects.filter(pk=batch_id, holder=holder)
    states = (Status.RUNNING, Status.PAUSED) if even_paused else (Status.RUNNING,)
    return rows.filter(status__in=states).update(lease=until) == 1


def let_go(batch_id: int, *, holder: str) -> None:
    RefundBatch.objects.filter(pk=batch_id, holder=holder).update(lease=None)


def left_in_the_dark(batch_id: int, *, at: datetime) -> int:
    """Rows a worker ordered and did not live to settle: unknown, for reading back or a person. Returns how many."""
    dark = list(BatchRow.objects.filter(batch=batch_id, state=State.SENT).values_list("order_id", flat=True))
    for order_id in dark:
        settle(order_id, Paid("", Result.UNKNOWN, _("The worker died before the answer came.")), at=at)
    return len(dark)


def finish(batch_id: int, *, holder: str, at: datetime) -> bool:
    """End it when no row waits any more."""
    if BatchRow.objects.filter(batch=batch_id, state__in=(State.WAITING, State.SENT)).exists():
        return False
    rows = RefundBatch.objects.filter(pk=batch_id, holder=holder, status=Status.RUNNING)
    return rows.update(status=Status.DONE, ended_at=at, lease=None, sms_code="") == 1


def chunks(rows: Iterable[BatchRow], marketplace: str) -> list[list[BatchRow]]:
    """The rows in calls that obey the marketplace's caps on number and sum."""
    caps, total = CAPS[marketplace], Decimal(0)
    found: list[list[BatchRow]] = []
    for row in rows:
        if not found or len(found[-1]) == caps.rows or total + row.amount > caps.amount:
            found.append([])
            total = Decimal(0)
        found[-1].append(row)
        total += row.amount
    return found
