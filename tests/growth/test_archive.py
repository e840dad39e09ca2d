"""The archive: what is read on the desk stays as it was, what came late follows, and nobody can make it lose a row."""

import os
import signal
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from django.db import connections

from handoffs import archiving, eventlog, permissions
from handoffs.carriers.base import State
from handoffs.flow import erasure, handoff, waterfall
from handoffs.flow.handoff import Question
from handoffs.models import Case, Parcel, ParcelEvent, Retention, TimelineEntry
from handoffs.reports import Span
from tests import factories
from tests.factories import NOON, World
from tests.goods import telling
from tests.growth.lives import DAY, YEAR, a_life, archived, event
from tests.races import DOUBLED, exactly, race, together

HOUR = timedelta(hours=1)
LATER = NOON + 4 * YEAR
KEPT = waterfall.READ | {"arrived", "archived", "erased"}


def keep_timelines(days: int) -> None:
    Retention.objects.update_or_create(pk=1, defaults={"timeline": days})


def held(case: Case) -> list[waterfall.Stretch]:
    return waterfall.stretches(case, case.timeline.all(), at=LATER + YEAR)


# What is read on the desk ---------------------------------------------------------------------------------------------


def test_who_held_a_closed_case_is_the_same_before_and_after(world: World) -> None:
    case = factories.case(world.shop, path=3, refund_id="900150")
    asked = handoff.ask(case.pk, Question("special_request", note="买家要补偿"), by=world.support, at=NOON + HOUR)
    handoff.withdraw(asked.pk, by=world.support, at=NOON + 2 * HOUR)
    said = {**factories.ON_PATH[3], "phase": "closed", "marketplace_status": "CLOSED"}
    factories.take(world.shop, factories.row("900150", **said), at=NOON + 3 * HOUR, as_of=NOON + 3 * HOUR)
    before = held(Case.objects.get(pk=case.pk))
    case.refresh_from_db()
    assert [(stretch.holder, (stretch.end - NOON) // HOUR) for stretch in before] == [
        ("support", 1), ("supervisor", 2), ("support", 3),
    ]  # fmt: skip
    erasure.note(case, "note", at=NOON, by=world.support, text="t")
    keep_timelines(1095)
    assert archiving.run(at=LATER)["timeline"] > 0
    assert held(case) == before


def test_a_closed_case_whose_end_is_in_an_old_archive_is_not_drawn_to_this_day(world: World) -> None:
    case = a_life(world)
    rows = [row for row in case.timeline.all() if row.kind != "status"]
    assert max(stretch.end for stretch in waterfall.stretches(case, rows, at=LATER)) < NOON + DAY
    assert waterfall.stretches(case, [], at=LATER) == []


def test_what_was_exported_before_says_what_is_in_the_archive_now(world: World) -> None:
    case, whole = a_life(world), Span(NOON - DAY, NOON + 2 * DAY)
    before = list(eventlog.events([world.shop.pk], whole))
    keep_timelines(1095)
    archiving.run(at=LATER)
    after = list(eventlog.events([world.shop.pk], whole))
    assert after[-1]["activity"] == "archived"
    assert [row for row in before if row["activity"] in KEPT] == [row for row in after[:-1] if row["activity"] in KEPT]
    assert len(before) == len(after) - 1 + len(archived("timeline"))
    told = permissions.visible_timeline(world.support, case).get(kind="archived").data
    assert told["rows"] == len(archived("timeline"))
    (file,) = archiving.folder().glob("*-timeline.jsonl.gz")
    assert told["file"] == file.name


# What came late -------------------------------------------------------------------------------------------------------


def test_events_that_came_after_the_archive_follow_the_others(world: World) -> None:
    case, waybill = a_life(world), "ZT900001"
    for hours in range(3):
        event(case, hours, f"第{hours}站")
    assert archiving.run(at=LATER)["events"] == 2
    late = [telling.event(State.IN_TRANSIT, NOON + hours * timedelta(hours=1), text=f"补{hours}站", waybill=waybill)
            for hours in (10, 11)]  # fmt: skip
    telling.told(case, *late, waybill=waybill, at=LATER + DAY)
    assert ParcelEvent.objects.count() == 3
    archiving.run(at=LATER + 2 * YEAR)
    assert ParcelEvent.objects.count() == 1
    assert {row["text"] for row in archived("events")} == {"第0站", "第1站", "第2站", "补10站"}


def test_what_happened_after_the_archive_follows_too(world: World) -> None:
    case = a_life(world)
    keep_timelines(365)
    archiving.run(at=LATER)
    first = len(archived("timeline"))
    erasure.note(case, "note", at=LATER + DAY, by=world.support, text="t")
    Case.objects.filter(pk=case.pk).update(changed_at=LATER + DAY)
    assert archiving.run(at=LATER + 2 * DAY)["timeline"] == 0
    assert archiving.run(at=LATER + 2 * YEAR)["timeline"] == 1
    assert archiving.run(at=LATER + 4 * YEAR)["timeline"] == 0
    assert len(archived("timeline")) == first + 1


@pytest.mark.parametrize("checked", [True, False], ids=["", "control"])
def test_a_case_that_moves_while_its_parcel_is_looked_up_keeps_its_events(
    world: World, monkeypatch: Any, *, checked: bool
) -> None:
    case = a_life(world)
    for hours in range(3):
        event(case, hours, f"第{hours}站")
    found = archiving.Pass.batches

    def moving(self: Any, rows: Any) -> Any:
        for ids in found(self, rows):
            Case.objects.filter(pk=case.pk).update(status=Case.Status.GOODS_OPEN)
            yield ids

    monkeypatch.setattr(archiving.Pass, "batches", moving)
    if not checked:
        monkeypatch.setattr(archiving, "_held", lambda _parcels, ids: ids)
    Retention.objects.update_or_create(pk=1, defaults={"personal": None, "messages": None})
    archiving.run(at=LATER)
    assert (ParcelEvent.objects.count() == 3) is checked


# Two at once, and one that is killed ----------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
@race("handoffs.archiving._read", ends=DOUBLED)
def test_two_archives_at_once_put_each_row_away_once() -> None:
    case = a_life(factories.world())
    for hours in range(6):
        event(case, hours, f"第{hours}站")
    Retention.objects.update_or_create(pk=1, defaults={"personal": None, "messages": None})
    together(lambda: archiving.run(at=LATER), lambda: archiving.run(at=LATER))
    exactly(len(archived("events")), 5)
    assert sorted(row["text"] for row in archived("events")) == [f"第{hours}站" for hours in range(5)]
    assert ParcelEvent.objects.count() == 1


def killed(at: Any, kind: str) -> None:
    """A process of its own that archives, killed when rows of this kind are on the disk and still in their table."""
    connections.close_all()
    child = os.fork()
    if child == 0:
        written = archiving.Pass._write

        def die(self: Any, what: str, rows: Any) -> None:
            written(self, what, rows)
            if what == kind:
                os.kill(os.getpid(), signal.SIGKILL)

        archiving.Pass._write = die  # type: ignore[method-assign]
        try:
            archiving.run(at=at)
        finally:
            os._exit(1)
    _pid, status = os.waitpid(child, 0)
    assert os.WTERMSIG(status) == signal.SIGKILL


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("kind", ["events", "timeline"])
def test_an_archive_that_was_killed_is_taken_up_again_and_nothing_is_lost(kind: str) -> None:
    case = a_life(factories.world())
    for hours in range(3):
        event(case, hours, f"第{hours}站")
    keep_timelines(1095)
    table = {"events": ParcelEvent, "timeline": TimelineEntry}[kind]
    before = set(table.objects.values_list("pk", flat=True))
    killed(LATER, kind)
    assert set(table.objects.values_list("pk", flat=True)) >= before
    twice = {row["id"] for row in archived(kind)}
    assert twice
    assert archiving.run(at=LATER + DAY)[kind] == len(twice)
    rows = archived(kind)
    assert {row["id"] for row in rows} == twice
    assert len(rows) == 2 * len(twice)
    assert all(rows.count(row) == 2 for row in rows)  # the same to the last letter, so that one of them may be dropped
    assert {row["id"] for row in rows} | set(table.objects.values_list("pk", flat=True)) >= before


def test_the_names_of_new_files_are_on_the_disk_too(world: World, monkeypatch: Any) -> None:
    case, synced = a_life(world), list[str]()
    for hours in range(3):
        event(case, hours, f"第{hours}站")
    real = os.fsync

    def fsync(held: int) -> None:
        synced.append(str(Path(f"/proc/self/fd/{held}").resolve()))
        real(held)

    monkeypatch.setattr(os, "fsync", fsync)
    archiving.run(at=LATER)
    (file,) = archiving.folder().glob("*-events.jsonl.gz")
    assert synced == [str(path.resolve()) for path in (file, archiving.folder(), archiving.folder().parent)]


# Nothing blocks, and time ends ----------------------------------------------------------------------------------------


def test_what_one_run_does_not_reach_in_its_time_the_next_one_does(world: World, monkeypatch: Any) -> None:
    for number in range(5):
        case = factories.case(world.shop, path=2, refund_id=f"90020{number}", outbound=[("中通快递", f"ZT20{number}")])
        Case.objects.filter(pk=case.pk).update(status=Case.Status.CLOSED)
        for hours in range(2):
            event(case, hours, f"第{hours}站")
    Retention.objects.update_or_create(pk=1, defaults={"personal": None, "messages": None})
    ticks = count()
    monkeypatch.setattr(archiving, "BATCH", 1)
    monkeypatch.setattr(archiving, "SECONDS", 3.0)
    monkeypatch.setattr(archiving, "perf_counter", lambda: float(next(ticks)))
    done = [archiving.run(at=LATER + nights * DAY)["events"] for nights in range(6)]
    assert sum(done) == 5
    assert max(done) < 5
    assert not Parcel.objects.filter(archived_at=None).exists()
