"""Whatever stands in an address or a form of the console: a page, a complaint or a refusal, never a crash."""

from collections.abc import Iterator
from contextlib import suppress
from html.parser import HTMLParser
from itertools import cycle, islice
from typing import Any

import pytest
from django.core.cache import cache
from django.db import transaction
from django.http import QueryDict
from django.test import Client
from django.urls import NoReverseMatch, URLPattern, URLResolver, reverse

from handoffs.admin.filters import NAMES
from handoffs.admin.site import desk
from handoffs.models import Retention
from tests.admin.test_rights import ROLES, Scene, as_, scene, staged, verbs
from tests.effort import LONG, THOROUGH

__all__ = ["scene", "staged"]

ODD = (
    "²", "9" * 30, "0001-01-01", "\x00", "9" * 5000, "9999-12-31", "-1", "x" * 5000, "١", "NaN", "[[]]", "1e400",
    "2026-02-30", "9999-12-31T23:59", "'\"<>%", "json://[::1", "0", "", "\ufeff=1", "true", "%00", "1,2", "../..",
)  # fmt: skip
WAYS = ("", "__exact", "__id__exact", "__year", "__month", "__day", "__gte", "__isnull", "__in")
OF_ADMIN = ("o", "all", "e", "_popup", "_to_field", "_changelist_filters", "_selected_action", "_facets")
_turns = cycle(ODD)


def odd() -> list[str]:
    """In `make fuzz` every odd value; in the quick suite the next of them, so that all have their turn."""
    return list(ODD) if LONG else list(islice(_turns, 1))


def leaves(pattern: Any) -> Iterator[URLPattern]:
    if isinstance(pattern, URLResolver):
        for each in pattern.url_patterns:
            yield from leaves(each)
    else:
        yield pattern


LEAVES = [each for pattern in desk.urls[0] for each in leaves(pattern) if each.name not in (None, "logout")]


def answered(client: Client, method: str, where: str, values: Any = None) -> Any:
    """The answer, read to its end; what it changed is taken back."""
    with transaction.atomic():
        answer = getattr(client, method)(where, values or {})
        answer.whole = b"".join(answer.streaming_content) if answer.streaming else answer.content
        transaction.set_rollback(True)
    cache.clear()
    assert answer.status_code < 500, (method, where, values)
    return answer


MODELS = {each._meta.label_lower.replace(".", "_"): each for each in desk._registry}


def first_of(leaf: URLPattern) -> int:
    """The first row of the table the address is of; 1 for the few of none."""
    model: Any = MODELS.get(str(leaf.name).rpartition("_")[0])
    return (model._base_manager.order_by("pk").values_list("pk", flat=True).first() if model else None) or 1


def addresses(scene: Scene, **odd: str) -> list[str]:
    """Every address of the console where there is something; with an odd value, those that have its place."""
    Retention.objects.get_or_create(pk=1)
    given = {
        "case_id": scene.case.pk, "handoff_id": scene.asked["qc"], "run_id": scene.run.pk, "code": "respond",
        "batch_id": scene.batch.pk, "shop_id": scene.world.shop.pk, "id": scene.world.support.pk, "role": "qc",
        "form": "csv", "version_id": 1, "attachment_id": 1, "account_id": 1, "channel_id": 1, "system_id": 1,
        "key": "00000000-0000-4000-8000-000000000000", "app_label": "handoffs", "content_type_id": 1, "url": "x",
        **odd,
    }  # fmt: skip
    found = []
    for leaf in LEAVES:
        names = leaf.pattern.converters
        if not odd.keys() <= names.keys():
            continue
        values = {name: first_of(leaf) if name == "object_id" and name not in odd else given[name] for name in names}
        with suppress(NoReverseMatch):  # a pattern of text, or one this value cannot stand in
            found.append(reverse(f"admin:{leaf.name}", kwargs=values))
    return list(dict.fromkeys(found))


class Noted:
    """The names a page looks for among the parameters of its address."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.names: set[str] = set()
        for method in ("__getitem__", "getlist", "__contains__"):
            monkeypatch.setattr(QueryDict, method, self._noting(getattr(QueryDict, method)))

    def _noting(self, method: Any) -> Any:
        def noting(query: QueryDict, name: str, *rest: Any, **named: Any) -> Any:
            self.names.add(name)
            return method(query, name, *rest, **named)

        return noting

    def of(self, client: Client, where: str) -> list[str]:
        self.names.clear()
        answered(client, "get", where)
        own = NAMES if self.names & {*NAMES} else ()
        return sorted({*self.names, *own, *filters_of(where)} - {"csrfmiddlewaretoken"})


def filters_of(where: str) -> set[str]:
    """What the list of a table can be narrowed by through its address."""
    for model, screen in desk._registry.items():
        if where == reverse(f"admin:{model._meta.label_lower.replace('.', '_')}_changelist"):
            fields = [each for each in screen.list_filter if isinstance(each, str)]
            names = [*fields, *([screen.date_hierarchy] if screen.date_hierarchy else [])]
            return {f"{name}{way}" for name in names for way in WAYS} | {*OF_ADMIN}
    return set()


@pytest.mark.slow
def test_no_parameter_makes_the_desk_crash(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each by itself, for the manager; and all at once, for every role. The quick suite takes turns."""
    manager, noted = as_(scene, "manager"), Noted(monkeypatch)
    found = {where: noted.of(manager, where) for where in addresses(scene)}
    assert "before" in found["/import/"]
    assert {"day", "person", "before"} <= {*found["/audit/"], *found["/audit/audit.csv"]}
    for where, names in found.items():
        own = sorted({*names} - {*NAMES, *OF_ADMIN} - filters_of(where))
        for name in names if LONG else own if THOROUGH else own[::2]:
            for value in odd():
                answered(manager, "get", where, {name: value})
    for turn, role in enumerate(ROLES):
        client = as_(scene, role)
        for where, names in islice(found.items(), 0 if LONG else turn, None, 1 if LONG else len(ROLES)):
            answered(client, "get", where, {name: value for name in names for value in odd()[:1]})


