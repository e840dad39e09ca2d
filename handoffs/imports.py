"""Taking a file in: what the console's import page and the command share.

A run keeps its counts and every rejected row with its reason. Started again after a crash it reads the file from the
beginning: rows already taken are unchanged, so nothing is lost and nothing is doubled. One attempt at a time has it;
one that died is made up for by the timetable (`standing`), a few times. A person who asks anew (`ask`) is given way:
an older attempt that still lives notices at its next save and stops.
"""

import hashlib
import json
import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import DatabaseError, InterfaceError, OperationalError, transaction
from django.db.models import QuerySet
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from accounts import kept
from accounts.models import Shop, User
from handoffs.alone import alone, give_up, hold, taken
from handoffs.flow import intake, tracking
from handoffs.flow.errors import Invalid
from handoffs.intake import PATIENCE, format_of, read, rejects
from handoffs.intake.headers import OWN_COLUMNS
from handoffs.intake.rows import Reject, Row, Unreadable
from handoffs.models import ImportRun, ParcelEvent, RejectedRow

logger = logging.getLogger(__name__)
SAVE_EVERY = 500
HELD = 60.0  # seconds without a save after which an attempt counts as dead: longer than the slowest batch
QUEUED = timedelta(seconds=60)  # what a run that was asked for may wait for a worker before it is asked for again
DEATHS = 5  # attempts in a row that died with their worker, after which no other is sent after them
KEPT = timedelta(days=30)  # an upload that was not taken in
COUNTED = ("read", "created", "updated", "unchanged", "rejected")
# How the sources write the application's own number; the first that is filled tells a row from another.
ID_COLUMNS = ("refund_id", "退款编号", "服务单号", "id", "serviceId", "waybill", "运单号", "快递单号", "物流单号")
Progress = Callable[[int], object]


class TakenOver(Exception):
    """The run was started anew by somebody else, who goes on with it."""


def folder() -> Path:
    """Where uploads wait until they are taken in: outside every web root."""
    return Path(settings.VAR_DIR) / "imports"


def ask(run_id: int, *, at: datetime) -> bool:
    """A person wants the file taken in: whoever has the run gives way at the next save. False: it is done."""
    wanted = ImportRun.objects.filter(pk=run_id).exclude(status=ImportRun.Status.DONE)
    if not wanted.update(status=ImportRun.Status.RUNNING, started_at=at):
        return False
    kept.forget(_begun(run_id))
    give_up(_job(run_id))
    return True


def standing(at: datetime) -> list[int]:
    """Uploaded runs that were asked for and that no living worker has in hand.

    A run of the command belongs to whoever typed it. A start in the future is of a clock that was put back since.
    """
    asked = ImportRun.objects.filter(status=ImportRun.Status.RUNNING, stored__startswith=f"{folder()}/")
    waited = asked.exclude(started_at__range=(at - QUEUED, at)).order_by("pk")
    return [pk for pk in waited.values_list("pk", flat=True) if not taken(_job(pk))]


def run(run_id: int, *, at: datetime, progress: Progress | None = None) -> ImportRun:
    """Take the stored file of a run in. The result stands on the run: done, or failed with one clear line.

    Harmless when another worker has it, or when it is done.
    """
    record = ImportRun.objects.select_related("shop", "by").get(pk=run_id)
    if record.status == ImportRun.Status.DONE:
        return record
    # The reasons of rejected rows are kept as text, so they are written in the language of who sent the file.
    with alone(_job(run_id), seconds=HELD) as mine, translation.override(_language(record)):
        record.refresh_from_db(fields=["status"])  # it may have come to its end before it was held
        going = mine and record.status != ImportRun.Status.DONE
        return _go(record, at=at, progress=progress) if going else record


def _language(record: ImportRun) -> str | None:
    return record.by.language if record.by else translation.get_language()


def _job(run_id: int) -> str:
    return f"import:{run_id}"


