"""Reading applications: the window in GMT+8, all pages, each with all its fields, oldest first."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from handoffs.gateway import Gateway
from handoffs.intake import top
from handoffs.intake.rows import Row
from handoffs.marketplaces.base import Later, NotAllowed, Refused
from tests.marketplaces.conftest import GET, LIST, NOON, Client, Hand

HOUR = timedelta(hours=1)


def ids(client: Client, since: timedelta = HOUR, until: timedelta = timedelta(0), **options: Any) -> list[str]:
    return [state.refund_id for state in client(**options).pull(NOON - since, NOON - until)]


def test_the_window_is_in_shanghai_time_and_whole(gateway: Gateway, client: Client) -> None:
    gateway.add_refund(refund_id="before", at=NOON - HOUR - timedelta(seconds=1))
    gateway.add_refund(refund_id="last", at=NOON)
    gateway.add_refund(refund_id="first", at=NOON - HOUR)
    gateway.add_refund(refund_id="after", at=NOON + timedelta(seconds=1))
    assert ids(client) == ["first", "last"]
    asked = gateway.called(LIST)[0].form
    assert (asked["start_modified"], asked["end_modified"]) == ("2026-11-11 11:00:00", "2026-11-11 12:00:00")
    assert (asked["page_size"], asked["use_has_next"]) == ("100", "true")


def test_the_last_second_is_not_lost(gateway: Gateway, client: Client) -> None:
    gateway.add_refund(refund_id="now", at=NOON)
    until = NOON + timedelta(microseconds=300)
    assert [state.refund_id for state in client().pull(NOON - HOUR, until)] == ["now"]
    assert gateway.called(LIST)[0].form["end_modified"] == "2026-11-11 12:00:01"


def test_every_page_is_turned_and_the_oldest_comes_first(gateway: Gateway, client: Client) -> None:
    expected = [gateway.add_refund(at=NOON - timedelta(seconds=250 - n))["refund_id"] for n in range(250)]
    assert ids(client) == expected
    assert [call.form["page_no"] for call in gateway.called(LIST)] == ["1", "2", "3"] * 2


def test_nothing_changed_is_an_empty_list(client: Client) -> None:
    assert ids(client) == []


def test_a_lone_refund_may_come_as_an_object(gateway: Gateway, client: Client) -> None:
    gateway.taobao.reads.lone_objects = True
    gateway.add_refund(refund_id="7", at=NOON)
    assert ids(client) == ["7"]


def test_what_leaves_the_window_while_pages_turn_moves_nothing_past_us(
    gateway: Gateway, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = [gateway.add_refund(at=NOON - timedelta(seconds=n))["refund_id"] for n in range(150)]
    real, methods = gateway.taobao.reads.receive_get, gateway.taobao.methods

    def changing(call: Any) -> dict[str, Any]:
        answer = real(call)
        if len(gateway.called(LIST)) == 1:
            for refund_id in made[:3]:
                gateway.change(refund_id, at=NOON + HOUR)
        return answer

    monkeypatch.setitem(methods, LIST, changing)
    assert set(ids(client)) == set(made)


def test_another_shops_refunds_are_not_seen(gateway: Gateway, client: Client) -> None:
    gateway.add_refund(refund_id="1", at=NOON)
    gateway.add_refund(refund_id="2", at=NOON, tmall=True)
    assert ids(client) == ["1"]
    assert ids(client, tmall=True) == ["2"]


def test_the_state_is_what_intake_reads(gateway: Gateway, client: Client) -> None:
    deadline = {"exist_timeout": True, "remind_type": 1, "timeout": "2026-11-12 12:00:00"}
    gateway.add_refund(refund_id=146535512261065, tid=2_100_000_000_123_456_789, refund_fee="252.77", at=NOON,
                       refund_remind_timeout=deadline, desc="部分退款2")  # fmt: skip
    (state,) = client().pull(NOON - HOUR, NOON)
    assert (state.refund_id, state.amount, state.phase) == ("146535512261065", Decimal("252.77"), "onsale")
    assert (state.modified, state.version) == (NOON, str(int(NOON.timestamp()) * 1000))
    row = top.row(dict(state.raw), 1)
    assert isinstance(row, Row)
    assert (row.refund_id, row.fields["order_id"]) == ("146535512261065", "2100000000123456789")
    assert (row.fields["amount"], row.fields["description"]) == (Decimal("252.77"), "部分退款2")
    assert row.fields["marketplace_deadline"] == NOON + timedelta(days=1)


def test_one_refund_that_is_not_shown_does_not_hold_up_the_others(
    gateway: Gateway, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("1", "2", "3"):
        gateway.add_refund(refund_id=name, at=NOON)
    real = gateway.taobao.refunds.of
    monkeypatch.setattr(gateway.taobao.refunds, "of", lambda seller, name: None if name == "2" else real(seller, name))
    states = {state.refund_id: state for state in client().pull(NOON - HOUR, NOON)}
    assert sorted(states) == ["1", "2", "3"]
    assert (states["2"].status, states["2"].modified, states["2"].version) == ("WAIT_SELLER_AGREE", NOON, "")


def test_a_pull_that_is_turned_away_is_later(gateway: Gateway, client: Client) -> None:
    gateway.add_refund(at=NOON)
    gateway.faults.add(GET, "limited")
    with pytest.raises(Later):
        ids(client)


def test_reading_one_says_whether_it_is_paid_or_over(gateway: Gateway, client: Client) -> None:
    made = gateway.add_refund()["refund_id"]
    first = client().read(made)
    gateway.change(made, status="SUCCESS")
    second = client().read(made)
    assert (first.paid, second.paid) == (False, True)
    assert int(second.version) > int(first.version)
    gateway.change(made, status="CLOSED")
    assert client().read(made).closed


def test_a_refund_that_is_not_there_is_refused(client: Client) -> None:
    with pytest.raises(Refused):
        client().read("404")


def test_the_connection_is_tried_with_a_read(gateway: Gateway, client: Client, hand: Hand) -> None:
    assert "no application" in client().test()
    made = gateway.add_refund()["refund_id"]
    assert made in client().test()
    assert {call.method for call in gateway.calls} == {LIST}
    for wrong in ({"app_secret": "wrong"}, {"session": "wrong"}, {"app_key": "99"}):
        with pytest.raises(NotAllowed):
            client(**wrong).test()
