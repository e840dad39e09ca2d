"""The worker's timetable keeps the clocks, and a pass nobody took in time does not pile up."""

from collections import Counter
from collections.abc import Callable, Iterator
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
import time_machine
from celery.app.task import Task
from celery.beat import PersistentScheduler
from celery.schedules import crontab
from celery.utils.imports import symbol_by_name
from django.conf import LazySettings
from django.core.management import call_command

from handoffs.management.commands import start
from handoffs.models import Connection, Tick
from refunddesk.beat import Scheduler
from refunddesk.celery import app
from tests import factories
from tests.factories import NOON, World
from tests.running.test_deploy import commands

app.loader.import_default_modules()
ENTRIES = sorted(app.conf.beat_schedule.items())
ASKS_EACH_SHOP = ("pull", "reconcile")
ASKS_OTHERS = (*ASKS_EACH_SHOP, "imports")


def test_the_clocks_are_swept_and_mails_delivered_every_fifteen_seconds() -> None:
    assert {name: entry["schedule"] for name, entry in ENTRIES} == {
        "sweep": 15.0, "deliver": 15.0, "notify": 15.0, "payments": 30.0, "imports": 30.0, "pull": 60.0, "track": 30.0,
        "digests": 300.0,
        "reconcile": crontab(hour=19, minute=10), "archive": crontab(hour=18, minute=40),
    }  # fmt: skip


@pytest.mark.parametrize(("name", "entry"), ENTRIES)
def test_an_entry_names_a_task_there_is_and_is_dropped_when_the_next_is_due(name: str, entry: dict) -> None:
    app.loader.import_default_modules()
    assert entry["task"] == f"handoffs.tasks.{name}"
    assert entry["task"] in app.tasks
    between = entry["schedule"] if isinstance(entry["schedule"], float) else 24 * 3600.0
    assert 0 < entry["options"]["expires"] <= between


def test_a_task_whose_worker_dies_is_taken_again_and_keeps_no_result() -> None:
    assert app.conf.task_acks_late is True
    assert app.conf.task_ignore_result is True
    assert app.conf.worker_prefetch_multiplier == 1


class Beat:
    """A scheduler that walks on by travelled time and notes what it would have sent."""

    def __init__(self, scheduler: type[PersistentScheduler], file: Path, clock: time_machine.Traveller) -> None:
        self.sent: list[str] = []
        self.clock = clock
        self.scheduler = scheduler(app=app, schedule_filename=str(file))
        self.scheduler.producer = None
        self.scheduler.apply_entry = lambda entry, producer: self.sent.append(entry.name)

    def run(self, *, seconds: float) -> list[str]:
        """What is sent in so many seconds."""
        before, left = len(self.sent), seconds
        while left > 0:
            wait = min(max(self.scheduler.tick(), 0.01), left)
            self.clock.shift(wait)
            left -= wait
        return self.sent[before:]


@pytest.fixture
def beat_of(tmp_path: Path) -> Iterator[Callable[..., Beat]]:
    made: list[Beat] = []
    with time_machine.travel(NOON, tick=False) as clock:

        def make(scheduler: type[PersistentScheduler] = Scheduler) -> Beat:
            made.append(Beat(scheduler, tmp_path / "beat.db", clock))
            return made[-1]

        yield make
        for each in made:
            each.scheduler.close()


def test_a_clock_put_back_an_hour_stops_no_entry(beat_of: Callable[..., Beat]) -> None:
    beat = beat_of()
    beat.run(seconds=301)
    beat.clock.shift(-3600)
    sent = Counter(beat.run(seconds=60))
    assert set(sent) >= {name for name, entry in ENTRIES}
    assert sent["sweep"] >= 3


def test_celerys_own_scheduler_waits_out_the_hour(beat_of: Callable[..., Beat]) -> None:
    """What the desk's scheduler is there for: without it the same hour passes without a sweep."""
    beat = beat_of(PersistentScheduler)
    assert "sweep" in beat.run(seconds=301)
    beat.clock.shift(-3600)
    assert beat.run(seconds=3500) == []


def test_a_beat_that_was_started_anew_after_the_clock_was_put_back_goes_on_too(beat_of: Callable[..., Beat]) -> None:
    beat = beat_of()
    beat.run(seconds=301)
    beat.scheduler.close()
    beat.clock.shift(-3600)
    assert "sweep" in beat_of().run(seconds=20)


def test_the_night_comes_once_though_the_clock_is_put_back(beat_of: Callable[..., Beat]) -> None:
    """After a month that was none: the nightly jobs run at once, and then at their hour again."""
    beat = beat_of()
    beat.clock.move_to(NOON.replace(month=12))
    assert {"archive", "reconcile"} <= set(beat.run(seconds=20))
    beat.clock.move_to(NOON)
    assert Counter(beat.run(seconds=60))["archive"] == 1
    beat.clock.move_to(NOON.replace(hour=18, minute=39))
    assert Counter(beat.run(seconds=600))["archive"] == 1


def test_a_clock_put_forward_brings_everything_once(beat_of: Callable[..., Beat]) -> None:
    beat = beat_of()
    beat.run(seconds=301)
    beat.clock.shift(7200)
    assert Counter(beat.run(seconds=5))["sweep"] == 1


def test_every_way_to_start_beat_takes_the_desks_scheduler() -> None:
    """By itself, inside a worker as `start` does it; each without an option that names another."""
    assert app.conf.beat_scheduler == "refunddesk.beat.Scheduler"
    assert app.conf.beat_max_loop_interval == 5
    assert symbol_by_name(app.Beat(quiet=True).scheduler_cls) is Scheduler
    assert symbol_by_name(app.either("beat_scheduler", None)) is Scheduler  # as a worker chooses
    started = [*start._commands(8000)["worker"], *(word for _where, words in commands() for word in words)]
    assert not {"--scheduler", "-S", "--max-interval"} & set(started)


@pytest.fixture
def desk(db: None, settings: LazySettings, tmp_path: Path) -> Iterator[World]:
    settings.VAR_DIR = tmp_path
    with time_machine.travel(NOON, tick=False):
        yield factories.world()


@pytest.mark.django_db
@pytest.mark.parametrize(("name", "entry"), ENTRIES)
def test_each_entry_runs_on_an_empty_desk(name: str, entry: dict[str, Any]) -> None:
    app.tasks[entry["task"]].apply(throw=True)


@pytest.mark.parametrize(("name", "entry"), ENTRIES)
def test_each_entry_runs_on_a_desk_with_work_and_leaves_proof_of_it(
    name: str, entry: dict[str, Any], desk: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[Any, ...]] = []
    monkeypatch.setattr(Task, "apply_async", lambda self, args=(), *_rest, **_more: asked.append((self.name, *args)))
    factories.case(desk.shop, path=3, at=NOON - timedelta(days=2))
    factories.case(desk.other_shop)
    shop = Connection(shop=desk.shop, app_key="12345")
    shop.keep(secret="secret-of-the-shop")
    shop.save()
    app.tasks[entry["task"]].apply(throw=True)
    if name in ASKS_EACH_SHOP:
        assert asked == [(f"handoffs.tasks.{name}_shop", shop.pk)]
    elif name not in ASKS_OTHERS:
        assert Tick.objects.get(name=name).totals["passes"] == 1


def test_the_archive_by_hand_leaves_proof_too_and_a_dry_run_does_not(desk: World) -> None:
    call_command("archive", "--dry-run", stdout=StringIO())
    assert not Tick.objects.filter(name="archive").exists()
    call_command("archive", stdout=StringIO())
    assert Tick.objects.get(name="archive").at == NOON
