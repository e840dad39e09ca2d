"""The bar over a queue: views to choose, filters, saving; the view a page starts with; and the page of one's views."""

from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import User
from accounts.models.people import Role
from handoffs.admin import built_in, narrowing
from handoffs.admin.filters import Scope
from handoffs.admin.narrowing import Narrowing
from handoffs.admin.page import draw, number, page, person
from handoffs.exact import whole
from handoffs.flow import views
from handoffs.flow.errors import Invalid
from handoffs.models import SavedView, StartView
from handoffs.models.view import Page

PLACES = {
    Page.HOME: "admin:index",
    Page.CASES: "admin:handoffs_case_changelist",
    Page.QUESTIONS: "admin:handoffs_questions",
}


@dataclass(frozen=True)
class Shown:
    """A view as it is offered. `key` names it in forms: its number, or the code of a built-in one."""

    key: str
    name: Any
    query: str
    on: bool
    start: bool
    view: SavedView | None = None
    chips: tuple[narrowing.Chip, ...] = ()
    may_change: bool = False


def start(request: HttpRequest, of_page: str) -> HttpResponse | None:
    """A page opened without any filter goes to the view that the person lets it start with."""
    if request.GET or request.headers.get("X-Live"):
        return None
    chosen = StartView.objects.filter(user=person(request), page=of_page).first()
    query = _query(chosen, person(request), of_page) if chosen else ""
    return redirect(f"{reverse(PLACES[Page(of_page)])}?{query}") if query else None


def _query(chosen: StartView, user: User, of_page: str) -> str:
    """The filters of the start; nothing once the person sees that view no more."""
    if chosen.view_id:
        return views.seen_by(user).filter(pk=chosen.view_id).values_list("query", flat=True).first() or ""
    return next((each.query for each in built_in.of(user.roles, of_page) if each.code == chosen.built_in), "")


def bar(only: Narrowing) -> dict[str, Any]:
    """What the bar over a queue shows."""
    user = only.scope.user
    offered = _offered(user, only.page, now=only.query)
    return {
        "only": only,
        "views": offered,
        "named": any(view.on for view in offered),
        "to_roles": Role.choices if views.shared_in(user) else [],
        "place": reverse(PLACES[Page(only.page)]),
    }


def _offered(user: User, of_page: str, *, now: str = "-") -> list[Shown]:
    """The views of a page: the built-in ones, then the saved ones by name."""
    begin = StartView.objects.filter(user=user, page=of_page).first()
    code, number_ = (begin.built_in, begin.view_id) if begin else ("", None)
    found = [
        Shown(each.code, each.name, each.query, each.query == now, each.code == code,
              chips=_chips(each.query, of_page, user, now))
        for each in built_in.of(user.roles, of_page)
    ]  # fmt: skip
    saved = views.seen_by(user, of_page).select_related("owner").prefetch_related("shops")
    return found + [_saved(view, user, now, number_) for view in saved]


def _saved(view: SavedView, user: User, now: str, start_id: int | None) -> Shown:
    chips = _chips(view.query, view.page, user, now)
    return Shown(str(view.pk), view.name, view.query, view.query == now, view.pk == start_id, view, chips,
                 views.may_change(user, view))  # fmt: skip


def _chips(query: str, of_page: str, user: User, now: str) -> tuple[narrowing.Chip, ...]:
    """The filters in words; for the page of views alone."""
    return tuple(narrowing.of_query(query, of_page, Scope(user, timezone.now())).chips) if now == "-" else ()


@page("GET", "POST")
def mine(request: HttpRequest) -> HttpResponse:
    """All of a person's views, page by page; saving, renaming, deleting one, and letting a page start with it."""
    user = person(request)
    if request.method == "POST":
        return _act(request, user)
    pages = [{"code": code, "title": label, "place": reverse(PLACES[Page(code)]), "views": _offered(user, code)}
             for code, label in Page.choices]  # fmt: skip
    return draw(request, "handoffs/views.html", title=_("Views"), pages=pages, others=_of_my_shops(user))


def _of_my_shops(user: User) -> list[SavedView]:
    """Views offered to other roles in shops this person manages."""
    rows = SavedView.objects.exclude(role="").filter(shops__in=user.shops_as(Role.MANAGER)).distinct()
    rows = rows.exclude(pk__in=views.seen_by(user).values("pk")).select_related("owner").prefetch_related("shops")
    return [view for view in rows if views.may_change(user, view)]


def _act(request: HttpRequest, user: User) -> HttpResponse:
    verbs = {"save": _save, "rename": _rename, "delete": _delete, "start": _start}
    verb = verbs.get(request.POST.get("verb", ""))
    try:
        if verb is None:
            raise Invalid(_("Choose what to do."))
        return verb(request, user)
    except Invalid as error:
        messages.error(request, str(error))
        return _back(request)


def _save(request: HttpRequest, user: User) -> HttpResponse:
    given, of_page = request.POST, request.POST.get("page", "")
    scope = Scope(user, timezone.now())
    query = narrowing.of_query(given.get("query", "")[:2000], of_page, scope).query
    draft = views.Draft(of_page, given.get("name", ""), query, given.get("role", ""))
    view = views.save(draft, by=user, at=scope.at)
    if given.get("start"):
        views.start_with(view.page, by=user, view_id=view.pk)
    messages.success(request, _("Saved as “%(name)s”.") % {"name": view.name})
    return redirect(f"{reverse(PLACES[Page(view.page)])}?{view.query}")


def _rename(request: HttpRequest, user: User) -> HttpResponse:
    views.rename(number(request, "view"), name=request.POST.get("name", ""), by=user)
    messages.success(request, _("Renamed."))
    return _back(request)


def _delete(request: HttpRequest, user: User) -> HttpResponse:
    views.delete(number(request, "view"), by=user)
    messages.success(request, _("Deleted."))
    return _back(request)


def _start(request: HttpRequest, user: User) -> HttpResponse:
    """Let the page start with a view, or, with none, with everything."""
    of_page, key = request.POST.get("page", ""), request.POST.get("view", "")
    own = whole(key)
    if key and not own and key not in [each.code for each in built_in.of(user.roles, of_page)]:
        raise Invalid(_("There is no such view."))
    views.start_with(of_page, by=user, view_id=own, built_in="" if own else key)
    messages.success(request, _("The page starts with this view.") if key else _("The page starts with everything."))
    return _back(request)


def _back(request: HttpRequest) -> HttpResponse:
    """Where the form stood: the page with its filters, else the list of views."""
    of_page = request.POST.get("back", "")
    return redirect(back_to(request, of_page) if of_page in Page.values else "admin:handoffs_views")


def back_to(request: HttpRequest, of_page: str) -> str:
    """The address of a page with the filters that a form on it carried along."""
    only = narrowing.of_query(request.POST.get("query", "")[:2000], of_page, Scope(person(request), timezone.now()))
    return f"{reverse(PLACES[Page(of_page)])}{only.address if only else ''}"


PAGES = (("views/", mine, "handoffs_views"),)
