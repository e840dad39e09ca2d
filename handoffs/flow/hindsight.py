"""What a change of the rules would have made of the last week: which clocks would have been late under them, and whose.

Running clocks keep their terms, so this is what a new deadline is worth, told from what people really did.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db.models import Q

from accounts.models import Carrier
from handoffs.flow import foresight
from handoffs.flow.terms import Asked, due, terms_for
from handoffs.models import Calendar, Clock, ClockPolicy, Terms

LOOKED_BACK = timedelta(days=7)
MOST = 5000  # clocks counted one by one; beyond that only the latest
NAMED = 8


@dataclass(frozen=True, slots=True)
class Tally:
    """Whose clocks were late, and how many would have been."""

    name: str
    was: int
    would_be: int


@dataclass
class Hindsight:
    """Of `clocks` that ended in the last week, how many `were` late and how many `would_be` under the new rules."""

    clocks: int = 0
    were: Counter[str] = field(default_factory=Counter)
    would_be: Counter[str] = field(default_factory=Counter)
    other: int = 0  # clocks that would have had another deadline
    more: bool = False

    def add(self, clock: Clock, moment: datetime | None) -> None:
        """Count an ended clock that would have been due at the moment."""
        answered = clock.handoff.answered_by if clock.handoff else None
        name = answered.name if answered else foresight.holder(clock)
        late = moment is not None and clock.ended_at is not None and clock.ended_at > moment
        self.clocks += 1
        self.other += moment != clock.due_at
        self.were[name] += clock.state == Clock.State.LATE
        self.would_be[name] += late

    @property
    def was_late(self) -> int:
        return self.were.total()

    @property
    def would_be_late(self) -> int:
        return self.would_be.total()

    @property
    def differs(self) -> bool:
        return self.other > 0

    @property
    def load(self) -> list[Tally]:
        """Those who were late or would have been, the most first."""
        late = {name for name in self.would_be if self.were[name] or self.would_be[name]}
        names = sorted(late, key=lambda name: (-self.would_be[name], name))
        return [Tally(name, self.were[name], self.would_be[name]) for name in names[:NAMED]]


def of_policy(policy: ClockPolicy, *, at: datetime) -> Hindsight:
    """The last week under this deadline."""
    return of_week(foresight.under(policy), at=at)


def of_calendar(calendar: Calendar, *, at: datetime) -> Hindsight:
    """The last week under every deadline that counts by this calendar."""
    return of_week(foresight.by(calendar), at=at)


def of_carrier(carrier: Carrier, *, at: datetime) -> Hindsight:
    """The last week under this carrier's agreement."""
    return of_week(foresight.asked_of_carrier(carrier), at=at)


def of_week(rules: Sequence[Q], *, at: datetime) -> Hindsight:
    """The clocks that fit and ended since a week ago, under the rules as they stand now."""
    clocks, memo = _ended(rules, at), dict[Asked, Terms]()
    seen = Hindsight(more=len(clocks) > MOST)
    for clock in clocks[:MOST]:
        if foresight.is_ruled(clock):
            moment = due(terms_for(foresight.asked_of(clock), memo), clock.started_at, clock.pauses.all())
            seen.add(clock, moment)
    return seen


def _ended(rules: Sequence[Q], at: datetime) -> list[Clock]:
    if not rules:
        return []
    fits = Q()
    for rule in rules:
        fits |= rule
    rows = Clock.objects.filter(fits, ended_at__gt=at - LOOKED_BACK, due_at__isnull=False)
    rows = rows.exclude(state=Clock.State.CANCELLED)
    related = ("terms", "case__shop", "case__owner", "handoff__assignee", "handoff__answered_by",
               "handoff__parcel__carrier__agreement")  # fmt: skip
    return list(rows.select_related(*related).prefetch_related("pauses").order_by("-pk")[: MOST + 1])
