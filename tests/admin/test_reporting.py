"""Reports: the measures on a page beside those before, the same as a workbook, for one's own shops."""

import csv
import io
from datetime import timedelta
from decimal import Decimal
from xml.etree import ElementTree

import pytest
import time_machine
from django.test import Client
from django.urls import reverse
from openpyxl import load_workbook

from accounts.models import User
from handoffs import reports, sweep
from handoffs.flow import decision, response
from handoffs.flow.proposal import Proposal
from handoffs.flow.response import Reply
from handoffs.reports import Span
from tests import factories
from tests.admin.conftest import LogIn
from tests.factories import NOON, World

PAGE, XLSX = reverse("admin:handoffs_reports"), reverse("admin:handoffs_reports_xlsx")
XES = reverse("admin:handoffs_reports_xes")
MINUTE = timedelta(minutes=1)


@pytest.fixture
def two_days(world: World, clock: time_machine.Traveller) -> None:
    """Ten days ago one was late; today one was in time and one was late."""
    old = NOON - timedelta(days=10)
    factories.case(world.shop, at=old)
    sweep.run(at=old + 40 * MINUTE)
    met = factories.case(world.shop)
    factories.case(world.shop)
    response.respond(met.pk, Reply("您好，正在为您核实"), by=world.support, at=NOON + 5 * MINUTE)
    sweep.run(at=NOON + 40 * MINUTE)
    clock.move_to(NOON + timedelta(hours=1))


def test_the_measures_stand_beside_those_of_the_days_before(world: World, log_in: LogIn, two_days: None) -> None:
    shown = log_in(world.supervisor).get(PAGE).context
    assert (shown["first"].met, shown["first"].total, shown["first"].percent) == (1, 2, 50)
    assert (shown["first_before"].met, shown["first_before"].total) == (0, 1)


def test_a_shop_and_a_span_can_be_chosen(world: World, log_in: LogIn, two_days: None) -> None:
    client = log_in(world.manager)
    assert client.get(PAGE, {"shop": world.other_shop.pk}).context["first"].total == 0
    assert client.get(PAGE, {"days": "30"}).context["first"].total == 3
    odd = client.get(PAGE, {"days": "5", "shop": "x"}).context
    assert (odd["days"], odd["chosen"]) == (7, 0)


def test_each_number_leads_to_the_cases_behind_it(world: World, log_in: LogIn, two_days: None) -> None:
    client, where = log_in(world.manager), reverse("admin:handoffs_reports_cases")
    missed = client.get(where, {"days": 7, "of": "first", "missed": "1"}).context["rows"]
    every = client.get(where, {"days": 7, "of": "first"}).context["rows"]
    assert (len(missed), len(every)) == (1, 2)
    people = client.get(PAGE).context["groups"][2]["rows"]
    mine = next(row for row in people if row["label"] == "Support")
    assert client.get(where, {"of": "people", "part": mine["key"], "missed": "1"}).context["rows"]
    assert "No case" in client.get(where, {"of": "completed"}).content.decode()
    assert client.get(where, {"of": "people", "part": "999"}).status_code == 404
    assert client.get(where).status_code == 404


def test_the_workbook_says_the_same(world: World, log_in: LogIn, two_days: None) -> None:
    book = load_workbook(io.BytesIO(log_in(world.manager).get(XLSX).content))
    assert [cell.value for cell in book.worksheets[0][2]][1:] == [50, 0]
    people = {row[0].value: (row[1].value, row[2].value) for row in book.worksheets[3].iter_rows(min_row=2)}
    assert people["Support"][1] >= 2


def test_what_was_refused_and_opened_again_is_counted_by_day_and_shop(world: World) -> None:
    row = factories.row("77001", modified=NOON)
    factories.take(world.shop, row)
    for minutes, status, phase in ((10, "SELLER_REFUSE_BUYER", "refused"), (20, "WAIT_SELLER_AGREE", "wait_seller")):
        at = NOON + minutes * MINUTE
        fields = {**row.fields, "marketplace_status": status, "phase": phase}
        factories.take(world.shop, type(row)(row.number, row.source_kind, row.refund_id, fields, row.raw, at), at=at)
    span = Span(NOON - timedelta(days=1), NOON + timedelta(days=1))
    (day,) = reports.refused_by_day([world.shop.pk], span, zone=world.shop.zone)
    assert (day.day.isoformat(), day.shop, day.refused, day.reopened) == ("2026-11-11", world.shop.name, 1, 1)


@pytest.mark.parametrize("role", ["support", "warehouse", "qc", "logistics"])
def test_others_have_no_reports(world: World, log_in: LogIn, role: str) -> None:
    client = log_in(world.people[role])
    behind = reverse("admin:handoffs_reports_cases") + "?of=first"
    assert [client.get(where).status_code for where in (PAGE, XLSX, behind, XES)] == [403] * 4


# The event log --------------------------------------------------------------------------------------------------------


def body(client: Client, name: str) -> str:
    got = client.get(reverse(f"admin:handoffs_reports_{name}"))
    return b"".join(got.streaming_content).decode()  # type: ignore[attr-defined]


def test_the_event_log_is_xes_with_a_trace_a_case(world: World, log_in: LogIn, two_days: None) -> None:
    root = ElementTree.fromstring(body(log_in(world.manager), "xes"))  # noqa: S314  our own
    space = {"x": "http://www.xes-standard.org/"}
    traces = root.findall("x:trace", space)
    steps = [[one.find("x:string[@key='concept:name']", space) for one in trace.findall("x:event", space)]
             for trace in traces]  # fmt: skip
    names = [{step.get("value") for step in own if step is not None} for own in steps]
    assert any("responded" in own for own in names)
    assert sum("arrived" in own for own in names) == 2
    moments = [event.get("value") or "" for event in traces[-1].iterfind("x:event/x:date", space)]
    assert moments == sorted(moments)


def test_the_event_log_carries_no_money_no_words_and_no_formulas(world: World, log_in: LogIn) -> None:
    case = factories.case(world.shop, path=3, amount=Decimal("77.77"), total_fee=Decimal("77.77"))
    response.respond(case.pk, Reply("您好，秘密的话"), by=world.support, at=NOON)
    decision.propose(case.pk, Proposal("full_refund", "同意退款"), by=world.support, at=NOON)
    User.objects.filter(pk=world.support.pk).update(name='=1+1"<&>')
    with time_machine.travel(NOON + MINUTE, tick=False):
        client = log_in(world.manager)
        texts = [body(client, "csv"), body(client, "xes")]
    assert not [word for word in ("77.77", "秘密", "同意退款") for text in texts if word in text]
    cells = list(csv.reader(io.StringIO(texts[0].lstrip("\ufeff"))))
    assert {row[4] for row in cells} >= {"'=1+1\"<&>"}
    ElementTree.fromstring(texts[1])  # noqa: S314  our own
