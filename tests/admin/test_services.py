"""Carriers' data services and warehouse systems: secrets go in and never come out; the address to push to is shown."""

from typing import Any

import pytest
from django.urls import reverse

from handoffs import connections
from handoffs.models import CarrierAccount, Connection, WarehouseSystem
from tests.admin.conftest import LogIn
from tests.factories import World

NEW = "admin:handoffs_carrier_account_new"


def form(**changes: Any) -> dict[str, Any]:
    return {"code": "main", "service": "kuaidi100", "customer": "C100", "key": "a-key", "salt": "a-salt",
            "secret": "a-secret", "active": "on", "subscribes": "on", "verb": "save"} | changes  # fmt: skip


def test_an_account_is_kept_sealed_and_says_where_to_push(world: World, log_in: LogIn) -> None:
    client = log_in(world.manager)
    made = client.post(reverse(NEW), form())
    kept = CarrierAccount.objects.get()
    assert (kept.opened("key"), kept.opened("salt"), kept.opened("secret")) == ("a-key", "a-salt", "a-secret")
    page = client.get(made["Location"]).content.decode()
    assert "/hooks/kuaidi100/main/" in page
    assert not [word for word in ("a-key", "a-salt", "a-secret", kept.sealed_key) if word in page]
    assert "main" in client.get(reverse("admin:handoffs_connections")).content.decode()


