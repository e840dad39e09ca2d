"""Getting started: an empty installation leads whoever sets it up from the first shop to the first import."""

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from handoffs.admin import first_steps, returning
from handoffs.admin.page import draw, page, person
from handoffs.admin.setup_base import allowed


def leads(request: HttpRequest) -> bool:
    """Whether home is the wrong place yet: who asks sets the desk up, holds no role, and nothing was taken in."""
    user: Any = request.user
    return bool(user.is_superuser and not user.roles and not first_steps.begun())


@page("GET")
def start(request: HttpRequest) -> HttpResponse:
    """The five steps, each with what is missing and the form that brings it on."""
    _require_editor(request)
    user, now = person(request), timezone.now()
    steps = first_steps.steps(user, at=now)
    context = {
        "steps": steps,
        "next": first_steps.next_of(steps),
        "done": sum(step.done for step in steps),
        "unmanaged": first_steps.unmanaged(user),
        "faults": first_steps.other_faults(at=now),
        "may_edit": True,
    }
    return draw(request, "handoffs/first_run.html", title=_("Getting started"), **context)


@page("POST")
def manage(request: HttpRequest) -> HttpResponse:
    """A superuser becomes manager of every shop; without a role nobody imports or sees cases."""
    _require_editor(request)
    count = first_steps.manage_all(person(request))
    says = ngettext("You are manager of %(count)d shop now.", "You are manager of %(count)d shops now.", count)
    messages.success(request, says % {"count": count})
    return returning.to_steps()


def _require_editor(request: HttpRequest) -> None:
    if not allowed(request, "edit_setup"):
        raise PermissionDenied


PAGES = (
    ("start/", start, "handoffs_first_run"),
    ("start/manage/", manage, "handoffs_first_manager"),
)
