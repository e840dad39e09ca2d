"""Agreeing to pay on Tmall: every row is reviewed first, and a row whose review fails is left out of the call."""

from decimal import Decimal
from typing import Any

import pytest

from handoffs.gateway import Gateway
from handoffs.gateway.top import Call
from handoffs.marketplaces.base import Paid
from tests.marketplaces.conftest import AGREE, REVIEW, Client, Hand, payment
from tests.marketplaces.test_pay import refunds, results


def sent(gateway: Gateway) -> list[str]:
    """The refunds of the one agreement."""
    (call,) = gateway.called(AGREE)
    return [info.partition("|")[0] for info in call.form["refund_infos"].split(",")]


def pay(gateway: Gateway, client: Client, count: int = 3) -> tuple[list[str], list[Paid]]:
    rows = [payment(refund) for refund in refunds(gateway, count, tmall=True)]
    return [row.refund_id for row in rows], client(tmall=True).pay(rows)


def test_reviewed_by_the_operator_then_paid_with_the_phase(gateway: Gateway, client: Client) -> None:
    refund = gateway.add_refund(tmall=True, refund_phase="aftersale")
    assert results(client(tmall=True).pay([payment(refund)])) == ["accepted"]
    review, agree = gateway.called(REVIEW)[0].form, gateway.called(AGREE)[0].form
    assert (review["operator"], review["result"], review["refund_phase"]) == ("客服一号", "true", "aftersale")
    assert agree["refund_infos"] == f"{refund['refund_id']}|10000|{refund['refund_version']}|aftersale"
    assert [call.method for call in gateway.calls] == [REVIEW, AGREE]
    assert gateway.paid == {refund["refund_id"]: [10000]}


def test_the_marketplace_pays_nothing_unreviewed(gateway: Gateway, client: Client) -> None:
    refund = gateway.add_refund(tmall=True)
    infos = f"{refund['refund_id']}|10000|{refund['refund_version']}|onsale"
    answer = client(tmall=True).wire.write(AGREE, {"refund_infos": infos})
    assert answer["results"]["refund_mapping_result"][0]["message"] == "退款单未审核"
    assert gateway.paid == {}


def test_a_review_that_fails_takes_its_row_out(gateway: Gateway, client: Client) -> None:
    one, two, three = refunds(gateway, 3, tmall=True)
    rows = [payment(refund) for refund in (one, two, three)]
    gateway.change(two["refund_id"], reason="质量问题")
    answers = client(tmall=True).pay(rows)
    assert results(answers) == ["accepted", "refused", "accepted"]
    assert answers[1].code == "isv.refund-version-error"
    assert sent(gateway) == [one["refund_id"], three["refund_id"]]


@pytest.mark.parametrize("fault", ["cut_before", "cut_after", "isp", "html"])
def test_a_review_in_doubt_moves_no_money_and_may_be_tried_again(gateway: Gateway, client: Client, fault: str) -> None:
    gateway.faults.add(REVIEW, fault)
    ids, answers = pay(gateway, client)
    assert results(answers) == ["later", "accepted", "accepted"]
    assert sent(gateway) == ids[1:]
    assert sorted(gateway.paid) == sorted(ids[1:])


def test_turned_away_in_the_middle_of_reviews_the_rest_waits(gateway: Gateway, client: Client) -> None:
    rows = [payment(refund) for refund in refunds(gateway, 3, tmall=True)]
    gateway.faults.append(("nothing", "html"))
    gateway.faults.add(REVIEW, "limited", seconds=60)
    assert results(client(tmall=True).pay(rows)) == ["later"] * 3
    assert len(gateway.called(REVIEW)) == 1
    assert gateway.called(AGREE) == []


def test_slow_reviews_leave_the_rest_to_the_next_call(
    gateway: Gateway, client: Client, hand: Hand, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = gateway.taobao.methods[REVIEW]

    def slow(call: Call) -> dict[str, Any]:
        hand.on(seconds=10)
        return real(call)

    monkeypatch.setitem(gateway.taobao.methods, REVIEW, slow)
    ids, answers = pay(gateway, client, 5)
    assert results(answers) == ["accepted"] * 3 + ["later"] * 2
    assert sent(gateway) == ids[:3]


def test_no_operator_no_phase_no_call(gateway: Gateway, client: Client) -> None:
    one, two = refunds(gateway, 2, tmall=True)
    assert results(client(tmall=True, operator="").pay([payment(one)])) == ["refused"]
    assert gateway.calls == []
    answers = client(tmall=True).pay([payment(one, phase=""), payment(two)])
    assert results(answers) == ["refused", "accepted"]


def test_tmalls_caps(gateway: Gateway, client: Client) -> None:
    many = [payment(refund) for refund in refunds(gateway, 31, tmall=True, refund_fee="1.00")]
    with pytest.raises(ValueError, match="31"):
        client(tmall=True).pay(many)
    with pytest.raises(ValueError, match="1"):
        client(tmall=True).pay([payment(gateway.add_refund(tmall=True), amount=Decimal("10000.01"))])
    assert gateway.calls == []
    assert results(client(tmall=True).pay(many[:30])) == ["accepted"] * 30


def test_the_code_step_reviews_again(gateway: Gateway, client: Client) -> None:
    gateway.taobao.till.sms_above = 0
    row = payment(gateway.add_refund(tmall=True))
    assert results(client(tmall=True).pay([row])) == ["needs_code"]
    assert results(client(tmall=True).pay([row], code="123456")) == ["accepted"]
    assert gateway.paid == {row.refund_id: [10000]}
