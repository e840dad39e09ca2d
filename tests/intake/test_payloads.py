"""JSON of the marketplaces: envelopes, exact ids, types, deadlines, the attribute bag (formats.md sections 1 and 2)."""

import json
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from handoffs.intake import attribute, read, top
from handoffs.intake.rows import Reject, Row, Unreadable
from tests.intake.files import DATA

BEIJING = ZoneInfo("Asia/Shanghai")
REFUND: dict[str, Any] = {
    "refund_id": 1465355122610659999, "tid": 1941740619565109999, "oid": 1941740619765109999,
    "status": "WAIT_SELLER_AGREE",
    "refund_fee": "252.77", "total_fee": "300.00", "payment": "47.23", "created": "2026-11-11 08:00:00",
    "modified": "2026-11-11 08:05:00", "has_good_return": False, "good_status": "BUYER_NOT_RECEIVED",
    "order_status": "WAIT_BUYER_CONFIRM_GOODS", "refund_version": 1464764980000, "reason": "协商一致退款",
    "refund_remind_timeout": {"exist_timeout": True, "timeout": "2026-11-13 08:00:00"},
}  # fmt: skip


def row(**changes: Any) -> Row:
    found = top.row(REFUND | changes, 1)
    assert isinstance(found, Row), found
    return found


def test_the_sandbox_sample() -> None:
    rows = [r for r in read(DATA / "top_receive.json") if isinstance(r, Row)]
    assert [(r.refund_id, r.fields["amount"], r.fields["line_id"]) for r in rows] == [
        ("40594600198410", Decimal("110.00"), "194174063521084"),
        ("146535512261065", Decimal("252.77"), "194174061976510"),
    ]
    assert rows[1].fields["order_id"] == "194174061956510"
    assert rows[0].modified == datetime(2016, 8, 3, 11, 52, 22, tzinfo=BEIJING)


def test_ids_of_19_digits_stay_exact(tmp_path: Path) -> None:
    (tmp_path / "f").write_text(json.dumps({"refund_get_response": {"refund": REFUND}}))
    (found,) = read(tmp_path / "f")
    assert isinstance(found, Row)
    assert (found.refund_id, found.fields["order_id"]) == ("1465355122610659999", "1941740619565109999")


def test_payment_is_never_what_the_buyer_paid() -> None:
    assert "paid" not in row().fields
    assert row().fields["total_fee"] == Decimal("300.00")


def test_the_deadline_is_the_marketplaces_and_missing_means_unknown() -> None:
    assert row().fields["marketplace_deadline"] == datetime(2026, 11, 13, 8, tzinfo=BEIJING)
    assert row(refund_remind_timeout={"exist_timeout": False}).fields["marketplace_deadline"] is None
    bare = {k: v for k, v in REFUND.items() if k != "refund_remind_timeout"}
    found = top.row(bare, 1)
    assert isinstance(found, Row)
    assert "marketplace_deadline" not in found.fields


@pytest.mark.parametrize(
    ("changes", "kind", "back"),
    [
        ({}, "refund_only", False),
        ({"has_good_return": "true"}, "return_refund", True),
        ({"dispute_type": "TMALL_EXCHANGE"}, "exchange", False),
        ({"special_refund_type": "priceProtect"}, "price_protect", False),
        ({"dispute_type": "SOMETHING_NEW"}, "SOMETHING_NEW", False),
    ],
)
def test_the_type_of_the_application(changes: dict[str, Any], kind: str, back: bool) -> None:  # noqa: FBT001
    fields = row(**changes).fields
    assert (fields["dispute_type"], fields["has_good_return"]) == (kind, back)


def test_an_unknown_status_is_kept() -> None:
    assert row(status="WAIT_MARTIANS").fields["phase"] == "unknown"


def test_a_null_constraint_is_none_at_all() -> None:
    assert row(operation_contraint="null").fields["operation_constraint"] == ""
    assert row(operation_contraint="cannot_refuse").fields["operation_constraint"] == "cannot_refuse"


@pytest.mark.parametrize(
    ("changes", "field"),
    [({"refund_id": ""}, "refund_id"), ({"refund_fee": "abc"}, "refund_fee"), ({"created": None}, "created"),
     ({"status": ""}, "status"), ({"refund_id": 1.5e18}, "refund_id")],
)  # fmt: skip
def test_a_bad_object_is_rejected_with_its_field(changes: dict[str, Any], field: str) -> None:
    found = top.row(REFUND | changes, 1)
    assert isinstance(found, Reject)
    assert found.field == field


ENVELOPES: list[Any] = [
    {"refunds_receive_get_response": {"refunds": {"refund": [REFUND]}, "total_results": 1}},
    {"refunds_receive_get_response": {"refunds": {"refund": REFUND}}},
    {"refund_get_response": {"refund": REFUND}},
    {"refunds": [REFUND]},
    [REFUND],
    REFUND,
]


@pytest.mark.parametrize("payload", ENVELOPES)
def test_every_envelope_is_opened(tmp_path: Path, payload: Any) -> None:
    (tmp_path / "f").write_text(json.dumps(payload))
    assert [r.refund_id for r in read(tmp_path / "f") if isinstance(r, Row)] == ["1465355122610659999"]


def test_an_empty_response_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "f").write_text('{"refunds_receive_get_response": {"request_id": "x"}}')
    assert list(read(tmp_path / "f")) == []


def test_an_error_response_says_what_the_marketplace_said(tmp_path: Path) -> None:
    (tmp_path / "f").write_text(
        '{"error_response": {"code": 27, "msg": "Invalid session", "sub_msg": "SessionKey非法"}}'
    )
    with pytest.raises(Unreadable, match="27 SessionKey非法"):
        read(tmp_path / "f")


def test_the_attribute_bag_says_who_agreed() -> None:
    bag = attribute.parse(";opRole:daemon;tod:86400000;list:a#3Bb#3Ac;")
    assert bag == {"opRole": "daemon", "tod": "86400000", "list": "a:b;c"}
    assert row(attribute=";twoHoursAutoRefund:1;").fields["agreed_by"] == "auto"


def test_jds_cancelled_orders_come_in_fen_and_know_when_they_are_intercepted(tmp_path: Path) -> None:
    first, _second = [r for r in read(DATA / "jd_cancel.json") if isinstance(r, Row)]
    assert (first.source_kind, first.refund_id, first.fields["order_status"]) == (
        "cancel",
        "1000399977",
        "WAIT_SELLER_SEND_GOODS",
    )
    payload = json.loads((DATA / "jd_cancel.json").read_text(encoding="utf-8"))
    payload["jingdong_pop_afs_soa_refundapply_queryPageList_responce"]["queryResult"]["result"][0] |= {
        "status": 7, "applyRefundSum": 12345}  # fmt: skip
    (tmp_path / "f").write_text(json.dumps(payload))
    moved = next(iter(read(tmp_path / "f")))
    assert isinstance(moved, Row)
    assert (moved.fields["amount"], moved.fields["order_status"]) == (Decimal("123.45"), "SHIPPED")


def test_jds_services_with_their_refund() -> None:
    (found,) = read(DATA / "jd_service.json")
    assert isinstance(found, Row)
    assert (found.refund_id, found.fields["amount"], found.fields["phase"]) == ("123", Decimal("12.30"), "success")
