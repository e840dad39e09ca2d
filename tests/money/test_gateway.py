"""The whole way against the local gateway: pulled, stopped, paid in a batch, cut off, and the two ledgers compared."""

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from handoffs import connections, payments, reading, reconcile, tasks, writing
from handoffs.alone import alone
from handoffs.flow import answer, batch, decision
from handoffs.flow.answer import Given
from handoffs.flow.errors import Invalid, Stale
from handoffs.flow.market_call import Said
from handoffs.flow.proposal import Proposal
from handoffs.gateway import Gateway
from handoffs.marketplaces.taobao.limit import Bucket
from handoffs.models import Case, Connection, Finding, Handoff, MarketCall, RefundBatch, RefundOrder
from tests.factories import World
from tests.money.conftest import Hands, connect

NOW = datetime(2026, 11, 11, 4, 0, tzinfo=UTC)
AGREE, GET, LIST = "taobao.rp.refunds.agree", "taobao.refund.get", "taobao.refunds.receive.get"


@pytest.fixture
def at(hands: Hands) -> Hands:
    hands.at = NOW
    return hands


@pytest.fixture
def gateway(at: Hands, monkeypatch: pytest.MonkeyPatch) -> Iterator[Gateway]:
    """A marketplace on loopback that pays whatever it is asked, so that its ledger shows who asked twice."""
    made = Gateway(now=lambda: at.at)
    made.taobao.till.trusting = True
    with made:
        yield made


@pytest.fixture
def connection(world: World, gateway: Gateway, at: Hands, monkeypatch: pytest.MonkeyPatch) -> Connection:
    seller = gateway.seller()
    made = Connection(shop=world.shop, app_key=seller.app_key, operator=seller.operator,
                      gateway=f"{gateway.url}/router/rest", pulled_until=NOW)  # fmt: skip
    made.keep(secret=seller.app_secret, session=seller.session)
    made.save()
    real, bucket = connections.client_of, Bucket(1000, clock=lambda: at.at.timestamp())

    def with_our_clock(connection: Connection) -> Any:
        client: Any = real(connection)
        client._now = client.wire._now = lambda: at.at
        client.wire._bucket = bucket
        return client

    monkeypatch.setattr(connections, "client_of", with_our_clock)
    return made


def pulled(world: World, gateway: Gateway, connection: Connection, at: Hands, count: int) -> list[Case]:
    """So many applications at the marketplace, pulled, their parcels stopped by the warehouse."""
    for number in range(count):
        gateway.add_refund(refund_fee=f"{20 + number % 7}.90", reason="多拍/错拍/不想要")
    at.on(minutes=1)
    connection.refresh_from_db()
    reading.pull(connection, at=at.at)
    for asked in Handoff.objects.filter(kind="stop_parcel", status="open").order_by("pk"):
        answer.answer(asked.pk, Given("stopped"), by=world.warehouse, at=at.at)
    return list(Case.objects.order_by("pk"))


def running(world: World, cases: list[Case], at: Hands) -> RefundBatch:
    made = batch.plan([case.pk for case in cases], by=world.support, at=at.at)
    assert made.rows_planned == len(cases), list(made.rows.values_list("why", flat=True))
    return batch.confirm(made.pk, typed=made.total, reason="批量退款", by=world.support, at=at.at)


def states(made: RefundBatch) -> Counter[str]:
    return Counter(made.rows.values_list("state", flat=True))


def ledgers_agree(gateway: Gateway) -> None:
    ours = {
        order.case.refund_id: [int(order.amount * 100)]
        for order in RefundOrder.objects.filter(status="confirmed").select_related("case")
    }
    assert dict(gateway.paid) == ours


@pytest.mark.slow
def test_forty_are_pulled_stopped_and_paid(world: World, gateway: Gateway, connection: Connection, at: Hands) -> None:
    cases = pulled(world, gateway, connection, at, 40)
    assert len(cases) == 40
    made = running(world, cases, at)
    payments.run(made.pk, now=at)
    assert states(made) == Counter(paid=40)
    assert len(gateway.called(AGREE)) == 2
    assert len(gateway.paid) == 40
    ledgers_agree(gateway)


ALIKE = ("cut_before", "http_500", "half", "html", "garbage", "isp")


