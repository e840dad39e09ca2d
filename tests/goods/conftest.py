"""A shop whose carriers' data service pushes to the desk."""

from collections.abc import Iterator

import pytest
import time_machine

from handoffs.carriers import kuaidi100_client
from handoffs.gateway import Gateway
from handoffs.gateway.carriers import CarrierDesk
from handoffs.models import CarrierAccount
from tests import factories
from tests.carriers.samples import SALT
from tests.factories import NOON, World


@pytest.fixture(autouse=True)
def _noon() -> Iterator[None]:
    with time_machine.travel(NOON, tick=False):
        yield


@pytest.fixture
def world(db: None) -> World:
    return factories.world()


@pytest.fixture
def account(world: World) -> CarrierAccount:
    made = CarrierAccount(code="main", customer="C1")
    made.keep(key="key-of-a-test", salt=SALT, secret="secret-of-a-test")
    made.save()
    return made


@pytest.fixture
def gateway(monkeypatch: pytest.MonkeyPatch) -> Iterator[Gateway]:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    plain = kuaidi100_client.post
    monkeypatch.setattr(kuaidi100_client, "post", lambda url, form: plain(url, form, timeout=0.3))
    with Gateway() as made:
        yield made
    assert made.broken == []


@pytest.fixture
def kuaidi100(gateway: Gateway) -> CarrierDesk:
    """The service, behind the gateway's door."""
    made = CarrierDesk(now=gateway.now, lock=gateway.lock)
    made.open_to(gateway)
    return made


@pytest.fixture
def asking(account: CarrierAccount, gateway: Gateway, kuaidi100: CarrierDesk) -> CarrierAccount:
    """The desk's account with that service."""
    account.address = gateway.url
    account.save()
    return account
