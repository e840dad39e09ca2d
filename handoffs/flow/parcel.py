"""Parcels as the desk comes to know them: from a file, an answer or by hand."""

from collections.abc import Iterable
from datetime import datetime

from accounts.models import Carrier
from handoffs.carriers import numbers
from handoffs.models import Case, Parcel


def carrier_called(text: str, carriers: Iterable[Carrier] | None = None) -> Carrier | None:
    """The carrier a text means, by code, name or other name."""
    known = Carrier.objects.filter(active=True) if carriers is None else carriers
    return next((carrier for carrier in known if carrier.called(text)), None)


def know(case: Case, *, waybill: str, carrier: str, at: datetime, leg: str = Parcel.Leg.OUTBOUND) -> Parcel:
    """The parcel with this waybill in the case's shop, linked to the case; made when new.

    A carrier that is named later is written onto a parcel that had none.
    """
    found = carrier_called(carrier) if carrier else None
    parcel, _created = Parcel.objects.get_or_create(
        shop=case.shop,
        leg=leg,
        waybill=numbers.normal(waybill),
        defaults={"carrier": found, "carrier_text": carrier.strip()[:80], "created_at": at},
    )
    if found is not None and parcel.carrier_id is None:
        parcel.carrier, parcel.carrier_text = found, carrier.strip()[:80]
        parcel.save(update_fields=["carrier", "carrier_text"])
    parcel.cases.add(case)
    carry_on(parcel, at=at)
    return parcel


def carry_on(parcel: Parcel, *, at: datetime) -> None:
    """The cases of a number that goes on under another belong to that one too, however long the chain."""
    cases, seen, after = list(parcel.cases.all()), {parcel.pk}, parcel.replaced_by
    while after is not None and after.pk not in seen:
        after.cases.add(*cases)
        Parcel.objects.filter(pk=after.pk).exclude(state="").update(pending=True, pending_since=at)
        seen.add(after.pk)
        after = after.replaced_by


def leads_to(parcel: Parcel | None, pk: int | None) -> bool:
    """Whether following the numbers from this one comes to that one."""
    seen: set[int] = set()
    while parcel is not None and parcel.pk not in seen:
        if parcel.pk == pk:
            return True
        seen.add(parcel.pk)
        parcel = parcel.replaced_by
    return False


def handed_over(parcel: Parcel, *, at: datetime) -> None:
    """The carrier has it since `at`: from now a first event is waited for."""
    if parcel.handed_over_at is None:
        parcel.handed_over_at = at
        Parcel.objects.filter(pk=parcel.pk).update(handed_over_at=at, pending=True, pending_since=at)
