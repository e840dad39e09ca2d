"""Reading cases: their shape, filters, pages, and what each role does not see."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.duty import is_online
from accounts.models import User
from handoffs.flow import decision, handoff, response
from handoffs.flow.handoff import Question
from handoffs.flow.proposal import Proposal
from handoffs.flow.response import Reply
from handoffs.models import Calendar, CalendarWindow, CaseSource, ClockPolicy
from tests import factories
from tests.api.conftest import Caller
from tests.effort import THOROUGH
from tests.factories import NOON, World

FIXED = {
    "id", "shop", "refund_id", "order_id", "line_id", "path", "path_why", "status", "owner", "marketplace_status",
    "amount", "applied_at", "marketplace_deadline", "next_step", "clocks", "handoffs", "decisions", "timeline",
}  # fmt: skip
YUAN_250: dict[str, Any] = {"amount": Decimal(250), "total_fee": Decimal(250)}


def test_a_case_has_every_name_that_others_build_on(world: World, call: Caller) -> None:
    case = factories.case(world.shop, path=3, **YUAN_250, marketplace_deadline=NOON + timedelta(days=2))
    handoff.ask(case.pk, Question("ask_quality", note="能修吗"), by=world.support, at=NOON)
    decision.propose(case.pk, Proposal("full_refund", "同意退款给买家"), by=world.support, at=NOON)
    shown = call(world.support).get(f"/api/v1/cases/{case.pk}/").json()
    assert set(shown) >= FIXED
    assert {"kind", "started_at", "due_at", "ended_at", "state", "why"} <= set(shown["clocks"][0])
    assert {"id", "kind", "from_role", "to_role", "assignee", "status", "due_at", "answer", "data"} <= set(
        shown["handoffs"][0]
    )
    assert {"id", "kind", "amount", "status", "by", "approved_by"} <= set(shown["decisions"][0])
    assert {"at", "kind", "by", "data"} <= set(shown["timeline"][0])
    assert {"code", "label"} <= set(shown["next_step"])


def test_the_values_are_those_of_the_case(world: World, call: Caller) -> None:
    deadline = NOON + timedelta(days=2)
    case = factories.case(world.shop, path=3, **YUAN_250, marketplace_deadline=deadline)
    shown = call(world.support).get(f"/api/v1/cases/{case.pk}/").json()
    assert shown["shop"] == "tb"
    assert (shown["path"], shown["status"], shown["amount"]) == (3, "new", "250.00")
    assert shown["path_why"] == "The goods were signed for."
    assert shown["owner"] == {"id": world.support.pk, "name": "Support", "email": world.support.email}
    assert shown["applied_at"] == "2026-11-11T12:00:00+08:00"
    assert datetime.fromisoformat(shown["marketplace_deadline"]) == deadline
    first = next(clock for clock in shown["clocks"] if clock["kind"] == "first_response")
    assert first["due_at"] == "2026-11-11T12:30:00+08:00"
    assert first["state"] == "running"
    assert first["why"][1] == "30 min allowed."
    assert shown["next_step"]["code"] == "respond"


def test_times_stand_in_the_readers_zone_and_sentences_in_their_language(world: World, call: Caller) -> None:
    case = factories.case(world.shop)
    world.support.time_zone = "UTC"
    world.support.save()
    shown = call(world.support).get(f"/api/v1/cases/{case.pk}/").json()
    assert shown["applied_at"] == "2026-11-11T04:00:00+00:00"
    started = next(clock for clock in shown["clocks"] if clock["kind"] == "first_response")["why"][0]
    assert "04:00" in started


def test_decisions_handoffs_and_timeline_stand_oldest_first(world: World, call: Caller) -> None:
    case = factories.case(world.shop, path=3)
    for minute, kind in enumerate(("ask_quality", "check_shipped"), start=1):
        handoff.ask(case.pk, Question(kind, note="请看"), by=world.support, at=NOON + timedelta(minutes=minute))
    shown = call(world.support).get(f"/api/v1/cases/{case.pk}/").json()
    assert [asked["kind"] for asked in shown["handoffs"]] == ["ask_quality", "check_shipped"]
    moments = [entry["at"] for entry in shown["timeline"]]
    assert moments == sorted(moments)
    assert len(moments) > 2


def test_one_case_is_found_by_shop_and_refund_id(world: World, call: Caller) -> None:
    case = factories.case(world.shop)
    factories.case(world.shop)
    results = call(world.support).get(f"/api/v1/cases/?shop=tb&refund_id={case.refund_id}").json()["results"]
    assert [found["id"] for found in results] == [case.pk]
    assert set(results[0]) >= FIXED
    assert call(world.support).get(f"/api/v1/cases/?shop=jd&refund_id={case.refund_id}").json()["results"] == []


@pytest.mark.parametrize("by", ["refund_id", "order_id", "waybill"])
def test_q_finds_by_refund_order_or_waybill_number(world: World, call: Caller, by: str) -> None:
    case = factories.case(world.shop, path=2, outbound=[("中通快递", "ZTO7777")])
    factories.case(world.shop, path=2)
    text = "ZTO7777" if by == "waybill" else getattr(case, by)
    found = call(world.support).get("/api/v1/cases/", {"q": text}).json()["results"]
    assert [row["id"] for row in found] == [case.pk]


def test_filters_narrow_the_list(world: World, call: Caller) -> None:
    one = factories.case(world.shop, path=1)
    none = factories.case(world.shop, path=None)
    far = factories.case(world.other_shop, path=3)
    response.respond(far.pk, Reply("您好，正在核实"), by=world.support, at=NOON)
    client = call(world.support)

    def ids(**query: str) -> set[int]:
        return {row["id"] for row in client.get("/api/v1/cases/", query).json()["results"]}

    assert ids() == {one.pk, none.pk, far.pk}
    assert ids(path="1") == {one.pk}
    assert ids(path="none") == {none.pk}
    assert ids(shop="jd") == {far.pk}
    assert ids(status="in_progress") == {far.pk}
    assert ids(order_id=one.order_id) == {one.pk}
    assert ids(owner="me") == {one.pk, none.pk, far.pk}
    assert ids(owner="none") == set()
    assert ids(owner=str(world.manager.pk)) == set()


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"path": "5"}, "path"),
        ({"status": "lost"}, "status"),
        ({"cursor": "x"}, "cursor"),
        ({"limit": "0"}, "limit"),
        ({"limit": "100000"}, "limit"),
        ({"owner": "anybody"}, "owner"),
        ({"cursor": "9" * 40}, "cursor"),
        ({"q": "a\x00b"}, "q"),
    ],
)
def test_a_filter_that_means_nothing_is_400_naming_it(
    world: World, call: Caller, query: dict[str, str], field: str
) -> None:
    answer = call(world.support).get("/api/v1/cases/", query)
    assert answer.status_code == 400
    assert answer.json()["field"] == field


def test_pages_follow_each_other_without_gap_or_repeat_and_without_counting(world: World, call: Caller) -> None:
    made = [factories.case(world.shop).pk for _ in range(5)]
    client, address, seen = call(world.support), "/api/v1/cases/?limit=2", []
    with CaptureQueriesContext(connection) as queries:
        while address:
            page = client.get(address).json()
            seen += [row["id"] for row in page["results"]]
            address = page["next"]
    assert seen == sorted(made, reverse=True)
    assert not any("COUNT(" in query["sql"].upper() for query in queries)


def _cost(call: Caller, world: World, role: str, address: str) -> int:
    client = call(world.people[role])
    client.get(address)
    with CaptureQueriesContext(connection) as queries:
        assert client.get(address).status_code == 200
    return len(queries)


def _full_case(world: World) -> None:
    case = factories.case(world.shop, path=3, outbound=[("中通快递", f"ZTO{factories.row().number}")])
    response.respond(case.pk, Reply("您好，正在核实"), by=world.support, at=NOON)
    handoff.ask(case.pk, Question("check_not_received", note="查一下"), by=world.support, at=NOON)
    handoff.ask(case.pk, Question("check_shipped", note="查一下"), by=world.support, at=NOON)
    decision.propose(case.pk, Proposal("compensation", "商品有瑕疵 补偿", Decimal("150")), by=world.support, at=NOON)


def test_a_long_list_costs_as_many_queries_as_a_list_of_one(world: World, call: Caller) -> None:
    hours = Calendar.objects.create(name="Office")
    for day in range(7):
        CalendarWindow.objects.create(calendar=hours, weekday=day, start="09:00", end="18:00")
    ClockPolicy.objects.filter(clock="first_response").update(calendar=hours)
    lists = [f"/api/v1/{name}/" for name in ("cases", "handoffs", "queue")]

    def costs() -> dict[tuple[str, str], int]:
        return {(role, address): _cost(call, world, role, address) for role in world.people for address in lists}

    _full_case(world)
    one = costs()
    for _ in range(19 if THOROUGH else 3):
        _full_case(world)
    assert costs() == one


def test_the_buyer_is_masked_for_the_desk(world: World, call: Caller) -> None:
    case = factories.case(world.shop, buyer_nick="小熊爱买", buyer_phone="13800001234")
    shown = call(world.support).get(f"/api/v1/cases/{case.pk}/").json()["buyer"]
    assert shown["nick"] == "小**买"
    assert shown["phone"] == "138*****234"[:3] + shown["phone"][3:-3] + "234"
    assert "0000" not in shown["phone"]
    assert CaseSource.objects.get(case=case).buyer_phone == "13800001234"


def test_logistics_sees_what_is_on_the_waybill_masked(world: World, call: Caller) -> None:
    buyer = {"buyer_nick": "小熊爱买", "buyer_name": "测试人", "buyer_phone": "00011112222"}
    case = factories.case(world.shop, path=2, buyer_address="测试省测试市样例路一号", **buyer)
    handoff.ask(case.pk, Question("recall_parcel"), by=world.support, at=NOON)
    address = f"/api/v1/cases/{case.pk}/"
    shown = call(world.logistics).get(address).json()["buyer"]
    assert shown == {"nick": "", "name": "测*人", "phone": "000*****222", "address": "测试省*****路一号"}
    answer = call(world.logistics).post(f"{address}reveal_buyer/", {}, format="json")
    assert answer.status_code == 403


def test_a_token_user_counts_as_seen_online(world: World, call: Caller) -> None:
    User.objects.update(seen_at=None)
    call(world.warehouse).get("/api/v1/queue/")
    seen = User.objects.get(pk=world.warehouse.pk).seen_at
    assert seen is not None
    assert is_online(User.objects.get(pk=world.warehouse.pk), seen)


@pytest.mark.parametrize("role", ["warehouse", "qc", "logistics"])
def test_amounts_decisions_and_buyer_are_left_out_for_the_counterparts(world: World, call: Caller, role: str) -> None:
    yuan: dict[str, Any] = {"amount": Decimal("777.77"), "total_fee": Decimal("777.77")}
    kinds = {"warehouse": "check_shipped", "qc": "ask_quality", "logistics": "recall_parcel"}
    case = factories.case(world.shop, path=2, description="我的电话一三八", **yuan)
    response.respond(case.pk, Reply("小熊您好，正在核实"), by=world.support, at=NOON)
    handoff.ask(case.pk, Question(kinds[role], amount=Decimal("777.77")), by=world.support, at=NOON)
    decision.propose(case.pk, Proposal("full_refund", "同意退款给买家"), by=world.supervisor, at=NOON)
    factories.take(world.shop, factories.row(case.refund_id, amount=Decimal("776.66"), total_fee=Decimal("776.66"),
                   order_id=case.order_id, line_id=case.line_id, modified=NOON, **factories.ON_PATH[2]))  # fmt: skip
    for address in (f"/api/v1/cases/{case.pk}/", "/api/v1/cases/", "/api/v1/handoffs/", "/api/v1/queue/"):
        answer = call(world.people[role]).get(address)
        assert answer.status_code == 200
        for secret in ("777.77", "776.66", "小熊", "一三八", 'full_refund", "amount'):
            assert secret not in answer.content.decode(), (address, secret)
    shown = call(world.people[role]).get(f"/api/v1/cases/{case.pk}/").json()
    assert (shown["amount"], shown["paid"], shown["total_fee"], shown["buyer"]) == (None, None, None, None)
    assert shown["decisions"] == []
    assert [asked["amount"] for asked in shown["handoffs"]] == [None]
    kinds_shown = {entry["kind"] for entry in shown["timeline"]}
    assert not {"proposed", "approved", "responded", "amount_changed", "voided"} & kinds_shown
    assert {"handed_off", "changed"} <= kinds_shown


def test_a_counterpart_sees_only_the_questions_that_reach_it(world: World, call: Caller) -> None:
    case = factories.case(world.shop, path=3, **YUAN_250)
    handoff.ask(case.pk, Question("ask_quality"), by=world.support, at=NOON)
    decision.propose(case.pk, Proposal("full_refund", "同意退款给买家"), by=world.support, at=NOON)
    seen = call(world.qc).get(f"/api/v1/cases/{case.pk}/").json()["handoffs"]
    assert [asked["kind"] for asked in seen] == ["ask_quality"]
    seen = call(world.support).get(f"/api/v1/cases/{case.pk}/").json()["handoffs"]
    assert [asked["kind"] for asked in seen] == ["ask_quality", "approve_refund"]


def test_a_paused_clock_says_so(world: World, call: Caller) -> None:
    case = factories.case(world.shop, path=3)
    decision.propose(case.pk, Proposal("partial_refund", "商量退一部分", Decimal("20")), by=world.support, at=NOON)
    shown = call(world.support).get(f"/api/v1/cases/{case.pk}/").json()
    assert shown["status"] == "waiting_buyer"
    assert shown["decisions"][0]["offer"] is True
    assert datetime.fromisoformat(shown["decisions"][0]["at"]).astimezone(UTC) == NOON