@pytest.mark.parametrize("fault", ["cut_after", *(pytest.param(fault, marks=pytest.mark.slow) for fault in ALIKE)])
def test_whatever_happens_to_the_call_the_ledgers_agree_in_the_end(
    world: World, gateway: Gateway, connection: Connection, at: Hands, fault: str
) -> None:
    made = running(world, pulled(world, gateway, connection, at, 5), at)
    gateway.faults.add(AGREE, fault)
    payments.run(made.pk, now=at)
    assert states(made) == Counter(unknown=5)
    at.on(minutes=11)
    reconcile.read_due(at=at.at)
    assert set(states(made)) <= {"paid", "failed"}
    ledgers_agree(gateway)
    if states(made)["failed"]:
        again = batch.what_is_left(made.pk, by=world.support, at=at.at)
        batch.confirm(again.pk, typed=again.total, reason="再次批量退款", by=world.support, at=at.at)
        payments.run(again.pk, now=at)
        assert states(again) == Counter(paid=5)
        ledgers_agree(gateway)
    assert len(gateway.paid) == 5


def test_rows_the_answer_leaves_out_are_unknown_and_read_back(
    world: World, gateway: Gateway, connection: Connection, at: Hands
) -> None:
    cases = pulled(world, gateway, connection, at, 3)
    gateway.taobao.till.forgets = {cases[1].refund_id}
    made = running(world, cases, at)
    payments.run(made.pk, now=at)
    assert states(made) == Counter(paid=2, unknown=1)
    at.on(minutes=1)
    reconcile.read_due(at=at.at)
    assert states(made) == Counter(paid=3)
    ledgers_agree(gateway)


def test_delivered_twice_by_the_net_and_the_marketplace_that_is_not_trusting_pays_once(
    world: World, gateway: Gateway, connection: Connection, at: Hands
) -> None:
    gateway.taobao.till.trusting = False
    made = running(world, pulled(world, gateway, connection, at, 3), at)
    gateway.faults.add(AGREE, "duplicate_last")
    payments.run(made.pk, now=at)
    at.on(minutes=11)
    reconcile.read_due(at=at.at)
    reading.pull(Connection.objects.select_related("shop").get(), at=at.at)
    ledgers_agree(gateway)
    assert {len(fens) for fens in gateway.paid.values()} == {1}


def test_some_are_refused_and_the_others_go_through(
    world: World, gateway: Gateway, connection: Connection, at: Hands
) -> None:
    gateway.taobao.till.trusting = False
    cases = pulled(world, gateway, connection, at, 4)
    made = running(world, cases, at)
    real_pay = gateway.taobao.till._pay

    def stale_first(call: Any, refund_id: str, fen: int, version: str, phase: str) -> dict[str, Any]:
        if refund_id == cases[0].refund_id:
            gateway.change(refund_id, refund_fee="1.00")
        return real_pay(call, refund_id, fen, version, phase)

    gateway.taobao.till._pay = stale_first  # type: ignore[method-assign]
    payments.run(made.pk, now=at)
    assert states(made) == Counter(paid=3, failed=1)
    ledgers_agree(gateway)


def test_an_sms_code_is_wanted_and_given(world: World, gateway: Gateway, connection: Connection, at: Hands) -> None:
    gateway.taobao.till.sms_above = 1000
    made = running(world, pulled(world, gateway, connection, at, 2), at)
    payments.run(made.pk, now=at)
    assert states(made) == Counter(needs_code=2)
    assert gateway.paid == {}
    connection.refresh_from_db()
    assert connection.code_from == sum(row.amount for row in made.rows.all())  # the next plan says so beforehand
    batch.resume(made.pk, by=world.support, sms_code="123456")
    payments.run(made.pk, now=at)
    assert states(made) == Counter(paid=2)
    ledgers_agree(gateway)


def test_a_limit_is_waited_for(world: World, gateway: Gateway, connection: Connection, at: Hands) -> None:
    made = running(world, pulled(world, gateway, connection, at, 2), at)
    gateway.faults.add(AGREE, "limited", seconds=30)
    payments.run(made.pk, now=at)
    assert states(made) == Counter(waiting=2)
    at.on(minutes=2)
    payments.run(made.pk, now=at)
    assert states(made) == Counter(paid=2)
    ledgers_agree(gateway)


def test_a_gateway_that_is_down_and_comes_back(
    world: World, gateway: Gateway, connection: Connection, at: Hands
) -> None:
    made = running(world, pulled(world, gateway, connection, at, 2), at)
    gateway.down = True
    payments.run(made.pk, now=at)
    assert states(made) == Counter(waiting=2)
    reading.pull(Connection.objects.select_related("shop").get(), at=at.at)
    connection.refresh_from_db()
    assert connection.failing_since == at.at
    gateway.down = False
    at.on(minutes=60)
    payments.run(made.pk, now=at)
    assert states(made) == Counter(paid=2)
    ledgers_agree(gateway)


