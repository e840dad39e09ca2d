"""Interceptions: stopping a parcel before it leaves, or calling it back. One alive per waybill, shared by its cases.

Source: domain.md section 2, paths 1 and 2. The warehouse's system is asked first where there is one, the carrier's data
service where it can; what neither settles is a question to the warehouse or to the carrier's contact, as ever. An
answer that comes by wire answers that question for all its cases.
"""

import uuid
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from accounts.models import User
from handoffs import permissions
from handoffs.carriers import text
from handoffs.flow import handoff as handoffs
from handoffs.flow.answer import by_wire
from handoffs.flow.errors import Invalid, NotAllowed, NotYours, Stale
from handoffs.flow.moves import locked_case, note
from handoffs.models import CarrierAccount, Case, Handoff, Interception, Parcel, WarehouseSystem
from handoffs.models.handoff import HandoffKind as K

State, Via = Interception.State, Interception.Via
FEN = Decimal("0.01")


def system_of(case: Case) -> WarehouseSystem | None:
    """The shop's ERP or WMS, if it is asked."""
    return WarehouseSystem.objects.filter(shop_id=case.shop_id, active=True).first()


def service_for(parcel: Parcel) -> CarrierAccount | None:
    """The account through which the parcel's carrier can be told to stop it."""
    rows = CarrierAccount.objects.filter(active=True, service="kuaidi100").exclude(sealed_secret="")
    own = rows.filter(shop_id=parcel.shop_id).first()
    return own or rows.filter(shop=None).first()


def ask_system(handoff: Handoff, *, at: datetime) -> Interception | None:
    """Queue the stop for the warehouse's system; the question to the warehouse stands beside it meanwhile.

    None where there is no system, or it was asked already.
    """
    if handoff.kind != K.STOP_PARCEL or system_of(handoff.case) is None:
        return None
    return _recorded(handoff.case, None, handoff, Via.SYSTEM, by=handoff.asker, at=at)


def ask_service(handoff_id: int, *, payer: str, by: User, at: datetime) -> Interception:
    """Have the carrier's service stop the parcel of a recall. Sent once; that it was asked is not that it is stopped.

    Raises Invalid where the parcel's carrier cannot be told so, Stale when it was asked already.
    """
    if payer not in Interception.Payer.values:
        raise Invalid(_("Say who pays the fee."), field="payer")
    with transaction.atomic():
        asked = handoffs.locked(handoff_id, by=by)
        if not permissions.may(by, "act", shop_id=asked.case.shop_id):
            raise NotAllowed(_("Your role does not do this."))
        if asked.kind != K.RECALL_PARCEL or not asked.is_live:
            raise Stale(_("The parcel is not being called back now."))
        if asked.parcel is None or service_for(asked.parcel) is None:
            raise Invalid(_("No service is connected that could stop this parcel. The carrier's contact is asked."))
        made = _recorded(asked.case, asked.parcel, asked, Via.SERVICE, by=by, at=at)
        if made is None:
            raise Stale(_("The interception of this parcel was asked for already."))
        Interception.objects.filter(pk=made.pk).update(payer=payer)
    return made


def _recorded(
    case: Case, parcel: Parcel | None, handoff: Handoff, via: str, *, by: User | None, at: datetime
) -> Interception | None:
    try:
        with transaction.atomic():
            made = Interception.objects.create(
                key=uuid.uuid4().hex, case=case, parcel=parcel, handoff=handoff, via=via, by=by, at=at
            )
    except IntegrityError:
        return None
    note(case, "interception_asked", at=at, by=by, via=via, waybill=parcel.waybill if parcel else "")
    return made


def take(interception_id: int, *, at: datetime) -> bool:
    """Claim an interception for its one call. False: another worker has it, or it was sent."""
    rows = Interception.objects.filter(pk=interception_id, state=State.ASKED, sent_at=None)
    return rows.update(sent_at=at) == 1


def waiting(*, at: datetime) -> list[int]:
    """Interceptions to be sent."""
    rows = Interception.objects.filter(state=State.ASKED, sent_at=None, at__lte=at).exclude(via=Via.PEOPLE)
    return list(rows.order_by("pk").values_list("pk", flat=True)[:100])


def not_sent(interception_id: int, why: str) -> None:
    """Nothing left the desk: it may be tried again."""
    Interception.objects.filter(pk=interception_id, state=State.ASKED).update(sent_at=None, said=why[:255])


def settle(interception_id: int, to: str, *, said: str, at: datetime) -> None:
    """Write an answer. Stopped or called back: the question is answered for all its cases, and the refund released."""
    with transaction.atomic():
        found = Interception.objects.select_related("handoff", "parcel").get(pk=interception_id)
        case = locked_case(found.case_id)
        rows = Interception.objects.filter(pk=found.pk, state__in=Interception.LIVE)
        if not rows.update(state=to, said=said[:255], answered_at=at):
            return
        waybill = found.parcel.waybill if found.parcel else ""
        note(case, "interception", at=at, by=None, state=to, said=said[:255], waybill=waybill, via=found.via)
        asked = found.handoff
        if to == State.STOPPED and asked is not None and asked.is_live:
            by_wire(asked.pk, "stopped" if asked.kind == K.STOP_PARCEL else "will_return", said=said, at=at)


def heard(key: str, told: Mapping[str, Any], *, at: datetime) -> bool:
    """A callback to an interception: read by its words, the newest counting. False: there is no such interception."""
    found = Interception.objects.filter(key=key).first()
    if found is None:
        return False
    words = _words(told)
    meant = text.stop_answer([words])
    to = {text.Stop.STOPPED: State.STOPPED, text.Stop.CANNOT: State.FAILED}.get(meant) if meant else None
    if to is None:
        Interception.objects.filter(pk=found.pk, state__in=Interception.LIVE).update(
            state=State.TAKEN, said=words[:255], answered_at=at
        )
    else:
        settle(found.pk, to, said=words, at=at)
    return True


def _words(told: Mapping[str, Any]) -> str:
    parts = [str(value) for value in told.values() if isinstance(value, str | int)]
    inner = told.get("data")
    if isinstance(inner, Mapping):
        parts += [str(value) for value in inner.values() if isinstance(value, str | int)]
    return " ".join(parts)[:1000]


def record_fee(interception_id: int, *, fee: Decimal | None, payer: str, by: User) -> Interception:
    """Who pays what for stopping it, learned later."""
    found = Interception.objects.select_related("case").filter(pk=interception_id).first()
    if found is None or not permissions.can_see(by, found.case):
        raise NotYours(_("There is no such interception."))
    if not permissions.may(by, "act", shop_id=found.case.shop_id):
        raise NotAllowed(_("Your role does not do this."))
    if payer and payer not in Interception.Payer.values:
        raise Invalid(_("Say who pays the fee."), field="payer")
    if fee is not None and (fee < 0 or fee != fee.quantize(FEN) or fee > Decimal(99999)):
        raise Invalid(_("The fee is an amount in yuan with at most two decimals."), field="fee")
    Interception.objects.filter(pk=found.pk).update(fee=fee, payer=payer)
    found.fee, found.payer = fee, payer
    return found