def test_an_empty_secret_leaves_the_one_that_is_kept(world: World, log_in: LogIn) -> None:
    client = log_in(world.manager)
    client.post(reverse(NEW), form())
    kept = CarrierAccount.objects.get()
    where = reverse("admin:handoffs_carrier_account", args=[kept.pk])
    client.post(where, form(key="", salt="new-salt", secret="", customer="C200"))
    kept.refresh_from_db()
    assert (kept.customer, kept.opened("key"), kept.opened("salt")) == ("C200", "a-key", "new-salt")


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"key": ""}, "key"),
        ({"code": "a b"}, "code"),
        ({"address": "http://x.example/"}, "address"),
        ({"customer": ""}, "customer"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_kept(
    world: World, log_in: LogIn, changes: dict[str, Any], field: str
) -> None:
    answer = log_in(world.manager).post(reverse(NEW), form(**changes))
    assert (answer.status_code, list(answer.context["form"].errors)) == (400, [field])
    assert not CarrierAccount.objects.exists()


def test_it_is_removed(world: World, log_in: LogIn) -> None:
    client = log_in(world.manager)
    client.post(reverse(NEW), form(service="kdniao"))
    where = reverse("admin:handoffs_carrier_account", args=[CarrierAccount.objects.get().pk])
    assert "/hooks/kdniao/main/" in client.get(where).content.decode()
    client.post(where, {"verb": "remove"})
    assert not CarrierAccount.objects.exists()


@pytest.mark.parametrize("role", ["support", "supervisor", "warehouse", "qc", "logistics"])
def test_only_the_manager_sets_it_up(world: World, log_in: LogIn, role: str) -> None:
    client = log_in(world.people[role])
    assert client.get(reverse(NEW)).status_code == 403
    assert client.post(reverse(NEW), form()).status_code == 403
    assert not CarrierAccount.objects.exists()


def test_a_shop_s_warehouse_system_is_connected_once(world: World, log_in: LogIn) -> None:
    client, where = log_in(world.manager), reverse("admin:handoffs_warehouse_system_new")
    body = {"shop": world.shop.pk, "kind": "qimen", "code": "wh1", "app_key": "1", "customer": "C1", "active": "on"}
    body |= {"secret": "hidden-1"}
    made = client.post(where, body)
    kept = WarehouseSystem.objects.get()
    assert (kept.shop, kept.opened("secret")) == (world.shop, "hidden-1")
    page = client.get(made["Location"]).content.decode()
    assert ("/hooks/qimen/wh1/" in page, "hidden-1" in page) == (True, False)
    again = client.post(where, body | {"code": "wh2"})
    assert (again.status_code, list(again.context["form"].errors)) == (400, ["shop"])
    assert client.post(where, body | {"shop": world.other_shop.pk, "code": "wh3", "secret": ""}).status_code == 400
    assert "wh1" in client.get(reverse("admin:handoffs_connections")).content.decode()


# Secrets stay with the service they were given for --------------------------------------------------------------------

ANEW = "is not sent elsewhere"


@pytest.mark.parametrize("address", [
    "http://localhost.evil.example/", "http://127.0.0.1.evil.example/", "http://qimen.api.taobao.com.evil.example/",
    "http://qimen.api.taobao.com@evil.example/", "https://a@evil.example/", "https://good.example\\@evil.example/",
    "https://", "https:///path", "//evil.example/", "https://evil.example:x/", "ftp://localhost/", "https://ｅvil.example/",
])  # fmt: skip
def test_an_address_is_told_by_its_host(world: World, log_in: LogIn, address: str) -> None:
    client = log_in(world.manager)
    answer = client.post(reverse(NEW), form(address=address))
    assert (answer.status_code, list(answer.context["form"].errors)) == (400, ["address"])
    where = reverse("admin:handoffs_connection", args=[world.shop.pk])
    answer = client.post(where, {"app_key": "1", "secret": "x", "session": "y", "gateway": address})
    assert (answer.status_code, list(answer.context["form"].errors)) == (400, ["gateway"])
    assert not CarrierAccount.objects.exists()
    assert not Connection.objects.exists()


@pytest.mark.parametrize("address", ["", "http://localhost:8099", "http://127.0.0.1/x", "HTTPS://api.example/a?b=c",
                                     "http://qimen.api.taobao.com/router/qimen/service"])  # fmt: skip
def test_services_own_addresses_and_this_machine_s_are_taken(world: World, log_in: LogIn, address: str) -> None:
    assert log_in(world.manager).post(reverse(NEW), form(address=address)).status_code == 302
    assert CarrierAccount.objects.get().address == address


OWN, EVIL = "https://api.example/v1", "https://evil.example/v1"
MOVES = [("", EVIL), (OWN, EVIL), (OWN, ""), (OWN, "https://api.example:8443/v1"), ("http://localhost/", OWN)]
STAYS = [("", ""), (OWN, OWN), (OWN, "https://API.example:443/v2"), ("http://localhost:80/", "http://localhost")]


@pytest.mark.parametrize(("before", "after", "asked"), [
    *((*move, True) for move in MOVES), *((*stay, False) for stay in STAYS),
])  # fmt: skip
def test_a_service_elsewhere_gets_no_secret_that_was_given_for_another(
    world: World, log_in: LogIn, before: str, after: str, *, asked: bool
) -> None:
    client = log_in(world.manager)
    client.post(reverse(NEW), form(address=before, secret=""))
    kept = CarrierAccount.objects.get()
    where, empty = reverse("admin:handoffs_carrier_account", args=[kept.pk]), {"key": "", "salt": "", "secret": ""}
    answer = client.post(where, form(address=after, **empty))
    kept.refresh_from_db()
    if not asked:
        assert (answer.status_code, kept.address, kept.opened("key")) == (302, after, "a-key")
        return
    assert (answer.status_code, kept.address) == (400, before)
    assert list(answer.context["form"].errors) == ["key", "salt"]  # the third never was
    assert ANEW in answer.content.decode()
    assert client.post(where, form(address=after, **empty | {"key": "new"})).status_code == 400
    assert client.post(where, form(address=after, **empty | {"key": "new", "salt": "new"})).status_code == 302
    kept.refresh_from_db()
    assert (kept.address, kept.opened("key"), kept.opened("salt")) == (after, "new", "new")


@pytest.mark.parametrize(("before", "after"), MOVES)
def test_neither_does_a_gateway_elsewhere(
    world: World, log_in: LogIn, before: str, after: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[str] = []
    monkeypatch.setattr(connections, "test", lambda record, at: tried.append(record.gateway))
    client, where = log_in(world.manager), reverse("admin:handoffs_connection", args=[world.shop.pk])
    body = {"app_key": "1", "secret": "a-secret", "session": "a-session", "gateway": before, "active": "on"}
    assert client.post(where, body).status_code == 302
    answer = client.post(where, body | {"gateway": after, "secret": "", "session": ""})
    assert (answer.status_code, list(answer.context["form"].errors)) == (400, ["secret", "session"])
    assert ANEW in answer.content.decode()
    assert client.post(where, body | {"gateway": after, "secret": "new", "session": ""}).status_code == 400
    assert (Connection.objects.get().gateway, tried) == (before, [before])
    assert client.post(where, body | {"gateway": after, "secret": "new", "session": "new"}).status_code == 302
    assert client.post(where, body | {"gateway": after, "secret": "", "session": ""}).status_code == 302
    assert tried == [before, after, after]
