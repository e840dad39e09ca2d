"""Handoffs: one question, one owner, one deadline, one structured answer that drives the case (domain.md section 3)."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from accounts import duty
from accounts.models import Contact
from accounts.models.people import Role
from handoffs.flow import answer, clock, handoff, response
from handoffs.flow.answer import Given
from handoffs.flow.errors import Invalid, NotAllowed, NotYours, Stale
from handoffs.flow.handoff import Question
from handoffs.flow.kinds import APPROVALS, KINDS
from handoffs.models import Case, Handoff
from handoffs.seeds.policies import HANDOFF_MINUTES
from tests import factories, photos
from tests.factories import NOON, World

LATER = NOON + timedelta(minutes=5)


def ask(world: World, case: Case, kind: str, **more: Any) -> Handoff:
    asker = world.support if Role.SUPPORT in KINDS[kind].from_roles else world.manager
    return handoff.ask(case.pk, Question(kind, **{"note": "请看一下", **more}), by=asker, at=NOON)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in APPROVALS | {"stop_parcel"}])
def test_every_kind_reaches_its_role_with_its_deadline(world: World, kind: str) -> None:
    case = factories.case(world.shop, path=2, return_waybill="YT0009", return_carrier="圆通速递")
    asked = ask(world, case, kind)
    assert asked.to_role == KINDS[kind].to_role
    assert asked.due_at == NOON + timedelta(minutes=HANDOFF_MINUTES[kind][0])
    assert asked.assignee == world.people[asked.to_role]
    assert asked.clocks.get().state == "running"


def test_difficult_lengthens_the_deadline_and_needs_a_reason(world: World) -> None:
    case = factories.case(world.shop, path=2)
    with pytest.raises(Invalid) as error:
        ask(world, case, "check_shipped", difficult=True, note="")
    assert error.value.field == "difficult"
    asked = ask(world, case, "check_shipped", difficult=True, difficult_reason="旧仓库，需要翻找")
    assert asked.due_at == NOON + timedelta(hours=2)


def test_external_inspection_has_48_hours(world: World) -> None:
    world.shop.external_qc = True
    world.shop.save()
    case = factories.case(world.shop, path=4)
    assert ask(world, case, "inspect_return").due_at == NOON + timedelta(hours=48)


def test_the_carriers_agreement_sets_the_time_for_its_answer(world: World) -> None:
    agreement = world.carriers["zto"].agreement
    agreement.answer_minutes = 60
    agreement.save()
    case = factories.case(world.shop, path=2)
    assert ask(world, case, "recall_parcel").due_at == NOON + timedelta(hours=1)


def test_one_open_question_of_a_kind_per_case(world: World) -> None:
    case = factories.case(world.shop, path=2)
    ask(world, case, "recall_parcel")
    with pytest.raises(Stale):
        ask(world, case, "recall_parcel")
    assert case.handoffs.filter(kind="recall_parcel").count() == 1


def test_the_same_question_on_the_same_waybill_joins_and_one_answer_serves_all(world: World) -> None:
    cases = [factories.case(world.shop, path=2) for _ in range(3)]
    first, *others = [ask(world, case, "recall_parcel") for case in cases]
    assert {asked.joined_id for asked in others} == {first.pk}
    assert not any(asked.clocks.exists() for asked in others)
    answer.answer(others[0].pk, Given("will_return", by="2026-11-13"), by=world.logistics, at=LATER)
    assert set(Handoff.objects.filter(kind="recall_parcel").values_list("status", "answer")) == {
        ("answered", "will_return")
    }
    for case in cases:
        case.refresh_from_db()
        assert (case.goods, case.path) == ("returning", 2)


def test_when_the_leading_question_goes_the_next_takes_its_place_and_its_clock(world: World) -> None:
    first, second = (ask(world, factories.case(world.shop, path=2), "recall_parcel") for _ in range(2))
    handoff.withdraw(first.pk, by=world.support, at=LATER)
    second.refresh_from_db()
    assert second.joined is None
    assert second.clocks.get().state == "running"


ANSWERS: list[tuple[str, Given, str]] = [
    ("trace_delivery", Given("position", note="杭州转运中心"), "by"),
    ("trace_delivery", Given("position", by="2026-11-13"), "position"),
    ("trace_return", Given("signed"), "signed_at"),
    ("recall_parcel", Given("will_return"), "by"),
    ("recall_parcel", Given("will_return", by="next week"), "by"),
    ("recall_parcel", Given("maybe"), "answer"),
    ("check_not_received", Given("delivered"), "attachments"),
    ("special_request", Given("instead"), "note"),
    ("check_shipped", Given("facts", note="已出库"), "attachments"),
    ("receive_return", Given("received", data={"weight": "0.5"}), "condition"),
    ("receive_return", Given("received", data={"condition": "good"}), "weight"),
    ("receive_return", Given("received", data={"condition": "good", "weight": "-1"}), "weight"),
    ("recheck_weight", Given("weight", data={"weight": "0.5"}), "attachments"),
    ("inspect_return", Given("damaged"), "attachments"),
    ("inspect_return", Given("outcome", data={"lines": [{"line": "1", "outcome": "damaged"}]}), "data"),
    ("issue_certificate", Given("document"), "attachments"),
]


@pytest.mark.parametrize(("kind", "given", "field"), ANSWERS)
def test_an_incomplete_answer_is_turned_down_and_names_the_field(
    world: World, kind: str, given: Given, field: str
) -> None:
    asked = ask(world, factories.case(world.shop, path=2), kind)
    with pytest.raises(Invalid) as error:
        answer.answer(asked.pk, given, by=world.people[asked.to_role], at=LATER)
    assert error.value.field == field
    asked.refresh_from_db()
    assert asked.status == "open"


def test_what_never_came_is_asked_of_the_carrier_and_of_the_warehouse(world: World) -> None:
    case = factories.case(world.shop, path=2)
    ask(world, case, "check_not_received")
    logistics, warehouse = case.handoffs.filter(kind="check_not_received").order_by("pk")
    assert [logistics.to_role, warehouse.to_role] == ["logistics", "warehouse"]
    with pytest.raises(Invalid) as error:
        answer.answer(warehouse.pk, Given("handed_over"), by=world.warehouse, at=LATER)
    assert error.value.field == "attachments"
    proof = photos.uploaded(by=world.warehouse, at=LATER)
    answer.answer(warehouse.pk, Given("handed_over", attachments=[proof.pk]), by=world.warehouse, at=LATER)
    logistics.refresh_from_db()
    assert (logistics.status, case.facts.count()) == ("open", 0)


def test_left_turns_the_case_to_path_2_and_asks_the_carrier_of_the_waybill_for_the_recall(world: World) -> None:
    case = factories.case(world.shop, path=1)
    stop = case.handoffs.get(kind="stop_parcel")
    given = Given("left", waybill="YT777", carrier="圆通速递")
    answer.answer(stop.pk, given, by=world.warehouse, at=LATER)
    case.refresh_from_db()
    recall = case.handoffs.get(kind="recall_parcel")
    assert case.path == 2
    assert (recall.parcel.waybill, recall.parcel.carrier.code, recall.assignee) == ("YT777", "yto", world.logistics)
    assert case.timeline.filter(kind="record_dispatch").exists()


@pytest.mark.parametrize("word", ["stopped", "not_picked"])
def test_stopped_leads_to_the_refund(world: World, word: str) -> None:
    from handoffs.flow.next_step import next_step

    case = factories.case(world.shop, path=1)
    response.respond(case.pk, response.Reply("您好，正在为您拦截"), by=world.support, at=NOON)
    stop = case.handoffs.get(kind="stop_parcel")
    answer.answer(stop.pk, Given(word), by=world.warehouse, at=LATER)
    case = Case.objects.get(pk=case.pk)
    assert (case.status, next_step(case).code) == ("to_decide", "full_refund")
    assert case.clocks.get(kind="decide").due_at == LATER + timedelta(minutes=30)


def test_will_return_releases_the_refund_at_once_and_watches_the_promise(world: World) -> None:
    case = factories.case(world.shop, path=2)
    asked = ask(world, case, "recall_parcel")
    answer.answer(asked.pk, Given("will_return", by="2026-11-14"), by=world.logistics, at=LATER)
    promise = case.clocks.get(kind="return_promised")
    assert promise.due_at.astimezone(world.shop.zone).isoformat() == "2026-11-14T23:59:59+08:00"
    assert case.clocks.get(kind="carry_out").due_at == LATER + timedelta(minutes=30)


def test_a_received_return_goes_on_to_inspection_and_a_good_one_to_the_refund(world: World) -> None:
    from handoffs.flow.next_step import next_step

    case = factories.case(world.shop, path=4)
    response.respond(case.pk, response.Reply("您好，请寄回商品"), by=world.support, at=NOON)
    received = ask(world, case, "receive_return")
    data = {"condition": "outer box fine", "weight": "0.52"}
    answer.answer(received.pk, Given("received", data=data), by=world.warehouse, at=LATER)
    inspect = case.handoffs.get(kind="inspect_return")
    assert (inspect.from_role, inspect.assignee) == ("warehouse", world.qc)
    answer.answer(inspect.pk, Given("good"), by=world.qc, at=LATER)
    case = Case.objects.get(pk=case.pk)
    assert (case.goods, case.status, next_step(case).code) == ("returned", "to_decide", "full_refund")


def test_where_the_shop_refunds_on_signature_nothing_waits_for_the_inspection(world: World) -> None:
    world.shop.return_policy = "on_signature"
    world.shop.save()
    case = factories.case(world.shop, path=4)
    received = ask(world, case, "receive_return")
    data = {"condition": "good", "weight": 1}
    answer.answer(received.pk, Given("received", data=data), by=world.warehouse, at=LATER)
    assert not case.handoffs.filter(kind="inspect_return").exists()
    assert case.clocks.get(kind="carry_out").state == "running"


def test_an_inspection_that_is_not_good_needs_a_photo_and_goes_back_to_the_owner(world: World) -> None:
    case = factories.case(world.shop, path=4)
    inspect = ask(world, case, "inspect_return")
    photo = photos.uploaded(world.qc, at=NOON)
    answer.answer(inspect.pk, Given("damaged", attachments=[photo.pk]), by=world.qc, at=LATER)
    photo.refresh_from_db()
    assert (photo.case, photo.handoff) == (case, inspect)
    assert world.support.messages.filter(kind="answered", case=case).exists()


def test_the_second_answer_is_told_that_it_changed_meanwhile_also_to_the_same_person(world: World) -> None:
    asked = ask(world, factories.case(world.shop, path=2), "recall_parcel")
    answer.answer(asked.pk, Given("cannot"), by=world.logistics, at=LATER)
    for person in (world.logistics, world.manager):
        with pytest.raises(Stale):
            answer.answer(asked.pk, Given("delivered"), by=person, at=LATER)
    asked.refresh_from_db()
    assert asked.answer == "cannot"


def test_the_managers_answer_is_noted_as_such(world: World) -> None:
    asked = ask(world, factories.case(world.shop, path=2), "recall_parcel")
    answer.answer(asked.pk, Given("cannot"), by=world.manager, at=LATER)
    asked.refresh_from_db()
    assert asked.data["answered_as"] == "manager"


def test_a_returned_question_ends_its_clock_and_starts_a_new_version_when_sent_again(world: World) -> None:
    asked = ask(world, factories.case(world.shop, path=2), "trace_delivery")
    with pytest.raises(Invalid):
        handoff.send_back(asked.pk, reason=" ", by=world.logistics, at=LATER)
    handoff.send_back(asked.pk, reason="没有运单号", by=world.logistics, at=LATER)
    handoff.send_again(asked.pk, note_text="运单号 ZTO0001", by=world.support, at=LATER)
    versions = asked.clocks.order_by("version").values_list("version", "state")
    assert list(versions) == [(1, "cancelled"), (2, "running")]
    asked.refresh_from_db()
    assert (asked.status, asked.due_at) == ("open", LATER + timedelta(hours=2))


def test_a_question_returned_after_due_stays_late(world: World) -> None:
    asked = ask(world, factories.case(world.shop, path=2), "trace_delivery")
    handoff.send_back(asked.pk, reason="没有运单号", by=world.logistics, at=NOON + timedelta(hours=3))
    assert asked.clocks.get().state == "late"


def test_claiming_shows_who_has_it_and_reassigning_is_an_event(world: World) -> None:
    second = factories.person("logistics", world.shop)
    Contact.objects.filter(carrier=world.carriers["zto"]).update(deputy=second)
    asked = ask(world, factories.case(world.shop, path=2), "trace_delivery")
    handoff.claim(asked.pk, by=world.logistics, at=LATER)
    with pytest.raises(Stale):
        handoff.claim(asked.pk, by=second, at=LATER)
    handoff.reassign(asked.pk, to=second, by=world.logistics, at=LATER)
    asked.refresh_from_db()
    assert asked.assignee == second
    assert asked.case.timeline.get(kind="reassigned").data["to"] == second.name


def test_nobody_outside_the_role_answers_and_outsiders_do_not_see_it(world: World) -> None:
    asked = ask(world, factories.case(world.shop, path=2), "recall_parcel")
    with pytest.raises(NotAllowed):
        answer.answer(asked.pk, Given("cannot"), by=world.support, at=LATER)
    stranger = factories.person("logistics", world.other_shop)
    with pytest.raises(NotYours):
        answer.answer(asked.pk, Given("cannot"), by=stranger, at=LATER)


LANES = [
    ("warehouse", "recall_parcel"),
    ("qc", "ask_quality"),
    ("support", "inspect_return"),
    ("logistics", "trace_delivery"),
]


@pytest.mark.parametrize(("role", "kind"), LANES)
def test_questions_are_asked_in_ones_own_lanes_only(world: World, role: str, kind: str) -> None:
    case = factories.case(world.shop, path=2)
    ask(world, case, "check_shipped")
    ask(world, case, "ask_quality") if kind != "ask_quality" else ask(world, case, "inspect_return")
    with pytest.raises((NotAllowed, NotYours)):
        handoff.ask(case.pk, Question(kind), by=world.people[role], at=LATER)


class TestContacts:
    def test_off_duty_goes_to_the_stand_in_then_the_deputy_then_the_lead(self, world: World) -> None:
        deputy, lead, stand_in = (factories.person("warehouse", world.shop, lead=n == 1) for n in range(3))
        Contact.objects.filter(role="warehouse").update(deputy=deputy)
        place = {"shop_id": world.shop.pk, "warehouse_id": world.store.pk, "at": LATER}
        assert duty.reach("warehouse", **place) == duty.Reached(world.warehouse, "contact")
        duty.switch_off(world.warehouse, at=NOON, stand_in=stand_in)
        assert duty.reach("warehouse", **place) == duty.Reached(stand_in, "stand_in")
        duty.switch_off(world.warehouse, at=NOON + timedelta(minutes=1))
        assert duty.reach("warehouse", **place) == duty.Reached(deputy, "deputy")
        duty.switch_off(deputy, at=NOON)
        assert duty.reach("warehouse", **place) == duty.Reached(lead, "lead")

    def test_a_carrier_without_a_contact_goes_to_the_open_queue_and_the_lead_is_told(self, world: World) -> None:
        Contact.objects.filter(carrier=world.carriers["zto"]).delete()
        asked = ask(world, factories.case(world.shop, path=2), "recall_parcel")
        assert (asked.assignee, asked.reached) == (None, "no_contact")
        assert world.logistics.messages.filter(kind="handed_off").exists()


def test_an_answer_due_beyond_the_marketplaces_deadline_is_said_when_it_is_sent(world: World) -> None:
    case = factories.case(world.shop, path=2, marketplace_deadline=NOON + timedelta(minutes=50))
    asked = ask(world, case, "recall_parcel")
    sent = case.timeline.filter(kind="handed_off", data__handoff=asked.pk).get()
    assert sent.data["beyond_marketplace"].startswith("2026-11-11T04:50")


def test_asking_again_takes_the_decision_clock_away(world: World) -> None:
    case = factories.case(world.shop, path=2)
    asked = ask(world, case, "recall_parcel")
    answer.answer(asked.pk, Given("cannot"), by=world.logistics, at=LATER)
    assert clock.Clock.objects.get(case=case, kind="decide").state == "running"
    handoff.ask(case.pk, Question("trace_delivery"), by=world.support, at=LATER)
    assert clock.Clock.objects.get(case=case, kind="decide").state == "cancelled"


def test_amounts_on_questions_are_positive(world: World) -> None:
    case = factories.case(world.shop, path=2)
    from django.db import IntegrityError, transaction

    with pytest.raises(IntegrityError), transaction.atomic():
        Handoff.objects.create(case=case, kind="special_request", from_role="support", to_role="supervisor",
                               amount=Decimal(0), created_at=NOON)  # fmt: skip
