"""The other acts: checked before they are sent, on a version just read, sent once."""

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from handoffs.gateway import Gateway
from handoffs.marketplaces.base import Refused, Unknown
from handoffs.marketplaces.taobao.acts import Acts, ReturnAddress
from tests.marketplaces.conftest import Client
from tests.photos import png

REFUSE, MESSAGE = "taobao.refund.refuse", "taobao.refund.message.add"
TRAVELLING = {"order_status": "WAIT_BUYER_CONFIRM_GOODS", "reason": "质量问题"}
RETURNING = {**TRAVELLING, "has_good_return": True, "dispute_type": "REFUND_AND_RETURN"}
HOME = ReturnAddress("5001", "退货组", "示例路1号", "310000", "0571-0000000", "13800000000")
WHY = {"message": "已核对发货照片", "reason_id": "1001"}


def held(gateway: Gateway, refund: dict[str, Any]) -> dict[str, Any]:
    return gateway.taobao.refunds.held[str(refund["refund_id"])]


def writes(gateway: Gateway) -> list[str]:
    return [call.method for call in gateway.calls if not call.method.endswith(".get")]


# Refusing -------------------------------------------------------------------------------------------------------------


def test_a_refusal_with_its_proof(gateway: Gateway, client: Client) -> None:
    refund = gateway.add_refund(tmall=True, **TRAVELLING)
    client(tmall=True).acts.refuse(refund["refund_id"], proof=png(), **WHY)
    (call,) = gateway.called(REFUSE)
    assert call.files == {"refuse_proof": png()}
    assert call.form["refund_version"] == str(refund["refund_version"])
    assert held(gateway, refund)["status"] == "SELLER_REFUSE_BUYER"
    assert held(gateway, refund)["refund_version"] == refund["refund_version"]


def test_on_taobao_a_refusal_needs_no_proof(gateway: Gateway, client: Client) -> None:
    refund = gateway.add_refund(**TRAVELLING)
    client().acts.refuse(refund["refund_id"], **WHY)
    assert held(gateway, refund)["status"] == "SELLER_REFUSE_BUYER"


@pytest.mark.parametrize(
    ("tmall", "change"),
    [
        (False, {"message": " 不 "}),
        (False, {"message": "不" * 201}),
        (False, {"reason_id": ""}),
        (False, {"proof": b"BM not a picture the marketplace takes"}),
        (False, {"proof": b"\xff\xd8\xff" + b"0" * 130_000}),
        (True, {}),
        (True, {"proof": b""}),
    ],
)
def test_what_the_marketplace_would_turn_down_is_not_sent(
    gateway: Gateway, client: Client, change: dict[str, Any], *, tmall: bool
) -> None:
    refund = gateway.add_refund(tmall=tmall, **TRAVELLING)
    with pytest.raises(ValueError, match=r".+"):
        client(tmall=tmall).acts.refuse(refund["refund_id"], **{**WHY, **change})
    assert gateway.calls == []


@pytest.mark.parametrize(
    "fields", [{}, {**TRAVELLING, "operation_contraint": "cannot_refuse"}, {**TRAVELLING, "reason": "7天无理由退换货"}]
)
def test_what_cannot_be_refused_is_not_sent(gateway: Gateway, client: Client, fields: dict[str, Any]) -> None:
    refund = gateway.add_refund(**fields)
    with pytest.raises(ValueError, match=r"refused"):
        client().acts.refuse(refund["refund_id"], **WHY)
    assert writes(gateway) == []


def test_a_message_of_200_and_a_proof_of_130000_bytes_are_taken(gateway: Gateway, client: Client) -> None:
    refund = gateway.add_refund(**TRAVELLING)
    proof = b"\xff\xd8\xff" + b"0" * 129_997
    client().acts.refuse(refund["refund_id"], message="不" * 200, reason_id="1001", proof=proof)
    assert gateway.called(REFUSE)[0].files["refuse_proof"] == proof


