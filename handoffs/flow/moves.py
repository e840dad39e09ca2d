"""The heart: the allowed moves of every record, the one lock, and the one way a status is written.

Lock order: case → handoff → refund order, by pk within a kind. Every act locks its case first.
"""

from datetime import datetime
from typing import Any

from django.db import models
from django.utils.translation import gettext as _

from accounts import trail
from accounts.models import User
from handoffs.flow.errors import NotYours, Stale
from handoffs.models import Case, Decision, Handoff, RefundOrder, TimelineEntry

OPEN_CASE = {"new", "in_progress", "waiting_buyer", "waiting_colleague", "to_decide", "to_pay", "goods_open", "closed"}
MOVES: dict[type[models.Model], dict[str, set[str]]] = {
    Case: {status: OPEN_CASE - {status, "new"} for status in OPEN_CASE},
    Handoff: {
        "open": {"claimed", "answered", "returned", "withdrawn"},
        "claimed": {"open", "answered", "returned", "withdrawn"},
        "returned": {"open", "withdrawn"},
        "answered": set(),
        "withdrawn": set(),
    },
    Decision: {
        "proposed": {"approved", "refused", "void", "withdrawn"},
        "approved": {"carried_out", "void", "withdrawn"},
        "refused": set(),
        "void": set(),
        "withdrawn": set(),
        "carried_out": set(),
    },
    RefundOrder: {
        "proposed": {"approved", "failed"},
        "approved": {"ordered", "failed"},
        "ordered": {"acknowledged", "confirmed", "failed", "unknown"},
        "acknowledged": {"confirmed", "failed", "unknown"},
        "unknown": {"confirmed", "failed"},
        "confirmed": set(),
        "failed": {"ordered"},  # it failed for certain, so the same order may be tried again
    },
}


def locked_case(pk: int) -> Case:
    """The case, locked until the transaction ends. Raises NotYours when there is none."""
    case = (
        Case.objects.select_for_update(of=("self",), no_key=True).select_related("shop", "owner").filter(pk=pk).first()
    )
    if case is None:
        raise NotYours(_("There is no such case."))
    trail.note(case=pk)
    return case


def note(case: Case, kind: str, /, *, at: datetime, by: User | None, **data: Any) -> TimelineEntry:
    """Write one row of the case's timeline. Values in `data` must be JSON; amounts go under ``amount``."""
    return TimelineEntry.objects.create(case=case, kind=kind, at=at, by=by, data=data)


def move(
    record: Case | Handoff | Decision | RefundOrder,
    to: str,
    /,
    *,
    by: User | None,
    at: datetime,
    why: str,
    changes: dict[str, Any] | None = None,
    **data: Any,
) -> None:
    """Take `record` to status `to`, write the changed columns with it, and a timeline row of kind `why`.

    Raises Stale when the move is not allowed from where the record stands now, in memory or in the database.
    """
    model = type(record)
    old = record.status
    values = {"status": to, **(changes or {})}
    moved = to in MOVES[model][old] and model._default_manager.filter(pk=record.pk, status=old).update(**values) == 1
    if not moved:
        raise stale(record)
    for name, value in values.items():
        setattr(record, name, value)
    case = record if isinstance(record, Case) else record.case
    note(case, why, at=at, by=by, **(reference(record) | data))


def reference(record: models.Model) -> dict[str, Any]:
    """How a timeline row names the record it speaks of."""
    if isinstance(record, Case):
        return {"status": record.status}
    name = {"RefundOrder": "refund"}.get(type(record).__name__, type(record).__name__.lower())
    kind = getattr(record, "kind", "")
    return {name: record.pk, "kind": kind} if kind else {name: record.pk}


def stale(record: Case | Handoff | Decision | RefundOrder) -> Stale:
    """The error that says how the record stands by now."""
    current = type(record)._default_manager.filter(pk=record.pk).first()
    state = current.get_status_display() if current else _("gone")
    return Stale(_("This changed while you looked. It is now: %(state)s.") % {"state": state})
