"""Every number of a busy board opens a list with exactly as many rows."""

from copy import deepcopy
from datetime import timedelta
from decimal import Decimal

import pytest
import time_machine

from accounts.models import Membership
from handoffs import sweep
from handoffs.flow import answer, handoff, owner
from handoffs.flow.answer import Given
from handoffs.flow.handoff import Question
from handoffs.models import Case, Clock, Handoff
from tests import factories, once
from tests.admin.conftest import LogIn
from tests.admin.test_board import BOARD, HOUR, numbers, rows_behind
from tests.factories import NOON, World

SEEN_AT = NOON + 2 * HOUR + timedelta(minutes=10)


@time_machine.travel(NOON, tick=False)
def _busy() -> World:
    """Both shops with cases that are late with one promise and with several, at risk, exposed, closed, unowned."""
    world = factories.world()
    for shop in (world.shop, world.other_shop):
        for number in range(3):
            deadline = NOON + (number * 3 + 2) * HOUR
            case = factories.case(shop, path=2, marketplace_deadline=deadline, amount=Decimal("10.10") * (number + 1),
                                  total_fee=Decimal(90), outbound=[("中通快递", f"Z{shop.pk}{number}")])  # fmt: skip
            handoff.ask(case.pk, Question("check_shipped"), by=world.support, at=NOON)
            handoff.ask(case.pk, Question("recheck_weight"), by=world.support, at=NOON)
            handoff.ask(case.pk, Question("recall_parcel"), by=world.support, at=NOON)
        exposed = factories.case(shop)
        Case.objects.filter(pk=exposed.pk).update(status="goods_open", money="confirmed")
        owner.put_back(factories.case(shop).pk, by=world.manager, at=NOON)
        shut = factories.case(shop)
        Case.objects.filter(pk=shut.pk).update(status="closed")
    met = Handoff.objects.filter(kind="recall_parcel").order_by("pk")[0]
    answer.answer(met.pk, Given("cannot"), by=world.logistics, at=NOON + HOUR)
    sweep.run(at=NOON + 2 * HOUR)
    return world


staged = once.a_file(_busy)


@pytest.fixture
def busy(staged: World, clock: time_machine.Traveller) -> World:
    clock.move_to(SEEN_AT)
    return deepcopy(staged)


@pytest.mark.slow
@pytest.mark.parametrize("role", ["supervisor", "manager"])
def test_each_number_opens_a_list_with_exactly_as_many_rows(busy: World, log_in: LogIn, role: str) -> None:
    client = log_in(busy.people[role])
    found = dict(numbers(client.get(BOARD).context))
    wrong = {name: (one.count, rows_behind(client, one.link)) for name, one in found.items()}
    assert {name: counts for name, counts in wrong.items() if counts[0] != counts[1]} == {}
    assert sum(1 for one in found.values() if one.count) >= 14
    assert all(one.link in client.get(BOARD).content.decode().replace("&amp;", "&") for one in found.values())


def test_the_numbers_hold_for_whoever_supervises_one_shop_and_works_in_another(busy: World, log_in: LogIn) -> None:
    mixed = factories.person("supervisor", busy.shop)
    Membership.objects.create(user=mixed, role="support", shop=busy.other_shop)
    client = log_in(mixed)
    found = dict(numbers(client.get(BOARD).context))
    whole = dict(numbers(log_in(busy.manager).get(BOARD).context))
    assert 0 < found["late"].count < whole["late"].count
    assert {name: one.count for name, one in found.items()} == {
        name: rows_behind(client, one.link) for name, one in found.items()
    }


def test_a_case_that_is_late_with_two_promises_of_a_role_counts_once(busy: World, log_in: LogIn) -> None:
    found = dict(numbers(log_in(busy.manager).get(BOARD).context))
    clocks = Clock.objects.filter(owner_role="warehouse", ended_at=None, state="late")
    cases = clocks.values("case").distinct().count()
    assert found["late_by_role warehouse"].count == cases < clocks.count()


def test_money_at_risk_is_exact_and_grows_with_the_hours(busy: World, log_in: LogIn) -> None:
    risks = [(one.label, one.count, one.total) for one in log_in(busy.supervisor).get(BOARD).context["at_risk"]]
    assert risks == [(1, 0, Decimal(0)), (4, 2, Decimal("40.40")), (12, 4, Decimal("101.00"))]


def test_the_summary_of_a_manager_opens_the_same_lists(busy: World, log_in: LogIn) -> None:
    client = log_in(busy.manager)
    summary = client.get("/").context["summary"]
    assert summary["late"] == rows_behind(client, "/handoffs/case/?late=yes")
    assert summary["unowned"] == rows_behind(client, "/handoffs/case/?status=open&owner=none")
    rows = client.get("/handoffs/case/?risk=4").context["rows"]
    assert summary["risk_4"] == sum(row.case.amount for row in rows)