def test_a_reason_the_marketplace_does_not_know_is_its_no(gateway: Gateway, client: Client) -> None:
    refund = gateway.add_refund(**TRAVELLING)
    with pytest.raises(Refused, match="拒绝原因无效"):
        client().acts.refuse(refund["refund_id"], message="已核对", reason_id="9")


def test_the_reasons_are_the_marketplaces(gateway: Gateway, client: Client) -> None:
    refund = gateway.add_refund(**TRAVELLING)
    reasons = client().acts.refuse_reasons(refund["refund_id"], "onsale")
    assert (reasons[0].id, reasons[0].text, len(reasons)) == ("1001", "商品已经发出", 3)


# The version ----------------------------------------------------------------------------------------------------------

ACTS: list[Callable[[Acts, str, str], None]] = [
    lambda acts, refund_id, version: acts.refuse(refund_id, version=version, **WHY),
    lambda acts, refund_id, version: acts.agree_return(refund_id, to=HOME, remark="好", version=version),
    lambda acts, refund_id, version: acts.intercept(refund_id, version=version),
    lambda acts, refund_id, version: acts.negotiate_return(
        refund_id, amount=Decimal(1), address_id="5001", version=version
    ),
]


@pytest.mark.parametrize("act", ACTS)
def test_what_changed_since_it_was_seen_is_not_acted_on(
    gateway: Gateway, client: Client, act: Callable[[Acts, str, str], None]
) -> None:
    refund = gateway.add_refund(**RETURNING)
    gateway.change(refund["refund_id"], refund_fee="1.00")
    with pytest.raises(Refused) as raised:
        act(client().acts, refund["refund_id"], str(refund["refund_version"]))
    assert raised.value.sub_code == "changed"
    assert writes(gateway) == []


@pytest.mark.parametrize("act", ACTS)
@pytest.mark.parametrize("status", ["SUCCESS", "CLOSED"])
def test_what_is_over_is_not_acted_on(
    gateway: Gateway, client: Client, act: Callable[[Acts, str, str], None], status: str
) -> None:
    refund = gateway.add_refund(status=status, **RETURNING)
    with pytest.raises(Refused) as raised:
        act(client().acts, refund["refund_id"], "")
    assert raised.value.sub_code == "over"
    assert writes(gateway) == []


@pytest.mark.parametrize("act", ACTS)
def test_an_act_that_was_cut_off_is_unknown_and_not_repeated(
    gateway: Gateway, client: Client, act: Callable[[Acts, str, str], None]
) -> None:
    refund = gateway.add_refund(**RETURNING)
    for method in gateway.taobao.writes.methods:
        gateway.faults.add(method, "cut_after")
    with pytest.raises(Unknown):
        act(client().acts, refund["refund_id"], str(refund["refund_version"]))
    assert len(writes(gateway)) == 1


# Goods come back ------------------------------------------------------------------------------------------------------


def test_a_return_is_agreed_with_the_whole_address(gateway: Gateway, client: Client) -> None:
    refund = gateway.add_refund(**RETURNING)
    client().acts.agree_return(refund["refund_id"], to=HOME, buyer_pays_postage=False)
    form = gateway.called("taobao.rp.returngoods.agree")[0].form
    assert (form["seller_address_id"], form["address"], form["post_fee_bear_role"]) == ("5001", "示例路1号", "0")
    assert "refund_version" not in form
    assert held(gateway, refund)["status"] == "WAIT_BUYER_RETURN_GOODS"


def test_on_tmall_a_return_is_agreed_with_a_remark(gateway: Gateway, client: Client) -> None:
    refund = gateway.add_refund(tmall=True, **RETURNING)
    acts = client(tmall=True).acts
    with pytest.raises(ValueError, match="remark"):
        acts.agree_return(refund["refund_id"], to=ReturnAddress("5001"))
    acts.agree_return(refund["refund_id"], to=ReturnAddress("5001"), remark="请寄回", virtual=False)
    form = gateway.called("taobao.rp.returngoods.agree")[0].form
    assert (form["remark"], form["refund_phase"], form["virtual_return_goods"]) == ("请寄回", "onsale", "false")


