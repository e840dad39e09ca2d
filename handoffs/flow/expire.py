"""Clocks that bring something about when they run out: a silent parcel counts as lost (domain.md section 2, path 2)."""

from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from accounts.models.people import Role
from handoffs import outbox
from handoffs.flow import claims, clock, handoff
from handoffs.flow.case import refresh
from handoffs.flow.moves import locked_case, note
from handoffs.flow.silence import UNDERWAY, is_unheard_of
from handoffs.flow.standing import counting
from handoffs.models import Case, Clock, Decision, Fact, Parcel
from handoffs.models.clock import ClockKind
from handoffs.models.handoff import HandoffKind

EXPIRES = frozenset({ClockKind.PARCEL_SILENCE})


def expire(clock_id: int, *, at: datetime) -> int:
    """Let a clock run out. Returns 1 when it did, 0 when it had ended meanwhile."""
    with transaction.atomic():
        case_id = Clock.objects.filter(pk=clock_id).values_list("case_id", flat=True).first()
        if case_id is None:
            return 0
        case = locked_case(case_id)
        silent = next((c for c in clock.running(case, *EXPIRES) if c.pk == clock_id), None)
        if silent is None or silent.due_at is None or silent.due_at > at:
            return 0
        clock.cancel(silent, at=at, cause="expired")
        parcel = _silent(case)
        if parcel is not None and parcel.handed_over_at is not None and is_unheard_of(parcel):
            _never_heard_of(case, parcel, at=at)
        else:
            _count_as_lost(case, parcel, at=at)
        refresh(case, at=at, by=None)
    return 1


def _silent(case: Case) -> Parcel | None:
    """The parcel that is silent longest; without any event the first."""
    parcels = counting(list(case.parcels.select_related("carrier__agreement").order_by("pk")), Parcel.Leg.OUTBOUND)
    underway = [parcel for parcel in parcels if parcel.state in UNDERWAY and parcel.state_at]
    return min(underway, key=lambda parcel: str(parcel.state_at)) if underway else next(iter(parcels), None)


def _never_heard_of(case: Case, parcel: Parcel, *, at: datetime) -> None:
    """Handed over, and no first event came: not lost, but logistics is asked where it is."""
    note(case, "no_first_event", at=at, by=None, waybill=parcel.waybill)
    if not case.is_over and case.path == Case.Path.ON_THE_WAY:
        text = _("Handed over, and the carrier shows no event yet. Has it been picked up?")
        handoff.open_once(case, HandoffKind.TRACE_DELIVERY, at=at, parcel=parcel, note_text=text)


def _count_as_lost(case: Case, parcel: Parcel | None, *, at: datetime) -> None:
    """It counts as lost: a fact, a claim against the carrier where it bears the risk, reship or refund to decide."""
    Fact.objects.create(case=case, what=Fact.What.LOST, rank=Fact.Rank.EVENT, at=at, parcel=parcel)
    note(case, "counted_lost", at=at, by=None, waybill=parcel.waybill if parcel else "")
    if parcel is not None:
        Parcel.objects.filter(pk=parcel.pk).update(lost_at=at)
    if parcel is not None and claims.bears_the_risk(parcel):
        claims.open_by_itself(case, parcel, at=at)
    if not case.is_over and not clock.running(case, ClockKind.DECIDE) and not _decided(case):
        clock.start(case, clock.Start(ClockKind.DECIDE, Role.SUPPORT, at), at=at)
    people = [case.owner] if case.owner else []
    outbox.tell("counted_lost", to=people, key=f"counted_lost:{case.pk}:{at.timestamp()}", at=at, case=case)


def _decided(case: Case) -> bool:
    return case.decisions.filter(status__in=Decision.LIVE).exists()
