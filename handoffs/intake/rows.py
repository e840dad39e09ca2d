"""What every reader yields: a row translated into the desk's own fields, or a row turned down with its reason."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class Row:
    """One application as a source gives it. `fields` holds only what this source carries.

    `number` is the row as a person sees it in the file, or the 1-based index of an object. `modified` is aware, and
    None for every export. `rows` counts the rows of the file it was made of (JD: one for each SKU of a service).
    """

    number: int
    source_kind: str
    refund_id: str
    fields: dict[str, Any]
    raw: dict[str, Any]
    modified: datetime | None = None
    rows: int = 1


@dataclass(frozen=True, slots=True)
class Reject:
    """A row that cannot be taken, with a reason a person can act on."""

    number: int
    field: str
    code: str
    message: str
    raw: dict[str, Any]


class Unreadable(Exception):
    """The file cannot be read at all; the text is one clear line."""