def test_the_connection_is_tested_and_a_wrong_secret_said(
    world: World, gateway: Gateway, connection: Connection, at: Hands
) -> None:
    connections.test(connection, at=at.at)
    assert connection.test_ok
    connection.keep(secret="wrong")
    connections.test(connection, at=at.at)
    assert connection.test_ok is False
    assert "wrong" not in connection.test_result


def test_messages_are_hints_read_once_and_confirmed(
    world: World, gateway: Gateway, connection: Connection, at: Hands
) -> None:
    gateway.add_refund(refund_fee="12.34", reason="多拍/错拍/不想要")
    assert reading.hear(connection, at=at.at) == 1
    assert Case.objects.get().amount == Decimal("12.34")
    assert reading.hear(connection, at=at.at) == 0
    gateway.faults.add("taobao.tmc.messages.consume", "limited", seconds=30)
    assert reading.hear(connection, at=at.at) == 0


def test_what_was_brought_before_is_not_read_again(
    world: World, gateway: Gateway, connection: Connection, at: Hands
) -> None:
    first, second = (gateway.add_refund(refund_fee="12.34", at=at.at)["refund_id"] for _ in range(2))

    def read_by_a_pull() -> list[str]:
        before = len(gateway.called(GET))
        reading.pull(Connection.objects.select_related("shop").get(), at=at.at)
        return sorted(call.form["refund_id"] for call in gateway.called(GET)[before:])

    assert read_by_a_pull() == [first, second]
    at.on(minutes=1)
    assert read_by_a_pull() == [first, second]  # they changed in the very second of the pull, and may have once more
    at.on(minutes=1)
    assert read_by_a_pull() == []
    gateway.change(first, at=at.at, refund_fee="12.00")
    at.on(minutes=1)
    assert read_by_a_pull() == [first]
    gateway.taobao.refunds.held[second]["refund_fee"] = "11.00"  # of the same second as before
    at.on(minutes=1)
    assert read_by_a_pull() == [second]
    assert sorted(Case.objects.values_list("amount", flat=True)) == [Decimal("11.00"), Decimal("12.00")]


def test_a_message_about_what_the_pull_has_brought_is_confirmed_unread(
    world: World, gateway: Gateway, connection: Connection, at: Hands
) -> None:
    refund_id = gateway.add_refund(refund_fee="12.34", at=at.at)["refund_id"]
    reading.pull(connection, at=at.at)
    assert reading.hear(connection, at=at.at) == 0
    assert len(gateway.called("taobao.tmc.messages.confirm")) == 1
    at.on(seconds=5)
    gateway.change(refund_id, at=at.at, status="CLOSED")
    assert reading.hear(connection, at=at.at) == 1
    assert Case.objects.get().phase == "closed"


def test_a_shop_is_read_by_one_worker_at_a_time(
    world: World, gateway: Gateway, connection: Connection, at: Hands
) -> None:
    with alone(f"pull:{connection.pk}", seconds=60):
        tasks.pull_shop(connection.pk)
    assert gateway.calls == []
    tasks.pull_shop(connection.pk)
    assert len(gateway.called(LIST)) == 1


def test_an_application_that_cannot_be_taken_in_has_an_owner(
    world: World, gateway: Gateway, connection: Connection, at: Hands
) -> None:
    gateway.add_refund(refund_fee="-1.00")
    gateway.add_refund(refund_fee="20.00", status="WAIT_FOR_THE_MOON")
    pulled(world, gateway, connection, at, 0)
    found = dict(Finding.objects.values_list("market", "kind"))
    assert set(found.values()) == {"unmapped"}
    assert any("WAIT_FOR_THE_MOON" in market for market in found)
    assert len(found) == 2


# Speaking to the buyer ------------------------------------------------------------------------------------------------


def test_a_message_reaches_the_buyer_and_stops_the_clock(
    world: World, gateway: Gateway, connection: Connection, at: Hands
) -> None:
    (case,) = pulled(world, gateway, connection, at, 1)
    said = Said("message", "您好，包裹已经截下，马上为您退款。")
    call = writing.send(case, said, by=world.support, at=at.at, now=at)
    assert call.status == "done"
    assert gateway.taobao.refunds.talk[case.refund_id][-1]["content"] == said.message
    response = case.responses.get()
    assert (response.channel, response.by) == ("message", world.support)
    assert not case.clocks.filter(kind="first_response", ended_at=None).exists()
    with pytest.raises(Stale):
        writing.send(case, said, by=world.support, at=at.at, now=at)


