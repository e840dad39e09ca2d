"""An import whose worker died, or whose task was lost, goes on by itself; one that a worker has is left to it."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from redis import RedisError

from handoffs import alone, imports, tasks
from handoffs.models import Case, ImportRun
from tests import factories
from tests.factories import NOON, World
from tests.intake import files
from tests.intake.test_exports import table

SECOND = timedelta(seconds=1)


@pytest.fixture(autouse=True)
def _own_folder(settings: Any, tmp_path: Path) -> Iterator[None]:
    settings.VAR_DIR = tmp_path
    with time_machine.travel(NOON, tick=False):
        yield


@pytest.fixture
def run(db: None) -> ImportRun:
    """An uploaded file that was asked for, and no worker came."""
    world: World = factories.world()
    path = imports.folder() / "upload"
    path.parent.mkdir()
    files.as_csv(path, table("b", {"退款编号": "1"}, {"退款编号": "2"}))
    made = imports.new_run(world.shop, path, name="f.csv", as_of=NOON, at=NOON, by=world.support)
    made.save()
    assert imports.ask(made.pk, at=NOON)
    return made


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, ...]]:
    asked: list[tuple[int, ...]] = []
    monkeypatch.setattr(tasks.run_import, "apply_async", lambda args, expires: asked.append(args))
    return asked


def test_a_run_that_no_worker_took_is_asked_for_again_after_a_minute(run: ImportRun) -> None:
    assert imports.standing(NOON + imports.QUEUED) == []
    assert imports.standing(NOON + imports.QUEUED + SECOND) == [run.pk]


def test_the_timetable_asks_for_it_and_the_worker_takes_it_in(run: ImportRun, sent: list[tuple[int, ...]]) -> None:
    with time_machine.travel(NOON + timedelta(minutes=2), tick=False):
        tasks.resume_imports()
        assert sent == [(run.pk,)]
        tasks.run_import(*sent[0])
        tasks.resume_imports()
    run.refresh_from_db()
    assert (run.status, Case.objects.count(), len(sent)) == ("done", 2, 1)


def test_a_run_in_hand_is_neither_asked_for_nor_begun_a_second_time(run: ImportRun) -> None:
    with alone.alone(f"import:{run.pk}", seconds=imports.HELD):
        assert imports.standing(NOON + timedelta(hours=1)) == []
        assert imports.run(run.pk, at=NOON + timedelta(hours=1)).status == "running"
    run.refresh_from_db()
    assert (run.read, run.started_at) == (0, NOON)
    assert imports.standing(NOON + timedelta(hours=1)) == [run.pk]


def test_a_living_worker_keeps_its_run_with_every_save(run: ImportRun, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also when the cache was emptied under it."""
    monkeypatch.setattr(imports, "SAVE_EVERY", 1)
    after: list[list[int]] = []

    def emptied(_count: int) -> None:
        after.append(imports.standing(NOON + timedelta(hours=1)))
        alone.give_up(f"import:{run.pk}")

    imports.run(run.pk, at=NOON, progress=emptied)
    assert after == [[], []]


def test_a_person_who_starts_it_again_need_not_wait_for_the_dead(run: ImportRun) -> None:
    alone.hold(f"import:{run.pk}", seconds=imports.HELD)
    later = NOON + SECOND
    assert imports.ask(run.pk, at=later)
    assert imports.run(run.pk, at=later).status == "done"
    assert not imports.ask(run.pk, at=later)


def test_a_clock_put_back_does_not_hold_a_run_up(run: ImportRun) -> None:
    assert imports.standing(NOON - timedelta(hours=1)) == [run.pk]


def test_a_run_of_the_command_is_left_to_who_typed_it(run: ImportRun, tmp_path: Path) -> None:
    ImportRun.objects.update(stored=str(tmp_path / "mine.csv"))
    assert imports.standing(NOON + timedelta(hours=1)) == []


def test_a_cache_that_does_not_answer_starts_nothing_anew(run: ImportRun, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_args: object) -> None:
        raise RedisError("away")

    monkeypatch.setattr(alone.cache, "get", away)
    assert imports.standing(NOON + timedelta(hours=1)) == []


class Killed(BaseException):
    """As -9: nothing of the attempt runs after it."""


def test_a_run_that_takes_every_worker_down_is_given_up_and_begun_anew_when_asked(
    run: ImportRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*_args: Any) -> None:
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(imports.Attempt, "take", die)
        patched.setattr(imports.kept, "forget", lambda _key: None)
        for _death in range(imports.DEATHS):
            with pytest.raises(Killed):
                imports.run(run.pk, at=NOON)
            assert ImportRun.objects.get().status == "running"
        assert (imports.run(run.pk, at=NOON).status, Case.objects.count()) == ("failed", 0)
    assert ImportRun.objects.get().error.startswith("5 times its worker died")
    assert imports.standing(NOON + timedelta(hours=1)) == []
    assert imports.ask(run.pk, at=NOON)
    assert (imports.run(run.pk, at=NOON).status, Case.objects.count()) == ("done", 2)
