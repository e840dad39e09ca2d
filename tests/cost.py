"""What a piece of work may cost, told in another done beside it: it holds on a slow machine as on a fast one."""

from collections.abc import Iterator
from contextlib import contextmanager
from time import thread_time


@contextmanager
def at_most(sums: int) -> Iterator[None]:
    """The processor time inside is less than that of so many sums of a million squares; a dozen or so take a second."""
    one, begun = _a_sum(), thread_time()
    yield
    took = thread_time() - begun
    allowed = sums * max(one, _a_sum())
    assert took < allowed, f"{took:.1f} s of the processor, where {allowed:.1f} s were allowed"


def _a_sum() -> float:
    begun = thread_time()
    sum(number * number for number in range(1_000_000))
    return thread_time() - begun
