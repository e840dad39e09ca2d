"""An order of which the warehouse system says that nothing was picked: nobody is asked to stop it, the system is."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from handoffs import archiving, restored, warehousing
from handoffs.flow import answer, decision, eligible, handoff, stopping
from handoffs.flow.next_step import event
from handoffs.flow.proposal import Proposal
from handoffs.models import Case, Clock, Fact, Interception, WarehouseOrder, WarehouseSystem
from tests import factories
from tests.factories import NOON, World
from tests.warehouses.test_stopping import LATER, report
from tests.warehouses.wms import Wms

TO_RETURN = {"dispute_type": "return_refund", "has_good_return": True, "good_status": "BUYER_RECEIVED"}


def step(order_id: str, status: str, at: datetime | None = NOON, **process: str) -> None:
    """One step of an order, as the WMS reports it."""
    when = {"operateTime": f"{at + timedelta(hours=8):%Y-%m-%d %H:%M:%S}"} if at else {}
    order = {"orderCode": order_id, "orderType": "JYCK"}
    told = report("orderprocess.report", {"order": order, "process": {"processStatus": status, **when, **process}})
    assert told == (200, "success")


def spared(world: World, wms: Wms, stands: str = "not_picked", **fields: Any) -> Case:
    """A case whose order was taken on by the warehouse and waits there."""
    step("2711", "ACCEPT", NOON - timedelta(minutes=5))
    wms.orders["2711"] = stands
    return factories.case(world.shop, path=1, order_id="2711", **fields)


def kinds(case: Case) -> list[str]:
    return list(case.timeline.order_by("pk").values_list("kind", flat=True))


def facts(case: Case) -> list[str]:
    return list(case.facts.order_by("pk").values_list("what", flat=True))


def test_nobody_is_asked_and_the_refund_can_be_decided_at_once(world: World, wms: Wms, system: WarehouseSystem) -> None:
    case = spared(world, wms)
    assert (case.handoffs.count(), facts(case), event(case)) == (0, ["not_picked"], "stopped")
    assert kinds(case) == ["arrived", "not_picked"]
    decide = Clock.objects.get(case=case, kind="decide")
    assert (decide.state, decide.due_at) == ("running", NOON + timedelta(minutes=30))
    assert eligible.verdict(case, by=world.support, at=LATER).why == ""


def test_the_system_itself_is_asked_to_let_it_go_once(world: World, wms: Wms, system: WarehouseSystem) -> None:
    case = spared(world, wms)
    assert [warehousing.run(at=LATER) for _time in range(3)] == [1, 0, 0]
    case.refresh_from_db()
    assert (wms.cancelled, Interception.objects.get().state, case.goods) == (["2711"], "stopped", "stopped")
    step("2711", "PICK", LATER)  # a late word of somebody who had it in hand: it has been stopped
    assert (facts(case), case.handoffs.count()) == (["not_picked", "stopped"], 0)


def test_the_desk_sees_on_the_board_what_only_the_system_was_asked_for(
    world: World, wms: Wms, system: WarehouseSystem
) -> None:
    case = spared(world, wms)
    elsewhere = factories.person("support", world.other_shop)
    counted = [len(stopping.system_alone(who)) for who in (world.support, world.warehouse, elsewhere)]
    assert counted == [1, 0, 0]
    page = board(world)
    for words in ("Asked of the warehouse system alone", case.refund_id, "not yet sent"):
        assert words in page
    warehousing.run(at=LATER)  # it was stopped
    assert "No parcel has to be stopped." in board(world)
    assert "Asked of the warehouse system alone" not in board(world)


def board(world: World) -> str:
    client = Client()
    client.force_login(world.support, backend="accounts.backends.RoleBackend")
    return client.get("/stops/").content.decode()


@pytest.mark.parametrize("fault", ["", "cut_after"])
def test_where_the_system_cannot_people_are_asked_after_all(
    world: World, wms: Wms, system: WarehouseSystem, fault: str
) -> None:
    case = spared(world, wms, "not_picked" if fault else "left")
    wms.faults += [fault] if fault else []
    warehousing.run(at=LATER)
    asked = case.handoffs.get(kind="stop_parcel")
    assert (asked.status, facts(case), event(case)) == ("open", [], "new")
    assert eligible.verdict(case, by=world.support, at=LATER).why == "not_stopped"
    assert Clock.objects.get(case=case, kind="decide").state == "cancelled"
    assert [each.handoff_id for each in Interception.objects.all()] == [asked.pk]
    warehousing.run(at=LATER + timedelta(hours=1))
    assert (len(wms.calls), case.handoffs.count()) == (1, 1)


def test_a_system_out_of_reach_for_ten_minutes_leaves_it_to_people(
    world: World, wms: Wms, system: WarehouseSystem
) -> None:
    case = spared(world, wms)
    WarehouseSystem.objects.update(address="http://127.0.0.1:9")
    warehousing.run(at=LATER)
    assert case.handoffs.count() == 0
    for minutes in (11, 12, 13):
        warehousing.run(at=NOON + timedelta(minutes=minutes))
    asked = case.handoffs.get()
    assert (asked.kind, facts(case)) == ("stop_parcel", [])
    WarehouseSystem.objects.update(address=wms.url)
    warehousing.run(at=NOON + timedelta(minutes=14))
    asked.refresh_from_db()
    assert (asked.answer, wms.cancelled) == ("stopped", ["2711"])


@pytest.mark.parametrize("status", ["PICK", "CHECK", "PACKAGE"])
def test_picked_after_all_asks_people(world: World, wms: Wms, system: WarehouseSystem, status: str) -> None:
    case = spared(world, wms)
    for _time in range(2):
        step("2711", status, LATER, operateInfo="拣货中")
    assert (case.handoffs.get().kind, facts(case)) == ("stop_parcel", [])
    assert kinds(case)[2:4] == ["picked", "handed_off"]


def test_left_after_all_begins_the_recall(world: World, wms: Wms, system: WarehouseSystem) -> None:
    case = spared(world, wms)
    step("2711", "DELIVERED", LATER, expressCode="YT990001", logisticsCode="YTO")
    case.refresh_from_db()
    assert (case.path, case.handoffs.get(kind="recall_parcel").status) == (2, "open")


def test_what_was_paid_meanwhile_is_chased_too(world: World, wms: Wms, system: WarehouseSystem) -> None:
    case = spared(world, wms, refund_id="1499")
    paid = {"order_id": "2711", "line_id": case.line_id, "phase": "success", "marketplace_status": "SUCCESS"}
    factories.take(world.shop, factories.row("1499", modified=LATER, **paid), at=LATER)
    case.refresh_from_db()
    assert (case.status, case.handoffs.count()) == ("closed", 0)
    assert [each.case for each in stopping.system_alone(world.support)] == [case]  # still on the board
    step("2711", "PICK", LATER)
    case.refresh_from_db()
    assert (case.status, case.handoffs.get().kind) == ("goods_open", "stop_parcel")


def test_the_newest_step_counts_in_whatever_order_reports_come(world: World, wms: Wms, system: WarehouseSystem) -> None:
    step("2712", "PICK", NOON - timedelta(minutes=2))
    step("2712", "ACCEPT", NOON - timedelta(minutes=9))
    step("2713", "PICK", NOON)
    step("2713", "PRINT", NOON)  # of the same second
    step("2714", "ACCEPT", NOON - timedelta(hours=2))
    step("2714", "EXCEPTION", NOON - timedelta(hours=1))
    for order in ("2712", "2713", "2714"):
        asked = factories.case(world.shop, path=1, order_id=order).handoffs.get()
        assert asked.kind == "stop_parcel"
    assert WarehouseOrder.objects.count() == 3


@pytest.mark.parametrize("why", ["too long ago", "switched off", "of another shop", "paid already"])
def test_otherwise_people_are_asked_as_ever(world: World, wms: Wms, system: WarehouseSystem, why: str) -> None:
    step("2711", "ACCEPT", NOON - timedelta(days=8 if why == "too long ago" else 0))
    WarehouseSystem.objects.update(active=why != "switched off")
    shop = world.other_shop if why == "of another shop" else world.shop
    fields = {"phase": "success", "marketplace_status": "SUCCESS"} if why == "paid already" else {}
    case = factories.case(shop, path=1, order_id="2711", **fields)
    assert (case.handoffs.get().kind, facts(case)) == ("stop_parcel", [])


def test_a_case_that_turns_to_path_1_later_is_spared_too(world: World, wms: Wms, system: WarehouseSystem) -> None:
    step("2711", "ACCEPT")
    case = factories.case(world.shop, path=None, order_id="2711", refund_id="1498")
    row = factories.row("1498", order_id="2711", line_id=case.line_id, modified=LATER)
    factories.take(world.shop, row, at=LATER)
    case.refresh_from_db()
    assert (case.path, case.handoffs.count(), facts(case)) == (1, 0, ["not_picked"])
    handoff.open_by_playbook(case, came_from=None, at=LATER)  # once more: nothing twice
    assert (facts(case), Interception.objects.count()) == (["not_picked"], 1)


def test_withdrawn_by_the_buyer_the_order_is_let_alone(world: World, wms: Wms, system: WarehouseSystem) -> None:
    case = spared(world, wms, refund_id="1497")
    closed = {"order_id": "2711", "line_id": case.line_id, "phase": "closed", "marketplace_status": "CLOSED"}
    factories.take(world.shop, factories.row("1497", modified=LATER, **closed), at=LATER)
    warehousing.run(at=LATER)
    step("2711", "PICK", LATER)
    assert (wms.calls, case.handoffs.count(), Interception.objects.get().state) == ([], 0, "failed")


def test_after_a_restore_people_are_asked(world: World, wms: Wms, system: WarehouseSystem) -> None:
    case = spared(world, wms)
    restored.settle(until=LATER)
    assert (case.handoffs.get().kind, Interception.objects.get().state) == ("stop_parcel", "unknown")


def test_many_take_as_many_statements_as_a_few(world: World, wms: Wms, system: WarehouseSystem) -> None:
    numbers = [f"99{number}" for number in range(120)]
    WarehouseOrder.objects.bulk_create(
        [WarehouseOrder(system=system, code=number, progress="waiting", at=NOON) for number in numbers]
    )

    def statements(orders: list[str]) -> int:
        with CaptureQueriesContext(connection) as seen:
            factories.take(world.shop, *(factories.row(order_id=order) for order in orders))
        return len(seen)

    statements(numbers[:1])
    assert statements(numbers[20:]) < 2 * statements(numbers[1:11])
    assert Fact.objects.filter(what="not_picked").count() == 111


def test_words_of_last_week_go(world: World, wms: Wms, system: WarehouseSystem) -> None:
    step("2711", "ACCEPT", NOON - timedelta(days=8))
    step("2712", "ACCEPT", NOON)
    assert archiving.run(at=NOON)["orders"] == 1
    assert WarehouseOrder.objects.get().code == "2712"


# What a second look found ---------------------------------------------------------------------------------------------


def test_what_was_granted_because_nothing_could_leave_is_void_when_it_can(
    world: World, wms: Wms, system: WarehouseSystem
) -> None:
    case = spared(world, wms, amount=Decimal(4000), total_fee=Decimal(4000))
    made = decision.propose(case.pk, Proposal("full_refund", "买家不想要了，尚未拣货"), by=world.support, at=LATER)
    small = factories.case(world.shop, path=1, order_id="2711")
    within = decision.propose(small.pk, Proposal("full_refund", "买家不想要了，尚未拣货"), by=world.support, at=LATER)
    assert (made.status, within.status) == ("approved", "approved")
    step("2711", "PICK", LATER)
    made.refresh_from_db()
    within.refresh_from_db()
    case.refresh_from_db()
    assert (made.status, case.money, case.status) == ("void", "none", "waiting_colleague")
    assert within.status == "approved"  # the proposer's own limit covers it, parcel or not


def test_an_order_with_a_waybill_is_asked_about(world: World, wms: Wms, system: WarehouseSystem) -> None:
    case = spared(world, wms, outbound=[("中通快递", "ZTO000992711")])
    assert (case.handoffs.get().kind, facts(case)) == ("stop_parcel", [])


def test_what_was_heard_before_a_restore_or_before_it_was_switched_off_is_forgotten(
    world: World, wms: Wms, system: WarehouseSystem
) -> None:
    step("2711", "ACCEPT")
    restored.settle(until=LATER)
    assert factories.case(world.shop, path=1, order_id="2711").handoffs.count() == 1
    step("2712", "ACCEPT")
    for active in (False, True):
        system.active = active
        system.save()
    assert factories.case(world.shop, path=1, order_id="2712").handoffs.count() == 1


@pytest.mark.parametrize("minutes", [None, 1])
def test_a_report_without_a_later_time_of_its_own_takes_nothing_back(
    world: World, wms: Wms, system: WarehouseSystem, minutes: int | None
) -> None:
    step("2711", "PICK", NOON + timedelta(minutes=3))  # the system's clock is ahead
    step("2711", "ACCEPT", NOON + timedelta(minutes=minutes) if minutes else None)
    assert WarehouseOrder.objects.get().progress == "picking"
    step("2711", "ACCEPT", NOON + timedelta(minutes=4))  # taken back to be picked again
    assert WarehouseOrder.objects.get().progress == "waiting"


@pytest.mark.parametrize("fields", [TO_RETURN, {"order_status": "WAIT_BUYER_CONFIRM_GOODS"}])
def test_the_order_of_a_case_that_has_left_path_1_is_let_alone(
    world: World, wms: Wms, system: WarehouseSystem, fields: dict[str, Any]
) -> None:
    case = spared(world, wms, refund_id="1496")
    row = factories.row("1496", order_id="2711", line_id=case.line_id, modified=LATER, **fields)
    factories.take(world.shop, row, at=LATER)
    warehousing.run(at=LATER)
    case.refresh_from_db()
    assert (wms.calls, Interception.objects.get().state) == ([], "failed")
    assert [asked.kind for asked in case.handoffs.all()] == (["recall_parcel"] if "order_status" in fields else [])
    assert "picked" not in kinds(case)


def test_out_of_reach_on_another_path_it_is_given_up(world: World, wms: Wms, system: WarehouseSystem) -> None:
    case = spared(world, wms, refund_id="1495")
    WarehouseSystem.objects.update(address="http://127.0.0.1:9")
    warehousing.run(at=LATER)
    row = factories.row("1495", order_id="2711", line_id=case.line_id, modified=LATER, **TO_RETURN)
    assert len(stopping.system_alone(world.support)) == 1
    factories.take(world.shop, row, at=LATER)
    assert stopping.system_alone(world.support) == []  # nothing is to be stopped any more
    warehousing.run(at=NOON + timedelta(minutes=11))
    WarehouseSystem.objects.update(address=wms.url)
    warehousing.run(at=NOON + timedelta(hours=10))
    assert (wms.calls, Interception.objects.get().state) == ([], "failed")


@pytest.mark.parametrize("stands", ["not_picked", "left"])
def test_asked_by_hand_beside_it_the_system_answers_that_question(
    world: World, wms: Wms, system: WarehouseSystem, stands: str
) -> None:
    case = spared(world, wms, stands)
    asked = handoff.ask(case.pk, handoff.Question("stop_parcel"), by=world.support, at=LATER)
    for minutes in range(1, 4):
        warehousing.run(at=NOON + timedelta(minutes=minutes))
    asked.refresh_from_db()
    assert (len(wms.calls), case.handoffs.count()) == (1, 1)
    assert (asked.status, event(case)) == (("answered", "stopped") if stands == "not_picked" else ("open", "new"))


def test_people_s_own_not_picked_stands_when_the_system_cannot(world: World, wms: Wms, system: WarehouseSystem) -> None:
    case = spared(world, wms, "left")
    asked = handoff.ask(case.pk, handoff.Question("stop_parcel"), by=world.support, at=LATER)
    answer.answer(asked.pk, answer.Given("not_picked"), by=world.warehouse, at=LATER)
    Interception.objects.update(handoff=None)  # as if the system had been asked without anybody's question
    warehousing.run(at=LATER)
    assert (event(case), "picked" in kinds(case)) == ("stopped", False)
    assert Clock.objects.filter(case=case, kind="decide", ended_at=None).count() == 1
