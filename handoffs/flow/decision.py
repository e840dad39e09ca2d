"""Decisions: propose within one's limit or to a supervisor, approve, approve less, refuse (domain.md section 5)."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from accounts import limits
from accounts.models import User
from accounts.models.people import Role
from handoffs import outbox, permissions
from handoffs.flow import cap, clock, evidence, grant, handoff, owed, refund
from handoffs.flow.case import refresh
from handoffs.flow.errors import FlowError, Invalid, NotAllowed, NotYours, Stale
from handoffs.flow.moves import locked_case, move, note, stale
from handoffs.flow.proposal import Proposal
from handoffs.flow.response import Reply, checked, record
from handoffs.models import Case, Compensation, Decision, Handoff, RefundOrder, Response
from handoffs.models.clock import ClockKind
from handoffs.models.handoff import HandoffKind

Kind, Status, Payer = Decision.Kind, Decision.Status, Compensation.Payer
# The positions of a case's money that end with the decision they come from.
TAKEN_BACK = (Case.Money.PROPOSED, Case.Money.APPROVED, Case.Money.FAILED)


def propose(case_id: int, proposal: Proposal, *, by: User, at: datetime) -> Decision:
    """Decide within the person's limit, or open the handoff to a supervisor whose own limit covers the total.

    Raises Invalid for an amount or text that cannot stand, Stale when a decision of the kind is already open.
    """
    with transaction.atomic():
        case = locked_case(case_id)
        _must_see(by, case)
        if not permissions.may(by, "propose", shop_id=case.shop_id):
            raise NotAllowed(_("Your role does not decide on refunds."))
        amount = grant.amount_of(case, proposal)
        grant.hold_order(case)
        grant.check(case, proposal, amount)
        decision = _stored(case, proposal, amount, by=by, at=at)
        evidence.bind_to_case(proposal.attachments, case, by=by)
        shown: dict[str, Any] = {} if amount is None else {"amount": str(amount)}
        note(case, "proposed", at=at, by=by, decision=decision.pk, kind=decision.kind, reason=decision.reason, **shown)
        _confirm_basis(case, decision, by=by, at=at)
        clock.end_all(case, ClockKind.DECIDE, at=at)
        if grant.within_limit(decision, by) and not proposal.ask:
            _approved(decision, by=by, at=at, amount=amount)
        else:
            _ask_supervisor(decision, by=by, at=at)
        refresh(case, at=at, by=by)
    return decision


def _confirm_basis(case: Case, decision: Decision, *, by: User, at: datetime) -> None:
    """An export names no order line: whoever decides on a refund confirms what it says was paid, and that is kept."""
    paid = cap.basis(case)
    if decision.kind in Decision.REFUND and paid is not None and not cap.is_certain(case):
        note(case, "basis_taken", at=at, by=by, decision=decision.pk, amount=str(paid))


def _must_see(by: User, case: Case) -> None:
    if not permissions.can_see(by, case):
        raise NotYours(_("There is no such case."))


def _stored(case: Case, proposal: Proposal, amount: Decimal | None, *, by: User, at: datetime) -> Decision:
    if case.decisions.filter(status__in=Decision.LIVE, kind__in=_rivals(proposal.kind)).exists():
        raise Stale(_("A decision on this case is already open. Settle or withdraw it first."))
    decision = Decision(
        case=case, kind=proposal.kind, amount=amount, asked_amount=amount, reason=proposal.reason.strip(),
        reason_id=proposal.reason_id, granted_before=grant.granted_before(case), case_amount=case.amount,
        case_version=refund.version_of(case), case_lines=grant.lines_of(case), by=by, at=at,
        offer=grant.is_offer(case, proposal.kind, amount),
    )  # fmt: skip
    try:
        with transaction.atomic():
            decision.save()
    except IntegrityError as error:
        raise Stale(_("A decision on this case is already open. Settle or withdraw it first.")) from error
    return decision


def _rivals(kind: str) -> list[str]:
    """Kinds that cannot be open beside this one: compensation stands beside anything, the rest exclude each other."""
    return [Kind.COMPENSATION] if kind == Kind.COMPENSATION else [k for k in Kind.values if k != Kind.COMPENSATION]


def _ask_supervisor(decision: Decision, *, by: User, at: datetime) -> None:
    """Open the approval to a supervisor whose own limit covers the total; the managers' queue where none does."""
    case = decision.case
    kind = HandoffKind.APPROVE_COMPENSATION if decision.kind == Kind.COMPENSATION else HandoffKind.APPROVE_REFUND
    question = handoff.Question(kind, note=decision.reason, amount=decision.amount)
    asked = handoff.open_handoff(case, question, asker=by, at=at)
    able = grant.approvers(decision, at=at)
    if asked.assignee is None or asked.assignee.pk not in {user.pk for user in able}:
        asked.assignee = able[0] if able else None
        Handoff.objects.filter(pk=asked.pk).update(assignee=asked.assignee)
        outbox.tell("handed_off", to=able[:1], key=f"handed_off:{asked.pk}:{asked.version}", at=at, case=case,
                    handoff=asked.pk, kind_asked=asked.kind)  # fmt: skip
    decision.handoff = asked
    decision.save(update_fields=["handoff"])
    _set_money(case, Case.Money.PROPOSED, decision)


