"""Real processes at work on a desk: web, workers, timetables, and services that may crash and come back."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

import psycopg
import pytest

from tests import services
from tests.faults.conftest import Desk, applied

CELERY = [sys.executable, "-m", "celery", "-A", "tests.faults.worker"]
WORKER = [*CELERY, "worker", "--pool", "solo", "--without-gossip", "--without-mingle"]
LATE = "SELECT count(*) FROM handoffs_clock WHERE state = 'late' AND kind = 'first_response'"
NOTED = "SELECT count(*) FROM handoffs_timelineentry WHERE kind = 'late'"
TICKED = "SELECT count(*) FROM handoffs_tick WHERE name = 'sweep'"
PASSES = "SELECT (totals->>'passes')::int FROM handoffs_tick WHERE name = 'sweep'"
AWAY = timedelta(seconds=6)  # longer than a sweep that does not look back looks
LOOKING_BACK = ("without-looking-back", "looking for all that is due, however long ago")


def with_control(harm: str, guard: str) -> pytest.MarkDecorator:
    """The test as it is, and with this done to the workers."""
    return pytest.mark.parametrize(("harm", "guard"), [("", ""), (harm, guard)], ids=["", "control"])


def applications(desk: Desk, count: int, *, due_in: float, first: int = 0, apart: float = 0) -> datetime:
    """Applications of nearly half an hour ago, so that they are late while the test looks on: when the first is."""
    moment = f"datetime.now(UTC) - timedelta(minutes=30, seconds={-due_in})"
    assert desk.python(applied(count, first=first, at=moment, apart=apart)) == count
    due = (
        "SELECT min(due_at) FROM handoffs_clock WHERE kind = 'first_response' AND ended_at IS NULL AND state <> 'late'"
    )
    found: datetime = desk.ask(due)
    return found


def pass_by(moment: datetime) -> None:
    """Real processes have a real clock: wait for it."""
    time.sleep(max((moment - datetime.now(tz=UTC)).total_seconds(), 0))


@contextmanager
def at_work(
    desk: Desk, folder: Path, *, beats: int = 1, workers: int = 1, harm: str = "", scheduler: str = "", **env: str
) -> Iterator[None]:
    """Workers with this harm done to them, and timetables; `scheduler`: another than the desk's own."""
    chosen = ["--scheduler", scheduler] if scheduler else []
    with ExitStack() as running:
        for _number in range(workers):
            running.enter_context(desk.kept(WORKER, HARMS=harm, **env))
        for number in range(beats):
            beat = [*CELERY, "beat", "--schedule", str(folder / f"beat{number}"), *chosen]
            running.enter_context(desk.kept(beat, **env))
        assert desk.until(TICKED, 1) == 1, (folder / "words").read_text()[-3000:]
        yield


def came_due(desk: Desk, count: int, *, harm: str = "") -> tuple[int, int, int]:
    """What was noted late once all is over, what never was, and what was noted twice."""
    if harm:  # nothing to wait for but that the engine has passed a few times
        passed(desk, 6)
    else:
        desk.until(LATE, count)
    late, noted = desk.ask(LATE), desk.ask(NOTED)
    return noted, count - late, noted - late


def passed(desk: Desk, times: int, *, within: float = 30) -> bool:
    """Whether the engine passes so many times more."""
    before = desk.ask(PASSES)
    return bool(desk.until(f"SELECT ({PASSES}) >= {before + times}", True, within=within))  # noqa: FBT003, S608


@contextmanager
def redis_on(port: int, folder: Path) -> Iterator["subprocess.Popen[bytes]"]:
    command = [services.redis_binary(), "--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder), "--save", ""]
    log = folder / f"redis-{time.monotonic()}.log"
    with services.server("Redis", command, log, signal.SIGTERM) as process:
        services.wait_until(lambda: services.redis_answers(port), "Redis", process, log)
        yield process


@contextmanager
def web(desk: Desk) -> Iterator[str]:
    """The console and the API; their address."""
    port = services.free_port()
    command = [sys.executable, "-m", "gunicorn", "refunddesk.wsgi", "--bind", f"127.0.0.1:{port}", "--threads", "4"]
    with desk.kept(command):
        yield f"http://127.0.0.1:{port}"


def says(address: str, wanted: str) -> bool:
    """Whether /readyz comes to say so."""
    until = time.monotonic() + 30
    while time.monotonic() < until:
        try:
            with urlopen(f"{address}/readyz", timeout=5) as answer:  # noqa: S310
                found = answer.read().decode()
        except HTTPError as error:
            found = error.read().decode()
        except (URLError, OSError):
            found = ""
        if wanted in found:
            return True
        time.sleep(0.2)
    return False


class Restartable:
    """A PostgreSQL that may crash and be started again on the same files; safe against it unless options say not.

    Its folder must not lie below pytest's own, which every other run of pytest shuts to the plain user again.
    """

    def __init__(self, folder: Path, *options: str) -> None:
        self.folder, self.port, self.scratch = folder / "crashing", services.free_port(), folder
        self.options = ("fsync=on", "synchronous_commit=on", *options)
        self.process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> "Restartable":
        self.folder.mkdir(mode=0o700)
        self.account = services.plain_account(self.scratch, self.folder)
        self.binaries, around = services.postgresql_binaries(self.scratch)
        self.plain = {**self.account, "env": {**services.os.environ, **around}, "cwd": self.scratch}
        initdb = [str(self.binaries / "initdb"), "--pgdata", str(self.folder), "--username", "desk", "--auth", "trust"]
        subprocess.run([*initdb, "--encoding", "UTF8", "--locale", "C"], capture_output=True, check=True, **self.plain)  # noqa: S603
        self.start()
        return self

    def start(self) -> None:
        where = ["-D", str(self.folder), "-p", str(self.port), "-h", "127.0.0.1", "-k", ""]
        options = [part for option in self.options for part in ("-c", option)]
        log = self.scratch / "pg.log"
        with log.open("ab") as words:
            self.process = subprocess.Popen(  # noqa: S603
                [str(self.binaries / "postgres"), *where, *options],
                stdout=words, stderr=words, start_new_session=True, **self.plain,
            )  # fmt: skip
        services.wait_until(lambda: services.postgresql_answers(self.port), "PostgreSQL", self.process, log)

    def hold_back_the_log(self) -> None:
        """What writes the log in the background stands still: only who waits for the disk is written there."""
        with psycopg.connect(self.address, autocommit=True) as connection:
            row = connection.execute("SELECT pid FROM pg_stat_activity WHERE backend_type = 'walwriter'").fetchone()
        assert row is not None
        os.kill(row[0], signal.SIGSTOP)

    def crash(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGQUIT)  # at once, nothing put in order: recovery by its log
        self.process.wait()

    def __exit__(self, *_why: object) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            self.process.wait()

    @property
    def address(self) -> str:
        return f"postgres://desk@127.0.0.1:{self.port}/postgres"
