"""A worker killed with -9 in the middle of an import: the import goes on by itself, and writes nothing twice."""

import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests import services
from tests.faults.conftest import AT, LATER, PEOPLE, Desk, desk_at, migrate
from tests.faults.running import PASSES, WORKER, Restartable, at_work
from tests.faults.sabotage import HEAD, ROW

pytestmark = pytest.mark.faults
ROWS = 1200
CASES = "SELECT count(*) FROM handoffs_case"
STATUS = "SELECT status FROM handoffs_importrun"
STANDS_STILL = "It stands still: no worker has it in hand. It goes on by itself within two minutes."
HASTY = "hasty-about-imports=2"
NEW_RUN = """
from accounts.models import Shop
from celery import current_app
from handoffs import imports
from django.utils import timezone
from datetime import datetime, UTC
from pathlib import Path
at = datetime(2026, 11, 11, 4, tzinfo=UTC)
run = imports.new_run(Shop.objects.get(), Path({path!r}), name="f.csv", as_of=at, at=at)
run.save()
if {ask}:
    imports.ask(run.pk, at=timezone.now())
    current_app.send_task("handoffs.tasks.run_import", args=[run.pk])
result = run.pk
"""


def upload(desk: Desk, *, ask: bool = False) -> int:
    """A file of 1,200 rows as the console keeps it; its run, which a worker may already have been asked for."""
    path = Path(desk.env["VAR_DIR"]) / "imports" / "upload"
    path.parent.mkdir(parents=True)
    path.write_text("\n".join([HEAD, *(ROW.format(900000 + n) for n in range(ROWS))]), encoding="utf-8")
    return int(desk.python(NEW_RUN.format(path=str(path), ask=ask)))


def of_the_import(desk: Desk) -> tuple[int, int, int]:
    """Cases; rows without one; cases whose arrival was not noted just once."""
    cases, arrived = desk.ask(CASES), desk.ask("SELECT count(*) FROM handoffs_timelineentry WHERE kind = 'arrived'")
    return cases, ROWS - cases, abs(arrived - cases)


@pytest.mark.slow
def test_killed_in_the_middle_of_an_import_and_started_again(desk: Desk, counted: Callable[..., None]) -> None:
    run = str(upload(desk))
    assert desk.act("import", "killed-in-the-import=2", AT=AT, RUN=run) is None
    assert (desk.ask(STATUS), desk.ask(CASES)) == ("running", 500)
    desk.act("import", AT=LATER, RUN=run)
    counted(*of_the_import(desk))
    assert of_the_import(desk) == (ROWS, 0, 0)
    assert desk.ask("SELECT count(*) FROM handoffs_importrun WHERE status = 'done' AND rejected = 0") == 1


@pytest.mark.slow
def test_killed_in_the_middle_of_an_import_and_started_again_control(desk: Desk, counted: Callable[..., None]) -> None:
    run = str(upload(desk))
    assert desk.act("import", "killed-in-the-import=2", AT=AT, RUN=run) is None
    desk.act("import", "without-knowing", AT=LATER, RUN=run)
    turned_down = desk.ask("SELECT rejected FROM handoffs_importrun")
    counted(desk.ask(CASES), turned_down, 0, guard="looking whether a row is known")
    assert turned_down > 0


def stands_still(desk: Desk, page: str) -> bool:
    """Whether the page comes to say so: as soon as nobody can believe any more that the worker lives."""
    until, words = time.monotonic() + 20, ""
    while STANDS_STILL not in words and time.monotonic() < until:
        (words,) = desk.screens(page, AT=(datetime.now(tz=UTC) + timedelta(minutes=2)).isoformat())
    return STANDS_STILL in words and "running" in words and "500 new" in words


@pytest.mark.slow
@pytest.mark.parametrize(
    ("harms", "guard"), [(HASTY, ""), (f"{HASTY} without-resuming", "looking for imports that stand still")],
    ids=["", "control"],
)  # fmt: skip
def test_worker_killed_in_the_middle_of_an_import(
    desk: Desk, tmp_path: Path, harms: str, guard: str, counted: Callable[..., None]
) -> None:
    """Nobody starts it again: the next worker does, and the import's page says both. Its task waits in Redis still."""
    page = f"/import/{upload(desk, ask=True)}/"
    with desk.kept(WORKER, HARMS=f"{HASTY} killed-in-the-import=2") as worker:
        worker.wait(60)
    assert (desk.ask(STATUS), desk.ask(CASES)) == ("running", 500)
    assert stands_still(desk, page)
    with at_work(desk, tmp_path, harm=harms):
        passes = f"SELECT ({PASSES}) > 10"
        desk.until(passes if guard else f"{STATUS} WHERE status = 'done'", True if guard else "done")  # noqa: FBT003
    found = of_the_import(desk)
    counted(*found, guard=guard)
    (words,) = desk.screens(page)
    if guard:
        assert (desk.ask(STATUS), found) == ("running", (500, 700, 0))
        return
    assert (desk.ask(STATUS), found) == ("done", (ROWS, 0, 0))
    assert "700 new 0 updated 500 unchanged 0 rejected Every row was taken." in words


@pytest.mark.slow
@pytest.mark.parametrize(
    ("harm", "guard"), [("", ""), ("without-telling-faults-apart", "telling the database's faults from the rows'")],
    ids=["", "control"],
)  # fmt: skip
def test_postgresql_away_in_the_middle_of_an_import(
    tmp_path: Path, harm: str, guard: str, counted: Callable[..., None]
) -> None:
    """It crashes under the second batch and is back after a second: no row is turned down for it, and none is lost."""
    with ExitStack() as running:
        scratch = Path(running.enter_context(TemporaryDirectory(prefix="refunddesk-faults-")))
        database = running.enter_context(Restartable(scratch))
        desk = desk_at(database.address, running.enter_context(services.redis(tmp_path)), tmp_path)
        migrate(desk)
        desk.python(PEOPLE)
        run, here = str(upload(desk)), tmp_path / "here"
        harms = " ".join(["waits-in-the-import=2", *filter(None, [harm])]).split()
        command = [sys.executable, "-m", "tests.faults.sabotage", "import", *harms]
        worker = desk.start(command, AT=AT, RUN=run, HERE=str(here))
        until = time.monotonic() + 60
        while not here.exists() and time.monotonic() < until:
            time.sleep(0.05)
        assert desk.ask(CASES) == 500
        database.crash()
        here.unlink()
        time.sleep(1)
        database.start()
        _out, err = worker.communicate(timeout=120)
        turned_down = desk.ask("SELECT count(*) FROM handoffs_rejectedrow")
        if guard:
            counted(desk.ask(CASES), turned_down, 0, guard=guard)
            assert (turned_down > 0, desk.ask(STATUS)) == (True, "done")
            return
        assert b"OperationalError" in err
        assert (desk.ask(STATUS), desk.ask(CASES), turned_down) == ("running", 500, 0)
        desk.act("import", AT=LATER, RUN=run)
        counted(*of_the_import(desk))
        assert (desk.ask(STATUS), of_the_import(desk)) == ("done", (ROWS, 0, 0))
        assert desk.ask("SELECT rejected FROM handoffs_importrun") == 0
