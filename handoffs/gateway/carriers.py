"""Kuaidi100's side of the gateway: queries, subscriptions, interceptions, and what it posts to the desk by itself.

    desk = CarrierDesk(now=gateway.now, lock=gateway.lock)
    desk.open_to(gateway)
    gateway.faults.add(UNNAMED, "cut_after")

It shares no code with the desk's client. What is not published, such as the words of callbacks, a test says.
"""

import hashlib
import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import httpx

if TYPE_CHECKING:
    from handoffs.gateway.server import Gateway, Request

QUERY, SUBSCRIBE, LABEL = "/poll/query.do", "/poll", "/label/order"
UNNAMED = ""  # what a fault for a query or a subscription is queued under: their forms name no method
INTERCEPT = "interceptOrder"
BETWEEN = timedelta(minutes=30)
SLACK = timedelta(minutes=10)
BEIJING = timezone(timedelta(hours=8))
TYPES = frozenset({"RETURN_SEND_STATION", "RETURN_SEND_ADDR", "MODIFY_ADDR"})
PAYERS = frozenset({"SHIPPER", "CONSIGNEE", "THIRDPARTY", "MONTHLY"})
PHONE_WANTED = frozenset({"shunfeng", "zhongtong"})
CALLBACK_ONLY = frozenset({"zhongtong", "jtexpress", "yuantong"})
BROKEN_DOWN = {"result": False, "returnCode": "500", "message": "服务器错误"}
SIGNED = "3"


class Problem(Exception):
    """The service says no."""

    def __init__(self, code: str, words: str) -> None:
        super().__init__(words)
        self.code, self.words = code, words

    def answer(self) -> dict[str, Any]:
        return {"result": False, "returnCode": self.code, "message": self.words}


@dataclass(frozen=True)
class Customer:
    """Who may ask."""

    customer: str = "C1"
    key: str = "key-of-a-test"
    secret: str = "secret-of-a-test"  # noqa: S105  a key to a toy


@dataclass(frozen=True)
class Told:
    """What the desk answered to a push or a callback."""

    status: int
    content: dict[str, Any]

    @property
    def accepted(self) -> bool:
        """Anything else, and the real service sends it again."""
        return self.content.get("result") is True and self.content.get("returnCode") == "200"


def _system_now() -> datetime:
    return datetime.now(UTC)


