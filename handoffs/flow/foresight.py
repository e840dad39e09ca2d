"""What a change of the rules would do, before it is made: which deadlines move, which are late at once, and whose.

A running clock keeps the terms it was started under (domain.md section 4); moving the open ones too is a choice of
whoever may edit deadlines, and one recorded act per case.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from django.db import transaction
from django.db.models import Q, QuerySet

from accounts import limits
from accounts.models import Carrier, Membership, User
from accounts.models.people import Role
from handoffs.flow.clock import refresh_due
from handoffs.flow.handoff import agreed_minutes, inspected_outside
from handoffs.flow.moves import locked_case, note
from handoffs.flow.terms import Asked, due, moment_of_step, terms_for
from handoffs.models import Calendar, Clock, ClockPolicy, Decision, Handoff, PolicyStep, Terms
from handoffs.models.clock import ClockKind

MOST = 5000  # clocks counted one by one; beyond that the preview says so
NAMED = 8


@dataclass(frozen=True, slots=True)
class Move:
    """An open clock whose deadline would be another one."""

    clock: Clock
    terms: Terms
    due_at: datetime
    late: bool


@dataclass(frozen=True, slots=True)
class Load:
    """What falls on one person or one open queue."""

    name: str
    moved: int
    late: int


@dataclass
class Foresight:
    """`open` clocks are concerned; of them `moves` get another deadline. `more`: there are more than were counted."""

    open: int = 0
    moves: list[Move] = field(default_factory=list)
    more: bool = False

    @property
    def late(self) -> int:
        return sum(move.late for move in self.moves)

    @property
    def stamp(self) -> str:
        """What was seen, so that a change meanwhile is noticed."""
        return f"{self.open}:{len(self.moves)}:{self.late}"

    @property
    def load(self) -> list[Load]:
        moved, late = Counter[str](), Counter[str]()
        for move in self.moves:
            name = holder(move.clock)
            moved[name] += 1
            late[name] += move.late
        return [Load(name, count, late[name]) for name, count in moved.most_common(NAMED)]


def holder(clock: Clock) -> str:
    """Whose it is: the colleague's who was asked, the case's owner's, else the open queue's."""
    person = clock.handoff.assignee if clock.handoff else clock.case.owner
    return person.name if person else f"{Role(clock.owner_role).label} · {clock.case.shop.name}"


# Which clocks a rule concerns -----------------------------------------------------------------------------------------


def of_policy(policy: ClockPolicy, *, at: datetime) -> Foresight:
    """The open clocks under this deadline, as the rules stand now."""
    return of_clocks(under(policy), at=at)


def of_calendar(calendar: Calendar, *, at: datetime) -> Foresight:
    """The open clocks under any deadline that counts by this calendar."""
    return of_clocks(by(calendar), at=at)


def of_carrier(carrier: Carrier, *, at: datetime) -> Foresight:
    """The open questions to this carrier's contact: the agreement says how long they have."""
    return of_clocks(asked_of_carrier(carrier), at=at)


def asked_of_carrier(carrier: Carrier) -> list[Q]:
    """The clocks of questions to logistics about this carrier's parcels; none for a carrier that was deleted."""
    rule = Q(kind=ClockKind.HANDOFF, handoff__to_role=Role.LOGISTICS, handoff__parcel__carrier=carrier.pk)
    return [] if carrier.pk is None else [rule]


def of_step(step: PolicyStep, *, at: datetime) -> Foresight:
    """The open clocks whose steps these are. No deadline moves by them."""
    return of_clocks([Q(kind=step.clock) if step.clock else Q()], at=at)


def of_days(ruled: frozenset[int], *, at: datetime) -> Foresight:
    """The open clocks under any calendar that knows holidays; `ruled`: those that had the rules' deadline before."""
    return of_clocks(_by_holidays(), at=at, ruled=ruled)


def ruled_by_days() -> frozenset[int]:
    """The open clocks under calendars with holidays whose deadline is the rules'; the table of days has no memory."""
    return frozenset(clock.pk for clock in _open(_by_holidays()) if is_ruled(clock))


def _by_holidays() -> list[Q]:
    found = Calendar.objects.filter(holidays=True).prefetch_related("clockpolicy_set")
    return [rule for each in found for rule in by(each)]


def by(calendar: Calendar) -> list[Q]:
    """The clocks under any deadline that counts by this calendar; none for one that was deleted, which had none."""
    return [] if calendar.pk is None else [rule for policy in calendar.clockpolicy_set.all() for rule in under(policy)]


def under(policy: ClockPolicy) -> list[Q]:
    """The clocks this deadline is for."""
    rule = Q(kind=policy.clock)
    if policy.clock == ClockKind.HANDOFF:
        rule &= Q(handoff__kind=policy.handoff_kind)
    return [rule & Q(case__shop=policy.shop_id) if policy.shop_id else rule]


def of_clocks(rules: Sequence[Q], *, at: datetime, ruled: frozenset[int] | None = None) -> Foresight:
    """What the rules as they stand now would make of the open clocks that fit."""
    clocks = _open(rules)
    memo: dict[Asked, Terms] = {}
    known = [clock for clock in clocks[:MOST] if (clock.pk in ruled if ruled is not None else is_ruled(clock))]
    moves = [move for clock in known if (move := _move(clock, memo, at)) is not None]
    return Foresight(min(len(clocks), MOST), moves, len(clocks) > MOST)


