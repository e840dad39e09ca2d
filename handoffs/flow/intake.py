"""Intake: rows become cases or change them, in batches, idempotently; what cannot be taken is kept with its reason."""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from django.core.exceptions import ValidationError
from django.db import DatabaseError, OperationalError, transaction
from django.db.models import Model
from django.utils.translation import gettext as _

from accounts.models import Shop, User
from handoffs.flow import arrive, changed, lines, merge, personal
from handoffs.flow.errors import FlowError
from handoffs.intake.rows import Reject, Row
from handoffs.models import Case, CaseSource

BATCH = 500
AHEAD = timedelta(days=1)  # clocks and zones of other machines
ERASED = frozenset({"buyer_nick", "description", *merge.PERSONAL})  # what an erased buyer does not get back
Key = tuple[str, str]  # source and number of an application


@dataclass
class Outcome:
    """What became of one row: created, updated, unchanged or rejected, with the reason. `rows`: of the file."""

    number: int
    refund_id: str
    result: str
    reason: str = ""
    rows: int = 1


@dataclass
class Counts:
    """The counts of a run, in rows; `read` counts those that are not entirely blank, and the others add up to it."""

    read: int = 0
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    rejected: int = 0

    def add(self, outcome: Outcome) -> None:
        self.read += outcome.rows
        setattr(self, outcome.result, getattr(self, outcome.result) + outcome.rows)


@dataclass(frozen=True, slots=True)
class Origin:
    """Where rows come from: the moment a file speaks of, its name, and a key that tells this run from others."""

    as_of: datetime
    name: str = ""
    key: str = ""
    dry_run: bool = False


@dataclass
class Batch:
    """What one batch is about to write."""

    news: list[arrive.New] = field(default_factory=list)
    changes: list[changed.Change] = field(default_factory=list)
    outcomes: list[Outcome] = field(default_factory=list)


class DryRun(Exception):
    """Rolls a batch back when only a preview is wanted."""


def take(
    rows: Iterable[Row | Reject], *, shop: Shop, origin: Origin, by: User | None, at: datetime
) -> Iterator[Outcome]:
    """Store rows of one shop, yielding what became of each, in order. One transaction a batch.

    A row the database refuses is rejected by itself; the good rows beside it go through. Raises OperationalError when
    it is the database that fails: the batch at hand is not stored then, those before it are.
    """
    arrival = arrive.Arrival(shop, at, by, origin.key or f"{shop.pk}:{at.isoformat()}")
    for rows_of_batch in chunks(rows, BATCH):
        yield from _batch(list(rows_of_batch), arrival, origin)
    if not origin.dry_run:
        arrival.tell_leads()


def chunks(rows: Iterable[Row | Reject], size: int) -> Iterator[tuple[Row | Reject, ...]]:
    """Rows in batches, in bounded memory."""
    iterator = iter(rows)
    while chunk := tuple(x for _i, x in zip(range(size), iterator, strict=False)):
        yield chunk


def _batch(rows: list[Row | Reject], arrival: arrive.Arrival, origin: Origin) -> list[Outcome]:
    try:
        return _stored(rows, arrival, origin)
    except (DatabaseError, ValidationError, ValueError, FlowError) as error:
        if _is_away(error):
            raise
        if len(rows) == 1:
            row = rows[0]
            message = (
                str(error)
                if isinstance(error, FlowError)
                else _("The row could not be stored: %(error)s") % {"error": error}
            )
            return [Outcome(row.number, getattr(row, "refund_id", ""), "rejected", message)]
    middle = len(rows) // 2
    return _batch(rows[:middle], arrival, origin) + _batch(rows[middle:], arrival, origin)


def _is_away(error: Exception) -> bool:
    """Whether the database itself fails, which is no row's fault. A deadlock (40…) is tried again in smaller parts."""
    state = getattr(error.__cause__, "sqlstate", None) or ""
    return isinstance(error, OperationalError) and not state.startswith("40")


