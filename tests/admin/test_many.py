"""One answer to many: of one path and reason only, filled for each buyer, looked at first, sent once, marked."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from handoffs.flow import owner, response
from handoffs.models import Case, Response
from tests import factories, snapshot
from tests.admin.conftest import LogIn
from tests.factories import NOON, World

RESPOND, TAKE = reverse("admin:handoffs_respond_many"), reverse("admin:handoffs_take_many")
BODY = "{buyer}您好，订单{order_id}正在为您核实，请稍候"


def some(world: World, count: int = 3, **fields: Any) -> list[Case]:
    return [factories.case(world.shop, **fields) for _number in range(count)]


def post(client: Client, cases: list[Case], **more: Any) -> Any:
    return client.post(RESPOND, {"case": [case.pk for case in cases], **more})


def test_each_buyer_s_message_is_shown_before_anything_is_sent(world: World, log_in: LogIn) -> None:
    cases, client = some(world), log_in(world.support)
    before = snapshot.of_the_desk()
    page = post(client, cases, body=BODY, step="preview")
    assert [row.message.count(row.case.order_id) for row in page.context["rows"]] == [1, 1, 1]
    assert snapshot.of_the_desk() == before


def test_sent_it_stops_every_clock_and_is_marked(world: World, log_in: LogIn) -> None:
    cases, client = some(world), log_in(world.support)
    page = post(client, cases, body=BODY, step="send", channel="chat", once="a" * 32, template="looking")
    assert [row.done for row in page.context["rows"]] == [True] * 3
    said = Response.objects.order_by("case")
    assert (said.count(), {row.bulk for row in said}, {row.template for row in said}) == (3, {True}, {"looking"})
    assert len({row.message for row in said}) == 3
    assert {case.clocks.get(kind="first_response").state for case in cases} == {"met"}


def test_the_same_form_twice_sends_once(world: World, log_in: LogIn) -> None:
    cases, client = some(world), log_in(world.support)
    for _time in range(2):
        post(client, cases, body=BODY, step="send", channel="chat", once="b" * 32)
    assert Response.objects.count() == 3


def test_one_that_cannot_be_told_stops_no_other(world: World, log_in: LogIn) -> None:
    cases, client = some(world), log_in(world.support)
    Case.objects.filter(pk=cases[1].pk).update(status="closed")
    page = post(client, cases, body=BODY, step="send", channel="chat", once="c" * 32)
    rows = page.context["rows"]
    assert ([row.done for row in rows], bool(rows[1].problem)) == ([True, False, True], True)


@pytest.mark.parametrize("body", ["(*￣︶￣)", "您好，{coupon}请查收", "您好，{nonsense}请查收"])
def test_what_says_nothing_or_cannot_be_filled_is_sent_to_nobody(world: World, log_in: LogIn, body: str) -> None:
    cases, client = some(world), log_in(world.support)
    page = post(client, cases, body=body, step="send", channel="chat", once="d" * 32)
    assert all(row.problem for row in page.context["rows"])
    assert not Response.objects.exists()


def test_cases_of_another_reason_are_answered_apart(world: World, log_in: LogIn) -> None:
    cases = [*some(world, 2), *some(world, 1, reason="不想要了")]
    page = post(log_in(world.support), cases, body=BODY, step="send", channel="chat", once="e" * 32)
    assert [len(group["cases"]) for group in page.context["alike"]] == [2, 1]
    assert not Response.objects.exists()


def test_cases_of_other_shops_are_left_out(world: World, log_in: LogIn) -> None:
    mine = factories.person("support", world.shop)
    cases = [*some(world, 1), factories.case(world.other_shop)]
    page = post(log_in(mine), cases, body=BODY, step="send", channel="chat", once="f" * 32)
    assert [row.case.pk for row in page.context["rows"]] == [cases[0].pk]


def test_nothing_ticked_says_so(world: World, log_in: LogIn) -> None:
    assert "Tick the cases first." in log_in(world.support).post(RESPOND, follow=True).content.decode()


@pytest.mark.parametrize("role", ["warehouse", "qc", "logistics"])
def test_others_do_not_answer_buyers(world: World, log_in: LogIn, role: str) -> None:
    assert post(log_in(world.people[role]), some(world), body=BODY, step="send").status_code == 403


def test_rows_are_answered_by_themselves_in_the_flow(world: World) -> None:
    first, second = some(world, 2)
    replies = {first.pk: response.Reply("您好，正在核实"), second.pk: response.Reply("???")}
    told = dict(response.respond_many(replies, by=world.support, at=NOON))
    assert (told[first.pk], bool(told[second.pk]), Response.objects.count()) == ("", True, 1)


# Taking many ----------------------------------------------------------------------------------------------------------


def test_ticked_cases_are_taken_and_one_that_is_gone_stops_no_other(world: World, log_in: LogIn) -> None:
    cases = some(world)
    for case in cases:
        owner.put_back(case.pk, by=world.manager, at=NOON)
    owner.claim(cases[1].pk, by=factories.person("support", world.shop), at=NOON)
    body = {"case": [*(case.pk for case in cases), "nonsense", "9" * 30]}
    page = log_in(world.support).post(TAKE, body, follow=True).content.decode()
    assert set(Case.objects.filter(owner=world.support).values_list("pk", flat=True)) == {cases[0].pk, cases[2].pk}
    assert cases[1].refund_id in page


def test_cases_of_other_shops_are_not_taken(world: World, log_in: LogIn) -> None:
    case = factories.case(world.other_shop)
    owner.put_back(case.pk, by=world.manager, at=NOON)
    log_in(factories.person("support", world.shop)).post(TAKE, {"case": [case.pk]})
    assert Case.objects.get().owner is None