def test_a_message_too_long_is_said_before_it_is_sent(
    world: World, gateway: Gateway, connection: Connection, at: Hands
) -> None:
    (case,) = pulled(world, gateway, connection, at, 1)
    with pytest.raises(Invalid, match="400"):
        writing.send(case, Said("message", "好" * 134), by=world.support, at=at.at, now=at)
    assert not MarketCall.objects.exists()


@pytest.mark.parametrize("fault", ["cut_after", "cut_before"])
def test_a_message_that_may_not_have_arrived_is_on_the_list_and_stops_no_clock(
    world: World, gateway: Gateway, connection: Connection, at: Hands, fault: str
) -> None:
    (case,) = pulled(world, gateway, connection, at, 1)
    gateway.faults.add("taobao.refund.message.add", fault)
    with pytest.raises(Stale):
        writing.send(case, Said("message", "您好，正在为您核实"), by=world.support, at=at.at, now=at)
    assert not case.responses.exists()
    (call,) = writing.open_calls(frozenset({world.shop.pk}), at=at.at)
    assert call.status == "unknown"


def test_a_refusal_is_sent_with_the_marketplaces_reason(
    world: World, gateway: Gateway, connection: Connection, at: Hands
) -> None:
    received = {"order_status": "WAIT_BUYER_CONFIRM_GOODS", "good_status": "BUYER_RECEIVED", "reason": "质量问题"}
    gateway.add_refund(refund_fee="30.00", **received)
    (case,) = pulled(world, gateway, connection, at, 0)
    made = decision.propose(case.pk, Proposal("refuse", "已核对发货照片，货品完好"), by=world.support, at=at.at)
    assert made.status == "approved"
    (reason, *_more) = writing.refuse_reasons(case)
    said = Said("refuse", made.reason, {"decision": made.pk, "reason_id": reason.id})
    writing.send(case, said, by=world.support, at=at.at, now=at)
    made.refresh_from_db()
    assert made.status == "carried_out"
    assert gateway.taobao.refunds.held[case.refund_id]["status"] == "SELLER_REFUSE_BUYER"


def test_a_return_is_agreed_with_its_address(world: World, gateway: Gateway, connection: Connection, at: Hands) -> None:
    address = {"return_address_id": "77", "return_name": "售后部", "return_post": "310000", "return_phone": "000-0000"}
    Connection.objects.update(**address)
    returning = {
        "order_status": "WAIT_BUYER_CONFIRM_GOODS",
        "has_good_return": True,
        "dispute_type": "REFUND_AND_RETURN",
    }
    gateway.add_refund(refund_fee="30.00", reason="质量问题", good_status="BUYER_RECEIVED", **returning)
    (case,) = pulled(world, gateway, connection, at, 0)
    assert case.path == 4
    to = writing.return_to(world.shop, "样例省样例市退货路1号")
    said = Said("agree_return", "请寄回，运费由我们承担", {"freight": "seller", "to": to})
    writing.send(case, said, by=world.support, at=at.at, now=at)
    assert gateway.taobao.refunds.held[case.refund_id]["status"] == "WAIT_BUYER_RETURN_GOODS"
    assert case.clocks.filter(kind="return_number", ended_at=None).exists()


def test_what_the_marketplace_does_not_allow_now_is_said_in_its_words(
    world: World, gateway: Gateway, connection: Connection, at: Hands
) -> None:
    (case,) = pulled(world, gateway, connection, at, 1)
    assert any("拒绝" in tip or "退" in tip for tip in writing.not_allowed(case))
    gateway.down = True
    assert writing.not_allowed(case) == []


def test_a_shop_without_a_connection_says_so(world: World, at: Hands) -> None:
    assert not writing.can_write(world.shop)
    connect(world.other_shop)
    assert not writing.can_write(world.other_shop)  # JD's gateway takes no messages


def test_what_was_pulled_is_complete(world: World, gateway: Gateway, connection: Connection, at: Hands) -> None:
    gateway.add_refund(refund_fee="12.34", refund_remind_timeout={
        "exist_timeout": True, "remind_type": 1, "timeout": "2026-11-13 12:00:00"})  # fmt: skip
    (case,) = pulled(world, gateway, connection, at, 0)
    assert (case.amount, case.path) == (Decimal("12.34"), 1)
    assert case.marketplace_deadline == datetime(2026, 11, 13, 4, 0, tzinfo=UTC)
    assert case.modified is not None
    assert case.modified - NOW <= timedelta(minutes=1)