def _stored(rows: list[Row | Reject], arrival: arrive.Arrival, origin: Origin) -> list[Outcome]:
    late, unowned = arrival.late, arrival.unowned
    try:
        with transaction.atomic():
            batch = _sorted_out(rows, arrival, origin)
            if batch.news:
                arrive.admit(batch.news, arrival)
            changed.write(batch.changes, arrival)
            if origin.dry_run:
                raise DryRun
    except BaseException as error:
        # What was remembered of rows that are rolled back now does not exist any more.
        arrival.late, arrival.unowned = late, unowned
        arrival.terms.clear()
        arrival.dealer.forget()
        if not isinstance(error, DryRun):
            raise
    return batch.outcomes


def _sorted_out(rows: list[Row | Reject], arrival: arrive.Arrival, origin: Origin) -> Batch:
    """Tell new from known, newer from older, changed from unchanged."""
    rows = [row if isinstance(row, Reject) else _without_future(row, arrival.at) for row in rows]
    as_before, known = _known(rows, arrival.shop)
    batch = Batch()
    pending: dict[Key, arrive.New] = {}
    touched: dict[Key, changed.Change] = {}
    for row in rows:
        if isinstance(row, Reject):
            batch.outcomes.append(
                Outcome(row.number, str(row.raw.get("refund_id") or ""), "rejected", str(row.message))
            )
            continue
        key = (row.source_kind, row.refund_id)
        if key in as_before:
            batch.outcomes.append(Outcome(row.number, row.refund_id, "unchanged", rows=row.rows))
            continue
        if problem := too_long(row):
            batch.outcomes.append(Outcome(row.number, row.refund_id, "rejected", problem))
            continue
        case = pending[key].case if key in pending else known.get(key)
        if case is None:
            pending[key] = _new(row, arrival, origin)
            batch.news.append(pending[key])
            batch.outcomes.append(Outcome(row.number, row.refund_id, "created", rows=row.rows))
            continue
        source = pending[key].source if key in pending else case.source
        change = _merge(case, source, row, origin, of_the_batch=key in touched)
        if change is not None and key in touched:
            touched[key].then(change)
        elif change is not None and key not in pending:
            touched[key] = change
        elif change is not None and change.lines:
            first = pending[key].row.fields
            first["lines"] = [*first.get("lines", ()), *change.lines]
        batch.outcomes.append(
            Outcome(row.number, row.refund_id, "unchanged" if change is None else "updated", rows=row.rows)
        )
    batch.changes = list(touched.values())
    return batch


def _without_future(row: Row, at: datetime) -> Row:
    """A stamp far in the future is somebody's mistake: it counts as none, else it would keep every true change out."""
    if row.modified is None or row.modified <= at + AHEAD:
        return row
    return replace(row, modified=None)


def _known(rows: Sequence[Row | Reject], shop: Shop) -> tuple[set[Key], dict[Key, Case]]:
    """Applications of which every row here says what was received last, and the other known ones, locked."""
    told = [row for row in rows if isinstance(row, Row)]
    here = Case.objects.filter(shop=shop, refund_id__in={row.refund_id for row in told})
    digests = {(kind, number): digest for kind, number, digest in
               here.values_list("source_kind", "refund_id", "source__digest")}  # fmt: skip
    if not digests:
        return set(), {}
    keys = [(row.source_kind, row.refund_id) for row in told]
    differ = {key for key, row in zip(keys, told, strict=True) if key in digests and digest_of(row) != digests[key]}
    changed_ones = here.filter(refund_id__in={number for _kind, number in differ}) if differ else here.none()
    query = changed_ones.select_related("source", "shop", "owner").order_by("pk")
    query = query.select_for_update(of=("self",), no_key=True)
    if any(row.fields.get("lines") for row in told):
        query = query.prefetch_related("lines")
    return digests.keys() - differ, {(case.source_kind, case.refund_id): case for case in query}


def too_long(row: Row) -> str:
    """The complaint about a value that does not fit its column; nothing when all fit."""
    for name, value in {"refund_id": row.refund_id, **row.fields}.items():
        if name not in ("refund_id", *merge.COLUMNS) or not isinstance(value, str):
            continue
        limit = width(Case, name)
        if limit is not None and len(value) > limit:
            return _("%(field)s is longer than %(limit)s characters.") % {"field": name, "limit": limit}
    return ""


def width(model: type[Model], name: str) -> int | None:
    """How many characters a column holds; None for no bound."""
    found: int | None = getattr(model._meta.get_field(name), "max_length", None)
    return found


