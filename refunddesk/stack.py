"""Python's stack, with room. CPython keeps its frames in chunks of 16 KB, and up to the later ones of 3.13 a loop whose
calls cross the end of one asks the system for memory, and gives it back, at every turn. A frame that needs more gets a
chunk of its size rounded up to a power of two, and what it calls lives in the rest. (docs/performance.md)

A traceback that is kept holds a copy of the frame, 272 KB of which nothing is touched, until it goes.
"""

from collections.abc import Callable
from typing import ParamSpec, TypeVar

SLOTS = 34_000  # of 8 bytes: a little more than half of a chunk of 512 KB

Given = ParamSpec("Given")
Made = TypeVar("Made")


def roomy(act: Callable[Given, Made], /, *given: Given.args, **named: Given.kwargs) -> Made:
    """Call `act` on a stack that takes some 900 calls in one another before it grows."""
    return act(*given, **named)


roomy.__code__ = roomy.__code__.replace(co_stacksize=SLOTS)
