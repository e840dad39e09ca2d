"""The numbers of the board. Each is counted by the very filters of the list it opens, so the two cannot differ."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import groupby
from typing import Any
from urllib.parse import urlencode

from django.db.models import Count, Exists, OuterRef, Q, QuerySet, Sum
from django.urls import reverse

from accounts import cover, duty
from accounts.models import Membership, Shop, User
from accounts.models.people import Role
from handoffs.admin import filters, queues
from handoffs.admin.filters import HOURS, Scope
from handoffs.flow.exposure import EXPOSED
from handoffs.models import Case, Clock
from handoffs.models.clock import ClockKind
from handoffs.models.handoff import HandoffKind

AHEAD = timedelta(hours=24)
COVERED = (Role.SUPPORT, Role.SUPERVISOR, Role.WAREHOUSE, Role.QC, Role.LOGISTICS)
FEN = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class Number:
    """A number with what it counts and the list behind it; `total` is money where it stands for money."""

    label: Any
    count: int
    link: str
    total: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Empty:
    """Hours ahead without anybody of a role, in one shop or in several at once."""

    role: Any
    shops: str
    start: datetime
    end: datetime

    @property
    def whole(self) -> bool:
        return self.end - self.start >= AHEAD


class Board:
    """The numbers of the shops that a person supervises, at one moment."""

    def __init__(self, user: User, *, at: datetime) -> None:
        self.scope = Scope(user, at)
        self.shops = user.shops_as(Role.SUPERVISOR, Role.MANAGER)
        # Whoever also works for other shops sees those in the lists; the links then say which shops are meant.
        self.reach = {} if self.shops == user.shops_as() else {"reach": "lead"}

    def _link(self, page: str, **values: str) -> str:
        return f"{reverse(page)}?{urlencode({**values, **self.reach})}"

    def _cases(self, **values: str) -> str:
        return self._link("admin:handoffs_case_changelist", **values)

    def late(self) -> Number:
        """All late cases."""
        rows = Case.objects.filter(due_at__lte=self.scope.at, shop__in=self.shops).exclude(status=Case.Status.CLOSED)
        return Number("", rows.count(), self._cases(late="yes"))

    def _broken(self) -> QuerySet[Clock]:
        return filters.late_clocks(self.scope.at).filter(case__shop__in=self.shops)

    def late_by_role(self) -> list[Number]:
        rows = self._broken().exclude(kind=ClockKind.MARKETPLACE).values_list("owner_role")
        return self._counted(rows, lambda role: (role, Role(role).label))

    def late_by_lane(self) -> list[Number]:
        rows = self._broken().filter(handoff__isnull=False).values_list("handoff__from_role", "handoff__to_role")
        return self._counted(rows, lambda *way: (filters.lane(*way), " → ".join(str(Role(role).label) for role in way)))

    def late_by_promise(self) -> list[Number]:
        """What was promised: a question by its own name, every other obligation by its clock's."""
        names: dict[Any, Any] = {**dict(ClockKind.choices), **dict(HandoffKind.choices)}
        rows = self._broken().values_list("kind", "handoff__kind")
        return self._counted(rows, lambda kind, asked: (asked or kind, names[asked or kind]))

    def _counted(self, rows: Any, named: Any) -> list[Number]:
        """Cases rather than clocks are counted: a list shows a case once."""
        counted = rows.annotate(n=Count("case", distinct=True)).order_by("-n", *rows.query.values_select)
        found = [(*named(*row[:-1]), row[-1]) for row in counted]
        return [Number(label, count, self._cases(broken=value)) for value, label, count in found]

    def at_risk(self) -> list[Number]:
        """Money that the marketplace's own deadlines reach in the next hours. One statement."""
        within = {hours: filters.at_risk(self.scope.at, hours) for hours in HOURS}
        sums = {f"sum_{hours}": Sum("amount", filter=q) for hours, q in within.items()}
        counts = {f"n_{hours}": Count("pk", filter=q) for hours, q in within.items()}
        found = Case.objects.filter(within[max(HOURS)], shop__in=self.shops).aggregate(**sums, **counts)
        return [Number(hours, found[f"n_{hours}"], self._cases(risk=str(hours)), _money(found[f"sum_{hours}"]))
                for hours in HOURS]  # fmt: skip

    def exposed(self) -> Number:
        """Money gone whose goods are not secured."""
        found = Case.objects.filter(EXPOSED, shop__in=self.shops).aggregate(n=Count("pk"), total=Sum("amount"))
        return Number("", found["n"], self._cases(risk="exposed"), _money(found["total"]))

    def load(self) -> list[dict[str, Any]]:
        """Open cases and live questions of each person, on duty or off; of those who have left while any are theirs."""
        present = duty.on_duty_ids(self.scope.at)
        held = Membership.objects.in_force(self.scope.at).filter(user=OuterRef("pk"), shop__in=self.shops)
        open_cases = Case.objects.filter(shop__in=self.shops, owner__isnull=False).exclude(status=Case.Status.CLOSED)
        asked = queues.live_questions(self.scope.user).filter(case__shop__in=self.shops, assignee__isnull=False)
        cases, questions = _per(open_cases, "owner"), _per(asked, "assignee")
        people = User.objects.annotate(here=Q(Exists(held), is_active=True)).order_by("name", "pk")
        people = people.filter(Q(here=True) | Q(pk__in={*cases, *questions}))
        rows = [
            {"user": user, "here": user.here, "on": user.pk in present, "online": duty.is_online(user, self.scope.at),
             "cases": Number("", cases.get(user.pk, 0), self._cases(status="open", owner=str(user.pk))),
             "questions": Number("", questions.get(user.pk, 0),
                                 self._link("admin:handoffs_questions", owner=str(user.pk)))}
            for user in people
        ]  # fmt: skip
        return sorted(rows, key=lambda row: -(row["cases"].count + row["questions"].count))

    def on_duty(self) -> list[tuple[Any, list[str]]]:
        """Who is on duty, by role; a role without anybody stands there too."""
        present = duty.on_duty_ids(self.scope.at)
        rows = Membership.objects.in_force(self.scope.at).filter(shop__in=self.shops, role__in=COVERED)
        held = sorted(set(rows.values_list("role", "user__name", "user_id")), key=lambda row: row[1])
        roles = [role for role in COVERED if any(row[0] == role for row in held)]
        return [(role.label, [name for has, name, pk in held if has == role and pk in present]) for role in roles]

    def empty_shifts(self) -> list[Empty]:
        """The next 24 hours without anybody, shops that are empty at the same time together."""
        start = self.scope.at.replace(second=0, microsecond=0)
        found = cover.gaps(self.shops, COVERED, start=start, end=start + AHEAD)
        names = dict(Shop.objects.filter(pk__in=self.shops, active=True).values_list("pk", "name"))
        key = lambda gap: (gap.start, gap.end, COVERED.index(Role(gap.role)))  # noqa: E731
        kept = sorted((gap for gap in found if gap.shop_id in names), key=key)
        return [
            Empty(COVERED[index].label, " · ".join(names[gap.shop_id] for gap in same), begin, end)
            for (begin, end, index), same in groupby(kept, key)
        ]


def _money(total: Decimal | None) -> Decimal:
    """SQLite adds up in floating point, so sums are brought back to the fen."""
    return Decimal(total or 0).quantize(FEN)


def _per(rows: QuerySet[Any], person: str) -> dict[int, int]:
    return dict(rows.order_by().values_list(person).annotate(n=Count("pk")))
