"""A rule is saved after its effect was seen: which open deadlines move, which are late at once, on whom it falls."""

import re
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
import time_machine
from django.test import Client

from accounts.models import Limit, User
from handoffs.flow import decision, handoff, response
from handoffs.models import Calendar, CalendarDay, Case, Clock, ClockPolicy, Decision
from handoffs.seeds.load import load
from tests import factories
from tests.admin.conftest import LogIn
from tests.admin.setup_pages import formset, page
from tests.factories import NOON, World

MINUTE = timedelta(minutes=1)


@pytest.fixture(autouse=True)
def _later(world: World) -> Any:
    with time_machine.travel(NOON + 20 * MINUTE, tick=False):
        yield


@pytest.fixture
def manager(world: World, log_in: LogIn) -> Client:
    load()
    User.objects.update(language="en")
    return log_in(world.manager)


def first_response() -> ClockPolicy:
    return ClockPolicy.objects.get(clock="first_response", shop=None)


def waiting(world: World, count: int = 2) -> list[Case]:
    return [factories.case(world.shop, path=3) for _number in range(count)]


def token(answer: Any) -> str:
    found = re.search(r'name="_foreseen" value="(\w+)"', answer.content.decode())
    assert found
    return found[1]


def test_what_moves_and_whose_it_is_is_shown_before_anything_is_saved(manager: Client, world: World) -> None:
    waiting(world)
    where = page("handoffs_clockpolicy", "change", first_response().pk)
    answer = manager.post(where, {"minutes": 15})
    seen = answer.context["seen"]
    assert (seen.open, len(seen.moves), seen.late) == (2, 2, 2)
    assert [(row.name, row.moved, row.late) for row in seen.load] == [("Support", 2, 2)]
    assert "Support" in answer.content.decode()
    assert first_response().minutes == 30
    assert not first_response().history.exists()
    assert set(Clock.objects.filter(kind="first_response").values_list("due_at", flat=True)) == {NOON + 30 * MINUTE}


def test_confirmed_it_holds_for_new_clocks_and_the_open_ones_keep_theirs(manager: Client, world: World) -> None:
    waiting(world)
    where = page("handoffs_clockpolicy", "change", first_response().pk)
    given = {"minutes": 15, "_foreseen": token(manager.post(where, {"minutes": 15})), "_apply": "new"}
    assert manager.post(where, given).status_code == 302
    assert first_response().minutes == 15
    assert first_response().history.count() == 1
    assert set(Clock.objects.filter(kind="first_response").values_list("due_at", flat=True)) == {NOON + 30 * MINUTE}
    later = factories.case(world.shop, path=3, at=NOON + 20 * MINUTE)
    assert later.clocks.get(kind="first_response").due_at == NOON + 35 * MINUTE


def test_with_the_choice_the_open_ones_move_and_their_cases_say_so(manager: Client, world: World) -> None:
    first, _second = waiting(world)
    where = page("handoffs_clockpolicy", "change", first_response().pk)
    given = {"minutes": 45, "_foreseen": token(manager.post(where, {"minutes": 45})), "_apply": "open"}
    page_after = manager.post(where, given, follow=True)
    assert "2 open deadlines moved" in page_after.content.decode()
    clock = first.clocks.get(kind="first_response")
    assert (clock.due_at, clock.terms.data["minutes"]) == (NOON + 45 * MINUTE, 45)
    assert clock.next_action_at == NOON + 22.5 * MINUTE
    first.refresh_from_db()
    assert first.due_at == NOON + 45 * MINUTE
    entry = first.timeline.get(kind="deadline_moved")
    assert entry.by == world.manager
    assert "12:30 → 12:45" in manager.get(f"/handoffs/case/{first.pk}/change/").content.decode()


def test_another_form_or_another_effect_than_was_shown_is_shown_again(manager: Client, world: World) -> None:
    waiting(world)
    where = page("handoffs_clockpolicy", "change", first_response().pk)
    shown = token(manager.post(where, {"minutes": 15}))
    assert manager.post(where, {"minutes": 5, "_foreseen": shown}).status_code == 200
    factories.case(world.shop, path=3)
    answer = manager.post(where, {"minutes": 15, "_foreseen": shown})
    assert "has changed meanwhile" in answer.content.decode()
    assert manager.post(where, {"minutes": 15, "_foreseen": "0" * 64}).status_code == 200
    assert first_response().minutes == 30


def test_where_nothing_open_moves_it_is_saved_at_once(manager: Client, world: World) -> None:
    where = page("handoffs_clockpolicy", "change", first_response().pk)
    assert manager.post(where, {"minutes": 15}).status_code == 302
    assert first_response().minutes == 15


