"""One number, exact: refund, order or waybill; one hit opens at once."""

from datetime import timedelta

import pytest
from django.urls import reverse

from handoffs.flow import handoff
from handoffs.flow.handoff import Question
from handoffs.models import Handoff
from tests import factories
from tests.admin.conftest import LogIn
from tests.factories import NOON, World

FIND, LIST = "/find/", "/handoffs/case/"


@pytest.mark.parametrize("where", [FIND, LIST])
@pytest.mark.parametrize("number", ["R900", "O900", "ZTO0001", "'R900", " R900 "])
def test_each_of_its_numbers_opens_the_case(world: World, log_in: LogIn, where: str, number: str) -> None:
    case = factories.case(world.shop, path=2, refund_id="R900", order_id="O900")
    found = log_in(world.support).get(where, {"q": number})
    assert found["Location"] == reverse("admin:handoffs_case_change", args=[case.pk])


@pytest.mark.parametrize("where", [FIND, LIST])
def test_part_of_a_number_finds_nothing_and_says_so(world: World, log_in: LogIn, where: str) -> None:
    factories.case(world.shop, refund_id="R900")
    page = log_in(world.support).get(where, {"q": "R90"})
    assert page.status_code == 200
    assert "R900" not in page.content.decode()


def test_two_cases_on_one_order_are_listed(world: World, log_in: LogIn) -> None:
    for refund_id in ("R901", "R902"):
        factories.case(world.shop, refund_id=refund_id, order_id="O900")
    page = log_in(world.support).get(FIND, {"q": "O900"}).content.decode()
    assert "R901" in page
    assert "R902" in page


def test_a_scanned_waybill_opens_the_one_question_on_it(world: World, log_in: LogIn) -> None:
    case = factories.case(world.shop, path=2)
    asked = handoff.ask(case.pk, Question("recheck_weight"), by=world.support, at=NOON)
    found = log_in(world.warehouse).get(FIND, {"q": "zto0001"})
    assert found["Location"] == reverse("admin:handoffs_handoff_page", args=[asked.pk])


def test_a_number_of_another_shop_is_not_found(world: World, log_in: LogIn) -> None:
    factories.case(world.shop, refund_id="R900")
    stranger = factories.person("support", world.other_shop)
    page = log_in(stranger).get(FIND, {"q": "R900"})
    assert page.status_code == 200
    assert page.context["rows"] == []


def test_the_list_filters_by_shop_path_status_owner_and_lateness(world: World, log_in: LogIn) -> None:
    early = factories.case(world.shop, refund_id="R1", applied_at=NOON - timedelta(minutes=40))
    factories.case(world.other_shop, refund_id="R2", path=3)
    browser = log_in(world.support)

    def listed(**filters: str) -> set[str]:
        return {case.refund_id for case in browser.get(LIST, filters).context["cl"].result_list}

    assert listed() == {"R1", "R2"}
    assert listed(shop=str(world.shop.pk)) == {"R1"}
    assert listed(path__exact="3") == {"R2"}
    assert listed(status__exact="closed") == set()
    assert listed(owner="me") == {"R1", "R2"}
    assert listed(owner="none") == set()
    assert listed(late="yes") == {early.refund_id}


def test_the_list_shows_counterparts_no_amount(world: World, log_in: LogIn) -> None:
    factories.case(world.shop)
    assert "¥50.00" in log_in(world.support).get(LIST).content.decode()
    assert "¥50.00" not in log_in(world.warehouse).get(LIST).content.decode()
    assert Handoff.objects.filter(to_role="warehouse").exists()
