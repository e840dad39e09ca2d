"""Reading JD: both kinds of object, windows and pages, codes and amounts."""

import json
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest

from handoffs.gateway import Gateway
from handoffs.intake import jd_api
from handoffs.intake.rows import Row
from handoffs.marketplaces.base import Later, Refused, State
from handoffs.marketplaces.jd import lists
from handoffs.marketplaces.jd.states import CANCEL_CODES, cancel_state, service_state
from tests.marketplaces.conftest import Hand, sample
from tests.marketplaces.jd_shop import BEIJING, GET, LIST, SERVICES, JdShop


@pytest.fixture
def shop(gateway: Gateway, hand: Hand) -> JdShop:
    return JdShop(gateway, hand)


def pulled(shop: JdShop, **back: float) -> list[State]:
    return list(shop.client().pull(shop.hand.at - timedelta(**back), shop.hand.at))


def asked(shop: JdShop, method: str) -> list[dict[str, Any]]:
    return [json.loads(call.form["360buy_param_json"]) for call in shop.gateway.called(method)]


# Codes and amounts ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "paid", "closed", "agreed"),
    [
        (0, False, False, False), (2, False, False, False), (8, False, False, False), (10, False, False, False),
        (19, False, False, False),
        (1, False, False, True), (5, False, False, True), (6, False, False, True), (7, False, False, True),
        (9, False, False, True), (16, False, False, True), (17, False, False, True), (27, False, False, True),
        (3, True, False, False),
        (4, False, True, False), (11, False, True, False), (18, False, True, False),
    ],
)  # fmt: skip
def test_only_finance_says_paid(code: int, *, paid: bool, closed: bool, agreed: bool) -> None:
    state = cancel_state({"id": 1, "status": code})
    assert (state.paid, state.closed, state.agreed, state.unmapped) == (paid, closed, agreed, False)
    assert state.status == str(code)


def test_all_documented_codes_are_mapped() -> None:
    assert {int(code) for code in CANCEL_CODES} == {*range(12), 16, 17, 18, 19, 27}


@pytest.mark.parametrize("code", [12, 28, 99, "", None, "通过"])
def test_a_code_in_no_table_is_kept_and_marked(code: Any) -> None:
    state = cancel_state({"id": 1, "status": code})
    assert (state.unmapped, state.paid, state.closed, state.agreed) == (True, False, False, False)
    assert state.raw["status"] == code


@pytest.mark.parametrize(
    ("told", "amount"),
    [(0, "0.00"), (1, "0.01"), (10, "0.10"), ("2990", "29.90"), ("2990.0", "29.90"), (99999999, "999999.99")],
)
def test_the_amount_of_a_cancelled_order_is_in_fen(told: Any, amount: str) -> None:
    assert cancel_state({"id": 1, "status": 0, "applyRefundSum": told}).amount == Decimal(amount)


@pytest.mark.parametrize("told", ["29.5", "", None, "免费", -1, "NaN"])
def test_an_amount_that_is_no_whole_fen_is_no_amount(told: Any) -> None:
    assert cancel_state({"id": 1, "status": 0, "applyRefundSum": told}).amount is None


@pytest.mark.parametrize(
    ("service", "refund", "paid", "closed", "unmapped"),
    [
        (10010, 13, True, False, False), (None, 13, True, False, False), (10007, 14, False, False, False),
        (10000, None, False, False, False), (10041, None, False, False, False),
        (10004, None, False, True, False), (10011, None, False, True, False), (10011, 13, True, False, False),
        (77777, None, False, False, True), (10000, 15, False, False, True),
    ],
)  # fmt: skip
def test_a_service_is_paid_when_its_refund_says_so(
    service: int | None, refund: int | None, *, paid: bool, closed: bool, unmapped: bool
) -> None:
    state = service_state({"status": refund, "sameOrderServiceBill": {"serviceId": 5, "serviceState": service}})
    assert (state.paid, state.closed, state.unmapped) == (paid, closed, unmapped)


