"""What Kdniao sends (formats.md 4.2): answers and pushes, read into tracks. Its numbers are not Kuaidi100's."""

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from handoffs.carriers import form, text
from handoffs.carriers.base import (
    BadSignature,
    Event,
    Refused,
    State,
    Track,
    Unreadable,
    in_order,
    moment_of,
    text_of,
)

CHINA = ZoneInfo("Asia/Shanghai")

STATES: dict[str, State] = {
    "0": State.NO_TRACE, "1": State.PICKED_UP, "2": State.IN_TRANSIT, "3": State.SIGNED, "4": State.PROBLEM,
    "5": State.IN_TRANSIT, "6": State.CUSTOMS,
}  # fmt: skip
FINER: dict[str, State] = {
    "10": State.ORDERED, "201": State.IN_TRANSIT, "202": State.OUT_FOR_DELIVERY, "211": State.AT_OUTLET,
    "301": State.SIGNED, "302": State.SIGNED, "304": State.SIGNED_BY_OTHER, "311": State.SIGNED_BY_OTHER,
    "401": State.NO_TRACE, "402": State.PROBLEM, "403": State.PROBLEM, "404": State.REFUSED, "405": State.PROBLEM,
    "406": State.RETURNED_SIGNED, "407": State.RETURNING, "412": State.AT_OUTLET,
}  # fmt: skip


def state_of(state: str, finer: str = "") -> State:
    """By StateEx, else by State; UNKNOWN where neither stands in a table."""
    return FINER.get(finer) or STATES.get(finer) or STATES.get(state, State.UNKNOWN)


def sign(content: bytes, key: str) -> bytes:
    """Base64 of the hexadecimal MD5 of content and key. MD5 is the service's choice."""
    return base64.b64encode(hashlib.md5(content + key.encode(), usedforsecurity=False).hexdigest().encode())


def opened(body: bytes, key: str) -> dict[str, Any]:
    """The object in a form's RequestData, its DataSign checked over the bytes as they came.

    Raises BadSignature, and Unreadable for what is no such form.
    """
    if not key:
        raise BadSignature("no key is set for this account")
    found = form.fields(body)
    content, given = found.get("RequestData"), found.get("DataSign", b"")
    if content is None:
        raise Unreadable("no RequestData")
    # A plus sign that was not written as %2B reads as a blank.
    if not hmac.compare_digest(sign(content, key), given.strip().replace(b" ", b"+")):
        raise BadSignature("the signature does not fit")
    try:
        told = json.loads(content.decode("utf-8"), parse_float=str)
    except (ValueError, RecursionError) as error:
        raise Unreadable("no JSON") from error
    if not isinstance(told, dict):
        raise Unreadable("no object")
    return told


def answer(customer: str, *, at: datetime, reason: str = "") -> dict[str, Any]:
    """What the service wants to hear; with a reason it pushes again."""
    moment = f"{at.astimezone(CHINA):%Y-%m-%d %H:%M:%S}"
    return {"EBusinessID": customer, "UpdateTime": moment, "Success": not reason, "Reason": reason}


def push_of(payload: Mapping[str, Any], *, customer: str) -> list[Track]:
    """The tracks of a push. One that failed, or that cannot be read, does not stop the others.

    Raises BadSignature where it is meant for another customer of the service.
    """
    if (meant := text_of(payload.get("EBusinessID"))) and meant != customer:
        raise BadSignature("meant for another customer")
    data = payload.get("Data")
    if not isinstance(data, list):
        raise Unreadable("no Data")
    tracks = []
    for one in data:
        try:
            tracks.append(track_of(one if isinstance(one, Mapping) else {}))
        except (Refused, Unreadable):
            continue
    return tracks


def track_of(result: Mapping[str, Any]) -> Track:
    """One number's trace. Raises Refused where Kdniao says that it failed, which is not that there is no trace."""
    waybill, carrier, rows = (
        text_of(result.get("LogisticCode")),
        text_of(result.get("ShipperCode")),
        result.get("Traces"),
    )
    state, finer = text_of(result.get("State")), text_of(result.get("StateEx"))
    if text_of(result.get("Success")).lower() == "false" and state != "0":
        raise Refused(text_of(result.get("Reason")) or "Success: false")
    if not waybill:
        raise Unreadable("no LogisticCode")
    lines = [row for row in rows if isinstance(row, Mapping)] if isinstance(rows, list) else []
    found = [event for row in lines if (event := _event(row, waybill)) is not None]
    events = in_order(found, newest_first=False)
    settled = text.settled(state_of(state, finer), events) if events or state else State.NO_TRACE
    return Track(carrier, waybill, settled, finer or state, events, len(lines) - len(found), dict(result))


def _event(row: Mapping[str, Any], waybill: str) -> Event | None:
    """A line; None when it has no time. “Stored at a station” comes under the code of “under way”."""
    at = moment_of(row.get("AcceptTime"))
    if at is None:
        return None
    words, code = text_of(row.get("AcceptStation")), text_of(row.get("Action"))
    return Event(
        at=at,
        state=text.refined(state_of(code, code), f"{words} {text_of(row.get('Remark'))}"),
        raw_state=code,
        text=words,
        place=text_of(row.get("Location")),
        waybill=waybill,
        new_waybill=text.new_waybill(words, of=waybill),
    )
