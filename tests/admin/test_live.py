"""A queue that did not change costs a 304, whatever happens to others; what concerns a person is drawn anew."""

from datetime import timedelta

import time_machine
from django.test import Client
from django.urls import reverse

from handoffs.flow import handoff, owner
from tests import factories
from tests.admin.conftest import LogIn
from tests.factories import NOON, World

HOME = reverse("admin:index")


def fetched(client: Client, stamp: str = "") -> tuple[int, str]:
    got = client.get(HOME, headers={"X-Live": "1", "If-None-Match": stamp} if stamp else {"X-Live": "1"})
    return got.status_code, got["ETag"]


def test_an_unchanged_queue_is_not_drawn_again(world: World, log_in: LogIn, clock: time_machine.Traveller) -> None:
    factories.case(world.shop)
    client = log_in(world.support)
    client.get(HOME)
    _status, stamp = fetched(client)
    assert fetched(client, stamp) == (304, stamp)
    clock.shift(timedelta(minutes=6))  # the pulse goes on; the rows are the same
    status, later = fetched(client, stamp)
    assert (status, later != stamp) == (304, True)


def test_a_new_case_an_answer_and_a_claim_are_seen(world: World, log_in: LogIn, clock: time_machine.Traveller) -> None:
    client = log_in(world.support)
    client.get(HOME)
    _status, stamp = fetched(client)
    case = factories.case(world.shop)
    status, after_case = fetched(client, stamp)
    assert status == 200
    handoff.ask(case.pk, handoff.Question("check_shipped"), by=world.support, at=NOON)
    status, after_question = fetched(client, after_case)
    assert status == 200
    owner.put_back(case.pk, by=world.manager, at=NOON)
    assert fetched(client, after_question)[0] == 200


def test_what_concerns_others_changes_nothing_here(world: World, log_in: LogIn) -> None:
    stranger = factories.person("support", world.other_shop)
    client = log_in(stranger)
    client.get(HOME)
    _status, stamp = fetched(client)
    factories.case(world.shop)
    assert fetched(client, stamp)[0] == 304


def test_each_person_has_their_own_stamp(world: World, log_in: LogIn) -> None:
    factories.case(world.shop)
    warehouse = log_in(world.warehouse)
    _status, stamp = fetched(warehouse)
    assert fetched(log_in(world.support), stamp)[0] == 200


def test_an_ordinary_visit_is_always_drawn(world: World, log_in: LogIn) -> None:
    client = log_in(world.support)
    _status, stamp = fetched(client)
    assert client.get(HOME, headers={"If-None-Match": stamp}).status_code == 200
