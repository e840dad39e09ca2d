"""A page asks the database as often for twenty rows as for one."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from handoffs.flow import decision, handoff, owner
from handoffs.flow.handoff import Question
from handoffs.flow.proposal import Proposal
from handoffs.models import Case
from tests import factories
from tests.admin.conftest import LogIn
from tests.factories import NOON, World


def statements(browser: Client, where: str) -> int:
    cache.clear()
    with CaptureQueriesContext(connection) as captured:
        assert browser.get(where).status_code == 200
    return len(captured)


def full_case(world: World, number: int) -> Case:
    """A case with parcels, questions, clocks and a proposal; every second one without an owner."""
    money = {"amount": Decimal(250), "total_fee": Decimal(250)}
    case = factories.case(world.shop, path=2, outbound=[("中通快递", f"ZTO{number:04d}")], return_waybill=f"R{number}",
                          applied_at=NOON - timedelta(minutes=40), **money)  # fmt: skip
    for kind in ("check_shipped", "recall_parcel", "ask_quality", "special_request"):
        handoff.ask(case.pk, Question(kind, note="请看"), by=world.support, at=NOON)
    decision.propose(case.pk, Proposal("full_refund", "同意退款"), by=world.support, at=NOON)
    if number % 2:
        owner.put_back(case.pk, by=world.support, at=NOON)
    return case


@pytest.mark.parametrize("where", ["/", "/handoffs/case/", "/approvals/", "/messages/"])
@pytest.mark.parametrize("role", ["support", "supervisor", "manager", "warehouse", "qc", "logistics"])
def test_twenty_rows_cost_no_more_than_two(world: World, log_in: LogIn, role: str, where: str) -> None:
    if where == "/approvals/" and role not in ("supervisor", "manager"):
        return
    browser = log_in(world.people[role])
    for number in range(2):
        full_case(world, number)
    browser.get(where)
    few = statements(browser, where)
    for number in range(2, 20):
        full_case(world, number)
    assert statements(browser, where) <= few
    assert few <= 40


def test_a_case_with_twenty_questions_costs_no_more_than_one_with_one(world: World, log_in: LogIn) -> None:
    case, browser = full_case(world, 0), log_in(world.support)
    where = f"/handoffs/case/{case.pk}/change/"
    browser.get(where)
    few = statements(browser, where)
    for number in range(19):
        handoff.ask(case.pk, Question("ask_quality", line=str(number)), by=world.support, at=NOON)
    assert statements(browser, where) <= few
    assert few <= 45
