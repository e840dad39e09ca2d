"""The screens of the chat channels: an address goes in once, is tried by a button, and belongs to somebody."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import User
from handoffs import bots
from handoffs.models import Channel
from tests import factories
from tests.factories import World

ADDRESS = "dingtalk://secret0123456789@token98765"
FIELDS = {"label": "我的钉钉", "address": ADDRESS, "active": "on", "follows_duty": "on", "verb": "save"}


@pytest.fixture
def world(db: None) -> World:
    return factories.world()


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, ...]]:
    told: list[tuple[str, ...]] = []
    monkeypatch.setattr(bots, "send", lambda *words: told.append(words))
    return told


def as_(user: User) -> Client:
    client = Client()
    client.force_login(user, backend="accounts.backends.RoleBackend")
    return client


def post(user: User, name: str, *args: Any, **fields: Any) -> Any:
    return as_(user).post(reverse(f"admin:handoffs_{name}", args=args), fields)


def made(user: User) -> Channel:
    assert post(user, "new_channel", **FIELDS).status_code == 302
    return Channel.objects.get(user=user)


def test_the_address_is_sealed_and_never_shown_again(world: World) -> None:
    kept = made(world.support)
    assert (kept.kind, kept.address) == ("dingtalk", ADDRESS)
    assert "token98765" not in kept.sealed_address
    for name, args in (("channels", ()), ("channel", (kept.pk,))):
        body = as_(world.support).get(reverse(f"admin:handoffs_{name}", args=args)).content.decode()
        assert "我的钉钉" in body
        assert "token98765" not in body


def test_without_an_address_the_kept_one_stays(world: World) -> None:
    kept = made(world.support)
    post(world.support, "channel", kept.pk, **FIELDS | {"label": "另一个", "address": ""})
    kept.refresh_from_db()
    assert (kept.label, kept.address) == ("另一个", ADDRESS)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [({"address": ""}, "needed once"), ({"address": "json://10.0.0.1/"}, "no such host"),
     ({"address": "mailto://x"}, "not taken"), ({"quiet_from": "22:00"}, "both ends"), ({"label": ""}, "required")],
)  # fmt: skip
def test_what_cannot_be_used_is_said_at_the_field(world: World, wrong: dict[str, str], says: str) -> None:
    User.objects.update(language="en")
    answer = post(world.support, "new_channel", **FIELDS | wrong)
    assert answer.status_code == 400
    assert says in answer.content.decode()
    assert not Channel.objects.exists()


def test_the_test_button_says_what_came_of_it(
    world: World, sent: list[tuple[str, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    User.objects.update(language="en")
    kept = made(world.support)
    page = as_(world.support).post(reverse("admin:handoffs_channel", args=[kept.pk]), {"verb": "test"}, follow=True)
    assert "Look into the chat" in page.content.decode()
    assert sent[0][0] == ADDRESS

    def declines(*_words: str) -> None:
        raise bots.BotError("310000 sign not match")

    monkeypatch.setattr(bots, "send", declines)
    page = as_(world.support).post(reverse("admin:handoffs_channel", args=[kept.pk]), {"verb": "test"}, follow=True)
    assert "310000 sign not match" in page.content.decode()
    kept.refresh_from_db()
    assert kept.error == "310000 sign not match"


def test_looking_sends_nothing(world: World, sent: list[tuple[str, ...]]) -> None:
    kept = made(world.support)
    assert (
        as_(world.support).get(reverse("admin:handoffs_channel", args=[kept.pk]), {"verb": "test"}).status_code == 200
    )
    assert not sent


def test_nobody_opens_anothers_channel(world: World, sent: list[tuple[str, ...]]) -> None:
    kept = made(world.support)
    for other in (world.supervisor, world.manager):
        assert as_(other).get(reverse("admin:handoffs_channel", args=[kept.pk])).status_code == 404
        assert post(other, "channel", kept.pk, verb="remove").status_code == 404
    assert post(world.manager, "team_channel", kept.pk, verb="test").status_code == 404
    assert Channel.objects.exists()
    assert not sent


def test_a_manager_sets_up_the_teams_of_the_own_shops_only(world: World) -> None:
    team = FIELDS | {"shop": world.shop.pk, "role": "support"}
    assert post(world.supervisor, "new_team_channel", **team).status_code == 403
    elsewhere = factories.person("manager", world.other_shop)
    assert post(elsewhere, "new_team_channel", **team).status_code == 400
    assert post(world.manager, "new_team_channel", **team).status_code == 302
    kept = Channel.objects.get()
    assert (kept.user, kept.shop, kept.role) == (None, world.shop, "support")
    assert as_(elsewhere).get(reverse("admin:handoffs_team_channel", args=[kept.pk])).status_code == 404
    assert post(world.manager, "team_channel", kept.pk, verb="remove").status_code == 302
    assert not Channel.objects.exists()


def test_forty_channels_cost_no_more_statements_than_four(world: World, django_assert_max_num_queries: Any) -> None:
    for number in range(40):
        each = Channel(shop=world.shop, role="support", label=str(number))
        each.keep(ADDRESS, "dingtalk")
        each.save()
    client = as_(world.manager)
    client.get(reverse("admin:handoffs_team_channels"))
    with django_assert_max_num_queries(16):
        client.get(reverse("admin:handoffs_team_channels"))
