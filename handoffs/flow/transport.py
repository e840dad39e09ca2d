"""The way of the goods to external quality control: inside the inspection's own time, with a clock of its own.

Source: domain.md section 2, path 4: at most 48 hours from hand-over to answer, the transport shown inside it.
"""

from datetime import datetime

from django.utils.translation import gettext as _

from accounts.models import User
from accounts.models.people import Role
from handoffs.flow import clock
from handoffs.flow.errors import Stale
from handoffs.flow.moves import note
from handoffs.models import Case, Clock, Handoff
from handoffs.models.clock import ClockKind
from handoffs.models.handoff import HandoffKind

TRANSPORT = ClockKind.TRANSPORT


def handed_over(case: Case, *, at: datetime) -> None:
    """The goods are on their way to quality control; the warehouse sees to it that they arrive."""
    clock.start(case, clock.Start(TRANSPORT, Role.WAREHOUSE, at), at=at)


def arrived(case: Case, *, by: User, at: datetime) -> None:
    """Quality control has them. Raises Stale when nothing is on its way there."""
    if not clock.running(case, TRANSPORT):
        raise Stale(_("No goods are on their way to quality control."))
    clock.end_all(case, TRANSPORT, at=at)
    note(case, "goods_at_qc", at=at, by=by)


def under_way(case: Case) -> bool:
    """Whether goods are on their way to quality control now."""
    return Clock.objects.filter(case=case, kind=TRANSPORT, ended_at=None).exists()


def latest_inspection(case: Case) -> Handoff | None:
    """The inspection that was answered last."""
    rows = case.handoffs.filter(kind=HandoffKind.INSPECT_RETURN, status=Handoff.Status.ANSWERED)
    return rows.order_by("-answered_at", "-pk").first()


def leg_of(case: Case) -> Clock | None:
    """The latest way to quality control, for the screens."""
    return Clock.objects.filter(case=case, kind=TRANSPORT).order_by("-started_at", "-pk").first()
