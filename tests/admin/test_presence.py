"""Who else is on a case, and what happened on it since one's last visit."""

from datetime import timedelta

import time_machine
from django.urls import reverse

from handoffs.flow import acts
from tests import factories
from tests.admin.conftest import LogIn
from tests.factories import NOON, World


def where(case: object, name: str = "handoffs_here") -> str:
    return reverse(f"admin:{name}", args=[case.pk])  # type: ignore[attr-defined]


def test_two_on_one_case_see_each_other_and_who_is_writing(
    world: World, log_in: LogIn, clock: time_machine.Traveller
) -> None:
    case = factories.case(world.shop)
    one, other = log_in(world.support), log_in(world.supervisor)
    assert one.post(where(case)).json() == {"others": [], "version": case.version}
    assert other.post(where(case), {"typing": "1"}).json()["others"] == [{"name": "Support", "typing": False}]
    assert one.post(where(case)).json()["others"] == [{"name": "Supervisor", "typing": True}]
    clock.shift(timedelta(seconds=26))
    assert one.post(where(case)).json()["others"] == []


def test_a_change_shows_as_another_version(world: World, log_in: LogIn) -> None:
    case, client = factories.case(world.shop), log_in(world.support)
    before = client.post(where(case)).json()["version"]
    acts.perform(case.pk, "note", {"text": "看过了"}, by=world.supervisor, at=NOON)
    assert client.post(where(case)).json()["version"] > before


def test_only_those_who_see_the_case_see_who_is_there(world: World, log_in: LogIn) -> None:
    case = factories.case(world.shop)
    assert log_in(factories.person("support", world.other_shop)).post(where(case)).status_code == 404
    assert log_in(world.support).get(where(case)).status_code == 405


def test_what_others_did_since_the_last_visit_is_marked(
    world: World, log_in: LogIn, clock: time_machine.Traveller
) -> None:
    case, client = factories.case(world.shop), log_in(world.support)
    page = where(case, "handoffs_case_change")
    assert client.get(page).context["fresh"] == 0
    clock.shift(timedelta(minutes=5))
    at = NOON + timedelta(minutes=5)
    acts.perform(case.pk, "note", {"text": "同事看过"}, by=world.supervisor, at=at)
    acts.perform(case.pk, "note", {"text": "自己写的"}, by=world.support, at=at)
    clock.shift(timedelta(minutes=1))
    assert client.get(page).context["fresh"] == 1
    clock.shift(timedelta(minutes=1))
    assert client.get(page).context["fresh"] == 0
