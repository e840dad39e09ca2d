"""Agreeing to pay on Taobao: one call, fen, caps, an answer for every row and the gateway's ledger beside it."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from handoffs.gateway import Gateway
from handoffs.marketplaces.base import MarketplaceError, Paid, Result, Unknown
from handoffs.marketplaces.taobao.wire import response_key
from tests.marketplaces.conftest import AGREE, Client, payment, sample


def results(answers: list[Paid]) -> list[str]:
    return [answer.result.value for answer in answers]


def refunds(gateway: Gateway, count: int, *, tmall: bool = False, **fields: Any) -> list[dict[str, Any]]:
    return [gateway.add_refund(tmall=tmall, **fields) for _ in range(count)]


def test_rows_are_paid_in_one_call_in_fen_without_the_phase(gateway: Gateway, client: Client) -> None:
    one, two = gateway.add_refund(refund_fee="0.10"), gateway.add_refund(refund_fee="252.77")
    assert results(client().pay([payment(one), payment(two)])) == ["accepted", "accepted"]
    (call,) = gateway.called(AGREE)
    assert call.form["refund_infos"] == ",".join(
        f"{refund['refund_id']}|{fen}|{refund['refund_version']}" for refund, fen in ((one, 10), (two, 25277))
    )
    assert "code" not in call.form
    assert gateway.paid == {one["refund_id"]: [10], two["refund_id"]: [25277]}


@pytest.mark.parametrize("fee", ["0.01", "0.10", "5999.99", "6000.00"])
def test_amounts_at_the_edge(gateway: Gateway, client: Client, fee: str) -> None:
    refund = gateway.add_refund(refund_fee=fee)
    assert results(client().pay([payment(refund)])) == ["accepted"]
    assert gateway.paid[refund["refund_id"]] == [int(fee.replace(".", ""))]


@pytest.mark.parametrize("amount", ["0.001", "100.005", "0", "-1", "6000.01", "NaN"])
def test_an_amount_that_cannot_be_sent_stops_the_call(gateway: Gateway, client: Client, amount: str) -> None:
    refund = gateway.add_refund()
    with pytest.raises(ValueError, match=r".+"):
        client().pay([payment(refund, amount=Decimal(amount))])
    assert gateway.calls == []


def test_more_rows_or_more_money_than_a_call_carries(gateway: Gateway, client: Client) -> None:
    many = [payment(refund) for refund in refunds(gateway, 21, refund_fee="1.00")]
    with pytest.raises(ValueError, match="21"):
        client().pay(many)
    dear = [payment(refund) for refund in refunds(gateway, 3, refund_fee="2000.01")]
    with pytest.raises(ValueError, match="3"):
        client().pay(dear)
    assert gateway.calls == []
    assert results(client().pay(many[:20])) == ["accepted"] * 20


def test_the_same_refund_twice_in_a_call_is_a_mistake(gateway: Gateway, client: Client) -> None:
    one = payment(gateway.add_refund())
    with pytest.raises(ValueError, match="Twice"):
        client().pay([one, replace(one)])
    assert gateway.calls == []


def test_no_rows_are_no_call(gateway: Gateway, client: Client) -> None:
    assert client().pay([]) == []
    assert gateway.calls == []


def test_a_row_without_its_version_is_not_sent_and_the_others_are(gateway: Gateway, client: Client) -> None:
    one, two = refunds(gateway, 2)
    assert results(client().pay([payment(one, version=""), payment(two)])) == ["refused", "accepted"]
    assert list(gateway.paid) == [two["refund_id"]]


def test_some_rows_succeed_and_each_is_told(gateway: Gateway, client: Client) -> None:
    good, stale, paid, closed, other = refunds(gateway, 5)
    rows = [payment(refund) for refund in (stale, paid, good, closed)]
    rows.append(payment(other, amount=Decimal("99.99")))
    gateway.change(stale["refund_id"], reason="质量问题")
    gateway.change(paid["refund_id"], status="SUCCESS")
    gateway.change(closed["refund_id"], status="CLOSED")
    answers = client().pay(rows)
    assert results(answers) == ["refused", "refused", "accepted", "refused", "refused"]
    assert [answer.refund_id for answer in answers] == [row.refund_id for row in rows]
    assert "版本" in answers[0].message
    assert {answer.code for answer in answers} == {"SOME_OP_SUCC"}
    assert gateway.paid == {good["refund_id"]: [10000]}


def test_a_row_that_the_answer_leaves_out_is_unknown(gateway: Gateway, client: Client) -> None:
    one, two = refunds(gateway, 2)
    gateway.taobao.till.forgets = {two["refund_id"]}
    assert results(client().pay([payment(one), payment(two)])) == ["accepted", "unknown"]
    assert two["refund_id"] in gateway.paid


def test_an_answer_without_any_row_is_unknown_whatever_it_says(gateway: Gateway, client: Client) -> None:
    rows = refunds(gateway, 2)
    gateway.taobao.till.forgets = {row["refund_id"] for row in rows}
    assert results(client().pay([payment(row) for row in rows])) == ["unknown", "unknown"]


@pytest.mark.parametrize("as_error", [True, False])
def test_a_high_amount_needs_the_code_that_was_sent(gateway: Gateway, client: Client, *, as_error: bool) -> None:
    gateway.taobao.till.sms_above, gateway.taobao.till.sms_as_error = 15000, as_error
    one, two = refunds(gateway, 2)
    rows = [payment(one), payment(two)]
    answers = client().pay(rows)
    assert results(answers) == ["needs_code", "needs_code"]
    assert "验证码" in answers[0].message
    assert (gateway.taobao.till.sms_sent, gateway.paid) == (1, {})
    assert results(client().pay(rows, code="000000")) == ["needs_code", "needs_code"]
    assert results(client().pay(rows, code=" 123456 ")) == ["accepted", "accepted"]
    assert gateway.paid == {one["refund_id"]: [10000], two["refund_id"]: [10000]}


def test_an_error_of_the_call_is_every_rows_answer(gateway: Gateway, client: Client) -> None:
    rows = [payment(refund) for refund in refunds(gateway, 2)]
    assert results(client(app_secret="wrong").pay(rows)) == ["refused", "refused"]
    gateway.faults.add(AGREE, "limited", seconds=3)
    assert results(client().pay(rows)) == ["later", "later"]
    gateway.taobao.sellers.make_main_account(tmall=False)
    answers = client().pay(rows)
    assert (results(answers), answers[0].code) == (["refused", "refused"], "isv.permission-only-sub-account")
    assert gateway.paid == {}


def test_the_ledger_of_a_trusting_marketplace_shows_who_asks_twice(gateway: Gateway, client: Client) -> None:
    gateway.taobao.till.trusting = True
    row = payment(gateway.add_refund())
    client().pay([row])
    client().pay([row])
    assert gateway.paid == {row.refund_id: [10000, 10000]}


@pytest.mark.parametrize("fault", ["duplicate", "duplicate_last"])
def test_a_call_delivered_twice_pays_once(gateway: Gateway, client: Client, fault: str) -> None:
    row = payment(gateway.add_refund())
    gateway.faults.add(AGREE, fault)
    (answer,) = client().pay([row])
    assert answer.result == (Result.ACCEPTED if fault == "duplicate" else Result.REFUSED)
    assert gateway.paid == {row.refund_id: [10000]}
    assert client().read(row.refund_id).paid


# Answers the gateway does not give ------------------------------------------------------------------------------------


def answered(client: Client, monkeypatch: pytest.MonkeyPatch, content: dict[str, Any], *ids: str) -> list[str]:
    """What becomes of rows when the marketplace answers so."""
    made = client()
    monkeypatch.setattr(made.wire.http, "write", lambda *_: {response_key(AGREE): content})
    refund = {"refund_id": "", "refund_fee": "1.00", "refund_version": "1", "refund_phase": "onsale"}
    return results(made.pay([payment({**refund, "refund_id": name}) for name in ids]))


def test_the_constructed_sample_of_a_partial_success(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    content = sample("rp_refunds_agree.constructed.json")["response_partial"][response_key(AGREE)]
    ids = ("40594600198410", "146535512261065", "7")
    assert answered(client, monkeypatch, content, *ids) == ["refused", "accepted", "unknown"]


def row_of(**fields: Any) -> dict[str, Any]:
    return {"results": {"refund_mapping_result": [{"refund_id": "1", **fields}]}}


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ({"succ": True, "msg_code": "OP_SUCC"}, "unknown"),
        ({"succ": False, "msg_code": "OP_FAILURE_UE", "message": "系统繁忙"}, "unknown"),
        ({"succ": "false", "message": "请输入短信验证码"}, "needs_code"),
        ({"succ": "false", "message": "短信验证码服务超时"}, "unknown"),
        ({"message": "请输入短信验证码", **row_of(succ=False)}, "needs_code"),
        ({"results": {"refund_mapping_result": {"refund_id": 1, "succ": "true"}}}, "accepted"),
        ({"results": [{"refund_id": "1", "succ": True}]}, "accepted"),
        (row_of(), "unknown"),
        (row_of(succ=False, message="调用超时"), "unknown"),
        (row_of(succ=False, message="请输入验证码"), "needs_code"),
        (row_of(succ=False, message="金额不一致"), "refused"),
        ({"results": {"refund_mapping_result": ["1"]}}, "unknown"),
        ({"results": "none"}, "unknown"),
    ],
)
def test_only_a_row_that_says_yes_or_no_is_believed(
    client: Client, monkeypatch: pytest.MonkeyPatch, content: dict[str, Any], expected: str
) -> None:
    assert answered(client, monkeypatch, content, "1") == [expected]


def test_an_error_of_no_known_kind_is_unknown(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    made = client()

    def strange(*_: Any) -> None:
        raise MarketplaceError("?")

    monkeypatch.setattr(made.wire.http, "write", strange)
    refund = {"refund_id": "1", "refund_fee": "1.00", "refund_version": "1", "refund_phase": "onsale"}
    assert results(made.pay([payment(refund)])) == ["unknown"]
    assert issubclass(Unknown, MarketplaceError)
