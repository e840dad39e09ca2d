"""What comes from outside read exactly: plain whole numbers, and JSON no deeper than anything real is."""

import json
from collections.abc import Callable, Iterable
from typing import Any

from django.utils.translation import gettext as _

DEEPEST = 64
LONGEST = 18  # digits; the largest number of so many fits every id of the database


def whole(text: str) -> int:
    """The number written in plain digits; 0, which names nothing, for any other text."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= LONGEST else 0


def wholes(texts: Iterable[str]) -> list[int]:
    """The numbers among these texts."""
    return [number for number in map(whole, texts) if number]


def loads(
    written: str | bytes, *, fraction: Callable[[str], Any] = str, strange: Callable[[str], Any] | None = None
) -> Any:
    """JSON with its fractions as `fraction` makes them. Raises ValueError for what is none or is nested too deep."""
    try:
        found = json.loads(written, parse_float=fraction, parse_constant=strange)
    except RecursionError as error:
        raise ValueError(_too_deep()) from error
    if not _is_shallow(found):
        raise ValueError(_too_deep())
    return found


def _too_deep() -> str:
    return _("It is nested deeper than %(levels)d levels.") % {"levels": DEEPEST}


def _is_shallow(found: Any) -> bool:
    """Level by level, for what is deep would exhaust a function that calls itself."""
    level = _nests([found])
    for _level in range(DEEPEST):
        level = [nest for each in level for nest in _nests(each.values() if isinstance(each, dict) else each)]
        if not level:
            return True
    return not level


def _nests(values: Any) -> list[Any]:
    return [value for value in values if isinstance(value, dict | list)]
