"""The case as a whole: after every act its path, status and first deadline are brought in step, in one place."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db.models import F

from accounts.models import User
from handoffs.flow import clock, exchange, owed, path
from handoffs.flow.moves import locked_case, move, note
from handoffs.flow.standing import standing
from handoffs.models import CarrierClaim, Case, Clock, Decision, Fact, Handoff
from handoffs.models.clock import ClockKind

# A refund that was settled longer than this before we first saw it is history, not work.
HISTORY = timedelta(hours=48)
SECURED = frozenset({Case.Goods.STOPPED, Case.Goods.RETURNED})
BUYER_OWES = frozenset({ClockKind.BUYER_EDIT, ClockKind.RETURN_NUMBER})
Status = Case.Status

__all__ = ["goods_secured", "is_history", "locked_case", "refresh", "set_status", "status_of"]


def refresh(case: Case, *, at: datetime, by: User | None) -> None:
    """Bring path, status and first deadline of a locked case in step with what is now known."""
    before = case.path
    facts = list(case.facts.all())
    differ = any(fact.rank == Fact.Rank.EVENT for fact in facts) and standing(list(case.parcels.all())).differ
    verdict = path.judge(path.evidence_of(case, facts, parcels_differ=differ))
    changed = path.apply(case, verdict)
    if changed:
        case.save(update_fields=changed)
    if case.path != before:
        note(case, "path_changed", at=at, by=by, **{"from": before, "to": case.path, "rule": case.path_rule})
        _follow_path(case, before=before, at=at)
    _follow_status(case, at=at, by=by)
    clock.refresh_due([case.pk])
    Case.objects.filter(pk=case.pk).update(version=F("version") + 1, changed_at=at)
    case.refresh_from_db(fields=["version", "changed_at", "due_at"])


def _follow_path(case: Case, *, before: int | None, at: datetime) -> None:
    """A changed path closes what no longer applies, opens what now does, and tells whoever held it."""
    from handoffs.flow import handoff

    handoff.withdraw_inapplicable(case, at=at)
    if before is not None or not case.is_over:
        handoff.open_by_playbook(case, came_from=before, at=at)


def _follow_status(case: Case, *, at: datetime, by: User | None) -> None:
    wanted = status_of(case)
    if wanted == case.status:
        return
    waiting = Status.WAITING_BUYER
    if wanted == waiting:
        clock.pause_for_buyer(case, at=at)
    elif case.status == waiting:
        clock.resume_after_buyer(case, at=at)
    set_status(case, wanted, by=by, at=at)


def set_status(case: Case, to: str, *, by: User | None, at: datetime) -> None:
    """Take a locked case to another status, with the timeline row that says from where."""
    words: dict[str, Any] = {"from": case.status, "to": to}
    move(case, to, by=by, at=at, why="status", **words)


def status_of(case: Case) -> str:
    """The status word that fits (domain.md section 5), from the marketplace's phase and what is open on the desk."""
    if case.phase == Case.Phase.SUCCESS:
        if exchange.owes_goods(case):
            return Status.TO_DECIDE
        if exchange.awaits_goods(case):
            return Status.WAITING_BUYER
        return _closed(case) if is_history(case) or goods_secured(case) else Status.GOODS_OPEN
    live = set(case.handoffs.filter(status__in=Handoff.LIVE).values_list("kind", flat=True))
    if case.phase == Case.Phase.CLOSED:
        if not live and exchange.owes_goods(case):
            return Status.TO_DECIDE
        if case.money == Case.Money.CONFIRMED and not goods_secured(case):
            return Status.GOODS_OPEN
        return Status.WAITING_COLLEAGUE if live else _closed(case)
    decision = case.decisions.filter(status__in=Decision.LIVE).order_by("-at").first()
    if case.money == Case.Money.CONFIRMED and not goods_secured(case):
        return Status.GOODS_OPEN
    if case.money in (Case.Money.ORDERED, Case.Money.ACKNOWLEDGED, Case.Money.UNKNOWN):
        return Status.TO_PAY if goods_secured(case) else Status.GOODS_OPEN
    if decision is not None and decision.status == Decision.Status.APPROVED:
        return _status_of_approved(decision)
    if not touched(case):
        return Status.NEW
    if live or decision is not None:
        return Status.WAITING_COLLEAGUE
    owed = set(Clock.objects.filter(case=case, ended_at=None).values_list("kind", flat=True))
    if owed & BUYER_OWES or case.phase in (Case.Phase.WAIT_BUYER_RETURN, Case.Phase.REFUSED):
        return Status.WAITING_BUYER
    if owed & {ClockKind.DECIDE, ClockKind.CARRY_OUT}:
        return Status.TO_DECIDE
    return Status.IN_PROGRESS


def _closed(case: Case) -> str:
    """The marketplace has settled it: closed, unless a compensation granted beside it is still to be paid."""
    granted = owed.compensation(case)
    if granted is None:
        return Status.CLOSED
    return Status.TO_PAY if granted.status == Decision.Status.APPROVED else Status.WAITING_COLLEAGUE


def _status_of_approved(decision: Decision) -> str:
    if decision.offer:
        return Status.WAITING_BUYER
    return Status.TO_PAY if decision.kind in Decision.MONEY else Status.IN_PROGRESS


def touched(case: Case) -> bool:
    """Whether a person has done anything on the case yet."""
    return (
        case.status != Status.NEW
        or case.responses.exists()
        or case.decisions.exists()
        or case.handoffs.exclude(asker=None).exists()
        or case.handoffs.filter(status=Handoff.Status.ANSWERED).exists()
    )


def goods_secured(case: Case) -> bool:
    """Back, stopped, never sent for certain, claimed from a carrier or waived; path 3 gives the goods to the buyer,
    unless they were promised to come back when the money went. Where nothing was paid nothing is to be secured.
    """
    if case.goods in SECURED or case.goods_waived or case.amount <= 0 or _asks_for_no_goods(case):
        return True
    if case.path == Case.Path.REFUND_ONLY:
        return case.contradiction != "promise_broken"
    if case.goods == Case.Goods.NOT_SHIPPED and case.facts.filter(what="not_picked").exists():
        return True
    return _claimed(case) >= case.amount


def _asks_for_no_goods(case: Case) -> bool:
    """Price protection, and an exchange, repair or reshipping on which the desk refunded nothing."""
    if case.dispute_type not in path.NO_GOODS_MOVE:
        return False
    return case.dispute_type not in path.NO_MONEY_MOVES or not case.refund_orders.exists()


def _claimed(case: Case) -> Decimal:
    """What carriers are to pay for the goods, in yuan. Of what arrived after all nothing comes that was called lost."""
    claims = case.claims.exclude(status__in=CarrierClaim.VOID)
    if case.goods == Case.Goods.WITH_BUYER and case.facts.exists():
        claims = claims.exclude(cause=CarrierClaim.Cause.LOST)
    return sum(claims.values_list("amount", flat=True), Decimal(0))


def is_history(case: Case) -> bool:
    """Settled on the marketplace well before the desk first saw it, and the desk never paid on it."""
    settled = case.ended_at or case.modified or case.applied_at
    return case.is_over and case.money in (Case.Money.NONE, "") and settled < case.created_at - HISTORY
