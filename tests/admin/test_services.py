"""Carriers' data services and warehouse systems: secrets go in and never come out; the address to push to is shown."""

from typing import Any

import pytest
from django.urls import reverse

from handoffs.models import CarrierAccount, WarehouseSystem
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
