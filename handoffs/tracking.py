"""Asking the carriers' data services: subscriptions for new parcels, queries for silent ones, interceptions.

No call under a lock: what is to be asked is marked first, then asked, and its answer goes through `flow` like any news.
"""

import logging
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.core.cache import cache
from django.db.models import Q, QuerySet
from django.urls import reverse

from accounts import vault
from handoffs import warehousing
from handoffs.carriers import kuaidi100_client
from handoffs.carriers.base import CarrierError, Later, Refused, Unknown
from handoffs.carriers.kuaidi100_client import Account, InterceptType, Kuaidi100, Payer
from handoffs.carriers.kuaidi100_client import Interception as Order
from handoffs.carriers.kuaidi100_codes import code_of
from handoffs.flow import silence, stopping, tracking
from handoffs.models import CarrierAccount, Case, Clock, Interception, Parcel, ParcelEvent
from handoffs.models.clock import ClockKind

AT_ONCE = 50  # parcels of one pass
SILENT = timedelta(hours=12)
PAYERS = {Interception.Payer.SHOP: Payer.MONTHLY, Interception.Payer.BUYER: Payer.RECEIVER}
REASON = "买家申请退款，请拦截退回"
logger = logging.getLogger(__name__)


def run(*, at: datetime) -> dict[str, int]:
    """One pass of everything that carriers' services are asked; the counts."""
    tracking.drive(tracking.left_behind(at=at), at=at)
    counts = {"subscribed": 0, "queried": 0, "intercepted": 0}
    for account in CarrierAccount.objects.filter(active=True, service="kuaidi100").select_related("shop"):
        try:
            client = client_of(account)
        except vault.Sealed:
            _failed(account, "the secrets cannot be opened with the key at hand")
            continue
        counts["subscribed"] += subscribe(account, client, at=at)
        counts["queried"] += query(account, client, at=at)
    counts["intercepted"] = intercept(at=at) + warehousing.run(at=at)
    return counts


def client_of(account: CarrierAccount) -> Kuaidi100:
    """The client for an account, at its own address where it has one."""
    kept = Account(account.customer, account.opened("key"), account.opened("secret"), account.opened("salt"))

    def post(url: str, form: Mapping[str, str]) -> Any:
        if account.address:
            url = account.address.rstrip("/") + "/" + url.split("/", 3)[3]
        return kuaidi100_client.post(url, form)

    return Kuaidi100(kept, cache, post=post)


def _open_parcels(account: CarrierAccount) -> QuerySet[Parcel]:
    """The parcels of open cases, of the account's shop or of all."""
    rows = Parcel.objects.filter(cases__in=Case.objects.exclude(status=Case.Status.CLOSED), replaced_by=None)
    rows = rows.filter(shop=account.shop_id) if account.shop_id else rows
    return rows.select_related("carrier", "shop").distinct().order_by("pk")


def company_of(parcel: Parcel) -> str:
    """The service's code for the parcel's carrier; empty where it has none."""
    carrier = parcel.carrier
    return code_of([carrier.code, carrier.name, *carrier.names] if carrier else [parcel.carrier_text])


def phone_of(parcel: Parcel) -> str:
    """The last four digits that some carriers want: of the buyer of its cases."""
    phones = parcel.cases.values_list("source__buyer_phone", flat=True)
    digits = next(("".join(c for c in phone if c.isdigit()) for phone in phones if phone), "")
    return digits[-4:] if len(digits) >= 4 else ""


def subscribe(account: CarrierAccount, client: Kuaidi100, *, at: datetime) -> int:
    """Have the news of parcels pushed that nobody subscribed yet."""
    if not account.subscribes or not account.sealed_salt:
        return 0
    done = 0
    callback = settings.BASE_URL + reverse("kuaidi100-push", args=[account.code])
    for parcel in _open_parcels(account).filter(subscribed_at=None)[:AT_ONCE]:
        company = company_of(parcel)
        Parcel.objects.filter(pk=parcel.pk).update(subscribed_at=at)
        if not company:
            continue
        try:
            client.subscribe(company, parcel.waybill, callback, phone_of(parcel))
            done += 1
        except Later as error:
            Parcel.objects.filter(pk=parcel.pk).update(subscribed_at=None)
            _failed(account, error.message)
            break
        except (CarrierError, ValueError) as error:
            _failed(account, f"{parcel.waybill}: {error}")
    return done


def query(account: CarrierAccount, client: Kuaidi100, *, at: datetime) -> int:
    """Ask for parcels that are about to count as lost, before they do: silence may be the push's. At most every 30
    minutes a number, which the client keeps to.
    """
    soon = Clock.objects.filter(kind=ClockKind.PARCEL_SILENCE, ended_at=None, due_at__lte=at + SILENT)
    between = timedelta(seconds=kuaidi100_client.BETWEEN_QUERIES)
    rows = _open_parcels(account).filter(cases__clocks__in=soon).filter(state__in=("", *silence.UNDERWAY))
    rows = rows.filter(Q(queried_at=None) | Q(queried_at__lte=at - between))
    done = 0
    for parcel in rows[:AT_ONCE]:
        company = company_of(parcel)
        Parcel.objects.filter(pk=parcel.pk).update(queried_at=at)
        if not company:
            continue
        try:
            track = client.query(company, parcel.waybill, phone_of(parcel))
        except (CarrierError, ValueError) as error:
            _failed(account, f"{parcel.waybill}: {error}")
            continue
        tracking.one(track, tracking.Origin(ParcelEvent.Source.QUERY, parcel.shop), at=at, leg=parcel.leg)
        done += 1
    return done


def intercept(*, at: datetime) -> int:
    """Send the interceptions that wait for the carriers' services, each once."""
    done = 0
    rows = Interception.objects.filter(pk__in=stopping.waiting(at=at), via=Interception.Via.SERVICE)
    for each in rows.select_related("parcel__carrier", "parcel__shop"):
        parcel = each.parcel
        account = stopping.service_for(parcel) if parcel else None
        if parcel is None or account is None or not stopping.take(each.pk, at=at):
            continue
        _send(each, parcel, account, at=at)
        done += 1
    return done


def _send(each: Interception, parcel: Parcel, account: CarrierAccount, *, at: datetime) -> None:
    """One call. What may have been taken is unknown and never sent again by itself."""
    callback = settings.BASE_URL + reverse("kuaidi100-intercepted", args=[account.code, each.key])
    order = Order(company_of(parcel), parcel.waybill, InterceptType.TO_SENDER, REASON,
                  PAYERS.get(Interception.Payer(each.payer or "shop"), Payer.MONTHLY), order_id=each.key,
                  callback=callback)  # fmt: skip
    try:
        client_of(account).intercept(order)
    except Later as error:
        stopping.not_sent(each.pk, error.message)
    except Unknown as error:
        stopping.settle(each.pk, Interception.State.UNKNOWN, said=error.message, at=at)
    except (Refused, CarrierError, ValueError, vault.Sealed) as error:
        stopping.settle(each.pk, Interception.State.FAILED, said=str(error), at=at)
    else:
        stopping.settle(each.pk, Interception.State.TAKEN, said="", at=at)


def _failed(account: CarrierAccount, why: str) -> None:
    logger.warning("carrier service %s: %s", account.code, why)
    CarrierAccount.objects.filter(pk=account.pk).update(error=why[:255])