def test_an_incomplete_address_is_not_sent(gateway: Gateway, client: Client) -> None:
    refund = gateway.add_refund(**RETURNING)
    with pytest.raises(ValueError, match="address"):
        client().acts.agree_return(refund["refund_id"], to=ReturnAddress("5001", "退货组"), remark="好")
    assert gateway.calls == []


def test_a_returns_waybill_is_filled_in_once(gateway: Gateway, client: Client) -> None:
    refund = gateway.add_refund(tmall=True, status="WAIT_BUYER_RETURN_GOODS", **RETURNING)
    acts = client(tmall=True).acts
    acts.refill_return(refund["refund_id"], waybill="SF0001", company="SF")
    assert (held(gateway, refund)["sid"], held(gateway, refund)["company_name"]) == ("SF0001", "SF")
    with pytest.raises(Refused, match="已经回填"):
        acts.refill_return(refund["refund_id"], waybill="SF0002", company="SF")


def test_returned_goods_are_refused_with_proof(gateway: Gateway, client: Client) -> None:
    refund = gateway.add_refund(tmall=True, status="WAIT_SELLER_CONFIRM_GOODS", **RETURNING)
    acts = client(tmall=True).acts
    with pytest.raises(ValueError, match="bytes"):
        acts.refuse_return(refund["refund_id"], reason_id="1002", proof=b"GIF89a" + b"0" * 5 * 1024 * 1024)
    acts.refuse_return(refund["refund_id"], reason_id="1002", proof=png())
    assert held(gateway, refund)["status"] == "SELLER_REFUSE_BUYER"


def test_only_tmall_refuses_and_fills_in_returns(gateway: Gateway, client: Client) -> None:
    acts = client().acts
    with pytest.raises(ValueError, match="Tmall"):
        acts.refill_return("1", waybill="SF0001", company="SF")
    with pytest.raises(ValueError, match="Tmall"):
        acts.refuse_return("1", reason_id="1002", proof=png())
    assert gateway.calls == []


def test_a_refund_is_negotiated_into_a_return_in_fen(gateway: Gateway, client: Client) -> None:
    refund = gateway.add_refund(refund_fee="252.77", **TRAVELLING)
    acts = client().acts
    offer = acts.negotiation(refund["refund_id"])
    assert (offer.most, offer.version) == (Decimal("252.77"), str(refund["refund_version"]))
    assert list(offer.addresses) == ["5001"]
    acts.negotiate_return(refund["refund_id"], amount=Decimal("200.10"), address_id="5001", version=offer.version)
    assert gateway.called("taobao.refund.negotiatereturn")[0].form["refund_fee"] == "20010"
    assert (held(gateway, refund)["refund_fee"], held(gateway, refund)["has_good_return"]) == ("200.10", True)
    with pytest.raises(ValueError, match="Finer"):
        acts.negotiate_return(refund["refund_id"], amount=Decimal("1.001"), address_id="5001")


# Parcel and warehouse -------------------------------------------------------------------------------------------------


def test_a_parcel_is_intercepted(gateway: Gateway, client: Client) -> None:
    refund = gateway.add_refund(**TRAVELLING)
    client().acts.intercept(refund["refund_id"])
    assert ";interceptStatus:1;" in held(gateway, refund)["attribute"]
    with pytest.raises(Refused, match="在途"):
        client().acts.intercept(gateway.add_refund()["refund_id"])


