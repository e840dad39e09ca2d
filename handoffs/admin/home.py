"""Home: my queue first; what changed since I looked; the duty switch; the box to scan or type a number into."""

from datetime import timedelta
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import duty
from accounts.models import DutyShift, User
from accounts.models.people import Role
from handoffs import permissions
from handoffs.admin import queues, shown
from handoffs.admin.page import draw, page, person
from handoffs.models import Case, Parcel

LOOKED_EVERY = timedelta(minutes=1)


@page("GET")
def home(request: HttpRequest) -> HttpResponse:
    """The queues of every role the person holds."""
    user, now = person(request), timezone.now()
    desk_roles = user.roles & permissions.DESK
    context: dict[str, Any] = {"roles": user.roles, "now": now, "on_duty": DutyShift.objects.filter(
        pk__in=duty.shifts_at(now).values("pk"), user=user, stand_in=None).exists()}  # fmt: skip
    if desk_roles:
        cases = shown.with_steps(queues.my_cases(user))[: queues.SHOWN]
        context["my_cases"] = shown.case_rows(cases, user=user, at=now)
        context["open_cases"] = shown.case_rows(
            shown.with_steps(queues.open_queue(user))[: queues.SHOWN], user=user, at=now
        )
    if user.roles & {Role.SUPERVISOR, Role.MANAGER}:
        context["late_cases"] = shown.case_rows(shown.with_steps(queues.late_cases(user))[:20], user=user, at=now)
        context["approvals"] = len(queues.waiting_decisions(user)[:100])
    if user.roles & {Role.WAREHOUSE, Role.QC, Role.LOGISTICS, Role.SUPERVISOR, Role.MANAGER}:
        context["handoff_rows"] = shown.handoff_rows(queues.my_handoffs(user)[: queues.SHOWN], at=now)
        context["big"] = bool(user.roles & {Role.WAREHOUSE, Role.QC})
    context["news"] = _news(user)
    _looked(user)
    return draw(request, "handoffs/home.html", title=_("My queue"), **context)


def _news(user: User) -> int:
    """What has been put into the bell since the person last looked."""
    since = user.looked_at
    rows = user.messages.filter(read_at=None)
    return (rows.filter(created_at__gt=since) if since else rows).count()


def _looked(user: User) -> None:
    now = timezone.now()
    if user.looked_at is None or now - user.looked_at > LOOKED_EVERY:
        User.objects.filter(pk=user.pk).update(looked_at=now)


@page("POST")
def duty_switch(request: HttpRequest) -> HttpResponse:
    """On or off duty, from now."""
    user, now = person(request), timezone.now()
    if request.POST.get("duty") == "on":
        duty.switch_on(user, at=now)
        messages.success(request, _("You are on duty."))
    else:
        duty.switch_off(user, at=now)
        messages.success(request, _("You are off duty. New questions go to your stand-in or deputy."))
    return redirect("admin:index")


@page("GET")
def find(request: HttpRequest) -> HttpResponse:
    """An exact refund, order or waybill number: straight to the case or the question, else the list of what fits."""
    number = request.GET.get("q", "").strip().strip("'")
    user = person(request)
    if not number:
        return redirect("admin:index")
    found = exact(user, number)
    if len(found) == 1:
        asked = queues.my_handoffs(user).filter(case=found[0]).first()
        counterpart = not (user.roles & permissions.DESK)
        if asked is not None and counterpart:
            return redirect("admin:handoffs_handoff_page", asked.pk)
        return redirect("admin:handoffs_case_change", found[0].pk)
    rows = shown.case_rows(found, user=user)
    return draw(request, "handoffs/found.html", title=_("Search"), number=number, rows=rows)


def exact(user: User, number: str) -> list[Case]:
    """The visible cases with this refund, order or waybill number, each looked up by its own index."""
    ids = set(Case.objects.filter(refund_id=number).values_list("pk", flat=True)[:50])
    ids |= set(Case.objects.filter(order_id=number).values_list("pk", flat=True)[:50])
    parcels = Parcel.objects.filter(waybill=number)
    ids |= set(Parcel.cases.through.objects.filter(parcel__in=parcels).values_list("case_id", flat=True)[:50])
    seen = permissions.visible_cases(user).filter(pk__in=ids)
    return list(shown.with_steps(seen).order_by("-pk")[:50])


PAGES = (("duty/", duty_switch, "handoffs_duty"), ("find/", find, "handoffs_find"))