def test_the_samples_are_read_and_intake_understands_their_raw_objects() -> None:
    cancels = sample("jd/refundapply_queryPageList.2016.masked.json")
    rows = cancels["jingdong_pop_afs_soa_refundapply_queryPageList_responce"]["queryResult"]["result"]
    found = [cancel_state(row) for row in rows]
    assert [(s.refund_id, s.status, s.amount, s.phase) for s in found] == [
        ("1000399977", "0", Decimal("0.00"), "cancel"), ("1000196441", "0", Decimal("0.00"), "cancel"),
    ]  # fmt: skip
    services = sample("jd/asc_serviceAndRefund_view.test.json")
    (row,) = services["jingdong_asc_serviceAndRefund_view_responce"]["pageResult"]["data"]
    found.append(service_state(row))
    assert (found[2].refund_id, found[2].amount, found[2].paid) == ("123", Decimal("12.30"), True)
    for number, state in enumerate(found, start=1):
        read = jd_api.row(dict(state.raw), number)
        assert isinstance(read, Row)
        assert (read.refund_id, read.source_kind, read.fields["amount"]) == (state.refund_id, state.phase, state.amount)


# Pulling -------------------------------------------------------------------------------------------------------------


def test_a_pull_brings_both_kinds_oldest_first_and_each_once(shop: JdShop) -> None:
    late = shop.office.add_cancel(applyTime=shop.said(hours=1), modified=shop.said(hours=1))
    both = shop.office.add_cancel(applyTime=shop.said(hours=5), checkTime=shop.said(hours=2), status=2,
                                  modified=shop.said(hours=2))  # fmt: skip
    reviewed = shop.office.add_cancel(applyTime=shop.said(days=20), checkTime=shop.said(hours=3), status=1,
                                      modified=shop.said(hours=3))  # fmt: skip
    shop.office.add_cancel(applyTime=shop.said(days=20))
    service = shop.office.add_service(afsApplyTime=shop.said(hours=4))
    approved = shop.office.add_service(afsApplyTime=shop.said(days=9), approveDate=shop.said(minutes=30))
    found = pulled(shop, hours=6)
    assert [state.refund_id for state in found] == [
        str(service["sameOrderServiceBill"]["serviceId"]), str(reviewed["id"]), str(both["id"]), str(late["id"]),
        str(approved["sameOrderServiceBill"]["serviceId"]),
    ]  # fmt: skip


def test_the_windows_are_never_wider_than_jd_takes(shop: JdShop) -> None:
    shop.office.add_service(afsApplyTime=shop.said(days=25))
    shop.office.add_cancel(applyTime=shop.said(days=29))
    assert len(pulled(shop, days=30)) == 2
    for method, pairs in (
        (LIST, (("applyTimeStart", "applyTimeEnd"), ("checkTimeStart", "checkTimeEnd"))),
        (SERVICES, (("applyTimeBegin", "applyTimeEnd"), ("approveTimeBegin", "approveTimeEnd"))),
    ):
        for begin, end in pairs:
            asked_for = sorted((p[begin], p[end]) for p in asked(shop, method) if begin in p)
            assert asked_for[0][0] == shop.said(days=30)
            assert asked_for[-1][1] == shop.said()
            assert len(asked_for) == 30
            assert all(one[1] == after[0] for one, after in pairwise(asked_for))


def test_the_last_second_of_a_window_is_in_it(shop: JdShop) -> None:
    since = datetime(2026, 11, 11, 9, 0, tzinfo=BEIJING)
    until = datetime(2026, 11, 11, 10, 0, 0, 500_000, tzinfo=BEIJING)
    assert list(lists.windows(since, until)) == [(since, until.replace(second=1, microsecond=0))]


def test_all_pages_are_read_at_fifty_a_page(shop: JdShop) -> None:
    for _row in range(120):
        shop.office.add_cancel(applyTime=shop.said(minutes=5))
    assert len(pulled(shop, hours=1)) == 120
    by_application = [p for p in asked(shop, LIST) if "applyTimeStart" in p]
    assert [p["pageIndex"] for p in by_application] == [1, 2, 3]
    assert {p["pageSize"] for p in asked(shop, LIST) + asked(shop, SERVICES)} == {50}


