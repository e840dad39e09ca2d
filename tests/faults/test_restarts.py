"""Services that go away and come back while web, worker and timetable run: what came due is done once, by itself."""

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

import psycopg
import pytest

from tests import services
from tests.faults.conftest import ROOT, Desk, _env, _named
from tests.faults.test_killed import APPLICATIONS

pytestmark = pytest.mark.faults
CELERY = [sys.executable, "-m", "celery", "-A", "tests.faults.worker"]
WORKER = [*CELERY, "worker", "--pool", "solo", "--without-gossip", "--without-mingle"]
LATE = "SELECT count(*) FROM handoffs_clock WHERE state = 'late' AND kind = 'first_response'"
NOTED = "SELECT count(*) FROM handoffs_timelineentry WHERE kind = 'late'"
TICKED = "SELECT count(*) FROM handoffs_tick WHERE name = 'sweep'"


def applications(count: int, *, of: int = 0) -> str:
    """Applications of half an hour ago less a few seconds, so that they come due while the test looks on."""
    at = datetime.now(tz=UTC) - timedelta(minutes=30) + timedelta(seconds=of)
    moment = f"datetime.fromisoformat({at.isoformat()!r})"
    return APPLICATIONS.format(count=count).replace("datetime(2026, 11, 11, 4, 0, tzinfo=UTC)", moment)


@contextmanager
def at_work(desk: Desk, folder: Path, *, beats: int = 1, workers: int = 1) -> Iterator[None]:
    with ExitStack() as running:
        for _number in range(workers):
            running.enter_context(desk.kept(WORKER))
        for number in range(beats):
            running.enter_context(desk.kept([*CELERY, "beat", "--schedule", str(folder / f"beat{number}")]))
        assert desk.until(TICKED, 1) == 1, (folder / "words").read_text()[-3000:]
        yield


def all_late(desk: Desk, count: int, counted: Callable[..., None]) -> None:
    """Everything that came due is late, noted once."""
    done = desk.until(LATE, count)
    noted = desk.ask(NOTED)
    counted(noted, count - done, noted - done)
    assert (done, noted) == (count, count)


def test_two_beats_and_two_workers(desk: Desk, tmp_path: Path, counted: Callable[..., None]) -> None:
    with at_work(desk, tmp_path, beats=2, workers=2):
        assert desk.python(applications(300, of=8)) == 300
        all_late(desk, 300, counted)


def test_redis_flushed_and_restarted(desk: Desk, tmp_path: Path, counted: Callable[..., None]) -> None:
    """It keeps nothing over a restart, so this is a flush as well: whatever waited in it is gone, no deadline is."""
    port = int(desk.broker.rpartition(":")[2].partition("/")[0])
    with redis_on(port, tmp_path) as broker, at_work(desk, tmp_path):
        assert desk.python(applications(200, of=6)) == 200
        broker.kill()
        broker.wait()
        time.sleep(2)
        with redis_on(port, tmp_path):
            all_late(desk, 200, counted)


