"""TOP's envelope: lists in their wrappers, lone objects, missing lists, exact ids."""

import json
from decimal import Decimal
from typing import Any

import pytest

from handoffs.marketplaces.base import Later, Refused, Unknown
from handoffs.marketplaces.http import NoAnswer, _opened
from handoffs.marketplaces.taobao.states import state_of
from handoffs.marketplaces.taobao.wire import insist, json_of, listed, moment_of, response_key, said, text_of, truth
from tests.marketplaces.conftest import LIST, NOON, Client, sample

ONE = {"refund_id": "1"}


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ({"refunds": {"refund": [ONE, ONE]}}, [ONE, ONE]),
        ({"refunds": {"refund": ONE}}, [ONE]),
        ({"refunds": [ONE]}, [ONE]),
        ({"refunds": ONE}, [ONE]),
        ({"refunds": {"refund": []}}, []),
        ({"refunds": {}}, []),
        ({"refunds": None}, []),
        ({}, []),
    ],
)
def test_a_list_in_every_form(content: dict[str, Any], expected: list[Any]) -> None:
    assert listed(content, "refunds", "refund") == expected


def test_the_sandbox_list_is_read() -> None:
    content = sample("refunds_receive_get.sandbox2016.json")[response_key(LIST)]
    first, second = (state_of(row) for row in listed(content, "refunds", "refund"))
    assert (first.refund_id, first.amount, first.version) == ("40594600198410", Decimal("110.00"), "")
    assert (second.refund_id, second.status, second.phase) == ("146535512261065", "WAIT_SELLER_AGREE", "onsale")
    assert second.modified is not None
    assert said(second.modified) == "2016-06-01 15:09:40"


def test_ids_of_19_digits_and_amounts_stay_exact() -> None:
    row = _opened(b'{"tid": 9223372036854775807, "refund_fee": 110.10, "big": 1234567890123456789}')
    assert row == {"tid": 9223372036854775807, "refund_fee": "110.10", "big": 1234567890123456789}


@pytest.mark.parametrize("body", [b"", b"<html>", b"[1]", b"null", b'{"a": NaN}', b'{"a":', b"\xff\xfe", b"[" * 99999])
def test_what_is_no_object_is_no_answer(body: bytes) -> None:
    with pytest.raises(NoAnswer):
        _opened(body)


def test_an_answer_to_another_call_is_none(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    wire = client().wire
    answers = {"other_response": {}, "error_response": "words"}
    monkeypatch.setattr(wire.http, "read", lambda *_: answers)
    monkeypatch.setattr(wire.http, "write", lambda *_: answers)
    with pytest.raises(Later):
        wire.read(LIST, {})
    with pytest.raises(Unknown):
        wire.write("taobao.refund.refuse", {})


def test_a_flag_that_says_no() -> None:
    insist({"is_success": "true"}, "is_success")
    insist({}, "is_success")
    with pytest.raises(Refused):
        insist({"is_success": False}, "is_success")
    with pytest.raises(Unknown):
        insist({"ok": "false", "code": "isp.x", "text": "?"}, "ok", why=("code", "text"))
    with pytest.raises(Unknown):
        insist({}, "is_success", silent=False)


def test_values_as_the_wire_has_them() -> None:
    assert [text_of(value) for value in (True, False, None, 0, 12, "x")] == ["true", "false", "", "0", "12", "x"]
    assert [truth(value) for value in (True, "true", "FALSE", False, 1, None)] == [True, True, False, False, None, None]
    assert json.loads(json_of({"a": 1, "b": None, "c": "字"})) == {"a": 1, "c": "字"}
    assert said(NOON) == "2026-11-11 12:00:00"
    assert moment_of(said(NOON)) == NOON
    assert moment_of("soon") is None


@pytest.mark.parametrize(
    ("status", "kind", "paid", "closed", "unmapped"),
    [
        ("WAIT_SELLER_AGREE", "REFUND", False, False, False),
        ("SELLER_REFUSE_BUYER", "REFUND", False, False, False),
        ("SUCCESS", "REFUND", True, False, False),
        ("SUCCESS", "", True, False, False),
        ("SUCCESS", "TMALL_EXCHANGE", False, True, False),
        ("CLOSED", "REFUND", False, True, False),
        ("SOMETHING_NEW", "REFUND", False, False, True),
        ("", "REFUND", False, False, True),
    ],
)
def test_what_a_status_says_of_the_money(status: str, kind: str, *, paid: bool, closed: bool, unmapped: bool) -> None:
    raw = {"refund_id": 1, "status": status, "dispute_type": kind, "refund_fee": "?"}
    state = state_of(raw)
    assert (state.paid, state.closed, state.unmapped, state.amount) == (paid, closed, unmapped, None)
    assert state.raw == raw
