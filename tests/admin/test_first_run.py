"""An empty desk leads whoever sets it up: five steps, what is missing in each, every form and back again."""

from typing import Any

import pytest
import time_machine
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from accounts.models import Agreement, Carrier, Contact, Limit, Membership, Shop, User
from accounts.models.people import Role
from handoffs.admin import first_steps
from handoffs.seeds.load import load
from tests import factories
from tests.admin.conftest import LogIn
from tests.admin.setup_pages import formset, page
from tests.factories import World

START = "/start/"


@pytest.fixture
def boss(clock: time_machine.Traveller, monkeypatch: pytest.MonkeyPatch) -> User:
    """The first person of an empty desk, made as docs/operations.md says."""
    load()
    monkeypatch.setenv("DJANGO_SUPERUSER_PASSWORD", "a-long-pass-word-1")
    call_command("createsuperuser", "--noinput", email="Boss@Desk.test", name="Boss", verbosity=0)
    User.objects.update(language="en")
    return User.objects.get()


@pytest.fixture
def client(boss: User, log_in: LogIn) -> Client:
    return log_in(boss)


def steps(client: Client) -> list[first_steps.Step]:
    found: list[first_steps.Step] = client.get(START).context["steps"]
    return found


def done(client: Client) -> list[bool]:
    return [step.done for step in steps(client)]


def a_shop(**more: Any) -> dict[str, Any]:
    return {"name": "First shop", "code": "first", "marketplace": "taobao", "time_zone": "Asia/Shanghai",
            "return_policy": "after_inspection", "active": "on", **more}  # fmt: skip


def test_the_first_person_logs_in_and_is_led_to_the_steps(boss: User, clock: time_machine.Traveller) -> None:
    client = Client()
    given = {"username": "boss@desk.test", "password": "a-long-pass-word-1", "next": "/"}
    answer = client.post(reverse("admin:login"), given, follow=True)
    assert answer.redirect_chain[-1][0] == "/start/#next"
    assert answer.context["next"] == 1
    text = answer.content.decode()
    assert "There is no shop yet." in text
    assert "0 of 5 steps done" in text
    assert "Faults of the set-up" not in text


def test_a_form_opened_from_the_steps_comes_back_to_them(client: Client) -> None:
    (way, _warehouse) = steps(client)[0].ways
    answer = client.post(way.link, a_shop())
    assert (answer.status_code, answer["Location"]) == (302, "/start/#next")
    assert Shop.objects.get().code == "first"
    assert done(client) == [True, False, False, False, False]


def test_going_on_in_the_form_keeps_the_way_back(client: Client) -> None:
    way = steps(client)[0].ways[0]
    answer = client.post(way.link, a_shop(_continue="1"))
    assert answer["Location"] == page("accounts_shop", "change", Shop.objects.get().pk) + "?then=start"
    again = client.post(way.link, a_shop(code="second", _addanother="1"))
    assert again["Location"] == page("accounts_shop", "add") + "?then=start"
    person = steps(client)[1].ways[0]
    body = {"email": "a@desk.test", "name": "A", "language": "en", "time_zone": "Asia/Shanghai",
            "password1": "a-long-pass-word-1", "password2": "a-long-pass-word-1"}  # fmt: skip
    answer = client.post(person.link, body | formset("memberships"))
    assert answer["Location"].endswith("/change/?then=start")


def test_other_forms_go_where_they_always_went(client: Client) -> None:
    answer = client.post(page("accounts_shop", "add"), a_shop())
    assert answer["Location"] == page("accounts_shop", "changelist")
    answer = client.post(page("accounts_shop", "add") + "?then=//evil.test", a_shop(code="second"))
    assert answer["Location"] == page("accounts_shop", "changelist")


def test_a_superuser_takes_the_shops_as_manager_and_can_import(client: Client, boss: User) -> None:
    client.post(page("accounts_shop", "add"), a_shop())
    client.post(page("accounts_shop", "add"), a_shop(code="second"))
    assert client.get(reverse("admin:handoffs_import")).status_code == 403
    assert "You hold no role in a shop yet" in steps(client)[4].missing[0]
    answer = client.post(reverse("admin:handoffs_first_manager"), follow=True)
    assert "You are manager of 2 shops now." in answer.content.decode()
    rows = Membership.objects.values_list("user", "role", "lead")
    assert list(rows) == [(boss.pk, "manager", True)] * 2
    assert Membership.history.filter(history_user=boss).count() == 2
    assert client.get(reverse("admin:handoffs_import")).status_code == 200
    assert "Make me manager" not in client.get(START).content.decode()


