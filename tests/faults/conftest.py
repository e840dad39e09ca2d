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

from tests import migrated, services

ROOT = Path(__file__).parents[2]
PATIENCE = 180.0  # seconds: a busy machine takes its time
NUMBERS = count(1)
TOLD: list[tuple[str, str, int, int, int]] = []


@dataclass
class Desk:
    """What runs the desk's acts, and asks its database."""

    database: str
    broker: str
    folder: Path
    env: dict[str, str]

    def act(self, name: str, *harms: str, **env: str) -> Any:
        """Do an act in a process of its own. None: it died by -9."""
        done = self.start([sys.executable, "-m", "tests.faults.sabotage", name, *harms], **env)
        out, err = done.communicate(timeout=PATIENCE)
        if done.returncode == -signal.SIGKILL:
            return None
        assert done.returncode == 0, err.decode()[-3000:]
        return json.loads(out.splitlines()[-1])

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

    def screens(self, *paths: str, person: str = "", **env: str) -> list[str]:
        """The words of the console's pages, as the supervisor reads them, or another person."""
        command = [sys.executable, "-m", "tests.faults.screens", person or LEAD, *paths]
        out, err = self.start(command, **env).communicate(timeout=PATIENCE)
        assert out, err.decode()[-3000:]
        return json.loads(out.splitlines()[-1])  # type: ignore[no-any-return]

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

    def until(self, statement: str, wanted: Any, *, within: float = PATIENCE) -> Any:
        """Wait until the database says so. What it says at the end of patience."""
        until, said = time.monotonic() + within, None
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


AT, LATER = "2026-11-11T04:20:00+00:00", "2026-11-11T04:21:00+00:00"
DUE = 1000  # clocks due at AT in a desk that waits
LEAD = "lead@example.test"
PEOPLE = """
from datetime import datetime, UTC, timedelta
from accounts.models import *
shop = Shop.objects.create(code="s", name="s", marketplace="taobao")
for n in range(10):
    user = User.objects.create(email=f"p{n}@example.test", name=f"p{n}", language="en")
    Membership.objects.create(user=user, role="support", shop=shop)
    DutyShift.objects.create(user=user, starts_at=datetime(2026, 11, 11, 3, 0, tzinfo=UTC))
lead = User.objects.create(email="lead@example.test", name="lead", language="en")
Membership.objects.create(user=lead, role="supervisor", shop=shop)
"""
APPLICATIONS = """
from datetime import datetime, UTC, timedelta
from decimal import Decimal
from accounts.models import Shop
from handoffs.flow import intake
from handoffs.intake.rows import Row
at = datetime(2026, 11, 11, 4, 0, tzinfo=UTC)
shop = Shop.objects.get()
said = dict(title="商品", amount=Decimal(50), total_fee=Decimal(50), dispute_type="refund_only", phase="wait_seller",
            marketplace_status="WAIT_SELLER_AGREE", good_status="BUYER_RECEIVED", has_good_return=False,
            order_status="WAIT_BUYER_CONFIRM_GOODS", reason="协商一致退款", applied_at=at)
rows = [Row(n, "refund", str(n), {{**said, "order_id": str(n), "applied_at": at + n * timedelta(seconds={apart})}},
            {{}}, None) for n in range({first}, {first} + {count})]
origin = intake.Origin(as_of=at, name="f", key="f{first}")
result = sum(o.result == "created" for o in intake.take(rows, shop=shop, origin=origin, by=None, at=at))
"""


def applied(count: int, *, first: int = 0, at: str = "", apart: float = 0) -> str:
    """Lines of Python that bring applications of one moment, or each so many seconds from the last."""
    code = APPLICATIONS.format(count=count, first=first, apart=apart)
    return code.replace("datetime(2026, 11, 11, 4, 0, tzinfo=UTC)", at) if at else code


@pytest.fixture(scope="session")
def scratch() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="refunddesk-faults-") as name:
        yield Path(name)


@dataclass
class Server:
    """A PostgreSQL with desks to copy from: each is made once, from the one before."""

    address: str
    broker: str
    folder: Path

    def named(self, name: str) -> str:
        return f"{self.address.rpartition('/')[0]}/{name}"

    def copy(self, pattern: str, name: str = "") -> str:
        """The address of a new copy of a pattern."""
        name = name or f"desk{next(NUMBERS)}"
        with psycopg.connect(self.address, autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{pattern}"')
        return self.named(name)

    def desk(self, name: str) -> Desk:
        return desk_at(self.named(name), self.broker, self.folder)


@pytest.fixture(scope="session")
def server(scratch: Path, keeping: Path | None) -> Iterator[Server]:
    """With a migrated desk of a shop and eleven people, and nothing to do."""
    with services.postgresql(scratch) as address, services.redis(scratch) as broker:
        made = Server(address, broker, scratch)
        pattern = made.copy("template1", "pattern")
        found = migrated.fill(keeping, pattern) if keeping else False
        migrate(made.desk("pattern"))
        if keeping and not found:
            migrated.keep(keeping, pattern)
        made.desk("pattern").python(PEOPLE)
        yield made


@pytest.fixture(scope="session")
def _waiting(server: Server) -> str:
    server.copy("pattern", "waiting")
    assert server.desk("waiting").python(applied(DUE)) == DUE
    return "waiting"


@pytest.fixture(scope="session")
def _mailing(server: Server) -> str:
    server.copy("pattern", "mailing")
    assert server.desk("mailing").python(applied(40)) == 40
    server.desk("mailing").act("sweep", AT=AT)
    return "mailing"


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[str]:
    with services.redis(tmp_path) as address:
        yield address


@pytest.fixture
def desk(server: Server, broker: str, tmp_path: Path) -> Desk:
    """A desk with a shop, its people and nothing to do."""
    return desk_at(server.copy("pattern"), broker, tmp_path)


@pytest.fixture
def waiting(server: Server, _waiting: str, broker: str, tmp_path: Path) -> Desk:
    """A desk with 1,000 clocks due at AT."""
    return desk_at(server.copy(_waiting), broker, tmp_path)


@pytest.fixture
def mailing(server: Server, _mailing: str, broker: str, tmp_path: Path) -> Desk:
    """A desk with a letter due for each of ten people."""
    return desk_at(server.copy(_mailing), broker, tmp_path)


def migrate(desk: Desk) -> None:
    subprocess.run([sys.executable, "manage.py", "migrate", "-v0"], cwd=ROOT, env=desk.env, check=True)  # noqa: S603


def desk_at(database: str, broker: str, folder: Path) -> Desk:
    return Desk(database, broker, folder, env_of(database, broker, folder))


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
