"""Saved views on the pages: saved from the filters that are on, offered by role, started with, never showing more."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import translation

from accounts.models import User
from handoffs.admin import built_in
from handoffs.admin.filters import Scope
from handoffs.admin.narrowing import of_query
from handoffs.flow import owner, views
from handoffs.flow.views import Draft
from handoffs.models import SavedView, StartView
from handoffs.models.view import Page
from tests import factories
from tests.admin.conftest import LogIn
from tests.factories import NOON, World

VIEWS = reverse("admin:handoffs_views")
ADDRESSES = {"home": "/", "cases": "/handoffs/case/", "questions": "/questions/"}


def post(client: Client, verb: str, **body: Any) -> Any:
    return client.post(VIEWS, {"verb": verb, **body})


def offered(client: Client, where: str = "/?all=1") -> list[str]:
    return [str(view.name) for view in client.get(where).context["views"]]


@pytest.mark.parametrize("page", ADDRESSES)
def test_the_present_filters_are_saved_and_shown_as_chosen(world: World, log_in: LogIn, page: str) -> None:
    client = log_in(world.support)
    saved = post(client, "save", page=page, query="path=1&late=yes&x=1", name="Stop and late", back=page)
    assert saved["Location"] == f"{ADDRESSES[page]}?late=yes&path=1"
    shown = client.get(saved["Location"])
    assert [str(view.name) for view in shown.context["views"] if view.on] == ["Stop and late"]
    assert "Save as a view" not in shown.content.decode()
    assert "Stop and late" not in offered(log_in(world.manager))


def test_no_filters_make_no_view(world: World, log_in: LogIn) -> None:
    answer = post(log_in(world.support), "save", page="home", query="x=1", name="All", back="home")
    assert answer["Location"] == "/"
    assert not SavedView.objects.exists()


def test_a_refusal_leads_back_to_the_same_filters(world: World, log_in: LogIn) -> None:
    client = log_in(world.support)
    answer = post(client, "save", page="cases", query="path=1", name=" ", back="cases")
    assert answer["Location"] == "/handoffs/case/?path=1"
    assert "Give the view a name." in client.get(answer["Location"]).content.decode()


def test_a_leader_saves_for_a_role_and_others_cannot_change_it(world: World, log_in: LogIn) -> None:
    manager, agent = log_in(world.manager), factories.person("support", world.shop)
    assert post(manager, "save", page="home", query="path=1", name="Path 1 first", role="support").status_code == 302
    client, view = log_in(agent), SavedView.objects.get()
    assert "Path 1 first" in offered(client)
    assert "Rename" not in client.get(VIEWS).content.decode()
    for verb in ("rename", "delete"):
        assert post(client, verb, view=view.pk, name="Mine").status_code == 403
    assert SavedView.objects.get().name == "Path 1 first"
    assert post(log_in(world.warehouse), "rename", view=view.pk, name="Mine").status_code == 404
    post(manager, "rename", view=view.pk, name="Unshipped first")
    assert "Unshipped first" in offered(client)
    post(manager, "delete", view=view.pk)
    assert "Unshipped first" not in offered(client)


def test_an_agent_cannot_save_for_a_role(world: World, log_in: LogIn) -> None:
    client = log_in(world.support)
    assert post(client, "save", page="home", query="path=1", name="Ours", role="support").status_code == 403
    assert "of my shops" not in client.get("/?path=1").content.decode()
    assert "of my shops" in log_in(world.manager).get("/?path=1").content.decode()
    assert not SavedView.objects.exists()


def test_a_view_shows_each_reader_only_what_they_may_see(world: World, log_in: LogIn) -> None:
    for shop, number in ((world.shop, "here"), (world.other_shop, "there")):
        factories.case(shop, refund_id=number)
    draft = Draft("cases", "All of JD", f"shop={world.other_shop.pk}", "support")
    views.save(draft, by=world.manager, at=NOON)
    here = factories.person("support", world.shop)
    page = log_in(here).get("/handoffs/case/", {"shop": world.other_shop.pk})
    assert page.context["rows"] == []
    assert "there" not in page.content.decode()
    assert world.other_shop.name not in page.content.decode()


def test_me_in_a_role_s_view_is_the_reader(world: World, log_in: LogIn) -> None:
    mine, other = factories.case(world.shop, refund_id="mine"), factories.case(world.shop, refund_id="other")
    agent = factories.person("support", world.shop)
    owner.assign(other.pk, to=agent, by=world.manager, at=NOON)
    owner.assign(mine.pk, to=world.support, by=world.manager, at=NOON)
    for user, number in ((world.support, "mine"), (agent, "other")):
        rows = log_in(user).get("/handoffs/case/?owner=me").context["rows"]
        assert [row.case.refund_id for row in rows] == [number]


# The view a page starts with ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("page", ADDRESSES)
def test_a_page_opens_with_the_view_it_starts_with(world: World, log_in: LogIn, page: str) -> None:
    client, where = log_in(world.support), ADDRESSES[page]
    post(client, "save", page=page, query="path=2", name="Under way", start="1", back=page)
    assert client.get(where)["Location"] == f"{where}?path=2"
    assert client.get(f"{where}?all=1").status_code == 200
    assert client.get(f"{where}?late=yes").status_code == 200
    assert client.get(where, headers={"X-Live": "1"}).status_code == 200
    assert log_in(world.manager).get(where).status_code == 200


def test_a_page_starts_with_a_built_in_view_and_with_everything_again(world: World, log_in: LogIn) -> None:
    client = log_in(world.warehouse)
    post(client, "start", page="home", view="stop_now")
    assert client.get("/")["Location"] == "/?kind=stop_parcel"
    assert "starts with it" in client.get(VIEWS).content.decode()
    post(client, "start", page="home")
    assert client.get("/").status_code == 200
    post(client, "start", page="home", view="exposed")  # not one of the warehouse's
    assert not StartView.objects.exists()


def test_a_role_s_view_is_no_start_once_the_role_is_gone(world: World, log_in: LogIn) -> None:
    agent = factories.person("support", world.shop)
    view = views.save(Draft("home", "Ours", "path=1", "support"), by=world.manager, at=NOON)
    client = log_in(agent)
    post(client, "start", page="home", view=view.pk)
    assert client.get("/").status_code == 302
    agent.memberships.update(role="qc")
    assert client.get("/").status_code == 200


def test_a_number_that_is_searched_for_is_not_narrowed_by_the_start(world: World, log_in: LogIn) -> None:
    for number in ("R1", "R2"):
        factories.case(world.shop, refund_id=number, order_id="O1")
    client = log_in(world.support)
    post(client, "start", page="cases", view="late")
    assert len(client.get("/handoffs/case/", {"q": "O1"}).context["rows"]) == 2


# Nonsense -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [{}, {"verb": "nonsense"}, {"verb": "rename", "view": "x"}, {"verb": "delete", "view": "9" * 30},
     {"verb": "start", "page": "nowhere"}, {"verb": "start", "page": "home", "view": "99"},
     {"verb": "save", "page": "nowhere", "query": "path=1", "name": "x", "back": "//evil.test"}],
)  # fmt: skip
def test_nonsense_changes_nothing(world: World, log_in: LogIn, body: dict[str, str]) -> None:
    answer = log_in(world.support).post(VIEWS, body)
    assert answer.status_code in (302, 404)
    assert answer.get("Location", VIEWS) == VIEWS
    assert not SavedView.objects.exists()
    assert not StartView.objects.exists()


def test_names_are_text_wherever_they_stand(world: World, log_in: LogIn) -> None:
    client = log_in(world.support)
    post(client, "save", page="home", query="reason=<b>x</b>", name="<script>alert(1)</script>", back="home")
    for where in ("/?all=1", "/?reason=<b>x</b>", VIEWS):
        page = client.get(where).content.decode()
        assert "<script>alert" not in page
        assert "<b>x</b>" not in page


# The built-in ones ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", ["support", "supervisor", "warehouse", "qc", "logistics", "manager"])
def test_each_role_has_views_of_its_own_on_each_page(world: World, role: str) -> None:
    user = User.objects.get(pk=world.people[role].pk)
    for page in Page.values:
        found = built_in.of(user.roles, page)
        assert found
        for view in found:
            only = of_query(view.query, page, Scope(user, NOON))
            assert only.query == view.query  # in the order of the table, so that it is recognised when it is on
            assert all(only._knows(each, value) for each, value in only._on())
            assert len(list(only._on())) == len(only.values)


def test_built_in_views_have_codes_and_names_of_their_own() -> None:
    codes = [view.code for view in built_in.BUILT_IN]
    assert len(set(codes)) == len(codes)
    assert not any(code.isdecimal() for code in codes)


def test_what_each_role_is_offered(world: World, log_in: LogIn) -> None:
    assert {"Due within the hour", "Late", "Buyer waits"} <= set(offered(log_in(world.support)))
    assert {"Stop now", "Late"} <= set(offered(log_in(world.warehouse)))
    assert "Buyer waits" not in offered(log_in(world.qc))


def test_the_bar_speaks_the_reader_s_language(world: World, log_in: LogIn) -> None:
    User.objects.update(language="zh-hans")
    with translation.override("zh-hans"):
        page = log_in(world.support).get("/?late=yes").content.decode()
    assert "路径" in page
