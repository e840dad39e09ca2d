"""A pushed form as bytes: what is signed is checked before anything reads it."""

from urllib.parse import unquote_to_bytes

from handoffs.carriers.base import Unreadable

LARGEST = 4 * 1024 * 1024


def fields(body: bytes) -> dict[str, bytes]:
    """A form's fields. A field that comes twice could be checked once and read the other time: Unreadable."""
    if len(body) > LARGEST:
        raise Unreadable("too long")
    found: dict[str, bytes] = {}
    for pair in body.split(b"&"):
        name, _equals, value = pair.partition(b"=")
        key = unquote_to_bytes(name.replace(b"+", b" ")).decode("utf-8", "replace")
        if key in found:
            raise Unreadable(f"{key} twice")
        found[key] = unquote_to_bytes(value.replace(b"+", b" "))
    return found
