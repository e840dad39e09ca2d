"""The list of cases: filters, exact search, first due first; a page is capped, so is the counting."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin

from handoffs import permissions
from handoffs.admin import freshness, narrowing, paging, shown, views
from handoffs.admin.filters import NAMES, Scope
from handoffs.admin.narrowing import Narrowing
from handoffs.admin.page import person
from handoffs.admin.search import cleaned, exact
from handoffs.admin.site import desk
from handoffs.exact import whole
from handoffs.flow.clock import overdue_first
from handoffs.models import Case
from handoffs.models.view import Page


class Narrowed(admin.ListFilter):
    """Takes the desk's own filters off Django's hands; `get_queryset` lays them over the rows."""

    title = "narrowed"

    def __init__(self, request: HttpRequest, params: dict[str, Any], model: Any, model_admin: Any) -> None:
        super().__init__(request, params, model, model_admin)
        for name in NAMES:
            params.pop(name, None)

    def has_output(self) -> bool:
        return False


@admin.register(Case, site=desk)
class CaseAdmin(ModelAdmin):
    """Cases are read here and changed through the flow alone."""

    change_list_template = "handoffs/cases.html"
    list_filter = (Narrowed,)
    list_per_page = paging.ON_A_PAGE
    list_max_show_all = 0
    show_full_result_count = False
    paginator = paging.BoundedPaginator
    search_fields = ("refund_id",)
    search_help_text = _("Refund, order or waybill number, exact")
    actions = None
    list_disable_select_all = True

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows = permissions.visible_cases(person(request))
        return shown.with_steps(_asked(request).cases(rows))

    def get_ordering(self, _request: HttpRequest) -> Any:
        return overdue_first()

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], term: str
    ) -> tuple[QuerySet[Any], bool]:
        number = cleaned(term)
        if not number:
            return queryset, False
        return queryset.filter(pk__in=[case.pk for case in exact(person(request), number)]), False

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        """The list; a number with exactly one hit opens its case."""
        number = cleaned(request.GET.get("q", ""))
        if number and self.has_view_permission(request):
            found = exact(person(request), number)
            if len(found) == 1:
                return redirect("admin:handoffs_case_change", found[0].pk)
        if elsewhere := views.start(request, Page.CASES):
            return elsewhere
        only, known = _asked(request), freshness.known(request)
        if freshness.unmoved(only.scope.user, known, _place(request, only), at=only.scope.at):
            return freshness.not_modified(known)
        answer = super().changelist_view(request, extra_context)
        listed = isinstance(answer, TemplateResponse) and "cl" in (answer.context_data or {})
        return _drawn(request, answer, only) if listed else answer

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        user: Any = request.user
        return bool(user.is_authenticated and user.roles)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def has_add_permission(self, _request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, _request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, _request: HttpRequest, obj: Any = None) -> bool:
        return False

    def history_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        raise Http404

    def delete_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        raise Http404

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        from handoffs.admin.case import case_page

        return case_page(request, whole(object_id))


def _asked(request: HttpRequest) -> Narrowing:
    return narrowing.asked(request, Page.CASES, Scope(person(request), timezone.now()))


def _place(request: HttpRequest, only: Narrowing) -> str:
    """The list that is looked at: its filters, its number, its page."""
    return f"cases?{only.query}&{request.GET.get('q', '')}&{request.GET.get('p', '')}"


def _drawn(request: HttpRequest, answer: TemplateResponse, only: Narrowing) -> HttpResponse:
    """The list as the desk draws its rows; 304 where the browser has it as it is."""
    context, user, at = answer.context_data or {}, only.scope.user, only.scope.at
    changes: Any = context["cl"]
    told = lambda: [changes.result_list.prefetch_related(None).values_list("pk", "version")]  # noqa: E731
    same, stamp = freshness.look(user, freshness.known(request), _place(request, only), told, at=at)
    if same:
        return freshness.not_modified(stamp)
    changes.full_result_count = changes.result_count  # the page tells its own number; the frame need not
    rows, seen = shown.case_rows(changes.result_list, user=user, at=at), permissions.visible_cases(user)
    answer.context_data = context | views.bar(only) | {
        "title": _("Cases"),
        "rows": rows,
        "number": changes.query,
        "pages": paging.pages(changes.paginator, changes.page_num, only, q=changes.query),
        "hiding": [] if rows else only.hiding(
            {name: narrowing.counted(less.cases(seen)) for name, less in only.each_off.items()}
        ),
        "ticks": bool(user.roles & permissions.DESK),
    }  # fmt: skip
    answer.headers["ETag"] = stamp
    return answer
