"""Who calls too often is told to wait, and nobody else is."""

from datetime import timedelta
from unittest.mock import patch

import time_machine
from django.conf import LazySettings
from django.test import Client
from redis import ConnectionError as NoRedis

from accounts.models import User
from tests.factories import World


def browser(user: User) -> Client:
    client = Client()
    client.force_login(user, backend="accounts.backends.RoleBackend")
    return client


def test_the_api_says_429_and_when_to_come_back(
    world: World, clock: time_machine.Traveller, settings: LazySettings
) -> None:
    settings.API_PER_MINUTE = 2
    client, other = browser(world.support), browser(world.qc)
    assert [client.get("/api/v1/me/").status_code for _each in range(2)] == [200, 200]
    clock.shift(timedelta(seconds=20))
    refused = client.get("/api/v1/me/")
    assert (refused.status_code, refused["Retry-After"]) == (429, "40")
    assert (refused.json()["code"], refused.json()["field"]) == ("throttled", None)
    assert other.get("/api/v1/me/").status_code == 200
    clock.shift(timedelta(seconds=40))
    assert client.get("/api/v1/me/").status_code == 200


def test_a_flood_of_pushes_from_one_address_does_not_shut_out_another(world: World, settings: LazySettings) -> None:
    settings.HOOKS_PER_MINUTE = 2
    push = "/hooks/kuaidi100/unknown/"
    got = [Client().post(push) for _each in range(3)]
    assert [answer.status_code for answer in got] == [404, 404, 429]
    assert got[2].headers["Retry-After"] == "60"
    assert Client(REMOTE_ADDR="127.0.0.9").post(push).status_code == 404
    others = [Client().post(f"/hooks/kdniao/made-up-{number}/").status_code for number in range(9)]
    assert others[-1] == 429


def test_one_address_tries_to_log_in_so_often_whoever_it_tries_to_be(world: World, settings: LazySettings) -> None:
    settings.LOGINS_PER_MINUTE = 3
    tries = [Client().post("/login/", {"username": f"p{n}@desk.test", "password": "x"}) for n in range(4)]
    assert [answer.status_code for answer in tries] == [200, 200, 200, 429]
    assert tries[3].headers["Retry-After"] == "60"
    settings.CLIENT_ADDRESS_HEADER = "X-Real-IP"
    assert Client().post("/login/", {"username": "a@b.cn"}, headers={"X-Real-IP": "192.0.2.7"}).status_code == 200


def test_a_cache_that_does_not_answer_stops_nobody(world: World, settings: LazySettings) -> None:
    settings.API_PER_MINUTE = 1
    client = browser(world.support)
    with patch("accounts.rates.cache.add", side_effect=NoRedis("gone")):
        assert [client.get("/api/v1/me/").status_code for _each in range(3)] == [200, 200, 200]
