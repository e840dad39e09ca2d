"""A shop whose warehouse system is connected."""

from collections.abc import Iterator

import pytest
import time_machine

from handoffs.models import WarehouseSystem
from tests import factories
from tests.factories import NOON, World
from tests.warehouses.wms import SECRET, TOKEN, Wms


@pytest.fixture
def wms() -> Iterator[Wms]:
    made = Wms()
    yield made
    made.close()


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(NOON, tick=False) as traveller:
        yield traveller


@pytest.fixture
def world(db: None, clock: time_machine.Traveller) -> World:
    return factories.world()


@pytest.fixture
def system(world: World, wms: Wms) -> WarehouseSystem:
    made = WarehouseSystem(code="wms", shop=world.shop, app_key="123", customer="C1", address=wms.url)
    made.keep(secret=SECRET, token=TOKEN)
    made.save()
    return made
