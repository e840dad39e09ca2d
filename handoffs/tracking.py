"""Asking the carriers' data services: subscriptions for new parcels, queries for silent ones, interceptions.

No call under a lock: what is to be asked is marked first, then asked, and its answer goes through `flow` like any news.
"""

import logging
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.core.cache import cache
from django.db.models import F, Q, QuerySet
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import vault
from handoffs import warehousing
from handoffs.carriers import kuaidi100_client
from handoffs.carriers.base import CarrierError, Later, State, Unknown
from handoffs.carriers.kuaidi100_client import Account, InterceptType, Kuaidi100, Payer
from handoffs.carriers.kuaidi100_client import Interception as Order
from handoffs.carriers.kuaidi100_codes import code_of
from handoffs.flow import silence, stopping, tracking
from handoffs.models import CarrierAccount, Case, Clock, Interception, Parcel, ParcelEvent
from handoffs.models.clock import ClockKind

AT_ONCE = 50  # parcels of one pass
SILENT = timedelta(hours=12)
WATCHED = ("", State.NO_TRACE, State.UNKNOWN, State.ORDERED, *silence.UNDERWAY)
PAYERS = {Interception.Payer.SHOP: Payer.MONTHLY, Interception.Payer.BUYER: Payer.RECEIVER}
REASON = "买家申请退款，请拦截退回"
logger = logging.getLogger(__name__)


def run(*, at: datetime) -> dict[str, int]:
    """One pass of everything that carriers' services are asked; the counts."""
    tracking.drive(tracking.left_behind(at=at), at=at)
    counts = {"subscribed": 0, "queried": 0, "intercepted": 0}
    for account in CarrierAccount.objects.filter(active=True, service="kuaidi100").select_related("shop"):
        account.error = ""  # from here on: what went wrong in this pass
        try:
            client = client_of(account)
        except vault.Sealed:
            _failed(account, "the secrets cannot be opened with the key at hand")
            continue
        subscribed, queried = subscribe(account, client, at=at), query(account, client, at=at)
        if (subscribed or queried) and not account.error:
            _works(account)
        counts["subscribed"] += subscribed
        counts["queried"] += queried
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
    """Have the news of parcels pushed that nobody subscribed yet.

    Marked after the call, for asking twice does no harm: a worker that dies in between leaves none out.
    """
    if not account.subscribes or not account.sealed_salt:
        return 0
    done = 0
    callback = settings.BASE_URL + reverse("kuaidi100-push", args=[account.code])
    rows = _open_parcels(account).filter(subscribed_at=None).exclude(carrier=None, carrier_text="")
    for parcel in rows[:AT_ONCE]:
        try:
            if company := company_of(parcel):
                client.subscribe(company, parcel.waybill, callback, phone_of(parcel))
                done += 1
        except Later as error:
            _failed(account, error.message)
            break
        except (CarrierError, ValueError) as error:
            _failed(account, f"{parcel.waybill}: {error}")
            if getattr(error, "code", "") in kuaidi100_client.OF_THE_ACCOUNT:
                break  # every other would be refused too
        Parcel.objects.filter(pk=parcel.pk).update(subscribed_at=at)
    return done


def query(account: CarrierAccount, client: Kuaidi100, *, at: datetime) -> int:
    """Ask for parcels that are about to count as lost, before they do: silence may be the push's. At most every 30
    minutes a number, which the client keeps to.

    Where the service does not answer, the rest of the pass is let be; each number has its turn all the same.
    """
    done = 0
    for parcel in _silent(account, at=at)[:AT_ONCE]:
        company = company_of(parcel)
        # The moment itself, not the pass's: the client counts its 30 minutes from the call.
        Parcel.objects.filter(pk=parcel.pk).update(queried_at=timezone.now())
        if not company:
            continue
        try:
            track = client.query(company, parcel.waybill, phone_of(parcel))
        except (CarrierError, ValueError) as error:
            _failed(account, f"{parcel.waybill}: {error}")
            if isinstance(error, Later):
                break
            continue
        tracking.one(track, tracking.Origin(ParcelEvent.Source.QUERY, parcel.shop), at=at, leg=parcel.leg)
        done += 1
    return done


def _silent(account: CarrierAccount, *, at: datetime) -> QuerySet[Parcel]:
    """Parcels under way or not heard of whose case's watch runs out soon, those that waited longest first."""
    soon = Clock.objects.filter(kind=ClockKind.PARCEL_SILENCE, ended_at=None, due_at__lte=at + SILENT)
    between = timedelta(seconds=kuaidi100_client.BETWEEN_QUERIES)
    rows = _open_parcels(account).filter(cases__clocks__in=soon).filter(state__in=WATCHED)
    rows = rows.filter(Q(queried_at=None) | Q(queried_at__lte=at - between))
    return rows.order_by(F("queried_at").asc(nulls_first=True), "pk")


def intercept(*, at: datetime) -> int:
    """Send the interceptions that wait for the carriers' services, each once."""
    done = 0
    rows = Interception.objects.filter(pk__in=stopping.waiting(Interception.Via.SERVICE, at=at))
    for each in rows.select_related("parcel__carrier", "parcel__shop"):
        parcel = each.parcel
        account = stopping.service_for(parcel) if parcel else None
        if not stopping.take(each.pk, at=at):
            continue
        if parcel is None or account is None or not stopping.still_asked(each):
            stopping.settle(each.pk, Interception.State.FAILED, said=_why_not(account), at=at)
            continue
        _send(each, parcel, account, at=at)
        done += 1
    return done


def _why_not(account: CarrierAccount | None) -> str:
    if account is None:
        return _("The carrier's data service is no longer connected.")
    return _("It was answered or withdrawn before it was sent.")


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
        _failed(account, f"{parcel.waybill}: {error}")
    except Unknown as error:
        stopping.settle(each.pk, Interception.State.UNKNOWN, said=error.message, at=at)
        _failed(account, f"{parcel.waybill}: {error}")
    except (CarrierError, ValueError, vault.Sealed) as error:
        stopping.settle(each.pk, Interception.State.FAILED, said=str(error), at=at)
        _failed(account, f"{parcel.waybill}: {error}")
    else:
        stopping.settle(each.pk, Interception.State.TAKEN, said="", at=at)


def _failed(account: CarrierAccount, why: str) -> None:
    logger.warning("carrier service %s: %s", account.code, why)
    account.error = why[:255]
    CarrierAccount.objects.filter(pk=account.pk).update(error=account.error)


def _works(account: CarrierAccount) -> None:
    """A pass went well: what went wrong before is over."""
    CarrierAccount.objects.filter(pk=account.pk).exclude(error="").update(error="")
