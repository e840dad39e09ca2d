"""A stack with room. CPython keeps its frames in chunks of 16 KB, and a loop whose calls cross the end of one asks the
system for memory, and gives it back, at every turn: a sixth of the suite's time went there. A frame that needs more
gets a chunk of its size rounded up to a power of two, and the calls it makes live in the rest.
"""

from collections.abc import Callable
from typing import Any

SLOTS = 140_000  # of 8 bytes: a little more than half of a chunk of 2 MB


def roomy(act: Callable[[], Any]) -> Any:
    return act()


roomy.__code__ = roomy.__code__.replace(co_stacksize=SLOTS)
