"""Set-up of working time: calendars with their windows, public holidays and make-up working days (调休)."""

from datetime import datetime
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST

from accounts import audit
from handoffs.admin import setup_faults
from handoffs.admin.page import person
from handoffs.admin.setup_base import KeptAdmin, SetupAdmin, SetupForm, SetupInline, allowed, zone_field
from handoffs.admin.setup_foresight import ForeseenAdmin, Seen
from handoffs.admin.setup_places import FAULTS
from handoffs.admin.site import desk
from handoffs.exact import whole
from handoffs.flow import foresight, hindsight
from handoffs.flow.hindsight import Hindsight
from handoffs.models import Calendar, CalendarDay, CalendarWindow
from handoffs.seeds.holidays import chinese_days, known_years

MIDNIGHT = "00:00:00"


class WindowFormSet(forms.BaseInlineFormSet):
    """Windows of one day may touch but not overlap."""

    def clean(self) -> None:
        super().clean()
        rows = [form.cleaned_data for form in self.forms if form.cleaned_data and not form.cleaned_data.get("DELETE")]
        by_day: dict[int, list[tuple[Any, Any]]] = {}
        for row in rows:
            if row.get("start") is not None and row.get("end") is not None:
                by_day.setdefault(row["weekday"], []).append((row["start"], row["end"]))
        for day, windows in by_day.items():
            windows.sort()
            for (_begin, end), (start, _end) in zip(windows, windows[1:], strict=False):
                if end.isoformat() == MIDNIGHT or start < end:
                    says = _("Two windows of %(day)s overlap.")
                    raise ValidationError(says, params={"day": dict(CalendarWindow.WEEKDAYS)[day]})


class WindowInline(SetupInline):
    model = CalendarWindow
    formset = WindowFormSet


class CalendarForm(SetupForm):
    time_zone = zone_field()


@admin.register(Calendar, site=desk)
class CalendarAdmin(ForeseenAdmin, KeptAdmin):
    form = CalendarForm
    list_display = ("name", "time_zone", "holidays", "open_hours")
    search_fields = ("name",)
    inlines = (WindowInline,)
    list_before_template = FAULTS
    fault_topics = (setup_faults.DAYS,)

    def foresee(self, saved: Any, before: Any, *, at: datetime) -> Seen:
        return foresight.of_calendar(saved, at=at)

    def look_back(self, saved: Any, *, at: datetime) -> Hindsight:
        return hindsight.of_calendar(saved, at=at)

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).prefetch_related("windows")

    @admin.display(description=_("working time"))
    def open_hours(self, calendar: Calendar) -> str:
        """Its windows in a line; without any it runs round the clock."""
        return ", ".join(str(window) for window in calendar.windows.all()) or str(_("round the clock"))


@admin.register(CalendarDay, site=desk)
class CalendarDayAdmin(ForeseenAdmin, SetupAdmin):
    list_display = ("day", "kind", "name")
    list_filter = ("kind",)
    search_fields = ("name",)
    date_hierarchy = "day"
    list_before_template = "handoffs/setup/days.html"
    fault_topics = (setup_faults.DAYS,)

    def as_it_was(self) -> frozenset[int]:
        return foresight.ruled_by_days()

    def foresee(self, saved: Any, before: Any, *, at: datetime) -> Seen:
        return foresight.of_days(before, at=at)

    def get_urls(self) -> list[URLPattern]:
        load = self.admin_site.admin_view(require_POST(self.load_year))
        return [path("load/", load, name="handoffs_calendarday_load"), *super().get_urls()]

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        years = _loadable() if allowed(request, "edit_setup") else []
        return super().changelist_view(request, {"years": years, **(extra_context or {})})

    def load_year(self, request: HttpRequest) -> HttpResponse:
        """Enter the published holidays of a year; days that are entered already stay as they are."""
        if not allowed(request, "edit_setup"):
            raise PermissionDenied
        year = whole(request.POST.get("year", ""))
        found = chinese_days(year) if year in known_years() else None
        if found is None:
            messages.error(request, gettext("The holidays of this year are not published yet. Enter them by hand."))
            return redirect("admin:handoffs_calendarday_changelist")
        rows = [CalendarDay(day=day, kind=special.kind, name=special.name) for day, special in found.items()]
        with transaction.atomic():
            CalendarDay.objects.bulk_create(rows, ignore_conflicts=True)
            told = f"handoffs.calendarday {year} (+) {'; '.join(map(str, rows))}"
            audit.note(audit.Kind.CHANGED, by=person(request), at=timezone.now(), text=told)
        messages.success(request, gettext("The holidays of %(year)s are entered.") % {"year": year})
        return redirect("admin:handoffs_calendarday_changelist")


def _loadable() -> list[int]:
    """Published years of which no day is entered, from this one on."""
    entered = set(CalendarDay.objects.values_list("day__year", flat=True).distinct())
    return [year for year in known_years() if year not in entered and year >= timezone.localdate().year]
