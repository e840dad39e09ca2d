"""The case page and its dialogs: what is shown, what is sent, what happens to input that is declined."""

from datetime import timedelta
from decimal import Decimal

import pytest
import time_machine
from django.urls import reverse

from accounts.models import Membership, User
from handoffs.flow import decision, handoff, response
from handoffs.flow.handoff import Question
from handoffs.flow.kinds import APPROVALS, KINDS
from handoffs.flow.proposal import Proposal
from handoffs.models import Attachment, Case, Decision, Handoff, Response, TimelineEntry
from tests import factories, photos
from tests.admin.conftest import LogIn
from tests.factories import NOON, World
from tests.money.conftest import connect, stopped


def page_of(case: Case) -> str:
    return reverse("admin:handoffs_case_change", args=[case.pk])


def dialog(case: Case, code: str) -> str:
    return reverse("admin:handoffs_dialog", args=[case.pk, code])


def verb(case: Case, code: str) -> str:
    return reverse("admin:handoffs_verb", args=[case.pk, code])


def test_it_shows_need_goods_money_path_clocks_and_the_next_step(world: World, log_in: LogIn) -> None:
    case = factories.case(world.shop, description="<b>颜色不对</b>")
    page = log_in(world.support).get(page_of(case)).content.decode()
    for words in ("协商一致退款", "&lt;b&gt;颜色不对&lt;/b&gt;", "测试水杯", "¥50.00", "first response",
                  "The goods have not been shipped.", "Why due then?", dialog(case, "respond"),
                  "Application received"):  # fmt: skip
        assert words in page, words


def test_the_buyer_is_masked_until_a_logged_click(world: World, log_in: LogIn) -> None:
    case = factories.case(world.shop, buyer_nick="mountain-river", buyer_phone="00012345678")
    browser = log_in(world.support)
    before = browser.get(page_of(case)).content.decode()
    assert "mountain-river" not in before
    assert "00012345678" not in before
    shown = browser.post(verb(case, "reveal"))
    assert (shown.status_code, "00012345678" in shown.content.decode()) == (200, True)
    assert TimelineEntry.objects.filter(case=case, kind="revealed", by=world.support).count() == 1
    assert "00012345678" not in browser.get(page_of(case)).content.decode()
    assert all("00012345678" not in morsel.value for morsel in browser.cookies.values())


def test_a_response_with_its_template_and_time_is_recorded(
    world: World, log_in: LogIn, clock: time_machine.Traveller
) -> None:
    case = factories.case(world.shop)
    clock.move_to(NOON + timedelta(minutes=10))
    sent = {"message": "您好，正在核实", "channel": "phone", "sent_at": "2026-11-11T12:07", "template": "parcel_left"}
    assert log_in(world.support).post(dialog(case, "respond"), sent).status_code == 302
    made = Response.objects.get(case=case)
    assert (made.channel, made.template, made.sent_at) == ("phone", "parcel_left", NOON + timedelta(minutes=7))


def test_a_message_that_says_nothing_is_declined_at_its_field_and_kept(world: World, log_in: LogIn) -> None:
    case = factories.case(world.shop)
    got = log_in(world.support).post(dialog(case, "respond"), {"message": "(*￣︶￣)", "channel": "chat"})
    assert got.status_code == 400
    assert list(got.context["form"].errors) == ["message"]
    assert "(*￣︶￣)" in got.content.decode()
    assert not Response.objects.filter(case=case).exists()


def test_templates_are_offered_with_their_variables_filled(world: World, log_in: LogIn) -> None:
    case = factories.case(world.shop)
    offered = log_in(world.support).get(dialog(case, "respond")).context["dialog"].templates
    assert offered
    assert any(case.refund_id in each["body"] for each in offered)


def test_before_asking_one_sees_who_gets_it_and_when_it_is_due(world: World, log_in: LogIn) -> None:
    User.objects.filter(pk=world.logistics.pk).update(seen_at=NOON)
    case = factories.case(world.shop, path=2)
    facts = log_in(world.support).get(dialog(case, "recall_parcel")).context["dialog"].facts
    assert facts == ["Parcel: ZTO ZTO0001", "Goes to Logistics (online).", "The answer will be due at 14:00."]