def _locked(decision_id: int, *, by: User) -> Decision:
    case_id = Decision.objects.filter(pk=decision_id).values_list("case_id", flat=True).first()
    if case_id is None:
        raise NotYours(_("There is no such decision."))
    case = locked_case(case_id)
    if not permissions.can_see(by, case) or not permissions.sees_amounts(by, case):
        raise NotYours(_("There is no such decision."))
    decision = Decision.objects.select_related("by", "handoff").get(pk=decision_id)
    decision.case = case
    return decision


def _may_settle(decision: Decision, by: User) -> None:
    if not permissions.may(by, "approve", shop_id=decision.case.shop_id):
        raise NotAllowed(_("Your role does not approve."))
    if decision.status != Status.PROPOSED:
        raise stale(decision)
    if decision.by_id == by.pk:
        raise NotAllowed(_("Nobody approves what they proposed themselves."), code="own_proposal")


def approve(decision_id: int, *, by: User, at: datetime, amount: Decimal | None = None, note: str = "") -> Decision:
    """Approve, or approve less, within the approver's own limit; the handoff is answered by the same act."""
    with transaction.atomic():
        decision = _locked(decision_id, by=by)
        _may_settle(decision, by)
        granted = decision.amount if amount is None else amount
        if decision.amount is not None and granted is not None:
            if granted <= 0 or granted > decision.amount or granted != granted.quantize(grant.FEN):
                raise Invalid(_("Approve at most %(amount)s yuan, and more than 0.") % {"amount": decision.amount},
                              field="amount")  # fmt: skip
            granted = granted.quantize(grant.FEN)
            grant.hold_order(decision.case)
            total = granted + grant.granted_before(decision.case)
            if not limits.covers(by, total, shop_id=decision.case.shop_id, kind=decision.kind):
                raise NotAllowed(_("The total of %(total)s yuan is above your own limit.") % {"total": total},
                                 code="over_own_limit")  # fmt: skip
        less = granted != decision.amount
        _answer_handoff(decision, "approve_less" if less else "approve", by=by, at=at, text=note, amount=granted)
        _approved(decision, by=by, at=at, amount=granted, approver=by, text=note)
        _tell_proposer(decision, "approved", at=at)
        refresh(decision.case, at=at, by=by)
    return decision