def test_a_window_with_more_than_a_hundred_pages_is_read_in_halves(
    shop: JdShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lists, "MOST_PAGES", 2)
    for number in range(180):
        shop.office.add_cancel(applyTime=shop.said(seconds=10 + number * 19))
    assert len(pulled(shop, hours=1)) == 180
    assert max(p["pageIndex"] for p in asked(shop, LIST)) <= 2


def test_a_row_that_slips_between_two_pages_is_found_on_the_second_pass(
    shop: JdShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [shop.office.add_cancel(applyTime=shop.said(days=9), checkTime=shop.said(minutes=30)) for _row in range(70)]
    handle = shop.office.handle

    def slipping(form: dict[str, str]) -> Any:
        """After the first page one of its rows is reviewed anew and goes to the end of the list."""
        answer = handle(form)
        params = json.loads(form["360buy_param_json"])
        if "checkTimeStart" in params and params["pageIndex"] == 1 and rows:
            moved = shop.office.cancels.pop(str(rows.pop(0)["id"]))
            shop.office.cancels[str(moved["id"])] = moved
            rows.clear()
        return answer

    monkeypatch.setattr(shop.office, "handle", slipping)
    assert len(pulled(shop, hours=1)) == 70


def test_a_row_without_an_id_stops_nothing(shop: JdShop) -> None:
    shop.office.add_cancel(applyTime=shop.said(minutes=5))
    shop.office.services.append({"sameOrderServiceBill": {"afsApplyTime": shop.said(minutes=5)}})
    assert [state.phase for state in pulled(shop, hours=1)] == ["cancel"]


def test_a_list_that_says_no_is_an_error_not_an_empty_list(shop: JdShop, monkeypatch: pytest.MonkeyPatch) -> None:
    no = {"jingdong_pop_afs_soa_refundapply_queryPageList_responce": {
        "queryResult": {"success": False, "errorMsg": "系统繁忙"}}}  # fmt: skip
    monkeypatch.setattr(shop.office, "handle", lambda _form: (200, no))
    with pytest.raises(Later):
        pulled(shop, hours=1)


# Reading one ---------------------------------------------------------------------------------------------------------


def test_one_application_is_read_with_its_number_exact(shop: JdShop) -> None:
    row = shop.office.add_cancel(id=9007199254740993, applyRefundSum=1)
    state = shop.client().read("9007199254740993")
    assert (state.refund_id, state.amount, state.phase) == (str(row["id"]), Decimal("0.01"), "cancel")


def test_an_unknown_number_and_a_services_number_are_not_found(shop: JdShop) -> None:
    service = shop.office.add_service()
    for refund_id in ("1", str(service["sameOrderServiceBill"]["serviceId"]), "V123", "", "１２"):
        with pytest.raises(Refused):
            shop.client().read(refund_id)
    assert len(shop.gateway.called(GET)) == 2


def test_an_answer_for_another_application_is_not_taken(shop: JdShop) -> None:
    row = shop.office.add_cancel()
    shop.office.cancels["77"] = row
    with pytest.raises(Later):
        shop.client().read("77")


def test_a_service_is_read_by_its_order(shop: JdShop) -> None:
    shop.office.add_service(orderId=8, serviceId=1)
    shop.office.add_service(orderId=8, serviceId=2, refund={"status": 13, "refoundAmount": "12.30", "afsRefundId": "4"})
    state = shop.client().read_service("2", "8")
    assert (state.paid, state.amount, state.phase) == (True, Decimal("12.30"), "service")
    assert not shop.client().read_service("1", "8").paid
    with pytest.raises(Refused):
        shop.client().read_service("3", "8")


def test_the_connection_is_tried_with_a_harmless_read(shop: JdShop) -> None:
    assert "no order" in shop.client().test()
    shop.office.add_cancel(applyTime=shop.said(hours=2))
    assert "1" in shop.client().test()
    assert {call.method for call in shop.gateway.calls} == {LIST}
