"""The watch for silence: no event for the agreed days between pickup and arrival, and the parcel counts as lost.

Source: domain.md section 2, path 2. One clock a case, moved on with every event; the sweep lets it run out. A return
that falls silent is asked about, for it is the buyer who sent it.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Exists, OuterRef

from accounts.models import Agreement
from accounts.models.people import Role
from handoffs.flow import clock
from handoffs.flow.case import is_history
from handoffs.flow.standing import counting
from handoffs.flow.terms import moment_of_step
from handoffs.models import Case, Clock, Parcel
from handoffs.models.clock import ClockKind
from handoffs.models.parcel import ParcelState as S
from handoffs.models.rewrite import rewrite

UNDERWAY = frozenset({S.PICKED_UP, S.IN_TRANSIT, S.CUSTOMS, S.OUT_FOR_DELIVERY, S.PROBLEM, S.REFUSED, S.RETURNING})
UNDER_WAY = frozenset({Case.Goods.IN_TRANSIT, Case.Goods.RETURNING, Case.Goods.LOST})
MOVED = ["started_at", "due_at", "version", "step", "state", "next_action_at"]
SOON = timedelta(minutes=1)  # silent for too long already: the next sweep sees to it
LOST_AFTER, NO_FIRST_EVENT = timedelta(days=5), timedelta(days=2)  # where no agreement says otherwise


def agreement_of(parcel: Parcel) -> Agreement | None:
    return getattr(parcel.carrier, "agreement", None) if parcel.carrier else None


def leg_of(case: Case) -> str:
    """The leg on which silence matters: goods that come back are the shop's, all others go to the buyer."""
    return Parcel.Leg.RETURN if case.path == Case.Path.RETURN else Parcel.Leg.OUTBOUND


def watched(parcels: Sequence[Parcel], leg: str) -> tuple[datetime, datetime] | None:
    """Since when the parcel that is silent longest is silent, and when that is too long; None: nothing to watch."""
    spans = [span for parcel in counting(parcels, leg) if (span := span_of(parcel)) is not None]
    return min(spans, key=lambda span: span[1]) if spans else None


def span_of(parcel: Parcel) -> tuple[datetime, datetime] | None:
    """Since when a parcel that should be heard of is silent, and when that is too long; one counted lost no more."""
    agreed = agreement_of(parcel)
    if parcel.lost_at is not None:
        return None
    if parcel.state in UNDERWAY and parcel.state_at is not None:
        return parcel.state_at, parcel.state_at + (timedelta(days=agreed.lost_after_days) if agreed else LOST_AFTER)
    if parcel.handed_over_at is not None and is_unheard_of(parcel):
        days = timedelta(days=agreed.no_first_event_days) if agreed else NO_FIRST_EVENT
        return parcel.handed_over_at, parcel.handed_over_at + days
    return None


def is_unheard_of(parcel: Parcel) -> bool:
    """Handed over, and no event of it moving has come."""
    return parcel.state in ("", S.NO_TRACE, S.UNKNOWN, S.ORDERED)


def concerns(case: Case) -> bool:
    """Whether a silent parcel would cost the shop something: the goods are under way, and the case is not history."""
    if case.phase == Case.Phase.CLOSED or is_history(case):
        return False
    if case.path == Case.Path.RETURN and case.goods == Case.Goods.WITH_BUYER:
        # The buyer gave a number: is it one that the carrier knows?
        return case.parcels.filter(leg=Parcel.Leg.RETURN, handed_over_at__isnull=False).exists()
    if case.goods not in UNDER_WAY:
        return False
    if case.path == Case.Path.RETURN:
        return case.goods == Case.Goods.RETURNING
    return case.path in (1, 2) or case.parcels.filter(again=True, replaced_by=None).exists()


def follow(case: Case, *, at: datetime) -> None:
    """Start, move on or end the watch of a locked case. One started by hand on an unheard parcel is left alone."""
    parcels = list(case.parcels.select_related("carrier__agreement"))
    span = watched(parcels, leg_of(case)) if concerns(case) else None
    open_now = clock.running(case, ClockKind.PARCEL_SILENCE)
    if span is None:
        heard = any(parcel.state or parcel.lost_at for parcel in parcels) or not concerns(case)
        for running in open_now if heard else ():
            clock.end(running, at=at, cause="heard_of")
    elif open_now:
        if _moved(open_now[0], parcels, leg_of(case)):
            open_now[0].save(update_fields=MOVED)
    elif not _ran_out(case, span):
        since, due = span
        start = clock.Start(ClockKind.PARCEL_SILENCE, Role.LOGISTICS, min(since, at), due_at=max(due, at + SOON))
        clock.start(case, start, at=at)


def _ran_out(case: Case, span: tuple[datetime, datetime]) -> bool:
    """Whether this silence was noticed already."""
    return case.clocks.filter(kind=ClockKind.PARCEL_SILENCE, cause="expired", started_at=span[0]).exists()


def move_on(parcel_ids: Iterable[int]) -> int:
    """Move on the watches of all cases on these parcels, set-wise. Returns how many moved."""
    with transaction.atomic():
        rows = Clock.objects.filter(kind=ClockKind.PARCEL_SILENCE, ended_at=None)
        rows = rows.filter(case__in=Case.objects.filter(parcels__in=list(parcel_ids)))
        clocks = list(
            rows.select_for_update(of=("self",), no_key=True).select_related("terms", "case__shop").order_by("pk")
        )
        parcels = _parcels_by_case([running.case_id for running in clocks])
        moved = [run for run in clocks if _moved(run, parcels.get(run.case_id, []), leg_of(run.case))]
        rewrite(moved, MOVED)
        clock.refresh_due([running.case_id for running in moved])
    return len(moved)


def ran_out(parcel_ids: Iterable[int]) -> list[int]:
    """The cases on these parcels whose watch ran out and is not running: what is heard again is watched again."""
    watches = Clock.objects.filter(kind=ClockKind.PARCEL_SILENCE, case=OuterRef("pk"))
    cases = Case.objects.filter(parcels__in=list(parcel_ids)).exclude(status=Case.Status.CLOSED)
    rows = cases.filter(Exists(watches.filter(cause="expired"))).exclude(Exists(watches.filter(ended_at=None)))
    return list(rows.order_by("pk").values_list("pk", flat=True).distinct())


def _moved(running: Clock, parcels: Sequence[Parcel], leg: str) -> bool:
    """Count from the newest event, if that is news: a new version, so that its reminders come again."""
    span = watched(parcels, leg)
    if span is None or (running.started_at, running.due_at) == span:
        return False
    running.started_at, running.due_at = span
    running.version, running.step, running.state = running.version + 1, 0, Clock.State.RUNNING
    running.next_action_at = moment_of_step(running, 0)
    return True


def _parcels_by_case(case_ids: list[int]) -> dict[int, list[Parcel]]:
    links = Parcel.cases.through.objects.filter(case__in=case_ids).values_list("case_id", "parcel_id")
    pairs = list(links)
    found = Parcel.objects.select_related("carrier__agreement").in_bulk({pk for _case, pk in pairs})
    grouped: dict[int, list[Parcel]] = {}
    for case_id, pk in pairs:
        grouped.setdefault(case_id, []).append(found[pk])
    return grouped
