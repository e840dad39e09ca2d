"""Which path a case is on (domain.md section 2): every rule, in its order, and what outranks what."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from handoffs.flow import acts, path
from handoffs.flow.path import Evidence, judge
from handoffs.models import Case, Fact
from tests import factories
from tests.factories import NOON, World

PLAIN = Evidence(
    "refund", "refund_only", "WAIT_SELLER_AGREE", "BUYER_NOT_RECEIVED", "WAIT_SELLER_SEND_GOODS", has_good_return=False
)
ANSWER, EVENT = Fact.Rank.ANSWER.value, Fact.Rank.EVENT.value

RULES: list[tuple[str, dict[str, Any], int | None]] = [
    ("an exchange is no ordinary refund", {"dispute_type": "exchange"}, None),
    ("a repair is no ordinary refund", {"dispute_type": "repair"}, None),
    ("reshipping is no ordinary refund", {"dispute_type": "reship"}, None),
    ("price protection moves no goods", {"dispute_type": "price_protect"}, None),
    ("an exchange stays none though goods come back", {"dispute_type": "exchange", "has_good_return": True}, None),
    ("an unknown type", {"dispute_type": "神秘类型"}, None),
    ("an unknown status", {"marketplace_status": "WAIT_MARTIANS"}, None),
    ("an unknown order status", {"order_status": "SOMEWHERE"}, None),
    ("an unknown claim", {"good_status": "BUYER_UNSURE"}, None),
    ("goods to return", {"has_good_return": True}, 4),
    ("the buyer returned the goods", {"good_status": "BUYER_RETURNED_GOODS", "order_status": ""}, 4),
    ("an offline return was agreed", {"return_agreed": True}, 4),
    ("not shipped", {}, 1),
    ("not shipped, yet the buyer has it", {"good_status": "BUYER_RECEIVED"}, None),
    ("received", {"order_status": "WAIT_BUYER_CONFIRM_GOODS", "good_status": "BUYER_RECEIVED"}, 3),
    ("signed for, cash on delivery", {"order_status": "TRADE_BUYER_SIGNED"}, 3),
    ("shipped, not received", {"order_status": "WAIT_BUYER_CONFIRM_GOODS"}, 2),
    ("finished, not received", {"order_status": "TRADE_FINISHED"}, 2),
    ("shipped, and no claim", {"order_status": "WAIT_BUYER_CONFIRM_GOODS", "good_status": ""}, None),
    ("part-shipped without facts", {"order_status": "SELLER_CONSIGNED_PART"}, None),
    ("part-shipped, the buyer has it", {"order_status": "SELLER_CONSIGNED_PART", "good_status": "BUYER_RECEIVED"}, 3),
    ("nothing is known", {"order_status": "", "good_status": ""}, None),
    ("an answer outranks the order status", {"facts": ((ANSWER, "left"),)}, 2),
    ("an event outranks an answer", {"facts": ((ANSWER, "left"), (EVENT, "delivered"))}, 3),
    ("an event outranks the claim", {"order_status": "SHIPPED", "good_status": "BUYER_RECEIVED",
                                     "facts": ((EVENT, "in_transit"),)}, 2),
    ("stopped before it left", {"facts": ((ANSWER, "stopped"),)}, 1),
    ("a fact settles an unknown order status", {"order_status": "SOMEWHERE", "facts": ((ANSWER, "left"),)}, 2),
    ("a promise to bring it back", {"facts": ((ANSWER, "will_return"),)}, 2),
    ("lost", {"facts": ((EVENT, "lost"),)}, 2),
    ("JD: return", {"source_kind": "service", "has_good_return": True, "order_status": ""}, 4),
    ("JD: refund only, not out", {"source_kind": "service", "good_status": ""}, 1),
    ("JD: refund only, out", {"source_kind": "service", "good_status": "", "order_status": "SHIPPED"}, 2),
    ("JD: refund only, delivered", {"source_kind": "service", "good_status": "", "order_status": "DELIVERED"}, 3),
    ("JD: cancelled order", {"source_kind": "cancel", "dispute_type": "cancel_order", "good_status": ""}, 1),
    ("JD: cancelled, being intercepted", {"source_kind": "cancel", "dispute_type": "cancel_order", "good_status": "",
                                          "order_status": "SHIPPED"}, 2),
]  # fmt: skip


@pytest.mark.parametrize(("case", "facts", "expected"), RULES, ids=[name for name, _facts, _path in RULES])
def test_the_rules_give_the_path(case: str, facts: dict[str, Any], expected: int | None) -> None:
    assert judge(replace(PLAIN, **facts)).path == expected


def test_an_unknown_value_is_named_in_the_explanation() -> None:
    verdict = judge(replace(PLAIN, order_status="ON_THE_MOON"))
    assert verdict.rule == "unknown_value"
    assert verdict.facts["unknown"] == {"order_status": "ON_THE_MOON"}


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({"order_status": "SHIPPED", "facts": ((EVENT, "delivered"),)}, "buyer_denies"),
        ({"good_status": "BUYER_RECEIVED", "facts": ((EVENT, "in_transit"),)}, "buyer_has_it"),
        ({"facts": ((ANSWER, "left"),)}, "left_before_system"),
        ({"outbound_known": True}, "waybill_before_shipping"),
        ({}, ""),
    ],
)
def test_a_contradiction_is_shown(facts: dict[str, Any], expected: str) -> None:
    assert judge(replace(PLAIN, **facts)).contradiction == expected


def test_a_settled_case_keeps_its_path_when_the_order_reads_closed(world: World) -> None:
    case = factories.case(world.shop, path=3)
    closed = factories.row(
        case.refund_id, order_id=case.order_id, line_id=case.line_id, phase="success", marketplace_status="SUCCESS",
        order_status="TRADE_CLOSED", good_status="BUYER_RECEIVED", modified=NOON + timedelta(hours=1),
    )  # fmt: skip
    factories.take(world.shop, closed, at=NOON + timedelta(hours=2))
    case.refresh_from_db()
    assert (case.path, case.phase) == (3, "success")


def test_a_parcel_event_recomputes_the_path_and_is_explained(world: World) -> None:
    case = factories.case(world.shop, path=2)
    values = {"what": "delivered", "waybill": "ZTO0001"}
    acts.perform(case.pk, "parcel_event", values, by=world.support, at=NOON + timedelta(minutes=5))
    case.refresh_from_db()
    assert case.path == Case.Path.REFUND_ONLY
    assert case.contradiction == "buyer_denies"
    assert "signed for" in path.why(case)
    moved = case.timeline.get(kind="path_changed")
    assert (moved.data["from"], moved.data["to"], moved.by) == (2, 3, world.support)


def test_an_import_never_undoes_a_higher_fact(world: World) -> None:
    case = factories.case(world.shop, path=2)
    acts.perform(case.pk, "parcel_event", {"what": "delivered"}, by=world.support, at=NOON)
    again = factories.row(
        case.refund_id, **(factories.ON_PATH[2] | {"order_id": case.order_id, "line_id": case.line_id}),
        modified=NOON + timedelta(minutes=9), description="还没收到",
    )  # fmt: skip
    factories.take(world.shop, again, at=NOON + timedelta(minutes=10))
    case.refresh_from_db()
    assert (case.path, case.goods) == (3, "with_buyer")


def test_a_path_that_changes_withdraws_what_no_longer_applies_and_tells_the_holder(world: World) -> None:
    case = factories.case(world.shop, path=1)
    stop = case.handoffs.get(kind="stop_parcel")
    shipped = factories.row(
        case.refund_id, order_id=case.order_id, line_id=case.line_id, order_status="WAIT_BUYER_CONFIRM_GOODS",
        modified=NOON + timedelta(minutes=10),
    )  # fmt: skip
    factories.take(world.shop, shipped, at=NOON + timedelta(minutes=10))
    stop.refresh_from_db()
    case.refresh_from_db()
    assert (case.path, stop.status) == (2, "withdrawn")
    assert case.handoffs.filter(kind="recall_parcel", status="open").exists()
    assert world.warehouse.messages.filter(kind="withdrawn", case=case).count() == 1