def test_a_question_due_after_the_marketplace_is_warned_of_before_it_is_sent(world: World, log_in: LogIn) -> None:
    case = factories.case(world.shop, path=2, marketplace_deadline=NOON + timedelta(hours=1))
    browser = log_in(world.support)
    assert "after the marketplace" in browser.get(dialog(case, "recall_parcel")).context["dialog"].warning
    assert browser.get(dialog(case, "check_shipped")).context["dialog"].warning == ""


def test_a_question_that_is_open_already_is_said_to_be(world: World, log_in: LogIn) -> None:
    case = factories.case(world.shop)
    got = log_in(world.support).post(dialog(case, "stop_parcel"), {"note": "请截单"})
    assert got.status_code == 409
    assert "already open" in got.content.decode()
    assert Handoff.objects.filter(case=case, kind="stop_parcel").count() == 1


@pytest.mark.parametrize("kind", sorted(set(KINDS) - APPROVALS))
def test_every_question_has_a_dialog_for_those_who_may_ask(world: World, log_in: LogIn, kind: str) -> None:
    case = factories.case(world.shop, path=3)
    assert log_in(world.manager).get(dialog(case, kind)).status_code == 200


def test_deciding_shows_limit_cap_and_what_was_granted_before(world: World, log_in: LogIn) -> None:
    case = factories.case(world.shop, path=3, amount=Decimal(80), total_fee=Decimal(80))
    decision.propose(case.pk, Proposal("compensation", "商品瑕疵补偿", Decimal(5)), by=world.support, at=NOON)
    facts = " ".join(log_in(world.support).get(dialog(case, "full_refund")).context["dialog"].facts)
    for words in (
        "Applied for: ¥80.00",
        "Your limit: ¥100.00",
        "Granted before on this order: ¥5.00",
        "¥80.00 is left",
    ):
        assert words in facts, words


def test_a_proof_is_kept_when_the_decision_is_declined(world: World, log_in: LogIn) -> None:
    case = factories.case(world.shop, path=3)
    browser = log_in(world.support)
    got = browser.post(dialog(case, "refuse"), {"reason": "…", "files": [photos.file()]})
    assert got.status_code == 400
    kept = got.context["kept"]
    assert [proof.name for proof in kept] == ["photo.png"]
    again = {"reason": "商品完好，不支持退款", "kept": [kept[0].pk]}
    assert browser.post(dialog(case, "refuse"), again).status_code == 302
    assert Attachment.objects.get().case == case


def test_nobody_smuggles_in_the_upload_of_another(world: World, log_in: LogIn) -> None:
    case = factories.case(world.shop, path=3)
    theirs = photos.uploaded(world.qc, at=NOON)
    log_in(world.support).post(dialog(case, "refuse"), {"reason": "商品完好，不支持退款", "kept": [theirs.pk]})
    theirs.refresh_from_db()
    assert theirs.case is None


def test_of_two_approved_decisions_the_chosen_one_is_carried_out(world: World, log_in: LogIn) -> None:
    case = factories.case(world.shop, path=3)
    decision.propose(case.pk, Proposal("full_refund", "同意退款"), by=world.support, at=NOON)
    small = decision.propose(case.pk, Proposal("compensation", "商品瑕疵补偿", Decimal(5)), by=world.support, at=NOON)
    log_in(world.support).post(dialog(case, "carry_out"), {"decision": small.pk, "reference": "XE1"})
    by_kind = dict(Decision.objects.values_list("kind", "status"))
    assert by_kind == {"full_refund": "approved", "compensation": "carried_out"}


def test_what_another_settled_meanwhile_is_said_with_the_new_state(world: World, log_in: LogIn) -> None:
    case = factories.case(world.shop, path=3, amount=Decimal(250), total_fee=Decimal(250))
    made = decision.propose(case.pk, Proposal("full_refund", "同意退款"), by=world.support, at=NOON)
    decision.refuse(made.pk, reason="证据不足，请补充", by=world.supervisor, at=NOON)
    browser = log_in(world.support)
    got = browser.post(verb(case, "withdraw_decision"), {"decision": made.pk}, follow=True)
    assert "This changed while you looked. It is now: refused." in got.content.decode()


