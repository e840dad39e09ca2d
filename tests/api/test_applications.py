"""Pushed refund applications: an answer per row in order, idempotent, exact, and only for shops one may import for."""

import json
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from accounts.models import Shop
from accounts.models.people import Role
from handoffs.models import Case
from tests import factories, snapshot
from tests.api.conftest import Caller
from tests.factories import World

ADDRESS = "/api/v1/refund-applications/"


def application(number: int = 1, **fields: Any) -> dict[str, Any]:
    """A TOP refund object as the sandbox gives it, with made-up values, and the shop beside it."""
    return {
        "shop": "tb",
        "refund_id": 1_146_535_512_261_065_000 + number,
        "tid": 1_194_174_061_956_510_000 + number,
        "oid": 1_194_174_061_976_510_000 + number,
        "status": "WAIT_SELLER_AGREE",
        "order_status": "WAIT_SELLER_SEND_GOODS",
        "good_status": "BUYER_NOT_RECEIVED",
        "has_good_return": False,
        "refund_fee": "52.77",
        "total_fee": "52.77",
        "reason": "协商一致退款",
        "title": "测试水杯",
        "buyer_nick": "buyer",
        "created": "2026-11-11 11:52:22",
        "modified": "2026-11-11 11:52:22",
        **fields,
    }


def push(client: APIClient, body: Any) -> list[dict[str, str]]:
    answer = client.post(ADDRESS, body)
    assert answer.status_code == 200, answer.content
    results: list[dict[str, str]] = answer.json()["results"]
    return results


def test_one_object_makes_one_case(world: World, call: Caller) -> None:
    assert push(call(world.support), application()) == [
        {"refund_id": "1146535512261065001", "result": "created", "reason": ""}
    ]
    case = Case.objects.get()
    assert (case.shop, case.path, str(case.amount)) == (world.shop, 1, "52.77")
    assert case.applied_at.isoformat() == "2026-11-11T03:52:22+00:00"


def test_the_same_push_three_times_changes_nothing_after_the_first(world: World, call: Caller, clock: Any) -> None:
    body = [application(1), application(2), application(3, modified=None)]
    client = call(world.support)
    assert [row["result"] for row in push(client, body)] == ["created"] * 3
    before = snapshot.of_the_desk()
    for _ in range(2):
        clock.shift(60)
        assert [row["result"] for row in push(client, body)] == ["unchanged"] * 3
    assert snapshot.of_the_desk() == before


def test_a_newer_one_updates_and_an_older_one_does_not(world: World, call: Caller) -> None:
    client = call(world.support)
    push(client, application())
    newer = application(refund_fee="40.00", modified="2026-11-11 11:55:00")
    assert push(client, newer)[0]["result"] == "updated"
    assert push(client, application(refund_fee="30.00"))[0]["result"] == "unchanged"
    assert str(Case.objects.get().amount) == "40.00"


def test_ids_of_nineteen_digits_stay_exact_as_number_and_as_text(world: World, call: Caller) -> None:
    wide = 9_007_199_254_740_993_001
    body = [application(refund_id=wide, tid=wide + 2, oid=wide + 4), application(refund_id=str(wide))]
    results = push(call(world.support), body)
    assert [row["refund_id"] for row in results] == [str(wide)] * 2
    case = Case.objects.get()
    assert (case.refund_id, case.line_id) == (str(wide), "1194174061976510001")
    raw = f'{{"shop":"tb","refund_id":{wide + 7},"status":"WAIT_SELLER_AGREE","refund_fee":12.10,' \
          f'"created":"2026-11-11 11:00:00"}}'  # fmt: skip
    answer = call(world.support).generic("POST", ADDRESS, raw, content_type="application/json")
    assert answer.json()["results"][0] == {"refund_id": str(wide + 7), "result": "created", "reason": ""}
    assert str(Case.objects.get(refund_id=str(wide + 7)).amount) == "12.10"


