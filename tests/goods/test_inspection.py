"""QC cards: an outcome and photos for each line, the way to external quality control inside its 48 hours."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.test import Client, RequestFactory
from django.urls import reverse
from django.utils import translation

from handoffs import sweep, writing
from handoffs.admin import at_the_marketplace, replies
from handoffs.admin.uploads import Sent
from handoffs.flow import acts, answer, handoff, market_call
from handoffs.flow.errors import Invalid, NotAllowed, Stale
from handoffs.flow.next_step import next_step
from handoffs.models import Attachment, Case, CaseLine, Clock, Handoff
from tests import factories, photos
from tests.factories import NOON, World

LATER = NOON + timedelta(hours=5)


def received(world: World, *skus: str, at: datetime = NOON, **fields: Any) -> Case:
    case = factories.case(world.shop, path=4, **fields)
    CaseLine.objects.bulk_create(CaseLine(case=case, sku=sku, title=sku, quantity=1) for sku in skus)
    asked = handoff.ask(case.pk, handoff.Question("receive_return"), by=world.support, at=at)
    given = answer.Given("received", data={"condition": "good", "weight": "0.5"})
    answer.answer(asked.pk, given, by=world.warehouse, at=at)
    acts.perform(case.pk, "tell_buyer", {"message": "您好，退货已经收到，正在检查"}, by=world.support, at=at)
    case.refresh_from_db()
    return case


def asked_of(case: Case) -> Handoff:
    return case.handoffs.get(kind="inspect_return")


def outcomes(case: Case, world: World, lines: list[dict[str, Any]], *files: Attachment) -> Handoff:
    given = answer.Given("outcome", data={"lines": lines}, attachments=tuple(file.pk for file in files))
    answer.answer(asked_of(case).pk, given, by=world.qc, at=LATER)
    case.refresh_from_db()
    return asked_of(case)


def test_each_line_has_its_outcome_and_its_own_photos(world: World) -> None:
    case = received(world, "A1", "B2")
    proof = photos.uploaded(world.qc, at=LATER)
    lines = [{"line": "A1", "outcome": "good"}, {"line": "B2", "outcome": "damaged", "photos": [proof.pk]}]
    asked = outcomes(case, world, lines, proof)
    assert (asked.status, asked.data["lines"], asked.attachments.get()) == ("answered", lines, proof)
    assert next_step(case).code != "full_refund"


def test_all_good_needs_no_photo_and_leads_to_the_refund(world: World) -> None:
    case = received(world, "A1", "B2")
    outcomes(case, world, [{"line": sku, "outcome": "good"} for sku in ("A1", "B2")])
    assert next_step(case).code == "full_refund"


@pytest.mark.parametrize(
    "wrong",
    [
        [{"line": "A1", "outcome": "damaged"}, {"line": "B2", "outcome": "good"}],
        [{"line": "A1", "outcome": "splendid"}, {"line": "B2", "outcome": "good"}],
        [{"line": "A1", "outcome": "damaged", "photos": [10**6]}],
        ["A1"],
        [],
    ],
)
def test_what_is_not_good_needs_a_photo_of_that_line(world: World, wrong: Any) -> None:
    case = received(world, "A1", "B2")
    with pytest.raises(Invalid):
        outcomes(case, world, wrong)
    assert asked_of(case).status == "open"


def test_photos_of_one_line_do_not_prove_another(world: World) -> None:
    case, proof = received(world, "A1", "B2"), photos.uploaded(world.qc, at=LATER)
    lines = [{"line": "A1", "outcome": "damaged", "photos": [proof.pk]}, {"line": "B2", "outcome": "empty_box"}]
    with pytest.raises(Invalid):
        outcomes(case, world, lines, proof)


def test_the_card_is_filed_from_a_phone_with_photos_by_line(world: World) -> None:
    case = received(world, "A1", "B2")
    client = Client()
    client.force_login(world.qc, backend="accounts.backends.RoleBackend")
    where = reverse("admin:handoffs_handoff_page", args=[asked_of(case).pk])
    assert "line_1_photo" in client.get(where).content.decode()
    body = {
        "answer": "outcome",
        "line_0": "good",
        "line_1": "wrong_item",
        "line_1_photo": [photos.file(), photos.file()],
    }
    assert client.post(where, body).status_code == 302
    asked = asked_of(case)
    assert [line["outcome"] for line in asked.data["lines"]] == ["good", "wrong_item"]
    assert (len(asked.data["lines"][1]["photos"]), asked.attachments.count()) == (2, 2)


# External quality control ---------------------------------------------------------------------------------------------


@pytest.fixture
def outside(world: World) -> Case:
    world.shop.external_qc_from = 40
    world.shop.save()
    return received(world)


def leg(case: Case) -> Clock:
    return case.clocks.get(kind="transport")


def test_the_way_there_has_its_own_clock_inside_the_48_hours(world: World, outside: Case) -> None:
    asked = asked_of(outside)
    assert asked.due_at == NOON + timedelta(hours=48)
    assert (leg(outside).due_at, leg(outside).owner_role) == (NOON + timedelta(hours=24), "warehouse")
    acts.perform(outside.pk, "goods_at_qc", {}, by=world.qc, at=LATER)
    assert (leg(outside).state, leg(outside).ended_at, asked_of(outside).due_at) == ("met", LATER, asked.due_at)
    assert outside.timeline.filter(kind="goods_at_qc", by=world.qc).exists()
    with pytest.raises(Stale):
        acts.perform(outside.pk, "goods_at_qc", {}, by=world.qc, at=LATER)


def test_an_inspection_in_the_house_has_no_way_to_go(world: World) -> None:
    assert not received(world).clocks.filter(kind="transport").exists()


def test_goods_that_do_not_arrive_are_late_and_somebody_hears_of_it(world: World, outside: Case) -> None:
    sweep.run(at=NOON + timedelta(hours=25))
    assert leg(outside).state == "late"
    assert outside.timeline.filter(kind="late", data__clock="transport").exists()


def test_whoever_inspects_the_goods_has_them(world: World, outside: Case) -> None:
    answer.answer(asked_of(outside).pk, answer.Given("good"), by=world.qc, at=LATER)
    assert (leg(outside).state, leg(outside).ended_at) == ("met", LATER)


def test_a_withdrawn_inspection_ends_the_way_there(world: World, outside: Case) -> None:
    handoff.withdraw(asked_of(outside).pk, by=world.warehouse, at=LATER)
    assert leg(outside).state == "cancelled"


@pytest.mark.parametrize("role", ["support", "warehouse"])
def test_only_quality_control_says_that_they_arrived(world: World, outside: Case, role: str) -> None:
    with pytest.raises(NotAllowed):
        acts.perform(outside.pk, "goods_at_qc", {}, by=world.people[role], at=LATER)
    assert leg(outside).state == "running"


def test_the_question_shows_the_way_and_takes_the_arrival(world: World, outside: Case) -> None:
    client = Client()
    client.force_login(world.qc, backend="accounts.backends.RoleBackend")
    where = reverse("admin:handoffs_handoff_page", args=[asked_of(outside).pk])
    assert "Handed over to quality control" in client.get(where).content.decode()
    client.post(reverse("admin:handoffs_dialog", args=[outside.pk, "goods_at_qc"]))
    assert leg(outside).ended_at is not None


# The result goes on ---------------------------------------------------------------------------------------------------


def test_the_buyer_s_template_tells_the_outcome_of_each_line(world: World) -> None:
    case, proof = received(world, "A1", "B2"), photos.uploaded(world.qc, at=LATER)
    outcomes(case, world, [{"line": "A1", "outcome": "good"}, {"line": "B2", "outcome": "damaged"}], proof)
    with translation.override("zh-hans"):
        text = replies.filled(case, "inspection_result", world.support)
    assert "A1" in text
    assert "B2" in text
    assert "{" not in text


def test_through_the_marketplace_the_inspection_s_photo_goes_along(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[market_call.Said] = []
    monkeypatch.setattr(writing, "send", lambda _case, said, **_more: sent.append(said))
    case, proof = received(world), photos.uploaded(world.qc, at=LATER)
    given = answer.Given("damaged", attachments=(proof.pk,))
    answer.answer(asked_of(case).pk, given, by=world.qc, at=LATER)
    form = Sent({"message": "您退回的商品已验收，结果见照片"}, RequestFactory().post("/"), world.support, LATER)
    at_the_marketplace.send_message(case, form, "inspection_result")
    at_the_marketplace.send_message(case, form, "looking")
    assert [said.data.get("attachments") for said in sent] == [[proof.pk], None]
