"""Browsers of people who are logged in, at a moment the test chooses."""

from collections.abc import Callable, Iterator

import pytest
import time_machine
from django.test import Client

from accounts.models import User
from tests import factories

LogIn = Callable[[User], Client]


@pytest.fixture
def clock(db: None) -> Iterator[time_machine.Traveller]:
    with time_machine.travel(factories.NOON, tick=False) as traveller:
        yield traveller


@pytest.fixture
def world(clock: time_machine.Traveller) -> factories.World:
    return factories.world()


@pytest.fixture
def log_in(clock: time_machine.Traveller) -> LogIn:
    """A client that is logged in as the person."""

    def made(user: User) -> Client:
        client = Client()
        client.force_login(user, backend="accounts.backends.RoleBackend")
        return client

    return made
