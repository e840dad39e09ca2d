"""Set-up of deadlines, steps, calendars and words: what makes no sense is refused at the field."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from handoffs.models import Calendar, CalendarDay, ClockPolicy, PolicyStep, ReplyTemplate
from handoffs.seeds.load import load
from tests.admin.conftest import LogIn
from tests.admin.setup_pages import complaints, formset, page
from tests.factories import World


@pytest.fixture
def manager(world: World, log_in: LogIn) -> Client:
    load()
    return log_in(world.manager)


# Deadlines and steps -------------------------------------------------------------------------------------------------


def test_a_deadline_of_a_shop_stands_beside_the_common_one(manager: Client, world: World) -> None:
    add = page("handoffs_clockpolicy", "add")
    own = {"clock": "handoff", "handoff_kind": "stop_parcel", "shop": world.shop.pk, "minutes": 20}
    assert complaints(manager, add, own) == {}
    assert set(complaints(manager, add, own)) == {"shop"}
    assert set(complaints(manager, add, own | {"shop": ""})) == {""}


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"minutes": 0}, "minutes"),
        ({"handoff_kind": ""}, "handoff_kind"),
        ({"clock": "decide"}, "handoff_kind"),
        ({"difficult_minutes": 10}, "difficult_minutes"),
        ({"clock": "decide", "handoff_kind": "", "external_minutes": 100}, "difficult_minutes"),
    ],
)
def test_a_deadline_that_makes_no_sense_is_refused_at_the_field(
    manager: Client, world: World, changes: dict[str, Any], field: str
) -> None:
    good = {"clock": "handoff", "handoff_kind": "stop_parcel", "shop": world.shop.pk, "minutes": 20}
    assert set(complaints(manager, page("handoffs_clockpolicy", "add"), good | changes)) == {field}


def test_a_change_keeps_what_the_deadline_is_for_and_shows_its_steps(manager: Client) -> None:
    policy = ClockPolicy.objects.get(clock="first_response")
    where = page("handoffs_clockpolicy", "change", policy.pk)
    assert [step["percent"] for step in manager.get(where).context["steps"]] == [50, 80, 100, 150]
    assert complaints(manager, where, {"minutes": 25, "clock": "claim"}) == {}
    policy.refresh_from_db()
    assert (policy.clock, policy.minutes, policy.history.count()) == ("first_response", 25, 1)


def test_the_common_deadline_stays_and_a_shops_own_may_go(manager: Client, world: World) -> None:
    common = ClockPolicy.objects.get(clock="decide")
    own = ClockPolicy.objects.create(clock="decide", shop=world.shop, minutes=10)
    for policy in (common, own):
        manager.post(page("handoffs_clockpolicy", "delete", policy.pk), {"post": "yes"})
    assert list(ClockPolicy.objects.filter(clock="decide")) == [common]


def test_no_clock_loses_the_step_that_marks_it_late(manager: Client) -> None:
    add = page("handoffs_policystep", "add")
    own = {"clock": "decide", "percent": 30, "act": "remind", "to": "holder"}
    late = {"clock": "decide", "percent": 100, "act": "late", "to": "asker_and_lead"}
    assert set(complaints(manager, add, own)) == {"act"}
    assert complaints(manager, add, late) == {}
    assert complaints(manager, add, own) == {}
    kept = PolicyStep.objects.get(clock="decide", act="late")
    where = page("handoffs_policystep", "change", kept.pk)
    assert "act" in complaints(manager, where, late | {"act": "remind", "percent": 50})
    manager.post(page("handoffs_policystep", "delete", kept.pk), {"post": "yes"})
    assert PolicyStep.objects.filter(pk=kept.pk).exists()
    PolicyStep.objects.get(clock="decide", act="remind").delete()
    manager.post(page("handoffs_policystep", "delete", kept.pk), {"post": "yes"})
    assert not PolicyStep.objects.filter(pk=kept.pk).exists()


def test_reminders_come_before_escalations_after(manager: Client) -> None:
    add = page("handoffs_policystep", "add")
    assert "percent" in complaints(manager, add, {"clock": "", "percent": 120, "act": "remind", "to": "holder"})
    assert complaints(manager, add, {"clock": "", "percent": 200, "act": "escalate", "to": "manager"}) == {}


# Calendars -----------------------------------------------------------------------------------------------------------


def calendar_body(*windows: tuple[int, str, str]) -> dict[str, Any]:
    rows = [{"weekday": day, "start": start, "end": end} for day, start, end in windows]
    return {"name": "Office", "time_zone": "Asia/Shanghai", "holidays": "on", **formset("windows", *rows)}


@pytest.mark.parametrize(
    ("windows", "fine"),
    [
        (((0, "09:00", "12:00"), (0, "12:00", "18:00"), (1, "09:00", "12:00")), True),
        (((0, "09:00", "12:00"), (0, "11:00", "18:00")), False),
        (((0, "18:00", "00:00"), (0, "09:00", "18:00")), True),
        (((0, "18:00", "00:00"), (0, "20:00", "22:00")), False),
        (((0, "09:00", "12:00"), (0, "09:00", "12:00")), False),
    ],
)
def test_windows_of_a_day_may_touch_but_not_overlap(manager: Client, windows: Any, fine: bool) -> None:  # noqa: FBT001
    found = complaints(manager, page("handoffs_calendar", "add"), calendar_body(*windows))
    assert found == ({} if fine else {"inline": ["Two windows of Monday overlap."]})
    assert Calendar.objects.exists() is fine


def test_a_window_that_ends_before_it_starts_is_refused(manager: Client) -> None:
    answer = manager.post(page("handoffs_calendar", "add"), calendar_body((0, "12:00", "09:00")))
    assert "The window must end after it starts." in answer.content.decode()
    assert not Calendar.objects.exists()


def test_a_calendar_with_deadlines_is_not_deleted(manager: Client) -> None:
    calendar = Calendar.objects.create(name="Office")
    ClockPolicy.objects.filter(clock="decide").update(calendar=calendar)
    manager.post(page("handoffs_calendar", "delete", calendar.pk), {"post": "yes"})
    assert Calendar.objects.exists()


def test_a_published_year_is_entered_with_one_button_and_by_post_only(manager: Client) -> None:
    CalendarDay.objects.filter(day__year=2026).delete()
    where = reverse("admin:handoffs_calendarday_load")
    assert manager.get(page("handoffs_calendarday", "changelist")).context["years"] == [2026]
    assert manager.get(where).status_code == 405
    manager.post(where, {"year": "2026"})
    assert CalendarDay.objects.filter(day="2026-10-01", kind="rest").exists()
    assert manager.get(page("handoffs_calendarday", "changelist")).context["years"] == []


@pytest.mark.parametrize("year", ["2099", "abc", "", "99999999999999"])
def test_a_year_that_is_not_published_is_said_to_be_so(manager: Client, year: str) -> None:
    before = CalendarDay.objects.count()
    answer = manager.post(reverse("admin:handoffs_calendarday_load"), {"year": year}, follow=True)
    assert "not published yet" in answer.content.decode()
    assert CalendarDay.objects.count() == before


# Words ---------------------------------------------------------------------------------------------------------------


def test_a_template_names_only_variables_there_are_and_says_something(manager: Client) -> None:
    add = page("handoffs_replytemplate", "add")
    good = {"code": "own", "language": "zh-hans", "title": "自己的", "body": "{buyer}您好，正在为您核实"}
    (unknown,) = complaints(manager, add, good | {"body": "您好{nobody}，正在核实"})["body"]
    assert "{nobody}" in unknown
    assert set(complaints(manager, add, good | {"body": "(*￣︶￣)"})) == {"body"}
    assert complaints(manager, add, good) == {}
    assert set(complaints(manager, add, good)) == {"code"}


def test_a_template_is_shown_as_the_buyer_would_read_it(manager: Client) -> None:
    template = ReplyTemplate.objects.create(code="x", language="en", title="X", body="Dear {buyer}, {amount} yuan")
    shown = manager.get(page("handoffs_replytemplate", "change", template.pk)).content.decode()
    assert "Dear 示例买家, 66.18 yuan" in shown
