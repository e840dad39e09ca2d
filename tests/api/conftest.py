"""Clients that call as people do: with their token, at a moment the test chooses."""

from collections.abc import Callable, Iterator

import pytest
import time_machine
from rest_framework.authtoken.models import Token
from rest_framework.test import APIClient

from accounts.models import User
from tests import factories

Caller = Callable[[User], APIClient]


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(factories.NOON, tick=False) as traveller:
        yield traveller


@pytest.fixture
def world(db: None, clock: time_machine.Traveller) -> factories.World:
    return factories.world()


@pytest.fixture
def call(world: factories.World) -> Caller:
    """A client that carries the person's token."""

    def made(user: User) -> APIClient:
        client = APIClient()
        client.credentials(HTTP_AUTHORIZATION=f"Token {Token.objects.get_or_create(user=user)[0].key}")
        return client

    return made
