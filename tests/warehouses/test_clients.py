"""Asking a warehouse system to stop an order: what it answers, what breaks, and what may be concluded."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handoffs.carriers.base import CarrierError, Later, Refused, Unknown, Unreadable
from handoffs.warehouses import base, jushuitan, qimen, xml
from handoffs.warehouses.base import Order, Stop
from tests.warehouses.wms import SECRET, TOKEN, Wms

WHOLE = Order("2700001", "1400001", whole=True, reason="买家申请退款")
PART = Order("2700001", "1400001", lines=("2800001",), reason="买家申请退款")


def impatient(url: str, body: bytes, headers: Any) -> bytes:
    return base.post(url, body, headers, timeout=0.2)


def qm(wms: Wms, secret: str = SECRET) -> qimen.Qimen:
    return qimen.Qimen(qimen.Account("123", "C1", secret, "OWNER", "WH1"), address=wms.url, post=impatient)


def jst(wms: Wms, token: str = TOKEN, secret: str = SECRET) -> jushuitan.Jushuitan:
    return jushuitan.Jushuitan(jushuitan.Account("123", secret, token), address=wms.url, post=impatient)


def test_qimen_stops_what_has_not_left(wms: Wms) -> None:
    wms.orders["2700001"] = "not_picked"
    said = qm(wms).stop(PART)
    assert (said.stop, said.words, wms.cancelled) == (Stop.STOPPED, "取消成功", ["2700001"])


def test_qimen_says_that_it_has_left(wms: Wms) -> None:
    wms.orders["2700001"] = "left"
    assert qm(wms).stop(WHOLE) == base.Said(Stop.REFUSED, "订单已出库", "S1")


def test_qimen_takes_an_interception_and_answers_later(wms: Wms) -> None:
    assert qm(wms).intercept(PART).stop == Stop.TAKEN
    assert wms.calls == [("taobao.qimen.order.callback", "2700001")]


def test_a_part_without_its_line_is_never_sent(wms: Wms) -> None:
    for client in (qm(wms), jst(wms)):
        with pytest.raises(Refused):
            client.stop(Order("2700001", "1400001"))
    with pytest.raises(Refused):
        jst(wms).stop(PART)
    assert not wms.calls


def test_jushuitan_cancels_the_whole_order(wms: Wms) -> None:
    wms.orders["2700001"] = "not_picked"
    assert jst(wms).stop(WHOLE).stop == Stop.STOPPED
    assert wms.cancelled == ["[77]"]


@pytest.mark.parametrize(("stands", "stop"), [("left", Stop.REFUSED), ("cancelled", Stop.STOPPED)])
def test_jushuitan_is_asked_first_how_the_order_stands(wms: Wms, stands: str, stop: Stop) -> None:
    wms.orders["2700001"] = stands
    assert jst(wms).stop(WHOLE).stop == stop
    assert not wms.cancelled


def test_jushuitan_does_not_know_the_order_yet(wms: Wms) -> None:
    with pytest.raises(Refused):
        jst(wms).stop(WHOLE)


@pytest.mark.parametrize("broken", ["token", "secret"])
def test_jushuitan_s_refusal_is_said_in_its_words(wms: Wms, broken: str) -> None:
    with pytest.raises(Refused) as error:
        jst(wms, **{broken: "wrong"}).stop(WHOLE)
    assert error.value.message in ("token已过期", "签名错误")


def test_qimen_with_a_wrong_secret_is_refused_and_stops_nothing(wms: Wms) -> None:
    wms.orders["2700001"] = "not_picked"
    assert qm(wms, "wrong").stop(WHOLE).stop == Stop.REFUSED
    assert not wms.cancelled


@pytest.mark.parametrize("fault", ["slow", "cut_before", "cut_after", "html", "garbage", "http_500"])
def test_a_stop_that_was_sent_and_not_answered_is_unknown(wms: Wms, fault: str) -> None:
    wms.orders["2700001"] = "not_picked"
    wms.faults.append(fault)
    with pytest.raises(Unknown):
        qm(wms).stop(WHOLE)


@pytest.mark.parametrize("fault", ["slow", "cut_before", "html", "http_500"])
def test_a_question_that_was_not_answered_may_be_asked_again(wms: Wms, fault: str) -> None:
    wms.orders["2700001"] = "not_picked"
    wms.faults.append(fault)
    with pytest.raises(Later):
        jst(wms).stop(WHOLE)
    assert not wms.cancelled
    wms.faults.extend(["", fault])  # the question is answered, the cancelling is not
    with pytest.raises(Unknown):
        jst(wms).stop(WHOLE)


def test_nobody_there_means_nothing_was_sent(wms: Wms) -> None:
    client = qm(wms)
    wms.close()
    with pytest.raises(Later):
        client.stop(WHOLE)


def test_a_secret_shows_nowhere() -> None:
    assert SECRET not in repr(qimen.Account("1", "C1", SECRET))
    assert SECRET not in repr(jushuitan.Account("1", SECRET, SECRET))


@given(st.binary(max_size=400))
def test_whatever_comes_it_is_xml_or_said_not_to_be(body: bytes) -> None:
    try:
        xml.read(body)
    except Unreadable:
        return


@pytest.mark.parametrize(
    "body",
    [
        b'<!DOCTYPE a [<!ENTITY b "bbb">]><a>&b;</a>',
        b'<?xml version="1.0"?><!doctype a SYSTEM "file:///etc/passwd"><a/>',
        b"<a>" * 100_000,
        b"<a>" + b"x" * 2_000_000 + b"</a>",
        b"",
        b"{}",
        "<a>坏</a>".encode("gb18030"),
    ],
)
def test_what_could_hurt_is_declined(body: bytes) -> None:
    with pytest.raises(CarrierError):
        xml.read(body)


def test_written_and_read_again() -> None:
    made = xml.write("request", {"a": "1 < 2 & 3", "b": {"c": [{"d": "x"}, {"d": "y"}]}, "empty": ""})
    root = xml.read(made)
    assert (xml.text(root, "a"), [xml.text(c, "d") for c in root.iterfind("b/c")]) == ("1 < 2 & 3", ["x", "y"])
    assert root.find("empty") is None
