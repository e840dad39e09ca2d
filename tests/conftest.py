"""What every test stands on: nothing left over from the test before, no network beyond this machine."""

import gc
import sys
from collections.abc import Iterator
from ipaddress import ip_address
from typing import Any

import pytest
from django.conf import settings
from django.core.cache import cache
from django.utils import timezone, translation


def _this_machine_only(event: str, arguments: tuple[Any, ...]) -> None:
    if event != "socket.connect" or not isinstance(arguments[1], tuple):
        return
    host = arguments[1][0]
    if host != "localhost" and not ip_address(host.partition("%")[0]).is_loopback:
        raise AssertionError(f"A test may not reach {host}.")


sys.addaudithook(_this_machine_only)


def pytest_collection_finish() -> None:
    """What is loaded by now stays: the collector need not walk through it again and again, which took its time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what services have a say in: the rest is the same on any database, and `make test` runs it once."""
    for item in items:
        asked = {"db", "transactional_db", "live_server"} & set(getattr(item, "fixturenames", ()))
        if asked or item.get_closest_marker("django_db") or {"running", "project"} & set(item.path.parts):
            item.add_marker("services")


@pytest.fixture(autouse=True)
def _nothing_left_over() -> Iterator[None]:
    """Language, zone and cache as at the start of a process."""
    translation.activate(settings.LANGUAGE_CODE)
    timezone.deactivate()
    yield
    cache.clear()
