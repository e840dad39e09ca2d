"""Taking a file in: what the console's import page and the command share.

A run keeps its counts and every rejected row with its reason. Started again after a crash it reads the file from the
beginning: rows already taken are unchanged, so nothing is lost and nothing is doubled.
"""

from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

from django.utils.translation import gettext as _

from accounts.models import User
from handoffs.flow import intake
from handoffs.intake import read, rejects
from handoffs.intake.rows import Reject, Row, Unreadable
from handoffs.models import ImportRun, RejectedRow

SAVE_EVERY = 500


def run(run_id: int, *, at: datetime, progress: Callable[[int], object] | None = None) -> ImportRun:
    """Take the stored file of a run in. The result stands on the run: done, or failed with one clear line."""
    record = ImportRun.objects.select_related("shop", "by").get(pk=run_id)
    if record.status == ImportRun.Status.DONE:
        return record
    record.rejects.all().delete()
    counts = intake.Counts()
    record.status, record.started_at = ImportRun.Status.RUNNING, at
    _keep(record, counts)
    try:
        for outcome in outcomes(record, by=record.by, at=at):
            counts.add(outcome)
            if counts.read % SAVE_EVERY == 0:
                _keep(record, counts)
            if progress is not None:
                progress(1)
    except Unreadable as error:
        record.status, record.error = ImportRun.Status.FAILED, str(error)[:500]
    else:
        record.status = ImportRun.Status.DONE
    record.ended_at = at
    _keep(record, counts)
    return record


def outcomes(record: ImportRun, *, by: User | None, at: datetime, dry_run: bool = False) -> Iterator[intake.Outcome]:
    """What becomes of each row of the run's file; rejected ones are kept on the run as they pass. Raises Unreadable."""
    origin = intake.Origin(as_of=record.as_of, name=record.file_name, key=f"import:{record.pk}", dry_run=dry_run)
    seen: dict[int, Row | Reject] = {}

    def remembered() -> Iterator[Row | Reject]:
        for row in read(Path(record.stored), format=record.format):
            seen[row.number] = row
            yield row

    waiting: list[RejectedRow] = []
    for outcome in intake.take(remembered(), shop=record.shop, origin=origin, by=by, at=at):
        row = seen.pop(outcome.number, None)
        if outcome.result == "rejected" and record.pk is not None:
            waiting.append(_rejected(record, outcome, row))
        if len(waiting) >= SAVE_EVERY:
            RejectedRow.objects.bulk_create(waiting)
            waiting = []
        yield outcome
    RejectedRow.objects.bulk_create(waiting)


def _rejected(record: ImportRun, outcome: intake.Outcome, row: Row | Reject | None) -> RejectedRow:
    field, code = (row.field, row.code) if isinstance(row, Reject) else ("", "not_stored")
    raw = intake.jsonable(row.raw) if row is not None else {}
    return RejectedRow(run=record, number=outcome.number, field=field[:80], code=code[:40],
                       message=outcome.reason[:500] or _("The row could not be taken."), raw=raw)  # fmt: skip


def _keep(record: ImportRun, counts: intake.Counts) -> None:
    for name in ("read", "created", "updated", "unchanged", "rejected"):
        setattr(record, name, getattr(counts, name))
    record.save()


def write_rejects(record: ImportRun, path: Path) -> Path:
    """The run's rejected rows as a workbook that can be fixed and sent again."""
    rejects.write_xlsx(path, list(record.rejects.order_by("number")))
    return path
