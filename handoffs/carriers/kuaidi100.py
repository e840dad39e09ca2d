"""What Kuaidi100 sends (formats.md 4.1): pushes, callbacks and answers, read into tracks."""

import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from handoffs.carriers import form, text
from handoffs.carriers.base import BadSignature, Event, State, Track, Unreadable, in_order, moment_of, text_of
from handoffs.carriers.kuaidi100_states import state_of

# What the service wants to hear. Anything else, and it sends the push again after 30 minutes.
ACCEPTED: Mapping[str, Any] = {"result": True, "returnCode": "200", "message": "成功"}
STATUSES = frozenset({"polling", "shutdown", "abort", "updateall"})


@dataclass(frozen=True)
class Push:
    """One push. `status`: polling goes on, shutdown ended, abort given up, updateall told anew from the start.

    `carrier_now`: the service found that the number is another carrier's. `track` without events is no trace: unknown.
    """

    status: str
    message: str
    track: Track
    carrier_now: str = ""

    @property
    def given_up(self) -> bool:
        """Nothing more will come by itself: no trace for 3 days, or no change for 60."""
        return self.status == "abort"


def not_accepted(message: str) -> dict[str, Any]:
    """The answer to a push that was not taken; it comes again."""
    return {"result": False, "returnCode": "500", "message": message}


def sign(text: bytes | str, *rest: str) -> str:
    """MD5 of the parts joined, in capitals. MD5 is the service's choice."""
    first = text if isinstance(text, bytes) else text.encode()
    return hashlib.md5(first + "".join(rest).encode(), usedforsecurity=False).hexdigest().upper()


def opened(body: bytes, salt: str) -> dict[str, Any]:
    """The object in a form's `param`, its signature checked over the bytes as they came, before anything reads them.

    Raises BadSignature, and Unreadable for what is no such form.
    """
    if not salt:
        raise BadSignature("no salt is set for this account")
    found = form.fields(body)
    param, given = found.get("param"), found.get("sign", b"")
    if param is None:
        raise Unreadable("no param")
    if not hmac.compare_digest(sign(param, salt).encode(), given.strip().upper()):
        raise BadSignature("the signature does not fit")
    try:
        told = json.loads(param.decode("utf-8"), parse_float=str)
    except (ValueError, RecursionError) as error:
        raise Unreadable("no JSON") from error
    if not isinstance(told, dict):
        raise Unreadable("no object")
    return told


def push_of(body: bytes, salt: str) -> Push:
    """A push, verified and read. Raises BadSignature or Unreadable."""
    param = opened(body, salt)
    status = text_of(param.get("status"))
    if status not in STATUSES:
        raise Unreadable(f"no such status: {status[:20]}")
    result = param.get("lastResult")
    track = track_of(result if isinstance(result, Mapping) else {})
    now = text_of(param.get("comNew")) if text_of(param.get("autoCheck")) == "1" else ""
    return Push(status, text_of(param.get("message")), track, now)


def track_of(result: Mapping[str, Any]) -> Track:
    """A result, pushed or answered, as a track. Raises Unreadable when it has lines but no waybill."""
    waybill, carrier, rows = text_of(result.get("nu")), text_of(result.get("com")), result.get("data")
    lines = [row for row in rows if isinstance(row, Mapping)] if isinstance(rows, list) else []
    if lines and not waybill:
        raise Unreadable("lines without a waybill")
    found = [event for row in lines if (event := _event(row, waybill)) is not None]
    events, code = in_order(found, newest_first=True), text_of(result.get("state"))
    summary = state_of(code) if events or code not in ("", "0") else State.NO_TRACE
    state = text.settled(summary, events)
    return Track(carrier, waybill, state, code, events, len(lines) - len(found), dict(result))


def _event(row: Mapping[str, Any], waybill: str) -> Event | None:
    """A line; None when it has no time. `time` is the carrier's own; `ftime`, which may differ, stands in for it."""
    at = moment_of(row.get("time")) or moment_of(row.get("ftime"))
    if at is None:
        return None
    words, code, word = text_of(row.get("context")), text_of(row.get("statusCode")), text_of(row.get("status"))
    return Event(
        at=at,
        state=text.refined(state_of(code, word), words),
        raw_state=code or word,
        text=words,
        place=text_of(row.get("areaName")) or text_of(row.get("location")),
        waybill=waybill,
        new_waybill=text.new_waybill(words, of=waybill),
    )
