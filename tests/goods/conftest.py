"""A shop whose carriers' data service pushes to the desk."""

from collections.abc import Iterator

import pytest
import time_machine

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
