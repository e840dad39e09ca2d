"""Agreeing to a cancelled order at JD: once, and with an honest answer whatever breaks."""

import json
from decimal import Decimal
from typing import Any

import pytest

from handoffs.gateway import Gateway
from handoffs.marketplaces.base import Paid, Refused, Result, Unknown
from handoffs.marketplaces.jd.replies import Reject, Reply, Review
from tests.marketplaces.conftest import Hand
from tests.marketplaces.jd_shop import REPLY, JdShop, payment


@pytest.fixture
def shop(gateway: Gateway, hand: Hand) -> JdShop:
    return JdShop(gateway, hand)


def pay(shop: JdShop, row: dict[str, Any], **other: Any) -> Paid:
    (answer,) = shop.client(**other).pay([payment(row)])
    return answer


def sent(shop: JdShop) -> list[dict[str, Any]]:
    return [json.loads(call.form["360buy_param_json"]) for call in shop.gateway.called(REPLY)]


def test_agreeing_sends_one_review_and_moves_the_money_once(shop: JdShop) -> None:
    row = shop.office.add_cancel(applyRefundSum=1)
    answer = pay(shop, row)
    assert (answer.refund_id, answer.result) == (str(row["id"]), Result.ACCEPTED)
    assert sent(shop) == [{"id": row["id"], "status": 1, "checkUserName": "客服一号", "remark": "同意退款"}]
    assert shop.office.paid == {str(row["id"]): [1]}


def test_reading_back_decides_whether_it_is_paid(shop: JdShop) -> None:
    shop.office.finance_at_once = False
    row = shop.office.add_cancel()
    pay(shop, row)
    client, refund_id = shop.client(), str(row["id"])
    agreed = client.read(refund_id)
    assert (agreed.agreed, agreed.paid, agreed.closed) == (True, False, False)
    shop.office.finance(refund_id, passes=False)
    refused = client.read(refund_id)
    assert (refused.paid, refused.closed) == (False, True)
    shop.office.finance(refund_id)
    assert client.read(refund_id).paid


@pytest.mark.parametrize(
    ("fault", "after", "result", "moved"),
    [
        ("cut_before", False, Result.UNKNOWN, 0),
        ("cut_after", False, Result.UNKNOWN, 1),
        ("half", False, Result.UNKNOWN, 1),
        ("http_500", False, Result.UNKNOWN, 0),
        ("http_500", True, Result.UNKNOWN, 1),
        ("html", True, Result.UNKNOWN, 1),
        ("garbage", False, Result.UNKNOWN, 0),
        ("isp", True, Result.UNKNOWN, 1),
        ("isp", False, Result.UNKNOWN, 0),
        ("duplicate", False, Result.ACCEPTED, 1),
        ("duplicate_last", False, Result.UNKNOWN, 1),
    ],
)
def test_whatever_breaks_it_is_sent_once_and_never_called_refused(
    shop: JdShop, fault: str, result: Result, moved: int, *, after: bool
) -> None:
    row = shop.office.add_cancel()
    shop.gateway.faults.add(REPLY, fault, after=after)
    assert pay(shop, row).result == result
    assert len(shop.gateway.called(REPLY)) == 1
    assert len(shop.office.paid.get(str(row["id"]), [])) == moved


def test_an_answer_that_comes_too_late_is_unknown(shop: JdShop) -> None:
    row = shop.office.add_cancel()
    shop.gateway.faults.add(REPLY, "slow", seconds=1.0)
    (answer,) = shop.client(piece=0.2).pay([payment(row)])
    assert answer.result == Result.UNKNOWN
    assert shop.client().read(str(row["id"])).paid


def test_nobody_at_the_address_means_that_nothing_happened(shop: JdShop) -> None:
    row = shop.office.add_cancel()
    client = shop.client()
    shop.gateway.down = True
    assert client.pay([payment(row)])[0].result == Result.LATER
    shop.gateway.down = False
    assert client.pay([payment(row)])[0].result == Result.ACCEPTED


def test_being_turned_away_means_that_nothing_happened(shop: JdShop) -> None:
    row = shop.office.add_cancel()
    shop.office.limited = 1
    answer = pay(shop, row)
    assert (answer.result, answer.code) == (Result.LATER, "2")
    assert shop.office.paid == {}


def test_a_wrong_key_means_that_nothing_happened(shop: JdShop) -> None:
    answer = pay(shop, shop.office.add_cancel(), app_secret="wrong")
    assert (answer.result, answer.code) == (Result.REFUSED, "12")