def test_a_wrong_form_says_so_and_foresees_nothing(manager: Client, world: World) -> None:
    waiting(world)
    answer = manager.post(page("handoffs_clockpolicy", "change", first_response().pk), {"minutes": 0})
    assert "_foreseen" not in answer.content.decode()
    assert first_response().minutes == 30


def test_agreed_and_promised_times_do_not_move(manager: Client, world: World) -> None:
    """The carrier's agreement goes before the general deadline of logistics."""
    case = factories.case(world.shop, path=2)
    handoff.ask(case.pk, handoff.Question("recall_parcel"), by=world.support, at=NOON)
    policy = ClockPolicy.objects.get(clock="handoff", handoff_kind="recall_parcel", shop=None)
    assert manager.post(page("handoffs_clockpolicy", "change", policy.pk), {"minutes": 60}).status_code == 302


def test_a_question_s_deadline_moves_with_its_clock(manager: Client, world: World) -> None:
    asked = factories.case(world.shop, path=1).handoffs.get(kind="stop_parcel")
    policy = ClockPolicy.objects.get(clock="handoff", handoff_kind="stop_parcel", shop=None)
    where = page("handoffs_clockpolicy", "change", policy.pk)
    form = {"minutes": 60, "difficult_minutes": 120}
    given = form | {"_foreseen": token(manager.post(where, form)), "_apply": "open"}
    assert manager.post(where, given).status_code == 302
    asked.refresh_from_db()
    assert asked.due_at == NOON + 60 * MINUTE


def test_a_calendar_and_its_days_move_what_counts_by_them(manager: Client, world: World) -> None:
    calendar = Calendar.objects.create(name="office", holidays=True)
    calendar.windows.create(weekday=2, start="09:00", end="18:00")
    ClockPolicy.objects.filter(pk=first_response().pk).update(calendar=calendar)
    factories.case(world.shop, path=3)  # a Wednesday at noon
    where = page("handoffs_calendar", "change", calendar.pk)
    window = calendar.windows.get()
    rows = [{"id": window.pk, "calendar": calendar.pk, "weekday": 2, "start": "14:00", "end": "18:00"}]
    given = {"name": "office", "time_zone": "Asia/Shanghai", "holidays": "on", **formset("windows", *rows, initial=1)}
    assert len(manager.post(where, given).context["seen"].moves) == 1
    assert str(calendar.windows.get().start) == "09:00:00"
    day = {"day": "2026-11-11", "kind": CalendarDay.Kind.REST, "name": "盘点"}
    seen = manager.post(page("handoffs_calendarday", "add"), day).context["seen"]
    assert len(seen.moves) == 1
    assert not CalendarDay.objects.filter(day="2026-11-11").exists()


def test_a_limit_shows_who_may_decide_what_waits(manager: Client, world: World) -> None:
    case = factories.case(world.shop, path=3, amount=Decimal(500), total_fee=Decimal(500))
    decision.propose(case.pk, decision.Proposal("full_refund", "商品有质量问题"), by=world.support, at=NOON)
    supervisors = Limit.objects.get(role="supervisor")
    where = page("accounts_limit", "change", supervisors.pk)
    form = {"role": "supervisor", "amount": "100"}
    seen = manager.post(where, form).context["seen"]
    assert (seen.waiting, seen.freed, seen.stuck, seen.load) == (1, 0, 0, [("Supervisor", 0, 1)])
    Limit.objects.filter(role="manager").update(amount=0)
    answer = manager.post(where, form)
    assert answer.context["seen"].stuck == 1
    given = form | {"_foreseen": token(answer)}
    assert manager.post(where, given).status_code == 302
    supervisors.refresh_from_db()
    assert supervisors.amount == 100
    support = Limit.objects.get(role="support")
    seen = manager.post(page("accounts_limit", "change", support.pk), {"role": "support", "amount": "900"}).context[
        "seen"
    ]
    assert seen.freed == 1
    assert Decision.objects.get().status == "proposed"


def test_forty_open_clocks_cost_no_more_statements_than_four(
    manager: Client, world: World, django_assert_max_num_queries: Any
) -> None:
    where = page("handoffs_clockpolicy", "change", first_response().pk)
    waiting(world, 4)
    manager.post(where, {"minutes": 15})
    waiting(world, 40)
    with django_assert_max_num_queries(45):
        manager.post(where, {"minutes": 15})


# The last week -------------------------------------------------------------------------------------------------------


