"""The board: what is late and what stands still, who is on duty, and the empty shifts ahead."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import time_machine
from django.test import Client
from django.utils import timezone

from accounts.models import DutyShift, User
from handoffs import outbox
from handoffs.admin.board_numbers import Number
from handoffs.flow import owner
from handoffs.models import ImportRun, OutboxMessage, RejectedRow, Tick
from tests import factories
from tests.admin.conftest import LogIn
from tests.factories import NOON, World

BOARD, HOUR = "/board/", timedelta(hours=1)


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


def test_what_is_overdue_counts_before_the_sweep_has_passed(world: World, log_in: LogIn, clock: Any) -> None:
    factories.case(world.shop)
    clock.move_to(NOON + timedelta(minutes=31))
    found = dict(numbers(log_in(world.manager).get(BOARD).context))
    assert (found["late"].count, found["late_by_role support agent"].count) == (1, 1)
    assert found["late_by_lane support agent → warehouse"].count == 1


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
