"""What has had its time: messages go, parcel events and timelines go into the archive, buyers are erased.

May be run at any time, beside a working desk, and be cut off at any moment: it works in small transactions, and a row
is in the archive (and on the disk) before it is gone from the database. Cut off in between it is there twice, never
not at all. The archive is gzipped JSON lines, one file a run and kind, in VAR_DIR/archive.
"""

import gzip
import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.serializers.json import DjangoJSONEncoder
from django.db import models, transaction
from django.db.models import Exists, F, Max, OuterRef, Q, QuerySet

from handoffs.flow import erasure
from handoffs.flow.moves import locked_case, note
from handoffs.models import (
    Case,
    CaseSource,
    ChannelPost,
    OutboxMessage,
    Parcel,
    ParcelEvent,
    RejectedRow,
    Retention,
    TimelineEntry,
)  # fmt: skip

BATCH = 500
ERASED_A_RUN = 20_000
# What reports count (refused and reopened, by day) stays in the timeline, and so does what was done for good.
COUNTED = Q(kind__in=("arrived", "archived", "erased")) | Q(kind="changed", data__changes__has_key="phase")


@dataclass
class Counts:
    """Rows, but for `erased`: cases."""

    messages: int = 0
    events: int = 0
    timeline: int = 0
    rejected: int = 0
    erased: int = 0


def folder() -> Path:
    return Path(settings.VAR_DIR) / "archive"


def run(*, at: datetime, dry_run: bool = False) -> dict[str, Any]:
    """One pass by the retention policy. Returns the counts with the time; `dry_run` counts and changes nothing."""
    policy, counts = Retention.objects.filter(pk=1).first() or Retention(), Counts()
    done = Pass(at, counts, dry_run=dry_run)
    if policy.messages is not None:
        done.messages(at - timedelta(days=policy.messages))
    if policy.events is not None:
        done.events(at - timedelta(days=policy.events))
    if policy.timeline is not None:
        done.timeline(at - timedelta(days=policy.timeline))
    done.asked_for()
    if policy.personal is not None:
        done.personal(at - timedelta(days=policy.personal))
    return {"at": at.isoformat(), **asdict(counts)}


