"""Set-up of deadlines and their steps, calendars, reasons and reply templates."""

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from handoffs.admin.setup_base import KeptAdmin, SetupAdmin, SetupInline
from handoffs.admin.site import desk
from handoffs.flow import wording
from handoffs.models import Calendar, CalendarDay, CalendarWindow, ClockPolicy, PolicyStep, Reason, ReplyTemplate


@admin.register(ClockPolicy, site=desk)
class ClockPolicyAdmin(KeptAdmin):
    list_display = ("__str__", "shop", "minutes", "difficult_minutes", "external_minutes", "calendar")
    list_filter = ("clock", "shop")
    list_select_related = ("shop", "calendar")


@admin.register(PolicyStep, site=desk)
class PolicyStepAdmin(KeptAdmin):
    list_display = ("percent", "act", "to", "clock")
    list_filter = ("clock",)


class WindowFormSet(forms.BaseInlineFormSet):
    """Windows of one day may touch but not overlap."""

    def clean(self) -> None:
        super().clean()
        rows = [form.cleaned_data for form in self.forms if form.cleaned_data and not form.cleaned_data.get("DELETE")]
        by_day: dict[int, list[tuple[Any, Any]]] = {}
        for row in rows:
            if row.get("start") is not None and row.get("end") is not None:
                by_day.setdefault(row["weekday"], []).append((row["start"], row["end"]))
        for windows in by_day.values():
            windows.sort()
            for (_start, end), (start, _end) in zip(windows, windows[1:], strict=False):
                if end.isoformat() == "00:00:00" or start < end:
                    raise ValidationError(_("Two windows of one day overlap."))


class WindowInline(SetupInline):
    model = CalendarWindow
    formset = WindowFormSet


@admin.register(Calendar, site=desk)
class CalendarAdmin(KeptAdmin):
    list_display = ("name", "time_zone", "holidays")
    inlines = (WindowInline,)


@admin.register(CalendarDay, site=desk)
class CalendarDayAdmin(SetupAdmin):
    list_display = ("day", "kind", "name")
    list_filter = ("kind",)
    date_hierarchy = "day"


@admin.register(Reason, site=desk)
class ReasonAdmin(KeptAdmin):
    list_display = ("text", "marketplace", "compensation", "shown_publicly", "refusable")
    list_filter = ("marketplace", "compensation", "shown_publicly", "refusable")
    search_fields = ("text",)


class TemplateForm(forms.ModelForm):
    def clean_body(self) -> str:
        """The text, if it says something and names only variables that exist."""
        body: str = self.cleaned_data["body"]
        try:
            wording.require_meaningful(body, "body")
            wording.require_known_variables(body)
        except ValueError as error:
            raise ValidationError(str(error)) from error
        return body


@admin.register(ReplyTemplate, site=desk)
class ReplyTemplateAdmin(KeptAdmin):
    form = TemplateForm
    list_display = ("title", "code", "language", "shop")
    list_filter = ("language", "shop")
    search_fields = ("title", "code", "body")
    list_select_related = ("shop",)
