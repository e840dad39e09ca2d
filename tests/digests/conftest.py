from collections.abc import Iterator

import pytest
import time_machine

from tests import factories
from tests.factories import NOON


@pytest.fixture
def world(db: None) -> Iterator[factories.World]:
    """The world at noon in Shanghai on 11 November 2026."""
    with time_machine.travel(NOON, tick=False):
        yield factories.world()