def _open(rules: Sequence[Q]) -> list[Clock]:
    if not rules:
        return []
    fits = Q()
    for rule in rules:
        fits |= rule
    rows = Clock.objects.filter(fits, ended_at=None, due_at__isnull=False).exclude(kind=ClockKind.MARKETPLACE)
    related = ("terms", "case__shop", "case__owner", "handoff__assignee", "handoff__parcel__carrier__agreement")
    return list(rows.select_related(*related).prefetch_related("pauses").order_by("due_at", "pk")[: MOST + 1])


def is_ruled(clock: Clock) -> bool:
    """One whose time was promised, imported or capped has no rule's deadline."""
    return clock.due_at == due(clock.terms, clock.started_at, clock.pauses.all())


def _move(clock: Clock, memo: dict[Asked, Terms], at: datetime) -> Move | None:
    """The clock under the rules of now."""
    terms = terms_for(asked_of(clock), memo)
    moment = due(terms, clock.started_at, clock.pauses.all())
    same = moment == clock.due_at and terms.data["steps"] == clock.terms.data["steps"]
    if moment is None or same:
        return None
    was_late = clock.due_at is not None and clock.due_at <= at
    return Move(clock, terms, moment, moment <= at and not was_late)


def asked_of(clock: Clock) -> Asked:
    """What the clock is for, as the rules ask it."""
    asked = clock.handoff
    if asked is None:
        return Asked(clock.kind, clock.case.shop_id)
    external = inspected_outside(clock.case)
    return Asked(clock.kind, clock.case.shop_id, asked.kind, asked.difficult, external, agreed_minutes(asked))


def apply(seen: Foresight, *, by: User, at: datetime) -> int:
    """Move the open clocks too, each case under its lock. One that has ended meanwhile is left. Returns how many."""
    done = 0
    for move in sorted(seen.moves, key=lambda move: move.clock.case_id):
        with transaction.atomic():
            case = locked_case(move.clock.case_id)
            clock = Clock.objects.filter(pk=move.clock.pk, ended_at=None, due_at=move.clock.due_at).first()
            if clock is None:
                continue
            before, clock.terms, clock.due_at = clock.due_at, move.terms, move.due_at
            if clock.state == Clock.State.RUNNING:
                clock.next_action_at = moment_of_step(clock, clock.step, clock.pauses.all())
            clock.save(update_fields=["terms", "due_at", "next_action_at"])
            if clock.handoff_id:
                Handoff.objects.filter(Q(pk=clock.handoff_id) | Q(joined=clock.handoff_id)).update(due_at=clock.due_at)
            refresh_due([case.pk])
            moved = {"was": before.isoformat() if before else "", "due": clock.due_at.isoformat()}
            note(case, "deadline_moved", at=at, by=by, clock=clock.kind, **moved)
            done += 1
    return done


# Limits ---------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Approvals:
    """Decisions that wait for approval, and who could decide each now; `alone`: those the proposer may grant alone."""

    deciders: dict[int, frozenset[int]]
    alone: frozenset[int]

    def since(self, before: "Approvals") -> "Shift":
        """What a change of limits made of it."""
        freed = len(self.alone - before.alone)
        stuck = [pk for pk, who in self.deciders.items() if not who and before.deciders.get(pk)]
        gained, lost = Counter[int](), Counter[int]()
        for pk, who in self.deciders.items():
            gained.update(who - before.deciders.get(pk, frozenset()))
            lost.update(before.deciders.get(pk, frozenset()) - who)
        names = dict(User.objects.filter(pk__in={*gained, *lost}).values_list("pk", "name"))
        load = sorted((names.get(pk, ""), gained[pk], lost[pk]) for pk in {*gained, *lost})
        return Shift(len(self.deciders), freed, len(stuck), load[:NAMED])


@dataclass(frozen=True, slots=True)
class Shift:
    """Of `waiting` approvals, how many the proposer may now grant alone, how many nobody can decide any more, and for
    whom how many came in reach or went out of it.
    """

    waiting: int
    freed: int
    stuck: int
    load: list[tuple[str, int, int]]

    @property
    def stamp(self) -> str:
        return f"{self.waiting}:{self.freed}:{self.stuck}"

    @property
    def matters(self) -> bool:
        return bool(self.freed or self.stuck or self.load)


def approvals() -> Approvals:
    """The decisions that wait, with everybody whose own limit covers the total now."""
    waiting = list(_waiting()[:MOST])
    people = _deciders({row.case.shop_id for row in waiting})
    deciders, alone = dict[int, frozenset[int]](), set[int]()
    for row in waiting:
        total = (row.amount or Decimal(0)) + row.granted_before
        shop, kind = row.case.shop_id, row.kind
        others = [each for each in people.get(shop, ()) if each.pk != row.by_id]
        able = [each.pk for each in others if limits.covers(each, total, shop_id=shop, kind=kind)]
        deciders[row.pk] = frozenset(able)
        if limits.covers(row.by, total, shop_id=shop, kind=kind):
            alone.add(row.pk)
    return Approvals(deciders, frozenset(alone))


def _waiting() -> QuerySet[Decision]:
    return Decision.objects.filter(status=Decision.Status.PROPOSED).select_related("case", "by").order_by("pk")


def _deciders(shops: Iterable[int]) -> dict[int, list[User]]:
    """Those who approve in these shops."""
    decides = (Role.SUPERVISOR, Role.MANAGER)
    rows = Membership.objects.filter(shop__in=list(shops), role__in=decides, user__is_active=True)
    found: dict[int, dict[int, User]] = {}
    for row in rows.select_related("user"):
        found.setdefault(row.shop_id, {})[row.user_id] = row.user
    return {shop: list(people.values()) for shop, people in found.items()}