def test_a_parcel_that_will_not_leave_makes_the_marketplace_pay(gateway: Gateway, client: Client) -> None:
    refund = gateway.add_refund(refund_fee="0.10")
    order = str(refund["tid"])
    acts = client().acts
    acts.sendgoods_cancelled(refund["refund_id"], order_id=order, stopped=False, message="已发出")
    assert gateway.paid == {}
    acts.sendgoods_cancelled(refund["refund_id"], order_id=order, line_id=order, stopped=True, amount=Decimal("0.1"))
    param = json.loads(gateway.called("taobao.rdc.aligenius.sendgoods.cancel")[1].form["param"])
    assert (param["status"], param["refund_fee"], param["tid"]) == ("SUCCESS", 10, refund["tid"])
    assert gateway.paid == {refund["refund_id"]: [10]}
    with pytest.raises(Refused) as raised:
        acts.sendgoods_cancelled(refund["refund_id"], order_id=order, stopped=True)
    assert raised.value.sub_code == "isv.refund-status-error"


def test_goods_in_the_warehouse_make_the_marketplace_pay(gateway: Gateway, client: Client) -> None:
    refund = gateway.add_refund(status="WAIT_SELLER_CONFIRM_GOODS", **RETURNING)
    client().acts.warehouse_received(refund["refund_id"])
    assert gateway.paid == {refund["refund_id"]: [10000]}
    with pytest.raises(Refused):
        client().acts.warehouse_received(refund["refund_id"])


@pytest.mark.parametrize("content", [{}, {"result": {}}, {"result": {"success": False, "error_code": "isp.x"}}])
def test_a_payout_that_is_not_clearly_said_is_unknown(
    client: Client, monkeypatch: pytest.MonkeyPatch, content: dict[str, Any]
) -> None:
    made = client()
    answer = {"rdc_aligenius_sendgoods_cancel_response": content}
    monkeypatch.setattr(made.wire.http, "write", lambda *_: answer)
    with pytest.raises(Unknown):
        made.acts.sendgoods_cancelled("1", order_id="2", stopped=True)


# Talking, and what may be done ----------------------------------------------------------------------------------------


def test_a_message_reaches_the_buyer_with_its_image(gateway: Gateway, client: Client) -> None:
    refund = gateway.add_refund()
    made = client().acts.add_message(refund["refund_id"], " 您好，正在为您核实 ", png())
    (message,) = gateway.taobao.refunds.talk[refund["refund_id"]]
    assert (message["content"], str(message["id"])) == ("您好，正在为您核实", made)


def test_a_message_is_never_cut(gateway: Gateway, client: Client) -> None:
    refund = gateway.add_refund()
    acts = client().acts
    acts.add_message(refund["refund_id"], "好" * 133 + "x", png())
    with pytest.raises(ValueError, match="402"):
        acts.add_message(refund["refund_id"], "好" * 134, png())
    with pytest.raises(ValueError, match="400"):
        acts.add_message(refund["refund_id"], "  ", png())
    with pytest.raises(ValueError, match="bytes"):
        acts.add_message(refund["refund_id"], "好", b"GIF89a" + b"0" * 512_000)
    assert len(gateway.called(MESSAGE)) == 1


def test_without_an_image_the_marketplace_says_what_it_wants(gateway: Gateway, client: Client) -> None:
    refund = gateway.add_refund()
    with pytest.raises(Refused) as raised:
        client().acts.add_message(refund["refund_id"], "您好")
    assert raised.value.sub_code == "isv.missing-parameter:image"
    gateway.taobao.writes.message_needs_image = False
    assert client().acts.add_message(refund["refund_id"], "您好")


def test_what_is_allowed_is_asked(gateway: Gateway, client: Client) -> None:
    refund = gateway.add_refund()
    allowed = client().acts.allowed(refund["refund_id"])
    assert "agree_refund" in allowed.can
    assert allowed.cannot["refuse_refund"] == "未发货的退款不能拒绝"
    assert allowed.version == str(refund["refund_version"])
    gateway.change(refund["refund_id"], status="CLOSED")
    assert client().acts.allowed(refund["refund_id"]).can == {}
