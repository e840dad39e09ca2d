"""Set-up of deadlines and of the steps of enforcement: remind, mark late, escalate."""

from datetime import datetime
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from handoffs.admin.setup_base import KeptAdmin, SetupForm
from handoffs.admin.setup_foresight import ForeseenAdmin, Seen
from handoffs.admin.site import desk
from handoffs.flow import foresight, hindsight, terms
from handoffs.flow.hindsight import Hindsight
from handoffs.models import ClockPolicy, PolicyStep
from handoffs.models.clock import ClockKind

SAME = _("There is already a deadline for this. Change that one.")


def in_hours(minutes: int | None) -> str:
    """“2 h”, “1 h 30 min”, “30 min”, “5 d”; nothing for none."""
    if not minutes:
        return ""
    if minutes % 1440 == 0:
        return gettext("%(d)s d") % {"d": minutes // 1440}
    hours, rest = divmod(minutes, 60)
    if hours and rest:
        return gettext("%(h)s h %(m)s min") % {"h": hours, "m": rest}
    return gettext("%(h)s h") % {"h": hours} if hours else gettext("%(m)s min") % {"m": rest}


class ClockPolicyForm(SetupForm):
    SAYS = {"one_deadline_for_all_shops": (None, SAME), "one_deadline_per_shop": ("shop", SAME)}

    def clean(self) -> dict[str, Any]:
        """A handoff's deadline names the kind; “difficult” lengthens, and only handoffs are difficult."""
        values: dict[str, Any] = super().clean() or {}
        clock = values.get("clock", self.instance.clock)
        kind = values.get("handoff_kind", self.instance.handoff_kind)
        if clock and (clock == ClockKind.HANDOFF) != bool(kind):
            self._complain("handoff_kind", _("Choose the kind of handoff for a handoff's deadline, and only for one."))
        difficult, minutes = values.get("difficult_minutes"), values.get("minutes")
        if difficult and minutes and difficult <= minutes:
            self._complain("difficult_minutes", _("Marking a question difficult must lengthen its deadline."))
        if clock != ClockKind.HANDOFF and (difficult or values.get("external_minutes")):
            self._complain("difficult_minutes", _("Only handoffs have a deadline of their own when difficult."))
        return values

    def _complain(self, field: str, text: Any) -> None:
        self.add_error(field if field in self.fields else None, text)


@admin.register(ClockPolicy, site=desk)
class ClockPolicyAdmin(ForeseenAdmin, KeptAdmin):
    form = ClockPolicyForm
    list_display = ("what", "shop", "time", "when_difficult", "when_external", "calendar")
    list_filter = ("clock", "shop")
    list_select_related = ("shop", "calendar")
    fields = ("clock", "handoff_kind", "shop", "minutes", "difficult_minutes", "external_minutes", "calendar")
    change_form_after_template = "handoffs/setup/steps.html"

    def foresee(self, saved: Any, before: Any, *, at: datetime) -> Seen:
        return foresight.of_policy(saved, at=at)

    def look_back(self, saved: Any, *, at: datetime) -> Hindsight:
        return hindsight.of_policy(saved, at=at)

    @admin.display(description=_("deadline"), ordering="clock")
    def what(self, policy: ClockPolicy) -> str:
        return str(policy.get_handoff_kind_display() or policy.get_clock_display())

    @admin.display(description=_("time"), ordering="minutes")
    def time(self, policy: ClockPolicy) -> str:
        return in_hours(policy.minutes)

    @admin.display(description=_("when difficult"))
    def when_difficult(self, policy: ClockPolicy) -> str:
        return in_hours(policy.difficult_minutes)

    @admin.display(description=_("when external"))
    def when_external(self, policy: ClockPolicy) -> str:
        return in_hours(policy.external_minutes)

    def get_readonly_fields(self, _request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """What a deadline is for stays; only how long it is changes."""
        return ("clock", "handoff_kind", "shop") if obj else ()

    def change_view(self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None) -> Any:
        found: Any = self.get_object(request, object_id)
        steps = [_shown(step) for step in terms.steps_for(found.clock)] if found else []
        return super().change_view(request, object_id, form_url, {"steps": steps, **(extra_context or {})})

    def kept_because(self, found: Any) -> str:
        if found.shop_id is None:
            return gettext(
                "This deadline holds for every shop without one of its own, so it stays. Change its minutes."
            )
        return ""


def _shown(step: dict[str, Any]) -> dict[str, Any]:
    return {
        "percent": step["percent"],
        "act": PolicyStep.Act(step["act"]).label,
        "to": PolicyStep.To(step["to"]).label,
    }


def _beside(step: PolicyStep) -> QuerySet[PolicyStep]:
    """The other steps of the same clock, or of every clock."""
    return PolicyStep.objects.filter(clock=step.clock).exclude(pk=step.pk)


class PolicyStepForm(SetupForm):
    SAYS = {"one_step_per_clock_and_share": ("percent", _("There is already a step at this share of the time."))}

    def clean(self) -> dict[str, Any]:
        """No clock may lose the moment at which it is marked late: no deadline passes silently."""
        values: dict[str, Any] = super().clean() or {}
        clock, act = values.get("clock", self.instance.clock), values.get("act")
        late = PolicyStep.objects.filter(clock=clock, act=PolicyStep.Act.LATE).exclude(pk=self.instance.pk)
        if act and act != PolicyStep.Act.LATE and not late.exists():
            says = _(
                "First add the step “mark late” at 100 percent for this clock: its own steps replace the common ones."  # noqa: E501
            )
            self.add_error("act", says)
        return values


@admin.register(PolicyStep, site=desk)
class PolicyStepAdmin(ForeseenAdmin, KeptAdmin):
    form = PolicyStepForm
    list_display = ("share", "act", "to", "of_clock")
    list_filter = ("clock",)
    fields = ("clock", "percent", "act", "to")

    def foresee(self, saved: Any, before: Any, *, at: datetime) -> Seen:
        return foresight.of_step(saved, at=at)

    @admin.display(description=_("at % of the time"), ordering="percent")
    def share(self, step: PolicyStep) -> str:
        return f"{step.percent} %"

    @admin.display(description=_("clock"), ordering="clock")
    def of_clock(self, step: PolicyStep) -> str:
        return str(step.get_clock_display() if step.clock else _("every clock"))

    def get_readonly_fields(self, _request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return ("clock",) if obj else ()

    def kept_because(self, found: Any) -> str:
        if found.act == PolicyStep.Act.LATE and _beside(found).exists():
            return gettext(
                "Without this step the clock would never be late. Delete the other steps of this clock first."
            )
        return ""
