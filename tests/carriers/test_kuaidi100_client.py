"""Asking Kuaidi100: signed as it wants, not too often, and an order to stop a parcel sent once."""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest
import time_machine
from django.core.cache import cache
from django.core.cache.backends.locmem import LocMemCache

from handoffs.carriers.base import Later, Refused, State, Unknown
from handoffs.carriers.kuaidi100 import opened
from handoffs.carriers.kuaidi100_client import (
    LABEL,
    QUERY,
    SUBSCRIBE,
    Account,
    Interception,
    InterceptType,
    Kuaidi100,
    NoAnswer,
    NotSent,
    Payer,
    post,
)
from tests.carriers.samples import YUNDA, posted, sample

NOON = datetime(2026, 11, 11, 4, 0, tzinfo=UTC)
ACCOUNT = Account("customer", "key", "secret", "salt")
RESULT = sample(YUNDA)["lastResult"]
NUMBER = RESULT["nu"]


@dataclass
class Service:
    """Answers what it is told to, or goes wrong."""

    answer: Any = None
    error: Exception | None = None
    calls: list[tuple[str, dict[str, str]]] = field(default_factory=list)

    def __call__(self, url: str, form: Mapping[str, str]) -> Any:
        self.calls.append((url, dict(form)))
        if self.error is not None:
            raise self.error
        return self.answer


@pytest.fixture
def service() -> Service:
    return Service(RESULT)


@pytest.fixture
def client(service: Service) -> Kuaidi100:
    return Kuaidi100(ACCOUNT, cache, post=service, now=lambda: NOON)


def md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest().upper()


# Query ---------------------------------------------------------------------------------------------------------------


def test_a_query_is_signed_and_read(client: Kuaidi100, service: Service) -> None:
    track = client.query("yunda", NUMBER)
    assert (track.state, track.waybill, len(track.events)) == (State.SIGNED, NUMBER, 9)
    ((url, form),) = service.calls
    assert url == QUERY
    assert json.loads(form["param"]) == {"com": "yunda", "num": NUMBER, "resultv2": "4", "show": "0", "order": "desc"}
    assert form["sign"] == md5(form["param"] + "key" + "customer")
    assert form["customer"] == "customer"


def test_a_number_is_asked_for_once_in_thirty_minutes(service: Service) -> None:
    # Redis keeps time by itself and cannot be travelled; a cache in memory goes by the test's clock.
    client = Kuaidi100(ACCOUNT, LocMemCache("kuaidi100", {}), post=service, now=lambda: NOON)
    with time_machine.travel(NOON, tick=False) as clock:
        client.query("yunda", NUMBER)
        clock.shift(29 * 60)
        with pytest.raises(Later):
            client.query("yunda", NUMBER)
        clock.shift(61)
        client.query("yunda", NUMBER)
    assert len(service.calls) == 2


def test_the_thirty_minutes_are_kept_for_all_that_ask(client: Kuaidi100, service: Service) -> None:
    client.query("yunda", NUMBER)
    with pytest.raises(Later):
        Kuaidi100(ACCOUNT, cache, post=service).query("yunda", NUMBER)
    service.answer = {**RESULT, "nu": "5"}
    assert client.query("yunda", "5")


def test_what_never_left_does_not_count_and_what_left_does(client: Kuaidi100, service: Service) -> None:
    service.error = NotSent("ConnectError")
    with pytest.raises(Later):
        client.query("yunda", NUMBER)
    service.error = NoAnswer("ReadTimeout")
    with pytest.raises(Later):
        client.query("yunda", NUMBER)
    service.error = None
    with pytest.raises(Later):
        client.query("yunda", NUMBER)
    assert len(service.calls) == 2


def test_a_failure_is_told_in_the_services_words_and_is_not_no_trace(client: Kuaidi100, service: Service) -> None:
    service.answer = {"result": False, "returnCode": "500", "message": "查询无结果，请隔段时间再查"}
    with pytest.raises(Refused) as caught:
        client.query("yunda", NUMBER)
    assert (caught.value.code, caught.value.message) == ("500", "查询无结果，请隔段时间再查")


@pytest.mark.parametrize("answer", [None, [], "text", {}, {"nu": "another", "state": "3"}])
def test_an_answer_to_something_else_is_none(client: Kuaidi100, service: Service, answer: Any) -> None:
    service.answer = answer
    with pytest.raises(Later):
        client.query("yunda", NUMBER)


@pytest.mark.parametrize("carrier", ["shunfeng", "zhongtong"])
def test_some_carriers_want_a_telephone_number(client: Kuaidi100, service: Service, carrier: str) -> None:
    for phone in ("", "12", "abcd"):
        with pytest.raises(ValueError, match="digits"):
            client.query(carrier, NUMBER, phone)
    assert service.calls == []
    client.query(carrier, NUMBER, "0068")
    assert json.loads(service.calls[0][1]["param"])["phone"] == "0068"


# Subscribe -----------------------------------------------------------------------------------------------------------


def test_a_subscription_names_where_to_push_and_the_salt(client: Kuaidi100, service: Service) -> None:
    service.answer = {"result": True, "returnCode": "200", "message": "提交成功"}
    client.subscribe("yunda", NUMBER, "https://desk.example/hooks/kuaidi100/1/")
    ((url, form),) = service.calls
    param = json.loads(form["param"])
    assert (url, form["schema"]) == (SUBSCRIBE, "json")
    assert (param["company"], param["number"], param["key"]) == ("yunda", NUMBER, "key")
    assert param["parameters"]["salt"] == "salt"
    assert param["parameters"]["callbackurl"] == "https://desk.example/hooks/kuaidi100/1/"


