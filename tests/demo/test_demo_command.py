"""`demo`: runs on an empty desk, refuses one in use, replaces a demo when told to, prints the logins."""

import json
from collections.abc import Iterator
from io import StringIO
from typing import Any

import pytest
import time_machine
from django.core.management import CommandError, call_command

from accounts.models import Shop, User
from handoffs.demo import cast, people, play
from handoffs.models import Attachment, Case, ClockPolicy, Reason, TimelineEntry
from tests import factories
from tests.factories import NOON

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A demo of a few stories, which is told as the whole one is."""
    chosen = ("stopped", "recalled", "returned_damaged")
    parts = [part for part in cast.PARTS if part.story.__name__ in chosen]
    monkeypatch.setattr(cast, "PARTS", parts[:1] + parts[-1:])
    with time_machine.travel(NOON, tick=False):
        yield


def demo(*options: str) -> dict[str, Any]:
    out = StringIO()
    call_command("demo", "--json", *options, stdout=out, stderr=StringIO())
    logins: dict[str, Any] = json.loads(out.getvalue().splitlines()[-1])
    return logins


def states() -> list[Any]:
    rows = Case.objects.order_by("refund_id").values_list("refund_id", "status", "applied_at", "title")
    return [*rows, TimelineEntry.objects.count()]


def test_it_prints_shops_and_logins_as_its_last_line_and_again_when_asked() -> None:
    made = demo()
    assert [set(shop) for shop in made["shops"]] == [{"code", "name", "marketplace"}] * 2
    assert [set(user) for user in made["users"]] == [{"role", "email", "password", "token"}] * 6
    assert demo("--logins") == made
    out = StringIO()
    call_command("demo", "--logins", stdout=out)
    for user in made["users"]:
        assert user["email"] in out.getvalue()
        assert user["password"] in out.getvalue()


def test_without_a_demo_there_are_no_logins() -> None:
    with pytest.raises(CommandError, match="no demo"):
        demo("--logins")


def test_a_desk_in_use_is_refused() -> None:
    demo()
    before = states()
    with pytest.raises(CommandError, match="in use"):
        demo()
    assert states() == before


def test_reset_replaces_a_demo_and_tells_the_same_story(settings: Any) -> None:
    demo()
    before = states()
    photo = Attachment.objects.first()
    assert photo is not None
    Case.objects.update(title="changed")
    ClockPolicy.objects.update(minutes=1)
    made = demo("--reset")
    assert states() == before
    assert not ClockPolicy.objects.filter(minutes=1).exists()
    assert Reason.objects.exists()
    assert len(made["users"]) == 6
    assert Attachment.objects.count() >= 1


def test_reset_never_touches_a_desk_with_a_shop_of_its_own() -> None:
    demo()
    Shop.objects.create(code="real", name="Real shop", marketplace="taobao")
    before = states()
    with pytest.raises(CommandError, match="shops of its own"):
        demo("--reset")
    assert states() == before


def test_a_real_desk_is_never_taken_for_a_demo() -> None:
    factories.world()
    for options in ((), ("--reset",)):
        with pytest.raises(CommandError):
            demo(*options)
    assert User.objects.filter(email__endswith="@desk.test").count() == 6


def test_a_demo_that_fails_leaves_nothing_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(**_: Any) -> None:
        raise ValueError("stop")

    monkeypatch.setattr(people, "announce", broken)
    with pytest.raises(ValueError, match="stop"):
        play.build(at=NOON)
    assert not Shop.objects.exists()
    assert not Case.objects.exists()
