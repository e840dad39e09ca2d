"""What every test stands on: nothing left over from the test before, no network beyond this machine."""

import os
import socket
from collections.abc import Iterator
from functools import wraps
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest
from django.conf import settings
from django.core.cache import cache
from django.db import connection
from django.utils import timezone, translation
from psycopg import sql
from pytest_django.plugin import DjangoDbBlocker

from refunddesk import collector
from refunddesk.stack import roomy
from tests import flushed, migrated

HERE = Path(__file__).parent
IN_ROOM = pytest.StashKey[bool]()


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


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> Any:
    """The whole run, in each of its processes, on a stack with room."""
    if IN_ROOM in config.stash:
        return None
    config.stash[IN_ROOM] = True
    return roomy(config.hook.pytest_cmdline_main, config=config)


def pytest_collection_finish() -> None:
    collector.settle()


# What people and workers do at the same moment, and what is said in SQL of the desk's own or left to a service.
OF_THE_ENGINE = (
    "flow/test_approve_many.py",
    "flow/test_due_order.py",
    "flow/test_enforcement.py",
    "flow/test_intake.py",
    "flow/test_limits_at_once.py",
    "flow/test_races.py",
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
def keeping(request: pytest.FixtureRequest) -> Path | None:
    """Where the database as the migrations made it is kept from run to run, or None when nothing is to be."""
    return request.config.cache.mkdir("migrated") if hasattr(request.config, "cache") else None


def _called(name: str) -> str:
    """The path or the URL of the database of that name."""
    if connection.vendor == "sqlite":
        return name
    return urlunsplit(urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{name}"))


@pytest.fixture(scope="session")
def django_db_keepdb(keeping: Path | None, django_db_modify_db_settings: None) -> bool:
    if keeping is None:
        return False
    if connection.vendor != "sqlite":
        with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as server:
            name = sql.Identifier(connection.creation._get_test_db_name())
            server.execute(sql.SQL("DROP DATABASE IF EXISTS {}").format(name))
            server.execute(sql.SQL("CREATE DATABASE {}").format(name))
    return migrated.fill(keeping, _called(connection.creation._get_test_db_name()))


@pytest.fixture(scope="session")
def django_db_setup(
    keeping: Path | None, django_db_setup: None, django_db_blocker: DjangoDbBlocker, *, django_db_keepdb: bool
) -> None:
    with django_db_blocker.unblock():
        if keeping is not None and not django_db_keepdb:
            migrated.keep(keeping, _called(str(connection.settings_dict["NAME"])))
        if connection.vendor == "postgresql":
            flushed.by_copy()


@pytest.fixture(autouse=True)
def _nothing_left_over() -> Iterator[None]:
    """Language, zone and cache as at the start of a process."""
    translation.activate(settings.LANGUAGE_CODE)
    timezone.deactivate()
    yield
    cache.clear()
