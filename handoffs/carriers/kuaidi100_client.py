"""Asking Kuaidi100 (formats.md 4.1): a query, a subscription, an interception."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol

import httpx
from django.utils import timezone
from django.utils.translation import gettext as _

from handoffs.carriers.base import Later, Refused, Track, Unknown, Unreadable, text_of
from handoffs.carriers.kuaidi100 import sign, track_of
from handoffs.tls import trusted

QUERY = "https://poll.kuaidi100.com/poll/query.do"
SUBSCRIBE = "https://poll.kuaidi100.com/poll"
LABEL = "https://api.kuaidi100.com/label/order"
BETWEEN_QUERIES = 30 * 60
# These show a parcel only to who knows the last digits of a telephone number.
PHONE_NEEDED = frozenset({"shunfeng", "shunfengkuaiyun", "zhongtong"})
# Their answer to an interception comes by callback only.
CALLBACK_NEEDED = frozenset({"zhongtong", "jtexpress", "yuantong"})
SUBSCRIBED_BEFORE = "501"
OF_THE_ACCOUNT = frozenset({"600", "601"})  # not a subscriber, or the key has run out: nothing to do with the parcel
_PHONE = re.compile(r"\d{4}|1\d{10}|[\d-]{7,13}")


class Store(Protocol):
    """Remembers for a while. Django's caches are such stores; it must be shared by all that ask."""

    def add(self, key: str, value: Any, timeout: float | None = ...) -> bool:
        """Keep it if nothing is kept under the key. False: something is."""
        ...

    def delete(self, key: str) -> Any: ...


class NotSent(Exception):
    """No connection: not a byte has left."""


class NoAnswer(Exception):
    """Sent, and no answer that can be trusted."""


Post = Callable[[str, Mapping[str, str]], Any]


def post(url: str, form: Mapping[str, str], *, timeout: float = 15.0) -> Any:
    """One form posted, once. The JSON of the answer. Raises NotSent or NoAnswer."""
    try:
        times = httpx.Timeout(timeout, connect=5.0)
        with httpx.Client(timeout=times, verify=trusted(), follow_redirects=False) as client:
            answer = client.post(url, data=dict(form))
    except (httpx.ConnectError, httpx.ConnectTimeout, httpx.UnsupportedProtocol, httpx.InvalidURL) as error:
        raise NotSent(type(error).__name__) from error
    except (httpx.HTTPError, httpx.StreamError, OSError) as error:
        raise NoAnswer(type(error).__name__) from error
    if answer.status_code != httpx.codes.OK:
        raise NoAnswer(f"HTTP {answer.status_code}")
    try:
        return json.loads(answer.content, parse_float=str)
    except (ValueError, RecursionError) as error:
        raise NoAnswer(_("The answer is no JSON.")) from error


@dataclass(frozen=True)
class Account:
    """A key to Kuaidi100. The secret parts never show in a log or an error."""

    customer: str
    key: str = field(repr=False)
    secret: str = field(default="", repr=False)  # for labels and interceptions
    salt: str = field(default="", repr=False)  # with which pushes and callbacks are signed


class InterceptType(StrEnum):
    """What is to become of the parcel."""

    TO_OUTLET = "RETURN_SEND_STATION"
    TO_SENDER = "RETURN_SEND_ADDR"
    NEW_ADDRESS = "MODIFY_ADDR"


class Payer(StrEnum):
    """Who pays for the interception."""

    SENDER = "SHIPPER"
    RECEIVER = "CONSIGNEE"
    THIRD_PARTY = "THIRDPARTY"
    MONTHLY = "MONTHLY"


@dataclass(frozen=True)
class Interception:
    """One order to stop a parcel that is under way and not signed for. `role`: 1 sender, 2 receiver, 3 third party."""

    carrier: str
    waybill: str
    kind: InterceptType
    reason: str
    payer: Payer
    role: int = 1
    order_id: str = ""
    partner_id: str = ""
    partner_key: str = field(default="", repr=False)
    receiver: Mapping[str, str] | None = None  # name, mobile, printAddr
    callback: str = ""

    def param(self, salt: str) -> dict[str, Any]:
        """What goes over the wire. Raises ValueError, in words for people, where the service would not take it."""
        if not (self.carrier and self.waybill and self.reason.strip()):
            raise ValueError(_("Carrier, waybill and reason are needed."))
        if self.role not in (1, 2, 3):
            raise ValueError(_("The sender, the receiver or a third party asks for it."))
        if self.carrier in CALLBACK_NEEDED and not self.callback:
            raise ValueError(_("This carrier answers by callback only: give its address."))
        if self.callback and not salt:
            raise ValueError(_("A callback must be signed: set the account's salt."))
        whole = self.receiver is not None and all(self.receiver.get(n) for n in ("name", "mobile", "printAddr"))
        if self.kind == InterceptType.NEW_ADDRESS and not whole:
            raise ValueError(_("Name, telephone and address of the new receiver are needed."))
        named = {
            "kuaidicom": self.carrier, "kuaidinum": self.waybill, "interceptType": str(self.kind),
            "reason": self.reason.strip(), "interceptPayType": str(self.payer), "orderRole": str(self.role),
            "orderId": self.order_id, "partnerId": self.partner_id, "partnerKey": self.partner_key,
            "recManInfo": dict(self.receiver) if self.receiver else None, "callbackUrl": self.callback,
            "salt": salt if self.callback else "",
        }  # fmt: skip
        return {name: value for name, value in named.items() if value}


