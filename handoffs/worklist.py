"""What lies before one person on a morning: what falls due before noon, what waits, what was late the day before.

Rows are those the person may see and is meant to act on: assigned to them, or in the open queue of their role.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import F, Q, QuerySet
from django.utils.translation import gettext as _

from accounts.models import User
from accounts.models.people import Role
from handoffs import permissions
from handoffs.flow.why import duration
from handoffs.models import Case, Clock, Handoff
from handoffs.reports import Span

Status = Case.Status
# Statuses in which the next move is the owner's, not the buyer's or a colleague's.
OWNERS_MOVE = (Status.NEW, Status.IN_PROGRESS, Status.TO_DECIDE, Status.TO_PAY, Status.GOODS_OPEN)


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing to do: on which case, what, by when; `cause` says why it was late."""

    case: Case
    what: str
    due_at: datetime | None
    handoff: Handoff | None = None
    late: bool = False
    cause: str = ""


@dataclass(frozen=True, slots=True)
class Worklist:
    due: list[Entry]
    waiting: list[Entry]
    late: list[Entry]

    @property
    def is_empty(self) -> bool:
        return not (self.due or self.waiting or self.late)


def of(user: User, *, at: datetime, noon: datetime, yesterday: Span) -> Worklist:
    """The person's list at a moment; labels are in the active language."""
    due = _due(user, at=at, noon=noon)
    listed = {(entry.case.pk, entry.handoff.pk if entry.handoff else None) for entry in due}
    waiting = [e for e in _waiting(user, at=at) if (e.case.pk, e.handoff.pk if e.handoff else None) not in listed]
    return Worklist(due, waiting, _late(user, yesterday))


def questions(user: User) -> QuerySet[Handoff]:
    """The live questions put to the person, or to a role of theirs and to nobody yet; joined ones once."""
    open_queue = Q(pk__in=[])
    for role in user.roles:
        open_queue |= Q(assignee=None, to_role=role, case__shop__in=user.shops_as(role))
    mine = permissions.visible_handoffs(user).filter(Q(assignee=user) | open_queue)
    return mine.filter(status__in=Handoff.LIVE, joined=None)


def own_cases(user: User) -> QuerySet[Case]:
    """The person's open cases, and for support those that nobody owns."""
    unowned = Q(owner=None, shop__in=user.shops_as(Role.SUPPORT))
    return permissions.visible_cases(user).filter(Q(owner=user) | unowned).exclude(status=Status.CLOSED)


def _due(user: User, *, at: datetime, noon: datetime) -> list[Entry]:
    """Open clocks due by noon, overdue ones included; of several on one thing the first."""
    mine = Q(handoff__in=questions(user)) | Q(handoff=None, case__in=own_cases(user), owner_role=Role.SUPPORT)
    if carriers := permissions.own_carriers(user):
        reached = permissions.visible_cases(user)
        mine |= Q(handoff=None, owner_role=Role.LOGISTICS, case__in=reached, case__parcels__carrier__in=carriers)
    clocks = Clock.objects.filter(mine, ended_at=None, due_at__lte=noon).distinct().order_by("due_at", "pk")
    entries: dict[tuple[int, int | None], Entry] = {}
    for clock in clocks.select_related("case__shop", "handoff"):
        late = clock.due_at is not None and clock.due_at <= at
        entry = Entry(clock.case, _what(clock), clock.due_at, clock.handoff, late)
        entries.setdefault((clock.case_id, clock.handoff_id), entry)
    return list(entries.values())


def _waiting(user: User, *, at: datetime) -> list[Entry]:
    """The rest of the queue, first due first: questions, then cases in which the move is the owner's."""
    asked = questions(user).select_related("case__shop").order_by(F("due_at").asc(nulls_last=True), "pk")
    cases = own_cases(user).filter(status__in=OWNERS_MOVE).select_related("shop")
    entries = [Entry(h.case, h.get_kind_display(), h.due_at, h, _past(h.due_at, at)) for h in asked]
    entries += [
        Entry(case, case.get_status_display(), case.due_at, None, _past(case.due_at, at))
        for case in cases.order_by(F("due_at").asc(nulls_last=True), "pk")
    ]
    return entries


def _past(due_at: datetime | None, at: datetime) -> bool:
    return due_at is not None and due_at <= at


def _late(user: User, yesterday: Span) -> list[Entry]:
    """The clocks that passed their due time yesterday: one's own, a lead's whole role, a manager's whole shop."""
    clocks = Clock.objects.filter(
        state=Clock.State.LATE, due_at__gte=yesterday.start, due_at__lt=yesterday.end, case__shop__in=user.shops_as()
    ).exclude(cause="expired")  # a parcel's silence running out is nobody's delay
    held = Q(handoff__answered_by=user) | Q(handoff__assignee=user, handoff__answered_by=None)
    seen = held | Q(handoff=None, case__owner=user)
    for role, shop_id, lead in user.places:
        if role == Role.MANAGER:
            seen |= Q(case__shop=shop_id)
        elif lead:
            seen |= Q(owner_role=role, case__shop=shop_id)
    visible = clocks.filter(seen, case__in=permissions.visible_cases(user)).distinct().order_by("due_at", "pk")
    rows = visible.select_related("case__shop", "case__owner", "handoff__assignee", "handoff__answered_by")
    return [Entry(c.case, _what(c), c.due_at, c.handoff, late=True, cause=cause_of(c)) for c in rows]


def _what(clock: Clock) -> str:
    return clock.handoff.get_kind_display() if clock.handoff else clock.get_kind_display()


def cause_of(clock: Clock) -> str:
    """Why it was late, and at whom it lay, in a few words."""
    if clock.cause == "arrived_late":
        cause = _("past due when it first arrived")
    elif clock.ended_at is None:
        cause = _("still open")
    elif clock.due_at is not None and clock.ended_at > clock.due_at:
        cause = _("%(time)s too late") % {"time": _about(clock.ended_at, clock.due_at)}
    else:
        cause = _("ended without an answer")
    return " · ".join([cause, *_holders(clock)])


def _about(end: datetime, due: datetime) -> str:
    """The delay to the minute; less than one shows in seconds."""
    seconds = int((end - due).total_seconds())
    return duration(timedelta(seconds=seconds if seconds < 60 else seconds - seconds % 60), days=True)


def _holders(clock: Clock) -> Iterable[str]:
    """Whoever it lay with, or that it lay with nobody."""
    if clock.handoff is not None:
        person = clock.handoff.answered_by or clock.handoff.assignee
        return [person.name if person else _("in the open queue")]
    return [clock.case.owner.name if clock.case.owner else _("without an owner")]
