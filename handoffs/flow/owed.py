"""What is still owed when something else has ended: a decision to take again, another approval to carry out."""

from collections.abc import Callable
from datetime import datetime
from functools import partial

from accounts.models.people import Role
from handoffs.flow import clock
from handoffs.models import Case, Clock, Decision, Handoff
from handoffs.models.clock import ClockKind

Kind, Status = Decision.Kind, Decision.Status
MOVING = (Case.Money.ORDERED, Case.Money.ACKNOWLEDGED, Case.Money.CONFIRMED, Case.Money.UNKNOWN)


def decide_again(case: Case, *, at: datetime) -> None:
    """A question or a proposal has fallen away: what an answer had allowed to decide is to be decided still.

    The clock starts anew, since its holder could not decide meanwhile.
    """
    if case.is_over or case.money in MOVING or clock.running(case, ClockKind.DECIDE):
        return
    if not Clock.objects.filter(case=case, kind=ClockKind.DECIDE).exists():
        return
    last = case.decisions.exclude(kind=Kind.COMPENSATION).order_by("-at", "-pk").first()
    if last is not None and last.status not in (Status.WITHDRAWN, Status.VOID, Status.REFUSED):
        return
    if case.handoffs.filter(status__in=Handoff.LIVE).exclude(asker=None).exists():
        return
    clock.start(case, clock.Start(ClockKind.DECIDE, Role.SUPPORT, at), at=at)


def carried_out(case: Case, *, at: datetime) -> None:
    """One approval is carried out: the clock is met, and what else is approved has its own, from its own approval."""
    _ended(case, partial(clock.end, at=at), at=at)


def falls_away(case: Case, *, at: datetime, cause: str) -> None:
    """Nothing is to be carried out any more, but what else is approved: compensation stands beside any refund."""
    _ended(case, partial(clock.cancel, at=at, cause=cause), at=at)


def _ended(case: Case, end: Callable[[Clock], None], *, at: datetime) -> None:
    """End the clock to carry out; while something else is approved, one that is past due runs on: late is sticky."""
    rest = _still_approved(case)
    for running in clock.running(case, ClockKind.CARRY_OUT):
        if rest is None or running.due_at is None or running.due_at > at:
            end(running)
    if rest is not None and not clock.running(case, ClockKind.CARRY_OUT):
        clock.start(case, clock.Start(ClockKind.CARRY_OUT, Role.SUPPORT, rest), at=at)


def _still_approved(case: Case) -> datetime | None:
    """Since when something approved waits to be carried out. An offer waits for the buyer, not for us."""
    rows = case.decisions.filter(status=Status.APPROVED, offer=False).order_by("settled_at", "at")
    first = rows.first()
    return None if first is None else first.settled_at or first.at


def compensation(case: Case) -> Decision | None:
    """The compensation that is proposed or approved and not yet paid: it outlives the application it began with."""
    return case.decisions.filter(kind=Kind.COMPENSATION, status__in=Decision.LIVE).order_by("-at").first()
