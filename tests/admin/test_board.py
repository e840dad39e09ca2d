"""The board: every number opens a list with exactly as many rows; who is on duty, and the empty shifts ahead."""

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from accounts.models import DutyShift, Membership, User
from handoffs import outbox, sweep
from handoffs.admin.board_numbers import Number
from handoffs.flow import answer, handoff, owner
from handoffs.flow.answer import Given
from handoffs.flow.handoff import Question
from handoffs.models import Case, Clock, Handoff, ImportRun, OutboxMessage, RejectedRow, Tick
from tests import factories
from tests.admin.conftest import LogIn
from tests.factories import NOON, World

BOARD, HOUR = "/board/", timedelta(hours=1)


@pytest.fixture
def busy(world: World, clock: time_machine.Traveller) -> World:
    """Both shops with cases that are late with one promise and with several, at risk, exposed, closed, unowned."""
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
    clock.move_to(NOON + 2 * HOUR + timedelta(minutes=10))
    sweep.run(at=NOON + 2 * HOUR)
    return world


def numbers(context: Any) -> Iterator[tuple[str, Number]]:
    """Every number of the board by name."""
    for name in ("late", "exposed"):
        yield name, context[name]
    for name in ("late_by_role", "late_by_lane", "late_by_promise", "at_risk"):
        for one in context[name]:
            yield f"{name} {one.label}", one
    for row in context["load"]:
        yield f"cases of {row['user']}", row["cases"]
        yield f"questions of {row['user']}", row["questions"]


def rows_behind(client: Client, link: str) -> int:
    page = client.get(link)
    assert page.status_code == 200, link
    assert page.context["pages"].total == str(len(page.context["rows"]))
    return len(page.context["rows"])


@pytest.mark.parametrize("role", ["supervisor", pytest.param("manager", marks=pytest.mark.slow)])
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


def test_what_is_overdue_counts_before_the_sweep_has_passed(world: World, log_in: LogIn, clock: Any) -> None:
    factories.case(world.shop)
    clock.move_to(NOON + timedelta(minutes=31))
    found = dict(numbers(log_in(world.manager).get(BOARD).context))
    assert (found["late"].count, found["late_by_role support agent"].count) == (1, 1)
    assert found["late_by_lane support agent → warehouse"].count == 1


def test_money_at_risk_is_exact_and_grows_with_the_hours(busy: World, log_in: LogIn) -> None:
    risks = [(one.label, one.count, one.total) for one in log_in(busy.supervisor).get(BOARD).context["at_risk"]]
    assert risks == [(1, 0, Decimal(0)), (4, 2, Decimal("40.40")), (12, 4, Decimal("101.00"))]


def test_rejected_rows_open_their_list(world: World, log_in: LogIn) -> None:
    run = ImportRun.objects.create(shop=world.shop, file_name="f.csv", as_of=NOON, started_at=NOON)
    for number in range(3):
        RejectedRow.objects.create(run=run, number=number, code="x", message="no amount",
                                   settled_at=NOON if number == 2 else None)  # fmt: skip
    client = log_in(world.manager)
    page = client.get(BOARD)
    assert (page.context["rejected"], "/board/rejected/" in page.content.decode()) == ("2", True)
    assert len(client.get("/board/rejected/").context["rows"]) == 2
    stranger = factories.person("manager", world.other_shop)
    assert log_in(stranger).get("/board/rejected/").context["rows"] == []


def test_the_engines_last_tick_tells_when_it_stands_still_and_when_the_clock_was_put_back(
    world: World, log_in: LogIn, clock: time_machine.Traveller
) -> None:
    client = log_in(world.supervisor)
    for minutes, told, untold in (
        (1, "", "it stands still"),
        (3, "it stands still", "was put back"),
        (-60, "clock was put back", "it stands still"),
        (-0.4, "", "was put back"),
    ):
        Tick.objects.all().delete()
        Tick.note("sweep", {}, at=timezone.now() - timedelta(minutes=minutes))
        page = client.get(BOARD).content.decode()
        assert told in page, minutes
        assert untold not in page, minutes


