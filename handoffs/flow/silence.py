"""The watch for silence: no event for the agreed days between pickup and arrival, and the parcel counts as lost.

Source: domain.md section 2, path 2. One clock a case, moved on with every event; the sweep lets it run out.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from django.db import transaction

from accounts.models import Agreement
from accounts.models.people import Role
from handoffs.flow import clock
from handoffs.flow.case import is_history
from handoffs.flow.standing import counting
from handoffs.flow.terms import moment_of_step
from handoffs.models import Case, Clock, Fact, Parcel
from handoffs.models.clock import ClockKind
from handoffs.models.parcel import ParcelState as S
from handoffs.models.rewrite import rewrite

UNDERWAY = frozenset({S.PICKED_UP, S.IN_TRANSIT, S.CUSTOMS, S.OUT_FOR_DELIVERY, S.PROBLEM, S.REFUSED, S.RETURNING})
MOVED = ["started_at", "due_at", "version", "step", "state", "next_action_at"]
SOON = timedelta(minutes=1)  # silent for too long already: the next sweep sees to it
LOST_AFTER, NO_FIRST_EVENT = timedelta(days=5), timedelta(days=2)  # where no agreement says otherwise


def agreement_of(parcel: Parcel) -> Agreement | None:
    return getattr(parcel.carrier, "agreement", None) if parcel.carrier else None


def watched(parcels: Sequence[Parcel]) -> tuple[datetime, datetime] | None:
    """Since when the parcel that is silent longest is silent, and when that is too long; None: nothing to watch."""
    spans = [span for parcel in counting(parcels, Parcel.Leg.OUTBOUND) if (span := _span(parcel)) is not None]
    return min(spans, key=lambda span: span[1]) if spans else None


def _span(parcel: Parcel) -> tuple[datetime, datetime] | None:
    agreed = agreement_of(parcel)
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
    goods = (Case.Goods.IN_TRANSIT, Case.Goods.RETURNING)
    sent_again = case.path is None and case.parcels.filter(again=True, replaced_by=None).exists()
    watched = case.path in (1, 2) or sent_again
    return case.goods in goods and watched and case.phase != Case.Phase.CLOSED and not is_history(case)


def follow(case: Case, *, at: datetime) -> None:
    """Start, move on or end the watch of a locked case. One started by hand on an unheard parcel is left alone."""
    parcels = list(case.parcels.select_related("carrier__agreement"))
    span = watched(parcels) if concerns(case) else None
    open_now = clock.running(case, ClockKind.PARCEL_SILENCE)
    if span is None:
        heard = any(parcel.state for parcel in parcels) or not concerns(case)
        for running in open_now if heard else ():
            clock.end(running, at=at, cause="heard_of")
    elif open_now:
        if _moved(open_now[0], parcels):
            open_now[0].save(update_fields=MOVED)
    elif not _lost(case):
        since, due = span
        start = clock.Start(ClockKind.PARCEL_SILENCE, Role.LOGISTICS, min(since, at), due_at=max(due, at + SOON))
        clock.start(case, start, at=at)


def _lost(case: Case) -> bool:
    last = case.facts.filter(rank=Fact.Rank.EVENT).order_by("-at", "-pk").first()
    return last is not None and last.what == Fact.What.LOST


def move_on(parcel_ids: Iterable[int]) -> int:
    """Move on the watches of all cases on these parcels, set-wise. Returns how many moved."""
    with transaction.atomic():
        rows = Clock.objects.filter(kind=ClockKind.PARCEL_SILENCE, ended_at=None)
        rows = rows.filter(case__in=Case.objects.filter(parcels__in=list(parcel_ids)))
        clocks = list(
            rows.select_for_update(of=("self",), no_key=True).select_related("terms", "case__shop").order_by("pk")
        )
        parcels = _parcels_by_case([running.case_id for running in clocks])
        moved = [running for running in clocks if _moved(running, parcels.get(running.case_id, []))]
        rewrite(moved, MOVED)
        clock.refresh_due([running.case_id for running in moved])
    return len(moved)


def _moved(running: Clock, parcels: Sequence[Parcel]) -> bool:
    """Count from the newest event, if that is news: a new version, so that its reminders come again."""
    span = watched(parcels)
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
