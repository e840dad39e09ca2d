"""The box to scan or type a number into: refund, order or waybill, exact, straight to the case or the question."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _

from accounts.models import User
from handoffs import permissions
from handoffs.admin import queues, shown
from handoffs.admin.page import draw, page, person
from handoffs.flow import numbers
from handoffs.models import Case

SHOWN = 50


@page("GET")
def find(request: HttpRequest) -> HttpResponse:
    """One hit is opened at once, for the desk its case, for a counterpart the question; several are listed."""
    user, number = person(request), cleaned(request.GET.get("q", ""))
    if not number:
        return redirect("admin:index")
    found = exact(user, number)
    asked = list(queues.my_handoffs(user).filter(case__in=found)[:SHOWN]) if found else []
    works_the_desk = bool(user.roles & permissions.DESK)
    if not works_the_desk and len(asked) == 1:
        return redirect("admin:handoffs_handoff_page", asked[0].pk)
    if len(found) == 1 and (works_the_desk or not asked):
        return redirect("admin:handoffs_case_change", found[0].pk)
    context: dict[str, Any] = {
        "number": number,
        "rows": shown.case_rows(found, user=user),
        "asked": [] if works_the_desk else shown.handoff_rows(asked),
    }
    return draw(request, "handoffs/found.html", title=_("Search"), **context)


def cleaned(text: str) -> str:
    """A number as people paste it: Excel's apostrophe and the spaces around and within go."""
    return "".join(text.strip().strip("'\"‘’").split())


def exact(user: User, number: str) -> list[Case]:
    """The visible cases with this refund, order or waybill number, each looked up by its own index."""
    ids = numbers.cases_with(number)
    seen = permissions.visible_cases(user).filter(pk__in=ids)
    return list(shown.with_steps(seen).order_by("-pk")[:SHOWN])


PAGES = (("find/", find, "handoffs_find"),)
