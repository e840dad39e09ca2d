"""The console's looks: title, sidebar per role, colours. Unfold reads this dict."""

from typing import Any

from django.http import HttpRequest
from django.templatetags.static import static
from django.urls import reverse_lazy
from django.utils.translation import gettext_lazy as _


def _may(verb: str) -> Any:
    def allowed(request: HttpRequest) -> bool:
        from handoffs import permissions

        user: Any = request.user
        return user.is_authenticated and permissions.may(user, verb)

    return allowed


def _sets_up(request: HttpRequest) -> bool:
    from handoffs.admin.setup_base import allowed

    return allowed(request, "see_setup")


def _edits_set_up(request: HttpRequest) -> bool:
    from handoffs.admin.setup_base import allowed

    return allowed(request, "edit_setup")


def _has_role(request: HttpRequest) -> bool:
    user: Any = request.user
    return bool(user.is_authenticated and user.roles)


def _at_the_desk(request: HttpRequest) -> bool:
    return bool(request.user.is_authenticated)


def approvals_waiting(request: HttpRequest) -> str:
    """How many approvals wait, counted to 100."""
    from handoffs.admin.bell import counts

    user: Any = request.user
    return str(counts(user)["approvals"])


def to_settle(request: HttpRequest) -> str:
    """Payments whose fate is unknown, and differences found by the reconciliation."""
    from handoffs.admin.bell import counts

    user: Any = request.user
    return str(counts(user)["to_settle"])


def _item(title: Any, icon: str, name: str, permission: Any, **more: Any) -> dict[str, Any]:
    return {"title": title, "icon": icon, "link": reverse_lazy(f"admin:{name}"), "permission": permission, **more}


WORK = [
    _item(_("My queue"), "inbox", "index", _has_role),
    _item(_("Approvals"), "task_alt", "handoffs_approvals", _may("approve"), badge=f"{__name__}.approvals_waiting"),
    _item(_("Batch refund"), "payments", "handoffs_batches", _may("propose")),
    _item(_("To settle"), "rule", "handoffs_unsettled", _may("propose"), badge=f"{__name__}.to_settle"),
    _item(_("Cases"), "list_alt", "handoffs_case_changelist", _has_role),
    _item(_("Questions"), "forum", "handoffs_questions", _has_role),
    _item(_("Board"), "monitoring", "handoffs_board", _may("see_board")),
    _item(_("Reports"), "bar_chart", "handoffs_reports", _may("see_board")),
    _item(_("Import"), "upload_file", "handoffs_import", _may("import")),
    _item(_("Playbook"), "menu_book", "handoffs_playbook", _has_role),
    _item(_("Guide"), "school", "handoffs_own_guide", _at_the_desk),
]
GOODS = [
    _item(_("Receive returns"), "barcode_scanner", "handoffs_scan", _may("scan")),
    _item(_("Parcels to stop"), "front_hand", "handoffs_stops", _may("see_stops")),
    _item(_("Parcels of no case"), "unknown_med", "handoffs_orphans", _may("see_orphans")),
    _item(_("Exposure"), "shield", "handoffs_exposure", _may("see_exposure")),
    _item(_("Carrier claims"), "receipt_long", "handoffs_claims", _may("see_claims")),
]
PLACES = [
    _item(_("Getting started"), "flag", "handoffs_first_run", _edits_set_up),
    _item(_("Shops"), "storefront", "accounts_shop_changelist", _sets_up),
    _item(_("Connections"), "cable", "handoffs_connections", _sets_up),
    _item(_("Chat channels of the teams"), "forum", "handoffs_team_channels", _sets_up),
    _item(_("Carriers"), "local_shipping", "accounts_carrier_changelist", _sets_up),
    _item(_("Warehouses"), "warehouse", "accounts_warehouse_changelist", _sets_up),
    _item(_("People"), "group", "accounts_user_changelist", _sets_up),
    _item(_("Second factors"), "phonelink_lock", "handoffs_second_factors", _edits_set_up),
    _item(_("Audit"), "policy", "handoffs_audit", _may("see_audit")),
    _item(_("Memberships"), "badge", "accounts_membership_changelist", _sets_up),
    _item(_("Contacts"), "contact_phone", "accounts_contact_changelist", _sets_up),
    _item(_("Duty"), "schedule", "accounts_dutyshift_changelist", _sets_up),
    _item(_("Limits"), "price_check", "accounts_limit_changelist", _sets_up),
]
POLICIES = [
    _item(_("Deadlines"), "timer", "handoffs_clockpolicy_changelist", _sets_up),
    _item(_("Steps"), "stairs", "handoffs_policystep_changelist", _sets_up),
    _item(_("Calendars"), "calendar_month", "handoffs_calendar_changelist", _sets_up),
    _item(_("Holidays"), "celebration", "handoffs_calendarday_changelist", _sets_up),
    _item(_("Reasons"), "help", "handoffs_reason_changelist", _sets_up),
    _item(_("Templates"), "chat", "handoffs_replytemplate_changelist", _sets_up),
    _item(_("Retention"), "inventory_2", "handoffs_retention_changelist", _sets_up),
]
UNFOLD: dict[str, Any] = {
    "SITE_TITLE": "refunddesk",
    "SITE_HEADER": "refunddesk",
    "SITE_SYMBOL": "currency_yuan",
    "SITE_URL": None,
    "LOGIN": {"form": "handoffs.admin.login.LoginForm"},
    "SHOW_HISTORY": True,
    "SHOW_VIEW_ON_SITE": False,
    "SHOW_LANGUAGES": False,
    "SITE_FAVICONS": [
        {"rel": "icon", "type": "image/svg+xml", "href": lambda _request: static("handoffs/icon.svg")},
    ],
    "STYLES": [lambda _request: static("handoffs/desk.css")],
    "SCRIPTS": [
        lambda _request: static("handoffs/vendor/idiomorph-0.8.0.min.js"),
        lambda _request: static("handoffs/desk.js"),
        lambda _request: static("handoffs/keys.js"),
        lambda _request: static("handoffs/filters.js"),
    ],
    "SIDEBAR": {
        "show_search": False,
        "command_search": False,
        "navigation": [
            {"items": WORK},
            {"title": _("Goods"), "items": GOODS},
            {"title": _("Set-up"), "collapsible": True, "items": PLACES},
            {"title": _("Policies"), "collapsible": True, "items": POLICIES},
        ],
    },
    "ACCOUNT": {
        "navigation": [
            {"title": _("My settings"), "link": reverse_lazy("admin:handoffs_myself")},
            {"title": _("Second factor"), "link": reverse_lazy("admin:handoffs_second_factor")},
            {"title": _("Messages"), "link": reverse_lazy("admin:handoffs_bell")},
        ]
    },
}
