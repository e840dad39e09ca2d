"""A local marketplace and clients for it. Clocks and pauses are given: nothing waits but where a fault needs it."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from handoffs.gateway import Gateway
from handoffs.marketplaces.base import Credentials, Payment
from handoffs.marketplaces.http import Http, Patience
from handoffs.marketplaces.taobao.client import Taobao
from handoffs.marketplaces.taobao.limit import Bucket
from handoffs.marketplaces.taobao.wire import Wire

NOON = datetime(2026, 11, 11, 4, 0, tzinfo=UTC)  # twelve o'clock in Shanghai
DATA = Path(__file__).parent / "data"
AGREE, REVIEW = "taobao.rp.refunds.agree", "taobao.rp.refund.review"
LIST, GET = "taobao.refunds.receive.get", "taobao.refund.get"

Client = Callable[..., Taobao]


def sample(name: str) -> Any:
    return json.loads((DATA / name).read_text(encoding="utf-8"))


@dataclass
class Hand:
    """A clock that moves only when somebody moves it, or sleeps by it."""

    at: datetime = NOON
    slept: list[float] = field(default_factory=list)

    def __call__(self) -> datetime:
        return self.at

    def seconds(self) -> float:
        return self.at.timestamp()

    def on(self, **by: float) -> None:
        self.at += timedelta(**by)

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.on(seconds=seconds)


@pytest.fixture
def hand() -> Hand:
    return Hand()


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def gateway(hand: Hand) -> Iterator[Gateway]:
    with Gateway(now=hand) as made:
        yield made
    assert made.broken == []


@pytest.fixture
def client(gateway: Gateway, hand: Hand) -> Client:
    """Makes a client for the gateway's Taobao shop, or its Tmall shop; credentials may differ from the right ones."""

    def make(*, tmall: bool = False, piece: float = 5.0, bucket: Bucket | None = None, **other: Any) -> Taobao:
        seller = gateway.seller(tmall=tmall)
        values = {"app_key": seller.app_key, "app_secret": seller.app_secret, "session": seller.session,
                  "operator": seller.operator, "gateway": f"{gateway.url}/router/rest"} | other  # fmt: skip
        bucket = bucket or Bucket(1000, clock=hand.seconds, sleep=hand.sleep)
        http = Http(Patience(connect=1, piece=piece), sleep=hand.sleep)
        return Taobao(Credentials(**values), tmall=tmall, http=http, bucket=bucket, now=hand, clock=hand.seconds)

    return make


@pytest.fixture
def signed(gateway: Gateway, hand: Hand) -> Callable[..., Wire]:
    """A wire that signs by a method of one's choice."""

    def make(sign_method: str) -> Wire:
        seller = gateway.seller()
        credentials = Credentials(seller.app_key, seller.app_secret, seller.session, f"{gateway.url}/router/rest")
        bucket = Bucket(1000, clock=hand.seconds, sleep=hand.sleep)
        return Wire(credentials, bucket=bucket, now=hand, sign_method=sign_method)

    return make


def payment(refund: dict[str, Any], **other: Any) -> Payment:
    """The payment that a refund asks for."""
    values = {"refund_id": str(refund["refund_id"]), "amount": Decimal(refund["refund_fee"]),
              "version": str(refund["refund_version"]), "phase": refund["refund_phase"]} | other  # fmt: skip
    return Payment(**values)
