"""Home: the queues of a person's roles, the most urgent first; what is new; the duty switch."""

from datetime import timedelta
from decimal import Decimal

import pytest
import time_machine
from django.urls import reverse

from accounts import duty
from accounts.models import Membership, User
from handoffs.admin import queues
from handoffs.flow import answer, decision, handoff, owner, response
from handoffs.flow.answer import Given
from handoffs.flow.handoff import Question
from handoffs.flow.proposal import Proposal
from handoffs.models import Case, Handoff
from tests import factories
from tests.admin.conftest import LogIn
from tests.factories import NOON, World

HOME = "/"


def sections(log_in: LogIn, user: User) -> dict[str, list]:
    page = log_in(user).get(HOME)
    assert page.status_code == 200
    return {str(section.title): section.rows for section in page.context["sections"]}


def test_my_cases_stand_in_the_order_in_which_they_fall_due(world: World, log_in: LogIn) -> None:
    second = factories.case(world.shop, applied_at=NOON - timedelta(minutes=5))
    first = factories.case(world.shop, applied_at=NOON - timedelta(minutes=20))
    rows = sections(log_in, world.support)["My cases"]
    assert [row.case.pk for row in rows] == [first.pk, second.pk]
    assert [row.left.words for row in rows] == ["10 min left", "25 min left"]


def test_a_case_whose_clocks_have_all_ended_stands_behind_those_with_a_deadline(world: World, log_in: LogIn) -> None:
    done = factories.case(world.shop, path=None)
    running = factories.case(world.shop, path=None, applied_at=NOON - timedelta(minutes=1))
    response.respond(done.pk, response.Reply("您好，马上为您核实"), by=world.support, at=NOON)
    assert Case.objects.get(pk=done.pk).due_at is None
    assert [row.case.pk for row in sections(log_in, world.support)["My cases"]] == [running.pk, done.pk]


def test_late_is_said_in_a_word_and_in_colour(world: World, log_in: LogIn, clock: time_machine.Traveller) -> None:
    factories.case(world.shop)
    clock.move_to(NOON + timedelta(minutes=42))
    page = log_in(world.support).get(HOME).content.decode()
    assert "late by 12 min" in page
    assert "rd-row-late" in page


def test_what_a_colleague_answered_comes_on_top_until_the_owner_acts(world: World, log_in: LogIn) -> None:
    case = factories.case(world.shop)
    response.respond(case.pk, response.Reply("您好，马上为您核实"), by=world.support, at=NOON)
    asked = Handoff.objects.get(case=case, kind="stop_parcel")
    answer.answer(asked.pk, Given("stopped"), by=world.warehouse, at=NOON + timedelta(minutes=1))
    shown = sections(log_in, world.support)
    assert list(shown)[0] == "A colleague has answered"
    assert [row.case.pk for row in shown["A colleague has answered"]] == [case.pk]
    assert "My cases" not in shown
    decision.propose(
        case.pk, Proposal("full_refund", "已截单，同意退款"), by=world.support, at=NOON + timedelta(minutes=2)
    )
    assert "A colleague has answered" not in sections(log_in, world.support)


def test_the_open_queue_can_be_taken_from(world: World, log_in: LogIn) -> None:
    case = factories.case(world.shop)
    owner.put_back(case.pk, by=world.support, at=NOON)
    browser = log_in(world.support)
    take = reverse("admin:handoffs_verb", args=[case.pk, "claim"])
    assert take in browser.get(HOME).content.decode()
    browser.post(take)
    assert Case.objects.get(pk=case.pk).owner == world.support


def test_counterparts_get_their_questions_and_no_cases(world: World, log_in: LogIn) -> None:
    factories.case(world.shop)
    shown = sections(log_in, world.warehouse)
    assert list(shown) == ["Questions for me"]
    assert [row.handoff.kind for row in shown["Questions for me"]] == ["stop_parcel"]
    assert sections(log_in, world.qc) == {"Questions for me": []}


def test_logistics_get_the_questions_of_their_own_carriers_only(world: World, log_in: LogIn) -> None:
    case = factories.case(world.shop, path=2)
    handoff.ask(case.pk, Question("recall_parcel"), by=world.support, at=NOON)
    stranger = factories.person("logistics", world.shop)
    assert len(sections(log_in, world.logistics)["Questions for me"]) == 1
    assert sections(log_in, stranger) == {"Questions for me": []}


