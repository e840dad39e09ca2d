"""The verbs of the API, each once as it should go, and what it says when the input cannot stand."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from handoffs.flow import decision, handoff
from handoffs.flow.handoff import Question
from handoffs.flow.proposal import Proposal
from handoffs.models import Case, Handoff, Response
from tests import factories, photos, snapshot
from tests.api.conftest import Caller
from tests.factories import NOON, World

HELLO = "您好，已收到您的申请，正在核实"


def on_path(world: World, path: int | None = 3, **more: Any) -> Case:
    return factories.case(world.shop, path=path, amount=Decimal(250), total_fee=Decimal(250), **more)


def test_responding_stops_the_clock_and_returns_the_fresh_case(world: World, call: Caller) -> None:
    case = on_path(world)
    answer = call(world.support).post(f"/api/v1/cases/{case.pk}/respond/", {"message": HELLO})
    assert answer.status_code == 200
    first = next(clock for clock in answer.json()["clocks"] if clock["kind"] == "first_response")
    assert (first["state"], first["ended_at"]) == ("met", "2026-11-11T12:00:00+08:00")
    assert answer.json()["timeline"][-2]["kind"] == "responded"
    assert Response.objects.get().channel == "chat"


def test_a_response_may_say_when_and_how_it_was_sent(world: World, call: Caller, clock: Any) -> None:
    case = on_path(world)
    clock.shift(timedelta(minutes=40))
    body = {"message": HELLO, "channel": "phone", "sent_at": "2026-11-11T12:20:00+08:00"}
    shown = call(world.support).post(f"/api/v1/cases/{case.pk}/respond/", body).json()
    first = next(clock for clock in shown["clocks"] if clock["kind"] == "first_response")
    assert (first["state"], first["ended_at"]) == ("met", "2026-11-11T12:20:00+08:00")


RESPONSES: list[tuple[Any, str | None]] = [
    ({}, "message"),
    ({"message": "(*￣︶￣)"}, "message"),
    ({"message": ["您好"]}, "message"),
    ({"message": 5}, "message"),
    ({"message": "您好" * 2000}, "message"),
    ({"message": "您好\x00您好"}, "message"),
    ({"message": HELLO, "channel": "agree"}, "channel"),
    ({"message": HELLO, "channel": {}}, "channel"),
    ({"message": HELLO, "sent_at": "2026-11-11T12:00:00"}, "sent_at"),
    ({"message": HELLO, "sent_at": "2026-11-11"}, "sent_at"),
    ({"message": HELLO, "sent_at": 1762833600}, "sent_at"),
    ({"message": HELLO, "sent_at": "0001-01-01T00:00:00+14:00"}, "sent_at"),
    ({"message": HELLO, "sent_at": "2026-11-11T13:00:00+08:00"}, "sent_at"),
    ({"message": HELLO, "sent_at": "2026-11-10T13:00:00+08:00"}, "sent_at"),
    ([{"message": HELLO}], None),
    ("text", None),
]


def test_an_unacceptable_response_is_400_naming_the_field(world: World, call: Caller) -> None:
    case, client = on_path(world), call(world.support)
    before = snapshot.of_the_desk()
    for body, field in RESPONSES:
        answer = client.post(f"/api/v1/cases/{case.pk}/respond/", body)
        said = answer.json()
        assert (body, answer.status_code, said["field"]) == (body, 400, field)
        assert said["message"]
        assert said["code"]
    after = snapshot.of_the_desk()
    after["handoffs.Case"] = before["handoffs.Case"]
    assert Response.objects.count() == 0
    assert before == after


def test_owners_claim_pass_on_and_put_back(world: World, call: Caller) -> None:
    case = on_path(world)
    address = f"/api/v1/cases/{case.pk}"
    client = call(world.support)
    assert client.post(f"{address}/put_back/").json()["owner"] is None
    assert client.post(f"{address}/claim/").json()["owner"]["id"] == world.support.pk
    assert client.post(f"{address}/assign/", {"user": world.manager.email}).json()["owner"]["id"] == world.manager.pk
    assert client.post(f"{address}/assign/", {"user": world.support.pk}).json()["owner"]["id"] == world.support.pk
    assert client.post(f"{address}/assign/", {"user": world.warehouse.pk}).json()["field"] == "user"
    assert client.post(f"{address}/assign/", {"user": 10**6}).status_code == 400


def test_a_case_somebody_has_cannot_be_claimed(world: World, call: Caller) -> None:
    case = on_path(world)
    answer = call(world.manager).post(f"/api/v1/cases/{case.pk}/claim/")
    assert answer.status_code == 409
    assert answer.json()["code"] == "changed_meanwhile"


def test_a_question_goes_to_its_contact_and_its_answer_drives_the_case(world: World, call: Caller) -> None:
    case = on_path(world, 2)
    body = {"kind": "recall_parcel", "note": "买家不要了"}
    answer = call(world.support).post(f"/api/v1/cases/{case.pk}/handoffs/", body)
    assert answer.status_code == 201
    asked = answer.json()
    assert (asked["status"], asked["assignee"]["id"]) == ("open", world.logistics.pk)
    assert asked["due_at"] == "2026-11-11T14:00:00+08:00"
    assert [offered["code"] for offered in asked["answers"]] == ["will_return", "cannot", "delivered"]
    given = {"answer": "will_return", "by": "2026-11-14", "data": {"office": "杭州", "weight": 1.25, "pieces": 2}}
    shown = call(world.logistics).post(f"/api/v1/handoffs/{asked['id']}/answer/", given).json()
    assert (shown["status"], shown["answer"]) == ("answered", "will_return")
    assert shown["data"]["weight"] == 1.25
    assert shown["data"]["by"] == "2026-11-14T23:59:59+08:00"
    fresh = call(world.support).get(f"/api/v1/cases/{case.pk}/").json()
    assert {"carry_out", "return_promised"} <= {clock["kind"] for clock in fresh["clocks"]}


def test_already_left_turns_the_case_to_path_2_with_a_recall_in_the_logistics_queue(world: World, call: Caller) -> None:
    case = on_path(world, 1)
    asked = case.handoffs.get(kind="stop_parcel")
    body = {"answer": "left", "waybill": "ZTO0099", "carrier": "中通快递"}
    assert call(world.warehouse).post(f"/api/v1/handoffs/{asked.pk}/answer/", body).status_code == 200
    assert call(world.support).get(f"/api/v1/cases/{case.pk}/").json()["path"] == 2
    queue = call(world.logistics).get("/api/v1/queue/").json()["results"]
    assert [(item["type"], item["kind"], item["case"]) for item in queue] == [("handoff", "recall_parcel", case.pk)]


def test_an_inspection_takes_photos_that_the_desk_can_open(world: World, call: Caller) -> None:
    case = on_path(world, 4)
    asked = handoff.ask(case.pk, Question("inspect_return"), by=world.manager, at=NOON)
    client = call(world.qc)
    photo = photos.uploaded(world.qc, at=NOON)
    address = f"/api/v1/handoffs/{asked.pk}/answer/"
    assert client.post(address, {"answer": "damaged"}).json()["field"] == "attachments"
    shown = client.post(address, {"answer": "damaged", "note": "杯口破损", "attachments": [photo.pk]}).json()
    assert shown["attachments"][0]["id"] == photo.pk
    seen = call(world.support).get(shown["attachments"][0]["url"])
    assert seen.status_code == 200
    assert b"".join(seen.streaming_content) == photos.png()  # type: ignore[attr-defined]


ANSWERS: list[tuple[Any, str]] = [
    ({}, "answer"),
    ({"answer": "perhaps"}, "answer"),
    ({"answer": "will_return"}, "by"),
    ({"answer": "will_return", "by": "soon"}, "by"),
    ({"answer": "will_return", "by": "2026-11-14T10:00:00"}, "by"),
    ({"answer": "will_return", "by": "2026-11-14 nonsense"}, "by"),
    ({"answer": "will_return", "by": "9999-12-31"}, "by"),
    ({"answer": "will_return", "by": 20261114}, "by"),
    ({"answer": "cannot", "amount": "1e5"}, "amount"),
    ({"answer": "cannot", "attachments": 5}, "attachments"),
    ({"answer": "cannot", "attachments": ["x"]}, "attachments"),
    ({"answer": "cannot", "attachments": [10**30]}, "attachments"),
    ({"answer": "cannot", "attachments": [999_999]}, "attachments"),
    ({"answer": "cannot", "data": ["x"]}, "data"),
    ({"answer": "cannot", "data": {"x": "\x00"}}, "data"),
    ({"answer": "cannot", "data": {"x": "y" * 30_000}}, "data"),
    ({"answer": "cannot", "note": {"x": 1}}, "note"),
    ({"answer": "cannot", "waybill": "1" * 65}, "waybill"),
]


def test_an_unacceptable_answer_is_400_naming_the_field(world: World, call: Caller) -> None:
    asked = handoff.ask(on_path(world, 2).pk, Question("recall_parcel"), by=world.support, at=NOON)
    client = call(world.logistics)
    for body, field in ANSWERS:
        answer = client.post(f"/api/v1/handoffs/{asked.pk}/answer/", body)
        told = str(answer.json()["field"]).split(".")[0]
        assert (body, answer.status_code, told) == (body, 400, field)
        asked.refresh_from_db()
        assert asked.status == "open", body


QUESTIONS: list[tuple[Any, str]] = [
    ({"note": "x"}, "kind"),
    ({"kind": "make_tea"}, "kind"),
    ({"kind": "approve_refund"}, "reason"),
    ({"kind": "special_request"}, "note"),
    ({"kind": "check_shipped", "difficult": True}, "difficult"),
    ({"kind": "check_shipped", "difficult": 3}, "difficult"),
    ({"kind": "check_shipped", "to_role": "qc"}, "to_role"),
    ({"kind": "check_shipped", "amount": "0"}, "amount"),
    ({"kind": "check_shipped", "amount": -1}, "amount"),
    ({"kind": "recall_parcel", "waybill": "NOT-OURS"}, "waybill"),
    ({"kind": "recall_parcel", "parcel": 999_999}, "parcel"),
    ({"kind": ["check_shipped"]}, "kind"),
]


def test_an_unacceptable_question_is_400_naming_the_field(world: World, call: Caller) -> None:
    case, client = on_path(world, 2), call(world.support)
    for body, field in QUESTIONS:
        answer = client.post(f"/api/v1/cases/{case.pk}/handoffs/", body)
        assert (body, answer.status_code, answer.json()["field"]) == (body, 400, field)
        assert not case.handoffs.exists(), body


@pytest.mark.parametrize("difficult", [True, "旧仓库，需要翻找"])
def test_a_difficult_question_has_two_hours(world: World, call: Caller, difficult: Any) -> None:
    body = {"kind": "check_shipped", "note": "旧仓库", "difficult": difficult}
    shown = call(world.support).post(f"/api/v1/cases/{on_path(world, 2).pk}/handoffs/", body).json()
    assert shown["difficult"] is True
    assert shown["difficult_reason"].startswith("旧仓库")
    assert shown["due_at"] == "2026-11-11T14:00:00+08:00"


def test_a_question_names_its_parcel_by_waybill_where_there_are_two(world: World, call: Caller) -> None:
    case = on_path(world, 2, outbound=[("中通快递", "ZTO0001"), ("圆通速递", "YT0002")])
    body = {"kind": "trace_delivery", "waybill": "YT0002"}
    shown = call(world.support).post(f"/api/v1/cases/{case.pk}/handoffs/", body).json()
    assert shown["parcel"]["waybill"] == "YT0002"


def test_the_life_of_a_question(world: World, call: Caller) -> None:
    asked = handoff.ask(on_path(world, 2).pk, Question("recall_parcel"), by=world.support, at=NOON)
    address = f"/api/v1/handoffs/{asked.pk}"
    deputy = factories.person("logistics", world.shop)
    holder, asker = call(world.logistics), call(world.support)
    assert holder.post(f"{address}/claim/").json()["status"] == "claimed"
    assert holder.post(f"{address}/claim/").status_code == 409
    assert holder.post(f"{address}/return/", {"reason": " "}).json()["field"] == "reason"
    assert holder.post(f"{address}/return/", {"reason": "单号不对"}).json()["status"] == "returned"
    assert holder.post(f"{address}/answer/", {"answer": "cannot"}).status_code == 409
    again = asker.post(f"{address}/send_again/", {"note": "单号已更正"}).json()
    assert (again["status"], again["version"], again["note"]) == ("open", 2, "单号已更正")
    assert asker.post(f"{address}/reassign/", {"user": deputy.pk}).json()["field"] == "user"
    assert asker.post(f"{address}/withdraw/", {"reason": "买家改主意"}).json()["status"] == "withdrawn"
    assert asker.post(f"{address}/withdraw/").status_code == 409


def test_a_question_given_away_is_answered_by_the_other(world: World, call: Caller) -> None:
    asked = handoff.ask(on_path(world, 2).pk, Question("check_shipped"), by=world.support, at=NOON)
    other = factories.person("warehouse", world.shop)
    answer = call(world.warehouse).post(f"/api/v1/handoffs/{asked.pk}/reassign/", {"user": other.email})
    assert answer.json()["assignee"]["id"] == other.pk
    assert Handoff.objects.get(pk=asked.pk).assignee == other


def test_whoever_gives_a_question_away_sees_once_more_how_it_stands(world: World, call: Caller) -> None:
    case = factories.case(world.shop, path=2, outbound=[])
    asked = handoff.ask(case.pk, Question("recall_parcel"), by=world.support, at=NOON)
    other = factories.person("logistics", world.shop)
    third = factories.person("logistics", world.shop)
    given = call(other).post(f"/api/v1/handoffs/{asked.pk}/reassign/", {"user": third.pk})
    assert (given.status_code, given.json()["assignee"]["id"]) == (200, third.pk)
    assert call(other).get(f"/api/v1/handoffs/{asked.pk}/").status_code == 404


def test_many_are_approved_in_one_call_and_each_is_answered_for(world: World, call: Caller) -> None:
    wanted = Proposal("full_refund", "商品破损，同意退款")
    made = [decision.propose(on_path(world).pk, wanted, by=world.support, at=NOON) for _ in range(3)]
    decision.withdraw(made[1].pk, by=world.support, at=NOON)
    body = {"decisions": [{"id": each.pk} for each in made] + [{"id": 99_999}]}
    body["decisions"][2] |= {"amount": "100.00", "note": "只退一半"}
    answer = call(world.supervisor).post("/api/v1/decisions/approve/", body)
    assert answer.status_code == 200
    rows = answer.json()["results"]
    assert [row["id"] for row in rows] == [*(each.pk for each in made), 99_999]
    assert [row["approved"] for row in rows] == [True, False, True, False]
    assert "withdrawn" in rows[1]["reason"]
    assert [row["code"] for row in rows] == ["", "changed_meanwhile", "", "not_found"]
    made[2].refresh_from_db()
    assert (made[2].amount, made[2].note) == (Decimal("100.00"), "只退一半")


@pytest.mark.parametrize("body", [{}, {"decisions": []}, {"decisions": [{}]}, {"decisions": [{"id": "x"}]},
                                  {"decisions": [{"id": n} for n in range(1, 502)]}])  # fmt: skip
def test_a_list_that_cannot_stand_approves_nothing(world: World, call: Caller, body: dict[str, Any]) -> None:
    decision.propose(on_path(world).pk, Proposal("full_refund", "商品破损，同意退款"), by=world.support, at=NOON)
    before = snapshot.of_the_desk()
    assert call(world.supervisor).post("/api/v1/decisions/approve/", body).status_code == 400
    assert snapshot.of_the_desk() == before


def test_over_the_limit_a_supervisor_approves_less(world: World, call: Caller) -> None:
    case = on_path(world)
    body = {"kind": "full_refund", "reason": "商品破损，同意退款"}
    proposed = call(world.support).post(f"/api/v1/cases/{case.pk}/decisions/", body)
    assert proposed.status_code == 201
    assert (proposed.json()["status"], proposed.json()["amount"]) == ("proposed", "250.00")
    queue = call(world.supervisor).get("/api/v1/queue/").json()["results"]
    assert queue[0]["kind"] == "approve_refund"
    assert queue[0]["decision"] == proposed.json()["id"]
    address = f"/api/v1/decisions/{proposed.json()['id']}"
    given = {"amount": "200", "note": "先退一部分"}
    approved = call(world.supervisor).post(f"{address}/approve/", given).json()
    assert (approved["status"], approved["amount"], approved["asked_amount"]) == ("approved", "200.00", "250.00")
    assert approved["approved_by"]["id"] == world.supervisor.pk
    assert call(world.supervisor).post(f"{address}/approve/", given).status_code == 409
    assert call(world.manager).post(f"{address}/refuse/", {"reason": "不同意退款"}).status_code == 409
    shown = call(world.support).get(f"/api/v1/cases/{case.pk}/").json()
    assert shown["handoffs"][0]["answer"] == "approve_less"
    assert shown["handoffs"][0]["data"]["amount"] == "200.00"


def test_an_approval_is_refused_with_a_reason(world: World, call: Caller) -> None:
    made = decision.propose(on_path(world).pk, Proposal("full_refund", "同意退款"), by=world.support, at=NOON)
    client = call(world.supervisor)
    assert client.post(f"/api/v1/decisions/{made.pk}/refuse/", {"reason": "。。。"}).json()["field"] == "reason"
    shown = client.post(f"/api/v1/decisions/{made.pk}/refuse/", {"reason": "证据不足"}).json()
    assert (shown["status"], shown["note"]) == ("refused", "证据不足")


def test_within_the_limit_a_decision_is_carried_out_and_recorded(world: World, call: Caller) -> None:
    case = factories.case(world.shop, path=3)
    client = call(world.support)
    made = client.post(f"/api/v1/cases/{case.pk}/decisions/", {"kind": "full_refund", "reason": "同意退款"}).json()
    assert (made["status"], made["approved_by"]) == ("approved", None)
    done = client.post(f"/api/v1/decisions/{made['id']}/carry_out/", {"reference": "BO-1"}).json()
    assert done["status"] == "carried_out"
    assert client.post(f"/api/v1/decisions/{made['id']}/carry_out/").status_code == 409
    assert client.get(f"/api/v1/cases/{case.pk}/").json()["money"] in ("ordered", "acknowledged")


def test_a_decision_is_taken_back(world: World, call: Caller) -> None:
    made = decision.propose(on_path(world).pk, Proposal("full_refund", "同意退款"), by=world.support, at=NOON)
    shown = call(world.support).post(f"/api/v1/decisions/{made.pk}/withdraw/").json()
    assert shown["status"] == "withdrawn"


NO_AMOUNTS: list[Any] = ["abc", "1e2", "NaN", "Infinity", 12.345, "12.345", True, [5], {}, "", "１２", "1_0",
                         "0", 0, -5, "-5.00", 10**11, "+5"]  # fmt: skip


def test_an_amount_is_a_plain_number_of_yuan_or_400(world: World, call: Caller) -> None:
    case, client = on_path(world), call(world.support)
    for amount in NO_AMOUNTS:
        body = {"kind": "compensation", "amount": amount, "reason": "商品瑕疵补偿"}
        answer = client.post(f"/api/v1/cases/{case.pk}/decisions/", body)
        assert (amount, answer.status_code, answer.json()["field"]) == (amount, 400, "amount")
        assert not case.decisions.exists(), amount


@pytest.mark.parametrize("amount", ["12.3", 12.3, 12, "12.30", " 12 "])
def test_an_amount_may_be_text_or_number(world: World, call: Caller, amount: Any) -> None:
    body = {"kind": "compensation", "amount": amount, "reason": "商品瑕疵补偿"}
    shown = call(world.support).post(f"/api/v1/cases/{on_path(world).pk}/decisions/", body).json()
    assert Decimal(shown["amount"]).to_integral_value() == 12


def test_every_act_is_listed_with_its_fields_and_works_by_its_code(world: World, call: Caller) -> None:
    case = on_path(world, 4)
    client = call(world.support)
    listed = {act["code"]: act for act in client.get(f"/api/v1/cases/{case.pk}/acts/").json()["results"]}
    assert listed["agree_return"]["offered"] is True
    assert "waive_goods" not in listed
    freight = listed["agree_return"]["fields"][0]
    assert (freight["name"], freight["required"]) == ("freight", True)
    assert [choice["value"] for choice in freight["choices"]] == ["seller", "buyer"]
    body = {"freight": "seller", "message": "同意退货，运费我们承担"}
    shown = client.post(f"/api/v1/cases/{case.pk}/acts/agree_return/", body).json()
    assert "return_number" in {clock["kind"] for clock in shown["clocks"]}
    noted = client.post(f"/api/v1/cases/{case.pk}/acts/note/", {"text": "已电话沟通"}).json()
    assert noted["timeline"][-1]["data"]["text"] == "已电话沟通"


@pytest.mark.parametrize(
    ("code", "body", "field"),
    [
        ("agree_return", {"message": "同意退货"}, "freight"),
        ("agree_return", {"message": "同意退货", "freight": "the moon"}, "freight"),
        ("agree_return", {"message": "!", "freight": "seller"}, "message"),
        ("return_number", {"waybill": 5}, "waybill"),
        ("return_number", {"waybill": "1" * 70}, "waybill"),
        ("promise_return", {"by": "some day"}, "by"),
        ("promise_return", {"by": "2020-01-01"}, "by"),
        ("open_claim", {"waybill": "YT1", "amount": "NaN"}, "amount"),
        ("assess_compensation", {"claimed": "maybe"}, "claimed"),
        ("note", {}, "text"),
        ("note", [], None),
    ],
)
def test_an_act_names_the_field_that_cannot_stand(
    world: World, call: Caller, code: str, body: Any, field: str | None
) -> None:
    answer = call(world.support).post(f"/api/v1/cases/{on_path(world, 4).pk}/acts/{code}/", body)
    assert answer.status_code == 400, answer.content
    assert answer.json()["field"] == field


def test_revealing_the_buyer_is_noted(world: World, call: Caller) -> None:
    case = on_path(world, buyer_nick="小熊爱买", buyer_phone="13800001234")
    shown = call(world.support).post(f"/api/v1/cases/{case.pk}/reveal_buyer/").json()
    assert (shown["nick"], shown["phone"]) == ("小熊爱买", "13800001234")
    assert case.timeline.filter(kind="revealed", by=world.support).count() == 1
