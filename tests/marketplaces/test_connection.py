"""What a bad connection proves: nothing was sent, or nobody knows. A write goes out once, a read may again."""

import socket
import threading
import time
from collections.abc import Callable

import pytest

from handoffs.gateway import Gateway
from handoffs.marketplaces.base import Later, NotAllowed, Result, Unknown
from handoffs.marketplaces.http import Http, Patience
from tests.marketplaces.conftest import AGREE, GET, Client, Hand, payment

MESSAGE = "taobao.refund.message.add"
CUTS = ("cut_before", "cut_after", "half", "http_500", "html", "garbage")


@pytest.mark.parametrize("fault", CUTS)
def test_a_read_is_sent_again(gateway: Gateway, client: Client, hand: Hand, fault: str) -> None:
    refund = gateway.add_refund()
    gateway.faults.add(GET, fault, times=2)
    assert client().read(refund["refund_id"]).status == "WAIT_SELLER_AGREE"
    assert len(gateway.called(GET)) == 3
    assert hand.slept == [0.5, 1.0]


@pytest.mark.parametrize("fault", CUTS)
def test_a_read_is_not_sent_for_ever(gateway: Gateway, client: Client, fault: str) -> None:
    refund = gateway.add_refund()
    gateway.faults.add(GET, fault, times=9)
    with pytest.raises(Later):
        client().read(refund["refund_id"])
    assert len(gateway.called(GET)) == 3


def test_each_try_is_signed_anew(gateway: Gateway, client: Client, hand: Hand) -> None:
    refund = gateway.add_refund()
    gateway.faults.add(GET, "cut_before", times=2)
    client().read(refund["refund_id"])
    assert [call.form["timestamp"][-2:] for call in gateway.called(GET)] == ["00", "00", "01"]


@pytest.mark.parametrize("fault", CUTS)
def test_a_write_goes_out_once_and_is_unknown(gateway: Gateway, client: Client, fault: str) -> None:
    refund = gateway.add_refund()
    gateway.faults.add(AGREE, fault)
    (answer,) = client().pay([payment(refund)])
    assert answer.result == Result.UNKNOWN
    assert len(gateway.called(AGREE)) == 1
    had_effect = fault in ("cut_after", "half")
    assert gateway.paid == ({refund["refund_id"]: [10000]} if had_effect else {})


@pytest.mark.parametrize("after", [True, False])
def test_a_breakdown_behind_the_gate_is_unknown_for_a_write(gateway: Gateway, client: Client, *, after: bool) -> None:
    refund = gateway.add_refund()
    gateway.faults.add(AGREE, "isp", after=after)
    (answer,) = client().pay([payment(refund)])
    assert (answer.result, answer.code) == (Result.UNKNOWN, "isp.remote-service-timeout")
    assert bool(gateway.paid) is after


def test_a_breakdown_behind_the_gate_is_later_for_a_read(gateway: Gateway, client: Client) -> None:
    refund = gateway.add_refund()
    gateway.faults.add(GET, "isp")
    with pytest.raises(Later):
        client().read(refund["refund_id"])


def test_an_answer_that_comes_too_late_is_unknown_and_the_money_has_left(gateway: Gateway, client: Client) -> None:
    refund = gateway.add_refund()
    gateway.faults.add(AGREE, "slow", seconds=2)
    (answer,) = client(piece=0.2).pay([payment(refund)])
    assert answer.result == Result.UNKNOWN
    assert gateway.paid == {refund["refund_id"]: [10000]}


def test_nobody_at_the_address_means_nothing_was_sent(gateway: Gateway, client: Client) -> None:
    refund = gateway.add_refund()
    gateway.down = True
    (answer,) = client().pay([payment(refund)])
    assert answer.result == Result.LATER
    with pytest.raises(Later):
        client().read(refund["refund_id"])
    gateway.down = False
    assert client().pay([payment(refund)])[0].result == Result.ACCEPTED
    assert gateway.paid == {refund["refund_id"]: [10000]}


@pytest.mark.parametrize("address", ["ftp://127.0.0.1/", "no address", "http://[::1/"])
def test_an_address_that_is_none_is_the_connections_fault(client: Client, address: str) -> None:
    with pytest.raises(NotAllowed):
        client(gateway=address).read("1")


def test_a_client_that_went_away_does_not_end_the_gateway(gateway: Gateway, client: Client) -> None:
    refund = gateway.add_refund()
    with socket.create_connection(("127.0.0.1", int(gateway.url.rpartition(":")[2]))) as line:
        line.sendall(b"POST /router/rest HTTP/1.1\r\nContent-Length: 5000\r\n\r\nmethod=")
    assert client().read(refund["refund_id"]).refund_id == refund["refund_id"]


def test_a_wrong_path_is_no_answer(gateway: Gateway, client: Client) -> None:
    wire = client(gateway=f"{gateway.url}/elsewhere").wire
    with pytest.raises(Unknown):
        wire.write(MESSAGE, {})
    with pytest.raises(Later):
        wire.read(GET, {})


Served = Callable[[bytes, float], str]


@pytest.fixture
def served() -> Served:
    """A server of one answer, given in pieces so many seconds apart."""

    def serve(answer: bytes, apart: float) -> str:
        door = socket.create_server(("127.0.0.1", 0))

        def once() -> None:
            with door, door.accept()[0] as line:
                line.recv(65536)
                for piece in answer.split(b"~"):
                    time.sleep(apart)
                    try:
                        line.sendall(piece)
                    except OSError:
                        return

        threading.Thread(target=once, daemon=True).start()
        return f"http://127.0.0.1:{door.getsockname()[1]}/"

    return serve


def test_an_answer_in_drops_ends_with_our_patience(served: Served) -> None:
    address = served(b"HTTP/1.1 200 OK\r\nContent-Length: 40\r\n\r\n" + b"~ " * 40, 0.05)
    began = time.perf_counter()
    with pytest.raises(Unknown):
        Http(Patience(piece=1, whole=0.2)).write(address, {"a": "1"})
    assert time.perf_counter() - began < 1


def test_too_many_requests_are_turned_away_as_told(served: Served) -> None:
    address = served(b"HTTP/1.1 429 Slow down\r\nRetry-After: 17\r\nContent-Length: 0\r\n\r\n", 0)
    with pytest.raises(Later) as raised:
        Http().write(address, {"a": "1"})
    assert raised.value.wait == 17


def test_a_redirect_is_not_followed(served: Served, gateway: Gateway) -> None:
    address = served(f"HTTP/1.1 307 Go\r\nLocation: {gateway.url}/\r\nContent-Length: 0\r\n\r\n".encode(), 0)
    with pytest.raises(Unknown):
        Http().write(address, {"a": "1"})
    assert gateway.calls == []
