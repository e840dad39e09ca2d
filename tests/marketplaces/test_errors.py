"""What an error_response means: for a write, is it proof that nothing happened?"""

from typing import Any

import pytest

from handoffs.marketplaces.base import Later, MarketplaceError, NeedsCode, NotAllowed, Refused, Unknown
from handoffs.marketplaces.taobao.errors import error_of
from tests.marketplaces.conftest import sample

SIGNATURE, SESSION, LIMIT, BROKEN = (one["error_response"] for one in sample("error_response.constructed.json"))


def error(code: int, sub_code: str = "", sub_msg: str = "") -> dict[str, Any]:
    return {"code": code, "msg": "words", "sub_code": sub_code, "sub_msg": sub_msg}


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (SIGNATURE, NotAllowed),
        (SESSION, NotAllowed),
        (LIMIT, Later),
        (BROKEN, Unknown),
        # The gate: nothing has reached the service.
        (error(4), Later), (error(5), Later), (error(6), Later), (error(8), Later),
        (error(11, "isv.permission-api-package-limit"), NotAllowed),
        (error(12), NotAllowed), (error(13), NotAllowed), (error(26), NotAllowed), (error(29), NotAllowed),
        (error(21), Refused), (error(22), Refused), (error(23), Refused), (error(31), Refused), (error(33), Refused),
        (error(40, "isv.missing-parameter:refund_infos"), Refused),
        (error(41, "isv.invalid-parameter:refund_infos"), Refused),
        # The service's own no.
        (error(15, "isv.refund-version-error", "退款版本已变更"), Refused),
        (error(50, "isv.refund-status-error"), Refused),
        (error(15, "isv.permission-only-sub-account"), NotAllowed),
        (error(15, "isv.invalid-session"), NotAllowed),
        (error(15, "isv.need-verify-code"), NeedsCode),
        (error(15, "", "退款金额较大，短信验证码已发送"), NeedsCode),
        (error(15, "isp.remote-service-error", "验证码已发送，请输入"), NeedsCode),
        (error(15, "isp.remote-service-timeout", "验证码已发送，请输入"), Unknown),
        # Behind the gate: it may have been done before it broke.
        (error(15), Unknown), (error(10), Unknown), (error(3), Unknown),
        (error(10, "isp.http-read-timeout"), Unknown), (error(15, "isp.top-mapping-parse-error"), Unknown),
        (error(15, "isp.remote-service-error", "短信服务超时"), Unknown),
        (error(15, "isv.trade-service-timeout"), Unknown), (error(15, "isv.logistics-service-error:B1"), Unknown),
        (error(41, "isp.unknown-error"), Unknown),
        (error(999, "something-else"), Unknown), ({}, Unknown),
    ],
)  # fmt: skip
def test_for_a_write(content: dict[str, Any], kind: type[MarketplaceError]) -> None:
    assert type(error_of(content, write=True)) is kind


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (SIGNATURE, NotAllowed),
        (LIMIT, Later),
        (BROKEN, Later),
        (error(10), Later),
        (error(15, "isv.trade-service-timeout"), Later),
        (error(15, "isv.refund-not-exist"), Refused),
        (error(999, "something-else"), Refused),
    ],
)
def test_a_read_is_never_unknown(content: dict[str, Any], kind: type[MarketplaceError]) -> None:
    assert type(error_of(content, write=False)) is kind


@pytest.mark.parametrize(
    ("content", "seconds"),
    [
        (LIMIT, 1),
        (error(7, "accesscontrol.limited-by-app-access-count", "This ban will last for 3600 more seconds"), 3600),
        (error(7), 1),
        (error(4), 60),
    ],
)
def test_the_wait_is_as_told(content: dict[str, Any], seconds: float) -> None:
    raised = error_of(content, write=True)
    assert isinstance(raised, Later)
    assert raised.wait == seconds


def test_the_words_and_codes_are_the_marketplaces() -> None:
    raised = error_of(SESSION, write=False)
    assert (raised.message, raised.code, raised.sub_code) == ("SessionKey非法", "27", "invalid-sessionkey")
