"""Reports: the measures of the last days beside those of the days before, on a page and as a workbook."""

import io
from datetime import timedelta
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from openpyxl import Workbook
from openpyxl.styles import Font

from accounts.models import Shop
from accounts.models.people import Role
from handoffs import eventlog, reports
from handoffs.admin import shown
from handoffs.admin.page import draw, page, person
from handoffs.exact import whole
from handoffs.intake.rejects import neutral
from handoffs.models import Case
from handoffs.reports import Overview, Part, Share, Span

DAYS = (1, 7, 30)
SHOWN = 200
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@page("GET", verb="see_board")
def report(request: HttpRequest) -> HttpResponse:
    """Everything measured, with the span before it for comparison."""
    shops, chosen, days = _asked(request)
    now, before = _overviews(request, shops, days)
    context = {
        "days": days, "choices": DAYS, "shops": Shop.objects.filter(pk__in=_mine(request)).order_by("name"),
        "chosen": chosen, "first": now.first_response, "first_before": before.first_response,
        "times": _times(now), "times_before": _times(before),
        "groups": [
            {"of": "lanes", "title": _("On time by lane"), "rows": _beside(now.lanes, before.lanes)},
            {"of": "carriers", "title": _("On time by carrier"), "rows": _beside(now.carriers, before.carriers)},
            {"of": "people", "title": _("On time by person"), "rows": _beside(now.people, before.people)},
        ],
        "refused": now.days, "query": request.GET.urlencode(),
    }  # fmt: skip
    return draw(request, "handoffs/reports.html", title=_("Reports"), **context)


@page("GET", verb="see_board")
def behind(request: HttpRequest) -> HttpResponse:
    """The cases behind a number: `of` says which, `part` the row of a table, `missed` those not in time only."""
    shops, _chosen, days = _asked(request)
    zone, now = _zone(), timezone.now()
    found = reports.overview(shops, Span(now - timedelta(days=days), now), zone=zone)
    cases = _behind(found, request.GET.get("of", ""), request.GET.get("part", ""), request.GET.get("missed") == "1")
    if cases is None:
        raise Http404
    rows = shown.case_rows(shown.with_steps(cases.order_by("-applied_at", "pk"))[:SHOWN], user=person(request), at=now)
    return draw(request, "handoffs/behind.html", title=_("Cases behind a number"), rows=rows, most=SHOWN)


def _behind(found: Overview, of: str, key: str, missed: bool) -> QuerySet[Case] | None:  # noqa: FBT001
    if of == "completed":
        return found.completion.cases
    if of == "first":
        share: Share | None = found.first_response
    else:
        parts: list[Part] = {"lanes": found.lanes, "carriers": found.carriers, "people": found.people}.get(of, [])
        share = next((part.share for part in parts if str(part.key) == key), None)
    if share is None:
        return None
    return share.missed if missed else share.cases


@page("GET", verb="see_board")
def workbook(request: HttpRequest) -> HttpResponse:
    """The same numbers as a workbook."""
    shops, _chosen, days = _asked(request)
    now, before = _overviews(request, shops, days)
    book = Workbook()
    sheet = book.active
    sheet.title = _("Summary")
    _head(sheet, [_("measure"), _("now"), _("before")])
    sheet.append([_("first-response rate (%)"), now.first_response.percent, before.first_response.percent])
    sheet.append([_("first responses due"), now.first_response.total, before.first_response.total])
    sheet.append([_("of them sent to many alike"), now.first_response.marked, before.first_response.marked])
    for name, label in (("median", _("completion, median (h)")), ("p90", _("completion, nine of ten within (h)"))):
        sheet.append([label, *(_hours(getattr(each.completion, name)) for each in (now, before))])
    parts = [(_("lanes"), now.lanes), (_("carriers"), now.carriers), (_("people"), now.people)]
    for title, rows in parts:
        sheet = book.create_sheet(title)
        _head(sheet, [_("name"), _("in time"), _("due"), _("on time (%)")])
        for part in rows:
            sheet.append([neutral(part.label), part.share.met, part.share.total, part.share.percent])
    sheet = book.create_sheet(_("refused"))
    _head(sheet, [_("day"), _("shop"), _("refused"), _("opened again")])
    for day in now.days:
        sheet.append([day.day.isoformat(), neutral(day.shop), day.refused, day.reopened])
    stream = io.BytesIO()
    book.save(stream)
    response = HttpResponse(stream.getvalue(), content_type=XLSX)
    response["Content-Disposition"] = f'attachment; filename="reports-{timezone.localdate():%Y-%m-%d}.xlsx"'
    return response


@page("GET", verb="see_board")
def event_log(request: HttpRequest, form: str) -> StreamingHttpResponse:
    """What happened on the cases of these days, for process-mining tools: XES or csv, written piece by piece."""
    shops, _chosen, days = _asked(request)
    now = timezone.now()
    rows = eventlog.events(shops, Span(now - timedelta(days=days), now))
    made, kind = {"xes": (eventlog.as_xes, "application/xml"), "csv": (eventlog.as_csv, "text/csv")}[form]
    response = StreamingHttpResponse(made(rows), content_type=f"{kind}; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="events-{timezone.localdate():%Y-%m-%d}.{form}"'
    return response


def _mine(request: HttpRequest) -> frozenset[int]:
    return person(request).shops_as(Role.SUPERVISOR, Role.MANAGER)


def _asked(request: HttpRequest) -> tuple[frozenset[int], int, int]:
    """(the shops, the one chosen or 0, how many days); what cannot be read is the default."""
    mine, shop, days = _mine(request), whole(request.GET.get("shop", "")), request.GET.get("days", "")
    chosen = shop if shop in mine else 0
    return frozenset({chosen}) if chosen else mine, chosen, int(days) if days in map(str, DAYS) else 7


def _overviews(request: HttpRequest, shops: frozenset[int], days: int) -> tuple[Overview, Overview]:
    zone, now, span = _zone(), timezone.now(), timedelta(days=days)
    del request
    return (reports.overview(shops, Span(now - span, now), zone=zone),
            reports.overview(shops, Span(now - 2 * span, now - span), zone=zone))  # fmt: skip


def _zone() -> ZoneInfo:
    zone = timezone.get_current_timezone()
    return zone if isinstance(zone, ZoneInfo) else ZoneInfo("Asia/Shanghai")


def _times(found: Overview) -> dict[str, Any]:
    took = found.completion
    return {"count": took.count, "median": shown.length(took.median) if took.median else "",
            "p90": shown.length(took.p90) if took.p90 else ""}  # fmt: skip


def _beside(now: list[Part], before: list[Part]) -> list[dict[str, Any]]:
    earlier: dict[Any, Share] = {part.key: part.share for part in before}
    return [
        {"label": part.label, "key": str(part.key), "share": part.share, "before": earlier.get(part.key)}
        for part in now
    ]


def _hours(span: timedelta | None) -> float | None:
    return round(span.total_seconds() / 3600, 2) if span else None


def _head(sheet: Any, names: list[Any]) -> None:
    sheet.append([str(name) for name in names])
    sheet.freeze_panes = "A2"
    for cell in sheet[1]:
        cell.font = Font(bold=True)
        sheet.column_dimensions[cell.column_letter].width = 24


PAGES = (
    ("reports/", report, "handoffs_reports"),
    ("reports/cases/", behind, "handoffs_reports_cases"),
    ("reports/events.csv", partial(event_log, form="csv"), "handoffs_reports_csv"),
    ("reports/events.xes", partial(event_log, form="xes"), "handoffs_reports_xes"),
    ("reports/measures.xlsx", workbook, "handoffs_reports_xlsx"),
)
