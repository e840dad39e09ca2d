"""A token does what it was made for, until it ends; what is stored opens nothing."""

import hashlib
from datetime import timedelta
from importlib import import_module
from typing import Any

import pytest
import time_machine
from django.apps import apps
from django.conf import LazySettings
from django.test import Client
from django.urls import reverse
from rest_framework.authtoken.models import Token

from accounts import tokens
from accounts.models import ApiToken, AuditEntry, User
from tests.factories import NOON, World


def call(key: str, where: str = "me/", **more: Any) -> int:
    send = Client().post if more else Client().get
    answer = send(f"/api/v1/{where}", headers={"Authorization": f"Token {key}"}, **more)
    return answer.status_code


def browser(user: User) -> Client:
    client = Client()
    client.force_login(user, backend="accounts.backends.RoleBackend")
    return client


PAGE = "/me/tokens/"


def asked(user: User, *scopes: str) -> dict[str, Any]:
    return {"name": "till", "user": user.pk, "scopes": scopes or ["read"], "days": "30", "verb": "new"}


def test_a_token_is_shown_once_and_only_its_digest_is_kept(world: World) -> None:
    client = browser(world.support)
    key = client.post(PAGE, asked(world.support)).context["token"]
    kept = ApiToken.objects.values().get()
    assert key not in str(kept)
    assert kept["digest"] == hashlib.sha256(key.encode()).hexdigest()
    assert call(key) == 200
    assert key not in client.get(PAGE).content.decode()
    assert [call(kept["digest"]), call(key[:8]), call(key + "x")] == [401, 401, 401]
    client.post(PAGE, {"verb": "end", "token": kept["id"]})
    assert call(key) == 401
    assert list(AuditEntry.objects.filter(about=world.support).values_list("kind", flat=True).order_by("pk")) == [
        "token_made",
        "token_ended",
    ]


@pytest.mark.parametrize("scope", ["read", "act", "import", "events"])
def test_a_token_does_only_what_it_was_made_for(world: World, scope: str) -> None:
    _made, key = tokens.make(world.support, "x", [scope], by=world.support, at=NOON)
    body = {"data": "{", "content_type": "application/json"}
    got = {
        "read": call(key) == 200,
        "act": call(key, "cases/1/claim/", **body) != 403,
        "import": call(key, "refund-applications/", **body) != 403,
        "events": call(key, "parcel-events/", **body) != 403,
    }
    assert got == {each: each == scope for each in got}


def test_a_token_ends_on_its_day_and_with_its_persons_account(world: World, clock: time_machine.Traveller) -> None:
    _made, key = tokens.make(world.support, "x", ["read"], by=world.support, at=NOON, days=30)
    clock.shift(timedelta(days=30, seconds=-1))
    assert call(key) == 200
    assert ApiToken.objects.get().last_used_at == NOON + timedelta(days=30, seconds=-1)
    User.objects.filter(pk=world.support.pk).update(is_active=False)
    assert call(key) == 401
    User.objects.filter(pk=world.support.pk).update(is_active=True)
    assert call(key) == 200
    clock.shift(timedelta(seconds=1))
    assert call(key) == 401


def test_a_manager_makes_tokens_for_others_but_none_that_decides_as_them(world: World) -> None:
    manager = browser(world.manager)
    assert manager.post(PAGE, asked(world.supervisor, "act")).status_code == 400
    assert manager.post(PAGE, asked(world.supervisor, "import", "read")).status_code == 200
    made = ApiToken.objects.get()
    assert (made.user, made.made_by) == (world.supervisor, world.manager)
    assert browser(world.support).post(PAGE, asked(world.supervisor)).status_code == 400
    assert browser(world.support).post(PAGE, {"verb": "end", "token": made.pk}).status_code == 404
    assert manager.post(PAGE, {"verb": "end", "token": made.pk}).status_code == 302


def test_the_tokens_of_before_go_on_hashed(world: World) -> None:
    old = Token.objects.create(user=world.support)
    import_module("accounts.migrations.0006_gate_tokens").take_over(apps, None)
    assert not Token.objects.exists()
    assert call(old.key) == 200
    assert ApiToken.objects.get().digest == hashlib.sha256(old.key.encode()).hexdigest()


def test_guessing_at_tokens_is_slowed_down(world: World, settings: LazySettings) -> None:
    settings.LOGINS_PER_MINUTE = 2
    assert [call("guess") for _each in range(3)] == [401, 401, 429]
    _made, key = tokens.make(world.support, "x", ["read"], by=world.support, at=NOON)
    assert call(key) == 200


def test_a_token_is_a_factor_of_its_own(world: World, settings: LazySettings) -> None:
    settings.SECOND_FACTOR_ROLES = frozenset({"manager"})
    _made, key = tokens.make(world.manager, "x", ["read"], by=world.manager, at=NOON)
    assert call(key) == 200
    assert browser(world.manager).get(reverse("admin:handoffs_token")).status_code == 302
