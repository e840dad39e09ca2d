"""A page asks the database as often for many rows as for few."""

from datetime import timedelta
from decimal import Decimal

from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from handoffs.flow import decision, handoff, owner, views
from handoffs.flow.handoff import Question
from handoffs.flow.proposal import Proposal
from handoffs.flow.views import Draft
from handoffs.models import Case
from tests import factories
from tests.admin.conftest import LogIn
from tests.effort import THOROUGH
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


NARROWED = "late=yes&path=2&status=open&kind=recall_parcel&waiting=warehouse&reason=x&owner=me"
PAGES = ["/", "/handoffs/case/", "/approvals/", "/messages/", "/questions/", "/views/", "/board/", "/board/rejected/",
         "/?path=2", "/handoffs/case/?path=2", f"/?{NARROWED}", f"/handoffs/case/?{NARROWED}",
         f"/questions/?{NARROWED}"]  # fmt: skip


ROLES = ("support", "manager", "warehouse", "qc", "logistics", "supervisor")
LEADS_ONLY = ("/approvals/", "/board/")


def test_many_rows_cost_no_more_than_two(world: World, log_in: LogIn) -> None:
    """Every page of every role, or of half of them, on the same cases: they are the dear part of it."""
    roles, leads = ROLES if THOROUGH else ROLES[:3], ("supervisor", "manager")
    opened = [(role, where) for role in roles for where in PAGES if role in leads or not where.startswith(LEADS_ONLY)]
    browsers = {role: log_in(world.people[role]) for role in roles}
    for number in range(2):
        full_case(world, number)
    for role in roles:
        browsers[role].get("/")
    few = {(role, where): statements(browsers[role], where) for role, where in opened}
    for number in range(2, 20 if THOROUGH else 4):
        full_case(world, number)
    many = {(role, where): statements(browsers[role], where) for role, where in opened}
    assert {each: (few[each], many[each]) for each in opened if many[each] > few[each]} == {}
    assert {each: count for each, count in few.items() if count > 40} == {}
    assert len(opened) > (60 if THOROUGH else 30)


def test_a_page_of_views_costs_the_same_for_twenty_of_them(world: World, log_in: LogIn) -> None:
    browser = log_in(world.manager)
    browser.get("/?all=1")
    for number in range(20):
        if number == 1:
            few = [statements(browser, where) for where in ("/?all=1", "/views/")]
        views.save(Draft("home", f"{number}", "path=1", "manager"), by=world.manager, at=NOON)
    assert [statements(browser, where) for where in ("/?all=1", "/views/")] == few


def test_handing_off_twenty_is_looked_at_with_as_many_statements_as_two(world: World, log_in: LogIn) -> None:
    cases = [factories.case(world.shop, path=2, outbound=[("中通快递", f"Z{number}")]) for number in range(20)]
    browser, counts = log_in(world.support), []
    for some in (cases[:2], cases):
        cache.clear()
        body = {"case": [case.pk for case in some], "kind": "recall_parcel", "step": "preview"}
        with CaptureQueriesContext(connection) as captured:
            page = browser.post("/cases/ask/", body)
        assert [row.problem for row in page.context["rows"]] == [""] * len(some)
        counts.append(len(captured))
    assert counts[1] <= counts[0] <= 40


def test_a_case_with_twenty_questions_costs_no_more_than_one_with_one(world: World, log_in: LogIn) -> None:
    case, browser = full_case(world, 0), log_in(world.support)
    where = f"/handoffs/case/{case.pk}/change/"
    browser.get(where)
    few = statements(browser, where)
    for number in range(19):
        handoff.ask(case.pk, Question("ask_quality", line=str(number)), by=world.support, at=NOON)
    assert statements(browser, where) <= few
    assert few <= 45
