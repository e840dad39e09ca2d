"""The filters of the queues, one table: what each is called in the address, what it offers, and which rows it keeps.

A filter only ever narrows rows that the person may see, and looks at no question that does not reach the person.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.models import Membership, Shop, User
from accounts.models.people import Role
from handoffs import permissions
from handoffs.flow.exposure import EXPOSED
from handoffs.flow.kinds import KINDS
from handoffs.models import Case, Clock, Handoff, Reason
from handoffs.models.clock import ClockKind
from handoffs.models.handoff import HandoffKind
from handoffs.models.view import Page

HOURS = (1, 4, 12)
WORKING = (Case.Status.NEW, Case.Status.IN_PROGRESS, Case.Status.TO_DECIDE, Case.Status.TO_PAY, Case.Status.GOODS_OPEN)
NOTHING = Q(pk__in=[])


@dataclass(frozen=True, slots=True)
class Scope:
    """Who asks, and when."""

    user: User
    at: datetime


@dataclass(frozen=True, slots=True)
class Choice:
    value: str
    label: Any
    group: Any = ""


Choices = Callable[[Scope], list[Choice]]
On = Callable[[str, Scope, str], Q]  # the value, who asks, and how the row leads to its case: "" or "case__"


@dataclass(frozen=True)
class Filter:
    """One filter. `asked` says what it means for a question where that is not what it means for the question's case.

    `words`: any text is a value, and the choices are only offered. `desk`: for those who see amounts. `quiet`: comes
    by a link, and is not among the fields.
    """

    name: str
    title: Any
    choices: Choices
    on: On
    asked: Callable[[str, Scope], Q] | None = None
    pages: tuple[str, ...] = tuple(Page.values)
    words: bool = False
    desk: bool = False
    quiet: bool = False


def _of(pairs: Any) -> Choices:
    return lambda _scope: [Choice(str(value), label) for value, label in pairs]


def _paths(value: str, _scope: Scope, to: str) -> Q:
    return Q(**{f"{to}path": None if value == "none" else int(value)})


def _status(value: str, _scope: Scope, to: str) -> Q:
    return ~Q(**{f"{to}status": Case.Status.CLOSED}) if value == "open" else Q(**{f"{to}status": value})


def _live(scope: Scope, **about: str) -> Any:
    """The cases with a live question of the kind, among the questions the person may see."""
    rows = permissions.visible_handoffs(scope.user).filter(status__in=Handoff.LIVE, **about)
    return rows.order_by().values("case_id")


def _kinds(_scope: Scope) -> list[Choice]:
    label = dict(HandoffKind.choices)
    rows = sorted(KINDS.values(), key=lambda kind: list(Role.values).index(kind.to_role))
    return [Choice(kind.code, label[kind.code], Role(kind.to_role).label) for kind in rows]


def _kind(value: str, scope: Scope, to: str) -> Q:
    return Q(**{f"{to}pk__in": _live(scope, kind=value)})


WAITING = [("response", _("the first response")), ("us", _("the owner's move")), ("buyer", _("the buyer")),
           *((role, Role(role).label) for role in Role.values if role not in (Role.SUPPORT, Role.MANAGER))]  # fmt: skip


def _waiting(value: str, scope: Scope, to: str) -> Q:
    if value == "buyer":
        return Q(**{f"{to}status": Case.Status.WAITING_BUYER})
    if value == "us":
        return Q(**{f"{to}status__in": WORKING})
    if value == "response":
        open_clocks = Clock.objects.filter(kind=ClockKind.FIRST_RESPONSE, ended_at=None).order_by()
        return Q(**{f"{to}pk__in": open_clocks.values("case_id")})
    return Q(**{f"{to}pk__in": _live(scope, to_role=value)})


def _asked_of(value: str, scope: Scope) -> Q:
    return Q(to_role=value) if value in Role.values else _waiting(value, scope, "case__")


LATE = [("yes", _("late now")), *((str(h), label) for h, label in zip(
    HOURS, (_("due within 1 h"), _("due within 4 h"), _("due within 12 h")), strict=True))]  # fmt: skip


def _late(value: str, scope: Scope, to: str) -> Q:
    return _due(value, scope, f"{to}due_at") & ~Q(**{f"{to}status": Case.Status.CLOSED})


def _due(value: str, scope: Scope, field: str) -> Q:
    if value == "yes":
        return Q(**{f"{field}__lte": scope.at})
    return Q(**{f"{field}__gt": scope.at, f"{field}__lte": scope.at + timedelta(hours=int(value))})


def _shops(scope: Scope) -> list[Choice]:
    rows = Shop.objects.filter(pk__in=scope.user.shops_as()).order_by("name")
    return [Choice(str(pk), name) for pk, name in rows.values_list("pk", "name")]


def _people(scope: Scope) -> list[Choice]:
    """The colleagues of the own shops, and whoever has left and still holds something."""
    shops = scope.user.shops_as()
    held = Case.objects.filter(shop__in=shops, owner__isnull=False).exclude(status=Case.Status.CLOSED)
    asked = Handoff.objects.filter(case__shop__in=shops, assignee__isnull=False, status__in=Handoff.LIVE)
    here = Q(is_active=True, pk__in=Membership.objects.filter(shop__in=shops).values("user"))
    left = Q(pk__in=held.order_by().values("owner")) | Q(pk__in=asked.order_by().values("assignee"))
    rows = User.objects.filter(here | left).order_by("name", "pk")
    named = [Choice(str(pk), name) for pk, name in rows.values_list("pk", "name")]
    return [Choice("me", _("me")), Choice("none", _("nobody")), *named]


def _person(value: str, scope: Scope) -> int | None:
    return scope.user.pk if value == "me" else None if value == "none" else int(value)


def _reasons(scope: Scope) -> list[Choice]:
    markets = Shop.objects.filter(pk__in=scope.user.shops_as()).values("marketplace")
    texts = Reason.objects.filter(marketplace__in=markets).order_by("text").values_list("text", flat=True)
    return [Choice(text, text) for text in texts.distinct()]


def at_risk(at: datetime, hours: int, to: str = "") -> Q:
    """Money that a marketplace's own deadline reaches within the hours: open, and not paid yet."""
    within = Q(**{f"{to}marketplace_deadline__gt": at, f"{to}marketplace_deadline__lte": at + timedelta(hours=hours)})
    return within & ~Q(**{f"{to}money": Case.Money.CONFIRMED}) & ~Q(**{f"{to}status": Case.Status.CLOSED})


