"""A JD shop at the local gateway, and clients for it."""

from datetime import timedelta, timezone
from decimal import Decimal
from typing import Any

from handoffs.gateway import Gateway
from handoffs.gateway.jd import BROKEN_DOWN, PATH, JdBackOffice
from handoffs.marketplaces.base import Credentials, Payment
from handoffs.marketplaces.http import Http, Patience
from handoffs.marketplaces.jd.client import Jd
from handoffs.marketplaces.taobao.limit import Bucket
from tests.marketplaces.conftest import Hand

BEIJING = timezone(timedelta(hours=8))
AFS = "jingdong.pop.afs.soa.refundapply."
LIST, GET, REPLY = f"{AFS}queryPageList", f"{AFS}queryById", f"{AFS}replyRefund"
SERVICES = "jingdong.asc.serviceAndRefund.view"


class JdShop:
    """The office behind `/routerjson`, and its client."""

    def __init__(self, gateway: Gateway, hand: Hand) -> None:
        self.gateway, self.hand = gateway, hand
        self.office = JdBackOffice(now=hand, lock=gateway.lock)
        gateway.routes[PATH] = lambda request: self.office.handle(request.form)
        gateway.broken_down[PATH] = BROKEN_DOWN

    def client(self, *, piece: float = 5.0, bucket: Bucket | None = None, **other: Any) -> Jd:
        key = self.office.vender
        values = {"app_key": key.app_key, "app_secret": key.app_secret, "session": key.access_token,
                  "operator": "客服一号", "gateway": f"{self.gateway.url}{PATH}"} | other  # fmt: skip
        bucket = bucket or Bucket(1000, clock=self.hand.seconds, sleep=self.hand.sleep)
        http = Http(Patience(connect=1, piece=piece), sleep=self.hand.sleep)
        return Jd(Credentials(**values), http=http, bucket=bucket, now=self.hand)

    def said(self, **ago: float) -> str:
        """A time before now, as JD writes it."""
        return (self.hand.at - timedelta(**ago)).astimezone(BEIJING).strftime("%Y-%m-%d %H:%M:%S")


def payment(row: dict[str, Any], **other: Any) -> Payment:
    """The payment that an application to cancel asks for."""
    values = {"refund_id": str(row["id"]), "amount": Decimal(row["applyRefundSum"]) / 100, "phase": "cancel"} | other
    return Payment(**values)
