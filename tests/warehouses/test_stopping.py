"""The stop is asked of the warehouse's system first, and its answer fills the handoff; else people answer as ever."""

from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
from django.test import Client
from django.urls import reverse

from handoffs import warehousing
from handoffs.flow import answer, stopping
from handoffs.models import Case, Handoff, Interception, Receipt, WarehouseSystem
from handoffs.warehouses import xml
from tests import factories, snapshot
from tests.factories import NOON, World
from tests.warehouses.wms import Wms, qimen_sign

LATER = NOON + timedelta(minutes=1)


def unshipped(world: World, wms: Wms, stands: str = "not_picked", **fields: Any) -> Case:
    case = factories.case(world.shop, path=1, **fields)
    wms.orders[case.order_id] = stands
    return case


def stop_of(case: Case) -> Handoff:
    return case.handoffs.get(kind="stop_parcel")


def report(
    method: str, body: dict[str, Any], *, code: str = "wms", sent: datetime = NOON, spoil: str = ""
) -> tuple[int, str]:
    """A report as the WMS posts it; (status, flag)."""
    content = xml.write("request", body)
    moment = sent + timedelta(hours=8)
    params = {"method": method, "timestamp": f"{moment:%Y-%m-%d %H:%M:%S}", "format": "xml", "v": "2.0",
              "app_key": "123", "sign_method": "md5", "customerId": "C1"}  # fmt: skip
    signed = params | {"sign": qimen_sign(params, content) + spoil}
    where = reverse("qimen-report", args=[code]) + "?" + urlencode(signed)
    got = Client().post(where, content, content_type="text/xml; charset=utf-8")
    return got.status_code, xml.text(xml.read(got.content), "flag")


def step(case: Case, status: str, **process: str) -> tuple[int, str]:
    order, more = {"orderCode": case.order_id, "orderType": "JYCK"}, {"processStatus": status, **process}
    return report("orderprocess.report", {"order": order, "process": more})


def test_a_stop_is_asked_of_the_system_and_its_yes_answers_the_question(
    world: World, wms: Wms, system: WarehouseSystem
) -> None:
    case = unshipped(world, wms)
    assert warehousing.run(at=LATER) == 1
    case.refresh_from_db()
    asked, made = stop_of(case), Interception.objects.get()
    assert (asked.status, asked.answer, asked.answered_by, asked.data["answered_as"]) == (
        "answered", "stopped", None, "system",
    )  # fmt: skip
    assert (made.via, made.state, case.goods, wms.cancelled) == ("system", "stopped", "stopped", [case.order_id])


def test_it_is_asked_once_however_often_the_engine_passes(world: World, wms: Wms, system: WarehouseSystem) -> None:
    unshipped(world, wms, "left")
    for _time in range(3):
        warehousing.run(at=LATER)
    assert (len(wms.calls), Interception.objects.count()) == (1, 1)


def test_its_no_leaves_the_question_to_the_warehouse(world: World, wms: Wms, system: WarehouseSystem) -> None:
    case = unshipped(world, wms, "left")
    warehousing.run(at=LATER)
    assert (stop_of(case).status, Interception.objects.get().state) == ("open", "failed")
    answer.answer(stop_of(case).pk, answer.Given("stopped"), by=world.warehouse, at=LATER)
    assert stop_of(case).answer == "stopped"


def test_no_answer_is_unknown_never_asked_again_and_people_go_on(
    world: World, wms: Wms, system: WarehouseSystem
) -> None:
    case = unshipped(world, wms)
    wms.faults.append("cut_after")
    warehousing.run(at=LATER)
    warehousing.run(at=LATER + timedelta(hours=1))
    assert (Interception.objects.get().state, len(wms.calls), stop_of(case).status) == ("unknown", 1, "open")
    assert step(case, "CANCELED") == (200, "success")  # the system tells by itself that it did
    assert (stop_of(case).answer, Interception.objects.get().state) == ("stopped", "stopped")


def test_nobody_there_is_tried_again(world: World, wms: Wms, system: WarehouseSystem) -> None:
    case = unshipped(world, wms)
    WarehouseSystem.objects.update(address="http://127.0.0.1:9")
    warehousing.run(at=LATER)
    system.refresh_from_db()
    assert (stop_of(case).status, Interception.objects.get().state, bool(system.error)) == ("open", "asked", True)
    WarehouseSystem.objects.update(address=wms.url)
    warehousing.run(at=LATER)
    assert stop_of(case).answer == "stopped"


