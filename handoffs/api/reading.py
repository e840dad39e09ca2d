"""What is read for an answer: the rows a person may see and all that hangs on them, in a fixed number of statements."""

from datetime import date

from django.db.models import Prefetch, QuerySet

from accounts.models import User
from handoffs import permissions
from handoffs.flow.terms import table_days
from handoffs.flow.worktime import DayKind, Days
from handoffs.models import CarrierClaim, Case, Clock, Decision, Handoff, Parcel, TimelineEntry


def days() -> Days:
    """What each day is, the table of holidays read at the first question and then kept: for one answer."""
    kept: list[Days] = []

    def kind(day: date) -> DayKind:
        if not kept:
            kept.append(table_days())
        return kept[0](day)

    return kind


def handoffs(user: User) -> QuerySet[Handoff]:
    """The handoffs the person may see, oldest first."""
    return whole(permissions.visible_handoffs(user))


def whole(rows: QuerySet[Handoff]) -> QuerySet[Handoff]:
    """These handoffs with all that is shown of one."""
    rows = rows.select_related("case__shop", "parcel__carrier", "assignee", "asker", "answered_by", "decision")
    return rows.prefetch_related("attachments__by").order_by("pk")


def cases(user: User) -> QuerySet[Case]:
    """The cases the person may see, whole. All handoffs are read for the next step, the person's own to be shown."""
    return (
        permissions.visible_cases(user)
        .select_related("shop", "owner", "source")
        .prefetch_related(
            "handoffs",
            Prefetch("handoffs", queryset=handoffs(user), to_attr="shown_handoffs"),
            Prefetch("clocks", queryset=Clock.objects.select_related("terms").prefetch_related("pauses")),
            Prefetch("decisions", queryset=decisions()),
            Prefetch("timeline", queryset=TimelineEntry.objects.select_related("by")),
            Prefetch("parcels", queryset=Parcel.objects.select_related("carrier").order_by("pk")),
            Prefetch("claims", queryset=CarrierClaim.objects.select_related("parcel").order_by("pk")),
            "attachments__by",
            "facts",
            "lines",
        )
    )


def decisions() -> QuerySet[Decision]:
    return Decision.objects.select_related("by", "approved_by").order_by("at", "pk")
