"""Qimen (formats.md 5.3): XML both ways, signed over parameters and body. We ask the WMS, and the WMS reports to us."""

import hashlib
import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode
from xml.etree.ElementTree import Element

from django.utils import timezone
from django.utils.translation import gettext as _

from handoffs.carriers.base import BEIJING, BadSignature, Refused, Unreadable, moment_of
from handoffs.warehouses import xml
from handoffs.warehouses.base import (
    Counted,
    NoAnswer,
    Order,
    Post,
    Progress,
    Report,
    Said,
    Stocked,
    Stop,
    doubted,
    post,
)

GATEWAY = "http://qimen.api.taobao.com/router/qimen/service"
XML = {"Content-Type": "text/xml; charset=utf-8"}
OLDEST = timedelta(minutes=15)
PREFIX = "taobao.qimen."
P = Progress
STEPS: Mapping[str, Progress] = {
    "NEW": P.WAITING, "ACCEPT": P.WAITING, "PRINT": P.WAITING, "PICK": P.PICKING, "CHECK": P.PICKING,
    "PACKAGE": P.PACKED, "WEIGH": P.PACKED, "READY": P.PACKED, "DELIVERED": P.LEFT, "PARTDELIVERED": P.LEFT,
    "SIGN": P.SIGNED, "REFUSE": P.REFUSED, "CANCELED": P.STOPPED, "CLOSED": P.CLOSED, "CANCELEDFAIL": P.NOT_STOPPED,
    "TMSCANCELED": P.STOPPED, "TMSCANCELFAILED": P.NOT_STOPPED,
}  # fmt: skip
GRADES = {"ZP": "good", "": "good"}  # CC, JS and XS are all damaged in some way


@dataclass(frozen=True)
class Account:
    """A customer of the WMS. The secret never shows in a log or an error."""

    app_key: str
    customer: str
    secret: str = field(repr=False)
    owner: str = ""
    warehouse: str = "OTHER"


def sign(params: Mapping[str, str], body: bytes, secret: str) -> str:
    """MD5 in capitals over secret, the sorted parameters, the body as it goes over the wire, secret."""
    plain = "".join(f"{name}{params[name]}" for name in sorted(params) if name != "sign")
    whole = secret.encode() + plain.encode() + body + secret.encode()
    return hashlib.md5(whole, usedforsecurity=False).hexdigest().upper()


class Qimen:
    """Calls with one account. `post` is given in tests."""

    def __init__(
        self, account: Account, *, address: str = "", post: Post = post, now: Callable[[], datetime] = timezone.now
    ) -> None:
        self.account, self._url, self._post, self._now = account, address or GATEWAY, post, now

    def stop(self, order: Order) -> Said:
        """order.cancel: the order, or the lines of it that are refunded, is not to leave."""
        lines = [] if order.whole else [{"subSourceOrderCode": line} for line in order.lines]
        if not order.whole and not lines:
            raise Refused(_("A part of an order can be stopped only by the number of its line."))
        fields = {
            "warehouseCode": self.account.warehouse, "ownerCode": self.account.owner, "orderCode": order.order_id,
            "orderType": "JYCK", "cancelReason": order.reason[:200], "subSourceOrders": {"subSourceOrder": lines},
        }  # fmt: skip
        return self._said("order.cancel", fields, Stop.STOPPED)

    def intercept(self, order: Order) -> Said:
        """order.callback: have the carrier stop a parcel that has left. What came of it is reported later."""
        fields = {
            "warehouseCode": self.account.warehouse, "ownerCode": self.account.owner,
            "deliveryOrderCode": order.order_id, "expressCode": order.waybill,
        }  # fmt: skip
        return self._said("order.callback", fields, Stop.TAKEN)

    def _said(self, method: str, fields: Mapping[str, Any], yes: Stop) -> Said:
        """Success or failure in the system's words. Anything else is no answer: it may have happened."""
        try:
            answer = xml.read(self._send(method, xml.write("request", fields)))
        except NoAnswer as error:
            raise doubted(error) from error
        except Unreadable as error:
            raise doubted(NoAnswer(error.message)) from error
        flag, code, words = (xml.text(answer, name) for name in ("flag", "code", "message"))
        if flag not in ("success", "failure"):
            raise doubted(NoAnswer(words or "no flag"))
        return Said(yes if flag == "success" else Stop.REFUSED, words or flag, code)

    def _send(self, method: str, body: bytes) -> bytes:
        moment = self._now().astimezone(BEIJING)
        params = {
            "method": PREFIX + method, "timestamp": f"{moment:%Y-%m-%d %H:%M:%S}", "format": "xml", "v": "2.0",
            "app_key": self.account.app_key, "sign_method": "md5", "customerId": self.account.customer,
        }  # fmt: skip
        signed = params | {"sign": sign(params, body, self.account.secret)}
        return self._post(f"{self._url}?{urlencode(signed)}", body, XML)


