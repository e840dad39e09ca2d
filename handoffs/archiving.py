"""What has had its time: buyers are erased, messages go, parcel events and timelines go into the archive. And sessions
that are over go.

May be run at any time, beside a working desk, and be cut off at any moment: it works in small transactions, and a row
is in the archive (and on the disk) before it is gone from the database. Cut off in between it is there twice, with the
same id, never not at all. What one run does not reach in its time the next one does: whatever is done is not found
again. The archive is gzipped JSON lines, one file a run and kind, in VAR_DIR/archive.
"""

import gzip
import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from importlib import import_module
from pathlib import Path
from time import perf_counter
from typing import Any

from django.conf import settings
from django.core.serializers.json import DjangoJSONEncoder
from django.db import models, transaction
from django.db.models import Exists, F, Max, OuterRef, Q, QuerySet

from accounts.models import DutyShift
from handoffs import imports
from handoffs.flow import erasure, unpicked, waterfall
from handoffs.flow.moves import locked_case, note
from handoffs.models import (
    Attachment,
    Case,
    CaseSource,
    ChannelPost,
    OutboxMessage,
    Parcel,
    ParcelEvent,
    RejectedRow,
    Retention,
    TimelineEntry,
    WarehouseOrder,
)  # fmt: skip

BATCH = 500
SECONDS = 50 * 60.0  # a run may take: less than the hour after which a broker hands a task out again
# What reports count (refused and reopened, by day) and what the waterfall reads stays in the timeline, and so does what
# was done for good.
COUNTED = Q(kind__in=("arrived", "archived", "erased", *waterfall.READ)) | Q(
    kind="changed", data__changes__has_key="phase"
)


@dataclass
class Counts:
    """Rows, but for `erased`, cases, and `files`: uploads and photos of no case; `orders`: in warehouses."""

    messages: int = 0
    events: int = 0
    timeline: int = 0
    rejected: int = 0
    files: int = 0
    erased: int = 0
    orders: int = 0


def folder() -> Path:
    return Path(settings.VAR_DIR) / "archive"


def run(*, at: datetime, dry_run: bool = False) -> dict[str, Any]:
    """One pass by the retention policy. Returns the counts with the time; `dry_run` counts and changes nothing.

    Buyers first, and into the archive goes only what belongs to buyers who are gone: it names them no more.
    """
    policy, counts = Retention.objects.filter(pk=1).first() or Retention(), Counts()
    done = Pass(at, counts, dry_run=dry_run, buyers_go=policy.personal is not None)
    if not dry_run:
        import_module(settings.SESSION_ENGINE).SessionStore.clear_expired()
    counts.files += imports.remove_old(at, dry_run=dry_run)
    done.asked_for()
    for days, what in ((policy.personal, done.personal), (policy.messages, done.messages),
                       (policy.events, done.events), (policy.timeline, done.timeline)):  # fmt: skip
        if days is not None:
            what(at - timedelta(days=days))
    counts.orders += done.removed(WarehouseOrder.objects.filter(at__lt=at - unpicked.KEPT))
    return {"at": at.isoformat(), **asdict(counts)}


