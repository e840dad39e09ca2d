"""The list of cases: filters, exact search, first due first; a page is capped, so is the counting."""

from datetime import datetime
from typing import Any

from django.contrib import admin
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin

from accounts.models import Shop, User
from handoffs import permissions
from handoffs.admin import shown
from handoffs.admin.page import person
from handoffs.admin.search import cleaned, exact
from handoffs.admin.site import desk
from handoffs.flow.clock import overdue_first
from handoffs.models import Case

COUNTED_TO = 1000


class BoundedPaginator(Paginator):
    """Counts no further than a bound: count(*) on a million cases is not worth a number."""

    @cached_property
    def count(self) -> int:
        rows: Any = self.object_list
        return len(rows.order_by().values_list("pk", flat=True)[:COUNTED_TO])


class ShopFilter(admin.SimpleListFilter):
    """The person's own shops, no others."""

    title = _("shop")
    parameter_name = "shop"

    def lookups(self, request: HttpRequest, _admin: Any) -> list[tuple[str, Any]]:
        shops = Shop.objects.filter(pk__in=person(request).shops_as()).order_by("name")
        return [(str(pk), name) for pk, name in shops.values_list("pk", "name")]

    def queryset(self, _request: HttpRequest, queryset: QuerySet[Case]) -> QuerySet[Case]:
        value = self.value() or ""
        return queryset.filter(shop=value) if value.isdigit() else queryset


class OwnerFilter(admin.SimpleListFilter):
    title = _("owner")
    parameter_name = "owner"

    def lookups(self, _request: HttpRequest, _admin: Any) -> list[tuple[str, Any]]:
        return [("me", _("me")), ("none", _("nobody"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Case]) -> QuerySet[Case]:
        if self.value() == "me":
            return queryset.filter(owner=person(request))
        return queryset.filter(owner=None) if self.value() == "none" else queryset


class LateFilter(admin.SimpleListFilter):
    title = _("late")
    parameter_name = "late"

    def lookups(self, _request: HttpRequest, _admin: Any) -> list[tuple[str, Any]]:
        return [("yes", _("late now"))]

    def queryset(self, _request: HttpRequest, queryset: QuerySet[Case]) -> QuerySet[Case]:
        if self.value() != "yes":
            return queryset
        return queryset.filter(due_at__lte=timezone.now()).exclude(status=Case.Status.CLOSED)


@admin.register(Case, site=desk)
class CaseAdmin(ModelAdmin):
    """Cases are read here and changed through the flow alone."""

    list_filter = (ShopFilter, "path", "status", OwnerFilter, LateFilter)
    list_per_page = 50
    list_max_show_all = 0
    show_full_result_count = False
    paginator = BoundedPaginator
    search_fields = ("refund_id",)
    search_help_text = _("Refund, order or waybill number, exact")
    actions = None
    list_disable_select_all = True

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return shown.with_steps(permissions.visible_cases(person(request)))

    def get_ordering(self, _request: HttpRequest) -> Any:
        return overdue_first()

    def get_list_display(self, request: HttpRequest) -> Any:
        return _columns(person(request), timezone.now())

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
        return super().changelist_view(request, extra_context)

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

        if not object_id.isdigit():
            raise Http404
        return case_page(request, int(object_id))


def _columns(user: User, now: datetime) -> list[Any]:
    """The columns as this person may see them; made for each request, since the list itself is shared by all."""

    @admin.display(description=_("refund no."))
    def refund(case: Case) -> str:
        return format_html("{}<br><small>{}</small>", case.refund_id, case.shop.name)

    @admin.display(description=_("need"))
    def need(case: Case) -> str:
        return format_html("{}<br><small>{}</small>", case.reason or "–", case.title[:40])

    @admin.display(description=_("path"))
    def path_chip(case: Case) -> str:
        label = case.get_path_display() or _("a person decides")
        return format_html('<span class="rd-chip rd-path-{}">{}</span>', case.path or 0, label)

    @admin.display(description=_("amount"))
    def amount(case: Case) -> str:
        return f"¥{case.amount}" if permissions.sees_amounts(user, case) else "–"

    @admin.display(description=_("next step"))
    def step(case: Case) -> str:
        return str(shown.case_row(case, user=user, at=now).step.label)

    @admin.display(description=_("time left"))
    def left(case: Case) -> str:
        time = shown.case_row(case, user=user, at=now).left
        return format_html('<span class="rd-{} rd-num">{}</span>', time.tone, time.words) if time else "–"

    @admin.display(description=_("owner"))
    def owner(case: Case) -> str:
        return format_html('<span class="rd-person">{}</span>', case.owner or "–")

    return [refund, left, need, path_chip, amount, "status", step, owner]
