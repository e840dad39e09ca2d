"""What every marketplace client promises the desk. Clients know wires and nothing of the desk's records.

An act that was not confirmed is one of three things, and the difference is money: `Refused` (answered no, nothing
happened), `Later` (never reached or turned away for now, nothing happened, may be tried again), `Unknown` (it may have
happened; only reading the refund back tells). A client never repeats a call that may have happened.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, Protocol


class MarketplaceError(Exception):
    """A call that did not end in success. `code` and `sub_code` are the marketplace's own."""

    def __init__(self, message: str, *, code: str = "", sub_code: str = "") -> None:
        super().__init__(message)
        self.message, self.code, self.sub_code = message, code, sub_code


class Refused(MarketplaceError):
    """The marketplace answered no. Nothing happened; the same call again would be refused again."""


class NotAllowed(Refused):
    """Refused because of who we are: key, session or permission. A person mends the shop's connection."""


class NeedsCode(Refused):
    """The amount is high: the marketplace has sent an SMS code, and wants it with the same call."""


class Later(MarketplaceError):
    """Nothing happened, and the same call may be made again after `wait` seconds."""

    def __init__(self, message: str, *, code: str = "", sub_code: str = "", wait: float = 60.0) -> None:
        super().__init__(message, code=code, sub_code=sub_code)
        self.wait = wait


class Unknown(MarketplaceError):
    """The call was sent and no answer can be trusted: it may have happened."""


@dataclass(frozen=True)
class Credentials:
    """A shop's key to its marketplace. The secret parts never show in a log or an error."""

    app_key: str
    app_secret: str = field(repr=False)
    session: str = field(repr=False)
    gateway: str = ""  # empty: the marketplace's own address
    operator: str = ""  # the sub-account that reviews and agrees


@dataclass(frozen=True)
class Payment:
    """One refund to agree to. `amount` is yuan and must be the amount applied for; `version` as just read."""

    refund_id: str
    amount: Decimal
    version: str = ""
    phase: str = ""


class Result(StrEnum):
    """What became of one payment of a call."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    NEEDS_CODE = "needs_code"
    LATER = "later"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Paid:
    """The answer for one payment, in the marketplace's words."""

    refund_id: str
    result: Result
    message: str = ""
    code: str = ""


@dataclass(frozen=True)
class Caps:
    """The most one call may carry."""

    rows: int
    amount: Decimal


# What one call may carry, by marketplace (domain.md section 2, path 1; JD answers one application a call).
CAPS = {
    "taobao": Caps(20, Decimal(6000)),
    "tmall": Caps(30, Decimal(10000)),
    "jd": Caps(1, Decimal(10) ** 10),
}


@dataclass(frozen=True)
class State:
    """One application as the marketplace has it now. `raw` is the object that intake reads."""

    refund_id: str
    status: str
    amount: Decimal | None
    version: str
    phase: str
    modified: datetime | None
    raw: Mapping[str, Any] = field(repr=False)
    paid: bool = False  # the money has left
    closed: bool = False  # it ended without money
    unmapped: bool = False  # the status has no meaning the desk knows
    agreed: bool = False  # somebody agreed to it, and the money has not left yet (JD: its finance comes next)


Unread = Callable[[Sequence[State]], Collection[str]]


class Marketplace(Protocol):
    """The calls of the refund flow. All may raise `MarketplaceError`; reads never raise `Unknown`."""

    caps: Caps

    def test(self) -> str:
        """Try the connection with a harmless read. Returns a few words about the answer."""
        ...

    def pull(self, since: datetime, until: datetime, *, unread: Unread | None = None) -> Iterator[State]:
        """The applications changed in [since, until], oldest first.

        `unread` tells, where reading each takes a call of its own, which of those listed are worth it; without: all.
        """
        ...

    def read(self, refund_id: str) -> State:
        """One application, now."""
        ...

    def pay(self, payments: Sequence[Payment], code: str = "") -> list[Paid]:
        """Agree to pay, in one call within `caps`. One answer per payment, in their order; raises nothing but
        ValueError when the caps are passed: an error of the whole call is every row's answer.
        """
        ...