def test_subscribing_twice_does_no_harm(client: Kuaidi100, service: Service) -> None:
    service.answer = {"result": False, "returnCode": "501", "message": "重复订阅"}
    client.subscribe("yunda", NUMBER, "https://desk.example/")
    service.answer = {"result": False, "returnCode": "701", "message": "拒绝订阅的快递公司"}
    with pytest.raises(Refused):
        client.subscribe("yunda", NUMBER, "https://desk.example/")


# Intercept -----------------------------------------------------------------------------------------------------------

STOP = Interception(
    "jtexpress", "JT1", InterceptType.TO_SENDER, "买家退款", Payer.MONTHLY, callback="https://desk.example/"
)
TAKEN = {"result": True, "returnCode": "200", "message": "成功", "data": {"orderId": "9"}}


def test_an_interception_is_signed_and_sent(client: Kuaidi100, service: Service) -> None:
    service.answer = TAKEN
    assert client.intercept(STOP) == {"orderId": "9"}
    ((url, form),) = service.calls
    assert (url, form["method"], form["t"]) == (LABEL, "interceptOrder", "1794369600000")
    assert form["sign"] == md5(form["param"] + form["t"] + "key" + "secret")
    assert json.loads(form["param"]) == {
        "kuaidicom": "jtexpress", "kuaidinum": "JT1", "interceptType": "RETURN_SEND_ADDR", "reason": "买家退款",
        "interceptPayType": "MONTHLY", "orderRole": "1", "callbackUrl": "https://desk.example/", "salt": "salt",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("answer", "error", "raised"),
    [
        ({"result": False, "returnCode": "30001", "message": "已签收"}, None, Refused),
        (None, NotSent("ConnectError"), Later),
        (None, NoAnswer("ReadTimeout"), Unknown),
        ({}, None, Unknown), ([], None, Unknown), ({"result": None}, None, Unknown), ({"nu": "1"}, None, Unknown),
    ],
)  # fmt: skip
def test_an_interception_is_sent_once_whatever_comes_of_it(
    client: Kuaidi100, service: Service, answer: Any, error: Exception | None, raised: type[Exception]
) -> None:
    service.answer, service.error = answer, error
    with pytest.raises(raised):
        client.intercept(STOP)
    assert len(service.calls) == 1


@pytest.mark.parametrize(
    "order",
    [
        Interception("jtexpress", "JT1", InterceptType.TO_SENDER, "退款", Payer.MONTHLY),
        Interception("zhongtong", "1", InterceptType.TO_OUTLET, "退款", Payer.MONTHLY),
        Interception("yuantong", "1", InterceptType.TO_OUTLET, "退款", Payer.MONTHLY),
        Interception("yunda", "1", InterceptType.NEW_ADDRESS, "改地址", Payer.SENDER),
        Interception("yunda", "1", InterceptType.NEW_ADDRESS, "改地址", Payer.SENDER, receiver={"name": "甲"}),
        Interception("yunda", "1", InterceptType.TO_SENDER, " ", Payer.SENDER),
        Interception("yunda", "", InterceptType.TO_SENDER, "退款", Payer.SENDER),
        Interception("yunda", "1", InterceptType.TO_SENDER, "退款", Payer.SENDER, role=4),
    ],
)
def test_what_the_service_would_not_take_is_not_sent(client: Kuaidi100, service: Service, order: Interception) -> None:
    with pytest.raises(ValueError, match="[a-z]"):
        client.intercept(order)
    assert service.calls == []


def test_a_callback_without_a_salt_could_not_be_trusted(service: Service) -> None:
    with pytest.raises(ValueError, match="signed"):
        Kuaidi100(Account("c", "k", "s"), cache, post=service).intercept(STOP)


def test_a_callback_is_opened_like_a_push() -> None:
    assert opened(posted({"kuaidinum": "JT1", "status": "1"}, salt="salt"), "salt") == {
        "kuaidinum": "JT1",
        "status": "1",
    }


def test_the_secrets_do_not_show() -> None:
    assert "secret" not in repr(ACCOUNT)
    assert "key" not in repr(ACCOUNT).replace("partner_key", "")
    assert "salt" not in repr(ACCOUNT)


# The wire ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def wire(monkeypatch: pytest.MonkeyPatch) -> Callable[[int, bytes], str]:
    """Starts a server that gives one answer to everything."""
    import threading
    from http.server import BaseHTTPRequestHandler, HTTPServer

    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)

    def serve(status: int, body: bytes) -> str:
        class Answer(BaseHTTPRequestHandler):
            def do_POST(self) -> None:  # noqa: N802
                self.rfile.read(int(self.headers["content-length"]))
                self.send_response(status)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_words: Any) -> None: ...

        server = HTTPServer(("127.0.0.1", 0), Answer)
        threading.Thread(target=lambda: (server.handle_request(), server.server_close()), daemon=True).start()
        return f"http://127.0.0.1:{server.server_address[1]}"

    return serve


def test_a_whole_answer_is_json(wire: Callable[[int, bytes], str]) -> None:
    assert post(wire(200, b'{"a": 1.50}'), {"x": "1"}) == {"a": "1.50"}


@pytest.mark.parametrize(("status", "body"), [(500, b"{}"), (302, b"{}"), (200, b"<html>"), (200, b"")])
def test_anything_else_is_no_answer(wire: Callable[[int, bytes], str], status: int, body: bytes) -> None:
    with pytest.raises(NoAnswer):
        post(wire(status, body), {"x": "1"})


def test_nobody_there_means_that_nothing_was_sent() -> None:
    with pytest.raises(NotSent):
        post("http://127.0.0.1:1", {"x": "1"})
