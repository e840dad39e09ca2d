"""The page of one question: answered with what the answer needs, returned, passed on; no more shown than may be."""

from decimal import Decimal

import pytest
from django.urls import reverse

from handoffs.flow import handoff
from handoffs.flow.handoff import Question
from handoffs.models import Attachment, Case, CaseLine, Handoff
from tests import factories, photos
from tests.admin.conftest import LogIn
from tests.factories import NOON, World


def page_of(asked: Handoff) -> str:
    return reverse("admin:handoffs_handoff_page", args=[asked.pk])


def act(asked: Handoff, code: str) -> str:
    return reverse("admin:handoffs_handoff_act", args=[asked.pk, code])


def stop(world: World) -> Handoff:
    factories.case(world.shop)
    return Handoff.objects.get(kind="stop_parcel")


def inspection(world: World) -> Handoff:
    case = factories.case(world.shop, path=4)
    return handoff.ask(case.pk, Question("inspect_return"), by=world.manager, at=NOON)


def test_it_asks_the_one_question_with_its_answers(world: World, log_in: LogIn) -> None:
    page = log_in(world.warehouse).get(page_of(stop(world)))
    assert [answer["code"] for answer in page.context["answers"]] == ["stopped", "not_picked", "left"]
    assert page.context["answers"][2]["needs"] == "waybill"
    assert "Can you stop the parcel before it leaves?" in page.content.decode()


def test_it_shows_neither_amount_nor_buyer(world: World, log_in: LogIn) -> None:
    case = factories.case(world.shop, buyer_nick="mountain-river", amount=Decimal("49.37"), total_fee=Decimal("49.37"))
    page = log_in(world.warehouse).get(page_of(case.handoffs.get())).content.decode()
    assert "mountain-river" not in page
    assert "49.37" not in page


def test_left_needs_the_waybill_and_then_turns_the_case_to_path_2(world: World, log_in: LogIn) -> None:
    asked, browser = stop(world), log_in(world.warehouse)
    got = browser.post(page_of(asked), {"answer": "left", "note": "刚出库"})
    assert (got.status_code, list(got.context["form"].errors)) == (400, ["waybill"])
    assert "刚出库" in got.content.decode()
    browser.post(page_of(asked), {"answer": "left", "waybill": "ZTO7", "carrier": "中通快递"})
    assert Case.objects.get().path == 2


def test_damaged_needs_a_photo_and_keeps_what_came_with_a_declined_answer(world: World, log_in: LogIn) -> None:
    asked, browser = inspection(world), log_in(world.qc)
    got = browser.post(page_of(asked), {"answer": "damaged"})
    assert list(got.context["form"].errors) == ["files"]
    got = browser.post(page_of(asked), {"answer": "nonsense", "photo": [photos.file()]})
    assert got.status_code == 400
    got = browser.post(page_of(asked), {"answer": "damaged", "photo": [photos.file()], "files": [photos.file(b"no")]})
    assert list(got.context["form"].errors) == ["files"]
    kept = [proof.pk for proof in got.context["kept"]]
    assert len(kept) == 1
    assert browser.post(page_of(asked), {"answer": "damaged", "kept": kept}).status_code == 302
    assert Attachment.objects.get(pk=kept[0]).handoff == asked


def test_a_phone_is_offered_its_camera(world: World, log_in: LogIn) -> None:
    page = log_in(world.qc).get(page_of(inspection(world))).content.decode()
    assert 'accept="image/*"' in page
    assert "capture" in page


def test_several_lines_are_inspected_one_by_one(world: World, log_in: LogIn) -> None:
    asked, browser = inspection(world), log_in(world.qc)
    assert "outcome" not in [answer["code"] for answer in browser.get(page_of(asked)).context["answers"]]
    for sku in ("A1", "B2"):
        CaseLine.objects.create(case=asked.case, sku=sku, title=sku)
    answers = {answer["code"]: answer["needs"] for answer in browser.get(page_of(asked)).context["answers"]}
    assert answers["outcome"] == "line_0 line_1"
    assert browser.post(page_of(asked), {"answer": "outcome", "line_0": "good"}).status_code == 400
    sent = {"answer": "outcome", "line_0": "good", "line_1": "damaged", "photo": [photos.file()]}
    assert browser.post(page_of(asked), sent).status_code == 302
    asked.refresh_from_db()
    assert asked.data["lines"] == [{"line": "A1", "outcome": "good"}, {"line": "B2", "outcome": "damaged"}]