@dataclass
class Pass:
    """One run over everything that has had its time."""

    at: datetime
    counts: Counts
    dry_run: bool

    def messages(self, before: datetime) -> None:
        """Messages that nobody is to send any more, of the bell and of chat."""
        told = OutboxMessage.objects.filter(created_at__lt=before, mail__in=("none", "sent", "dead"))
        self.counts.messages += self._removed(told)
        self.counts.messages += self._removed(
            ChannelPost.objects.filter(created_at__lt=before, state__in=("sent", "dead"))
        )

    def events(self, before: datetime) -> None:
        """The events of parcels all of whose cases were closed by then, but for each parcel's last."""
        living = Parcel.cases.through.objects.filter(parcel=OuterRef("pk")).exclude(
            case__status=Case.Status.CLOSED, case__changed_at__lt=before
        )
        done = Parcel.objects.filter(~Exists(living), archived_at=None, created_at__lt=before)
        for ids in _batches(done):
            with transaction.atomic():
                held = list(
                    Parcel.objects.select_for_update(no_key=True).filter(pk__in=ids).values_list("pk", flat=True)
                )
                last = ParcelEvent.objects.filter(parcel__in=held).order_by().values("parcel").annotate(last=Max("pk"))
                rows = ParcelEvent.objects.filter(parcel__in=held).exclude(pk__in=last.values("last"))
                self.counts.events += self._put_away("events", rows, parcel=F("parcel__waybill"))
                if not self.dry_run:
                    Parcel.objects.filter(pk__in=held).update(archived_at=self.at)

    def timeline(self, before: datetime) -> None:
        """The timeline of cases closed by then, but for what is counted; a row says where it went."""
        closed = Case.objects.filter(status=Case.Status.CLOSED, changed_at__lt=before, source__archived_at=None)
        for ids in _batches(closed):
            with transaction.atomic(), erasure.timeline_open():
                held = list(closed.select_for_update(of=("self",), no_key=True).filter(pk__in=ids))
                rows: QuerySet[Any] = models.QuerySet(TimelineEntry).filter(case__in=held).exclude(COUNTED)
                gone = rows.order_by().values("case").annotate(n=models.Count("pk"))
                counted = dict(gone.values_list("case", "n"))
                self.counts.timeline += self._put_away("timeline", rows, refund_id=F("case__refund_id"))
                if not self.dry_run:
                    for case in (case for case in held if counted.get(case.pk)):
                        note(
                            case,
                            "archived",
                            at=self.at,
                            by=None,
                            rows=counted[case.pk],
                            file=self._file("timeline").name,
                        )
                    CaseSource.objects.filter(case__in=held).update(archived_at=self.at)

    def asked_for(self) -> None:
        """Cases whose buyer asked to be erased while they were open."""
        asked = CaseSource.objects.filter(erase_asked_at__isnull=False, case__status=Case.Status.CLOSED)
        self._erase(asked, "asked_for")

    def personal(self, before: datetime) -> None:
        """Buyers of cases closed by then; and rows of files that were turned down, which hold buyers too."""
        closed = CaseSource.objects.filter(case__status=Case.Status.CLOSED, case__changed_at__lt=before)
        self._erase(closed.filter(erased_at=None), "retention")
        self.counts.rejected += self._removed(RejectedRow.objects.filter(run__started_at__lt=before))

    def _erase(self, rows: "QuerySet[CaseSource]", cause: str) -> None:
        for pk in rows.order_by("pk").values_list("pk", flat=True)[:ERASED_A_RUN]:
            with transaction.atomic():
                case = locked_case(pk)
                if not erasure.may_go(case):
                    continue
                if not self.dry_run:
                    erasure.erase(case, by=None, at=self.at, cause=cause)
                self.counts.erased += 1

    def _removed(self, rows: "QuerySet[Any]") -> int:
        if self.dry_run:
            return rows.count()
        return sum(_delete(rows, ids) for ids in _batches(rows))

    def _put_away(self, kind: str, rows: "QuerySet[Any]", **named: Any) -> int:
        """Write rows to the archive, make sure they are on the disk, and delete them; all inside the caller's lock."""
        found = list(rows.annotate(**{f"of_{name}": what for name, what in named.items()}).order_by("pk").values())
        if found and not self.dry_run:
            self._write(kind, found)
            models.QuerySet(rows.model).filter(pk__in=[row["id"] for row in found]).delete()
        return len(found)

    def _file(self, kind: str) -> Path:
        return folder() / f"{self.at:%Y-%m-%dT%H%M%S}-{kind}.jsonl.gz"

    def _write(self, kind: str, rows: list[dict[str, Any]]) -> None:
        folder().mkdir(mode=0o700, parents=True, exist_ok=True)
        lines = "".join(json.dumps(row, cls=DjangoJSONEncoder, ensure_ascii=False) + "\n" for row in rows)
        with self._file(kind).open("ab") as file:
            os.fchmod(file.fileno(), 0o600)
            file.write(gzip.compress(lines.encode()))  # members one after another are one gzip file
            file.flush()
            os.fsync(file.fileno())


def _batches(rows: "QuerySet[Any]") -> Iterator[list[int]]:
    """Ids in the order of their keys, a batch at a time; what is done in between does not shift what follows."""
    after = 0
    while ids := list(rows.filter(pk__gt=after).order_by("pk").values_list("pk", flat=True)[:BATCH]):
        yield ids
        after = ids[-1]


def _delete(rows: "QuerySet[Any]", ids: Iterable[int]) -> int:
    with transaction.atomic():
        return int(rows.filter(pk__in=list(ids)).delete()[0])
