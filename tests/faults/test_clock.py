"""The clock of the machine is put back an hour and forward two under a running timetable and worker."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.faults.conftest import Desk
from tests.faults.running import LATE, LOOKING_BACK, NOTED, applications, at_work, came_due, passed
from tests.faults.test_killed import STILL

pytestmark = [pytest.mark.faults, pytest.mark.slow]
HOUR = 3600
SOON = 10.0  # seconds within which sweeps must have gone on
EARLY, TO_COME = 50, 150  # applications late before the clock is put back, and due within the hour it is put forward
PUT_BACK = "in the future: the desk's clock was put back"
CELERYS_OWN = "celery.beat:PersistentScheduler"
CASES = [
    pytest.param("", "", "", (EARLY + TO_COME, 0, 0), id=""),
    pytest.param(CELERYS_OWN, "", "a timetable that sees that the clock was put back", (EARLY, TO_COME, 0),
                 id="control-back"),
    pytest.param("", *LOOKING_BACK, (0, EARLY + TO_COME, 0), id="control-forward"),
]  # fmt: skip


@pytest.mark.parametrize(("scheduler", "harm", "guard", "wanted"), CASES)
def test_clock_put_back_and_forward_an_hour(
    desk: Desk,
    tmp_path: Path,
    scheduler: str,
    harm: str,
    guard: str,
    wanted: tuple[int, int, int],
    counted: Callable[..., None],
) -> None:
    """Back: sweeps go on within seconds, and nothing is done a second time. Forward: all that is due is done, once."""
    clock = tmp_path / "clock"
    with at_work(desk, tmp_path, scheduler=scheduler, harm=harm, CLOCK=str(clock)):
        applications(desk, EARLY, due_in=-20)
        applications(desk, TO_COME, due_in=HOUR / 2, first=EARLY)
        assert harm or desk.until(LATE, EARLY) == EARLY
        stepped = step(clock, -HOUR)
        goes_on = passed(desk, 4, within=SOON)
        assert desk.ask(NOTED) == desk.ask(LATE)
        (back,) = desk.screens("/board/", AT=stepped)
        if goes_on:
            stepped = step(clock, HOUR)
            assert passed(desk, 4, within=SOON)
            found = came_due(desk, EARLY + TO_COME, harm=harm)
            assert STILL not in desk.screens("/board/", AT=stepped)[0]
        else:
            found = came_due_so_far(desk)
    counted(*found, guard=guard)
    assert goes_on == (not scheduler)
    assert (PUT_BACK in back) == (not goes_on)
    assert found == wanted


def came_due_so_far(desk: Desk) -> tuple[int, int, int]:
    late, noted = desk.ask(LATE), desk.ask(NOTED)
    return noted, EARLY + TO_COME - late, noted - late


def step(clock: Path, seconds: int) -> str:
    """Put the desk's clock so far off this machine's. The moment it shows then."""
    fresh = clock.with_suffix(".new")
    fresh.write_text(str(seconds))
    fresh.rename(clock)
    return (datetime.now(tz=UTC) + timedelta(seconds=seconds)).isoformat()
