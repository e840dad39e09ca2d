"""A desk of its own for each fault: a database made from one that is migrated once, a Redis, a folder."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests import services

ROOT = Path(__file__).parents[2]
PATIENCE = 60.0
NUMBERS = count(1)
TOLD: list[tuple[str, str, int, int, int]] = []


@dataclass
class Desk:
    """What runs the desk's acts, and asks its database."""

    database: str
    broker: str
    folder: Path
    env: dict[str, str]

    def act(self, name: str, *harms: str, **env: str) -> dict[str, Any] | None:
        """Do an act in a process of its own. None: it died by -9."""
        done = self.start([sys.executable, "-m", "tests.faults.sabotage", name, *harms], **env)
        out, err = done.communicate(timeout=PATIENCE)
        if done.returncode == -signal.SIGKILL:
            return None
        assert done.returncode == 0, err.decode()[-3000:]
        return json.loads(out.splitlines()[-1])  # type: ignore[no-any-return]

    def both(self, name: str, *harms: str, **env: str) -> list[dict[str, Any]]:
        """Two processes at the same moment."""
        started = [self.start([sys.executable, "-m", "tests.faults.sabotage", name, *harms], **env) for _n in range(2)]
        return [json.loads(each.communicate(timeout=PATIENCE)[0].splitlines()[-1]) for each in started]

    def start(self, command: list[str], **env: str) -> "subprocess.Popen[bytes]":
        return subprocess.Popen(  # noqa: S603
            command, cwd=ROOT, env={**self.env, **env}, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )

    @contextmanager
    def kept(self, command: list[str], **env: str) -> Iterator["subprocess.Popen[bytes]"]:
        """A process that runs until it is stopped; its words go to a file of the desk's folder."""
        with (self.folder / "words").open("ab") as words:
            process = subprocess.Popen(  # noqa: S603
                command, cwd=ROOT, env={**self.env, **env}, stdout=words, stderr=words, start_new_session=True
            )
        try:
            yield process
        finally:
            with_children(process, signal.SIGKILL)

    def python(self, code: str) -> Any:
        """Run lines of Python on the desk; what they leave as `result`."""
        head = "import django, json; django.setup()\n"
        tail = "\nprint(json.dumps(result if 'result' in dir() else None, default=str))"
        env = {**self.env, "DJANGO_SETTINGS_MODULE": "refunddesk.settings"}
        done = subprocess.run(  # noqa: S603
            [sys.executable, "-c", head + code + tail], cwd=ROOT, env=env, capture_output=True, timeout=PATIENCE,
            check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr.decode()[-3000:]
        return json.loads(done.stdout.splitlines()[-1])

    def ask(self, statement: str) -> Any:
        """The first column of the first row."""
        with psycopg.connect(self.database, autocommit=True) as connection:
            row = connection.execute(statement).fetchone()  # type: ignore[arg-type]
        return row[0] if row else None

    def until(self, statement: str, wanted: Any) -> Any:
        """Wait until the database says so. What it says at the end of patience."""
        until, said = time.monotonic() + PATIENCE, None
        while time.monotonic() < until:
            try:
                said = self.ask(statement)
            except psycopg.OperationalError:
                said = None
            if said == wanted:
                return said
            time.sleep(0.1)
        return said


def with_children(process: "subprocess.Popen[bytes]", sign: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, sign)
    process.wait()


@pytest.fixture(scope="session")
def scratch() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="refunddesk-faults-") as name:
        yield Path(name)


@pytest.fixture(scope="session")
def server(scratch: Path) -> Iterator[str]:
    """A PostgreSQL with a migrated, empty desk to copy from."""
    with services.postgresql(scratch) as address, services.redis(scratch) as broker:
        with psycopg.connect(address, autocommit=True) as connection:
            connection.execute("CREATE DATABASE pattern")
        env = env_of(_named(address, "pattern"), broker, scratch)
        subprocess.run([sys.executable, "manage.py", "migrate", "-v0"], cwd=ROOT, env=env, check=True)  # noqa: S603
        yield address


@pytest.fixture
def desk(server: str, scratch: Path, tmp_path: Path) -> Iterator[Desk]:
    """A desk with a shop, ten people and nothing to do."""
    with services.redis(tmp_path) as broker:
        yield desk_at(database_of_its_own(server), broker, tmp_path)


def database_of_its_own(server: str) -> str:
    """The address of a new copy of the pattern."""
    name = f"desk{next(NUMBERS)}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}" TEMPLATE pattern')
    return _named(server, name)


def desk_at(database: str, broker: str, folder: Path) -> Desk:
    return Desk(database, broker, folder, env_of(database, broker, folder))


def _named(address: str, database: str) -> str:
    return f"{address.rpartition('/')[0]}/{database}"


def env_of(database: str, broker: str, folder: Path) -> dict[str, str]:
    plain = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "DJANGO"))}
    return plain | {
        "DATABASE_URL": database, "REDIS_URL": broker, "VAR_DIR": str(folder / "var"),
        "SECRET_KEY": "only-for-tests-" * 5,
        "CREDENTIALS_KEY": "only-for-tests-" * 5, "ALLOWED_HOSTS": "127.0.0.1,localhost", "TLS": "off",
        "SECOND_FACTOR_ROLES": "none", "API_PER_MINUTE": "0", "HOOKS_PER_MINUTE": "0",
    }  # fmt: skip


@pytest.fixture
def counted(request: pytest.FixtureRequest) -> Callable[..., None]:
    """Note what a fault did, for the table at the end."""

    def note(sent: int, lost: int, doubled: int, *, guard: str = "") -> None:
        TOLD.append((request.node.name, guard, sent, lost, doubled))

    return note


def pytest_terminal_summary(terminalreporter: Any) -> None:
    if not TOLD:
        return
    terminalreporter.write_line(
        "\n| fault | guard switched off | sent or stored | lost | doubled |\n|---|---|---|---|---|"
    )
    for name, guard, sent, lost, doubled in TOLD:
        words = name.removeprefix("test_").partition("[")[0].replace("_", " ")
        terminalreporter.write_line(f"| {words} | {guard} | {sent} | {lost} | {doubled} |")
