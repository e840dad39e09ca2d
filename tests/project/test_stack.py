"""Requests are answered on a stack with room: no call in a loop asks the system for memory, 600 deep."""

import subprocess
import sys

import pytest

OLD = pytest.mark.skipif(sys.version_info >= (3, 13), reason="later ones of 3.13 keep one chunk by themselves")

COUNT = """
import resource
from refunddesk.stack import roomy

def leaf():
    a = b = c = d = e = f = g = h = i = j = k = l = m = n = o = p = q = r = s = t = 0

def at(depth):
    if depth:
        return at(depth - 1)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(1000):
        leaf()
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

def most():
    return max(at(depth) for depth in range(600))

most(), print({call})
"""


@pytest.mark.skipif(sys.platform != "linux", reason="counts the pages that Linux hands out")
@pytest.mark.parametrize(("call", "asks"), [("roomy(most)", False), pytest.param("most()", True, marks=OLD)],
                         ids=["", "control"])  # fmt: skip
def test_no_loop_asks_for_memory_at_every_turn(call: str, *, asks: bool) -> None:
    done = subprocess.run([sys.executable, "-c", COUNT.format(call=call)], capture_output=True, text=True, check=True)  # noqa: S603
    assert (int(done.stdout) >= 900) == asks, done.stdout


def test_the_console_is_served_so() -> None:
    said = """
import sys
from refunddesk import stack, wsgi
wsgi.serve = lambda *_given: sys._getframe(1).f_code is stack.roomy.__code__
print(wsgi.application({}, None))
"""
    done = subprocess.run([sys.executable, "-c", said], capture_output=True, text=True, check=True)  # noqa: S603
    assert done.stdout.strip() == "True"
