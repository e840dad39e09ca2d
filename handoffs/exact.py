"""What comes from outside read exactly: plain whole numbers, and JSON no deeper than anything real is."""

from collections.abc import Callable, Iterable
from typing import Any

from django.utils.translation import gettext as _

from handoffs import envelopes

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
        return envelopes.loads(written, fraction=fraction, strange=strange)
    except envelopes.TooDeep as error:
        raise ValueError(too_deep()) from error


def too_deep() -> str:
    return _("It is nested deeper than %(levels)d levels.") % {"levels": envelopes.DEEPEST}