def test_whoever_holds_two_roles_has_both_queues(world: World, log_in: LogIn) -> None:
    Membership.objects.create(user=world.support, role="warehouse", shop=world.shop)
    factories.case(world.shop)
    user = User.objects.get(pk=world.support.pk)
    handoff.reassign(Handoff.objects.get().pk, to=user, by=world.manager, at=NOON)
    assert {"Questions for me", "My cases", "Open queue"} <= set(sections(log_in, user))


def test_a_supervisor_sees_approvals_first_and_what_is_late_at_the_others(
    world: World, log_in: LogIn, clock: time_machine.Traveller
) -> None:
    case = factories.case(world.shop, path=3, amount=Decimal(250), total_fee=Decimal(250))
    decision.propose(case.pk, Proposal("full_refund", "同意退款"), by=world.support, at=NOON)
    clock.move_to(NOON + timedelta(hours=1))
    shown = sections(log_in, world.supervisor)
    assert list(shown)[0] == "To approve"
    assert [row["decision"].case_id for row in shown["To approve"]] == [case.pk]
    assert [row.case.pk for row in shown["Late now"]] == [case.pk]


def test_a_manager_sees_what_is_late_without_an_owner_and_at_risk(
    world: World, log_in: LogIn, clock: time_machine.Traveller
) -> None:
    deadline = NOON + timedelta(hours=3)
    case = factories.case(world.shop, path=3, amount=Decimal("19.90"), marketplace_deadline=deadline)
    owner.put_back(case.pk, by=world.support, at=NOON)
    clock.move_to(NOON + timedelta(minutes=45))
    found = log_in(world.manager).get(HOME).context["summary"]
    assert (found["late"], found["unowned"]) == (1, 1)
    assert (found["risk_1"], found["risk_4"], found["risk_12"]) == (Decimal(0), Decimal("19.90"), Decimal("19.90"))


def test_it_says_what_came_since_the_last_look(world: World, log_in: LogIn, clock: time_machine.Traveller) -> None:
    browser = log_in(world.support)
    browser.get(HOME)
    clock.move_to(NOON + timedelta(minutes=10))
    factories.case(world.shop, at=NOON + timedelta(minutes=10))
    clock.shift(timedelta(minutes=5))
    page = browser.get(HOME)
    assert page.context["news"] == {"fresh": 1, "answered": 0}
    clock.shift(timedelta(minutes=5))
    assert browser.get(HOME).context["news"] == {"fresh": 0, "answered": 0}


def test_a_queue_that_fetches_itself_does_not_count_as_looking(
    world: World, log_in: LogIn, clock: time_machine.Traveller
) -> None:
    browser = log_in(world.support)
    browser.get(HOME)
    clock.shift(timedelta(minutes=5))
    browser.get(HOME, headers={"X-Live": "1"})
    assert User.objects.get(pk=world.support.pk).looked_at == NOON


@pytest.mark.parametrize("role", ["support", "supervisor", "warehouse", "qc", "logistics", "manager"])
def test_an_empty_home_says_so(world: World, log_in: LogIn, role: str) -> None:
    assert "rd-empty" in log_in(world.people[role]).get(HOME).content.decode()


def test_duty_is_switched_by_post_alone(world: World, log_in: LogIn) -> None:
    browser = log_in(world.support)
    assert browser.get(reverse("admin:handoffs_duty")).status_code == 405
    browser.post(reverse("admin:handoffs_duty"), {"duty": "off"})
    assert world.support.pk not in duty.on_duty_ids(NOON)
    browser.post(reverse("admin:handoffs_duty"), {"duty": "on"})
    assert world.support.pk in duty.on_duty_ids(NOON)


def test_sums_are_exact_to_the_fen(world: World) -> None:
    for _number in range(3):
        factories.case(world.shop, path=3, amount=Decimal("0.10"), marketplace_deadline=NOON + timedelta(minutes=30))
    assert queues.summary(world.manager, at=NOON)["risk_1"] == Decimal("0.30")
