"""A session ends by itself, and what a role, a password or an account may do ends at once."""

from datetime import timedelta

import pytest
import time_machine
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.test import Client
from django.urls import reverse

from accounts.models import Membership, User
from tests import factories
from tests.factories import World

Clock = time_machine.Traveller


def browser(user: User) -> Client:
    client = Client()
    client.force_login(user, backend="accounts.backends.RoleBackend")
    return client


def test_a_session_ends_after_four_hours_without_a_click(world: World, clock: Clock) -> None:
    client = browser(world.support)
    for _each in range(2):
        clock.shift(timedelta(minutes=239))
        assert client.get("/").status_code == 200
    clock.shift(timedelta(minutes=240))
    assert client.get("/")["Location"].startswith("/login/")


def test_what_a_page_fetches_by_itself_does_not_keep_a_session_alive(world: World, clock: Clock) -> None:
    case = factories.case(world.shop)
    client, here = browser(world.support), reverse("admin:handoffs_here", args=[case.pk])
    for _each in range(3):
        clock.shift(timedelta(minutes=79))
        assert client.get("/", headers={"X-Live": "1"}).status_code in (200, 304)
        assert client.post(here, headers={"X-Poll": "1"}).status_code == 200
    clock.shift(timedelta(minutes=3))
    assert client.get("/", headers={"X-Live": "1"}).status_code == 302
    assert client.get("/").status_code == 302


def test_a_session_ends_fourteen_hours_after_the_login_however_busy(world: World, clock: Clock) -> None:
    client = browser(world.support)
    for _each in range(13):
        clock.shift(timedelta(hours=1))
        assert client.get("/").status_code == 200
    clock.shift(timedelta(hours=1))
    assert client.get("/").status_code == 302


def test_a_changed_role_takes_effect_at_the_next_click(world: World) -> None:
    client, board = browser(world.supervisor), reverse("admin:handoffs_board")
    assert client.get(board).status_code == 200
    Membership.objects.filter(user=world.supervisor).update(role="support")
    assert client.get(board).status_code == 403
    Membership.objects.filter(user=world.supervisor).update(role="manager")
    assert client.get(board).status_code == 200


def test_who_is_switched_off_or_changes_the_password_elsewhere_is_out_at_once(world: World) -> None:
    clients = [browser(world.support), browser(world.qc)]
    assert [client.get("/").status_code for client in clients] == [200, 200]
    User.objects.filter(pk=world.support.pk).update(is_active=False)
    world.qc.set_password("another-pass-word-2")
    world.qc.save()
    assert [client.get("/").status_code for client in clients] == [302, 302]
    assert clients[0].get("/api/v1/me/").status_code == 401


@pytest.mark.parametrize(("role", "least"), [("support", 10), ("supervisor", 12), ("manager", 12)])
def test_who_approves_needs_a_longer_password(world: World, role: str, least: int) -> None:
    phrase, user = "kX7-wood-Lamp-22", world.people[role]
    validate_password(phrase[:least], user)
    with pytest.raises(ValidationError, match=f"at least {least}"):
        validate_password(phrase[: least - 1], user)
    with pytest.raises(ValidationError, match="common"):
        validate_password("1234567890", user)
