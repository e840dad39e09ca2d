"""The API by its own description: whatever a schema allows or forbids, no answer is a 500."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.renderers import OpenApiJsonRenderer
from hypothesis import given, settings
from hypothesis import strategies as st
from schemathesis.generation import GenerationMode

from accounts.models.people import Role
from handoffs.api.urls import urlpatterns
from tests import factories
from tests.api.conftest import token_of
from tests.effort import THOROUGH
from tests.hostile.conftest import EXAMPLES, fuzz

app = get_wsgi_application()
described = OpenApiJsonRenderer().render(SchemaGenerator().get_schema(public=True))  # the address asks for a login
schema = schemathesis.openapi.from_dict(json.loads(described))
schema.app, schema.location = app, "/api/schema/"
LONG = EXAMPLES > 40
# Both what the description allows and what it forbids.
BOTH = (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)
ROLES = tuple(Role.values)
OPERATIONS = [found.ok() for found in schema.get_all_operations()]


@pytest.fixture(autouse=True)
def _one_connection() -> Iterator[None]:
    """The server's door closes connections after each call; a test's own must stay open."""
    signals = (request_started, request_finished)
    for signal in signals:
        signal.disconnect(close_old_connections)
    yield
    for signal in signals:
        signal.connect(close_old_connections)


def callers(number: int) -> tuple[str, ...]:
    """Every role where it may take long; else somebody of support and the next role in turn, or one of the two."""
    two = tuple(dict.fromkeys(("support", ROLES[number // 2 % len(ROLES)])))
    return ROLES if LONG else two if THOROUGH else (two[number % len(two)],)


TURNS = [(each, role) for number, each in enumerate(OPERATIONS) for role in callers(number)]


@pytest.mark.parametrize(("operation", "role"), TURNS, ids=[f"{each.label} {role}" for each, role in TURNS])
def test_no_call_is_answered_500(operation: Any, role: str, db: None) -> None:
    world = factories.world()
    factories.case(world.shop, path=2, outbound=[("中通快递", "ZT1")])
    headers = {"Authorization": f"Token {token_of(world.people[role])}"}

    @settings(fuzz, max_examples=EXAMPLES if LONG else 3)
    @given(case=st.one_of(*(operation.as_strategy(generation_mode=mode) for mode in BOTH)))
    def call(case: Any) -> None:
        answer = case.call(headers=headers)
        assert answer.status_code < 500, (case.as_curl_command(), answer.text)

    call()


def test_every_address_of_the_api_is_described_and_so_called() -> None:
    named = {re.sub("<.*?>", "{}", f"/api/v1/{each.pattern}") for each in urlpatterns if each.name}
    assert named == {re.sub("{.*?}", "{}", each.path) for each in OPERATIONS}
