"""A Redis that hangs, which takes calls and answers none, costs a page a moment once, and no page its answer."""

import socket
from collections.abc import Iterator

import pytest
from django.conf import LazySettings
from django.core.cache import cache
from django.test import Client
from redis import RedisError

from accounts import kept
from refunddesk import caching, health
from tests import factories
from tests.factories import World

NOW = 1000.0


class Frozen:
    """One at an address of this machine. Every call is a wait until patience is over."""

    def __init__(self, listener: socket.socket) -> None:
        self.listener = listener
        self.address = f"redis://127.0.0.1:{listener.getsockname()[1]}/0"

    def calls(self) -> int:
        """How often it was called since this was last asked."""
        found = 0
        self.listener.settimeout(0)
        while True:
            try:
                self.listener.accept()[0].close()
            except BlockingIOError:
                return found
            found += 1


@pytest.fixture
def frozen(settings: LazySettings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Frozen]:
    """It is the desk's cache, at one moment."""
    monkeypatch.setattr(caching, "PATIENCE_SECONDS", 0.05)
    monkeypatch.setattr(caching, "monotonic", lambda: NOW)
    with socket.create_server(("127.0.0.1", 0), backlog=50) as listener:
        found = Frozen(listener)
        settings.CACHES = {"default": caching.redis(found.address)}
        yield found


@pytest.fixture
def world(db: None) -> World:
    return factories.world()


def test_a_login_and_pages_wait_once_and_are_answered(world: World, settings: LazySettings, frozen: Frozen) -> None:
    settings.LOGINS_PER_MINUTE = 30
    case, client = factories.case(world.shop), Client()
    assert client.post("/login/", {"username": world.support.email, "password": "pass-word-1"}).status_code == 302
    for address in ("/", f"/handoffs/case/{case.pk}/change/", "/messages/"):
        assert client.get(address).status_code == 200
    assert client.post(f"/cases/{case.pk}/here/").status_code == 200
    assert frozen.calls() == 1


@pytest.mark.django_db
def test_figures_are_given_though_the_broker_hangs_too_which_is_asked_once(
    client: Client, settings: LazySettings, frozen: Frozen, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("socket_timeout", "socket_connect_timeout"):
        assert health.BROKER_PATIENCE[name] <= 2
        monkeypatch.setitem(health.BROKER_PATIENCE, name, 0.05)
    settings.REDIS_URL = frozen.address
    assert client.get("/metrics").status_code == 200
    assert frozen.calls() == 2  # cache and broker
    assert client.get("/readyz").status_code == 503
    assert frozen.calls() == 1


def test_what_is_kept_is_forgotten_and_nobody_is_stopped(frozen: Frozen) -> None:
    kept.keep("a", 1, 60)
    assert kept.get("a") is None
    kept.forget("a")
    kept.count("b")
    assert kept.first("c", 60)
    assert kept.first("c", 60)


def test_what_is_kept_is_found_where_the_cache_answers() -> None:
    kept.keep("a", 1, 60)
    assert kept.get("a") == 1
    kept.forget("a")
    assert kept.get("a") is None
    kept.count("b")
    kept.count("b")
    assert cache.get("b") == 2
    assert [kept.first("c", 60), kept.first("c", 60)] == [True, False]


def test_a_redis_that_was_away_is_tried_again_after_a_pause(frozen: Frozen, monkeypatch: pytest.MonkeyPatch) -> None:
    for seconds, calls in ((0, 1), (1, 0), (caching.PAUSE_SECONDS, 1)):
        monkeypatch.setattr(caching, "monotonic", lambda now=NOW + seconds: now)
        with pytest.raises(RedisError):
            cache.get("a")
        assert frozen.calls() == calls, seconds


def test_a_production_desk_keeps_its_cache_so() -> None:
    entry = caching.redis("redis://cache:6379/0")
    assert entry["OPTIONS"]["pool_class"] == "refunddesk.caching.Pool"
    assert 0 < entry["OPTIONS"]["socket_timeout"] == entry["OPTIONS"]["socket_connect_timeout"] <= 2
