"""What every warehouse adapter speaks. Adapters translate; they know nothing of the desk's records."""

import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import cache
from typing import Protocol

import httpx
from django.utils.translation import gettext as _

from handoffs.carriers.base import Later, Refused, Unknown

LARGEST = 1024 * 1024
WHOLE = 20.0  # seconds for one call with its whole answer, however slowly the pieces drip
# Raised before a connection stands: not a byte of the request has left.
NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError)
WRONG_ADDRESS = (httpx.UnsupportedProtocol, httpx.InvalidURL)


class NotAllowed(Refused):
    """Refused because of who we are: key, secret, token or right. A person mends the connection."""


class Stop(StrEnum):
    """What a system says to a request to stop."""

    STOPPED = "stopped"
    REFUSED = "refused"  # it has left, or cannot be stopped any more
    TAKEN = "taken"  # the result is reported later


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be stopped. `whole`: all that was ordered; `lines`: the marketplace's numbers of the order's lines;
    `code`: the system's own number of the order, where it is known.
    """

    order_id: str
    refund_id: str
    waybill: str = ""
    lines: tuple[str, ...] = ()
    whole: bool = False
    reason: str = ""
    code: str = ""


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
    """One line of a return that was put into stock. `grade`: good or damaged; `damaged`: how many of `actual` are."""

    order_id: str
    line_id: str
    item: str
    planned: int | None
    actual: int
    grade: str
    damaged: int = 0


@dataclass(frozen=True, slots=True)
class Package:
    """A return parcel that was signed for at the warehouse. `key` comes again when the message does."""

    waybill: str
    carrier: str
    at: datetime | None
    key: str = ""


@dataclass(frozen=True, slots=True)
class Stocked:
    """A return the warehouse has taken in. `key` is the system's own and comes again when the message does."""

    key: str
    waybill: str
    carrier: str
    at: datetime | None
    lines: tuple[Counted, ...]


class System(Protocol):
    """A connected warehouse system. Raises the carriers' Later, Refused and Unknown; reads never raise Unknown."""

    def test(self) -> None:
        """Try the connection with a harmless read. Raises NotAllowed when key, secret or token are not accepted."""
        ...

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
    """One post, sent once. Raises Later when nothing was sent or it was turned away, NoAnswer when it may count."""
    times = httpx.Timeout(timeout, connect=5.0)
    try:
        with httpx.Client(timeout=times, verify=_tls(), follow_redirects=False) as client:
            return _exchange(client, url, body, headers)
    except NOT_SENT as error:
        raise Later(_("The warehouse system cannot be reached.") + f" {type(error).__name__}") from error
    except WRONG_ADDRESS as error:
        raise NotAllowed(_("The warehouse system's address is not an address."), code="address") from error
    except (httpx.HTTPError, httpx.StreamError, OSError) as error:
        raise NoAnswer(_("The connection broke before the answer.") + f" {type(error).__name__}") from error


def _exchange(client: httpx.Client, url: str, body: bytes, headers: Mapping[str, str]) -> bytes:
    began = time.perf_counter()
    with client.stream("POST", url, content=body, headers=dict(headers)) as answer:
        if answer.status_code == httpx.codes.TOO_MANY_REQUESTS:
            raise Later(_("The warehouse system asks for fewer calls."), code="429")
        if answer.status_code != httpx.codes.OK:
            raise NoAnswer(f"HTTP {answer.status_code}")
        content = bytearray()
        for piece in answer.iter_bytes():
            content += piece
            if len(content) > LARGEST or time.perf_counter() - began > WHOLE:
                raise NoAnswer(_("The answer is too long, or takes too long."))
    return bytes(content)


@cache
def _tls() -> ssl.SSLContext:
    """Read once a process: the certificates take longer to load than a call takes."""
    return httpx.create_ssl_context()


def doubted(error: NoAnswer) -> Unknown:
    """A write without an answer may have happened."""
    return Unknown(str(error))
