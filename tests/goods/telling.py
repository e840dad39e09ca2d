"""Telling the desk of parcels, as tests do: by one event, by a sample, by a push as the service posts it."""

from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from django.test import Client
from django.urls import reverse

from handoffs.carriers.base import Event, State, Track
from handoffs.flow import tracking
from handoffs.gateway.carriers import Told
from handoffs.models import CarrierAccount, Case, Parcel
from tests.carriers.samples import posted, sample
from tests.factories import NOON


def event(state: State, at: datetime, text: str = "", waybill: str = "ZTO0001") -> Event:
    return Event(at, state, "", text or f"{state} {at:%m-%d %H:%M}", "", waybill)


def told(case: Case, *events: Event, at: datetime | None = None, waybill: str = "ZTO0001", leg: str = "") -> str:
    """Some events of one parcel, learned at the time of the newest unless said otherwise. What became of them."""
    known = Parcel.objects.filter(waybill=waybill).values_list("carrier__code", flat=True).first()
    track = Track(known or "ZTO", waybill, State.UNKNOWN, "", tuple(events))
    moment = at or max(each.at for each in events)
    outcome = tracking.one(track, tracking.Origin("api", case.shop), at=moment, leg=leg, order_id=case.order_id)
    case.refresh_from_db()
    return outcome.result


def parcel(waybill: str = "ZTO0001") -> Parcel:
    return Parcel.objects.get(waybill=waybill)


def of_today(name: str, *, ends: datetime = NOON) -> dict[str, Any]:
    """A sampled push, its times moved so that the newest event is at `ends`."""
    push: dict[str, Any] = sample(name)
    rows = push["lastResult"]["data"]
    newest = max(datetime.fromisoformat(row["time"]) for row in rows)
    by = (ends + timedelta(hours=8)).replace(tzinfo=None) - newest
    for row in rows:
        moved = datetime.fromisoformat(row["time"]) + by
        row["time"] = row["ftime"] = moved.strftime("%Y-%m-%d %H:%M:%S")
    return push


def push(account: CarrierAccount, param: Any, *, salt: str = "") -> tuple[int, Any]:
    """What the desk answers to a push."""
    body = posted(param, salt=salt) if salt else posted(param)
    answer = Client().post(
        reverse("kuaidi100-push", args=[account.code]), body, content_type="application/x-www-form-urlencoded"
    )
    return answer.status_code, answer.json()


def sent(url: str, body: bytes) -> Told:
    """What the desk answers to what a service posts to an address that the desk gave it."""
    answer = Client().post(urlsplit(url).path, body, content_type="application/x-www-form-urlencoded")
    return Told(answer.status_code, answer.json())