@contextmanager
def redis_on(port: int, folder: Path) -> Iterator["subprocess.Popen[bytes]"]:
    command = [services.redis_binary(), "--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder), "--save", ""]
    log = folder / f"redis-{time.monotonic()}.log"
    with services.server("Redis", command, log, signal.SIGTERM) as process:
        services.wait_until(lambda: services.redis_answers(port), "Redis", process, log)
        yield process


def test_postgresql_restarted_under_load(tmp_path: Path, counted: Callable[..., None]) -> None:
    """Crashed with -9 while the worker sweeps and the console is asked: both go on as soon as it is back."""
    with ExitStack() as running:
        database = running.enter_context(Restartable(tmp_path))
        broker = running.enter_context(services.redis(tmp_path))
        desk = Desk(database.address, broker, tmp_path, _env(database.address, broker, tmp_path))
        subprocess.run([sys.executable, "manage.py", "migrate", "-v0"], cwd=ROOT, env=desk.env, check=True)  # noqa: S603
        port = services.free_port()
        web = [sys.executable, "-m", "gunicorn", "refunddesk.wsgi", "--bind", f"127.0.0.1:{port}", "--threads", "2"]
        running.enter_context(desk.kept(web))
        with at_work(desk, tmp_path):
            assert desk.python(applications(400, of=6)) == 400
            assert eventually(port, 200) == 200
            database.crash()
            assert eventually(port, 503) == 503
            database.start()
            assert eventually(port, 200) == 200
            all_late(desk, 400, counted)


class Restartable:
    """A PostgreSQL that may crash and be started again on the same files."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port, self.scratch = folder / "pg", services.free_port(), folder
        self.process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> "Restartable":
        self.folder.mkdir(mode=0o700)
        for above in (self.scratch, self.scratch.parent, self.scratch.parent.parent):
            above.chmod(0o711)
        self.account = services.plain_account(self.scratch, self.folder)
        self.binaries, around = services.postgresql_binaries(self.scratch)
        self.plain = {**self.account, "env": {**services.os.environ, **around}, "cwd": self.scratch}
        initdb = [str(self.binaries / "initdb"), "--pgdata", str(self.folder), "--username", "desk", "--auth", "trust"]
        subprocess.run([*initdb, "--encoding", "UTF8", "--locale", "C"], capture_output=True, check=True, **self.plain)  # noqa: S603
        self.start()
        return self

    def start(self) -> None:
        command = [
            str(self.binaries / "postgres"),
            "-D",
            str(self.folder),
            "-p",
            str(self.port),
            "-h",
            "127.0.0.1",
            "-k",
            "",
        ]
        self.process = subprocess.Popen(  # noqa: S603
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True, **self.plain
        )
        log = self.folder / "PG_VERSION"
        services.wait_until(lambda: services.postgresql_answers(self.port), "PostgreSQL", self.process, log)

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


def eventually(port: int, wanted: int) -> int:
    """What /readyz answers, waited for."""
    until, found = time.monotonic() + 30, 0
    while time.monotonic() < until and found != wanted:
        try:
            with urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5) as answer:  # noqa: S310
                found = answer.status
        except HTTPError as error:
            found = error.code
        except (URLError, OSError):
            found = 0
        time.sleep(0.2)
    return found


def test_a_new_version_is_migrated_under_a_running_one(
    server: str, tmp_path: Path, counted: Callable[..., None]
) -> None:
    """From a version back to the newest while the console writes: nothing waits for longer than a moment."""
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute("CREATE DATABASE deployed TEMPLATE pattern")
    with services.redis(tmp_path) as broker:
        address = _named(server, "deployed")
        desk = Desk(address, broker, tmp_path, _env(address, broker, tmp_path))
        migrate = [sys.executable, "manage.py", "migrate", "-v0", "handoffs"]
        assert desk.python(APPLICATIONS.format(count=2000)) == 2000
        subprocess.run([*migrate, "0008"], cwd=ROOT, env=desk.env, check=True)  # noqa: S603
        deploy = subprocess.Popen(migrate, cwd=ROOT, env=desk.env)  # noqa: S603
        slowest, written = 0.0, 0
        with psycopg.connect(address, autocommit=True) as console:
            while deploy.poll() is None:
                start = time.monotonic()
                console.execute(
                    "UPDATE handoffs_case SET version = version + 1, changed_at = now() WHERE refund_id = '7'"
                )
                console.execute(
                    "UPDATE handoffs_clock SET step = step WHERE case_id = (SELECT min(id) FROM handoffs_case)"
                )
                slowest, written = max(slowest, time.monotonic() - start), written + 1
                time.sleep(0.01)
        counted(written, 0, 0)
        assert deploy.returncode == 0
        assert slowest < 1.0
        assert desk.ask("SELECT version FROM handoffs_case WHERE refund_id = '7'") == written + 1
        assert desk.ask("SELECT count(*) FROM pg_index WHERE NOT indisvalid") == 0
