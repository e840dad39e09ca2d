"""How long the fuzzing goes on: a moment in `make test`, as long as asked for by FUZZ (examples a test)."""

import os

from hypothesis import HealthCheck, settings

from tests.api.conftest import call, clock, world

__all__ = ["call", "clock", "world"]

EXAMPLES = int(os.environ.get("FUZZ", "40"))
fuzz = settings(
    max_examples=EXAMPLES, derandomize=EXAMPLES <= 40, deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)  # fmt: skip