def refuse(decision_id: int, *, reason: str, by: User, at: datetime) -> Decision:
    """Turn a proposal down with a reason the proposer can act on."""
    with transaction.atomic():
        decision = _locked(decision_id, by=by)
        _may_settle(decision, by)
        checked(reason, field="reason")
        changes = {"approved_by": by, "settled_at": at, "note": reason.strip()}
        move(decision, Status.REFUSED, by=by, at=at, why="refused", changes=changes, reason=reason.strip())
        _answer_handoff(decision, "refuse", by=by, at=at, text=reason, amount=None)
        _set_money(decision.case, Case.Money.NONE, decision)
        clock.start(decision.case, clock.Start(ClockKind.DECIDE, Role.SUPPORT, at), at=at)
        _tell_proposer(decision, "refused", at=at)
        refresh(decision.case, at=at, by=by)
    return decision


def withdraw(decision_id: int, *, by: User, at: datetime) -> Decision:
    """Take back what is proposed or approved and not yet carried out; its own proposer, a supervisor or manager."""
    with transaction.atomic():
        decision = _locked(decision_id, by=by)
        if decision.by_id != by.pk and not permissions.may(by, "approve", shop_id=decision.case.shop_id):
            raise NotAllowed(_("Only the proposer or a supervisor withdraws a decision."))
        _end(decision, Status.WITHDRAWN, why="decision_withdrawn", by=by, at=at, cause="withdrawn")
        owed.decide_again(decision.case, at=at)
        refresh(decision.case, at=at, by=by)
    return decision


def void_changed(case: Case, *, at: datetime) -> None:
    """Void open decisions whose amount, lines or version the marketplace has changed, and ask for them again.

    An approved offer whose amount the buyer has now entered is no longer an offer: it is agreed and may be paid.
    """
    for decision in case.decisions.filter(status__in=Decision.LIVE).select_related("by", "handoff"):
        decision.case = case
        if refund.in_flight(decision):
            continue
        if decision.offer and decision.status == Status.APPROVED and case.amount == decision.amount:
            _offer_taken(decision, at=at)
            continue
        same = decision.case_amount == case.amount and decision.case_version == refund.version_of(case)
        if decision.kind == Kind.COMPENSATION or (same and decision.case_lines == grant.lines_of(case)):
            continue
        _void(decision, at=at, cause="marketplace_changed")


def _void(decision: Decision, *, at: datetime, cause: str) -> None:
    case = decision.case
    _end(decision, Status.VOID, why="voided", by=None, at=at, cause=cause)
    outbox.tell("voided", to=[decision.by, case.owner], key=f"voided:{decision.pk}", at=at, case=case,
                decision=decision.pk)  # fmt: skip
    if not case.is_over and not _asked_again(decision, at=at):
        clock.start(case, clock.Start(ClockKind.DECIDE, Role.SUPPORT, at), at=at)


def void_unsecured(case: Case, *, at: datetime) -> None:
    """Void approved refunds that were within the approver's limit only because nothing could leave (path 1), and have
    them decided again: the goods may leave after all.
    """
    rows = case.decisions.filter(status=Status.APPROVED, kind__in=Decision.REFUND)
    for decision in rows.select_related("by", "approved_by", "handoff"):
        decision.case = case
        if refund.in_flight(decision) or grant.within_limit(decision, decision.approved_by or decision.by):
            continue
        _void(decision, at=at, cause="picked")


def _asked_again(void: Decision, *, at: datetime) -> bool:
    """Put a void refund to a supervisor again, as the application now stands, where the proposer's limit is too low.

    What the proposer may grant alone is left to the proposer: nothing is approved by itself.
    """
    case = void.case
    if void.handoff is None or void.kind not in Decision.REFUND:
        return False
    amount = case.amount if void.kind == Kind.FULL_REFUND else void.amount
    proposal = Proposal(void.kind, void.reason, amount, void.reason_id, ask=True)
    try:
        with transaction.atomic():
            grant.check(case, proposal, grant.amount_of(case, proposal))
            again = _stored(case, proposal, amount, by=void.by, at=at)
            if grant.within_limit(again, void.by):
                raise Stale(_("The proposer may decide this alone."))
            note(case, "proposed", at=at, by=None, decision=again.pk, kind=again.kind, reason=again.reason,
                 amount=str(amount), again=void.pk)  # fmt: skip
            _ask_supervisor(again, by=void.by, at=at)
    except FlowError:
        return False
    return True


