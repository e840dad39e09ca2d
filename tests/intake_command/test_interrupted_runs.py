"""An import that is cut off, started again, or read a second time loses nothing and doubles nothing."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.db import OperationalError

from handoffs import imports
from handoffs.flow import arrive, intake
from handoffs.models import Case, ImportRun, RejectedRow
from tests import factories
from tests.factories import NOON, World
from tests.intake import files
from tests.intake.test_exports import table

BAD = {"退款编号": "9", "买家退款金额": "abc"}
NO_NUMBER = {"退款编号": "", "买家退款原因": "没有编号的行"}


@pytest.fixture(autouse=True)
def _small_steps(settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Batches of one row, saved after each, so that a run can be cut between any two."""
    settings.VAR_DIR = tmp_path
    monkeypatch.setattr(intake, "BATCH", 1)
    monkeypatch.setattr(imports, "SAVE_EVERY", 1)
    with time_machine.travel(NOON, tick=False):
        yield


@pytest.fixture
def world(db: None) -> World:
    return factories.world()


def run_of(world: World, tmp_path: Path, *changes: dict[str, object], at: datetime = NOON) -> ImportRun:
    path = imports.folder() / f"{ImportRun.objects.count()}"
    path.parent.mkdir(exist_ok=True)
    files.as_csv(path, table("b", *changes))
    run = imports.new_run(world.shop, path, name="f.csv", as_of=at, at=at, by=world.support)
    run.save()
    return run


class Killed(BaseException):
    """The worker's end."""


def cut_after(rows: int) -> imports.Progress:
    passed = []

    def progress(count: int) -> None:
        passed.append(count)
        if len(passed) >= rows:
            raise Killed

    return progress


ROWS = ({"退款编号": "1"}, {"退款编号": "2"}, BAD, {"退款编号": "4"})


def test_a_killed_run_says_how_far_it_came_and_goes_on_when_started_again(world: World, tmp_path: Path) -> None:
    run = run_of(world, tmp_path, *ROWS)
    with pytest.raises(Killed):
        imports.run(run.pk, at=NOON, progress=cut_after(3))
    run.refresh_from_db()
    assert (run.status, run.read, run.created, run.rejected) == ("running", 3, 2, 1)
    again = imports.run(run.pk, at=NOON + timedelta(minutes=5))
    assert (again.status, again.read, again.created, again.unchanged, again.rejected) == ("done", 4, 1, 2, 1)
    assert (Case.objects.count(), RejectedRow.objects.count()) == (3, 1)


def test_an_older_attempt_that_still_lives_stops_when_the_run_was_started_anew(world: World, tmp_path: Path) -> None:
    run = run_of(world, tmp_path, *ROWS)
    started = []

    def started_anew(_count: int) -> None:
        if not started:
            imports.ask(run.pk, at=NOON + timedelta(minutes=5))
            started.append(imports.run(run.pk, at=NOON + timedelta(minutes=5)))

    told = imports.run(run.pk, at=NOON, progress=started_anew)
    (second,) = started
    assert (second.status, second.read) == ("done", 4)
    assert (told.status, told.read, told.created + told.unchanged, told.rejected) == ("done", 4, 3, 1)
    assert (Case.objects.count(), RejectedRow.objects.count()) == (3, 1)


def test_a_done_run_is_left_as_it_is(world: World, tmp_path: Path) -> None:
    run = run_of(world, tmp_path, *ROWS)
    imports.run(run.pk, at=NOON)
    assert imports.run(run.pk, at=NOON + timedelta(hours=1)).ended_at == NOON


