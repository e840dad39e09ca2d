"""Examples a test, as many as the effort wants; the same ones every time unless they are to go on for long."""

from hypothesis import HealthCheck, settings

from tests.api.conftest import call, clock, world
from tests.effort import EXAMPLES, LONG

__all__ = ["call", "clock", "world"]

fuzz = settings(
    max_examples=EXAMPLES, derandomize=not LONG, deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)  # fmt: skip