def _begun(run_id: int) -> str:
    """Under which it is kept how often it was begun without coming to any end."""
    return f"import:{run_id}:begun"


def _go(record: ImportRun, *, at: datetime, progress: Progress | None) -> ImportRun:
    attempt, deaths, ended = Attempt(record, at), kept.get(_begun(record.pk)) or 0, True
    attempt.begin()
    kept.keep(_begun(record.pk), deaths + 1, KEPT.total_seconds())
    try:
        if deaths >= DEATHS:
            raise Unreadable(_given_up(deaths))
        attempt.take(progress)
    except TakenOver:
        record.refresh_from_db()
        return record
    except Unreadable as error:
        attempt.end(ImportRun.Status.FAILED, error=str(error)[:500])
    except (OperationalError, InterfaceError):
        ended = False  # the database went away: taken up again by itself like a run whose worker died
        if not _is_upload(record):
            with suppress(DatabaseError):
                attempt.end(ImportRun.Status.FAILED, error=_("The database went away. Start it again."))
        raise
    except Exception:
        attempt.end(ImportRun.Status.FAILED, error=_("It stopped at a fault of the desk itself. Start it again."))
        raise
    else:
        attempt.end(ImportRun.Status.DONE)
        discard(record)
    finally:
        if ended:
            kept.forget(_begun(record.pk))
    return record


def _is_upload(record: ImportRun) -> bool:
    """Whether a worker has the run, not somebody who typed the command."""
    return record.stored.startswith(f"{folder()}/")


def _given_up(deaths: int) -> str:
    """Said instead of taking one worker after the other down with it."""
    return _("%(times)s times its worker died in the middle, so it is not begun again by itself. Start it again, or "
             "send the file in smaller parts.") % {"times": deaths}  # fmt: skip


@dataclass
class Attempt:
    """One go at a run. Its start time is its token: a run that bears another belongs to another attempt."""

    record: ImportRun
    at: datetime
    counts: intake.Counts = field(default_factory=intake.Counts)
    rejected: list[RejectedRow] = field(default_factory=list)
    earlier: dict[str, list[int]] = field(default_factory=dict)
    settled: list[int] = field(default_factory=list)
    saved: int = 0

    @transaction.atomic
    def begin(self) -> None:
        self.record.status, self.record.started_at = ImportRun.Status.RUNNING, self.at
        self.record.ended_at, self.record.error = None, ""
        self._note_counts()
        self.record.save()
        self.record.rejects.all().delete()
        self.earlier = unsettled(self.record)

    def take(self, progress: Progress | None) -> None:
        """Row by row through intake, saving what became of them every few hundred."""
        for outcome, row in results(self.record, by=self.record.by, at=self.at):
            self.counts.add(outcome)
            if row is not None and self.earlier:
                self.settled += self.earlier.pop(identity(row.raw), ())
            if outcome.result == "rejected":
                self.rejected.append(_rejected(self.record, outcome, row))
            if self.counts.read - self.saved >= SAVE_EVERY:
                self._save()
                hold(_job(self.record.pk), seconds=HELD)
            if progress is not None:
                progress(outcome.rows)

    def end(self, status: str, *, error: str = "") -> None:
        """Write the result, unless the run is another attempt's by now."""
        now = timezone.now()
        self.record.status, self.record.error, self.record.ended_at = status, error, now
        try:
            self._save(status=status, error=error, ended_at=now)
        except TakenOver:
            self.record.refresh_from_db()

    @transaction.atomic
    def _save(self, **more: Any) -> None:
        """Counts, rejected rows and what they settle, if the run is still this attempt's. Raises TakenOver."""
        self._note_counts()
        values = {name: getattr(self.record, name) for name in COUNTED}
        mine = ImportRun.objects.filter(pk=self.record.pk, started_at=self.at, status=ImportRun.Status.RUNNING)
        if not mine.update(**values, **more):
            raise TakenOver
        settle(self.settled, at=self.at)
        RejectedRow.objects.bulk_create(self.rejected)
        self.rejected, self.settled, self.saved = [], [], self.counts.read

    def _note_counts(self) -> None:
        for name in COUNTED:
            setattr(self.record, name, getattr(self.counts, name))


