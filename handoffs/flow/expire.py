"""Clocks that bring something about when they run out: a silent parcel counts as lost (domain.md section 2, path 2)."""

from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from handoffs.flow import clock, goods, handoff, lost, silence
from handoffs.flow.moves import locked_case, note
from handoffs.flow.standing import counting
from handoffs.models import Case, Clock, Handoff, Parcel
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
        for parcel in _silent(case, at=at):
            _notice(case, parcel, at=at)
        goods.follow_locked(case, at=at)
    return 1


def _silent(case: Case, *, at: datetime) -> list[Parcel]:
    """The parcels that were silent for too long; where a watch was started by hand, the first one."""
    rows = case.parcels.select_related("carrier__agreement").order_by("pk")
    parcels = counting(list(rows), silence.leg_of(case))
    spans = {parcel.pk: silence.span_of(parcel) for parcel in parcels}
    silent = [parcel for parcel in parcels if (span := spans[parcel.pk]) is not None and span[1] <= at]
    return silent or [parcel for parcel in parcels if spans[parcel.pk] is None and silence.is_unheard_of(parcel)][:1]


def _notice(case: Case, parcel: Parcel, *, at: datetime) -> None:
    if parcel.leg == Parcel.Leg.RETURN:
        _return_is_silent(case, parcel, at=at)
    elif parcel.handed_over_at is not None and silence.is_unheard_of(parcel):
        _never_heard_of(case, parcel, at=at)
    else:
        lost.count(parcel, at=at)


def _never_heard_of(case: Case, parcel: Parcel, *, at: datetime) -> None:
    """Handed over, and no first event came: not lost, but logistics is asked where it is."""
    note(case, "no_first_event", at=at, by=None, waybill=parcel.waybill)
    if not case.is_over and case.path == Case.Path.ON_THE_WAY:
        text = _("Handed over, and the carrier shows no event yet. Has it been picked up?")
        handoff.open_once(case, HandoffKind.TRACE_DELIVERY, at=at, parcel=parcel, note_text=text)


def _return_is_silent(case: Case, parcel: Parcel, *, at: datetime) -> None:
    """The buyer sent it and it does not arrive: logistics is asked where it is, each time it falls silent."""
    note(case, "return_silent", at=at, by=None, waybill=parcel.waybill)
    asked = HandoffKind.TRACE_RETURN
    if not case.handoffs.filter(kind=asked, status__in=Handoff.LIVE).exists():
        text = _("The return has been silent for days. Where is it?")
        handoff.open_handoff(case, handoff.Question(asked, note=text, parcel=parcel), asker=None, at=at)
