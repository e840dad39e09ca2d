"""Which word counts when a row arrives: newer over older, a row with `modified` over a file, never a reopened case.

Source: domain.md section 5, "Rows without `modified`". Each field remembers the moment it speaks of and whether a row
with `modified` or a file set it.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from handoffs.models import Case

COLUMNS = (
    "order_id", "line_id", "title", "sku", "quantity", "amount", "total_fee", "paid", "dispute_type",
    "marketplace_status", "phase", "good_status", "order_status", "has_good_return", "refund_phase", "refund_version",
    "reason", "description", "buyer_nick", "cs_status", "operation_constraint", "applied_at", "marketplace_deadline",
    "ended_at",
)  # fmt: skip
PERSONAL = ("buyer_name", "buyer_phone", "buyer_address", "buyer_uid", "agreed_by")
SETTLED = (Case.Phase.CLOSED, Case.Phase.SUCCESS)
STATE_FIELDS = frozenset({"marketplace_status", "phase"})
EMPTY = (None, "")


def stamp(moment: datetime, *, stamped: bool) -> str:
    """The moment a value speaks of, with who said it: m for a row with `modified`, f for a file."""
    return f"{moment.isoformat()}|{'m' if stamped else 'f'}"


def newer(old: str | None, moment: datetime, *, stamped: bool) -> bool:
    """Whether a value of `moment` may replace one with the stamp `old`. On a tie the row with `modified` wins."""
    if old is None:
        return True
    text, _sep, kind = old.partition("|")
    before = datetime.fromisoformat(text)
    if moment != before:
        return moment > before
    return stamped or kind == "f"


def accept(
    case: Case, fields: Mapping[str, Any], stamps: dict[str, str], *, moment: datetime, stamped: bool
) -> dict[str, Any]:
    """The columns of `fields` that change the case; `stamps` is brought up to date for those taken.

    An empty value in a file never wipes what is known. A file never reopens a settled case, and what it then says of
    the order (“closed”) does not count either.
    """
    if stamped and case.modified is not None and moment < case.modified:
        return {}
    frozen = not stamped and case.phase in SETTLED and fields.get("phase") not in SETTLED
    taken: dict[str, Any] = {}
    for name in COLUMNS:
        if name not in fields or (frozen and name in STATE_FIELDS):
            continue
        value = fields[name]
        if (not stamped and value in EMPTY) or not newer(stamps.get(name), moment, stamped=stamped):
            continue
        if getattr(case, name) != value:
            taken[name] = value
        if getattr(case, name) != value or stamped:
            stamps[name] = stamp(moment, stamped=stamped)
    return taken