def answered(world: World, after: int) -> None:
    case = factories.case(world.shop, path=3)
    reply = response.Reply("您好，已为您登记处理。", "chat", sent_at=NOON + after * MINUTE)
    response.respond(case.pk, reply, by=world.support, at=NOON + after * MINUTE)


def test_the_last_week_is_counted_under_the_new_deadline(manager: Client, world: World) -> None:
    for after in (5, 12, 19):
        answered(world, after)
    where = page("handoffs_clockpolicy", "change", first_response().pk)
    answer = manager.post(where, {"minutes": 10})
    past = answer.context["past"]
    assert (past.clocks, past.was_late, past.would_be_late) == (3, 0, 2)
    assert [(row.name, row.was, row.would_be) for row in past.load] == [("Support", 0, 2)]
    text = answer.content.decode()
    assert "Of 3 clocks of this kind that ended, 0 were late; with this rule it would have been 2." in text
    assert "No open clock would move." in text
    assert "What shall it hold for?" not in text
    assert first_response().minutes == 30
    given = {"minutes": 10, "_foreseen": token(answer)}
    assert manager.post(where, given).status_code == 302
    assert first_response().minutes == 10


def test_what_ended_before_the_last_week_or_was_cancelled_is_not_counted(manager: Client, world: World) -> None:
    answered(world, 19)
    where = page("handoffs_clockpolicy", "change", first_response().pk)
    Clock.objects.filter(kind="first_response").update(state="cancelled")
    assert manager.post(where, {"minutes": 10}).status_code == 302
    first_response().history.all().delete()
    ClockPolicy.objects.filter(pk=first_response().pk).update(minutes=30)
    Clock.objects.filter(kind="first_response").update(state="met")
    with time_machine.travel(NOON + timedelta(days=8), tick=False):
        assert manager.post(where, {"minutes": 10}).status_code == 302


# Deleting, agreements ------------------------------------------------------------------------------------------------


def test_deleting_a_shop_s_own_deadline_is_foreseen_too(manager: Client, world: World) -> None:
    own = ClockPolicy.objects.create(clock="first_response", shop=world.shop, minutes=60)
    waiting(world)
    where = page("handoffs_clockpolicy", "delete", own.pk)
    answer = manager.post(where, {"post": "yes"})
    assert answer.status_code == 200
    assert len(answer.context["seen"].moves) == 2
    assert "Before it is deleted" in answer.content.decode()
    assert ClockPolicy.objects.filter(pk=own.pk).exists()
    assert manager.post(where, {"post": "yes", "_foreseen": token(answer), "_apply": "open"}).status_code == 302
    assert not ClockPolicy.objects.filter(pk=own.pk).exists()
    assert set(Clock.objects.filter(kind="first_response").values_list("due_at", flat=True)) == {NOON + 30 * MINUTE}


def test_deleting_a_limit_is_foreseen_too(manager: Client, world: World) -> None:
    case = factories.case(world.shop, path=3, amount=Decimal(500), total_fee=Decimal(500))
    decision.propose(case.pk, decision.Proposal("full_refund", "商品有质量问题"), by=world.support, at=NOON)
    row = Limit.objects.get(role="supervisor")
    answer = manager.post(page("accounts_limit", "delete", row.pk), {"post": "yes"})
    assert answer.context["seen"].load == [("Supervisor", 0, 1)]
    assert Limit.objects.filter(pk=row.pk).exists()


def test_a_carrier_s_agreement_moves_the_questions_to_its_contact(manager: Client, world: World) -> None:
    case = factories.case(world.shop, path=2)
    handoff.ask(case.pk, handoff.Question("recall_parcel"), by=world.support, at=NOON)
    carrier = world.carriers["zto"]
    agreed = {"id": carrier.agreement.pk, "carrier": carrier.pk, "answer_minutes": 15, "lost_after_days": 5,
              "no_first_event_days": 2, "undelivered_risk": "carrier", "claim_follow_up_days": 7}  # fmt: skip
    given = {"code": "zto", "name": "ZTO", "names": "中通快递", "active": "on",
             **formset("agreement", agreed, initial=1)}  # fmt: skip
    where = page("accounts_carrier", "change", carrier.pk)
    answer = manager.post(where, given)
    assert [(move.due_at, move.late) for move in answer.context["seen"].moves] == [(NOON + 15 * MINUTE, True)]
    carrier.agreement.refresh_from_db()
    assert carrier.agreement.answer_minutes == 120
    assert manager.post(where, {**given, "_foreseen": token(answer), "_apply": "open"}).status_code == 302
    assert case.handoffs.get(kind="recall_parcel").due_at == NOON + 15 * MINUTE