def results(
    record: ImportRun, *, by: User | None, at: datetime, dry_run: bool = False, only: int | None = None,
    seconds: int = PATIENCE,
) -> Iterator[tuple[intake.Outcome, Row | Reject | None]]:  # fmt: skip
    """What becomes of each row of the run's file, with the row; `only` the first so many. Raises Unreadable."""
    if not record.stored:
        raise Unreadable(_gone())
    origin = intake.Origin(as_of=record.as_of, name=record.file_name, key=f"import:{record.pk}", dry_run=dry_run)
    seen: dict[int, Row | Reject] = {}

    def remembered() -> Iterable[Row | Reject]:
        for row in islice(read(Path(record.stored), format=record.format, seconds=seconds), only):
            seen[row.number] = row
            yield row

    if is_of_parcels(record, seconds=seconds):
        outcomes = _events(remembered(), record, by=by, at=at, dry_run=dry_run)
    else:
        outcomes = intake.take(remembered(), shop=record.shop, origin=origin, by=by, at=at)
    for outcome in outcomes:
        yield outcome, seen.pop(outcome.number, None)


def is_of_parcels(record: ImportRun, *, seconds: int = PATIENCE) -> bool:
    """Whether the file tells of parcels, not of refund applications. Raises Unreadable."""
    return (record.format if record.format != "auto" else format_of(record.stored, seconds=seconds)) == "parcels"


def _events(
    rows: Iterable[Row | Reject], record: ImportRun, *, by: User | None, at: datetime, dry_run: bool
) -> Iterator[intake.Outcome]:
    """Parcel events of a file, in batches; in each those that are no events come first."""
    origin = tracking.Origin(ParcelEvent.Source.FILE, record.shop, by)
    for batch in _batches(rows):
        for row in batch:
            if isinstance(row, Reject):
                yield intake.Outcome(row.number, "", "rejected", row.message)
        good = [(row.number, row.fields["heard"]) for row in batch if isinstance(row, Row)]
        heard = [tracking.Heard(number, read.track, read.leg, read.order_id) for number, read in good]
        for told in tracking.take(heard, origin, at=at, dry_run=dry_run):
            yield intake.Outcome(told.number, told.waybill, told.result, str(told.reason))


def _batches(rows: Iterable[Row | Reject]) -> Iterator[list[Row | Reject]]:
    source = iter(rows)
    while batch := list(islice(source, SAVE_EVERY)):
        yield batch


def trial(
    record: ImportRun, *, by: User | None, at: datetime, only: int | None = None, progress: Progress | None = None
) -> intake.Counts:
    """The counts a run would have, with nothing changed."""
    counts = intake.Counts()
    for outcome, _row in results(record, by=by, at=at, dry_run=True, only=only):
        counts.add(outcome)
        if progress is not None:
            progress(outcome.rows)
    return counts


# Rejected rows -------------------------------------------------------------------------------------------------------


def _rejected(record: ImportRun, outcome: intake.Outcome, row: Row | Reject | None) -> RejectedRow:
    column, code = (row.field, row.code) if isinstance(row, Reject) else ("", "not_stored")
    raw = intake.jsonable(row.raw) if row is not None else {}
    return RejectedRow(run=record, number=outcome.number, field=column[:80], code=code[:40],
                       message=outcome.reason[:500] or _("The row could not be taken."), raw=raw)  # fmt: skip


