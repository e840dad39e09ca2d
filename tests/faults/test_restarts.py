"""Services that go away and come back while workers and timetable run: what came due is done once, by itself."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests import services
from tests.faults.conftest import Desk, Server, desk_at
from tests.faults.running import (
    AWAY,
    LATE,
    LOOKING_BACK,
    applications,
    at_work,
    came_due,
    pass_by,
    redis_on,
    says,
    web,
    with_control,
)
from tests.faults.test_killed import STILL

pytestmark = [pytest.mark.faults, pytest.mark.slow]
LOCKS = ("without-locks", "the lock on claimed clocks")


@with_control(*LOCKS)
def test_two_beats_and_two_workers(
    desk: Desk, tmp_path: Path, harm: str, guard: str, counted: Callable[..., None]
) -> None:
    with at_work(desk, tmp_path, beats=2, workers=2, harm=harm):
        pass_by(applications(desk, 300, due_in=4))
        found = came_due(desk, 300, harm=harm)
        case = desk.ask("SELECT min(id) FROM handoffs_case")
        board, page = desk.screens("/board/", f"/handoffs/case/{case}/change/")
    counted(*found, guard=guard)
    assert found[2] > 0 if harm else found == (300, 0, 0)
    assert STILL not in board
    assert page.count("Late: first response") == (2 if harm else 1)


@with_control(*LOOKING_BACK)
def test_redis_flushed_and_restarted(
    server: Server, tmp_path: Path, harm: str, guard: str, counted: Callable[..., None]
) -> None:
    """It keeps nothing over a restart, so this is a flush as well: whatever waited in it is gone, no deadline is.

    Meanwhile the console stays open, its board says that the engine stands still, and /readyz why.
    """
    port = services.free_port()
    desk = desk_at(server.copy("pattern"), f"redis://127.0.0.1:{port}/0", tmp_path)
    with redis_on(port, tmp_path) as broker, web(desk) as address, at_work(desk, tmp_path, harm=harm):
        assert says(address, '"ready"')
        due = applications(desk, 200, due_in=4)
        broker.kill()
        broker.wait()
        assert says(address, "the broker does not answer")
        assert STILL in desk.screens("/board/", AT=(datetime.now(tz=UTC) + timedelta(minutes=3)).isoformat())[0]
        pass_by(due + AWAY)
        assert desk.ask(LATE) == 0
        with redis_on(port, tmp_path):
            found = came_due(desk, 200, harm=harm)
            assert says(address, '"ready"')
            assert STILL not in desk.screens("/board/")[0]
    counted(*found, guard=guard)
    assert found == (0, 200, 0) if harm else found == (200, 0, 0)