PLACES = (
    "object_id",
    "version_id",
    "case_id",
    "handoff_id",
    "run_id",
    "attachment_id",
    "code",
    "key",
    "role",
    "shop_id",
)


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.slow
def test_no_part_of_an_address_makes_the_desk_crash(scene: Scene, place: str) -> None:
    manager = as_(scene, "manager")
    for value in ("²", "9" * 30, "_00", "x", "-1", "9" * 5000, "\x00", "1_2F")[: None if LONG else 3]:
        for where in addresses(scene, **{place: value}):
            answered(manager, "get", where)
            if LONG:
                answered(manager, "post", where)


class Fields(HTMLParser):
    """The fields of a page's forms with what stands in them, as a browser would send them."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.values: dict[str, str] = {}
        self._select = self._area = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        name = given.get("name", "")
        if tag == "select":
            self._select = name
        elif tag == "option" and "selected" in given:
            self.values[self._select] = given.get("value", "")
        elif tag == "textarea":
            self._area, self.values[name] = name, ""
        elif tag == "input" and name and (given.get("type") not in ("checkbox", "radio", "file") or "checked" in given):
            self.values[name] = given.get("value", "on")
        if tag in ("select", "input") and name:
            self.values.setdefault(name, "")

    def handle_data(self, data: str) -> None:
        if self._area:
            self.values[self._area] += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "textarea":
            self._area = ""


@pytest.mark.slow
def test_no_field_of_a_form_makes_the_desk_crash(scene: Scene) -> None:
    """All fields of a page's forms odd at once; in `make fuzz` also each while the others stay as they are."""
    manager = as_(scene, "manager")
    for where in addresses(scene)[:: 1 if LONG else 2]:
        got = answered(manager, "get", where)
        if got.status_code != 200 or "html" not in got["Content-Type"]:
            continue
        good = Fields(got.whole.decode()).values
        for name in good.keys() - {"csrfmiddlewaretoken", ""} if LONG else ():
            for value in ODD:
                answered(manager, "post", where, {**good, name: value})
        for value in odd():
            answered(manager, "post", where, dict.fromkeys(good, value))


def test_no_verb_makes_the_desk_crash(scene: Scene) -> None:
    """Each body that would do, with one of its values odd."""
    manager = as_(scene, "manager")
    for _name, where, good, _allowed in verbs(scene):
        for name in good:
            for value in odd():
                answered(manager, "post", where, {**good, name: value})


PINNED = [
    ("get", "/import/", {"before": "²"}),
    ("get", "/import/", {"before": "9" * 30}),
    ("get", "/handoffs/case/²/change/", {}),
    ("get", "/audit/", {"day": "0001-01-01"}),
    ("get", "/audit/", {"day": "9999-12-31"}),
    ("get", "/audit/audit.csv", {"day": "0001-01-01"}),
    ("get", "/accounts/limit/", {"shop__exact": "9" * 30}),
    ("get", "/accounts/limit/1/change/", {"_to_field": ""}),
    *(("get", f"/handoffs/{model}/1/history/x/", {}) for model in (
        "clockpolicy", "policystep", "reason", "replytemplate", "calendar", "retention")),
    *(("get", f"/handoffs/{model}/²/history/", {}) for model in ("clockpolicy", "reason")),
    ("post", "/messages/", {"message": "²"}),
    ("post", "/board/resend/", {"mail": "²"}),
    ("post", "/board/resend/", {"mail": "9" * 5000}),
    ("post", "/handoffs/calendarday/load/", {"year": "9" * 5000}),
    ("post", "/accounts/limit/add/", {"user": "9" * 30, "kind": "compensation", "amount": "1"}),
    ("post", "/handoffs/policystep/add/", {"act": "remind", "percent": "", "to": "holder"}),
    ("post", "/me/channels/new/", {"label": "a", "address": "json://[::1"}),
]  # fmt: skip


@pytest.mark.parametrize(("method", "where", "values"), PINNED)
def test_what_made_it_crash_once(scene: Scene, method: str, where: str, values: dict[str, str]) -> None:
    assert answered(as_(scene, "manager"), method, where, values).status_code in (200, 302, 400, 404)


@pytest.mark.parametrize("day", ["0001-01-01", "9999-12-31"])
def test_a_shift_in_no_year_of_ours_is_refused_at_its_field(scene: Scene, day: str) -> None:
    shift = {"user": scene.world.qc.pk, "starts_at_0": day, "starts_at_1": "00:00", "ends_at_0": "", "ends_at_1": ""}
    page = as_(scene, "manager").post("/accounts/dutyshift/add/", shift)
    assert page.status_code == 200
    assert "too far away" in page.content.decode()


def test_a_kept_upload_that_is_no_number_is_passed_over(scene: Scene) -> None:
    where = reverse("admin:handoffs_dialog", args=[scene.case.pk, "respond"])
    assert answered(as_(scene, "manager"), "post", where, {"message": "", "kept": "²"}).status_code == 400