def test_what_is_reviewed_already_is_unknown_until_it_is_read_back(shop: JdShop) -> None:
    row = shop.office.add_cancel()
    assert pay(shop, row).result == Result.ACCEPTED
    assert pay(shop, row).result == Result.UNKNOWN
    assert shop.office.paid == {str(row["id"]): [2990]}


def test_an_application_that_is_not_there_is_refused(shop: JdShop) -> None:
    answer = pay(shop, {"id": 5, "applyRefundSum": 100})
    assert (answer.result, answer.message) == (Result.REFUSED, "申请单不存在")


@pytest.mark.parametrize("phase", ["service", "", "onsale"])
def test_only_a_cancelled_order_is_agreed_to(shop: JdShop, phase: str) -> None:
    row = shop.office.add_cancel()
    (answer,) = shop.client().pay([payment(row, phase=phase)])
    assert (answer.result, answer.code) == (Result.REFUSED, "not_cancel")
    assert sent(shop) == []


def test_without_an_operator_nothing_is_sent(shop: JdShop) -> None:
    assert pay(shop, shop.office.add_cancel(), operator=" ").code == "incomplete"
    assert sent(shop) == []


def test_one_call_carries_one_application(shop: JdShop) -> None:
    rows = [shop.office.add_cancel() for _row in range(2)]
    assert shop.client().caps.rows == 1
    with pytest.raises(ValueError, match="2 rows"):
        shop.client().pay([payment(row) for row in rows])
    assert sent(shop) == []


@pytest.mark.parametrize("amount", [Decimal(0), Decimal("-1"), Decimal("0.001"), Decimal("NaN")])
def test_no_amount_is_no_payment(shop: JdShop, amount: Decimal) -> None:
    with pytest.raises(ValueError, match="[Aa]mount|nothing|fen"):
        shop.client().pay([payment(shop.office.add_cancel(), amount=amount)])
    assert sent(shop) == []


# Other reviews -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "reply",
    [
        Reply("1", Review.AGREE),
        Reply("1", Review.AGREE_AND_INTERCEPT, " "),
        Reply("1", Review.FOLLOW_UP),
        Reply("1", Review.REFUSE, reject=Reject.SIGNED_FOR),
        Reply("1", Review.REFUSE, "已签收"),
        Reply("1", Review.AGREE, "同意", reject=Reject.OTHER),
        Reply("V1", Review.AGREE, "同意"),
        Reply("", Review.AGREE, "同意"),
    ],
)
def test_what_jd_would_not_take_is_not_sent(shop: JdShop, reply: Reply) -> None:
    with pytest.raises(ValueError, match="[A-Za-z]"):
        shop.client().reply(reply)
    assert sent(shop) == []


@pytest.mark.parametrize(
    ("reply", "status", "fields"),
    [
        (Reply("", Review.REFUSE, "已在配送", Reject.ON_THE_WAY, shipped=True), 2,
         {"rejectType": 6, "outWareStatus": 1, "remark": "已在配送"}),
        (Reply("", Review.AGREE_AND_INTERCEPT, "请拦截", shipped=True), 6, {"outWareStatus": 1, "remark": "请拦截"}),
        (Reply("", Review.CLOSE_AND_REFUND, shipped=False), 9, {"outWareStatus": 2}),
        (Reply("", Review.FOLLOW_UP, "等物流"), 10, {"remark": "等物流"}),
    ],
)  # fmt: skip
def test_every_review_goes_out_as_documented(shop: JdShop, reply: Reply, status: int, fields: dict[str, Any]) -> None:
    shop.office.finance_at_once = False
    row = shop.office.add_cancel()
    shop.client().reply(Reply(str(row["id"]), reply.review, reply.remark, reply.reject, reply.shipped))
    assert sent(shop) == [{"id": row["id"], "status": status, "checkUserName": "客服一号"} | fields]
    assert shop.client().read(str(row["id"])).status == str(status)


def test_a_refusal_pays_nothing(shop: JdShop) -> None:
    row = shop.office.add_cancel()
    shop.client().reply(Reply(str(row["id"]), Review.REFUSE, "已签收", Reject.SIGNED_FOR))
    assert shop.office.paid == {}


def test_a_review_in_doubt_is_unknown_and_one_refused_is_refused(shop: JdShop) -> None:
    row = shop.office.add_cancel()
    shop.gateway.faults.add(REPLY, "cut_after")
    with pytest.raises(Unknown):
        shop.client().reply(Reply(str(row["id"]), Review.FOLLOW_UP, "等物流"))
    with pytest.raises(Refused):
        shop.client().reply(Reply("5", Review.FOLLOW_UP, "等物流"))