def test_a_case_is_passed_on_to_a_colleague(world: World, log_in: LogIn) -> None:
    case = factories.case(world.shop)
    other = factories.person("support", world.shop, name="Second")
    log_in(world.support).post(verb(case, "assign"), {"user": other.pk})
    assert Case.objects.get(pk=case.pk).owner == other
    log_in(other).post(verb(case, "put_back"))
    assert Case.objects.get(pk=case.pk).owner is None


@pytest.mark.parametrize("user", ["", "x", "99999999999999999999999"])
def test_an_odd_number_for_a_person_is_no_person(world: World, log_in: LogIn, user: str) -> None:
    case = factories.case(world.shop)
    got = log_in(world.support).post(verb(case, "assign"), {"user": user}, follow=True)
    assert "Choose a person." in got.content.decode()


def test_a_returned_question_is_sent_again_or_withdrawn_with_a_reason(world: World, log_in: LogIn) -> None:
    case = factories.case(world.shop, path=2)
    asked = handoff.ask(case.pk, Question("recall_parcel"), by=world.support, at=NOON)
    handoff.send_back(asked.pk, reason="单号不对", by=world.logistics, at=NOON)
    browser = log_in(world.support)
    assert "单号不对" in browser.get(page_of(case)).content.decode()
    act = lambda code: reverse("admin:handoffs_handoff_act", args=[asked.pk, code])  # noqa: E731
    browser.post(act("send_again"), {"reason": "单号已更正", "back": "case"})
    asked.refresh_from_db()
    assert (asked.status, asked.note) == ("open", "单号已更正")
    browser.post(act("withdraw"), {"reason": "买家已签收", "back": "case"})
    asked.refresh_from_db()
    assert asked.status == "withdrawn"
    assert TimelineEntry.objects.filter(case=case, kind="withdrawn", data__cause="买家已签收").exists()


def test_whoever_holds_support_in_one_shop_and_warehouse_in_another_sees_amounts_in_the_first_only(
    world: World, log_in: LogIn
) -> None:
    both = factories.person("support", world.shop)
    Membership.objects.create(user=both, role="warehouse", shop=world.other_shop)
    first, second = factories.case(world.shop), factories.case(world.other_shop)
    assert "¥50.00" in log_in(both).get(page_of(first)).content.decode()
    assert "¥50.00" not in log_in(both).get(page_of(second)).content.decode()


def test_a_closed_case_offers_nothing_but_what_may_follow(world: World, log_in: LogIn) -> None:
    case = factories.case(world.shop, path=None, phase="closed", marketplace_status="CLOSED")
    groups = log_in(world.support).get(page_of(case)).context["groups"]
    assert (groups["decide"], groups["ask"]) == ([], [])
    assert {step.code for step in groups["record"]} <= {
        "note",
        "parcel_event",
        "came_back",
        "open_claim",
        "settle_claim",
    }


def test_a_response_sent_in_the_future_is_declined_at_its_field(world: World, log_in: LogIn) -> None:
    case = factories.case(world.shop)
    sent = {"message": "您好，正在核实", "channel": "chat", "sent_at": "2026-11-12T12:00"}
    got = log_in(world.support).post(dialog(case, "respond"), sent)
    assert list(got.context["form"].errors) == ["sent_at"]
    assert response.Response.objects.count() == 0


def test_a_connected_shop_pays_from_the_case_through_a_plan_of_one(world: World, log_in: LogIn) -> None:
    case = stopped(world)
    browser, page = log_in(world.support), reverse("admin:handoffs_case_change", args=[case.pk])
    assert "Refund through the marketplace" not in browser.get(page).content.decode()
    connect(world.shop)
    assert "Refund through the marketplace" in browser.get(page).content.decode()
    planned = browser.post(reverse("admin:handoffs_batches"), {"case": case.pk}, follow=True)
    assert [row.case_id for row in planned.context["batch"].rows.all()] == [case.pk]
