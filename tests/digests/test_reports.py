"""The measures of domain.md section 8, each with the cases behind it."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

from handoffs import reports, sweep
from handoffs.flow import acts, answer, handoff, response
from handoffs.flow.answer import Given
from handoffs.flow.handoff import Question
from handoffs.flow.response import Reply
from handoffs.models import Case
from handoffs.reports import Span
from tests import factories
from tests.factories import NOON, World

MINUTE = timedelta(minutes=1)
DAY = Span(NOON - timedelta(hours=12), NOON + timedelta(hours=12))
SAID = Reply("您好，已收到您的申请，正在核实")


def shops(world: World) -> list[int]:
    return [world.shop.pk, world.other_shop.pk]


def respond(world: World, case: Case, *, after: int, reply: Reply = SAID) -> None:
    response.respond(case.pk, reply, by=world.support, at=NOON + after * MINUTE)


def test_first_response_rate_counts_clocks_that_ended_or_passed_and_leaves_cancelled_ones_out(world: World) -> None:
    in_time, too_late, ignored, withdrawn, _fresh = (
        factories.case(world.shop, path=3, refund_id=f"50{n}", modified=NOON) for n in range(5)
    )
    respond(world, in_time, after=10)
    sweep.run(at=NOON + 31 * MINUTE)
    respond(world, too_late, after=45)
    gone = factories.row("503", **factories.ON_PATH[3], phase="closed", marketplace_status="CLOSED",
                         modified=NOON + MINUTE)  # fmt: skip
    factories.take(world.shop, gone, at=NOON + 20 * MINUTE)
    fresh_start = Span(NOON - timedelta(hours=1), NOON + 29 * MINUTE)
    early = reports.first_response_rate(shops(world), fresh_start)
    assert (early.met, early.total, early.percent) == (1, 1, 100)
    share = reports.first_response_rate(shops(world), DAY)
    assert (share.met, share.total, share.percent) == (1, 4, 25)
    assert withdrawn not in share.cases
    assert set(share.missed) >= {too_late, ignored}
    assert in_time not in share.missed


def test_identical_text_sent_to_many_is_marked(world: World) -> None:
    cases = [factories.case(world.shop, path=3) for _ in range(3)]
    respond(world, cases[0], after=5)
    response.respond_many({case.pk: Reply(SAID.message, bulk=True) for case in cases[1:]}, by=world.support,
                          at=NOON + 5 * MINUTE)  # fmt: skip
    share = reports.first_response_rate(shops(world), DAY)
    assert (share.met, share.total, share.marked) == (3, 3, 2)


def test_only_the_shops_asked_for_count(world: World) -> None:
    respond(world, factories.case(world.shop, path=3), after=5)
    assert reports.first_response_rate([world.other_shop.pk], DAY).total == 0
    assert reports.first_response_rate([world.other_shop.pk], DAY).percent is None


def test_completion_time_runs_from_application_to_the_marketplaces_confirmation(world: World) -> None:
    for hours in range(1, 11):
        factories.case(
            world.shop, applied_at=NOON - timedelta(hours=hours), ended_at=NOON, phase="success",
            marketplace_status="SUCCESS", modified=NOON,
        )  # fmt: skip
    took = reports.completion_time(shops(world), DAY)
    assert (took.count, took.median, took.p90) == (10, timedelta(hours=5), timedelta(hours=9))
    assert took.cases.count() == 10
    assert reports.completion_time(shops(world), Span(NOON + MINUTE, NOON + 2 * MINUTE)).median is None


def test_on_time_share_of_a_lane_is_handoffs_answered_in_time_of_handoffs_due(world: World) -> None:
    prompt, tardy, silent, future = (
        factories.case(world.shop, path=2, outbound=[("中通快递", f"ZTO{n}")]) for n in range(4)
    )
    asked = [handoff.ask(c.pk, Question("recall_parcel"), by=world.support, at=NOON) for c in (prompt, tardy, silent)]
    handoff.ask(future.pk, Question("recall_parcel"), by=world.support, at=NOON + timedelta(hours=11))
    answer.answer(asked[0].pk, Given("cannot"), by=world.logistics, at=NOON + 30 * MINUTE)
    sweep.run(at=NOON + timedelta(hours=2, minutes=1))
    answer.answer(asked[1].pk, Given("cannot"), by=world.logistics, at=NOON + timedelta(hours=3))
    (lane,) = reports.on_time_by_lane(shops(world), DAY)
    assert (lane.key, lane.share.met, lane.share.total) == (("support", "logistics"), 1, 3)
    assert set(lane.share.missed) == {tardy, silent}
    (carrier,) = reports.on_time_by_carrier(shops(world), DAY)
    assert (carrier.label, carrier.share.percent) == ("ZTO", 33)
    people = {part.label: (part.share.met, part.share.total) for part in reports.on_time_by_person(shops(world), DAY)}
    assert people["Logistics"] == (1, 3)


def test_first_responses_count_for_the_owner(world: World) -> None:
    respond(world, factories.case(world.shop, path=3), after=5)
    (part,) = reports.on_time_by_person(shops(world), DAY)
    assert (part.label, part.share.met) == ("Support", 1)


def test_exposure_is_money_gone_while_the_goods_are_neither_back_nor_stopped_nor_claimed_nor_waived(
    world: World,
) -> None:
    paid: dict[str, Any] = {"phase": "success", "marketplace_status": "SUCCESS", "modified": NOON, "ended_at": NOON}
    on_the_way, waived, claimed = (
        factories.case(world.shop, path=2, amount=Decimal("80.00"), outbound=[("中通快递", f"ZTO{n}")], **paid)
        for n in range(3)
    )
    factories.case(world.shop, path=3, **paid)
    assert reports.exposure(shops(world)).count == 3
    acts.perform(waived.pk, "waive_goods", {"reason": "金额很小，不再追回"}, by=world.supervisor, at=NOON)
    acts.perform(claimed.pk, "open_claim", {}, by=world.support, at=NOON)
    out = reports.exposure(shops(world))
    assert (out.count, out.amount, list(out.cases)) == (1, Decimal("80.00"), [on_the_way])


def test_the_measures_take_a_fixed_number_of_statements(world: World, django_assert_max_num_queries: object) -> None:
    for n in range(12):
        respond(world, factories.case(world.shop, path=3), after=n)
    with django_assert_max_num_queries(4):  # type: ignore[operator]
        reports.first_response_rate(shops(world), DAY)
    with django_assert_max_num_queries(2):  # type: ignore[operator]
        reports.on_time_by_person(shops(world), DAY)
