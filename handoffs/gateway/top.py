"""What TOP checks before a call reaches its service (formats.md 1.6), and how it says no."""

import hashlib
import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import Any

from handoffs.gateway.shops import Seller, Sellers

SLACK = timedelta(minutes=10)
TIMES = "%Y-%m-%d %H:%M:%S"
HASHES = {"hmac": "md5", "hmac-sha256": "sha256"}
WITHOUT_SESSION = ("taobao.tmc.messages.consume", "taobao.tmc.messages.confirm")
MESSAGES = {
    7: "App Call Limited", 15: "Remote service error", 11: "Insufficient ISV permissions", 21: "Missing method",
    22: "Invalid method", 23: "Invalid format", 24: "Missing signature", 25: "Invalid signature",
    26: "Missing session", 27: "Invalid session", 28: "Missing app key", 29: "Invalid app Key",
    30: "Missing timestamp", 31: "Invalid timestamp", 32: "Missing version", 33: "Invalid version",
    40: "Missing required arguments", 41: "Invalid arguments",
}  # fmt: skip


class Problem(Exception):
    """TOP says no. `code` of its table, and the service's own words."""

    def __init__(self, code: int, sub_code: str = "", sub_msg: str = "") -> None:
        super().__init__(sub_code or str(code))
        self.code, self.sub_code, self.sub_msg = code, sub_code, sub_msg

    def answer(self, request_id: str) -> dict[str, Any]:
        body: dict[str, Any] = {"code": self.code, "msg": MESSAGES.get(self.code, "Error"), "request_id": request_id}
        body |= {"sub_code": self.sub_code} if self.sub_code else {}
        body |= {"sub_msg": self.sub_msg} if self.sub_msg else {}
        return {"error_response": body}


@dataclass
class Call:
    """A call that passed the gate."""

    method: str
    form: Mapping[str, str]
    files: Mapping[str, bytes]
    seller: Seller | None

    def need(self, *names: str) -> list[str]:
        """The values of required arguments."""
        for name in names:
            if not self.form.get(name) and name not in self.files:
                raise Problem(40, f"isv.missing-parameter:{name}", f"缺少必选参数{name}")
        return [self.form.get(name, "") for name in names]

    def get(self, name: str) -> str:
        return self.form.get(name, "")

    def number(self, name: str, default: int, low: int, high: int) -> int:
        text = self.form.get(name) or str(default)
        if not text.isdigit() or not low <= int(text) <= high:
            raise Problem(41, f"isv.invalid-parameter:{name}", f"参数{name}无效")
        return int(text)

    @property
    def owner(self) -> Seller:
        if self.seller is None:
            raise Problem(26)
        return self.seller


@dataclass
class Gate:
    """Signature, timestamp, keys, session, and how often an app calls."""

    sellers: Sellers
    now: Callable[[], datetime]
    calls_a_second: int | None = None
    banned_until: datetime | None = None
    _second: tuple[int, int] = field(default=(0, 0))

    def ban(self, seconds: float) -> None:
        """Turn the app away for so long."""
        self.banned_until = self.now() + timedelta(seconds=seconds)

    def passed(self, form: Mapping[str, str], files: Mapping[str, bytes], methods: Mapping[str, Any]) -> Call:
        """The call, or Problem."""
        self._check_common(form, methods)
        secret = self.sellers.secret_of(form["app_key"])
        if secret is None:
            raise Problem(29)
        self._check_time(form["timestamp"])
        if not form.get("sign"):
            raise Problem(24)
        if not hmac.compare_digest(signature(form, secret), form["sign"]):
            raise Problem(25)
        seller = self._seller(form)
        self._check_pace()
        return Call(form["method"], form, files, seller)

    def _check_common(self, form: Mapping[str, str], methods: Mapping[str, Any]) -> None:
        for name, missing in (("method", 21), ("app_key", 28), ("timestamp", 30), ("v", 32)):
            if not form.get(name):
                raise Problem(missing)
        if form["method"] not in methods:
            raise Problem(22)
        if form["v"] != "2.0":
            raise Problem(33)
        if form.get("format", "xml") != "json":
            raise Problem(23)

    def _check_time(self, text: str) -> None:
        try:
            moment = datetime.strptime(text, TIMES).replace(tzinfo=timezone(timedelta(hours=8)))
        except ValueError:
            raise Problem(31) from None
        if abs(moment - self.now()) > SLACK:
            raise Problem(31)

    def _seller(self, form: Mapping[str, str]) -> Seller | None:
        seller = self.sellers.by_session.get(form.get("session", ""))
        if form["method"] in WITHOUT_SESSION and not form.get("session"):
            return None
        if not form.get("session"):
            raise Problem(26)
        if seller is None or seller.app_key != form["app_key"]:
            raise Problem(27, "invalid-sessionkey", "SessionKey非法")
        return seller

    def _check_pace(self) -> None:
        now = self.now()
        if self.banned_until is not None and now < self.banned_until:
            self._turn_away(int((self.banned_until - now).total_seconds()) + 1)
        if self.calls_a_second is not None:
            second = int(now.timestamp())
            count = self._second[1] + 1 if self._second[0] == second else 1
            self._second = (second, count)
            if count > self.calls_a_second:
                self._turn_away(1)

    def _turn_away(self, seconds: int) -> None:
        words = f"This ban will last for {seconds} more seconds"
        raise Problem(7, "accesscontrol.limited-by-api-access-count", words)


def signature(form: Mapping[str, str], secret: str) -> str:
    """TOP's signature of the text fields, by the method that the form names."""
    text = "".join(f"{key}{form[key]}" for key in sorted(form) if key != "sign" and form[key])
    method = form.get("sign_method", "md5")
    if method == "md5":
        return hashlib.md5(f"{secret}{text}{secret}".encode(), usedforsecurity=False).hexdigest().upper()
    if method not in HASHES:
        raise Problem(25)
    return hmac.new(secret.encode(), text.encode(), HASHES[method]).hexdigest().upper()