def test_mails_that_the_server_has_not_taken_yet_are_told_with_the_reason(world: World, log_in: LogIn) -> None:
    case = factories.case(world.shop)
    outbox.tell("reminded", to=[world.support], key="k", at=NOON, case=case)
    words, client = "are tried again by themselves: 550 not today", log_in(world.supervisor)
    assert "are tried again by themselves" not in client.get(BOARD).content.decode()
    OutboxMessage.objects.filter(kind="reminded").update(mail="retry", error="550 not today")
    assert words in client.get(BOARD).content.decode()
    assert words not in log_in(factories.person("manager", world.other_shop)).get(BOARD).content.decode()


def test_each_fault_of_the_set_up_leads_to_where_it_is_mended(world: World, log_in: LogIn) -> None:
    page = log_in(world.manager).get(BOARD)
    assert page.context["faults"] == [] or all(fault.link in page.content.decode() for fault in page.context["faults"])


def test_the_summary_of_a_manager_opens_the_same_lists(busy: World, log_in: LogIn) -> None:
    client = log_in(busy.manager)
    summary = client.get("/").context["summary"]
    assert summary["late"] == rows_behind(client, "/handoffs/case/?late=yes")
    assert summary["unowned"] == rows_behind(client, "/handoffs/case/?status=open&owner=none")
    rows = client.get("/handoffs/case/?risk=4").context["rows"]
    assert summary["risk_4"] == sum(row.case.amount for row in rows)


# Duty -----------------------------------------------------------------------------------------------------------------


def test_who_is_on_duty_stands_by_role(world: World, log_in: LogIn) -> None:
    DutyShift.objects.filter(user=world.qc).delete()
    shown = {str(role): names for role, names in log_in(world.manager).get(BOARD).context["on_duty"]}
    assert (shown["support agent"], shown["quality control"]) == (["Support"], [])


def test_empty_shifts_ahead_are_told_by_role_and_shop(world: World, log_in: LogIn) -> None:
    DutyShift.objects.filter(user=world.qc).update(ends_at=NOON + 6 * HOUR)
    DutyShift.objects.create(user=factories.person("qc", world.shop, on_duty=False), starts_at=NOON + 8 * HOUR)
    page = log_in(world.manager).get(BOARD)
    shown = [(str(gap.role), gap.shops, gap.start, gap.end) for gap in page.context["empty_shifts"]]
    assert shown == [
        ("quality control", world.shop.name, NOON + 6 * HOUR, NOON + 8 * HOUR),
        ("quality control", world.other_shop.name, NOON + 6 * HOUR, NOON + 24 * HOUR),
    ]
    text = page.content.decode()
    assert ("11-11 18:00–20:00" in text, "11-11 18:00–11-12 12:00" in text) == (True, True)


def test_shops_that_are_empty_at_the_same_time_stand_in_one_line(world: World, log_in: LogIn) -> None:
    DutyShift.objects.filter(user=world.warehouse).delete()
    (gap,) = log_in(world.manager).get(BOARD).context["empty_shifts"]
    assert (gap.whole, set(gap.shops.split(" · "))) == (True, {world.shop.name, world.other_shop.name})


def test_shops_of_others_are_left_out(world: World, log_in: LogIn) -> None:
    DutyShift.objects.all().delete()
    alone = factories.person("supervisor", world.shop)
    gaps = log_in(alone).get(BOARD).context["empty_shifts"]
    assert {gap.shops for gap in gaps} == {world.shop.name}


def test_who_has_left_stays_on_the_board_as_long_as_something_is_theirs(world: World, log_in: LogIn) -> None:
    leaver, case = factories.person("support", world.shop, name="Leaver"), factories.case(world.shop)
    owner.assign(case.pk, to=leaver, by=world.manager, at=NOON)
    User.objects.filter(pk=leaver.pk).update(is_active=False)
    client = log_in(world.manager)
    (row,) = [row for row in client.get(BOARD).context["load"] if row["user"] == leaver]
    assert (row["here"], row["cases"].count, rows_behind(client, row["cases"].link)) == (False, 1, 1)
    owner.assign(case.pk, to=world.support, by=world.manager, at=NOON)
    assert "Leaver" not in client.get(BOARD).content.decode()
