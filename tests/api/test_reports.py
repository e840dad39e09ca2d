"""The measures by API: the same numbers as the page, for the shops one supervises."""

from datetime import timedelta

import pytest

from handoffs import sweep
from handoffs.flow import response
from handoffs.flow.response import Reply
from tests import factories
from tests.api.conftest import Caller
from tests.factories import NOON, World

HERE = "/api/v1/reports/"


def test_the_numbers_of_the_page(world: World, call: Caller) -> None:
    early = NOON - timedelta(hours=1)
    met, _late = factories.case(world.shop, at=early), factories.case(world.shop, at=early)
    response.respond(met.pk, Reply("您好，正在为您核实"), by=world.support, at=early + timedelta(minutes=5))
    sweep.run(at=NOON)
    found = call(world.manager).get(HERE, {"days": 1, "shop": world.shop.code}).json()
    assert found["first_response"] == {"met": 1, "total": 2, "percent": 50}
    assert (found["completed"], found["median"]) == (0, None)
    assert {part["label"] for part in found["lanes"]}
    elsewhere = call(world.manager).get(HERE, {"shop": world.other_shop.code}).json()
    assert elsewhere["first_response"]["total"] == 0


@pytest.mark.parametrize("query", [{"days": "5"}, {"days": "x"}])
def test_a_span_that_is_none_is_declined(world: World, call: Caller, query: dict[str, str]) -> None:
    assert call(world.manager).get(HERE, query).status_code == 400


def test_the_shop_of_somebody_else_gives_nothing(world: World, call: Caller) -> None:
    factories.case(world.shop, at=NOON - timedelta(hours=2))
    sweep.run(at=NOON)
    mine = factories.person("manager", world.other_shop)
    assert call(mine).get(HERE, {"shop": world.shop.code}).json()["first_response"]["total"] == 0
