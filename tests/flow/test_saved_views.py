"""Saved views: one's own, those offered to a role, who may change them, and the view a page starts with."""

from datetime import timedelta

import pytest

from accounts.models import Membership, User
from handoffs.flow import views
from handoffs.flow.errors import Invalid, NotAllowed, NotYours
from handoffs.flow.views import Draft
from handoffs.models import SavedView, StartView
from tests import factories
from tests.factories import NOON, World


def save(user: User, name: str = "Mine", query: str = "late=yes", role: str = "", page: str = "home") -> SavedView:
    return views.save(Draft(page, name, query, role), by=user, at=NOON)


def names(user: User, page: str = "home") -> list[str]:
    return [view.name for view in views.seen_by(user, page)]


def fresh(user: User) -> User:
    return User.objects.get(pk=user.pk)


def test_a_view_of_one_s_own_is_nobody_else_s(world: World) -> None:
    save(world.support)
    assert (names(world.support), names(world.manager), names(world.support, "cases")) == (["Mine"], [], [])


@pytest.mark.parametrize("role", ["manager", "supervisor"])
def test_who_leads_offers_a_view_to_a_role_of_the_own_shops(world: World, role: str) -> None:
    leader = factories.person(role, world.shop, lead=True)
    offered = save(leader, "For support", role="support")
    here, elsewhere = (factories.person("support", shop) for shop in (world.shop, world.other_shop))
    other_role = factories.person("warehouse", world.shop)
    assert (names(here), names(elsewhere), names(other_role)) == (["For support"], [], [])
    for act in (lambda: views.rename(offered.pk, name="Ours", by=here), lambda: views.delete(offered.pk, by=here)):
        with pytest.raises(NotAllowed):
            act()
    offered.refresh_from_db()
    assert offered.name == "For support"


def test_a_role_of_another_shop_is_not_a_role_of_this_one(world: World) -> None:
    save(factories.person("manager", world.shop), "For support", role="support")
    both = factories.person("support", world.other_shop)
    Membership.objects.create(user=both, role="warehouse", shop=world.shop)
    assert names(fresh(both)) == []


@pytest.mark.parametrize("role", ["support", "warehouse", "qc", "logistics"])
def test_others_offer_no_views(world: World, role: str) -> None:
    with pytest.raises(NotAllowed):
        save(world.people[role], role="support")
    assert not SavedView.objects.exists()


def test_a_supervisor_who_does_not_lead_offers_none(world: World) -> None:
    with pytest.raises(NotAllowed):
        save(factories.person("supervisor", world.shop), role="support")


def test_the_manager_of_all_its_shops_changes_a_role_s_view(world: World) -> None:
    offered = save(world.supervisor, "For support", role="support")
    partly = factories.person("manager", world.shop)
    with pytest.raises(NotYours):
        views.rename(offered.pk, name="Ours", by=partly)
    views.rename(offered.pk, name="Ours", by=world.manager)
    assert names(world.support) == ["Ours"]


def test_what_belongs_to_others_does_not_exist(world: World) -> None:
    mine = save(world.support)
    for act in (
        lambda: views.rename(mine.pk, name="Yours", by=world.manager),
        lambda: views.delete(mine.pk, by=world.manager),
        lambda: views.start_with("home", view_id=mine.pk, by=world.manager),
    ):
        with pytest.raises(NotYours):
            act()
    assert SavedView.objects.get().name == "Mine"


@pytest.mark.parametrize(
    ("name", "query", "role", "page"),
    [("", "late=yes", "", "home"), ("   ", "late=yes", "", "home"), ("x" * 61, "late=yes", "", "home"),
     ("Mine", "", "", "home"), ("Mine", "reason=" + "x" * 500, "", "home"), ("Mine", "late=yes", "nobody", "home"),
     ("Mine", "late=yes", "", "board")],
)  # fmt: skip
def test_what_makes_no_view_is_turned_down(world: World, name: str, query: str, role: str, page: str) -> None:
    with pytest.raises(Invalid):
        save(world.manager, name, query, role, page)
    assert not SavedView.objects.exists()


def test_a_name_is_used_once_on_a_page(world: World) -> None:
    save(world.support, "Mine")
    other = save(world.support, "Other")
    with pytest.raises(Invalid):
        save(world.support, " Mine ")
    with pytest.raises(Invalid):
        views.rename(other.pk, name="Mine", by=world.support)
    save(world.support, "Mine", page="cases")
    assert sorted(names(world.support)) == ["Mine", "Other"]


def test_there_is_a_limit_to_them(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(views, "MOST", 2)
    for number in range(2):
        save(world.support, f"{number}")
    with pytest.raises(Invalid):
        save(world.support, "one more")


def test_a_page_starts_with_one_view_and_that_is_taken_back(world: World) -> None:
    mine = save(world.support)
    views.start_with("home", built_in="late", by=world.support)
    views.start_with("home", view_id=mine.pk, by=world.support)
    assert StartView.objects.get().view == mine
    views.start_with("home", by=world.support)
    assert not StartView.objects.exists()


def test_a_page_starts_with_its_own_views_only(world: World) -> None:
    mine = save(world.support)
    for page in ("cases", "board"):
        with pytest.raises(Invalid):
            views.start_with(page, view_id=mine.pk, by=world.support)


def test_a_view_that_is_deleted_is_no_start_any_more(world: World) -> None:
    mine = save(world.support)
    views.start_with("home", view_id=mine.pk, by=world.support)
    views.delete(mine.pk, by=world.support)
    assert not StartView.objects.exists()


def test_a_membership_that_ends_ends_the_offer(world: World) -> None:
    leaver = factories.person("support", world.shop)
    save(world.manager, "For support", role="support")
    assert names(fresh(leaver)) == ["For support"]
    Membership.objects.filter(user=leaver).update(valid_to=(NOON - timedelta(days=2)).date())
    assert names(fresh(leaver)) == []
