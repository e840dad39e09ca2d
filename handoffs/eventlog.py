"""The flow's event log for process-mining tools, as XES (IEEE 1849) and CSV: who did what on which case when.

One trace a case, its events in order; where some are in the archive by now, an event `archived` says so. No amounts
and no words to or of a buyer: names of steps, people, lanes, moments.
Written piece by piece, so that a month of cases costs no more memory than a day.
"""

import io
from collections.abc import Collection, Iterator
from itertools import groupby
from typing import Any
from xml.sax.saxutils import quoteattr

from django.db.models import F

from handoffs.flow.kinds import KINDS
from handoffs.intake.rejects import neutral, table
from handoffs.models import TimelineEntry
from handoffs.reports import Span

COLUMNS = ("case", "shop", "activity", "timestamp", "resource", "path", "question", "role", "clock")
HEAD = """<?xml version="1.0" encoding="UTF-8"?>
<log xes.version="1849.2016" xmlns="http://www.xes-standard.org/">
<extension name="Concept" prefix="concept" uri="http://www.xes-standard.org/concept.xesext"/>
<extension name="Time" prefix="time" uri="http://www.xes-standard.org/time.xesext"/>
<extension name="Organizational" prefix="org" uri="http://www.xes-standard.org/org.xesext"/>
<classifier name="Activity" keys="concept:name"/>
"""


def events(shops: Collection[int], span: Span) -> Iterator[dict[str, Any]]:
    """Every timeline row of these shops in the span as plain values, by case, in order."""
    rows = TimelineEntry.objects.filter(case__shop__in=shops, at__gte=span.start, at__lt=span.end)
    rows = rows.select_related("by", "case__shop").order_by("case_id", "at", "pk")
    found = rows.annotate(archived=F("case__source__archived_at")).iterator(chunk_size=2000)
    for _case, own in groupby(found, key=lambda entry: entry.case_id):
        for entry in own:
            yield _shown(entry)
        if entry.archived is not None and entry.archived >= span.end:  # type: ignore[attr-defined]
            yield from map(_shown, entry.case.timeline.filter(kind="archived", at__gte=span.end))


def _shown(entry: TimelineEntry) -> dict[str, Any]:
    kind = str(entry.data.get("kind") or "")
    return {
        "case": entry.case.refund_id, "shop": entry.case.shop.code, "activity": entry.kind,
        "timestamp": entry.at.isoformat(), "resource": entry.by.name if entry.by else "desk",
        "path": str(entry.case.path or ""), "question": kind if kind in KINDS else "",
        "role": str(entry.data.get("to_role") or ""), "clock": str(entry.data.get("clock") or ""),
    }  # fmt: skip


def as_csv(rows: Iterator[dict[str, Any]]) -> Iterator[str]:
    """A table with a BOM, as spreadsheets like it; no cell runs as a formula."""
    line = io.StringIO()
    written = table(line)
    yield "\ufeff"
    written.writerow(COLUMNS)
    for row in rows:
        written.writerow(neutral(row[name]) for name in COLUMNS)
        if line.tell() > 60_000:
            yield _taken(line)
    yield _taken(line)


def as_xes(rows: Iterator[dict[str, Any]]) -> Iterator[str]:
    """An XES document: one trace a case."""
    yield HEAD
    for (shop, case), own in groupby(rows, key=lambda row: (row["shop"], row["case"])):
        parts = ["<trace>", _string("concept:name", case), _string("shop", shop)]
        for row in own:
            more = [_string(name, row[name]) for name in ("path", "question", "role", "clock") if row[name]]
            moment = f'<date key="time:timestamp" value={quoteattr(row["timestamp"])}/>'
            parts += ["<event>", _string("concept:name", row["activity"]), moment,
                      _string("org:resource", row["resource"]), *more, "</event>"]  # fmt: skip
        yield "".join([*parts, "</trace>\n"])
    yield "</log>\n"


def _string(key: str, value: str) -> str:
    return f"<string key={quoteattr(key)} value={quoteattr(_clean(value))}/>"


def _clean(value: str) -> str:
    """Without the characters that XML cannot hold."""
    return "".join(letter for letter in value if letter >= " " or letter in "\t\n")


def _taken(line: io.StringIO) -> str:
    text = line.getvalue()
    line.seek(0)
    line.truncate()
    return text