RISK = [*((str(h), label) for h, label in zip(HOURS, (
    _("marketplace deadline within 1 h"), _("marketplace deadline within 4 h"), _("marketplace deadline within 12 h"),
), strict=True)), ("exposed", _("money gone, goods not secured"))]  # fmt: skip


def _risk(value: str, scope: Scope, to: str) -> Q:
    if value == "exposed":
        return Q(**{f"{to}pk__in": Case.objects.filter(EXPOSED).values("pk")})
    return at_risk(scope.at, int(value), to)


def late_clocks(at: datetime) -> Any:
    """The promises that are late and still open."""
    return Clock.objects.filter(Q(state=Clock.State.LATE) | Q(due_at__lte=at), ended_at=None).order_by()


def lane(from_role: str, to_role: str) -> str:
    """A lane in an address."""
    return f"{from_role}-{to_role}"


def _promises(_scope: Scope) -> list[Choice]:
    lanes = {lane(asking, kind.to_role): f"{Role(asking).label} → {Role(kind.to_role).label}"
             for kind in KINDS.values() for asking in sorted(kind.from_roles)}  # fmt: skip
    lanes |= {lane(asking, to): f"{Role(asking).label} → {Role(to).label}"
              for kind in KINDS.values() for to in kind.also_to for asking in sorted(kind.from_roles)}  # fmt: skip
    named = [(_("role"), Role.choices), (_("lane"), lanes.items()), (_("promise"), ClockKind.choices),
             (_("question"), HandoffKind.choices)]  # fmt: skip
    return [Choice(value, label, group) for group, pairs in named for value, label in pairs]


def _broken(value: str, scope: Scope, to: str) -> Q:
    rows = late_clocks(scope.at).filter(case__in=permissions.visible_cases(scope.user))
    if value in Role.values:
        rows = rows.filter(owner_role=value).exclude(kind=ClockKind.MARKETPLACE)
    elif value in HandoffKind.values:
        rows = rows.filter(handoff__kind=value)
    elif value in ClockKind.values:
        rows = rows.filter(kind=value)
    else:
        asking, _dash, asked = value.partition("-")
        rows = rows.filter(handoff__from_role=asking, handoff__to_role=asked)
    return Q(**{f"{to}pk__in": rows.values("case_id")})


def _lead(_value: str, scope: Scope, to: str) -> Q:
    return Q(**{f"{to}shop__in": scope.user.shops_as(Role.SUPERVISOR, Role.MANAGER)})


LISTED = (Page.CASES, Page.QUESTIONS)
FILTERS: tuple[Filter, ...] = (
    Filter("late", _("due"), _of(LATE), _late, lambda value, scope: _due(value, scope, "due_at")),
    Filter("waiting", _("waits for"), _of(WAITING), _waiting, _asked_of),
    Filter("path", _("path"), _of([*Case.Path.choices, ("none", _("a person decides"))]), _paths),
    Filter("status", _("status"), _of([("open", _("not closed")), *Case.Status.choices]), _status),
    Filter("kind", _("question"), _kinds, _kind, lambda value, _scope: Q(kind=value)),
    Filter("shop", _("shop"), _shops, lambda value, _scope, to: Q(**{f"{to}shop": int(value)})),
    Filter("owner", _("owner"), _people, lambda value, scope, to: Q(**{f"{to}owner": _person(value, scope)}),
           lambda value, scope: Q(assignee=_person(value, scope))),
    Filter("reason", _("reason"), _reasons, lambda value, _s, to: Q(**{f"{to}reason__icontains": value}), words=True),
    Filter("risk", _("money at risk"), _of(RISK), _risk, desk=True),
    Filter("broken", _("late with"), _promises, _broken, pages=(Page.CASES,), desk=True, quiet=True),
    Filter("reach", _("shops"), _of([("lead", _("those I supervise"))]), _lead, pages=LISTED, desk=True, quiet=True),
)  # fmt: skip
ALIASES = {"path__exact": "path", "status__exact": "status"}  # as older links have it
EVERYTHING = "all"  # asked for by name, where a page would start with a view
NAMES = (*(each.name for each in FILTERS), *ALIASES, EVERYTHING)