def test_an_answer_to_an_answered_question_is_told_the_new_state(world: World, log_in: LogIn) -> None:
    asked, browser = stop(world), log_in(world.warehouse)
    browser.post(page_of(asked), {"answer": "stopped"})
    got = browser.post(page_of(asked), {"answer": "stopped"})
    assert got.status_code == 409
    assert "It is now: answered." in got.content.decode()


def test_returning_needs_a_reason(world: World, log_in: LogIn) -> None:
    asked, browser = stop(world), log_in(world.warehouse)
    got = browser.post(act(asked, "return"), {"reason": " "}, follow=True)
    assert got.redirect_chain[-1][0] == page_of(asked)
    assert "Say what is missing or wrong" in got.content.decode()
    browser.post(act(asked, "return"), {"reason": "没有规格"})
    asked.refresh_from_db()
    assert (asked.status, asked.answer_note) == ("returned", "没有规格")


def test_it_is_claimed_and_passed_on_to_somebody_who_can_answer(world: World, log_in: LogIn) -> None:
    asked, second = stop(world), factories.person("warehouse", world.shop)
    browser = log_in(world.warehouse)
    browser.post(act(asked, "claim"))
    assert second in browser.get(page_of(asked)).context["colleagues"]
    browser.post(act(asked, "reassign"), {"user": second.pk})
    asked.refresh_from_db()
    assert (asked.status, asked.assignee) == ("claimed", second)


def test_a_logistics_contact_of_another_carrier_is_no_colleague_for_it(world: World, log_in: LogIn) -> None:
    case = factories.case(world.shop, path=2)
    asked = handoff.ask(case.pk, Question("recall_parcel"), by=world.support, at=NOON)
    other = factories.person("logistics", world.shop)
    assert other not in log_in(world.logistics).get(page_of(asked)).context["colleagues"]
    assert log_in(other).get(page_of(asked)).status_code == 404


def test_who_asked_sees_the_question_without_the_answers(world: World, log_in: LogIn) -> None:
    case = factories.case(world.shop, path=2)
    asked = handoff.ask(case.pk, Question("recall_parcel"), by=world.support, at=NOON)
    page = log_in(world.support).get(page_of(asked))
    assert (page.status_code, page.context["may_answer"]) == (200, False)
    assert 'name="answer"' not in page.content.decode()


@pytest.mark.parametrize("code", ["claim", "return", "reassign", "withdraw", "send_again"])
def test_its_verbs_are_posted(world: World, log_in: LogIn, code: str) -> None:
    asked = stop(world)
    assert log_in(world.warehouse).get(act(asked, code)).status_code == 405
    asked.refresh_from_db()
    assert asked.status == "open"


def test_an_unknown_verb_is_not_there(world: World, log_in: LogIn) -> None:
    assert log_in(world.warehouse).post(act(stop(world), "burn")).status_code == 404


def test_logistics_reads_the_waybill_masked_and_the_warehouse_does_not(world: World, log_in: LogIn) -> None:
    case = factories.case(world.shop, path=2, buyer_name="测试人", buyer_phone="00011112222", description="有话要说")
    recall = handoff.ask(case.pk, Question("recall_parcel"), by=world.support, at=NOON)
    shipped = handoff.ask(case.pk, Question("check_shipped"), by=world.support, at=NOON)
    assert "测*人 000*****222" in log_in(world.logistics).get(page_of(recall)).content.decode()
    assert "测*人" not in log_in(world.warehouse).get(page_of(shipped)).content.decode()
    shown = log_in(world.logistics).get(reverse("admin:handoffs_case_change", args=[case.pk])).content.decode()
    assert "测*人" in shown
    assert "Reveal" not in shown
    assert "有话要说" not in shown
