"""Who held a case for how long: without gaps, from the application to its end, whoever it was with."""

from datetime import timedelta

import pytest
from django.test import Client

from handoffs import sweep
from handoffs.flow import answer, handoff, response, waterfall
from handoffs.flow.response import Reply
from handoffs.models import Case
from tests import factories
from tests.factories import NOON, World

MINUTE = timedelta(minutes=1)


@pytest.fixture
def world(db: None) -> World:
    return factories.world()


def held(case: Case, minutes: int) -> dict[str, int]:
    rows = waterfall.stretches(case, case.timeline.all(), at=NOON + minutes * MINUTE)
    assert rows[0].start == case.applied_at
    assert all(before.end == after.start for before, after in zip(rows, rows[1:], strict=False))
    return {holder: int(length / MINUTE) for holder, length in waterfall.totals(rows).items()}


def asked(case: Case, kind: str, world: World, minutes: int) -> int:
    return handoff.ask(case.pk, handoff.Question(kind), by=world.support, at=NOON + minutes * MINUTE).pk


def test_support_then_logistics_then_support_again(world: World) -> None:
    case = factories.case(world.shop, path=2)
    recall = asked(case, "recall_parcel", world, 6)
    answer.answer(recall, answer.Given("cannot"), by=world.logistics, at=NOON + 118 * MINUTE)
    assert held(case, 120) == {"support": 8, "logistics": 112}


def test_of_two_open_questions_the_elder_holds_it(world: World) -> None:
    case = factories.case(world.shop, path=2)
    first = asked(case, "trace_delivery", world, 10)
    asked(case, "check_shipped", world, 20)
    answer.answer(first, answer.Given("position", by="2026-11-13", data={"position": "上海"}), by=world.logistics,
                  at=NOON + 50 * MINUTE)  # fmt: skip
    assert held(case, 60) == {"support": 10, "logistics": 40, "warehouse": 10}


def test_waiting_for_the_buyer_is_the_buyer_s(world: World) -> None:
    case = factories.case(world.shop, path=4)
    response.respond(case.pk, Reply("您好，请寄回商品"), by=world.support, at=NOON + 5 * MINUTE)
    row = factories.row(case.refund_id, **factories.ON_PATH[4], marketplace_status="WAIT_BUYER_RETURN_GOODS",
                        phase="wait_buyer_return", modified=NOON + 10 * MINUTE)  # fmt: skip
    factories.take(world.shop, row, at=NOON + 10 * MINUTE)
    case.refresh_from_db()
    assert case.status == "waiting_buyer"
    assert held(case, 190) == {"support": 10, "buyer": 180}


def test_a_returned_question_is_the_asker_s_until_it_is_asked_again(world: World) -> None:
    case = factories.case(world.shop, path=2)
    pk = asked(case, "recall_parcel", world, 0)
    handoff.send_back(pk, reason="运单号不对，请核对", by=world.logistics, at=NOON + 10 * MINUTE)
    handoff.send_again(pk, note_text="已核对", by=world.support, at=NOON + 25 * MINUTE)
    assert held(case, 30) == {"logistics": 15, "support": 15}


def test_it_ends_with_the_case(world: World) -> None:
    case = factories.case(world.shop, path=3)
    row = factories.row(case.refund_id, **factories.ON_PATH[3], marketplace_status="CLOSED", phase="closed",
                        modified=NOON + 30 * MINUTE)  # fmt: skip
    factories.take(world.shop, row, at=NOON + 30 * MINUTE)
    case.refresh_from_db()
    assert held(case, 500) == {"support": 30}


def test_the_case_page_shows_it_once_something_was_late(world: World) -> None:
    case = factories.case(world.shop, path=2)
    client = Client()
    client.force_login(world.support, backend="accounts.backends.RoleBackend")
    where = f"/handoffs/case/{case.pk}/change/"
    assert "rd-fall-support" not in client.get(where).content.decode()
    sweep.run(at=NOON + 31 * MINUTE)
    assert "rd-fall-support" in client.get(where).content.decode()
