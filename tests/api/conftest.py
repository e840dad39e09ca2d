"""Clients that call as people do: with their token, at a moment the test chooses."""

from collections.abc import Callable, Iterator

import pytest
import time_machine
from rest_framework.test import APIClient

from accounts import tokens
from accounts.models import ApiToken, User
from accounts.models.token import Scope
from tests import factories

Caller = Callable[[User], APIClient]


def token_of(user: User) -> str:
    """The person's token, that may do all the person may; made at the first call."""
    key = f"token-of-{user.pk}"
    if not ApiToken.objects.filter(user=user).exists():
        tokens.make(user, "test", Scope.values, by=user, at=factories.NOON, days=365, key=key)
    return key


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
        client.credentials(HTTP_AUTHORIZATION=f"Token {token_of(user)}")
        return client

    return made
