"""Who got in, what was looked at, what was changed: one list for managers, and the same as a table."""

import io
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any
from urllib.parse import urlencode

from django.apps import apps
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.utils import timezone
from django.utils.dateparse import parse_date
from django.utils.translation import gettext as _

from accounts import audit
from accounts.models import AuditEntry, User
from handoffs.admin.page import draw, page, person
from handoffs.exact import whole
from handoffs.intake.rejects import neutral
from handoffs.intake.rejects import table as table_of
from handoffs.intake.values import YEARS

ON_A_PAGE = 50
EXPORTED = 50_000
COLUMNS = ("at", "kind", "by", "about", "address", "text")


@dataclass(frozen=True)
class Asked:
    """What the list is narrowed to; what cannot be read narrows nothing."""

    kind: str
    person: int
    day: str
    before: int

    @property
    def query(self) -> dict[str, Any]:
        given = {"kind": self.kind, "person": self.person, "day": self.day}
        return {name: value for name, value in given.items() if value}


def _asked(request: HttpRequest) -> Asked:
    kind, day = request.GET.get("kind", ""), request.GET.get("day", "")
    return Asked(
        kind if kind in AuditEntry.Kind.values else "", _number(request, "person"), day if _is_day(day) else "",
        _number(request, "before"),
    )  # fmt: skip


def _is_day(text: str) -> bool:
    try:
        day = parse_date(text)
    except ValueError:
        return False
    return day is not None and day.year in YEARS


def _number(request: HttpRequest, name: str) -> int:
    return whole(request.GET.get(name, ""))


def _rows(asked: Asked) -> QuerySet[AuditEntry]:
    """Newest first. A page begins after the last entry of the one before it, so none is dearer than the first."""
    rows = AuditEntry.objects.select_related("by", "about").order_by("-at", "-pk")
    if asked.kind:
        rows = rows.filter(kind=asked.kind)
    if asked.person:
        rows = rows.filter(Q(by=asked.person) | Q(about=asked.person))
    if day := parse_date(asked.day):
        start = timezone.make_aware(datetime.combine(day, time()))
        rows = rows.filter(at__gte=start, at__lt=start + timedelta(days=1))
    if asked.before and (last := AuditEntry.objects.filter(pk=asked.before).first()):
        rows = rows.filter(Q(at__lt=last.at) | Q(at=last.at, pk__lt=last.pk), at__lte=last.at)
    return rows


@page("GET", verb="see_audit")
def entries(request: HttpRequest) -> HttpResponse:
    asked = _asked(request)
    found = list(_rows(asked)[: ON_A_PAGE + 1])
    more = urlencode({**asked.query, "before": found[ON_A_PAGE - 1].pk}) if len(found) > ON_A_PAGE else ""
    context = {
        "rows": [{"entry": entry, "text": _text(entry)} for entry in found[:ON_A_PAGE]],
        "more": more, "query": urlencode(asked.query), "asked": asked, "kinds": AuditEntry.Kind.choices,
        "people": User.objects.order_by("name", "pk"),
    }  # fmt: skip
    return draw(request, "handoffs/audit.html", title=_("Audit"), **context)


@page("GET", verb="see_audit")
def table(request: HttpRequest) -> StreamingHttpResponse:
    """The narrowed list, to a bound; no cell runs as a formula. Who took it stands in it."""
    asked = _asked(request)
    audit.note(audit.Kind.TAKEN, by=person(request), at=timezone.now(), text=urlencode(asked.query))
    answer = StreamingHttpResponse(_csv(_rows(asked)[:EXPORTED]), content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="audit-{timezone.localdate():%Y-%m-%d}.csv"'
    return answer


def _csv(rows: QuerySet[AuditEntry]) -> Iterator[str]:
    yield "\ufeff" + _line(COLUMNS)
    for row in rows.iterator(chunk_size=2000):
        people = [person.email if person else "" for person in (row.by, row.about)]
        yield _line([row.at.isoformat(), row.kind, *people, row.address, row.text])


def _line(cells: Any) -> str:
    line = io.StringIO()
    table_of(line).writerow([neutral(cell) for cell in cells])
    return line.getvalue()


def _text(entry: AuditEntry) -> str:
    """A change begins with the table's label, which is shown by its name."""
    label, _blank, rest = entry.text.partition(" ")
    if entry.kind != AuditEntry.Kind.CHANGED or "." not in label:
        return entry.text
    try:
        return f"{apps.get_model(label)._meta.verbose_name}: {rest}"
    except (LookupError, ValueError):
        return entry.text


PAGES = (("audit/", entries, "handoffs_audit"), ("audit/audit.csv", table, "handoffs_audit_csv"))