def _offer_taken(decision: Decision, *, at: datetime) -> None:
    case = decision.case
    values = {
        "offer": False,
        "case_amount": case.amount,
        "case_version": refund.version_of(case),
        "case_lines": grant.lines_of(case),
    }
    Decision.objects.filter(pk=decision.pk).update(**values)
    decision.offer = False
    clock.end_all(case, ClockKind.BUYER_EDIT, at=at)
    note(case, "offer_taken", at=at, by=None, decision=decision.pk, amount=str(decision.amount))
    if not clock.running(case, ClockKind.CARRY_OUT):
        clock.start(case, clock.Start(ClockKind.CARRY_OUT, Role.SUPPORT, at), at=at)


def void_all(case: Case, *, at: datetime, cause: str) -> None:
    """Void every open decision, because the marketplace settled the application by itself."""
    for decision in (
        case.decisions.filter(status__in=Decision.LIVE).exclude(kind=Kind.COMPENSATION).select_related("handoff")
    ):
        decision.case = case
        if not refund.in_flight(decision):
            _end(decision, Status.VOID, why="voided", by=None, at=at, cause=cause)


def _end(decision: Decision, to: str, *, why: str, by: User | None, at: datetime, cause: str) -> None:
    """End an open decision without carrying it out: question, clocks and reserved money go with it."""
    case = decision.case
    if refund.in_flight(decision):
        raise Stale(_("The refund has been ordered. It can no longer be taken back here."))
    move(decision, to, by=by, at=at, why=why, changes={"settled_at": at}, cause=cause)
    if decision.handoff is not None and decision.handoff.is_live:
        decision.handoff.case = case
        handoff.retire(decision.handoff, at=at, by=by, cause=cause)
    if decision.kind in Decision.REFUND and case.money in TAKEN_BACK:
        _set_money(case, Case.Money.NONE, decision)
    if decision.kind != Kind.COMPENSATION:
        clock.cancel_all(case, ClockKind.BUYER_EDIT, at=at, cause=cause)
    owed.falls_away(case, at=at, cause=cause)


def _approved(decision: Decision, *, by: User, at: datetime, amount: Decimal | None, approver: User | None = None,
              text: str = "") -> None:  # fmt: skip
    """What an approval sets off: an offer to the buyer, or the clock to carry it out."""
    case = decision.case
    offer = grant.is_offer(case, decision.kind, amount)
    changes = {"approved_by": approver, "amount": amount, "settled_at": at, "note": text.strip(), "offer": offer}
    shown: dict[str, Any] = {} if amount is None else {"amount": str(amount)}
    move(decision, Status.APPROVED, by=by, at=at, why="approved", changes=changes, **shown)
    _set_money(case, Case.Money.APPROVED, decision)
    if offer:
        clock.start(case, clock.Start(ClockKind.BUYER_EDIT, Role.SUPPORT, at), at=at)
    elif not clock.running(case, ClockKind.CARRY_OUT):
        clock.start(case, clock.Start(ClockKind.CARRY_OUT, Role.SUPPORT, at), at=at)


def _set_money(case: Case, money: str, decision: Decision) -> None:
    """Keep the case's money position in step; compensation has its own ledger and never moves it."""
    if decision.kind not in Decision.REFUND:
        return
    Case.objects.filter(pk=case.pk).update(money=money)
    case.money = money


def _answer_handoff(
    decision: Decision, answer: str, *, by: User, at: datetime, text: str, amount: Decimal | None
) -> None:
    asked = decision.handoff
    if asked is None or not asked.is_live:
        return
    asked.case = decision.case
    data = {"amount": str(amount)} if amount is not None else {}
    if Role.SUPERVISOR not in by.roles_in(decision.case.shop_id):
        data["answered_as"] = "manager"
    changes = {"answer": answer, "answer_note": text.strip(), "answered_by": by, "answered_at": at, "data": data,
               "assignee": asked.assignee or by}  # fmt: skip
    move(
        asked, Handoff.Status.ANSWERED, by=by, at=at, why="answered", changes=changes, answer=answer, note=text.strip()
    )
    for running in clock.running(decision.case, ClockKind.HANDOFF):
        if running.handoff_id == asked.pk:
            clock.end(running, at=at)


