"""The local gateway turns down what the real one would. Called here without the desk's client."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import httpx
import pytest

from handoffs.gateway import Fault, Gateway, control
from handoffs.gateway.top import signature
from tests.marketplaces.conftest import AGREE, GET, LIST, Hand

Call = Callable[..., dict[str, Any]]
REVIEW = "taobao.rp.refund.review"


@pytest.fixture
def call(gateway: Gateway) -> Call:
    """Calls a method with fields; `common` changes what every call carries, None leaves it out."""

    def make(method: str, *, tmall: bool = False, common: dict[str, str | None] | None = None, **fields: Any) -> Any:
        seller = gateway.seller(tmall=tmall)
        form: dict[str, Any] = {
            "method": method, "app_key": seller.app_key, "session": seller.session, "format": "json", "v": "2.0",
            "timestamp": "2026-11-11 12:00:00", "sign_method": "md5", **fields, **(common or {}),
        }  # fmt: skip
        form = {name: str(value) for name, value in form.items() if value is not None}
        if "sign" not in (common or {}) and form.get("sign_method") in ("md5", "hmac", "hmac-sha256"):
            form["sign"] = signature(form, seller.app_secret)
        answer = httpx.post(f"{gateway.url}/router/rest", data=form).json()
        return answer.get("error_response") or next(iter(answer.values()))

    return make


@pytest.mark.parametrize(
    ("common", "code"),
    [
        ({"method": None}, 21), ({"method": "taobao.refund.burn"}, 22), ({"app_key": None}, 28),
        ({"app_key": "99"}, 29), ({"timestamp": None}, 30), ({"timestamp": "noon"}, 31), ({"v": None}, 32),
        ({"v": "1.0"}, 33), ({"format": "xml"}, 23), ({"sign": None}, 24), ({"sign": "00"}, 25),
        ({"sign_method": "sha1", "sign": "00"}, 25), ({"session": None}, 26), ({"session": "stolen"}, 27),
    ],
)  # fmt: skip
def test_who_calls_is_checked(call: Call, common: dict[str, str | None], code: int) -> None:
    assert call(LIST, fields="refund_id", common=common)["code"] == code


@pytest.mark.parametrize(("minutes", "good"), [(-10.1, False), (-9.9, True), (9.9, True), (10.1, False)])
def test_the_timestamp_may_be_ten_minutes_off(call: Call, hand: Hand, minutes: float, *, good: bool) -> None:
    hand.on(minutes=minutes)
    assert ("code" not in call(LIST, fields="refund_id")) is good


@pytest.mark.parametrize(
    ("method", "fields", "code"),
    [
        (LIST, {}, 40),
        (LIST, {"fields": "refund_id", "page_size": 101}, 41),
        (LIST, {"fields": "refund_id", "start_modified": "today"}, 41),
        (GET, {"fields": "refund_id"}, 40),
        (AGREE, {"refund_infos": ""}, 40),
        (AGREE, {"refund_infos": "1|10.00|3"}, 41),
        (AGREE, {"refund_infos": "1|10"}, 41),
        (AGREE, {"refund_infos": ",".join(["1|1|3"] * 21)}, 15),
        (AGREE, {"refund_infos": "1|600001|3"}, 15),
        (REVIEW, {"refund_id": "1"}, 40),
    ],
)
def test_what_is_asked_is_checked(call: Call, method: str, fields: dict[str, Any], code: int) -> None:
    assert call(method, **fields)["code"] == code


def test_on_tmall_the_phase_is_needed_and_compared(gateway: Gateway, call: Call) -> None:
    refund = gateway.add_refund(tmall=True)
    info = f"{refund['refund_id']}|10000|{refund['refund_version']}"
    assert call(AGREE, tmall=True, refund_infos=info)["code"] == 41
    (row,) = call(AGREE, tmall=True, refund_infos=f"{info}|aftersale")["results"]["refund_mapping_result"]
    assert (row["succ"], row["message"]) == (False, "退款阶段不一致")


def test_another_shops_refund_is_not_paid(gateway: Gateway, call: Call) -> None:
    refund = gateway.add_refund(tmall=True)
    answer = call(AGREE, refund_infos=f"{refund['refund_id']}|10000|{refund['refund_version']}")
    assert (answer["succ"], answer["msg_code"], gateway.paid) == (False, "OP_FAILURE_UE", {})


def test_an_app_that_calls_too_often_is_turned_away(gateway: Gateway, call: Call, hand: Hand) -> None:
    gateway.taobao.gate.calls_a_second = 2
    codes = [call(LIST, fields="refund_id").get("code") for _ in range(3)]
    assert codes == [None, None, 7]
    hand.on(seconds=1)
    assert "code" not in call(LIST, fields="refund_id")
    gateway.taobao.gate.ban(30)
    assert call(LIST, fields="refund_id")["sub_msg"] == "This ban will last for 31 more seconds"


def test_an_empty_list_is_not_there_and_totals_are_told_when_asked(gateway: Gateway, call: Call) -> None:
    assert "refunds" not in call(LIST, fields="refund_id", use_has_next="true")
    gateway.add_refund(refund_id="1")
    answer = call(LIST, fields="refund_id,status")
    assert (answer["total_results"], answer["refunds"]["refund"]) == (
        1, [{"refund_id": "1", "status": "WAIT_SELLER_AGREE"}],
    )  # fmt: skip


def test_clients_at_once_move_the_money_once(gateway: Gateway, call: Call) -> None:
    refund = gateway.add_refund()
    info = f"{refund['refund_id']}|10000|{refund['refund_version']}"
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _number: call(AGREE, refund_infos=info)["succ"], range(16)))
    assert (answers.count(True), gateway.paid) == (1, {refund["refund_id"]: [10000]})


def test_faults_wait_for_their_method_in_their_order(gateway: Gateway) -> None:
    gateway.faults.append((AGREE, "cut_after"))
    gateway.faults.append(("*", Fault("html")))
    gateway.faults.add(AGREE, "slow")
    taken = [gateway.faults.take(method) for method in (GET, AGREE, AGREE, AGREE)]
    assert [fault.kind if fault else None for fault in taken] == ["html", "cut_after", "slow", None]
    with pytest.raises(ValueError, match="flood"):
        gateway.faults.append((AGREE, "flood"))


def test_it_keeps_its_address_and_its_memory_over_an_outage(gateway: Gateway, call: Call) -> None:
    refund, address = gateway.add_refund(), gateway.url
    gateway.down = True
    with pytest.raises(httpx.ConnectError):
        call(LIST, fields="refund_id")
    gateway.down = False
    assert gateway.url == address
    assert call(GET, fields="refund_id", refund_id=refund["refund_id"])["refund"]


def test_stopping_cuts_what_is_under_way(hand: Hand) -> None:
    gateway = Gateway(now=hand).start()
    gateway.faults.add("*", "slow", seconds=60)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(httpx.post, f"{gateway.url}/router/rest", data={"method": "x"}, timeout=60)
        while not gateway.calls:
            pass
        gateway.stop()
        assert waiting.exception() is not None


def test_it_can_be_handled_from_another_process(gateway: Gateway) -> None:
    control.open_to(gateway)

    def do(**what: Any) -> dict[str, Any]:
        made: dict[str, Any] = httpx.post(gateway.url + control.PATH, data={"do": json.dumps(what)}).json()
        return made

    refund = do(add={"refund_fee": "12.30"})["refund"]
    assert do(change=[refund["refund_id"], {"status": "CLOSED"}])["refund"]["status"] == "CLOSED"
    do(fault=[GET, "html", {"times": 2}], set={"trusting": True, "refunds": None})
    assert (len(gateway.faults), gateway.taobao.till.trusting, do()) == (2, True, {"paid": {}})


@contextmanager
def by_hand() -> Iterator["subprocess.Popen[str]"]:
    command = [sys.executable, "-m", "handoffs.gateway", "--port", "0", "--refunds", "3"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603
        yield process
        process.terminate()


def test_it_is_served_by_hand() -> None:
    with by_hand() as process:
        assert process.stdout is not None
        address = process.stdout.readline().strip()
        assert "session-taobao" in process.stdout.readline()
        answer = httpx.post(address, data={"method": LIST}).json()
    assert answer["error_response"]["code"] == 28


def test_it_knows_nothing_of_the_desk() -> None:
    wanted = "import sys, handoffs.gateway; sys.exit('django' in sys.modules or 'httpx' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", wanted], check=False).returncode == 0  # noqa: S603
