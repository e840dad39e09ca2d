"""What parcels' states mean for the cases on them: one fact about where the goods are (domain.md section 2)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django.db.models import Q

from handoffs.models import Case, Fact, Parcel
from handoffs.models.parcel import ParcelState as S

Leg, What = Parcel.Leg, Fact.What
MOVING = (S.PICKED_UP, S.IN_TRANSIT, S.CUSTOMS, S.OUT_FOR_DELIVERY, S.AT_OUTLET, S.PROBLEM)
SIGNED_FOR = (S.SIGNED, S.SIGNED_BY_OTHER)
MEANS: Mapping[str, Mapping[str, str]] = {
    Leg.OUTBOUND: {
        **dict.fromkeys(MOVING, What.IN_TRANSIT),
        **dict.fromkeys(SIGNED_FOR, What.DELIVERED),
        S.REFUSED: What.WILL_RETURN,
        S.RETURNING: What.WILL_RETURN,
        S.RETURNED_SIGNED: What.RETURNED,
    },
    Leg.RETURN: {
        **dict.fromkeys((*MOVING, *SIGNED_FOR), What.RETURN_SHIPPED),
        S.RETURNED_SIGNED: What.DELIVERED,
    },
}
# Of parcels that stand differently the least far one counts: nothing is taken for safe that may not be.
LEAST_FAR = (What.IN_TRANSIT, What.LOST, What.DELIVERED, What.WILL_RETURN, What.RETURNED)


@dataclass(frozen=True, slots=True)
class Standing:
    """Where the events put a case's goods. `what` empty: they say nothing. `differ`: its parcels disagree."""

    what: str = ""
    parcel: Parcel | None = None
    differ: bool = False


def meaning(parcel: Parcel) -> str:
    """The fact a parcel's state stands for; empty where nobody knows. Lost until something is heard of it again."""
    if parcel.lost_at is not None:
        return What.LOST
    return MEANS[parcel.leg].get(parcel.state, "")


def counting(parcels: Sequence[Parcel], leg: str) -> list[Parcel]:
    """The parcels of a leg that say where the goods are: not those replaced by another."""
    return [parcel for parcel in parcels if parcel.leg == leg and parcel.replaced_by_id is None]


def standing(parcels: Sequence[Parcel]) -> Standing:
    """What a case's parcels come to. A return on its way counts before the parcel that once went out, and no longer
    once goods were sent again for it.
    """
    again = [parcel.created_at for parcel in counting(parcels, Leg.OUTBOUND) if parcel.again]
    returns = [parcel for parcel in counting(parcels, Leg.RETURN) if not again or parcel.created_at > max(again)]
    back = [(meaning(parcel), parcel) for parcel in returns]
    for what in (What.RETURN_SHIPPED, What.DELIVERED):
        if found := next((parcel for said, parcel in back if said == what), None):
            return Standing(what, found)
    out = [(meaning(parcel), parcel) for parcel in counting(parcels, Leg.OUTBOUND)]
    told = {said for said, _parcel in out}
    if not told - {""}:
        return Standing()
    # One of several that nothing was heard of is on its way for all we know.
    known = {said or What.IN_TRANSIT for said in told}
    what = next(what for what in LEAST_FAR if what in known)
    return Standing(what, next((parcel for said, parcel in out if said == what), out[0][1]), len(known) > 1)


def signed_for_by_shop(parcels: Sequence[Parcel]) -> bool:
    """Whether a return was signed for at the shop: from now the goods are the store's risk."""
    return any(parcel.state in SIGNED_FOR for parcel in counting(parcels, Leg.RETURN))


def concerned(parcel_ids: Sequence[int]) -> list[int]:
    """The cases for which news of these parcels means something: the open ones, and those whose money has gone."""
    live = ~Q(status=Case.Status.CLOSED) | Q(money=Case.Money.CONFIRMED)
    rows = Case.objects.filter(live, parcels__in=parcel_ids).order_by("pk")
    return list(rows.values_list("pk", flat=True).distinct())
