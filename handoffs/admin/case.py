"""The list of cases and the page of one: need, goods and money, path, clocks, next step, handoffs, timeline."""

from typing import Any

from django.contrib import admin
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin

from accounts.models import User
from handoffs import permissions
from handoffs.admin import shown, values, words
from handoffs.admin.page import draw, person, seen_case
from handoffs.admin.site import desk
from handoffs.flow import acts, kinds, next_step, path
from handoffs.flow.buyer import masked_buyer
from handoffs.flow.clock import overdue_first
from handoffs.flow.terms import why_due
from handoffs.models import Case, CaseSource, Handoff

COUNTED_TO = 1000


class BoundedPaginator(Paginator):
    """Counts no further than a bound: count(*) on a million cases is not worth a number."""

    @cached_property
    def count(self) -> int:
        rows: Any = self.object_list
        return len(rows.values_list("pk", flat=True)[:COUNTED_TO])


class OwnerFilter(admin.SimpleListFilter):
    title = _("owner")
    parameter_name = "owner"

    def lookups(self, _request: HttpRequest, _admin: Any) -> list[tuple[str, Any]]:
        return [("me", _("me")), ("none", _("nobody"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Case]) -> QuerySet[Case]:
        wanted = {"me": {"owner": request.user}, "none": {"owner": None}}
        return queryset.filter(**wanted.get(self.value() or "", {}))


class LateFilter(admin.SimpleListFilter):
    title = _("late")
    parameter_name = "late"

    def lookups(self, _request: HttpRequest, _admin: Any) -> list[tuple[str, Any]]:
        return [("yes", _("late now"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Case]) -> QuerySet[Case]:
        if self.value() != "yes":
            return queryset
        return queryset.filter(due_at__lt=timezone.now()).exclude(status=Case.Status.CLOSED)


@admin.register(Case, site=desk)
class CaseAdmin(ModelAdmin):
    """Cases are read here and changed through the flow alone."""

    list_display = ("refund", "need", "path_chip", "amount_seen", "status", "owner", "left")
    list_filter = ("shop", "path", "status", OwnerFilter, LateFilter)
    list_select_related = ("shop", "owner")
    list_per_page = 50
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

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], term: str
    ) -> tuple[QuerySet[Any], bool]:
        from handoffs.admin.home import exact

        if not term.strip():
            return queryset, False
        return queryset.filter(pk__in=[case.pk for case in exact(person(request), term.strip())]), False

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        self._user = person(request)
        return super().changelist_view(request, extra_context)

    @admin.display(description=_("refund no."))
    def refund(self, case: Case) -> str:
        return format_html("{}<br><small>{}</small>", case.refund_id, case.shop.name)

    @admin.display(description=_("need"))
    def need(self, case: Case) -> str:
        return format_html("{}<br><small>{}</small>", case.reason or "–", case.title[:40])

    @admin.display(description=_("path"))
    def path_chip(self, case: Case) -> str:
        return format_html('<span class="rd-chip rd-path-{}">{}</span>', case.path or 0, case.get_path_display() or "–")

    @admin.display(description=_("amount"))
    def amount_seen(self, case: Case) -> str:
        roles = permissions.DESK
        return f"¥{case.amount}" if case.shop_id in getattr(self, "_shops", self._user.shops_as(*roles)) else "–"

    @admin.display(description=_("time left"))
    def left(self, case: Case) -> str:
        row = shown.case_row(case, user=self._user, at=timezone.now())
        return format_html('<span class="rd-{}">{}</span>', row.left.tone, row.left.words) if row.left else "–"

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        user: Any = request.user
        return bool(user.is_authenticated and user.roles)

    def has_add_permission(self, _request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, _request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, _request: HttpRequest, obj: Any = None) -> bool:
        return False

    def history_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        raise Http404

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        if not object_id.isdigit():
            raise Http404
        return case_page(request, int(object_id))


