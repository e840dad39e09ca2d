"""JOS's wire: the published vector, envelopes, and what each error proves."""

import json
from typing import Any

import pytest

from handoffs.gateway import Gateway
from handoffs.gateway.jd import JdBackOffice
from handoffs.marketplaces.base import Later, MarketplaceError, NotAllowed, Refused, Unknown
from handoffs.marketplaces.jd import wire
from handoffs.marketplaces.jd.errors import error_of, no_of
from handoffs.marketplaces.jd.signing import sign
from handoffs.marketplaces.taobao.limit import Bucket
from tests.marketplaces.conftest import Hand, sample
from tests.marketplaces.jd_shop import GET, LIST, JdShop

VECTOR = sample("signing_vectors.json")["jd_published_vector"]


@pytest.fixture
def shop(gateway: Gateway, hand: Hand) -> JdShop:
    return JdShop(gateway, hand)


def test_the_published_vector_is_reproduced() -> None:
    assert sign(VECTOR["params"], VECTOR["secret"]) == VECTOR["sign"]
    assert sign({**VECTOR["params"], "sign": "OLD"}, VECTOR["secret"]) == VECTOR["sign"]


def test_han_characters_are_signed_as_utf8() -> None:
    office = JdBackOffice()
    params = {"360buy_param_json": '{"remark":"同意退款"}', "v": "2.0"}
    assert sign(params, office.vender.app_secret) == office._signature(params)


def test_a_call_carries_beijings_time_and_compact_json(shop: JdShop) -> None:
    row = shop.office.add_cancel()
    shop.client().read(str(row["id"]))
    form = shop.gateway.called(GET)[0].form
    assert form["timestamp"] == "2026-11-11 12:00:00"
    assert form["360buy_param_json"] == json.dumps({"id": row["id"]}, separators=(",", ":"))
    assert {"method", "app_key", "access_token", "v", "format", "sign"} < set(form)


@pytest.mark.parametrize(
    ("changes", "code"),
    [({"app_secret": "wrong"}, "12"), ({"session": "old"}, "19"), ({"app_key": "stranger"}, "21")],
)
def test_a_wrong_key_is_something_a_person_mends(shop: JdShop, changes: dict[str, str], code: str) -> None:
    with pytest.raises(NotAllowed) as caught:
        shop.client(**changes).test()
    assert caught.value.code == code


def test_a_clock_that_is_six_minutes_off_is_refused(shop: JdShop) -> None:
    client = shop.client()
    client.wire._now = lambda: shop.hand.at.replace(minute=6, second=1)
    with pytest.raises(Refused) as caught:
        client.test()
    assert caught.value.code == "8"


def test_the_sample_error_is_a_token_to_mend() -> None:
    error = error_of(sample("jd/error_response.constructed.json")["error_response"], write=True)
    assert (type(error), error.code, error.message) == (NotAllowed, "19", "无效access_token")


@pytest.mark.parametrize(
    ("code", "on_write", "on_read"),
    [
        ("2", Later, Later), ("23", Later, Later),
        ("12", NotAllowed, NotAllowed), ("24", NotAllowed, NotAllowed), ("64", NotAllowed, NotAllowed),
        ("8", Refused, Refused), ("61", Refused, Refused), ("15", Refused, Refused), ("71", Refused, Refused),
        ("1", Unknown, Later), ("43", Unknown, Later), ("65", Unknown, Later), ("66", Unknown, Later),
        ("67", Unknown, Later), ("17", Unknown, Later),
        ("11200025", Unknown, Refused), ("", Unknown, Refused),
    ],
)  # fmt: skip
def test_only_the_gates_own_errors_prove_that_a_write_had_no_effect(
    code: str, on_write: type[MarketplaceError], on_read: type[MarketplaceError]
) -> None:
    assert type(error_of({"code": code, "zh_desc": "话"}, write=True)) is on_write
    assert type(error_of({"code": code, "zh_desc": "话"}, write=False)) is on_read


@pytest.mark.parametrize(
    ("words", "on_write", "on_read"),
    [
        ("申请单不存在", Refused, Refused),
        ("系统繁忙，请稍后再试", Unknown, Later),
        # Perhaps reviewed by this very call, delivered twice on its way.
        ("申请单不能审核为该结果，请检查申请单是否已审核；", Unknown, Refused),
    ],
)
def test_a_result_that_says_no_is_taken_at_its_word_unless_it_leaves_a_doubt(
    words: str, on_write: type[MarketplaceError], on_read: type[MarketplaceError]
) -> None:
    assert type(no_of({"success": False, "errorMsg": words}, write=True)) is on_write
    assert type(no_of({"success": False, "errorMsg": words}, write=False)) is on_read


def test_an_error_inside_the_envelope_is_an_error() -> None:
    answer = {"jingdong_x_responce": {"code": "67", "zh_desc": "未知异常"}}
    with pytest.raises(Unknown):
        wire._content("jingdong.x", answer, write=True)
    with pytest.raises(Later):
        wire._content("jingdong.x", answer, write=False)


@pytest.mark.parametrize("key", ["jingdong_x_responce", "jingdong_x_response"])
def test_both_spellings_of_the_envelope_are_read(key: str) -> None:
    assert wire._content("jingdong.x", {key: {"code": "0", "a": 1}}, write=False) == {"code": "0", "a": 1}
    assert wire._content("jingdong.x", {key: {"code": None, "a": 1}}, write=False)["a"] == 1


@pytest.mark.parametrize("result", [None, {}, {"success": None}, {"success": "maybe"}])
def test_a_write_is_done_only_when_the_answer_says_so(result: dict[str, Any] | None) -> None:
    with pytest.raises(Unknown):
        wire.result_of({"replyResult": result}, "replyResult", write=True)


@pytest.mark.parametrize("yes", [True, "true", "True"])
def test_a_yes_may_be_a_word(yes: Any) -> None:
    assert wire.result_of({"replyResult": {"success": yes}}, "replyResult", write=True)


def test_an_exhausted_quota_closes_the_app_for_a_while(shop: JdShop) -> None:
    shop.office.limited = 1
    client = shop.client(bucket=Bucket(1000, patience=10, clock=shop.hand.seconds, sleep=shop.hand.sleep))
    with pytest.raises(Later) as caught:
        client.test()
    assert caught.value.wait == 300
    with pytest.raises(Later):
        client.test()
    assert len(shop.gateway.called(LIST)) == 1
    shop.hand.on(seconds=301)
    assert client.test()


def test_a_read_is_tried_again_and_then_left_for_later(shop: JdShop) -> None:
    row = shop.office.add_cancel()
    shop.gateway.faults.add(GET, "cut_before", times=2)
    assert shop.client().read(str(row["id"])).refund_id == str(row["id"])
    for kind in ("http_500", "html", "garbage"):
        shop.gateway.faults.add(GET, kind, times=3)
        with pytest.raises(Later):
            shop.client().read(str(row["id"]))


def test_the_secrets_are_in_no_error_and_no_log(shop: JdShop, caplog: pytest.LogCaptureFixture) -> None:
    client = shop.client(session="token-of-somebody", app_secret="wrong-secret")
    with caplog.at_level("DEBUG"), pytest.raises(NotAllowed) as caught:
        client.test()
    told = f"{caught.value!r} {caplog.text}"
    assert "token-of-somebody" not in told
    assert "wrong-secret" not in told