def test_step_by_step_until_nothing_is_missing(client: Client, boss: User) -> None:
    client.post(page("accounts_shop", "add"), a_shop())
    assert "First shop has nobody as: support agent, supervisor, manager." in steps(client)[1].missing
    shop = Shop.objects.get()
    for role in Role.values:
        Membership.objects.create(user=boss, role=role, shop=shop, lead=True)
    assert done(client) == [True, True, False, False, False]
    assert steps(client)[2].missing[0] == "There is no carrier yet."
    carrier = Carrier.objects.create(code="zto", name="ZTO")
    assert "ZTO has no agreement." in steps(client)[2].missing
    Agreement.objects.create(carrier=carrier)
    Contact.objects.create(role=Role.LOGISTICS, carrier=carrier, user=boss)
    for role in (Role.SUPERVISOR, Role.WAREHOUSE, Role.QC):
        Contact.objects.create(role=role, shop=shop, user=boss)
    assert done(client) == [True, True, True, False, False]
    Limit.objects.create(role=Role.SUPPORT, amount=100)
    assert len(steps(client)[3].missing) == 1
    Limit.objects.create(role=Role.SUPERVISOR, amount=5000)
    assert [step.missing for step in steps(client)] == [[], [], [], [], ["Nothing was imported yet."]]
    factories.case(shop)
    answer = client.get(START)
    assert answer.context["done"] == 5
    assert "All five steps are done." in answer.content.decode()
    assert "has no support on duty" in answer.content.decode()


def test_home_is_home_again_once_there_is_a_role_or_a_case(client: Client, boss: User) -> None:
    shop = Shop.objects.create(code="s", name="S", marketplace="jd")
    assert client.get("/")["Location"] == "/start/#next"
    factories.case(shop)
    assert client.get("/").status_code == 200


def test_a_manager_s_empty_home_points_to_the_steps_and_an_agent_s_does_not(world: World, log_in: LogIn) -> None:
    load()
    text = log_in(world.manager).get("/").content.decode()
    assert 'href="/start/"' in text.split("data-rd-live")[1]
    assert "/guide/" in text.split("data-rd-live")[1]
    text = log_in(world.support).get("/").content.decode().split("data-rd-live")[1]
    assert 'href="/start/"' not in text
    assert "/guide/" in text
    factories.case(world.shop)
    text = log_in(world.support).get("/").content.decode().split("data-rd-live")[1]
    assert "Guide for your role" not in text.split("<dialog")[0]


def test_only_those_who_edit_the_set_up_come_to_the_steps(world: World, log_in: LogIn) -> None:
    for role in Role.values:
        client = log_in(world.people[role])
        assert client.get(START).status_code == (200 if role == "manager" else 403)
        before = Membership.objects.count()
        assert client.post("/start/manage/").status_code == (302 if role == "manager" else 403)
        assert Membership.objects.count() == before, "no manager makes itself manager elsewhere"


def test_forty_shops_and_people_cost_no_more_statements_than_one(
    client: Client, boss: User, django_assert_max_num_queries: Any
) -> None:
    for number in range(40):
        shop = Shop.objects.create(code=f"s{number}", name=f"S{number}", marketplace="jd")
        factories.person("support", shop)
    client.get(START)
    with django_assert_max_num_queries(25):
        client.get(START)


def test_every_field_of_the_set_up_that_needs_it_is_explained(world: World, log_in: LogIn) -> None:
    load()
    manager = log_in(world.manager)
    for name, words in {
        "accounts_shop": "stands in addresses and commands",
        "accounts_carrier": "a parcel counts as lost and is claimed",
        "accounts_membership": "What the person sees and may do in the shop.",
        "accounts_contact": "Asked while the contact is off duty",
        "handoffs_clockpolicy": "60 is an hour",
        "handoffs_replytemplate": "Under this name it is chosen.",
    }.items():
        assert words in manager.get(page(name, "add")).content.decode(), name
