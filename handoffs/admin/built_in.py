"""Views that come with the desk, by role: data, one row each."""

from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext_lazy as _

from accounts.models.people import Role
from handoffs.models.view import Page

DESK = (Role.SUPPORT, Role.SUPERVISOR, Role.MANAGER)
LEADS = (Role.SUPERVISOR, Role.MANAGER)
STORE, QC, LOGISTICS = (Role.WAREHOUSE,), (Role.QC,), (Role.LOGISTICS,)
EVERYBODY = tuple(Role.values)
HOME, CASES, QUESTIONS = (Page.HOME,), (Page.CASES,), (Page.QUESTIONS,)
QUEUES = (Page.HOME, Page.QUESTIONS)


@dataclass(frozen=True, slots=True)
class BuiltIn:
    """A view for whoever holds one of the roles, on these pages."""

    code: str
    name: Any
    roles: tuple[str, ...]
    pages: tuple[str, ...]
    query: str


BUILT_IN: tuple[BuiltIn, ...] = (
    BuiltIn("due_hour", _("Due within the hour"), EVERYBODY, (Page.HOME, Page.QUESTIONS), "late=1"),
    BuiltIn("late", _("Late"), EVERYBODY, tuple(Page.values), "late=yes"),
    BuiltIn("buyer_waits", _("Buyer waits"), DESK, (Page.HOME, Page.CASES), "waiting=response"),
    BuiltIn("to_decide", _("To decide"), DESK, (Page.HOME, Page.CASES), "status=to_decide"),
    BuiltIn("to_pay", _("To pay"), DESK, (Page.HOME, Page.CASES), "status=to_pay"),
    BuiltIn("mine", _("My open cases"), DESK, CASES, "status=open&owner=me"),
    BuiltIn("unowned", _("Without an owner"), DESK, CASES, "status=open&owner=none"),
    BuiltIn("deadline", _("Deadline within 4 h"), LEADS, CASES, "risk=4"),
    BuiltIn("exposed", _("Money gone, goods open"), LEADS, CASES, "risk=exposed"),
    BuiltIn("stop_now", _("Stop now"), STORE, QUEUES, "kind=stop_parcel"),
    BuiltIn("receive", _("Returns to receive"), STORE, QUEUES, "kind=receive_return"),
    BuiltIn("inspect", _("To inspect"), QC, QUEUES, "kind=inspect_return"),
    BuiltIn("recall", _("Bring back"), LOGISTICS, QUEUES, "kind=recall_parcel"),
    BuiltIn("trace", _("Where is it?"), LOGISTICS, QUEUES, "kind=trace_delivery"),
    BuiltIn("unclaimed", _("Nobody has taken"), (Role.WAREHOUSE, Role.QC, Role.LOGISTICS), QUEUES, "owner=none"),
)


def of(roles: frozenset[str], page: str) -> list[BuiltIn]:
    """The built-in views of a page for these roles."""
    return [view for view in BUILT_IN if page in view.pages and roles & set(view.roles)]
