"""Clocks that bring something about when they run out: a silent parcel counts as lost (domain.md section 2, path 2)."""

from datetime import datetime

from django.db import transaction

from accounts.models import Agreement
from accounts.models.people import Role
from handoffs import outbox
from handoffs.flow import clock
from handoffs.flow.case import refresh
from handoffs.flow.moves import locked_case, note
from handoffs.models import CarrierClaim, Case, Clock, Fact, Parcel
from handoffs.models.clock import ClockKind

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
        _count_as_lost(case, at=at)
        refresh(case, at=at, by=None)
    return 1


def _count_as_lost(case: Case, *, at: datetime) -> None:
    parcel = case.parcels.filter(leg=Parcel.Leg.OUTBOUND).select_related("carrier__agreement").order_by("pk").first()
    Fact.objects.create(case=case, what=Fact.What.LOST, rank=Fact.Rank.EVENT, at=at, parcel=parcel)
    note(case, "counted_lost", at=at, by=None, waybill=parcel.waybill if parcel else "")
    if parcel is not None:
        _open_claim(case, parcel, at=at)
    if not case.is_over and not clock.running(case, ClockKind.DECIDE):
        clock.start(case, clock.Start(ClockKind.DECIDE, Role.SUPPORT, at), at=at)
    outbox.tell("counted_lost", to=[case.owner], key=f"counted_lost:{case.pk}:{case.version}", at=at, case=case)


def _open_claim(case: Case, parcel: Parcel, *, at: datetime) -> None:
    """Claim from the carrier where the agreement says that it bears the risk."""
    agreement: Agreement | None = getattr(parcel.carrier, "agreement", None) if parcel.carrier else None
    if agreement is None or agreement.undelivered_risk != Agreement.Bearer.CARRIER or case.amount <= 0:
        return
    defaults = {"amount": case.amount, "opened_at": at}
    claim, made = CarrierClaim.objects.get_or_create(case=case, parcel=parcel, defaults=defaults)
    if made:
        start = clock.Start(ClockKind.CLAIM, Role.LOGISTICS, at, minutes=agreement.claim_follow_up_days * 24 * 60)
        clock.start(case, start, at=at)
        note(case, "claim_opened", at=at, by=None, claim=claim.pk, waybill=parcel.waybill, amount=str(claim.amount))
