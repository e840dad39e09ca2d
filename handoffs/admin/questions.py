"""All live questions a person may see, first due first: narrowed, turned page by page, kept fresh."""

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _

from handoffs import permissions
from handoffs.admin import freshness, narrowing, paging, queues, shown, views
from handoffs.admin.filters import Scope
from handoffs.admin.page import draw, page, person
from handoffs.models.view import Page


@page("GET")
def questions(request: HttpRequest) -> HttpResponse:
    """The list, with approvals; a question that joined another stands under that one alone."""
    user, now = person(request), timezone.now()
    if elsewhere := views.start(request, Page.QUESTIONS):
        return elsewhere
    only = narrowing.asked(request, Page.QUESTIONS, Scope(user, now))
    live = queues.live_questions(user)
    pages = paging.BoundedPaginator(only.questions(live), paging.ON_A_PAGE)
    turned = pages.get_page(paging.number_of(request))
    key = f"questions?{only.query}&p={turned.number}"
    told = lambda: [turned.object_list.values_list("pk", "status", "version", "assignee_id")]  # noqa: E731
    same, stamp = freshness.look(user, freshness.known(request), key, told, at=now)
    if same:
        return freshness.not_modified(stamp)
    rows = shown.handoff_rows(turned.object_list, at=now)
    context = views.bar(only) | {
        "rows": rows,
        "pages": paging.pages(pages, turned.number, only),
        "hiding": [] if rows else only.hiding(
            {name: narrowing.counted(less.questions(live)) for name, less in only.each_off.items()}
        ),
        "ticks": bool(user.roles & permissions.DESK),
    }  # fmt: skip
    response = draw(request, "handoffs/questions.html", title=_("Questions"), **context)
    response.headers["ETag"] = stamp
    return response


PAGES = (("questions/", questions, "handoffs_questions"),)
