"""Cases by the numbers people know them by."""

from handoffs.models import Case, Parcel

MOST = 50  # of each kind of number


def cases_with(number: str) -> set[int]:
    """The cases with this refund, order or waybill number. Three look-ups: one with OR would read every case."""
    found = set(Case.objects.filter(refund_id=number).values_list("pk", flat=True)[:MOST])
    found |= set(Case.objects.filter(order_id=number).values_list("pk", flat=True)[:MOST])
    parcels = Parcel.objects.filter(waybill__in={number, number.upper()})
    return found | set(Parcel.cases.through.objects.filter(parcel__in=parcels).values_list("case_id", flat=True)[:MOST])
