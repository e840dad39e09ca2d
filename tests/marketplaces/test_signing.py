"""TOP's signature: the vectors, and what has no part in it."""

from collections.abc import Callable
from typing import Any

import pytest

from handoffs.gateway.top import signature
from handoffs.marketplaces.base import Credentials
from handoffs.marketplaces.taobao.signing import METHODS, sign
from handoffs.marketplaces.taobao.wire import Wire
from tests.marketplaces.conftest import GET, sample

VECTORS = sample("signing_vectors.json")["taobao_top_computed_from_documented_algorithm"]


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["sign_method"])
def test_the_vectors_are_reproduced(vector: dict[str, Any]) -> None:
    assert sign(vector["params"], vector["secret"], vector["sign_method"]) == vector["sign"]
    assert signature(vector["params"], vector["secret"]) == vector["sign"]


def test_there_is_a_vector_for_every_method() -> None:
    assert {vector["sign_method"] for vector in VECTORS} == set(METHODS)


def test_the_signature_itself_and_empty_values_are_left_out() -> None:
    params = {"b": "2", "a": "1"}
    assert sign({**params, "sign": "OLD", "code": ""}, "secret", "hmac") == sign(params, "secret", "hmac")


def test_han_characters_are_signed_as_utf8() -> None:
    params = {"内容": "退款", "sign_method": "md5"}
    assert sign(params, "密", "md5") == signature(params, "密")


def test_another_method_is_no_method() -> None:
    with pytest.raises(ValueError, match="sha1"):
        sign({}, "secret", "sha1")


@pytest.mark.parametrize("method", METHODS)
def test_the_gateway_takes_every_method(gateway: Any, signed: Callable[[str], Wire], method: str) -> None:
    refund = gateway.add_refund()
    answer = signed(method).read(GET, {"refund_id": refund["refund_id"], "fields": "refund_id,status"})
    assert answer["refund"] == {"refund_id": refund["refund_id"], "status": "WAIT_SELLER_AGREE"}
    assert gateway.calls[-1].form["sign_method"] == method


def test_secrets_do_not_show() -> None:
    credentials = Credentials("1234", "app-secret-itself", "session-itself")
    assert "itself" not in repr(credentials)