@dataclass
class CarrierDesk:
    """Parcels, subscriptions and orders in memory. `ordered` is the ledger: by waybill, each order that was taken; two
    are a parcel stopped twice.

    `refuses`: by path, the code and words with which everything there is turned down.
    """

    now: Callable[[], datetime] = _system_now
    lock: threading.RLock = field(default_factory=threading.RLock)
    customer: Customer = field(default_factory=Customer)
    parcels: dict[str, dict[str, Any]] = field(default_factory=dict)
    subscribed: dict[str, dict[str, Any]] = field(default_factory=dict)
    ordered: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    asked: dict[str, list[datetime]] = field(default_factory=dict)
    refuses: dict[str, tuple[str, str]] = field(default_factory=dict)

    def open_to(self, gateway: "Gateway") -> None:
        """Let a gateway answer for it."""
        for path, door in ((QUERY, self._query), (SUBSCRIBE, self._subscribe), (LABEL, self._label)):
            gateway.routes[path] = self._behind(path, door)
            gateway.broken_down[path] = BROKEN_DOWN

    # What tests touch ------------------------------------------------------------------------------------------------

    def add_parcel(self, waybill: str, company: str = "zhongtong", *, state: str = "0", phone: str = "") -> None:
        """A parcel that the service knows, without a line yet. With `phone` it is shown only to who gives it."""
        self.parcels[waybill] = {"com": company, "state": state, "phone": phone, "data": []}

    def add_line(self, waybill: str, words: str, code: str, *, at: datetime | None = None) -> None:
        """Something happens to a parcel."""
        moment = (at or self.now()).astimezone(BEIJING).strftime("%Y-%m-%d %H:%M:%S")
        row = {"time": moment, "ftime": moment, "context": words, "status": "", "statusCode": code,
               "areaCode": "", "areaName": "", "location": ""}  # fmt: skip
        with self.lock:
            self.parcels[waybill]["data"].insert(0, row)
            self.parcels[waybill]["state"] = code

    def push(self, waybill: str, send: Callable[[str, bytes], Told] | None = None, *, status: str = "polling",
             salt: str | None = None) -> Told:  # fmt: skip
        """Post what is known of a parcel to where its subscription says, signed with the salt it gave."""
        wanted = self.subscribed[waybill]["parameters"]
        param = {"status": status, "billstatus": "got", "message": "", "autoCheck": "0", "comOld": "", "comNew": "",
                 "lastResult": self._result(waybill)}  # fmt: skip
        return (send or posted)(wanted["callbackurl"], form_of(param, wanted["salt"] if salt is None else salt))

    def call_back(self, waybill: str, told: Mapping[str, Any], send: Callable[[str, bytes], Told] | None = None, *,
                  salt: str | None = None) -> Told:  # fmt: skip
        """Post what became of the newest order for a waybill to where the order says, signed with its salt."""
        order = self.ordered[waybill][-1]
        param = {"kuaidicom": order["kuaidicom"], "kuaidinum": waybill, "orderId": order.get("orderId", ""), **told}
        return (send or posted)(order["callbackUrl"], form_of(param, order["salt"] if salt is None else salt))

    # The doors -------------------------------------------------------------------------------------------------------

    def _behind(
        self, path: str, door: Callable[[Mapping[str, str]], dict[str, Any]]
    ) -> Callable[["Request"], tuple[int, dict[str, Any]]]:
        def answer(request: "Request") -> tuple[int, dict[str, Any]]:
            with self.lock:
                try:
                    if path in self.refuses:
                        raise Problem(*self.refuses[path])
                    return 200, door(request.form)
                except Problem as problem:
                    return 200, problem.answer()

        return answer

    def _query(self, form: Mapping[str, str]) -> dict[str, Any]:
        text, mine = form.get("param", ""), self.customer
        if form.get("customer") != mine.customer:
            raise Problem("400", "提交的数据不完整，或者贵公司没授权")
        if form.get("sign") != _md5(text, mine.key, mine.customer):
            raise Problem("503", "验证签名失败")
        param = _object(text)
        number, company = str(param.get("num", "")), str(param.get("com", ""))
        if not number or not company:
            raise Problem("400", "提交的数据不完整，或者贵公司没授权")
        self._not_too_often(number)
        known = self.parcels.get(number)
        if company in PHONE_WANTED and str(param.get("phone", ""))[-4:] != (known or {}).get("phone", "")[-4:]:
            raise Problem("408", "验证码错误")
        if known is None or known["com"] != company or not known["data"]:
            raise Problem("500", "查询无结果，请隔段时间再查")
        return self._result(number)

    def _not_too_often(self, number: str) -> None:
        """A number that is asked for too often is locked; here it is a mistake that a test must see."""
        times, moment = self.asked.setdefault(number, []), self.now()
        times.append(moment)
        if len(times) > 1 and moment - times[-2] < BETWEEN:
            raise Problem("403", "该单号查询过于频繁，已被锁定")

    def _result(self, number: str) -> dict[str, Any]:
        known = self.parcels[number]
        return {
            "message": "ok", "nu": number, "ischeck": "1" if known["state"].startswith(SIGNED) else "0",
            "com": known["com"], "status": "200", "condition": "00", "state": known["state"],
            "data": [dict(row) for row in known["data"]],
        }  # fmt: skip

    def _subscribe(self, form: Mapping[str, str]) -> dict[str, Any]:
        param = _object(form.get("param", ""))
        number, options = str(param.get("number", "")), param.get("parameters")
        if form.get("schema") != "json" or not number or not isinstance(options, dict):
            raise Problem("500", "服务器错误")
        if param.get("key") != self.customer.key:
            raise Problem("600", "您不是合法的订阅者（即授权Key出错）")
        if not str(options.get("callbackurl", "")).startswith("http"):
            raise Problem("500", "回调地址为空")
        if not param.get("company"):
            raise Problem("700", "不支持的快递公司")
        if number in self.subscribed:
            raise Problem("501", "重复订阅")
        self.subscribed[number] = param
        self.parcels.setdefault(number, {"com": param["company"], "state": "0", "phone": "", "data": []})
        return {"result": True, "returnCode": "200", "message": "提交成功"}

    def _label(self, form: Mapping[str, str]) -> dict[str, Any]:
        text, moment, mine = form.get("param", ""), form.get("t", ""), self.customer
        if form.get("method") != INTERCEPT:
            raise Problem("30001", "method参数错误")
        if form.get("key") != mine.key or form.get("sign") != _md5(text, moment, mine.key, mine.secret):
            raise Problem("30002", "验证签名失败")
        if not moment.isdigit() or abs(self.now() - datetime.fromtimestamp(int(moment) / 1000, UTC)) > SLACK:
            raise Problem("30003", "请求已过期")
        order = _object(text)
        self._can_be_stopped(order)
        self.ordered.setdefault(order["kuaidinum"], []).append(order)
        return {"result": True, "returnCode": "200", "message": "成功", "data": {"orderId": order.get("orderId", "")}}

    def _can_be_stopped(self, order: Mapping[str, Any]) -> None:
        """Complete, under way, and not signed for."""
        if not all(order.get(name) for name in ("kuaidicom", "kuaidinum", "interceptType", "reason")):
            raise Problem("30001", "参数不完整")
        if order["interceptType"] not in TYPES or order.get("interceptPayType") not in PAYERS:
            raise Problem("30001", "参数错误")
        if order.get("orderRole") not in ("1", "2", "3"):
            raise Problem("30001", "orderRole参数错误")
        if order["kuaidicom"] in CALLBACK_ONLY and not order.get("callbackUrl"):
            raise Problem("30001", "callbackUrl不能为空")
        known = self.parcels.get(order["kuaidinum"])
        if known is not None and known["state"].startswith(SIGNED):
            raise Problem("30004", "快件已签收，无法拦截")


def form_of(param: Mapping[str, Any], salt: str) -> bytes:
    """A push's or a callback's body, signed over the very bytes it carries."""
    text = json.dumps(param, ensure_ascii=False)
    return urlencode({"sign": _md5(text, salt), "param": text}).encode()


def posted(url: str, body: bytes) -> Told:
    """Posted over HTTP, as the service does it."""
    kind = {"content-type": "application/x-www-form-urlencoded"}
    answer = httpx.post(url, content=body, headers=kind, timeout=10, trust_env=False)
    return Told(answer.status_code, answer.json())


def _md5(*parts: str) -> str:
    return hashlib.md5("".join(parts).encode(), usedforsecurity=False).hexdigest().upper()


def _object(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError as error:
        raise Problem("400", "提交的数据不完整，或者贵公司没授权") from error
    if not isinstance(found, dict):
        raise Problem("400", "提交的数据不完整，或者贵公司没授权")
    return found