def test_a_fault_of_the_desk_leaves_a_failed_run_that_can_be_started_again(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = run_of(world, tmp_path, *ROWS)

    def broken(*_args: Any, **_options: Any) -> None:
        raise RuntimeError("a fault")

    with monkeypatch.context() as patch:
        patch.setattr(imports, "_rejected", broken)
        with pytest.raises(RuntimeError):
            imports.run(run.pk, at=NOON)
    run.refresh_from_db()
    assert (run.status, bool(run.error)) == ("failed", True)
    again = imports.run(run.pk, at=NOON + timedelta(minutes=1))
    assert (again.status, again.error, again.rejected) == ("done", "", 1)


def test_a_file_that_is_gone_is_a_failed_run_with_one_line(world: World, tmp_path: Path) -> None:
    run = run_of(world, tmp_path, *ROWS)
    Path(run.stored).unlink()
    told = imports.run(run.pk, at=NOON)
    assert (told.status, told.error) == ("failed", "The file cannot be opened: No such file or directory")


def test_the_uploaded_file_is_kept_until_the_run_is_done(world: World, tmp_path: Path) -> None:
    run = run_of(world, tmp_path, *ROWS)
    with pytest.raises(Killed):
        imports.run(run.pk, at=NOON, progress=cut_after(1))
    assert Path(run.stored).exists()
    imports.run(run.pk, at=NOON + timedelta(minutes=1))
    assert not Path(run.stored).exists()


def test_a_file_that_was_not_uploaded_is_left_where_it_is(world: World, tmp_path: Path) -> None:
    path = tmp_path / "mine.csv"
    files.as_csv(path, table())
    run = imports.new_run(world.shop, path, name="mine.csv", as_of=NOON, at=NOON)
    run.save()
    imports.run(run.pk, at=NOON)
    assert path.exists()


@pytest.mark.parametrize("bad", [BAD, NO_NUMBER])
def test_the_same_bad_row_in_tomorrows_file_waits_once(world: World, tmp_path: Path, bad: dict[str, object]) -> None:
    for day in range(3):
        at = NOON + timedelta(days=day)
        imports.run(run_of(world, tmp_path, {}, bad, at=at).pk, at=at)
    assert RejectedRow.objects.count() == 3
    assert imports.waiting([world.shop.pk]).count() == 1


def test_a_fixed_row_settles_the_one_that_was_rejected(world: World, tmp_path: Path) -> None:
    imports.run(run_of(world, tmp_path, BAD).pk, at=NOON)
    imports.run(run_of(world, tmp_path, {"退款编号": "9"}).pk, at=NOON + timedelta(hours=1))
    assert RejectedRow.objects.get().settled_at == NOON + timedelta(hours=1)


def test_a_row_of_another_shop_settles_nothing(world: World, tmp_path: Path) -> None:
    imports.run(run_of(world, tmp_path, BAD).pk, at=NOON)
    run = run_of(world, tmp_path, {"退款编号": "9"})
    ImportRun.objects.filter(pk=run.pk).update(shop=world.other_shop)
    imports.run(run.pk, at=NOON)
    assert imports.waiting([world.shop.pk]).count() == 1


def test_the_reasons_are_in_the_language_of_who_sent_the_file(world: World, tmp_path: Path) -> None:
    world.support.language = "zh-hans"
    world.support.save()
    run = run_of(world, tmp_path, BAD)
    imports.run(run.pk, at=NOON)
    assert "is no amount" not in run.rejects.get().message


class Away:
    """A database that goes away at a row, for as long as it is away."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, refund_id: str) -> None:
        self.away, admit = True, arrive.admit

        def admitting(news: list[arrive.New], arrival: arrive.Arrival) -> None:
            if self.away and any(new.case.refund_id == refund_id for new in news):
                raise OperationalError("the server closed the connection unexpectedly")
            admit(news, arrival)

        monkeypatch.setattr(arrive, "admit", admitting)


def test_a_database_that_goes_away_is_no_fault_of_the_rows(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The run stands as one whose worker died: taken up again by itself, with every row."""
    run, database = run_of(world, tmp_path, *ROWS), Away(monkeypatch, "2")
    with pytest.raises(OperationalError):
        imports.run(run.pk, at=NOON)
    run.refresh_from_db()
    assert (run.status, RejectedRow.objects.count()) == ("running", 0)
    later = NOON + timedelta(minutes=10)
    assert imports.standing(later) == [run.pk]
    database.away = False
    assert imports.run(run.pk, at=later).status == "done"
    assert (Case.objects.count(), RejectedRow.objects.get().raw["退款编号"]) == (3, "9")


def test_a_database_that_is_away_again_and_again_is_given_up(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = run_of(world, tmp_path, *ROWS)
    Away(monkeypatch, "1")
    for number in range(imports.DEATHS):
        with pytest.raises(OperationalError):
            imports.run(run.pk, at=NOON + timedelta(minutes=10 * number))
    assert imports.run(run.pk, at=NOON + timedelta(hours=2)).status == "failed"


def test_a_typed_command_whose_database_goes_away_says_so(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = run_of(world, tmp_path, *ROWS)
    ImportRun.objects.filter(pk=run.pk).update(stored=str(Path(run.stored).rename(tmp_path / "f.csv")))
    Away(monkeypatch, "2")
    with pytest.raises(OperationalError):
        imports.run(run.pk, at=NOON)
    run.refresh_from_db()
    assert (run.status, "database" in run.error) == ("failed", True)


def test_a_run_that_was_done_while_it_was_waited_for_is_not_begun_anew(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = run_of(world, tmp_path, *ROWS)
    alone = imports.alone

    def done_meanwhile(name: str, *, seconds: float) -> Any:
        ImportRun.objects.filter(pk=run.pk).update(status="done")
        return alone(name, seconds=seconds)

    monkeypatch.setattr(imports, "alone", done_meanwhile)
    assert imports.run(run.pk, at=NOON).status == "done"
    assert not Case.objects.exists()