def _tell_proposer(decision: Decision, kind: str, *, at: datetime) -> None:
    outbox.tell(kind, to=[decision.by, decision.case.owner], key=f"{kind}:{decision.pk}", at=at, case=decision.case,
                decision=decision.pk)  # fmt: skip


def carry_out(
    decision_id: int, *, by: User, at: datetime, reference: str = "", small_payment: bool = False, payer: str = ""
) -> Decision:
    """Record that a decision was carried out in the seller back office. Money is ordered first, then acknowledged.

    `payer` says who bears a compensation: the shop where nothing is said.
    An offer cannot be carried out before the buyer has entered its amount.
    """
    with transaction.atomic():
        decision = _locked(decision_id, by=by)
        case = decision.case
        if not permissions.may(by, "propose", shop_id=case.shop_id):
            raise NotAllowed(_("Your role does not carry out decisions."))
        if decision.status != Status.APPROVED:
            raise stale(decision)
        if decision.offer:
            raise Stale(_("The buyer has not yet changed the amount to %(amount)s yuan.") % {"amount": decision.amount})
        if case.is_over and decision.kind in Decision.REFUND:
            raise Stale(_("The marketplace has already settled this application: %(phase)s.")
                        % {"phase": case.get_phase_display()})  # fmt: skip
        if decision.kind in Decision.REFUND:
            refund.order_by_hand(decision, by=by, at=at, reference=reference)
        elif decision.kind == Kind.COMPENSATION:
            paid = {"reference": reference[:120], "small_payment": small_payment, "payer": payer or Payer.SHOP}
            _book_compensation(decision, paid, by=by, at=at)
        _finish(decision, by=by, at=at, reference=reference)
        refresh(case, at=at, by=by)
    return decision


def paid_at_gateway(order: RefundOrder, *, by: User | None, at: datetime) -> None:
    """The marketplace took the payment, or reads as refunded: the decision behind the order is carried out."""
    order.decision.case = order.case
    if order.decision.status == Status.APPROVED:
        _finish(order.decision, by=by, at=at, reference=order.reference)


def _book_compensation(decision: Decision, paid: dict[str, Any], *, by: User, at: datetime) -> None:
    """In its own ledger: how it was paid, and who bears it."""
    if paid["payer"] not in Payer.values:
        raise Invalid(_("Say who pays the compensation."), field="payer")
    case, amount = decision.case, decision.amount or Decimal(0)
    row = {"case": case, "decision": decision, "order_id": case.order_id, "amount": amount, "by": by, "at": at}
    Compensation.objects.create(**row, **paid)


def _finish(decision: Decision, *, by: User | None, at: datetime, reference: str) -> None:
    case = decision.case
    shown: dict[str, Any] = {} if decision.amount is None else {"amount": str(decision.amount)}
    move(decision, Status.CARRIED_OUT, by=by, at=at, why="carried_out", reference=reference, **shown)
    owed.carried_out(case, at=at)
    if decision.kind == Kind.REFUSE and by is not None:
        record(case, Reply(decision.reason, channel=Response.Channel.REFUSE), by=by, at=at)
    elif decision.kind in (*Decision.REFUND, Kind.CHANGE_TO_RETURN):
        clock.end_all(case, ClockKind.FIRST_RESPONSE, at=at, cause="agreed")
    if decision.kind in (Kind.CHANGE_TO_RETURN, Kind.EXCHANGE):
        clock.start(case, clock.Start(ClockKind.BUYER_EDIT, Role.SUPPORT, at), at=at)
