"""A connected shop with cases that are ready to be paid."""

from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from accounts.models import Shop
from handoffs import connections
from handoffs.flow import answer
from handoffs.flow.answer import Given
from handoffs.marketplaces.base import CAPS, Caps
from handoffs.models import Case, Connection, Handoff
from tests import factories
from tests.factories import NOON, World
from tests.money.market import Market

Ready = Callable[..., Case]


class Hands:
    """A clock that a test turns."""

    def __init__(self) -> None:
        self.at = NOON

    def __call__(self) -> datetime:
        return self.at

    def on(self, **by: float) -> datetime:
        self.at += timedelta(**by)
        return self.at


@pytest.fixture
def hands() -> Hands:
    return Hands()


@pytest.fixture
def world(db: None) -> World:
    return factories.world()


@pytest.fixture
def market(world: World, monkeypatch: pytest.MonkeyPatch) -> Market:
    """The shop is connected to a marketplace in memory, a call of which carries five: several calls need few cases."""
    monkeypatch.setitem(CAPS, "taobao", Caps(5, Decimal(6000)))
    made = Market()
    connect(world.shop)
    monkeypatch.setattr(connections, "client_of", lambda _connection: made)
    return made


def connect(shop: Shop, **values: Any) -> Connection:
    connection = Connection(shop=shop, app_key="12345678", **values)
    connection.keep(secret="test-secret", session="test-session")
    connection.save()
    return connection


def stopped(world: World, **fields: Any) -> Case:
    """A path 1 case whose parcel the warehouse has stopped."""
    case = factories.case(world.shop, **fields)
    asked = Handoff.objects.get(case=case, kind="stop_parcel")
    answer.answer(asked.pk, Given("stopped"), by=world.warehouse, at=NOON)
    case.refresh_from_db()
    return case
