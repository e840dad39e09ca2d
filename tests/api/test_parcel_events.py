"""Parcel events pushed by a program: each row answered for by itself, the same again changing nothing."""

from typing import Any

import pytest

from handoffs.models import ParcelEvent
from tests import factories
from tests.api.conftest import Caller
from tests.factories import World

ADDRESS = "/api/v1/parcel-events/"


def row(**fields: Any) -> dict[str, Any]:
    return {"shop": "tb", "waybill": "ZTO0001", "carrier": "中通快递", "at": "2026-11-11 11:30:00", **fields}


def test_events_move_the_case_and_the_same_again_changes_nothing(world: World, call: Caller) -> None:
    case = factories.case(world.shop, path=2)
    client = call(world.support)
    for wanted in ("created", "unchanged"):
        answer = client.post(ADDRESS, [row(text="快件已签收，签收人：本人")], format="json")
        assert (answer.status_code, answer.json()["results"][0]["result"]) == (200, wanted)
    case.refresh_from_db()
    assert (case.path, ParcelEvent.objects.get().source) == (3, "api")


@pytest.mark.parametrize(
    "wrong",
    [{"shop": "nowhere"}, {"at": "yesterday"}, {"waybill": ""}, {"text": "", "state": ""}, {"leg": "sideways"}],
)
def test_a_wrong_row_is_rejected_with_its_reason_beside_a_good_one(
    world: World, call: Caller, wrong: dict[str, str]
) -> None:
    factories.case(world.shop, path=2)
    pushed = [row(**{"state": "in_transit", **wrong}), row(state="in_transit")]
    answer = call(world.support).post(ADDRESS, pushed, format="json").json()["results"]
    assert [each["result"] for each in answer] == ["rejected", "created"]
    assert answer[0]["reason"]


def test_a_trace_in_a_services_own_form_is_taken(world: World, call: Caller) -> None:
    case = factories.case(world.shop, path=2)
    trace = {"nu": "ZTO0001", "com": "zhongtong", "state": "3",
             "data": [{"time": "2026-11-11 11:00:00", "context": "已签收"}]}  # fmt: skip
    answer = call(world.manager).post(ADDRESS, {"shop": "tb", "kuaidi100": trace}, format="json")
    assert answer.json()["results"] == [{"waybill": "ZTO0001", "result": "created", "reason": ""}]
    case.refresh_from_db()
    assert case.path == 3


@pytest.mark.parametrize("role", ["warehouse", "qc", "logistics"])
def test_others_push_nothing(world: World, call: Caller, role: str) -> None:
    assert call(world.people[role]).post(ADDRESS, [row(state="signed")], format="json").status_code == 403
    assert not ParcelEvent.objects.exists()
