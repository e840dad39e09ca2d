"""One HTTP call to a marketplace, and what may be concluded when it goes wrong.

The line that matters is drawn here: before a connection stands nothing can have happened; once the request is on its
way only a whole answer in the expected form tells. A write is sent once; a read may be sent a few times.
"""

import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx
from django.utils.translation import gettext as _

from handoffs.marketplaces.base import Later, NotAllowed, Unknown
from handoffs.tls import trusted

LARGEST_ANSWER = 32 * 1024 * 1024
TURNED_AWAY = 429
# Raised before a connection stands: not a byte of the request has left.
NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError)
WRONG_ADDRESS = (httpx.InvalidURL, httpx.UnsupportedProtocol)

Files = Mapping[str, tuple[str, bytes, str]]


class NoAnswer(Exception):
    """Sent, and no answer that can be trusted."""


@dataclass(frozen=True)
class Patience:
    """Seconds: to connect, between two pieces of an answer, and for one call as a whole; and how often a read is sent.

    A batch keeps its hold on a call for 120 seconds (`payments.LEASE`): the whole must stay well below.
    """

    connect: float = 5.0
    piece: float = 15.0
    whole: float = 20.0
    reads: int = 3
    pause: float = 0.5


class Http:
    """Form posts answered in JSON. Reads never raise Unknown; writes never go out twice."""

    def __init__(self, patience: Patience | None = None, *, sleep: Callable[[float], None] = time.sleep) -> None:
        self.patience, self.sleep = patience or Patience(), sleep
        self._kept: httpx.Client | None = None

    def read(self, url: str, form: Callable[[], Mapping[str, str]]) -> dict[str, Any]:
        """A call that changes nothing, its form made anew (and so freshly signed) for each try.

        Raises Later when none of the tries was answered.
        """
        tries = max(self.patience.reads, 1)
        for left in reversed(range(tries)):
            try:
                return self._once(url, form(), None, self._kept)
            except NoAnswer as error:
                if not left:
                    raise Later(str(error)) from error
                self.sleep(self.patience.pause * 2 ** (tries - 1 - left))
        raise AssertionError("unreachable")

    def write(self, url: str, form: Mapping[str, str], files: Files | None = None) -> dict[str, Any]:
        """A call that may change something, sent once. Raises Later when it was not sent, Unknown when it may count."""
        try:
            return self._once(url, form, files, None)
        except NoAnswer as error:
            raise Unknown(str(error)) from error

    @contextmanager
    def kept(self) -> Iterator[None]:
        """Within it, reads share a connection. Writes never do: an idle one may be closed under them unseen."""
        with self._client(connections=2) as client:
            self._kept = client
            try:
                yield
            finally:
                self._kept = None

    def _client(self, *, connections: int) -> httpx.Client:
        times = httpx.Timeout(self.patience.piece, connect=self.patience.connect)
        limits = httpx.Limits(max_keepalive_connections=connections, keepalive_expiry=5)
        return httpx.Client(timeout=times, limits=limits, verify=trusted(), follow_redirects=False)

    def _once(
        self, url: str, form: Mapping[str, str], files: Files | None, kept: httpx.Client | None
    ) -> dict[str, Any]:
        try:
            if kept is not None:
                return self._exchange(kept, url, form, files)
            with self._client(connections=0) as client:
                return self._exchange(client, url, form, files)
        except NOT_SENT as error:
            raise Later(_("The marketplace cannot be reached.") + f" {type(error).__name__}") from error
        except WRONG_ADDRESS as error:
            raise NotAllowed(_("The marketplace's address is not an address."), code="address") from error
        except (httpx.HTTPError, httpx.StreamError, OSError) as error:
            raise NoAnswer(_("The connection broke before the answer.") + f" {type(error).__name__}") from error

    def _exchange(self, client: httpx.Client, url: str, form: Mapping[str, str], files: Files | None) -> dict[str, Any]:
        began = time.perf_counter()
        with client.stream("POST", url, data=dict(form), files=files) as response:
            if response.status_code == TURNED_AWAY:
                raise Later(_("The marketplace asks for fewer calls."), code="429", wait=_wait(response))
            if response.status_code != httpx.codes.OK:
                raise NoAnswer(f"HTTP {response.status_code}")
            body = bytearray()
            for piece in response.iter_bytes():
                body += piece
                if len(body) > LARGEST_ANSWER or time.perf_counter() - began > self.patience.whole:
                    raise NoAnswer(_("The answer is too long, or takes too long."))
        return _opened(bytes(body))


def _opened(body: bytes) -> dict[str, Any]:
    """The answer as an object: whole numbers exact, decimals as the text they came in."""
    try:
        answer = json.loads(body.decode("utf-8"), parse_float=str, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise NoAnswer(_("The answer is no JSON.")) from error
    if not isinstance(answer, dict):
        raise NoAnswer(_("The answer is no JSON object."))
    return answer


def _no_number(text: str) -> None:
    raise ValueError(text)


def _wait(response: httpx.Response) -> float:
    said = response.headers.get("retry-after", "")
    return float(said) if said.isascii() and said.isdigit() else 60.0
