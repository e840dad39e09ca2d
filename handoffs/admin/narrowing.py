"""The filters a page was asked for: read from the address, put back into addresses, laid over querysets, named."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any
from urllib.parse import urlencode

from django.db.models import Q, QuerySet
from django.http import HttpRequest, QueryDict

from handoffs import permissions
from handoffs.admin.filters import ALIASES, EVERYTHING, FILTERS, NOTHING, Choice, Filter, Scope
from handoffs.models import Case, Handoff

LONGEST = 80
COUNTED = 100


@dataclass(frozen=True)
class Chip:
    """A filter that is on: what it says, and the address without it."""

    title: Any
    label: Any
    clear: str
    hides: str = ""


@dataclass(frozen=True)
class Field:
    """A filter as a field of the form."""

    name: str
    title: Any
    value: str
    words: bool
    groups: list[tuple[Any, list[Choice]]]


@dataclass(frozen=True)
class Narrowing:
    """What is asked for on a page. `values` in the order of the table, so that one set of filters is one address."""

    page: str
    scope: Scope
    values: Mapping[str, str] = field(default_factory=dict)
    known: dict[str, list[Choice]] = field(default_factory=dict, compare=False, repr=False)  # what was looked up

    def __bool__(self) -> bool:
        return bool(self.values)

    @property
    def query(self) -> str:
        return urlencode(self.values)

    @property
    def address(self) -> str:
        """What follows the page's own address; without filters the page is asked for everything by name."""
        return f"?{self.query}" if self.values else f"?{EVERYTHING}=1"

    def without(self, name: str) -> "Narrowing":
        return replace(self, values={key: value for key, value in self.values.items() if key != name})

    @cached_property
    def offered(self) -> list[Filter]:
        """The filters of this page that the person has."""
        desk = bool(self.scope.user.roles & permissions.DESK)
        return [each for each in FILTERS if self.page in each.pages and (desk or not each.desk)]

    def choices(self, each: Filter) -> list[Choice]:
        """What a filter offers this person; looked up once."""
        if each.name not in self.known:
            self.known[each.name] = each.choices(self.scope)
        return self.known[each.name]

    def _on(self) -> Iterable[tuple[Filter, str]]:
        return ((each, self.values[each.name]) for each in self.offered if each.name in self.values)

    def _knows(self, each: Filter, value: str) -> bool:
        return each.words or any(choice.value == value for choice in self.choices(each))

    def _q(self, meaning: Callable[[Filter, str], Q]) -> Q:
        """All filters at once. One that the person does not have, or a value it does not offer, keeps no row."""
        on = list(self._on())
        if len(on) < len(self.values):
            return NOTHING
        found = Q()
        for each, value in on:
            found &= meaning(each, value) if self._knows(each, value) else NOTHING
        return found

    def q(self, kind: str) -> Q:
        """The filters on rows of a kind: cases, questions, or whatever stands for its case, such as approvals."""
        if kind == "questions":
            return self._q(self._asked)
        to = "" if kind == "cases" else "case__"
        return self._q(lambda each, value: each.on(value, self.scope, to))

    def _asked(self, each: Filter, value: str) -> Q:
        return each.asked(value, self.scope) if each.asked else each.on(value, self.scope, "case__")

    def cases(self, rows: QuerySet[Case]) -> QuerySet[Case]:
        return rows.filter(self.q("cases")) if self else rows

    def questions(self, rows: QuerySet[Handoff]) -> QuerySet[Handoff]:
        return rows.filter(self.q("questions")) if self else rows

    @property
    def chips(self) -> list[Chip]:
        """The filters that are on, each with the way to take it off."""
        titles = {each.name: each for each in FILTERS}
        return [self._chip(titles[name], value) for name, value in self.values.items()]

    def _chip(self, each: Filter, value: str, hides: str = "") -> Chip:
        mine = each in self.offered
        label = next((choice.label for choice in self.choices(each) if choice.value == value), value) if mine else value
        return Chip(each.title, label, self.without(each.name).address, hides)

    @property
    def each_off(self) -> dict[str, "Narrowing"]:
        """By name of a filter: the others without it."""
        return {name: self.without(name) for name in self.values}

    def hiding(self, without: Mapping[str, int]) -> list[Chip]:
        """For an empty page: the filters that by themselves hide rows, from how many there are without each."""
        titles = {each.name: each for each in FILTERS}
        return [self._chip(titles[name], self.values[name], bounded(n)) for name, n in without.items() if n]

    @property
    def fields(self) -> list[Field]:
        """The form: every filter that is not a link's own; a shop is asked for only where there are several."""
        shown = [each for each in self.offered if not each.quiet]
        return [
            Field(each.name, each.title, self.values.get(each.name, ""), each.words, _grouped(self.choices(each)))
            for each in shown
            if each.name != "shop" or len(self.choices(each)) > 1
        ]

    @property
    def kept(self) -> list[tuple[str, str]]:
        """Filters that are on and are no field of the form; the form carries them along."""
        fields = {each.name for each in self.fields}
        return [(name, value) for name, value in self.values.items() if name not in fields]


def asked(request: HttpRequest, page: str, scope: Scope) -> Narrowing:
    """The filters in the request's address."""
    return Narrowing(page, scope, read(request.GET))


def of_query(query: str, page: str, scope: Scope) -> Narrowing:
    """The filters of a saved view."""
    return Narrowing(page, scope, read(QueryDict(query)))


def read(given: QueryDict) -> dict[str, str]:
    """Known filters with a value, in the order of the table."""
    plain = {ALIASES.get(name, name): str(value).strip()[:LONGEST] for name, value in given.items()}
    return {each.name: plain[each.name] for each in FILTERS if plain.get(each.name)}


def counted(rows: QuerySet[Any]) -> int:
    """How many there are, counted to a bound."""
    return len(rows.order_by().values_list("pk")[:COUNTED])


def bounded(count: int) -> str:
    return f"{count}+" if count >= COUNTED else str(count)


def _grouped(choices: list[Choice]) -> list[tuple[Any, list[Choice]]]:
    groups: dict[str, tuple[Any, list[Choice]]] = {}
    for choice in choices:
        groups.setdefault(str(choice.group), (choice.group, []))[1].append(choice)
    return list(groups.values())
