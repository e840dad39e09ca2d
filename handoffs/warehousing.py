"""Asking the shops' warehouse systems to stop orders, first of all and each once. No call under a lock."""

import logging
from datetime import datetime

from django.utils.translation import gettext as _

from accounts import vault
from handoffs.carriers.base import CarrierError, Later, Refused, Unknown
from handoffs.flow import stopping
from handoffs.models import Case, Interception, WarehouseSystem
from handoffs.models.handoff import HandoffKind
from handoffs.warehouses import jushuitan, qimen
from handoffs.warehouses.base import Order, Said, Stop, System

REASON = "买家申请退款，请勿发货"
State = Interception.State
STATE_OF = {Stop.STOPPED: State.STOPPED, Stop.REFUSED: State.FAILED, Stop.TAKEN: State.TAKEN}
logger = logging.getLogger(__name__)


def run(*, at: datetime) -> int:
    """One pass: what is to be stopped is asked for, and what never was answered is unknown. Returns the calls made."""
    stopping.offer_to_systems(at=at)
    stopping.hanging(at=at)
    done = 0
    rows = Interception.objects.filter(pk__in=stopping.waiting(Interception.Via.SYSTEM, at=at))
    for each in rows.select_related("case__shop__warehouse_system", "parcel", "handoff"):
        if stopping.take(each.pk, at=at):
            _ask(each, at=at)
            done += 1
    return done


def account_of(system: WarehouseSystem) -> qimen.Account:
    """The Qimen account with its secret. Raises vault.Sealed."""
    return qimen.Account(system.app_key, system.customer, system.opened("secret"), system.owner_code,
                         system.warehouse_code or "OTHER")  # fmt: skip


def client_of(system: WarehouseSystem) -> System:
    """The client for a system. Raises vault.Sealed when its secrets cannot be opened."""
    if system.kind == WarehouseSystem.Kind.QIMEN:
        return qimen.Qimen(account_of(system), address=system.address)
    kept = jushuitan.Account(system.app_key, system.opened("secret"), system.opened("token"))
    return jushuitan.Jushuitan(kept, address=system.address)


def order_of(case: Case, waybill: str = "") -> Order:
    """What is to be stopped: the whole order only where the application is for all of it."""
    whole = case.source_kind == "cancel" or (bool(case.line_id) and case.line_id == case.order_id)
    lines = (case.line_id,) if case.line_id and not whole else ()
    return Order(case.order_id, case.refund_id, waybill, lines, whole, REASON)


def _ask(each: Interception, *, at: datetime) -> None:
    """One call. What may have been taken is unknown and never sent again by itself."""
    system: WarehouseSystem | None = getattr(each.case.shop, "warehouse_system", None)
    if system is None or not system.active:
        stopping.settle(each.pk, State.FAILED, said=_("The warehouse system is no longer connected."), at=at)
        return
    if not stopping.still_asked(each):
        stopping.settle(each.pk, State.FAILED, said=_("It was answered or withdrawn before it was sent."), at=at)
        return
    try:
        said = _said(client_of(system), each)
    except Later as error:
        stopping.not_sent(each.pk, error.message)
        _failed(system, error.message)
    except Unknown as error:
        stopping.settle(each.pk, State.UNKNOWN, said=error.message, at=at)
        _failed(system, error.message)
    except (Refused, CarrierError, vault.Sealed) as error:
        stopping.settle(each.pk, State.FAILED, said=str(error), at=at)
        _failed(system, str(error))
    else:
        stopping.settle(each.pk, STATE_OF[said.stop], said=f"{said.words} {said.code}".strip(), at=at)


def _said(client: System, each: Interception) -> Said:
    order = order_of(each.case, each.parcel.waybill if each.parcel else "")
    recall = each.handoff is not None and each.handoff.kind == HandoffKind.RECALL_PARCEL
    return client.intercept(order) if recall else client.stop(order)


def _failed(system: WarehouseSystem, why: str) -> None:
    logger.warning("warehouse system %s: %s", system.code, why)
    WarehouseSystem.objects.filter(pk=system.pk).update(error=why[:255])
