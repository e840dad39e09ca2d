"""A new version is put in under a running one: nobody waits, and the console says which one the database is for."""

import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from tests.faults.conftest import Server, applied, desk_at, migrate

pytestmark = [pytest.mark.faults, pytest.mark.slow]
LONG = 4.0  # seconds: a report, a backup
NOT_YET = "the database is not up to date: run migrate"


@pytest.mark.parametrize(
    ("harm", "guard"), [((), ""), (("without-care-for-others",), "indexes made beside the others")], ids=["", "control"]
)
def test_a_new_version_is_migrated_under_a_running_one(
    server: Server, broker: str, tmp_path: Path, harm: tuple[str, ...], guard: str, counted: Callable[..., None]
) -> None:
    """Indexes for many cases are made while the console writes and one long piece of work is open: nobody waits.

    Who makes an index under a lock waits for the long one, and everybody else waits for him.
    """
    address = server.copy("pattern")
    desk = desk_at(address, broker, tmp_path)
    assert desk.python(applied(2000)) == 2000
    desk.act("migrate", TO="0001_squashed_0009_first_at")
    assert NOT_YET in desk.screens("/readyz")[0]
    with psycopg.connect(address) as long:
        long.execute("UPDATE handoffs_case SET version = version WHERE refund_id = '8'")
        deploy = desk.start([sys.executable, "-m", "tests.faults.sabotage", "migrate", *harm], TO="0010")
        ends = threading.Timer(LONG, long.commit)
        ends.start()
        slowest, written = writes(address, deploy)
        ends.join()
    _out, err = deploy.communicate()
    assert deploy.returncode == 0, err.decode()[-3000:]
    migrate(desk)
    assert NOT_YET not in desk.screens("/readyz")[0]
    kept = desk.ask("SELECT version - 1 FROM handoffs_case WHERE refund_id = '7'")
    counted(kept, written - kept, 0, guard=guard)
    assert slowest > 1.0 if harm else slowest < 1.0
    assert kept == written
    assert desk.ask("SELECT count(*) FROM pg_index WHERE NOT indisvalid") == 0


def writes(address: str, deploy: "subprocess.Popen[bytes]") -> tuple[float, int]:
    """What the console's writes waited for at most while the new version is put in, in seconds, and how many."""
    slowest, written = 0.0, 0
    with psycopg.connect(address, autocommit=True) as console:
        while deploy.poll() is None:
            start = time.monotonic()
            console.execute("UPDATE handoffs_case SET version = version + 1, changed_at = now() WHERE refund_id = '7'")
            console.execute("UPDATE handoffs_clock SET step = step WHERE case_id = (SELECT min(id) FROM handoffs_case)")
            slowest, written = max(slowest, time.monotonic() - start), written + 1
            time.sleep(0.01)
    return slowest, written
