"""Decisions: limits with memory, approvals, offers, refusals, the cap, money once (domain.md sections 2 and 5)."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from accounts.models import Limit
from handoffs.flow import acts, answer, decision, response
from handoffs.flow.answer import Given
from handoffs.flow.decision import Proposal
from handoffs.flow.errors import Invalid, NotAllowed, NotYours, Stale
from handoffs.models import Case, Decision, OrderLine, RefundOrder
from tests import factories, photos
from tests.factories import NOON, World

LATER = NOON + timedelta(minutes=5)
WHY = "商品破损，买家已提供照片"


def propose(
    world: World, case: Case, kind: str, amount: str | None = None, by: str = "support", **more: Any
) -> Decision:
    value = Decimal(amount) if amount else None
    return decision.propose(case.pk, Proposal(kind, WHY, value, **more), by=world.people[by], at=NOON)


def worth(world: World, amount: str, path: int = 3, **more: Any) -> Case:
    return factories.case(world.shop, path=path, amount=Decimal(amount), total_fee=Decimal(amount), **more)


def test_within_the_limit_it_is_decided_at_once_and_the_clock_to_carry_out_runs(world: World) -> None:
    case = worth(world, "100.00")
    made = propose(world, case, "full_refund")
    case.refresh_from_db()
    assert (made.status, made.approved_by, case.status, case.money) == ("approved", None, "to_pay", "approved")
    assert case.clocks.get(kind="carry_out").due_at == NOON + timedelta(minutes=30)


def test_a_fen_over_the_limit_goes_to_the_supervisor_for_12_hours(world: World) -> None:
    made = propose(world, worth(world, "100.01"), "full_refund")
    assert (made.status, made.handoff.kind, made.handoff.assignee) == ("proposed", "approve_refund", world.supervisor)
    assert made.handoff.due_at == NOON + timedelta(hours=12)


def test_compensation_over_the_limit_is_answered_within_4_hours(world: World) -> None:
    made = propose(world, worth(world, "300.00"), "compensation", "101.00")
    assert (made.handoff.kind, made.handoff.due_at) == ("approve_compensation", NOON + timedelta(hours=4))


def test_an_approval_is_never_due_beyond_the_marketplaces_deadline(world: World) -> None:
    case = worth(world, "300.00", marketplace_deadline=NOON + timedelta(hours=3))
    assert propose(world, case, "full_refund").handoff.due_at == NOON + timedelta(hours=3)


def test_the_limit_remembers_so_three_nineties_do_not_pass_a_hundred(world: World) -> None:
    order = {"order_id": "2700"}
    cases = [worth(world, "300.00", line_id=str(n), **order) for n in range(3)]
    made = [propose(world, case, "partial_refund", "90.00") for case in cases]
    assert [d.status for d in made] == ["approved", "proposed", "proposed"]
    assert made[1].granted_before == Decimal("90.00")


def test_memory_counts_what_anyone_granted_as_compensation_too(world: World) -> None:
    case = worth(world, "300.00", order_id="2701", line_id="1")
    propose(world, case, "compensation", "4000.00", by="supervisor")
    other = worth(world, "60.00", order_id="2701", line_id="2")
    assert propose(world, other, "partial_refund", "10.00").status == "proposed"


def test_a_path_1_full_refund_after_stopped_is_limited_by_what_was_paid_only(world: World) -> None:
    case = worth(world, "3000.00", path=1)
    assert propose(world, case, "full_refund").status == "proposed"
    decision.withdraw(case.decisions.get().pk, by=world.support, at=NOON)
    stop = case.handoffs.get(kind="stop_parcel")
    answer.answer(stop.pk, Given("stopped"), by=world.warehouse, at=NOON)
    assert propose(world, case, "full_refund").status == "approved"


def test_a_supervisor_over_the_own_limit_needs_the_manager(world: World) -> None:
    made = propose(world, worth(world, "6000.00"), "full_refund", by="supervisor")
    assert made.handoff.assignee == world.manager
    with pytest.raises(NotAllowed):
        decision.approve(made.pk, by=world.supervisor, at=LATER)
    decision.approve(made.pk, by=world.manager, at=LATER)


def test_nobody_without_a_limit_grants_anything(world: World) -> None:
    Limit.objects.filter(role="support").delete()
    assert propose(world, worth(world, "1.00"), "full_refund").status == "proposed"


def test_a_persons_own_limit_and_the_shops_go_before_the_general(world: World) -> None:
    Limit.objects.create(role="support", shop=world.shop, amount=Decimal(500))
    assert propose(world, worth(world, "400.00"), "full_refund").status == "approved"
    Limit.objects.create(user=world.support, amount=Decimal(10))
    assert propose(world, worth(world, "11.00"), "full_refund").status == "proposed"


class TestApproval:
    def test_approving_less_makes_it_an_offer_that_waits_for_the_buyers_edit(self, world: World) -> None:
        case = worth(world, "260.00")
        made = propose(world, case, "full_refund")
        given = Given("approve_less", amount=Decimal("120.00"), note="只能批一半")
        answer.answer(made.handoff_id, given, by=world.supervisor, at=LATER)
        made.refresh_from_db()
        case.refresh_from_db()
        assert (made.status, made.amount, made.approved_by, made.offer) == (
            "approved",
            Decimal("120.00"),
            world.supervisor,
            True,
        )
        assert (case.status, case.clocks.get(kind="buyer_edit").state) == ("waiting_buyer", "running")
        with pytest.raises(Stale):
            decision.carry_out(made.pk, by=world.support, at=LATER)

    def test_the_buyers_edit_to_the_offered_amount_releases_it(self, world: World) -> None:
        case = worth(world, "260.00")
        made = propose(world, case, "partial_refund", "80.00")
        edited = {"amount": Decimal("80.00"), "total_fee": Decimal("260.00"), "modified": LATER}
        same = factories.ON_PATH[3] | {"order_id": case.order_id, "line_id": case.line_id}
        factories.take(world.shop, factories.row(case.refund_id, **same, **edited), at=LATER)
        made.refresh_from_db()
        case.refresh_from_db()
        assert (made.status, made.offer, case.status) == ("approved", False, "to_pay")

    def test_another_amount_voids_it_and_it_is_asked_again(self, world: World) -> None:
        case = worth(world, "260.00")
        made = propose(world, case, "full_refund")
        edited = {"amount": Decimal("250.00"), "total_fee": Decimal("260.00"), "modified": LATER}
        same = factories.ON_PATH[3] | {"order_id": case.order_id, "line_id": case.line_id}
        factories.take(world.shop, factories.row(case.refund_id, **same, **edited), at=LATER)
        made.refresh_from_db()
        made.handoff.refresh_from_db()
        assert (made.status, made.handoff.status) == ("void", "withdrawn")
        with pytest.raises(Stale):
            decision.approve(made.pk, by=world.supervisor, at=LATER)
        again = case.decisions.get(status="proposed")
        assert (again.amount, again.by, again.handoff.status) == (Decimal("250.00"), world.support, "open")
        assert decision.approve(again.pk, by=world.supervisor, at=LATER).status == "approved"

    def test_what_the_proposer_may_grant_alone_by_now_is_left_to_them(self, world: World) -> None:
        case = worth(world, "260.00")
        propose(world, case, "full_refund")
        edited = {"amount": Decimal("50.00"), "total_fee": Decimal("260.00"), "modified": LATER}
        same = factories.ON_PATH[3] | {"order_id": case.order_id, "line_id": case.line_id}
        factories.take(world.shop, factories.row(case.refund_id, **same, **edited), at=LATER)
        assert not case.decisions.filter(status__in=("proposed", "approved")).exists()
        assert case.clocks.get(kind="decide").state == "running"

    def test_a_new_marketplace_version_voids_it(self, world: World) -> None:
        case = worth(world, "260.00", refund_version="1", modified=NOON)
        made = propose(world, case, "full_refund")
        same = factories.ON_PATH[3] | {"order_id": case.order_id, "line_id": case.line_id, "amount": Decimal("260.00"),
                                       "total_fee": Decimal("260.00")}  # fmt: skip
        factories.take(world.shop, factories.row(case.refund_id, **same, refund_version="2", modified=LATER), at=LATER)
        made.refresh_from_db()
        assert made.status == "void"

    def test_the_proposer_never_approves(self, world: World) -> None:
        made = propose(world, worth(world, "6000.00"), "full_refund", by="supervisor")
        with pytest.raises(NotAllowed) as error:
            decision.approve(made.pk, by=world.supervisor, at=LATER)
        assert error.value.code == "own_proposal"

    def test_the_database_refuses_an_approver_who_proposed(self, world: World) -> None:
        made = propose(world, worth(world, "260.00"), "full_refund")
        with pytest.raises(IntegrityError), transaction.atomic():
            Decision.objects.filter(pk=made.pk).update(approved_by=made.by)

    def test_deciding_and_answering_are_one_act_whichever_door(self, world: World) -> None:
        made = propose(world, worth(world, "260.00"), "full_refund")
        decision.approve(made.pk, by=world.supervisor, at=LATER, note="同意")
        made.handoff.refresh_from_db()
        assert (made.handoff.status, made.handoff.answer, made.handoff.answered_by) == (
            "answered",
            "approve",
            world.supervisor,
        )
        assert made.handoff.clocks.get().state == "met"

    def test_a_second_approval_changed_meanwhile_from_the_same_person_too(self, world: World) -> None:
        made = propose(world, worth(world, "260.00"), "full_refund")
        decision.approve(made.pk, by=world.supervisor, at=LATER)
        for person in (world.supervisor, world.manager):
            with pytest.raises(Stale):
                decision.approve(made.pk, by=person, at=LATER)
            with pytest.raises(Stale):
                answer.answer(made.handoff_id, Given("approve"), by=person, at=LATER)

    def test_refusing_a_proposal_needs_a_reason_that_says_something(self, world: World) -> None:
        made = propose(world, worth(world, "260.00"), "full_refund")
        with pytest.raises(Invalid):
            decision.refuse(made.pk, reason="(*￣︶￣)", by=world.supervisor, at=LATER)
        decision.refuse(made.pk, reason="证据不足，请补充照片", by=world.supervisor, at=LATER)
        made.case.refresh_from_db()
        assert (made.case.status, made.case.money) == ("to_decide", "none")

    @pytest.mark.parametrize("role", ["warehouse", "qc", "logistics"])
    def test_those_who_see_no_amounts_see_no_decision(self, world: World, role: str) -> None:
        made = propose(world, worth(world, "260.00"), "full_refund")
        with pytest.raises(NotYours):
            decision.approve(made.pk, by=world.people[role], at=LATER)

    def test_more_than_was_asked_cannot_be_approved(self, world: World) -> None:
        made = propose(world, worth(world, "260.00"), "partial_refund", "200.00")
        with pytest.raises(Invalid):
            decision.approve(made.pk, amount=Decimal("201.00"), by=world.supervisor, at=LATER)


class TestAmounts:
    @pytest.mark.parametrize("amount", ["0", "-1", "0.001", "260.01", "1E+15"])
    def test_amounts_that_cannot_be_are_turned_down(self, world: World, amount: str) -> None:
        with pytest.raises(Invalid) as error:
            propose(world, worth(world, "260.00"), "partial_refund", amount)
        assert error.value.field == "amount"

    def test_a_full_refund_is_the_amount_applied_for(self, world: World) -> None:
        with pytest.raises(Invalid) as error:
            propose(world, worth(world, "260.00"), "full_refund", "200.00")
        assert error.value.code == "not_the_amount_applied_for"

    def test_refunds_on_a_line_never_exceed_what_was_paid_for_it(self, world: World) -> None:
        line = {"order_id": "2702", "line_id": "1"}
        first, second = worth(world, "60.00", **line), worth(world, "60.00", **line)
        Case.objects.filter(pk__in=(first.pk, second.pk)).update(total_fee=Decimal("100.00"))
        decision.carry_out(propose(world, first, "full_refund").pk, by=world.support, at=LATER)
        with pytest.raises(Invalid) as error:
            propose(world, second, "full_refund")
        assert error.value.code == "over_the_cap"

    def test_the_database_keeps_the_cap(self, world: World) -> None:
        case = worth(world, "60.00")
        decision.carry_out(propose(world, case, "full_refund").pk, by=world.support, at=LATER)
        with pytest.raises(IntegrityError), transaction.atomic():
            OrderLine.objects.update(refunded=Decimal("60.01"))

    def test_an_unknown_basis_needs_a_person_to_confirm_it(self, world: World) -> None:
        case = worth(world, "60.00", line_id="")
        Case.objects.filter(pk=case.pk).update(total_fee=None, paid=None)
        with pytest.raises(Invalid) as error:
            propose(world, case, "full_refund")
        assert error.value.code == "confirm_basis"
        acts.perform(case.pk, "confirm_basis", {}, by=world.support, at=NOON)
        assert propose(world, case, "full_refund").status == "approved"

    def test_an_export_names_no_line_so_whoever_decides_confirms_what_it_says_was_paid(self, world: World) -> None:
        case = worth(world, "60.00", line_id="")
        Case.objects.filter(pk=case.pk).update(total_fee=None, paid=Decimal("88.00"))
        propose(world, case, "full_refund")
        taken = case.timeline.get(kind="basis_taken")
        assert (taken.by, taken.data["amount"]) == (world.support, "88.00")
        named = worth(world, "60.00")
        propose(world, named, "full_refund")
        assert not named.timeline.filter(kind="basis_taken").exists()


class TestMoneyMovesOnce:
    def test_carried_out_by_hand_then_confirmed_by_the_next_import(self, world: World) -> None:
        case = worth(world, "60.00")
        made = propose(world, case, "full_refund")
        acts.perform(case.pk, "carry_out", {"reference": "A1"}, by=world.support, at=LATER)
        case.refresh_from_db()
        assert case.money == "acknowledged"
        same = factories.ON_PATH[3] | {"order_id": case.order_id, "line_id": case.line_id, "amount": Decimal("60.00"),
                                       "total_fee": Decimal("60.00")}  # fmt: skip
        done = factories.row(case.refund_id, **same, phase="success", marketplace_status="SUCCESS", modified=LATER)
        factories.take(world.shop, done, at=LATER)
        case.refresh_from_db()
        assert (case.money, case.status) == ("confirmed", "closed")
        assert RefundOrder.objects.get(decision=made).status == "confirmed"

    def test_it_cannot_be_carried_out_twice(self, world: World) -> None:
        made = propose(world, worth(world, "60.00"), "full_refund")
        decision.carry_out(made.pk, by=world.support, at=LATER)
        with pytest.raises(Stale):
            decision.carry_out(made.pk, by=world.support, at=LATER)
        assert RefundOrder.objects.count() == 1

    @pytest.mark.parametrize("kind", ["full_refund", "partial_refund", "refuse", "reship"])
    def test_nothing_more_is_decided_once_a_refund_is_recorded(self, world: World, kind: str) -> None:
        case = worth(world, "60.00")
        decision.carry_out(propose(world, case, "full_refund").pk, by=world.support, at=LATER)
        amount = Decimal(10) if kind == "partial_refund" else None
        with pytest.raises(Stale):
            decision.propose(case.pk, Proposal(kind, "再看一次", amount), by=world.support, at=LATER)
        case.refresh_from_db()
        assert (case.money, RefundOrder.objects.count()) == ("acknowledged", 1)

    def test_closed_on_the_marketplace_after_we_paid_is_unknown_and_never_retried(self, world: World) -> None:
        case = worth(world, "60.00")
        decision.carry_out(propose(world, case, "full_refund").pk, by=world.support, at=LATER)
        same = factories.ON_PATH[3] | {"order_id": case.order_id, "line_id": case.line_id, "amount": Decimal("60.00"),
                                       "total_fee": Decimal("60.00")}  # fmt: skip
        shut = factories.row(case.refund_id, **same, phase="closed", marketplace_status="CLOSED", modified=LATER)
        factories.take(world.shop, shut, at=LATER)
        case.refresh_from_db()
        assert (case.money, RefundOrder.objects.get().status) == ("unknown", "unknown")

    def test_paid_by_the_marketplace_itself_still_has_a_parcel_to_stop(self, world: World) -> None:
        case = worth(world, "60.00", path=1)
        same = {
            "order_id": case.order_id,
            "line_id": case.line_id,
            "amount": Decimal("60.00"),
            "total_fee": Decimal("60.00"),
        }
        done = factories.row(case.refund_id, **same, phase="success", marketplace_status="SUCCESS", modified=LATER)
        factories.take(world.shop, done, at=LATER)
        case.refresh_from_db()
        assert (case.status, case.money) == ("goods_open", "confirmed")
        assert case.handoffs.get(kind="stop_parcel").status == "open"
        answer.answer(case.handoffs.get().pk, Given("stopped"), by=world.warehouse, at=LATER)
        case.refresh_from_db()
        assert case.status == "closed"


class TestRefusing:
    def test_a_refusal_that_says_nothing_is_turned_down(self, world: World) -> None:
        case = worth(world, "60.00")
        with pytest.raises(Invalid) as error:
            decision.propose(case.pk, Proposal("refuse", "(*￣︶￣)"), by=world.support, at=NOON)
        assert error.value.field == "reason"

    def test_not_shipped_and_no_reason_cases_cannot_be_refused(self, world: World) -> None:
        for case in (worth(world, "60.00", path=1), worth(world, "60.00", reason="7天无理由退换货")):
            with pytest.raises(Invalid) as error:
                propose(world, case, "refuse")
            assert error.value.code == "cannot_refuse"

    def test_tmall_wants_a_proof_image_of_at_most_130000_bytes(self, world: World) -> None:
        world.shop.marketplace = "tmall"
        world.shop.save()
        case = worth(world, "60.00")
        with pytest.raises(Invalid):
            propose(world, case, "refuse")
        proof = photos.uploaded(world.support, at=NOON)
        assert propose(world, case, "refuse", attachments=(proof.pk,)).status == "approved"

    def test_a_refusal_is_over_200_characters(self, world: World) -> None:
        case = worth(world, "60.00")
        with pytest.raises(Invalid):
            decision.propose(case.pk, Proposal("refuse", "不" * 201), by=world.support, at=NOON)

    def test_carrying_out_a_refusal_is_a_response(self, world: World) -> None:
        case = worth(world, "60.00")
        decision.carry_out(propose(world, case, "refuse").pk, by=world.support, at=LATER)
        assert case.clocks.get(kind="first_response").state == "met"
        assert case.responses.get().channel == "refuse"


def test_a_claim_for_compensation_is_assessed_before_anything_is_paid(world: World) -> None:
    from handoffs.models import Reason

    Reason.objects.update_or_create(marketplace="taobao", text="未按约定时间发货", defaults={"compensation": True})
    case = worth(world, "60.00", reason="未按约定时间发货")
    assert case.claims_compensation is True
    with pytest.raises(Invalid) as error:
        propose(world, case, "full_refund")
    assert error.value.code == "assess_compensation"
    acts.perform(case.pk, "assess_compensation", {"claimed": True, "stands": False}, by=world.support, at=NOON)
    assert propose(world, case, "full_refund").status == "approved"


def test_compensation_has_its_own_ledger_and_cap(world: World) -> None:
    world.shop.compensation_cap = Decimal(50)
    world.shop.save()
    case = worth(world, "60.00")
    made = propose(world, case, "compensation", "30.00")
    acts.perform(case.pk, "carry_out", {"small_payment": True}, by=world.support, at=LATER)
    case.refresh_from_db()
    assert (case.compensations.get().amount, case.money, RefundOrder.objects.count()) == (made.amount, "none", 0)
    with pytest.raises(Invalid) as error:
        propose(world, case, "compensation", "20.01")
    assert error.value.code == "over_the_cap"


def test_waiting_for_the_buyer_pauses_our_clock(world: World) -> None:
    case = worth(world, "60.00")
    response.respond(case.pk, response.Reply("您好，正在为您核实"), by=world.support, at=NOON)
    propose(world, case, "partial_refund", "20.00")
    case.refresh_from_db()
    assert case.status == "waiting_buyer"


def test_an_application_of_0_yuan_names_no_amount_so_a_person_gives_it(world: World) -> None:
    case = factories.case(world.other_shop, source_kind="cancel", dispute_type="cancel_order", line_id="",
                          amount=Decimal("0.00"), total_fee=Decimal("80.00"))  # fmt: skip
    with pytest.raises(Invalid):
        propose(world, case, "full_refund")
    made = propose(world, case, "full_refund", "80.00")
    assert (made.status, made.offer) == ("approved", False)
