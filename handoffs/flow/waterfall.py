"""Who held a case for how long, so that nobody argues who was late (domain.md section 7, breach waterfall).

Read from the timeline alone: an open question is held by whom it was put to, the eldest first; a case that waits for
the buyer is the buyer's; everything else is the desk's.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from accounts.models.people import Role
from handoffs.flow.kinds import KINDS
from handoffs.models import Case, TimelineEntry

BUYER = "buyer"
OPENS = frozenset({"handed_off"})
ENDS = frozenset({"answered", "withdrawn", "returned"})
READ = OPENS | ENDS | {"status"}  # what archiving leaves in the timeline


@dataclass(frozen=True, slots=True)
class Stretch:
    """One stretch of a case's life and who held it: a role, or the buyer."""

    holder: str
    start: datetime
    end: datetime

    @property
    def length(self) -> timedelta:
        return self.end - self.start


def stretches(case: Case, entries: Iterable[TimelineEntry], *, at: datetime) -> list[Stretch]:
    """The case's life from the application to its end, or to now, without gaps; neighbours of one holder are one.

    A closed case whose end was not told is drawn as far as it was told: nobody holds it now.
    """
    asked: dict[Any, str] = {}
    status, since, found = case.Status.NEW.value, case.applied_at, list[Stretch]()
    for entry in sorted(entries, key=lambda entry: (entry.at, entry.pk)):
        if entry.kind not in READ:
            continue
        moment = max(entry.at, since)
        _add(found, _holder(status, asked), since, moment)
        since = moment
        if entry.kind in OPENS:
            kind = KINDS.get(entry.data.get("kind", ""))
            asked[entry.data.get("handoff")] = entry.data.get("to_role") or (kind.to_role if kind else "")
        elif entry.kind in ENDS:
            asked.pop(entry.data.get("handoff"), None)
        else:
            status = entry.data.get("to", status)
    if case.status != Case.Status.CLOSED:
        _add(found, _holder(status, asked), since, max(at, since))
    return found


def _holder(status: str, asked: dict[Any, str]) -> str:
    if status == Case.Status.CLOSED:
        return ""
    if asked:
        return next(iter(asked.values()))
    return BUYER if status == Case.Status.WAITING_BUYER else Role.SUPPORT.value


def _add(found: list[Stretch], holder: str, start: datetime, end: datetime) -> None:
    if not holder or end <= start:
        return
    if found and found[-1].holder == holder and found[-1].end == start:
        start = found.pop().start
    found.append(Stretch(holder, start, end))


def totals(rows: Iterable[Stretch]) -> dict[str, timedelta]:
    """How long each held it, the first holder first."""
    sums: dict[str, timedelta] = {}
    for row in rows:
        sums[row.holder] = sums.get(row.holder, timedelta()) + row.length
    return sums
