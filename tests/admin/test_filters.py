"""Filters stand in the address, keep what they say on every page, show nobody more, and say when they hide rows."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
import time_machine
from django.test import Client

from accounts.models import Membership, User
from handoffs.admin import filters, narrowing
from handoffs.admin.filters import Scope
from handoffs.flow import decision, handoff, owner, response
from handoffs.flow.handoff import Question
from handoffs.flow.proposal import Proposal
from handoffs.flow.response import Reply
from handoffs.models import Case, Handoff
from handoffs.models.view import Page
from tests import factories
from tests.admin.conftest import LogIn
from tests.factories import NOON, World

HOME, CASES, QUESTIONS = "/", "/handoffs/case/", "/questions/"
HOUR = timedelta(hours=1)


def listed(client: Client, **asked: Any) -> set[str]:
    return {row.case.refund_id for row in client.get(CASES, asked).context["rows"]}


def at_home(client: Client, **asked: Any) -> set[str]:
    sections = client.get(HOME, asked).context["sections"]
    return {row.case.refund_id for section in sections if section.kind == "cases" for row in section.rows}


def asked_at(client: Client, where: str = HOME, **asked: Any) -> list[str]:
    context = client.get(where, asked).context
    if where == QUESTIONS:
        return [row.handoff.kind for row in context["rows"]]
    return [row.handoff.kind for one in context["sections"] if one.kind == "questions" for row in one.rows]


@pytest.fixture
def four(world: World) -> dict[str, Case]:
    """A late one; one on path 3 that was answered; one of the other shop without an owner; one that is closed."""
    late = factories.case(world.shop, refund_id="late", applied_at=NOON - timedelta(minutes=40))
    told = factories.case(world.shop, refund_id="told", path=3, reason="质量问题")
    response.respond(told.pk, Reply("您好，正在为您核实"), by=world.support, at=NOON)
    loose = factories.case(world.other_shop, refund_id="loose")
    owner.put_back(loose.pk, by=world.manager, at=NOON)
    shut = factories.case(world.shop, refund_id="shut", path=2)
    Case.objects.filter(pk=shut.pk).update(status="closed")
    return {"late": late, "told": told, "loose": loose, "shut": shut}


OPEN = {"late", "told", "loose"}


KEPT: list[tuple[dict[str, str], set[str]]] = [
    ({"late": "yes"}, {"late"}),
    ({"late": "1"}, {"loose"}),
    ({"path": "3"}, {"told"}),
    ({"path": "none"}, set()),
    ({"status": "open"}, OPEN),
    ({"status": "new"}, {"late", "loose"}),
    ({"owner": "none"}, {"loose"}),
    ({"owner": "me"}, {"late", "told", "shut"}),
    ({"waiting": "response"}, {"late", "loose", "shut"}),
    ({"waiting": "warehouse"}, {"late", "loose"}),
    ({"kind": "stop_parcel"}, {"late", "loose"}),
    ({"kind": "recall_parcel"}, set()),
    ({"reason": "质量"}, {"told"}),
    ({"late": "yes", "path": "1"}, {"late"}),
    ({"late": "yes", "path": "3"}, set()),
    ({"path__exact": "3"}, {"told"}),
    ({"all": "1"}, {*OPEN, "shut"}),
]


def test_each_filter_keeps_what_it_says_on_the_list_and_at_home(
    world: World, log_in: LogIn, four: dict[str, Case]
) -> None:
    client = log_in(world.support)
    for asked, kept in KEPT:
        assert (asked, listed(client, **asked)) == (asked, kept)
        assert (asked, at_home(client, **asked)) == (asked, kept & OPEN)


def test_a_shop_and_an_owner_are_chosen_by_number(world: World, log_in: LogIn, four: dict[str, Case]) -> None:
    client = log_in(world.support)
    assert listed(client, shop=world.other_shop.pk) == {"loose"}
    assert listed(client, owner=world.support.pk) == {"late", "told", "shut"}
    assert listed(client, owner=world.manager.pk) == set()


@pytest.mark.parametrize("where", [HOME, CASES, QUESTIONS])
def test_a_value_that_is_none_keeps_nothing_and_is_shown(
    world: World, log_in: LogIn, four: dict[str, Case], where: str
) -> None:
    client = log_in(world.support)
    for name, value in (("path", "9"), ("path", "x"), ("late", "-1"), ("shop", "999"), ("owner", "0"),
                        ("kind", "nonsense"), ("status", "'"), ("risk", "2")):  # fmt: skip
        page = client.get(where, {name: value})
        rows = [row for one in page.context["sections"] for row in one.rows] if where == HOME else page.context["rows"]
        assert (page.status_code, page.context["only"].chips[0].label, rows) == (200, value, []), (name, value)


def test_questions_are_kept_by_their_own_deadline_person_and_kind(
    world: World, log_in: LogIn, clock: time_machine.Traveller
) -> None:
    case = factories.case(world.shop, path=2)
    factories.case(world.shop)
    handoff.ask(case.pk, Question("check_shipped"), by=world.support, at=NOON)
    handoff.ask(case.pk, Question("recheck_weight"), by=world.support, at=NOON)
    clock.move_to(NOON + timedelta(minutes=45))
    client = log_in(world.warehouse)
    for where in (HOME, QUESTIONS):
        assert sorted(asked_at(client, where, late="yes")) == ["check_shipped", "stop_parcel"]
        assert asked_at(client, where, late="4") == ["recheck_weight"]
        assert asked_at(client, where, kind="stop_parcel") == ["stop_parcel"]
        assert asked_at(client, where, path="1") == ["stop_parcel"]
        assert asked_at(client, where, owner="none") == []
        assert len(asked_at(client, where, owner="me")) == 3


# Nobody sees more -----------------------------------------------------------------------------------------------------


def test_no_filter_shows_what_belongs_to_others(world: World, log_in: LogIn, four: dict[str, Case]) -> None:
    stranger = factories.person("support", world.other_shop)
    client = log_in(stranger)
    for asked in ({"shop": world.shop.pk}, {"owner": world.support.pk, "shop": world.shop.pk}, {"path": "3"}):
        assert listed(client, **asked) == set()
    assert listed(client, status="open") == {"loose"}


def test_counterparts_do_not_learn_of_approvals_by_filtering(world: World, log_in: LogIn) -> None:
    case = factories.case(world.shop, path=3, amount=Decimal(250), total_fee=Decimal(250))
    decision.propose(case.pk, Proposal("full_refund", "同意退款"), by=world.support, at=NOON)
    handoff.ask(case.pk, Question("check_shipped"), by=world.support, at=NOON)
    for person, seen in ((world.supervisor, {case.refund_id}), (world.warehouse, set())):
        client = log_in(person)
        assert listed(client) == {case.refund_id}
        assert listed(client, kind="approve_refund") == seen
        assert listed(client, waiting="supervisor") == seen


@pytest.mark.parametrize("asked", [{"risk": "4"}, {"risk": "exposed"}, {"broken": "support"}, {"reach": "lead"}])
def test_filters_on_money_are_the_desk_s(world: World, log_in: LogIn, asked: dict[str, str]) -> None:
    factories.case(world.shop, marketplace_deadline=NOON + HOUR)
    page = log_in(world.warehouse).get(CASES, asked)
    assert (page.status_code, page.context["rows"]) == (200, [])
    assert not {field.name for field in page.context["only"].fields} & set(asked)


@pytest.mark.slow
def test_every_choice_of_every_filter_can_be_asked_for(world: World, four: dict[str, Case]) -> None:
    for role in world.people:
        scope = Scope(User.objects.get(pk=world.people[role].pk), NOON)
        for page in Page.values:
            for each in narrowing.Narrowing(page, scope).offered:
                for choice in each.choices(scope):
                    only = narrowing.Narrowing(page, scope, {each.name: choice.value})
                    narrowing.counted(only.cases(Case.objects.all()))
                    narrowing.counted(only.questions(Handoff.objects.all()))


def test_names_in_addresses_are_used_once() -> None:
    assert len(set(filters.NAMES)) == len(filters.NAMES)


# Empty pages ----------------------------------------------------------------------------------------------------------


def test_an_empty_page_names_the_filter_that_hides_rows(world: World, log_in: LogIn, four: dict[str, Case]) -> None:
    page = log_in(world.support).get(CASES, {"late": "yes", "path": "3", "reason": "质量"})
    hiding = {(str(chip.title), chip.hides, chip.clear) for chip in page.context["hiding"]}
    assert hiding == {("due", "1", "?path=3&reason=%E8%B4%A8%E9%87%8F")}
    assert "?path=3&amp;reason=%E8%B4%A8%E9%87%8F" in page.content.decode()


def test_an_empty_home_names_the_filter_that_hides_rows(world: World, log_in: LogIn, four: dict[str, Case]) -> None:
    client = log_in(world.support)
    page = client.get(HOME, {"late": "12", "path": "3"})
    assert {(str(chip.title), chip.hides) for chip in page.context["hiding"]} == {("due", "1"), ("path", "1")}
    assert "No row fits all the filters." in page.content.decode()
    assert "No row fits" not in client.get(HOME).content.decode()


def test_a_queue_that_filters_empty_says_how_many_they_hide(world: World, log_in: LogIn, four: dict[str, Case]) -> None:
    page = log_in(world.support).get(HOME, {"late": "yes"})
    hidden = {section.key: section.hidden for section in page.context["sections"]}
    assert hidden == {"mine": "", "open": "1"}
    assert "The filters hide 1 here." in page.content.decode()


def test_where_nothing_is_hidden_the_ordinary_words_stand(world: World, log_in: LogIn) -> None:
    page = log_in(world.support).get(HOME).content.decode()
    assert "Every case has an owner." in page
    assert "There is no case yet." in log_in(world.support).get(CASES).content.decode()


# Addresses ------------------------------------------------------------------------------------------------------------


def test_one_set_of_filters_is_one_address(world: World, log_in: LogIn) -> None:
    client = log_in(world.support)
    queries = {
        client.get(f"/?{text}").context["only"].query for text in ("path=1&late=yes", "late=yes&path=1&x=2&kind=")
    }
    assert queries == {"late=yes&path=1"}


def test_filters_survive_paging(world: World, log_in: LogIn) -> None:
    factories.take(world.shop, *(factories.row() for _ in range(53)))
    factories.case(world.shop, path=3)
    client = log_in(world.support)
    first = client.get(CASES, {"path": "1"})
    pages = first.context["pages"]
    assert (len(first.context["rows"]), pages.total, pages.last, pages.after) == (50, "53", 2, "?path=1&p=2")
    second = client.get(CASES + pages.after)
    assert (len(second.context["rows"]), second.context["pages"].before) == (3, "?path=1&p=1")


def test_questions_are_turned_page_by_page(world: World, log_in: LogIn) -> None:
    factories.take(world.shop, *(factories.row() for _ in range(52)))
    client = log_in(world.warehouse)
    page = client.get(QUESTIONS, {"kind": "stop_parcel"})
    assert page.context["pages"].after == "?kind=stop_parcel&p=2"
    assert len(client.get(QUESTIONS + page.context["pages"].after).context["rows"]) == 2
    assert len(client.get(QUESTIONS, {"p": "x"}).context["rows"]) == 50


# Fetched anew ---------------------------------------------------------------------------------------------------------


def fetched(client: Client, where: str, stamp: str = "") -> tuple[int, str]:
    got = client.get(where, headers={"X-Live": "1"} | ({"If-None-Match": stamp} if stamp else {}))
    return got.status_code, got["ETag"]


@pytest.mark.parametrize("where", [HOME, CASES])
def test_an_unchanged_narrowed_queue_answers_304(
    world: World, log_in: LogIn, clock: time_machine.Traveller, where: str
) -> None:
    factories.case(world.shop)
    client = log_in(world.support)
    client.get(where)
    address = f"{where}?path=1"
    _status, stamp = fetched(client, address)
    assert fetched(client, address, stamp) == (304, stamp)
    clock.shift(timedelta(minutes=1))
    assert fetched(client, address, stamp)[0] == 304
    factories.case(world.shop)
    assert fetched(client, address, stamp)[0] == 200


@pytest.mark.parametrize("where", [HOME, CASES, QUESTIONS])
def test_a_stamp_holds_for_the_filters_it_was_given_for(world: World, log_in: LogIn, where: str) -> None:
    factories.case(world.shop)
    client = log_in(world.support)
    client.get(where)
    _status, stamp = fetched(client, f"{where}?path=1")
    assert fetched(client, f"{where}?path=3", stamp)[0] == 200
    assert fetched(client, where, stamp)[0] == 200


@pytest.mark.parametrize("where", [HOME, CASES, QUESTIONS])
def test_what_only_time_brings_into_a_narrowed_queue_is_seen(
    world: World, log_in: LogIn, clock: time_machine.Traveller, where: str
) -> None:
    factories.case(world.shop)
    client = log_in(world.support)
    client.get(where)
    _status, stamp = fetched(client, f"{where}?late=yes")
    clock.move_to(NOON + timedelta(minutes=31))  # and no sweep has passed
    assert fetched(client, f"{where}?late=yes", stamp)[0] == 200


def test_what_the_filters_keep_out_changes_nothing(world: World, log_in: LogIn, clock: time_machine.Traveller) -> None:
    factories.case(world.shop)
    client = log_in(world.support)
    client.get(HOME)
    _status, stamp = fetched(client, "/?path=1")
    factories.case(world.shop, path=3)
    clock.shift(timedelta(seconds=21))
    assert fetched(client, "/?path=1", stamp)[0] == 304


# What is lost first ---------------------------------------------------------------------------------------------------


def test_a_question_stands_where_its_promise_or_the_money_is_lost_first(world: World, log_in: LogIn) -> None:
    calm = factories.case(world.shop, path=2, outbound=[("中通快递", "Z1")])
    pressed = factories.case(world.shop, path=2, outbound=[("中通快递", "Z2")], marketplace_deadline=NOON + HOUR / 4)
    for case, kind in ((calm, "check_shipped"), (pressed, "recheck_weight")):
        handoff.ask(case.pk, Question(kind), by=world.support, at=NOON)
    assert asked_at(log_in(world.warehouse)) == ["recheck_weight", "check_shipped"]
    told = {**factories.ON_PATH[2], "outbound": [("中通快递", "Z2")], "line_id": pressed.line_id, "applied_at": NOON}
    later = factories.row(pressed.refund_id, order_id=pressed.order_id, marketplace_deadline=NOON + 9 * HOUR, **told)
    factories.take(world.shop, later, at=NOON, as_of=NOON + HOUR)  # the marketplace gives more time
    assert asked_at(log_in(world.warehouse)) == ["check_shipped", "recheck_weight"]


def test_a_case_stands_where_the_marketplace_s_deadline_puts_it(world: World, log_in: LogIn) -> None:
    factories.case(world.shop, refund_id="calm")
    factories.case(world.shop, refund_id="pressed", marketplace_deadline=NOON + timedelta(minutes=5))
    rows = log_in(world.support).get(CASES).context["rows"]
    assert [row.case.refund_id for row in rows] == ["pressed", "calm"]


def test_whoever_has_two_roles_gets_the_filters_of_both(world: World, log_in: LogIn) -> None:
    Membership.objects.create(user=world.warehouse, role="support", shop=world.shop)
    user = User.objects.get(pk=world.warehouse.pk)
    names = {field.name for field in log_in(user).get(HOME).context["only"].fields}
    assert {"risk", "kind", "late"} <= names