def test_a_worker_that_died_in_the_middle_leaves_an_unknown_one(
    world: World, wms: Wms, system: WarehouseSystem
) -> None:
    unshipped(world, wms)
    stopping.offer_to_systems(at=NOON)
    assert stopping.take(Interception.objects.get().pk, at=NOON)
    warehousing.run(at=NOON + timedelta(minutes=5))
    assert Interception.objects.get().state == "asked"
    warehousing.run(at=NOON + timedelta(minutes=11))
    assert (Interception.objects.get().state, wms.calls) == ("unknown", [])


def test_a_shop_without_a_system_asks_its_people(world: World, wms: Wms, system: WarehouseSystem) -> None:
    case = factories.case(world.other_shop, path=1)
    WarehouseSystem.objects.update(active=False)
    other = unshipped(world, wms)
    assert warehousing.run(at=LATER) == 0
    assert not Interception.objects.filter(case__in=(case, other)).exists()


def test_only_one_worker_takes_it(world: World, wms: Wms, system: WarehouseSystem) -> None:
    unshipped(world, wms)
    assert (stopping.offer_to_systems(at=NOON), stopping.offer_to_systems(at=NOON)) == (1, 0)
    pk = Interception.objects.get().pk
    assert [stopping.take(pk, at=NOON), stopping.take(pk, at=NOON)] == [True, False]


# What the system reports ----------------------------------------------------------------------------------------------


def test_a_report_that_it_left_with_its_waybill_starts_the_recall(
    world: World, wms: Wms, system: WarehouseSystem
) -> None:
    case = unshipped(world, wms)
    assert step(case, "DELIVERED", expressCode="YT990001", logisticsCode="YTO") == (200, "success")
    case.refresh_from_db()
    assert (stop_of(case).answer, case.path, case.parcels.get().waybill) == ("left", 2, "YT990001")
    assert case.handoffs.get(kind="recall_parcel").status == "open"


def test_a_recall_through_qimen_is_answered_by_its_report(world: World, wms: Wms, system: WarehouseSystem) -> None:
    case = unshipped(world, wms)
    step(case, "DELIVERED", expressCode="YT990001", logisticsCode="YTO")
    recall = case.handoffs.get(kind="recall_parcel")
    stopping.ask_service(recall.pk, payer="shop", by=world.support, at=LATER)
    warehousing.run(at=LATER)
    assert Interception.objects.get(handoff=recall).state == "taken"
    step(case, "TMSCANCELED", expressCode="YT990001")
    recall.refresh_from_db()
    case.refresh_from_db()
    assert (recall.answer, case.goods) == ("will_return", "returning")


def test_a_recall_that_failed_stays_with_the_carrier_s_contact(world: World, wms: Wms, system: WarehouseSystem) -> None:
    case = unshipped(world, wms)
    step(case, "DELIVERED", expressCode="YT990001", logisticsCode="YTO")
    recall = case.handoffs.get(kind="recall_parcel")
    stopping.ask_service(recall.pk, payer="shop", by=world.support, at=LATER)
    warehousing.run(at=LATER)
    step(case, "TMSCANCELFAILED", expressCode="YT990001", operateInfo="派送中无法拦截")
    recall.refresh_from_db()
    assert (recall.status, Interception.objects.get(handoff=recall).state) == ("open", "failed")


def test_signed_for_is_an_event_of_the_parcel(world: World, wms: Wms, system: WarehouseSystem) -> None:
    case = factories.case(world.shop, path=2)
    step(case, "SIGN", expressCode="ZTO0001")
    case.refresh_from_db()
    assert (case.path, case.goods) == (3, "with_buyer")


def stocked(
    case: Case, key: str = "MSG-1", actual: str = "1", grade: str = "ZP", waybill: str = "YT555"
) -> tuple[int, str]:
    line = {"sourceOrderCode": case.order_id, "subSourceOrderCode": case.line_id, "itemCode": "SKU1",
            "inventoryType": grade, "planQty": "1", "actualQty": actual}  # fmt: skip
    head = {"returnOrderCode": "R1", "outBizCode": key, "expressCode": waybill, "logisticsCode": "YTO",
            "orderConfirmTime": "2026-11-11 11:59:00"}  # fmt: skip
    return report("taobao.qimen.returnorder.confirm", {"returnOrder": head, "orderLines": {"orderLine": [line]}})


