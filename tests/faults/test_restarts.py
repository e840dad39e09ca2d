"""Services that go away and come back while web, worker and timetable run: what came due is done once, by itself."""

import signal
import subprocess
import sys
import threading
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
from tests.faults.conftest import ROOT, Desk, database_of_its_own, desk_at
from tests.faults.test_killed import APPLICATIONS

pytestmark = pytest.mark.faults
CELERY = [sys.executable, "-m", "celery", "-A", "tests.faults.worker"]
WORKER = [*CELERY, "worker", "--pool", "solo", "--without-gossip", "--without-mingle"]
LATE = "SELECT count(*) FROM handoffs_clock WHERE state = 'late' AND kind = 'first_response'"
NOTED = "SELECT count(*) FROM handoffs_timelineentry WHERE kind = 'late'"
LONG = 4.0  # seconds: a report, a backup
AWAY = timedelta(seconds=6)  # longer than a sweep that does not look back looks
TICKED = "SELECT count(*) FROM handoffs_tick WHERE name = 'sweep'"


LOOKING_BACK = ("without-looking-back", "looking for all that is due, however long ago")
LOCKS = ("without-locks", "the lock on claimed clocks")


def with_control(harm: str, guard: str) -> pytest.MarkDecorator:
    """The test as it is, and with this done to the workers."""
    return pytest.mark.parametrize(("harm", "guard"), [("", ""), (harm, guard)], ids=["", "control"])


def applications(desk: Desk, count: int, *, due_in: float) -> datetime:
    """Applications of nearly half an hour ago, so that they are late while the test looks on: when that is."""
    moment = f"datetime.now(UTC) - timedelta(minutes=30, seconds={-due_in})"
    code = APPLICATIONS.format(count=count).replace("datetime(2026, 11, 11, 4, 0, tzinfo=UTC)", moment)
    assert desk.python(code) == count
    due: datetime = desk.ask("SELECT max(due_at) FROM handoffs_clock WHERE kind = 'first_response'")
    return due


def soon(seconds: float) -> datetime:
    return datetime.now(tz=UTC) + timedelta(seconds=seconds)


def pass_by(moment: datetime) -> None:
    """Real processes have a real clock: wait for it."""
    time.sleep(max((moment - datetime.now(tz=UTC)).total_seconds(), 0))


@contextmanager
def at_work(desk: Desk, folder: Path, *, beats: int = 1, workers: int = 1, harm: str = "") -> Iterator[None]:
    with ExitStack() as running:
        for _number in range(workers):
            running.enter_context(desk.kept(WORKER, HARMS=harm))
        for number in range(beats):
            running.enter_context(desk.kept([*CELERY, "beat", "--schedule", str(folder / f"beat{number}")]))
        assert desk.until(TICKED, 1) == 1, (folder / "words").read_text()[-3000:]
        yield


def came_due(desk: Desk, count: int, *, harm: str = "") -> tuple[int, int, int]:
    """What was noted late once all is over, what never was, and what was noted twice."""
    if harm:  # nothing to wait for but that the engine has passed a few times
        desk.until(f"SELECT count(*) FROM handoffs_tick WHERE name = 'sweep' AND at > '{soon(4)}'", 1)  # noqa: S608
    else:
        desk.until(LATE, count)
    late, noted = desk.ask(LATE), desk.ask(NOTED)
    return noted, count - late, noted - late


def as_it_should(found: tuple[int, int, int], count: int) -> bool:
    return found == (count, 0, 0)


@with_control(*LOCKS)
def test_two_beats_and_two_workers(
    desk: Desk, tmp_path: Path, harm: str, guard: str, counted: Callable[..., None]
) -> None:
    with at_work(desk, tmp_path, beats=2, workers=2, harm=harm):
        pass_by(applications(desk, 300, due_in=4))
        found = came_due(desk, 300, harm=harm)
    counted(*found, guard=guard)
    assert found[2] > 0 if harm else as_it_should(found, 300)