def case_page(request: HttpRequest, case_id: int) -> HttpResponse:
    """Everything about one case on one page."""
    user, now = person(request), timezone.now()
    seen_case(request, case_id)
    case = shown.with_steps(Case.objects.filter(pk=case_id)).get()
    amounts = permissions.sees_amounts(user, case)
    source = CaseSource.objects.filter(case=case).first()
    desk_user = permissions.may(user, "act", shop_id=case.shop_id)
    steps = next_step.steps(case)
    context = {
        "case": case,
        "row": shown.case_row(case, user=user, at=now),
        "amounts": amounts,
        "buyer": masked_buyer(case, source=source) if permissions.sees_buyer(user, case) else None,
        "why_path": path.why(case),
        "path_facts": values.facts(case),
        "type": values.said("dispute_type", case.dispute_type),
        "steps": steps,
        "others": more(user, case, steps) if desk_user else [],
        "desk_user": desk_user,
        "clocks": _clocks(case, now),
        "handoffs": _handoffs(request, case, amounts=amounts, now=now),
        "decisions": list(permissions.visible_decisions(user, case).select_related("by", "approved_by", "handoff")),
        "timeline": _timeline(user, case),
        "attachments": list(case.attachments.select_related("by")) if desk_user else [],
        "lines": list(case.lines.all()),
        "parcels": list(case.parcels.select_related("carrier")),
        "related": related(user, case) if desk_user else [],
    }
    return draw(request, "handoffs/case.html", title=f"{case.refund_id}", **context)


def more(user: User, case: Case, steps: list[next_step.Step]) -> list[next_step.Step]:
    """Every other button of the desk that the person may press and that is not offered already."""
    offered = {step.code for step in steps}
    allowed = [code for code, act in acts.ACTS.items() if permissions.may(user, act.verb, shop_id=case.shop_id)]
    codes = [code for code in ("respond", *allowed) if code not in offered and code != "carry_out"]
    questions = [
        code for code, kind in kinds.KINDS.items() if "support" in kind.from_roles and code not in kinds.APPROVALS
    ]
    return [next_step.step(code) for code in [*codes, *(code for code in questions if code not in offered)]]


def _clocks(case: Case, now: Any) -> list[dict[str, Any]]:
    rows = case.clocks.model.objects.filter(case=case).select_related("terms", "handoff").prefetch_related("pauses")
    return [
        {
            "clock": clock,
            "name": clock.handoff.get_kind_display() if clock.handoff else clock.get_kind_display(),
            "left": shown.time_left(clock.started_at, clock.due_at, at=now) if clock.is_open else None,
            "why": why_due(clock, list(clock.pauses.all())),
        }
        for clock in rows.order_by("ended_at", "due_at")
    ]


def _handoffs(request: HttpRequest, case: Case, *, amounts: bool, now: Any) -> list[dict[str, Any]]:
    user = person(request)
    rows = permissions.visible_handoffs(user).filter(case=case)
    rows = rows.select_related("assignee", "asker", "answered_by", "parcel__carrier", "case__shop", "joined")
    return [
        {
            "handoff": asked,
            "left": shown.time_left(asked.created_at, asked.due_at, at=now) if asked.is_live else None,
            "answer": words.answer_label(asked.kind, asked.answer),
            "details": words.details(asked.data, amounts=amounts),
            "files": list(asked.attachments.all()),
            "may_answer": asked.is_live and permissions.may_answer(user, asked) and asked.kind not in kinds.APPROVALS,
            "may_steer": (asked.is_live or asked.status == Handoff.Status.RETURNED)
            and permissions.may_steer(user, asked),
        }
        for asked in rows.prefetch_related("attachments").order_by("-pk")
    ]


def _timeline(user: Any, case: Case) -> list[dict[str, Any]]:
    rows = permissions.visible_timeline(user, case).select_related("by").order_by("-at", "-pk")[:200]
    return [{"entry": entry, "text": words.sentence(entry)} for entry in rows]


def related(user: Any, case: Case) -> list[Case]:
    """Other applications of the same order or the same buyer."""
    seen = permissions.visible_cases(user).filter(shop=case.shop).exclude(pk=case.pk)
    same_order = seen.filter(order_id=case.order_id) if case.order_id else seen.none()
    same_buyer = seen.filter(buyer_nick=case.buyer_nick) if case.buyer_nick else seen.none()
    found = {row.pk: row for row in (*same_order.order_by("-pk")[:10], *same_buyer.order_by("-pk")[:10])}
    return list(found.values())
