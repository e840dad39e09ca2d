"""Jushuitan's open platform (formats.md 5.1): signed forms, JSON answers. It stops whole orders only.

With its switch “after-sale download intercepts the order” on, an upload without the line's number cancels the whole
order: so nothing is uploaded here, and a part of an order is never asked to be stopped.
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django.utils import timezone
from django.utils.translation import gettext as _

from handoffs.carriers.base import Later, Refused
from handoffs.warehouses.base import NoAnswer, Order, Post, Said, Stop, doubted, post

GATEWAY = "https://openapi.jushuitan.com"
FIND, CANCEL = "/open/refund/single/query", "/open/jushuitan/orderbyoid/cancel"
FORM = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}
GONE = frozenset({"Sent", "Delivering", "WaitOuterSent"})
OVER = frozenset({"Cancelled", "Merged", "Split"})


@dataclass(frozen=True)
class Account:
    """An application with its access token. The secret parts never show in a log or an error."""

    app_key: str
    secret: str = field(repr=False)
    token: str = field(repr=False)


def sign(params: Mapping[str, str], secret: str) -> str:
    """MD5 over the secret and the sorted parameters."""
    plain = "".join(f"{name}{params[name]}" for name in sorted(params) if name != "sign")
    return hashlib.md5((secret + plain).encode(), usedforsecurity=False).hexdigest()


class Jushuitan:
    """Calls with one account. `post` is given in tests."""

    def __init__(
        self, account: Account, *, address: str = "", post: Post = post, now: Callable[[], datetime] = timezone.now
    ) -> None:
        self.account, self._url, self._post, self._now = account, (address or GATEWAY).rstrip("/"), post, now

    def stop(self, order: Order) -> Said:
        """Cancel the whole order, found by its number. Raises Refused where only a part is refunded."""
        if not order.whole:
            raise Refused(_("Jushuitan stops whole orders only; the warehouse is asked."))
        found = self._read(FIND, {"so_ids": [order.order_id], "page_index": 1, "page_size": 10})
        rows = [row for row in found.get("datas") or () if str(row.get("so_id")) == order.order_id]
        if not rows or not rows[0].get("o_id"):
            raise Refused(_("Jushuitan does not know this order yet."))
        status = str(rows[0].get("order_status") or "")
        if status in GONE:
            return Said(Stop.REFUSED, status, status)
        if status in OVER:
            return Said(Stop.STOPPED if status == "Cancelled" else Stop.REFUSED, status, status)
        biz = {"o_ids": [rows[0]["o_id"]], "cancel_type": "买家申请退款", "remark": order.reason[:200]}
        try:
            self._call(CANCEL, biz)
        except NoAnswer as error:
            raise doubted(error) from error
        return Said(Stop.STOPPED, _("The order was cancelled in Jushuitan."))

    def intercept(self, order: Order) -> Said:
        """Jushuitan calls no parcels back."""
        raise Refused(_("Jushuitan calls no parcels back; the carrier's contact is asked."))

    def _read(self, path: str, biz: Mapping[str, Any]) -> Mapping[str, Any]:
        try:
            return self._call(path, biz)
        except NoAnswer as error:
            raise Later(str(error)) from error

    def _call(self, path: str, biz: Mapping[str, Any]) -> Mapping[str, Any]:
        """The answer's data. Raises Refused in the service's words; NoAnswer for what is no answer."""
        params = {
            "app_key": self.account.app_key, "access_token": self.account.token, "charset": "utf-8", "version": "2",
            "timestamp": str(int(self._now().timestamp())),
            "biz": json.dumps(biz, ensure_ascii=False, separators=(",", ":")),
        }  # fmt: skip
        signed = params | {"sign": sign(params, self.account.secret)}
        content = self._post(self._url + path, urlencode(signed).encode(), FORM)
        try:
            answer = json.loads(content, parse_float=str)
        except (ValueError, RecursionError) as error:
            raise NoAnswer(_("The answer is no JSON.")) from error
        if not isinstance(answer, Mapping) or "code" not in answer:
            raise NoAnswer(_("The answer is not one to this call."))
        if str(answer["code"]) != "0":
            raise Refused(str(answer.get("msg") or answer["code"])[:200], code=str(answer["code"]))
        data = answer.get("data")
        return data if isinstance(data, Mapping) else {}