@with_control(*LOOKING_BACK)
def test_redis_flushed_and_restarted(
    server: str, tmp_path: Path, harm: str, guard: str, counted: Callable[..., None]
) -> None:
    """It keeps nothing over a restart, so this is a flush as well: whatever waited in it is gone, no deadline is."""
    port = services.free_port()
    desk = desk_at(database_of_its_own(server), f"redis://127.0.0.1:{port}/0", tmp_path)
    with redis_on(port, tmp_path) as broker, at_work(desk, tmp_path, harm=harm):
        due = applications(desk, 200, due_in=4)
        broker.kill()
        broker.wait()
        pass_by(due + AWAY)
        assert desk.ask(LATE) == 0
        with redis_on(port, tmp_path):
            found = came_due(desk, 200, harm=harm)
    counted(*found, guard=guard)
    assert found == (0, 200, 0) if harm else as_it_should(found, 200)


@contextmanager
def redis_on(port: int, folder: Path) -> Iterator["subprocess.Popen[bytes]"]:
    command = [services.redis_binary(), "--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder), "--save", ""]
    log = folder / f"redis-{time.monotonic()}.log"
    with services.server("Redis", command, log, signal.SIGTERM) as process:
        services.wait_until(lambda: services.redis_answers(port), "Redis", process, log)
        yield process


@with_control(*LOOKING_BACK)
def test_postgresql_restarted_under_load(tmp_path: Path, harm: str, guard: str, counted: Callable[..., None]) -> None:
    """Crashed with -9 while the worker sweeps and the console is asked: both go on as soon as it is back."""
    with ExitStack() as running:
        database = running.enter_context(Restartable(tmp_path))
        broker = running.enter_context(services.redis(tmp_path))
        desk = desk_at(database.address, broker, tmp_path)
        subprocess.run([sys.executable, "manage.py", "migrate", "-v0"], cwd=ROOT, env=desk.env, check=True)  # noqa: S603
        port = services.free_port()
        web = [sys.executable, "-m", "gunicorn", "refunddesk.wsgi", "--bind", f"127.0.0.1:{port}", "--threads", "2"]
        running.enter_context(desk.kept(web))
        with at_work(desk, tmp_path, harm=harm):
            assert eventually(port, 200) == 200
            due = applications(desk, 400, due_in=4)
            database.crash()
            assert eventually(port, 503) == 503
            pass_by(due + AWAY)
            database.start()
            assert eventually(port, 200) == 200
            found = came_due(desk, 400, harm=harm)
    counted(*found, guard=guard)
    assert found == (0, 400, 0) if harm else as_it_should(found, 400)


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
        where = ["-D", str(self.folder), "-p", str(self.port), "-h", "127.0.0.1", "-k", ""]
        command = [str(self.binaries / "postgres"), *where]
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


@pytest.mark.parametrize(
    ("harm", "guard"), [((), ""), (("without-care-for-others",), "indexes made beside the others")], ids=["", "control"]
)
def test_a_new_version_is_migrated_under_a_running_one(
    server: str, tmp_path: Path, harm: tuple[str, ...], guard: str, counted: Callable[..., None]
) -> None:
    """Indexes for many cases are made while the console writes and one long piece of work is open: nobody waits.

    Who makes an index under a lock waits for the long one, and everybody else waits for him.
    """
    address = database_of_its_own(server)
    with services.redis(tmp_path) as broker:
        desk = desk_at(address, broker, tmp_path)
        assert desk.python(APPLICATIONS.format(count=2000)) == 2000
        desk.act("migrate", TO="0009")
        with psycopg.connect(address) as long:
            long.execute("UPDATE handoffs_case SET version = version WHERE refund_id = '8'")
            deploy = desk.start([sys.executable, "-m", "tests.faults.sabotage", "migrate", *harm], TO="0010")
            ends = threading.Timer(LONG, long.commit)
            ends.start()
            slowest, written = writes(address, deploy)
            ends.join()
        _out, err = deploy.communicate()
        assert deploy.returncode == 0, err.decode()[-3000:]
        subprocess.run([sys.executable, "manage.py", "migrate", "-v0"], cwd=ROOT, env=desk.env, check=True)  # noqa: S603
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
