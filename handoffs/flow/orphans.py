"""Parcels that reached the warehouse and belong to no case yet (domain.md section 2, path 4)."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from accounts.models import User
from handoffs import permissions
from handoffs.flow import handoff, parcel
from handoffs.flow.case import refresh
from handoffs.flow.errors import Invalid, NotAllowed, NotYours, Stale
from handoffs.flow.moves import locked_case, note
from handoffs.flow.receiving import arrived, likely
from handoffs.models import Attachment, Case, Parcel, Receipt
from handoffs.models.handoff import HandoffKind


def waiting(*, by: User) -> list[Receipt]:
    """The parcels that belong to no case yet, of the person's shops, oldest first."""
    shops = frozenset(pk for pk in by.shops_as() if permissions.may(by, "see_orphans", shop_id=pk))
    if not shops:
        raise NotAllowed(_("Your role does not settle parcels that belong to no case."))
    rows = Receipt.objects.filter(state=Receipt.State.ORPHAN).select_related("shop", "by")
    mine = rows.filter(shop__in=shops) | rows.filter(shop=None)
    return list(mine.prefetch_related("attachments").order_by("at", "pk")[:100])


def likely_of(rows: Sequence[Receipt], *, by: User) -> dict[int, list[tuple[Case, str]]]:
    """The cases each may belong to, the likeliest first, with why. Few statements a shop, however many orphans."""
    by_shop: dict[int | None, list[Receipt]] = {}
    for row in rows:
        by_shop.setdefault(row.shop_id, []).append(row)
    found: dict[int, list[tuple[Case, str]]] = {}
    for shop_id, own in by_shop.items():
        told = likely({row.waybill for row in own}, [shop_id] if shop_id else by.shops_as())
        found |= {row.pk: told[row.waybill] for row in own}
    return found


def _settling(receipt_id: int, *, by: User) -> Receipt:
    kept = Receipt.objects.select_for_update(of=("self",), no_key=True).filter(pk=receipt_id).first()
    shops = [pk for pk in by.shops_as() if permissions.may(by, "see_orphans", shop_id=pk)]
    if kept is None or not shops or (kept.shop_id is not None and kept.shop_id not in shops):
        raise NotYours(_("There is no such parcel."))
    if kept.state != Receipt.State.ORPHAN:
        raise Stale(_("It is settled already: %(as)s") % {"as": kept.settled_as})
    return kept


def assign(receipt_id: int, case_id: int, *, by: User, at: datetime) -> Receipt:
    """An orphan belongs to this case: its photos go there, and the warehouse is asked to receive it."""
    with transaction.atomic():
        if not Case.objects.filter(pk=case_id).exists():
            raise NotYours(_("There is no such case."))
        case = locked_case(case_id)
        kept = _settling(receipt_id, by=by)
        if not permissions.may(by, "see_orphans", shop_id=case.shop_id):
            raise NotYours(_("There is no such case."))
        found = parcel.know(case, waybill=kept.waybill, carrier=kept.carrier_text, at=at, leg=Parcel.Leg.RETURN)
        _settle(kept, Receipt.State.MATCHED, case.refund_id, by=by, at=at, shop=case.shop, parcel=found)
        Attachment.objects.filter(receipt=kept, case=None).update(case=case)
        note(case, "orphan_assigned", at=at, by=by, waybill=kept.waybill)
        arrived(case, found, by=by, at=at)
        handoff.open_once(case, HandoffKind.RECEIVE_RETURN, at=at, parcel=found)  # on a closed case too
        refresh(case, at=at, by=by)
    return kept


def dismiss(receipt_id: int, reason: str, *, by: User, at: datetime) -> Receipt:
    """An orphan is nobody's: sent back, another shop's, thrown away. The reason stays."""
    if not reason.strip():
        raise Invalid(_("Say what became of the parcel."), field="reason")
    with transaction.atomic():
        kept = _settling(receipt_id, by=by)
        _settle(kept, Receipt.State.DISMISSED, reason.strip(), by=by, at=at)
    return kept


def _settle(kept: Receipt, state: str, words: str, *, by: User, at: datetime, **more: Any) -> None:
    values = {"state": state, "settled_by": by, "settled_at": at, "settled_as": words[:255], **more}
    for name, value in values.items():
        setattr(kept, name, value)
    kept.save(update_fields=list(values))