def test_a_return_put_into_stock_answers_the_question_once(world: World, wms: Wms, system: WarehouseSystem) -> None:
    case = factories.case(world.shop, path=4, return_waybill="YT555", return_carrier="圆通速递")
    assert stocked(case) == (200, "success")
    case.refresh_from_db()
    asked = case.handoffs.get(kind="receive_return")
    assert (asked.answer, asked.data["condition"], case.goods) == ("received", "good", "returned")
    WarehouseSystem.objects.update(heard_at=None)
    before = snapshot.of_the_desk()
    stocked(case)
    WarehouseSystem.objects.update(heard_at=None)
    assert snapshot.of_the_desk() == before


@pytest.mark.parametrize(("actual", "grade", "condition"), [("0", "ZP", "missing"), ("1", "CC", "damaged")])
def test_what_is_short_or_damaged_is_said(
    world: World, wms: Wms, system: WarehouseSystem, actual: str, grade: str, condition: str
) -> None:
    case = factories.case(world.shop, path=4, return_waybill="YT555", return_carrier="圆通速递")
    stocked(case, actual=actual, grade=grade)
    assert case.handoffs.get(kind="receive_return").data["condition"] == condition


def test_a_return_is_known_by_its_order_where_its_number_is_not(
    world: World, wms: Wms, system: WarehouseSystem
) -> None:
    case = factories.case(world.shop, path=4)
    stocked(case, waybill="")
    assert case.handoffs.get(kind="receive_return").answer == "received"


def test_a_return_of_no_case_is_an_orphan(world: World, wms: Wms, system: WarehouseSystem) -> None:
    case = factories.case(world.other_shop, path=4)
    assert stocked(case) == (200, "success")
    kept = Receipt.objects.get()
    assert (kept.state, kept.by, kept.waybill, case.order_id in kept.note) == ("orphan", None, "YT555", True)
    page = Client()
    page.force_login(world.support, backend="accounts.backends.RoleBackend")
    assert "YT555" in page.get(reverse("admin:handoffs_orphans")).content.decode()


@pytest.mark.parametrize(
    ("method", "body", "more", "status"),
    [
        ("orderprocess.report", {"order": {"orderCode": "1"}}, {}, 400),
        ("returnorder.confirm", {"returnOrder": {}}, {}, 400),
        ("stock.query", {"a": "b"}, {}, 400),
        ("orderprocess.report", {"a": "b"}, {"spoil": "0"}, 403),
        ("orderprocess.report", {"a": "b"}, {"sent": NOON - timedelta(hours=1)}, 403),
        ("orderprocess.report", {"a": "b"}, {"code": "nobody"}, 404),
    ],
)
def test_what_cannot_be_taken_is_declined_in_the_system_s_form(
    world: World,
    wms: Wms,
    system: WarehouseSystem,
    method: str,
    body: dict[str, Any],
    more: dict[str, Any],
    status: int,
) -> None:
    factories.case(world.shop, path=1)
    WarehouseSystem.objects.update(heard_at=None)
    before = snapshot.of_the_desk()
    assert report(method, body, **more) == (status, "failure")
    WarehouseSystem.objects.update(heard_at=None)
    assert snapshot.of_the_desk() == before


def test_an_unknown_step_changes_nothing(world: World, wms: Wms, system: WarehouseSystem) -> None:
    case = unshipped(world, wms)
    entries = case.timeline.count()
    for status in ("ACCEPT", "PRINT", "PICK", "OTHER", "SOMETHING"):
        assert step(case, status) == (200, "success")
    assert (case.timeline.count(), stop_of(case).status) == (entries, "open")


def test_a_return_package_that_was_signed_for_opens_the_receipt(
    world: World, wms: Wms, system: WarehouseSystem
) -> None:
    case = factories.case(world.shop, path=4, return_waybill="YT555", return_carrier="圆通速递")
    assert report("returnpackage.report", {"status": "sign", "expressCode": "YT555"}) == (200, "success")
    assert case.handoffs.get(kind="receive_return").status == "open"


def test_the_newest_word_of_the_system_counts(world: World, wms: Wms, system: WarehouseSystem) -> None:
    case = unshipped(world, wms)
    warehousing.run(at=LATER)
    assert stop_of(case).answer == "stopped"
    assert step(case, "CANCELEDFAIL") == (200, "success")
    case.refresh_from_db()
    assert (case.path, case.goods, Interception.objects.get().state) == (2, "in_transit", "failed")
    assert case.timeline.filter(kind="promise_broken").exists()
    assert case.handoffs.filter(kind="recall_parcel", status="open").exists()