# What the WMS reports -------------------------------------------------------------------------------------------------


def opened(params: Mapping[str, str], body: bytes, account: Account, *, at: datetime) -> tuple[str, Element]:
    """(method without its prefix, the request), its signature and time checked before anything reads it.

    Raises BadSignature, and Unreadable for what is no such message.
    """
    if not account.secret:
        raise BadSignature("no secret is set for this account")
    given = params.get("sign", "").strip().upper()
    if not hmac.compare_digest(sign(params, body, account.secret).encode(), given.encode()):
        raise BadSignature("the signature does not fit")
    sent = moment_of(params.get("timestamp"))
    if sent is None or abs(at - sent) > OLDEST:
        raise BadSignature("the timestamp is not of now")
    return params.get("method", "").removeprefix(PREFIX), xml.read(body)


def report_of(request: Element) -> Report:
    """orderprocess.report. Raises Unreadable without an order."""
    code, status = xml.text(request, "order/orderCode"), xml.text(request, "process/processStatus")
    if not code or not status:
        raise Unreadable("no orderCode or no processStatus")
    process = request.find("process")
    words = xml.text(process, "operateInfo") or xml.text(process, "remark")
    return Report(code, STEPS.get(status, P.UNKNOWN), status, moment_of(xml.text(process, "operateTime")),
                  xml.text(process, "expressCode"), xml.text(process, "logisticsCode"), words)  # fmt: skip


def stocked_of(request: Element) -> Stocked:
    """returnorder.confirm. Raises Unreadable for a count that is none."""
    head, code = request.find("returnOrder"), xml.text(request, "returnOrder/returnOrderCode")
    key = xml.text(head, "outBizCode") or code
    lines = tuple(_counted(line) for line in request.iterfind("orderLines/orderLine"))
    if not key or not lines:
        raise Unreadable("no outBizCode, or no lines")
    return Stocked(key, xml.text(head, "expressCode"), xml.text(head, "logisticsCode"),
                   moment_of(xml.text(head, "orderConfirmTime")), lines)  # fmt: skip


def _counted(line: Element) -> Counted:
    grade = GRADES.get(xml.text(line, "inventoryType"), "damaged")
    if any(
        GRADES.get(xml.text(batch, "inventoryType"), "damaged") != "good" for batch in line.iterfind("batchs/batch")
    ):
        grade = "damaged"
    planned = _whole(xml.text(line, "planQty"))
    actual = _whole(xml.text(line, "actualQty"))
    if actual is None:
        raise Unreadable("no actualQty")
    return Counted(xml.text(line, "sourceOrderCode"), xml.text(line, "subSourceOrderCode"),
                   xml.text(line, "itemCode"), planned, actual, grade)  # fmt: skip


def _whole(words: str) -> int | None:
    return int(words) if words.isascii() and words.isdigit() and len(words) < 6 else None


def signed_of(request: Element) -> tuple[str, str]:
    """returnpackage.report: (waybill, carrier) of a return that was signed for; empty where it says something else."""
    status = xml.text(request, "status") or xml.text(request, "package/status")
    waybill = xml.text(request, "expressCode") or xml.text(request, "package/expressCode")
    carrier = xml.text(request, "logisticsCode") or xml.text(request, "package/logisticsCode")
    return (waybill, carrier) if status.lower() == "sign" else ("", "")


def answer(*, why: str = "") -> bytes:
    """What the WMS wants to hear; with a reason it reports again."""
    fields = {"flag": "failure" if why else "success", "code": "500" if why else "0", "message": why or "success"}
    return xml.write("response", fields)