@dataclass
class Pass:
    """One run over everything that has had its time."""

    at: datetime
    counts: Counts
    dry_run: bool
    buyers_go: bool  # or they are kept for ever, and so are the names in the archive
    going: "list[QuerySet[Case]]" = field(default_factory=list)  # a dry run's, in place of those that are gone
    would_go: set[int] = field(default_factory=set)
    begun: float = field(default_factory=lambda: perf_counter())

    def batches(self, rows: "QuerySet[Any]") -> Iterator[list[int]]:
        """Ids in the order of their keys, a batch at a time, while there is time; what is done in between does not
        shift what follows.
        """
        after = 0
        while perf_counter() - self.begun < SECONDS:
            ids = list(rows.filter(pk__gt=after).order_by("pk").values_list("pk", flat=True)[:BATCH])
            if not ids:
                return
            yield ids
            after = ids[-1]

    def messages(self, before: datetime) -> None:
        """Messages that nobody is to send any more, of the bell and of chat."""
        told = OutboxMessage.objects.filter(created_at__lt=before, mail__in=("none", "sent", "dead"))
        self.counts.messages += self.removed(told)
        self.counts.messages += self.removed(
            ChannelPost.objects.filter(created_at__lt=before, state__in=("sent", "dead"))
        )

    def events(self, before: datetime) -> None:
        """The events of parcels all of whose cases were closed by then, but for each parcel's last."""
        living = Parcel.cases.through.objects.filter(parcel=OuterRef("pk")).exclude(
            case__status=Case.Status.CLOSED, case__changed_at__lt=before
        )
        named = Parcel.cases.through.objects.filter(~self._nameless("case__"), parcel=OuterRef("pk"))
        done = Parcel.objects.filter(~Exists(living), ~Exists(named), archived_at=None, created_at__lt=before)
        for ids in self.batches(done):
            with transaction.atomic():
                self._events_of(_held(done, ids))

    def _events_of(self, parcels: list[int]) -> None:
        last = ParcelEvent.objects.filter(parcel__in=parcels).order_by().values("parcel").annotate(last=Max("pk"))
        rows = ParcelEvent.objects.filter(parcel__in=parcels).exclude(pk__in=last.values("last"))
        self.counts.events += self._put_away("events", rows, parcel=F("parcel__waybill"))
        if not self.dry_run:
            Parcel.objects.filter(pk__in=parcels).update(archived_at=self.at)

    def timeline(self, before: datetime) -> None:
        """The timeline of cases closed by then, but for what is counted; a row says where it went."""
        fresh = Q(source__archived_at=None) | Q(source__archived_at__lt=F("changed_at"))
        closed = Case.objects.filter(fresh, self._nameless(), status=Case.Status.CLOSED, changed_at__lt=before)
        for ids in self.batches(closed):
            with transaction.atomic(), erasure.timeline_open():
                held = list(closed.select_for_update(of=("self",), no_key=True).filter(pk__in=ids))
                rows: QuerySet[Any] = models.QuerySet(TimelineEntry).filter(case__in=held).exclude(COUNTED)
                gone = rows.order_by().values("case").annotate(n=models.Count("pk"))
                counted = dict(gone.values_list("case", "n"))
                self.counts.timeline += self._put_away("timeline", rows, refund_id=F("case__refund_id"))
                if not self.dry_run:
                    file = self._file("timeline").name
                    for case in (case for case in held if counted.get(case.pk)):
                        note(case, "archived", at=self.at, by=None, rows=counted[case.pk], file=file)
                    CaseSource.objects.filter(case__in=held).update(archived_at=self.at)

    def _nameless(self, case: str = "") -> Q:
        """Cases whose buyer is gone; where buyers are kept for ever, all but those of a buyer who is still to go."""
        gone = {"erased_at__isnull": False} if self.buyers_go else {"erase_asked_at": None}
        found = Q(**{f"{case}source__{name}": value for name, value in gone.items()})
        for cases in self.going:
            found |= Q(Exists(cases.filter(pk=OuterRef(f"{case}pk"))))
        return found

    def asked_for(self) -> None:
        """Cases whose buyer asked to be erased while they were open."""
        self._erase(erasure.over(Case.objects.filter(source__erase_asked_at__isnull=False)), "asked_for")

    def personal(self, before: datetime) -> None:
        """Buyers of cases on which nothing moved since; and what holds buyers and belongs to no case, by its age."""
        self._erase(erasure.idle(Case.objects.filter(source__erased_at=None), since=before), "retention")
        self.counts.rejected += self.removed(RejectedRow.objects.filter(run__started_at__lt=before))
        self._loose_photos(Attachment.objects.filter(case=None, receipt__parcel=None, at__lt=before))
        if not self.dry_run:
            DutyShift.objects.filter(ends_at__lt=before).exclude(note="").update(note="")

    def _erase(self, cases: "QuerySet[Case]", cause: str) -> None:
        if self.dry_run:
            self.going.append(cases)
        for ids in self.batches(cases):
            if self.dry_run:
                self.would_go.update(ids)  # asked for, and by its age too: once
                self.counts.erased = len(self.would_go)
                continue
            read = erasure.read_through(ids) if cause == "asked_for" else {}
            for pk in ids:
                with transaction.atomic():
                    case = locked_case(pk)
                    if cases.filter(pk=pk).exists():  # it may have moved while we waited for it
                        erasure.erase(case, by=None, at=self.at, read=read, cause=cause)
                        self.counts.erased += 1

    def _loose_photos(self, rows: "QuerySet[Attachment]") -> None:
        for ids in self.batches(rows):
            if not self.dry_run:
                with transaction.atomic():
                    erasure.remove_photos(rows.filter(pk__in=ids))
            self.counts.files += len(ids)

    def removed(self, rows: "QuerySet[Any]") -> int:
        if self.dry_run:
            return rows.count()
        return sum(_delete(rows, ids) for ids in self.batches(rows))

    def _put_away(self, kind: str, rows: "QuerySet[Any]", **named: Any) -> int:
        """Write rows to the archive, make sure they are on the disk, and delete them; all inside the caller's lock."""
        found = _read(rows, named)
        if found and not self.dry_run:
            self._write(kind, found)
            models.QuerySet(rows.model).filter(pk__in=[row["id"] for row in found]).delete()
        return len(found)

    def _file(self, kind: str) -> Path:
        return folder() / f"{self.at:%Y-%m-%dT%H%M%S}-{kind}.jsonl.gz"

    def _write(self, kind: str, rows: list[dict[str, Any]]) -> None:
        lines = "".join(json.dumps(row, cls=DjangoJSONEncoder, ensure_ascii=False) + "\n" for row in rows)
        if is_new := not self._file(kind).exists():
            folder().mkdir(mode=0o700, parents=True, exist_ok=True)
        with self._file(kind).open("ab") as file:
            os.fchmod(file.fileno(), 0o600)
            file.write(gzip.compress(lines.encode()))  # members one after another are one gzip file
            file.flush()
            os.fsync(file.fileno())
        if is_new:
            _names_on_disk(folder())
            _names_on_disk(folder().parent)


def _read(rows: "QuerySet[Any]", named: dict[str, Any]) -> list[dict[str, Any]]:
    """The rows as they go into the archive, each with the number it is looked for by."""
    return list(rows.annotate(**{f"of_{name}": what for name, what in named.items()}).order_by("pk").values())


def _names_on_disk(path: Path) -> None:
    """A file that is on the disk can still be missing from its folder."""
    held = os.open(path, os.O_RDONLY)
    try:
        os.fsync(held)
    finally:
        os.close(held)


def _held(parcels: "QuerySet[Parcel]", ids: list[int]) -> list[int]:
    """Those that are still done with, locked, and their cases before them, as every act does."""
    cases = Parcel.cases.through.objects.filter(parcel__in=ids).values("case")
    list(Case.objects.filter(pk__in=cases).select_for_update(no_key=True).order_by("pk").values_list("pk"))
    rows = parcels.filter(pk__in=ids).select_for_update(of=("self",), no_key=True).order_by("pk")
    return list(rows.values_list("pk", flat=True))


def _delete(rows: "QuerySet[Any]", ids: Iterable[int]) -> int:
    with transaction.atomic():
        return int(rows.filter(pk__in=list(ids)).delete()[0])
