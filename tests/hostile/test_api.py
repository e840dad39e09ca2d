"""The API by its own description: whatever a schema allows or forbids, no answer is a 500."""

from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections
from hypothesis import given, settings
from hypothesis import strategies as st
from schemathesis.generation import GenerationMode

from tests import factories
from tests.api.conftest import token_of
from tests.hostile.conftest import EXAMPLES, fuzz

schema = schemathesis.openapi.from_wsgi("/api/schema/", get_wsgi_application())
LONG = EXAMPLES > 40
# Both what the description allows and what it forbids.
BOTH = (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)
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


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda each: each.label)
@pytest.mark.parametrize("role", ["support", "warehouse", "manager"] if LONG else ["support"])
def test_no_call_is_answered_500(operation: Any, role: str, db: None) -> None:
    world = factories.world()
    factories.case(world.shop, path=2, outbound=[("中通快递", "ZT1")])
    headers = {"Authorization": f"Token {token_of(world.people[role])}"}

    @settings(fuzz, max_examples=EXAMPLES if LONG else 4)
    @given(case=st.one_of(*(operation.as_strategy(generation_mode=mode) for mode in BOTH)))
    def call(case: Any) -> None:
        answer = case.call(headers=headers)
        assert answer.status_code < 500, (case.as_curl_command(), answer.text)

    call()
