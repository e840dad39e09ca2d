"""What every carrier adapter speaks: one meaning for the states of all carriers, their own words kept beside it.

Adapters translate. They know nothing of the desk's records, and what a state means for a refund is not theirs to say.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from enum import StrEnum
from typing import Any

BEIJING = timezone(timedelta(hours=8), "GMT+8")
EARLIEST = 2000
_TIMES = ("%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M", "%Y/%m/%d %H:%M:%S", "%Y.%m.%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S")


class CarrierError(Exception):
    """A call or a message that did not end well. `code` is the carrier's own."""

    def __init__(self, message: str, *, code: str = "") -> None:
        super().__init__(message)
        self.message, self.code = message, code


class Refused(CarrierError):
    """Answered no. Nothing happened."""


class Later(CarrierError):
    """Nothing happened, and it may be asked again after `wait` seconds."""

    def __init__(self, message: str, *, code: str = "", wait: float = 60.0) -> None:
        super().__init__(message, code=code)
        self.wait = wait


class Unknown(CarrierError):
    """Sent, and no answer can be trusted: it may have happened."""


class Unreadable(CarrierError):
    """Not what this carrier sends."""


class BadSignature(Unreadable):
    """Not signed by who it says it is from."""


class State(StrEnum):
    """Where a parcel is. NO_TRACE and UNKNOWN both mean that nobody knows, never that it was not shipped."""

    NO_TRACE = "no_trace"
    UNKNOWN = "unknown"
    ORDERED = "ordered"
    PICKED_UP = "picked_up"
    IN_TRANSIT = "in_transit"
    CUSTOMS = "customs"
    OUT_FOR_DELIVERY = "out_for_delivery"
    AT_OUTLET = "at_outlet"  # in a locker or at a station, to be fetched
    SIGNED = "signed"
    SIGNED_BY_OTHER = "signed_by_other"  # by a neighbour, a guard, a locker or a station
    PROBLEM = "problem"
    REFUSED = "refused"  # at the door; it has not set out for the sender yet
    RETURNING = "returning"
    RETURNED_SIGNED = "returned_signed"  # back, and signed for by the sender
    CANCELLED = "cancelled"  # the waybill was given up


SIGNED_FOR = frozenset({State.SIGNED, State.SIGNED_BY_OTHER})
GOING_BACK = frozenset({State.REFUSED, State.RETURNING, State.RETURNED_SIGNED})


@dataclass(frozen=True, slots=True)
class Event:
    """One line of a trace. `raw_state`: the carrier's code or word; `new_waybill`: it goes on under that number."""

    at: datetime
    state: State
    raw_state: str
    text: str
    place: str
    waybill: str
    new_waybill: str = ""


@dataclass(frozen=True)
class Track:
    """A parcel as one message tells of it. `events` oldest first, each once; `unread` lines had no time."""

    carrier: str
    waybill: str
    state: State
    raw_state: str
    events: tuple[Event, ...]
    unread: int = 0
    raw: dict[str, Any] = field(default_factory=dict, repr=False)

    @property
    def new_waybill(self) -> str:
        """The number under which it goes on, if it does: the newest one told."""
        return next((event.new_waybill for event in reversed(self.events) if event.new_waybill), "")

    @property
    def signed_at(self) -> datetime | None:
        """When it was last signed for; None unless it stands as signed for, by whomever."""
        if self.state not in SIGNED_FOR and self.state != State.RETURNED_SIGNED:
            return None
        signs = SIGNED_FOR | {State.RETURNED_SIGNED}
        return next((event.at for event in reversed(self.events) if event.state in signs), None)


def in_order(events: Iterable[Event], *, newest_first: bool) -> tuple[Event, ...]:
    """The events oldest first, each once, whatever order and doubles they came in.

    Lines of the same second keep the carrier's order. A line told twice keeps the better-known state.
    """
    came: Sequence[Event] = list(events)
    came = came[::-1] if newest_first else came
    best: dict[tuple[datetime, str], Event] = {}
    for event in came:
        key = (event.at, "".join(event.text.split()))
        known = best.get(key)
        if known is None or (known.state == State.UNKNOWN and event.state != State.UNKNOWN):
            best[key] = event
    return tuple(sorted(best.values(), key=lambda event: event.at))


def moment_of(value: Any) -> datetime | None:
    """A time without a zone is Beijing's; None where it is none, or lies before there were any waybills."""
    raw = text_of(value)
    for form in _TIMES:
        try:
            found = datetime.strptime(raw, form).replace(tzinfo=BEIJING)
        except ValueError:
            continue
        return found if found.year >= EARLIEST else None
    return None


def text_of(value: Any) -> str:
    """A field as text; without half characters, which no database takes."""
    return "" if value is None else str(value).encode("utf-8", "ignore").decode().strip()
