"""What every warehouse adapter speaks. Adapters translate; they know nothing of the desk's records."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

import httpx
from django.utils.translation import gettext as _

from handoffs.carriers.base import Later, Unknown
from handoffs.tls import trusted

LARGEST = 1024 * 1024
# Raised before a connection stands: not a byte of the request has left.
NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol, httpx.InvalidURL)


class Stop(StrEnum):
    """What a system says to a request to stop."""

    STOPPED = "stopped"
    REFUSED = "refused"  # it has left, or cannot be stopped any more
    TAKEN = "taken"  # the result is reported later


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be stopped. `whole`: all that was ordered; `lines`: the marketplace's numbers of the order's lines."""

    order_id: str
    refund_id: str
    waybill: str = ""
    lines: tuple[str, ...] = ()
    whole: bool = False
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Said:
    """A system's answer in its own words."""

    stop: Stop
    words: str
    code: str = ""


class Progress(StrEnum):
    """Where an order stands in the warehouse, in one meaning for all systems."""

    WAITING = "waiting"
    PICKING = "picking"
    PACKED = "packed"
    LEFT = "left"
    STOPPED = "stopped"
    NOT_STOPPED = "not_stopped"
    SIGNED = "signed"
    REFUSED = "refused"
    CLOSED = "closed"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Report:
    """One step of an order, as the warehouse reports it; `raw` is its own word."""

    order_code: str
    progress: Progress
    raw: str
    at: datetime | None
    waybill: str = ""
    carrier: str = ""
    words: str = ""


@dataclass(frozen=True, slots=True)
class Counted:
    """One line of a return that was put into stock. `grade`: good or damaged."""

    order_id: str
    line_id: str
    item: str
    planned: int | None
    actual: int
    grade: str


@dataclass(frozen=True, slots=True)
class Stocked:
    """A return the warehouse has taken in. `key` is the system's own and comes again when the message does."""

    key: str
    waybill: str
    carrier: str
    at: datetime | None
    lines: tuple[Counted, ...]


class System(Protocol):
    """A connected warehouse system. Raises the carriers' Later, Refused and Unknown."""

    def stop(self, order: Order) -> Said:
        """Ask, once, to stop an order before it leaves."""
        ...

    def intercept(self, order: Order) -> Said:
        """Ask, once, to have a parcel that has left brought back."""
        ...


class NoAnswer(Exception):
    """Sent, and no answer that can be trusted."""


Post = Callable[[str, bytes, Mapping[str, str]], bytes]


def post(url: str, body: bytes, headers: Mapping[str, str], *, timeout: float = 15.0) -> bytes:
    """One post, sent once. Raises Later when nothing was sent, NoAnswer when it may have counted."""
    try:
        times = httpx.Timeout(timeout, connect=5.0)
        with httpx.Client(timeout=times, verify=trusted(), follow_redirects=False) as client:
            answer = client.post(url, content=body, headers=dict(headers))
    except NOT_SENT as error:
        raise Later(_("The warehouse system cannot be reached.") + f" {type(error).__name__}") from error
    except (httpx.HTTPError, httpx.StreamError, OSError) as error:
        raise NoAnswer(_("The connection broke before the answer.") + f" {type(error).__name__}") from error
    if answer.status_code != httpx.codes.OK or len(answer.content) > LARGEST:
        raise NoAnswer(f"HTTP {answer.status_code}")
    return answer.content


def doubted(error: NoAnswer) -> Unknown:
    """A write without an answer may have happened."""
    return Unknown(str(error))