def identity(raw: dict[str, Any]) -> str:
    """By what a row is known again in another file: its number, else all it says."""
    bill = raw.get("sameOrderServiceBill")
    raw = bill if isinstance(bill, dict) else raw
    for name in ID_COLUMNS:
        if number := str(raw.get(name) or "").strip(" \t'"):
            return number
    said = {name: value for name, value in raw.items() if name not in OWN_COLUMNS}
    return hashlib.sha256(json.dumps(said, sort_keys=True, default=str).encode()).hexdigest()


def waiting(shops: Iterable[int]) -> QuerySet[RejectedRow]:
    """Rejected rows that nobody has fixed yet."""
    return RejectedRow.objects.filter(run__shop__in=shops, settled_at=None)


def unsettled(record: ImportRun) -> dict[str, list[int]]:
    """What earlier runs of the shop turned down, by identity: reading such a row again settles it, taken or not."""
    found: dict[str, list[int]] = {}
    for pk, raw in waiting([record.shop_id]).exclude(run=record).values_list("pk", "raw").iterator():
        found.setdefault(identity(raw), []).append(pk)
    return found


def settle(ids: Sequence[int], *, at: datetime) -> None:
    for start in range(0, len(ids), SAVE_EVERY):
        RejectedRow.objects.filter(pk__in=ids[start : start + SAVE_EVERY], settled_at=None).update(settled_at=at)


def write_rejects(record: ImportRun, path: Path) -> Path:
    """The run's rejected rows that still wait, else all of them, as a workbook that can be fixed and sent again."""
    rows = list(record.rejects.filter(settled_at=None).order_by("number"))
    rejects.write_xlsx(path, rows or list(record.rejects.order_by("number")))
    return path


# The file ------------------------------------------------------------------------------------------------------------


def keep(chunks: Iterable[bytes], path: Path) -> None:
    """Store an uploaded file. Raises Unreadable where the disk takes no more, and leaves nothing there."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with path.open("wb") as target:
            target.writelines(chunks)
    except (OSError, Invalid) as error:  # or it was not kept when it came
        logger.exception("an uploaded file could not be stored")
        path.unlink(missing_ok=True)
        text = _("The desk's disk takes no more files. Nothing was kept; tell whoever runs the desk.")
        raise Unreadable(text) from error


def discard(record: ImportRun) -> None:
    """Remove the uploaded file, which holds buyers' data; a file that was not uploaded here is left where it is."""
    path = Path(record.stored)
    if path.parent == folder():
        path.unlink(missing_ok=True)


def remove_old(at: datetime, *, dry_run: bool = False) -> int:
    """Remove uploads that were not taken in within KEPT, for they hold buyers; their runs say so. How many."""
    busy = ImportRun.objects.filter(status=ImportRun.Status.RUNNING, started_at__gt=at - timedelta(days=1))
    spared = set(busy.values_list("stored", flat=True))
    old = [path for path in folder().glob("*") if str(path) not in spared and _kept_since(path) < at - KEPT]
    for path in () if dry_run else old:
        for run in ImportRun.objects.filter(stored=str(path)).select_related("by"):
            _tell_gone(run)
        path.unlink(missing_ok=True)
    return len(old)


def _kept_since(path: Path) -> datetime:
    return datetime.fromtimestamp(path.stat().st_mtime, tz=UTC)


def _tell_gone(run: ImportRun) -> None:
    with translation.override(_language(run)):
        ImportRun.objects.filter(pk=run.pk).update(stored="", status=ImportRun.Status.FAILED, error=_gone())


def _gone() -> str:
    return _("The file is gone: one that was not taken in is kept for %(days)d days. Send it again.") % {
        "days": KEPT.days
    }


def new_run(shop: Shop, path: Path, *, name: str, as_of: datetime, at: datetime, **more: Any) -> ImportRun:
    """An unsaved run for a file. Raises Unreadable for an address that cannot be kept."""
    if len(str(path)) > 255:
        raise Unreadable(_("The file's full address is longer than 255 characters. Move it to a shorter one."))
    return ImportRun(shop=shop, file_name=name[:255], stored=str(path), as_of=as_of, started_at=at, **more)
