"""PostgreSQL crashes while the API is written to and a worker sweeps: nothing that was acknowledged is lost."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

import pytest

from tests import services
from tests.faults.conftest import PEOPLE, desk_at, migrate
from tests.faults.running import (
    LATE,
    Restartable,
    applications,
    at_work,
    came_due,
    pass_by,
    passed,
    says,
    web,
)
from tests.faults.test_killed import STILL

pytestmark = [pytest.mark.faults, pytest.mark.slow]
COUNT, APART = 400, 0.03  # clocks coming due while PostgreSQL crashes, and the seconds between them
WRITERS, FIRST = 3, 500_000
TOKEN = """
from accounts import tokens
from accounts.models import User
from django.utils import timezone
lead = User.objects.get(email="lead@example.test")
_made, result = tokens.make(lead, "pusher", ["import"], by=lead, at=timezone.now())
"""
NOT_SAFE = ("synchronous_commit=off", "wal_buffers=64MB")


@dataclass
class Writers:
    """Programs that push applications one by one, and keep which of them the desk said it has."""

    address: str
    token: str
    numbers: Iterator[int] = field(default_factory=lambda: count(FIRST))
    acknowledged: list[int] = field(default_factory=list)
    turned_away: list[int] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)

    @contextmanager
    def pushing(self) -> Iterator[None]:
        threads = [threading.Thread(target=self._push) for _n in range(WRITERS)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self.over.set()
            for thread in threads:
                thread.join()

    def go_on(self, more: int) -> None:
        """Until so many more are acknowledged."""
        until, wanted = time.monotonic() + 30, len(self.acknowledged) + more
        while len(self.acknowledged) < wanted and time.monotonic() < until:
            time.sleep(0.05)

    def _push(self) -> None:
        while not self.over.is_set():
            number = next(self.numbers)
            (self.acknowledged if self._has(number) else self.turned_away).append(number)

    def _has(self, number: int) -> bool:
        at = datetime.now(tz=UTC).isoformat()
        body = {"shop": "s", "refund_id": str(number), "tid": str(number), "oid": str(number), "refund_fee": "50.00",
                "status": "WAIT_SELLER_AGREE", "order_status": "WAIT_SELLER_SEND_GOODS", "total_fee": "50.00",
                "good_status": "BUYER_NOT_RECEIVED", "has_good_return": False, "created": at}  # fmt: skip
        headers = {"Authorization": f"Token {self.token}", "Content-Type": "application/json"}
        address = f"{self.address}/api/v1/refund-applications/"
        try:
            with urlopen(Request(address, json.dumps(body).encode(), headers), timeout=10) as answer:  # noqa: S310
                return bool(json.load(answer)["results"][0]["result"] == "created")
        except (HTTPError, URLError, OSError):
            time.sleep(0.1)
            return False


@pytest.mark.parametrize(
    ("options", "guard"), [((), ""), (NOT_SAFE, "a commit is on the disk before it is acknowledged")],
    ids=["", "control"],
)  # fmt: skip
def test_postgresql_restarted_under_load(
    tmp_path: Path, options: tuple[str, ...], guard: str, counted: Callable[..., None]
) -> None:
    """Crashed while three programs push and the worker is in the middle of what is late: both go on by themselves.

    Whatever was acknowledged before, between and afterwards is there, and what came due was noted once.
    """
    with ExitStack() as running:
        scratch = running.enter_context(TemporaryDirectory(prefix="refunddesk-faults-"))
        database = running.enter_context(Restartable(Path(scratch), *options))
        desk = desk_at(database.address, running.enter_context(services.redis(tmp_path)), tmp_path)
        migrate(desk)
        desk.python(PEOPLE)
        writers = Writers(running.enter_context(web(desk)), desk.python(TOKEN))
        with at_work(desk, tmp_path):
            assert says(writers.address, '"ready"')
            due = applications(desk, COUNT, due_in=3 + COUNT * APART, apart=-APART)
            with writers.pushing():
                pass_by(due)
                assert desk.until(f"SELECT ({LATE}) > 0", True)  # noqa: FBT003, S608
                database.hold_back_the_log()
                before = (desk.ask(LATE), len(writers.acknowledged))
                writers.go_on(10)
                database.crash()
                assert says(writers.address, "the database does not answer")
                database.start()
                assert says(writers.address, '"ready"')
                passed(desk, 4)
            found = came_due(desk, COUNT)
        board = desk.screens("/board/")[0]
        there = int(desk.ask(f"SELECT count(*) FROM handoffs_case WHERE refund_id = ANY('{{{_ids(writers)}}}')"))  # noqa: S608
    pushed = len(writers.acknowledged)
    counted(there + found[0], pushed - there + found[1], found[2], guard=guard)
    assert 0 < before[0] < COUNT
    assert 0 < before[1] < pushed
    assert writers.turned_away
    assert found == (COUNT, 0, 0)
    assert STILL not in board
    assert there < pushed if guard else there == pushed


def _ids(writers: Writers) -> str:
    return ",".join(map(str, writers.acknowledged))