def test_bad_rows_are_rejected_with_a_reason_and_stop_no_other(world: World, call: Caller) -> None:
    body = [
        application(1),
        "text",
        application(2, shop="elsewhere"),
        application(3, refund_fee="many"),
        {"refund_id": "5"},
        application(4, created=None),
        application(5, shop=["tb"]),
        application(6),
    ]
    results = push(call(world.support), body)
    assert [row["result"] for row in results] == ["created", *["rejected"] * 6, "created"]
    assert all(row["reason"] for row in results if row["result"] == "rejected")
    assert [row["refund_id"] for row in results][3] == "1146535512261065003"
    assert "elsewhere" in results[2]["reason"]
    assert Case.objects.count() == 2


def test_results_stand_in_the_order_of_the_request_whatever_the_shop(world: World, call: Caller) -> None:
    body = [application(n, shop="tb" if n % 2 else "jd") for n in range(1, 8)]
    results = push(call(world.support), body)
    assert [row["refund_id"] for row in results] == [str(row["refund_id"]) for row in body]
    assert Case.objects.filter(shop=world.other_shop).count() == 3


def test_the_same_application_twice_in_one_push_is_one_case(world: World, call: Caller) -> None:
    results = push(call(world.support), [application(), application()])
    assert [row["result"] for row in results] == ["created", "unchanged"]
    assert Case.objects.count() == 1


def test_a_thousand_are_taken_set_wise_and_one_more_is_400(world: World, call: Caller) -> None:
    body = [application(number) for number in range(1000)]
    client = call(world.support)
    with CaptureQueriesContext(connection) as queries:
        assert {row["result"] for row in push(client, body)} == {"created"}
    assert len(queries) < 500
    answer = client.post(ADDRESS, [*body, application(1001)])
    assert answer.status_code == 400
    assert answer.json()["code"] == "too_many"
    assert Case.objects.count() == 1000


def test_an_empty_list_is_no_error(world: World, call: Caller) -> None:
    assert push(call(world.support), []) == []


@pytest.mark.parametrize(
    "body", ["{", "", "NaN", '{"refund_fee": Infinity}', "\xff", "[" * 100_000, '{"a":' + "9" * 5000]
)
def test_what_is_not_json_is_400(world: World, call: Caller, body: str) -> None:
    answer = call(world.support).generic(
        "POST",
        ADDRESS,
        body.encode("latin-1"),  # type: ignore[arg-type]
        content_type="application/json",
    )
    if body == "":
        assert answer.json()["results"][0]["result"] == "rejected"
        return
    assert answer.status_code == 400
    assert answer.json()["code"] == "not_readable"


@pytest.mark.parametrize("field", ["refund_fee", "refund_id", "title", "created", "modified", "num"])
def test_no_value_of_a_field_breaks_the_push(world: World, call: Caller, field: str) -> None:
    client = call(world.support)
    for number, value in enumerate(["1e400", "-1", "1.005", 10**15, True, {"a": 1}, [1], "\x00", "\ud800"]):
        body = json.dumps([application(2 * number, **{field: value}), application(2 * number + 1)])
        answer = client.generic("POST", ADDRESS, body, content_type="application/json")
        assert answer.status_code == 200, (value, answer.content)
        odd, good = answer.json()["results"]
        assert good["result"] == "created", value
        assert odd["result"] in ("created", "rejected"), value
        assert bool(odd["reason"]) == (odd["result"] == "rejected"), value


def test_a_shop_one_may_not_import_for_reads_like_one_that_is_not_there(world: World, call: Caller) -> None:
    Shop.objects.create(code="third", name="Third", marketplace="tmall")
    results = push(call(world.support), [application(shop="third"), application(shop="nowhere")])
    assert results[0]["reason"].replace("third", "nowhere") == results[1]["reason"]
    assert not Case.objects.exists()


def test_the_right_to_import_holds_shop_by_shop(world: World, call: Caller) -> None:
    person = factories.person(Role.SUPPORT, world.shop)
    results = push(call(person), [application(1), application(2, shop="jd")])
    assert [row["result"] for row in results] == ["created", "rejected"]


@pytest.mark.parametrize("role", ["warehouse", "qc", "logistics"])
def test_who_may_not_import_at_all_gets_403(world: World, call: Caller, role: str) -> None:
    answer = call(world.people[role]).post(ADDRESS, application())
    assert answer.status_code == 403
    assert answer.json()["code"] == "not_allowed"
    assert not Case.objects.exists()