class Kuaidi100:
    """Calls with one account. `post` is given in tests."""

    def __init__(
        self, account: Account, store: Store, *, post: Post = post, now: Callable[[], datetime] = timezone.now
    ) -> None:
        self.account, self._store, self._post, self._now = account, store, post, now

    def query(self, carrier: str, waybill: str, phone: str = "") -> Track:
        """Where a parcel is, asked for at most every 30 minutes a number.

        Raises ValueError without the telephone number some carriers want, Later when asked too soon or not answered,
        Refused in the service's words. None of these says that there is no trace.
        """
        if carrier in PHONE_NEEDED and not _PHONE.fullmatch(phone.strip()):
            raise ValueError(_("This carrier wants the last four digits of a telephone number."))
        key = f"kuaidi100:asked:{carrier}:{waybill}"
        if not self._store.add(key, 1, timeout=BETWEEN_QUERIES):
            raise Later(_("This number was asked for within the last 30 minutes."), wait=BETWEEN_QUERIES)
        param = {"com": carrier, "num": waybill, "phone": phone.strip(), "resultv2": "4", "show": "0", "order": "desc"}
        text = _json(param)
        form = {"customer": self.account.customer, "param": text,
                "sign": sign(text, self.account.key, self.account.customer)}  # fmt: skip
        try:
            answer = self._post(QUERY, form)
        except NotSent as error:
            self._store.delete(key)
            raise Later(_("The carrier's service cannot be reached.") + f" {error}") from error
        except NoAnswer as error:
            raise Later(_("The connection broke before the answer.") + f" {error}", wait=BETWEEN_QUERIES) from error
        return self._track(_said_yes(answer, late=Later), waybill)

    def _track(self, answer: Mapping[str, Any], waybill: str) -> Track:
        try:
            track = track_of(answer)
        except Unreadable as error:
            raise Later(error.message, wait=BETWEEN_QUERIES) from error
        if track.waybill.upper() != waybill.upper():
            raise Later(_("The answer is for another waybill."), wait=BETWEEN_QUERIES)
        return track

    def subscribe(self, carrier: str, waybill: str, callback: str, phone: str = "") -> None:
        """Have every news of a parcel pushed. Asking twice does no harm. Raises Later or Refused."""
        if not self.account.salt:
            raise ValueError(_("A callback must be signed: set the account's salt."))
        options = {"callbackurl": callback, "salt": self.account.salt, "resultv2": "4", "phone": phone.strip()}
        param = {"company": carrier, "number": waybill, "key": self.account.key, "parameters": options}
        try:
            answer = self._post(SUBSCRIBE, {"schema": "json", "param": _json(param)})
        except (NotSent, NoAnswer) as error:
            raise Later(_("The carrier's service cannot be reached.") + f" {error}") from error
        if isinstance(answer, Mapping) and text_of(answer.get("returnCode")) == SUBSCRIBED_BEFORE:
            return
        _said_yes(answer, late=Later)

    def intercept(self, order: Interception) -> dict[str, Any]:
        """Ask to stop a parcel, sent once; the answer's data. That it was asked is not that it is stopped.

        Raises ValueError before sending, Later when it was not sent, Refused, and Unknown when it may have been taken.
        """
        text, moment = _json(order.param(self.account.salt)), str(int(self._now().timestamp() * 1000))
        signature = sign(text, moment, self.account.key, self.account.secret)
        form = {"method": "interceptOrder", "key": self.account.key, "t": moment, "param": text, "sign": signature}
        try:
            answer = self._post(LABEL, form)
        except NotSent as error:
            raise Later(_("The carrier's service cannot be reached.") + f" {error}") from error
        except NoAnswer as error:
            raise Unknown(_("The connection broke before the answer.") + f" {error}") from error
        data = _said_yes(answer, late=Unknown, needs_yes=True).get("data")
        return dict(data) if isinstance(data, Mapping) else {}


def _said_yes(answer: Any, *, late: type[Later] | type[Unknown], needs_yes: bool = False) -> Mapping[str, Any]:
    """The answer, unless it says no (Refused) or nothing that can be trusted (`late`)."""
    if not isinstance(answer, Mapping):
        raise late(_("The answer is not one to this call."))
    said, code = text_of(answer.get("result")).lower(), text_of(answer.get("returnCode"))
    if said == "false":
        raise Refused(text_of(answer.get("message")) or code, code=code)
    if (needs_yes and said != "true") or (not needs_yes and said != "true" and not answer.get("nu")):
        raise late(_("The answer is not one to this call."))
    return answer


def _json(value: Mapping[str, Any]) -> str:
    return json.dumps({k: v for k, v in value.items() if v != ""}, ensure_ascii=False, separators=(",", ":"))