def digest_of(row: Row) -> str:
    """A hash of everything the row says, by which the same row is known again."""
    said = {"fields": row.fields, "modified": row.modified}
    return hashlib.sha256(json.dumps(said, sort_keys=True, default=str).encode()).hexdigest()


def _moment(row: Row, origin: Origin) -> datetime:
    return row.modified or origin.as_of


def _new(row: Row, arrival: arrive.Arrival, origin: Origin) -> arrive.New:
    columns = {name: row.fields[name] for name in merge.COLUMNS if name in row.fields}
    case = Case(
        shop=arrival.shop, source_kind=row.source_kind, refund_id=row.refund_id, modified=row.modified,
        created_at=arrival.at, changed_at=arrival.at, **columns,
    )  # fmt: skip
    arrival.judge_reason(case)
    stamped = [*columns, *(["lines"] if row.fields.get("lines") else [])]
    stamps = {name: merge.stamp(_moment(row, origin), stamped=row.modified is not None) for name in stamped}
    source = CaseSource(digest=digest_of(row), stamps=stamps, raw=jsonable(row.raw), imported_from=origin.name[:255])
    for name in merge.PERSONAL:
        setattr(source, name, str(row.fields.get(name) or "")[: width(CaseSource, name)])
    return arrive.New(case, source, row)


def _merge(
    case: Case, source: CaseSource, row: Row, origin: Origin, *, of_the_batch: bool = False
) -> changed.Change | None:
    """Write the row's newer values onto the case in memory; returns what is to be stored, None when nothing changed."""
    digest = digest_of(row)
    if digest == source.digest:
        return None
    stamped = row.modified is not None
    if stamped and case.modified is not None and row.modified < case.modified:  # type: ignore[operator]
        return None
    fields = row.fields if source.erased_at is None else {k: v for k, v in row.fields.items() if k not in ERASED}
    taken = merge.accept(case, fields, source.stamps, moment=_moment(row, origin), stamped=stamped)
    new_parcels = bool(row.fields.get("return_waybill") or row.fields.get("outbound"))
    if case.source_kind == Case.Source.CANCEL and case.order_status == "SHIPPED":
        taken.pop("order_status", None)  # what has left is not unshipped by a later word of the application
    before = {name: getattr(case, name) for name in taken}
    for name, value in taken.items():
        setattr(case, name, value)
    moved_on = stamped and (case.modified is None or row.modified > case.modified)  # type: ignore[operator]
    if moved_on:
        before["modified"], case.modified = case.modified, row.modified
    told = _newer_lines(case, source, row, origin, of_the_batch=of_the_batch)
    if not before and not told and not (new_parcels and stamped):
        return None
    source.digest = digest
    if source.erased_at is None:
        _remember(source, {**source.raw, **jsonable(row.raw)}, before.get("buyer_nick", ""))
    source.agreed_by = row.fields.get("agreed_by") or source.agreed_by
    return changed.Change(case, source, row, before, told)


def _newer_lines(
    case: Case, source: CaseSource, row: Row, origin: Origin, *, of_the_batch: bool
) -> Sequence[Mapping[str, Any]]:
    """What the row says of the lines, where that is newer and differs. `of_the_batch`: another row of it said something
    of the case already, so that it may well say what is stored.
    """
    told, stamped = row.fields.get("lines") or (), row.modified is not None
    known = source.stamps.get("lines") or source.stamps.get("amount")  # lines of long ago have no stamp of their own
    if not merge.newer(known, _moment(row, origin), stamped=stamped):
        return ()
    if not of_the_batch and case.pk is not None and not lines.differ(case, told):
        return ()
    source.stamps["lines"] = merge.stamp(_moment(row, origin), stamped=stamped)
    return told


def _remember(source: CaseSource, raw: dict[str, Any], nick: str) -> None:
    """Keep the row as it now came, and the words for the buyer that it replaces, by which erasing finds them."""
    before = {personal.ID: nick, "raw": source.raw}
    source.former = personal.remembered(source.former, before, raw)
    source.raw = raw


def jsonable(raw: dict[str, Any]) -> dict[str, Any]:
    plain_values: dict[str, Any] = json.loads(json.dumps(raw, default=str))
    return plain_values
