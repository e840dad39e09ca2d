"""Set-up: who only looks, that nobody edits the own limit, that history is kept, and what lists cost."""

import pytest
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import Agreement, Carrier, Contact, Limit, Membership, Shop, Warehouse
from handoffs.admin.site import desk
from handoffs.models import ClockPolicy
from handoffs.seeds.load import load
from tests import factories, snapshot
from tests.admin.conftest import LogIn
from tests.admin.setup_pages import complaints, page
from tests.factories import World


@pytest.fixture
def manager(world: World, log_in: LogIn) -> Client:
    load()
    return log_in(world.manager)


# Rights --------------------------------------------------------------------------------------------------------------


def test_a_supervisor_looks_and_changes_nothing_not_even_through_the_history(world: World, log_in: LogIn) -> None:
    load()
    policy = ClockPolicy.objects.get(clock="decide")
    policy.minutes = 40
    policy.save()
    supervisor, before = log_in(world.supervisor), snapshot.of_the_desk()
    version = policy.history.latest().pk
    addresses = [
        page("handoffs_clockpolicy", "change", policy.pk),
        page("handoffs_clockpolicy", "delete", policy.pk),
        reverse("admin:handoffs_clockpolicy_simple_history", args=[policy.pk, version]),
        reverse("admin:handoffs_calendarday_load"),
    ]
    for where in addresses:
        assert supervisor.post(where, {"minutes": "5", "post": "yes", "year": "2026"}).status_code == 403, where
    assert supervisor.get(addresses[0]).status_code == 200
    assert supervisor.get(page("handoffs_clockpolicy", "history", policy.pk)).status_code == 200
    assert snapshot.of_the_desk() == before


def test_the_history_brings_no_own_limit_back(world: World, log_in: LogIn) -> None:
    own = Limit.objects.get(role="manager")
    own.amount = 10
    own.save()
    where = reverse("admin:accounts_limit_simple_history", args=[own.pk, own.history.earliest().pk])
    assert log_in(world.manager).post(where, {"role": "manager", "amount": ""}).status_code == 403
    own.refresh_from_db()
    assert own.amount == 10


def test_a_limit_is_for_a_role_or_a_person_once(manager: Client, world: World) -> None:
    add = page("accounts_limit", "add")
    assert set(complaints(manager, add, {"amount": "5"})) == {""}
    assert set(complaints(manager, add, {"role": "qc", "user": world.qc.pk, "amount": "5"})) == {""}
    assert set(complaints(manager, add, {"role": "qc", "amount": "-5"})) == {"amount"}
    assert complaints(manager, add, {"role": "support", "kind": "compensation", "amount": "50"}) == {}
    assert set(complaints(manager, add, {"role": "support", "kind": "compensation", "amount": "60"})) == {""}


def test_a_row_of_another_person_is_not_turned_into_the_own(manager: Client, world: World) -> None:
    row = Limit.objects.create(user=world.qc, amount=5)
    where = page("accounts_limit", "change", row.pk)
    assert set(complaints(manager, where, {"user": world.manager.pk, "amount": "999999"})) == {""}
    row.refresh_from_db()
    assert (row.user, row.amount) == (world.qc, 5)


def test_whoever_changed_what_stands_in_the_history(manager: Client, world: World) -> None:
    policy = ClockPolicy.objects.get(clock="decide")
    manager.post(page("handoffs_clockpolicy", "change", policy.pk), {"minutes": 44})
    entry = policy.history.latest()
    assert (entry.history_user, entry.minutes) == (world.manager, 44)
    assert world.manager.name in manager.get(page("handoffs_clockpolicy", "history", policy.pk)).content.decode()


# Costs ---------------------------------------------------------------------------------------------------------------


def _more_people(world: World, number: int) -> None:
    for _one in range(number):
        user = factories.person("support", world.shop, world.other_shop)
        Contact.objects.filter(role="logistics", user=world.logistics).update(deputy=user)
        carrier = Carrier.objects.create(code=f"c{user.pk}", name=f"C{user.pk}")
        Agreement.objects.create(carrier=carrier)
        Warehouse.objects.create(code=f"w{user.pk}", name=f"W{user.pk}")
        Shop.objects.create(code=f"s{user.pk}", name=f"S{user.pk}", marketplace="jd", warehouse=world.store)


@pytest.mark.parametrize(
    "name", ["shop", "carrier", "warehouse", "user", "membership", "contact", "dutyshift", "limit"]
)
def test_a_list_costs_the_same_for_few_rows_and_for_many(manager: Client, world: World, name: str) -> None:
    def cost() -> int:
        cache.clear()
        with CaptureQueriesContext(connection) as found:
            assert manager.get(page(f"accounts_{name}", "changelist")).status_code == 200
        return len(found)

    _more_people(world, 1)
    cost()
    first = cost()
    _more_people(world, 12)
    assert cost() == first


def test_nothing_is_deleted_or_edited_in_bulk(manager: Client) -> None:
    for admin in desk._registry.values():
        assert not getattr(admin, "list_editable", ())
    answer = manager.get(page("accounts_membership", "changelist"))
    assert 'name="action"' not in answer.content.decode()
    body = {"action": "delete_selected", "_selected_action": [str(row.pk) for row in Membership.objects.all()],
            "post": "yes"}  # fmt: skip
    count = Membership.objects.count()
    manager.post(page("accounts_membership", "changelist"), body)
    assert Membership.objects.count() == count
