"""A parcel counts as lost: by its silence, by the carrier's word or by a person's. A claim, and a decision to take.

Source: domain.md section 2, path 2. The parcel is marked, and every case on it follows under its own lock.
"""

from collections.abc import Sequence
from datetime import datetime
from decimal import ROUND_DOWN, Decimal

from accounts.models import User
from accounts.models.people import Role
from handoffs import outbox
from handoffs.flow import claims, clock
from handoffs.flow.audience import tell_desk
from handoffs.flow.case import is_history
from handoffs.flow.moves import note
from handoffs.flow.standing import counting, meaning
from handoffs.models import CarrierClaim, Case, Decision, Fact, Parcel
from handoffs.models.clock import ClockKind

FEN = Decimal("0.01")
UNDELIVERED = ("", Fact.What.IN_TRANSIT, Fact.What.WILL_RETURN)
TOLD = ("counted_lost", "found_again")


def count(parcel: Parcel, *, at: datetime) -> bool:
    """The parcel counts as lost from now on, unless an event says that it arrived. Its cases follow."""
    if parcel.leg != Parcel.Leg.OUTBOUND or meaning(parcel) not in UNDELIVERED:
        return False
    parcel.lost_at = at
    Parcel.objects.filter(pk=parcel.pk).update(lost_at=at, pending=True, pending_since=at)
    return True


def follow(case: Case, parcels: Sequence[Parcel], *, at: datetime, by: User | None) -> None:
    """Note what was lost of a case since it was last looked at, and what was heard of again."""
    if case.phase == Case.Phase.CLOSED or is_history(case):
        return
    out = [parcel for parcel in parcels if parcel.leg == Parcel.Leg.OUTBOUND]
    rows = case.timeline.filter(kind__in=TOLD).order_by("at", "pk")
    last = {data["waybill"]: kind for kind, data in rows.values_list("kind", "data")}
    for parcel in out:
        known_lost = last.get(parcel.waybill) == "counted_lost"
        if parcel.lost_at is None and known_lost and meaning(parcel):
            _found_again(case, parcel.waybill, at=at)
        elif parcel.lost_at is not None and not known_lost and parcel.replaced_by_id is None:
            _lost(case, parcel, share=len(counting(out, Parcel.Leg.OUTBOUND)), at=at, by=by)


def _lost(case: Case, parcel: Parcel, *, share: int, at: datetime, by: User | None) -> None:
    note(case, "counted_lost", at=at, by=by, waybill=parcel.waybill)
    claim(case, parcel, share=share, at=at)
    decide(case, at=at)
    people = [case.owner] if case.owner and case.owner != by else []
    key = f"counted_lost:{case.pk}:{parcel.pk}:{at.timestamp()}"
    outbox.tell("counted_lost", to=people, key=key, at=at, case=case)


def claim(case: Case, parcel: Parcel, *, at: datetime, share: int = 1) -> None:
    """Claim it from the carrier where it bears the risk: of several parcels of a case each with its share."""
    if claims.bears_the_risk(parcel):
        amount = (case.amount / share).quantize(FEN, ROUND_DOWN)
        rest = case.amount - amount * (share - 1) if _is_last(case, share) else amount
        claims.open_by_itself(case, parcel, rest, at=at)


def _is_last(case: Case, share: int) -> bool:
    """The last share takes the fen that are left over."""
    return case.claims.exclude(status__in=CarrierClaim.VOID).count() >= share - 1


def decide(case: Case, *, at: datetime) -> None:
    """Reship or refund: to be decided, unless it was."""
    decided = case.decisions.filter(status__in=Decision.LIVE).exists()
    if not case.is_over and not decided and not clock.running(case, ClockKind.DECIDE):
        clock.start(case, clock.Start(ClockKind.DECIDE, Role.SUPPORT, at), at=at)


def _found_again(case: Case, waybill: str, *, at: datetime) -> None:
    """An event came after the parcel was counted lost: the question is open again, and whoever acted on it is told."""
    open_claims = case.claims.filter(status__in=CarrierClaim.OPEN, parcel__waybill=waybill).count()
    note(case, "found_again", at=at, by=None, waybill=waybill, claims=open_claims)
    tell_desk(case, "found_again", waybill, at=at)
