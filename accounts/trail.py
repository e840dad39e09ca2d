"""What the process is about at this moment, for its log lines: the request or task, and the case in hand."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from types import MappingProxyType
from typing import Any

_NOTHING: Mapping[str, Any] = MappingProxyType({})
_here: ContextVar[Mapping[str, Any]] = ContextVar("trail", default=_NOTHING)


@contextmanager
def about(**known: Any) -> Iterator[None]:
    """Within, log lines carry these; what was known before comes back afterwards."""
    before = _here.set(dict(known))
    try:
        yield
    finally:
        _here.reset(before)


def note(**known: Any) -> None:
    """Add to what is known until the enclosing `about` ends; outside of one there is nothing to add to."""
    if here := _here.get():
        _here.set({**here, **known})


def known() -> Mapping[str, Any]:
    """What the process is about."""
    return _here.get()
