"""The world of the flow, at a moment the test chooses."""

from collections.abc import Iterator

import pytest
import time_machine

from tests import factories


@pytest.fixture
def clock(db: None) -> Iterator[time_machine.Traveller]:
    with time_machine.travel(factories.NOON, tick=False) as traveller:
        yield traveller


@pytest.fixture
def world(clock: time_machine.Traveller) -> factories.World:
    return factories.world()
