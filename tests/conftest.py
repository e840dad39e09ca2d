"""What every test stands on: nothing left over from the test before, no network beyond this machine."""

import gc
import os
import shutil
import socket
from collections.abc import Iterator
from functools import wraps
from hashlib import sha256
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.cache import cache
from django.db import connection
from django.utils import timezone, translation
from pytest_django.plugin import DjangoDbBlocker

HERE = Path(__file__).parent


def _on_this_machine(connect: Any) -> Any:
    """A way to connect that refuses every other machine. (An audit hook would be asked about every call of id().)"""

    @wraps(connect)
    def guarded(self: socket.socket, address: Any) -> Any:
        host = address[0] if isinstance(address, tuple) else "localhost"
        if host != "localhost" and not ip_address(host.partition("%")[0]).is_loopback:
            raise AssertionError(f"A test may not reach {host}.")
        return connect(self, address)

    return guarded


for _name in ("connect", "connect_ex"):
    setattr(socket.socket, _name, _on_this_machine(getattr(socket.socket, _name)))


def pytest_collection_finish() -> None:
    """What is loaded by now stays: the collector need not walk through it again and again, which took its time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)


# What people and workers do at the same moment, and what is said in SQL of the desk's own or left to a service.
OF_THE_ENGINE = (
    "flow",
    "growth",
    "running",
    "intake_command",
    "delivery/test_two_at_once.py",
    "money/test_at_once.py",
    "project/test_migrations_do_not_lock.py",
)
BARE = "project/test_start.py"  # starts the desk on the embedded default wherever it is run


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what services have a say in, since the rest is the same on any database; and what most depends on them."""
    for item in items:
        where = item.path.relative_to(HERE)
        asked: Any = {"db", "transactional_db", "live_server"} & set(getattr(item, "fixturenames", ()))
        asked = asked or item.get_closest_marker("django_db") or where.parts[0] in ("running", "project")
        if asked and str(where) != BARE:
            item.add_marker("services")
            if str(where).startswith(OF_THE_ENGINE):
                item.add_marker("engine")


@pytest.fixture(scope="session")
def migrated(request: pytest.FixtureRequest) -> Path | None:
    """Where the embedded database is kept as the migrations made it: runs on the same migrations copy it."""
    if connection.vendor != "sqlite" or not hasattr(request.config, "cache"):
        return None
    read = sorted(path for app in ("accounts", "handoffs") for path in HERE.parent.glob(f"{app}/migrations/*.py"))
    said = b"".join(path.read_bytes() for path in (*read, HERE.parent / "requirements.txt"))
    return request.config.cache.mkdir("migrated") / f"{sha256(said).hexdigest()}.sqlite3"


@pytest.fixture(scope="session")
def django_db_keepdb(migrated: Path | None, django_db_modify_db_settings: None) -> bool:
    found = migrated is not None and migrated.exists()
    if found:
        shutil.copy(migrated, connection.creation._get_test_db_name())
    return found


@pytest.fixture(scope="session")
def django_db_setup(
    migrated: Path | None, django_db_setup: None, django_db_blocker: DjangoDbBlocker, *, django_db_keepdb: bool
) -> None:
    if migrated is None or django_db_keepdb:
        return
    made = migrated.with_name(f"{os.getpid()}.sqlite3")
    with django_db_blocker.unblock(), connection.cursor() as cursor:
        cursor.execute("VACUUM INTO %s", [str(made)])
    made.replace(migrated)


@pytest.fixture(autouse=True)
def _nothing_left_over() -> Iterator[None]:
    """Language, zone and cache as at the start of a process."""
    translation.activate(settings.LANGUAGE_CODE)
    timezone.deactivate()
    yield
    cache.clear()
