"""Who calls too often is told to wait, and nobody else is."""

from datetime import timedelta
from unittest.mock import patch

import pytest
import time_machine
from django.conf import LazySettings
from django.core.checks import run_checks
from django.test import Client, RequestFactory
from django.urls import reverse
from django.utils import timezone
from redis import ConnectionError as NoRedis

from accounts import checks, rates, tokens
from accounts.models import AuditEntry, User
from tests import factories
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


@pytest.mark.slow
def test_made_up_codes_do_not_wash_a_limit_out_of_the_memory(world: World, settings: LazySettings) -> None:
    settings.LOGINS_PER_MINUTE, settings.HOOKS_PER_MINUTE = 1, 200
    login = {"username": "a@desk.test", "password": "x"}
    assert [Client().post("/login/", login).status_code for _each in range(2)] == [200, 429]
    for number in range(400):
        Client().post(f"/hooks/kdniao/made-up-{number}/")
    assert Client().post("/login/", login).status_code == 429
    with patch("accounts.rates.cache.add") as kept:
        Client().post("/hooks/kdniao/one-more/")
    assert [call.args[0].split(":")[1] for call in kept.call_args_list] == ["hooks", "hook"]


@pytest.mark.parametrize(("one", "other", "same"), [
    ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", True), ("2001:db8:1:2::1", "2001:db8:1:3::1", False),
    ("::ffff:192.0.2.7", "192.0.2.7", True), ("192.0.2.7", "192.0.2.8", False),
])  # fmt: skip
def test_of_ipv6_the_network_is_counted(one: str, other: str, *, same: bool) -> None:
    here = [rates.caller(RequestFactory(REMOTE_ADDR=each).get("/")) for each in (one, other)]
    assert (here[0] == here[1]) == same


def test_an_installation_that_takes_its_proxy_for_every_caller_is_warned(settings: LazySettings) -> None:
    settings.TLS, settings.CLIENT_ADDRESS_HEADER = True, ""
    assert [found.id for found in run_checks(include_deployment_checks=True) if "accounts" in str(found.id)] == [
        "accounts.W001"
    ]
    settings.CLIENT_ADDRESS_HEADER = "X-Real-IP"
    assert checks.knows_its_callers() == []
    settings.TLS, settings.CLIENT_ADDRESS_HEADER = False, ""
    assert checks.knows_its_callers() == []


def test_one_address_tries_to_log_in_so_often_whoever_it_tries_to_be(world: World, settings: LazySettings) -> None:
    settings.LOGINS_PER_MINUTE = 3
    tries = [Client().post("/login/", {"username": f"p{n}@desk.test", "password": "x"}) for n in range(4)]
    assert [answer.status_code for answer in tries] == [200, 200, 200, 429]
    assert tries[3].headers["Retry-After"] == "60"
    settings.CLIENT_ADDRESS_HEADER = "X-Real-IP"
    assert Client().post("/login/", {"username": "a@b.cn"}, headers={"X-Real-IP": "192.0.2.7"}).status_code == 200


def test_a_person_looks_at_so_many_buyers_a_minute(
    world: World, clock: time_machine.Traveller, settings: LazySettings
) -> None:
    settings.REVEALS_PER_MINUTE = 2
    case, client = factories.case(world.shop, buyer_nick="mountain-river"), browser(world.support)
    reveal = reverse("admin:handoffs_verb", args=[case.pk, "reveal"])
    api = f"/api/v1/cases/{case.pk}/reveal_buyer/"
    assert "mountain-river" in client.post(reveal).content.decode()
    assert client.post(api).json()["nick"] == "mountain-river"
    clock.shift(timedelta(seconds=20))
    refused = client.post(reveal)
    assert (refused.status_code, refused["Retry-After"]) == (429, "40")
    assert "Go on in a minute." in refused.content.decode()
    assert "mountain-river" not in refused.content.decode()
    also = client.post(api)
    assert (also.status_code, also["Retry-After"], also.json()["code"]) == (429, "40", "throttled")
    assert AuditEntry.objects.filter(kind="revealed").count() == 2
    _row, key = tokens.make(world.support, "print", ["read", "act"], by=world.support, at=timezone.now(), days=1)
    assert Client().post(api, headers={"Authorization": f"Token {key}"}).status_code == 200
    assert client.post(reverse("admin:handoffs_verb", args=[case.pk, "claim"])).status_code == 302
    assert browser(world.supervisor).post(reveal).status_code == 200
    clock.shift(timedelta(seconds=40))
    assert client.post(reveal).status_code == 200


def test_a_cache_that_does_not_answer_stops_nobody(world: World, settings: LazySettings) -> None:
    settings.API_PER_MINUTE = 1
    client = browser(world.support)
    with patch("accounts.rates.cache.add", side_effect=NoRedis("gone")):
        assert [client.get("/api/v1/me/").status_code for _each in range(3)] == [200, 200, 200]
