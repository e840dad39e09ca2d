"""What is late, owed or paid already when the desk first hears of it."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from accounts.models import Contact, Membership
from handoffs import permissions, sweep, tracking
from handoffs.flow import acts, answer, decision, handoff, response
from handoffs.flow.answer import Given
from handoffs.flow.errors import Invalid
from handoffs.flow.handoff import Question
from handoffs.flow.proposal import Proposal
from handoffs.intake import jd_api
from handoffs.models import Case, Clock, Handoff, Reason
from tests import factories
from tests.factories import NOON, World

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
NAMES = ("order_id", "line_id", "amount", "total_fee", "good_status", "order_status", "has_good_return",
         "dispute_type", "reason", "marketplace_deadline")  # fmt: skip


def told(world: World, case: Case, *, at: Any, modified: Any = None, **fields: Any) -> Case:
    """What the marketplace says of the application now."""
    same = {name: getattr(case, name) for name in NAMES}
    factories.take(case.shop, factories.row(case.refund_id, **{**same, **fields}, modified=modified or at), at=at)
    return Case.objects.get(pk=case.pk)


def edited(world: World) -> Case:
    """Refused at 12:05, edited by the buyer at 12:10, and read at 12:45."""
    case = factories.case(world.shop, path=3)
    told(world, case, phase="refused", at=NOON + 5 * MINUTE)
    return told(world, case, phase="wait_seller", modified=NOON + 10 * MINUTE, at=NOON + 45 * MINUTE)


def test_an_edit_that_is_past_due_when_first_seen_is_late_and_in_the_leads_summary(world: World) -> None:
    Membership.objects.filter(user=world.support).update(lead=True)
    case = edited(world)
    begun = Clock.objects.get(case=case, kind="first_response", version=2)
    assert (begun.state, begun.cause, begun.due_at) == ("late", "arrived_late", NOON + 40 * MINUTE)
    assert case.timeline.filter(kind="late", data__version=2).count() == 1
    assert world.support.messages.get(kind="arrived_late").data["count"] == 1
    assert sweep.run(at=NOON + HOUR)["reminded"] == 0


def test_what_was_sent_before_the_edit_does_not_answer_it(world: World) -> None:
    case = edited(world)
    early = response.Reply("您好，正在为您核实", channel="phone", sent_at=NOON + 2 * MINUTE)
    response.respond(case.pk, early, by=world.support, at=NOON + 50 * MINUTE)
    assert Clock.objects.get(case=case, kind="first_response", version=2).ended_at is None
    response.respond(case.pk, response.Reply("您好，已为您处理好"), by=world.support, at=NOON + 51 * MINUTE)
    assert Clock.objects.get(case=case, kind="first_response", version=2).state == "late"


def test_the_marketplaces_deadline_was_kept_when_it_was_and_not_when_that_is_read(world: World) -> None:
    case = factories.case(world.shop, path=3, marketplace_deadline=NOON + HOUR)
    told(world, case, phase="wait_buyer_return", modified=NOON + 50 * MINUTE, at=NOON + 90 * MINUTE)
    ended = Clock.objects.get(case=case, kind="marketplace")
    assert (ended.state, ended.ended_at) == ("met", NOON + 50 * MINUTE)


@pytest.mark.parametrize("collects", [False, True])
def test_the_return_number_is_chased_of_a_return_that_was_agreed_before_the_desk_saw_it(
    world: World, *, collects: bool
) -> None:
    world.shop.marketplace_collects = collects
    world.shop.save()
    case = factories.case(world.shop, path=4, phase="wait_buyer_return")
    running = Clock.objects.filter(case=case, kind="return_number", ended_at=None).first()
    assert (running.due_at if running else None) == (None if collects else NOON + 12 * HOUR)


def test_a_return_that_came_with_its_number_is_not_chased(world: World) -> None:
    case = factories.case(world.shop, path=4, phase="wait_buyer_return", return_waybill="SF123456789")
    assert not Clock.objects.filter(case=case, kind="return_number").exists()


@pytest.mark.parametrize("kind", ["exchange", "repair", "reship"])
@pytest.mark.parametrize("known", [True, False])
def test_an_exchange_that_is_finished_refunded_nothing(world: World, kind: str, *, known: bool) -> None:
    if known:
        case = factories.case(world.shop, path=None, dispute_type=kind)
        case = told(world, case, phase="success", at=NOON + HOUR)
    else:
        case = factories.case(world.shop, path=None, dispute_type=kind, phase="success")
    assert (case.status, case.money) == ("closed", "none")
    assert not case.timeline.filter(kind="paid_elsewhere").exists()


def test_price_protection_is_money_without_goods(world: World) -> None:
    case = factories.case(world.shop, path=3, dispute_type="price_protect", amount=Decimal(15))
    case = told(world, case, phase="success", at=NOON + HOUR)
    assert (case.status, case.money) == ("closed", "confirmed")


def test_three_nineties_called_full_refunds_do_not_pass_a_limit_of_a_hundred(world: World) -> None:
    kept = {"order_id": "2701", "line_id": "1", "total_fee": Decimal(300), "amount": Decimal(90)}
    cases = [factories.case(world.shop, path=3, **kept) for _ in range(2)]
    wanted = Proposal("full_refund", "同意退款")
    made = [decision.propose(case.pk, wanted, by=world.support, at=NOON) for case in cases]
    assert [(each.status, each.granted_before) for each in made] == [("approved", 0), ("proposed", 90)]
    whole = factories.case(world.shop, path=3, order_id="2701", line_id="2", amount=Decimal(20), total_fee=Decimal(20))
    assert decision.propose(
        whole.pk, Proposal("compensation", "同意补偿", Decimal(5)), by=world.support, at=NOON
    ).granted_before == Decimal(90)


class TestReasons:
    @pytest.fixture(autouse=True)
    def _table(self, world: World) -> None:
        rows = {"多拍/拍错/不想要": False, "未按约定时间发货": True}
        for text, claims in rows.items():
            Reason.objects.update_or_create(marketplace="taobao", text=text, defaults={"compensation": claims})

    def test_of_an_unknown_text_a_person_says_whether_it_claims_compensation(self, world: World) -> None:
        case = factories.case(world.shop, path=1, reason="商家发货太慢要求赔付")
        wanted = Proposal("full_refund", "同意退款")
        with pytest.raises(Invalid) as error:
            decision.propose(case.pk, wanted, by=world.support, at=NOON)
        assert error.value.code == "assess_compensation"
        acts.perform(case.pk, "assess_compensation", {"claimed": False}, by=world.support, at=NOON)
        decision.propose(case.pk, wanted, by=world.support, at=NOON)

    def test_another_reason_is_looked_up_again(self, world: World) -> None:
        case = factories.case(world.shop, path=1, reason="多拍/拍错/不想要")
        assert case.claims_compensation is False
        case = told(world, case, reason="未按约定时间发货", at=NOON + MINUTE)
        assert case.claims_compensation is True

    def test_what_a_person_said_stays(self, world: World) -> None:
        case = factories.case(world.shop, path=1, reason="多拍/拍错/不想要")
        acts.perform(case.pk, "assess_compensation", {"claimed": False}, by=world.support, at=NOON)
        case = told(world, case, reason="未按约定时间发货", at=NOON + MINUTE)
        assert case.claims_compensation is False


class TestQuestions:
    def test_one_to_a_carrier_without_a_contact_stands_in_the_roles_open_queue(self, world: World) -> None:
        stranger = factories.person("logistics", world.shop)
        case = factories.case(world.shop, path=2)
        assert not permissions.can_see(stranger, case)
        Contact.objects.filter(carrier=world.carriers["zto"]).delete()
        asked = handoff.ask(case.pk, Question("recall_parcel"), by=world.support, at=NOON)
        stranger = type(stranger).objects.get(pk=stranger.pk)
        assert asked.parcel is not None
        assert permissions.visible_handoffs(stranger).filter(pk=asked.pk).exists()
        assert permissions.can_see(stranger, case)
        answer.answer(asked.pk, Given("cannot"), by=stranger, at=NOON + MINUTE)
        asked.refresh_from_db()
        assert asked.answered_by == stranger

    def test_one_that_takes_the_place_of_another_keeps_its_deadline(self, world: World) -> None:
        first, second = (self._asked(world, at) for at in (NOON, NOON + 30 * MINUTE))
        assert second.joined == first
        handoff.withdraw(first.pk, by=world.support, at=NOON + 115 * MINUTE)
        second.refresh_from_db()
        assert (second.joined, second.due_at) == (None, NOON + 2 * HOUR)
        assert second.clocks.get().due_at == NOON + 2 * HOUR

    def test_whoever_joined_is_told_too_when_it_is_late(self, world: World) -> None:
        other = factories.person("support", world.shop)
        self._asked(world, NOON)
        second = self._asked(world, NOON + 30 * MINUTE, by=other)
        sweep.run(at=NOON + 2 * HOUR + MINUTE)
        message = other.messages.get(kind="late")
        assert (message.case_id, message.data["handoff"]) == (second.case_id, second.pk)
        sweep.run(at=NOON + 2 * HOUR + 2 * MINUTE)
        assert other.messages.filter(kind="late").count() == 1

    def _asked(self, world: World, at: Any, by: Any = None) -> Handoff:
        case = factories.case(world.shop, path=2)
        return handoff.ask(case.pk, Question("recall_parcel"), by=by or world.support, at=at)


class TestCancelledOrdersOfJd:
    def test_what_was_intercepted_does_not_go_back_to_not_shipped(self, world: World) -> None:
        case = factories.case(world.other_shop, source_kind="cancel", dispute_type="cancel_order", line_id="",
                              marketplace_status="10", order_status="SHIPPED", phase="wait_seller_confirm")  # fmt: skip
        assert case.path == 2
        row = factories.row(case.refund_id, source_kind="cancel", dispute_type="cancel_order", line_id="",
                            order_id=case.order_id, marketplace_status="5", phase="wait_seller_confirm",
                            order_status="WAIT_SELLER_SEND_GOODS", modified=NOON + HOUR)  # fmt: skip
        factories.take(world.other_shop, row, at=NOON + HOUR)
        case.refresh_from_db()
        assert (case.marketplace_status, case.order_status, case.path) == ("5", "SHIPPED", 2)

    @pytest.mark.parametrize(("status", "order"), [
        ("0", "WAIT_SELLER_SEND_GOODS"), ("7", "SHIPPED"), ("16", "SHIPPED"), ("17", "SHIPPED"),
    ])  # fmt: skip
    def test_delivery_refused_means_that_it_had_left(self, status: str, order: str) -> None:
        given = {"id": 1, "orderId": "31", "applyRefundSum": 100, "status": status, "applyTime": "2026-11-11 12:00:00"}
        made: Any = jd_api.row(given, 1)
        assert made.fields["order_status"] == order


def test_memberships_begin_with_the_day_in_china(world: World) -> None:
    """00:30 on 11.11 in Shanghai is still the 10th in UTC."""
    midnight = NOON.replace(day=10, hour=16, minute=30)
    Membership.objects.filter(user=world.support).update(valid_from="2026-11-11")
    case = factories.case(world.shop, path=3, at=midnight)
    assert case.owner == world.support
    Membership.objects.filter(user=world.support).update(valid_from=None, valid_to="2026-11-10")
    assert factories.case(world.shop, path=3, at=midnight).owner is None


class TestReturnNumbers:
    """A number that the carrier does not know is asked about, however it came."""

    DAYS = timedelta(days=2)

    def _is_asked_about(self, case: Case, since: Any) -> None:
        watch = Clock.objects.get(case=case, kind="parcel_silence", ended_at=None)
        assert watch.due_at == since + self.DAYS
        sweep.run(at=since + self.DAYS + MINUTE)
        assert case.handoffs.get(kind="trace_return").status == "open"

    def test_entered_by_hand(self, world: World) -> None:
        case = factories.case(world.shop, path=4, phase="wait_buyer_return")
        acts.perform(case.pk, "return_number", {"waybill": "SF1234567890"}, by=world.support, at=NOON)
        assert Clock.objects.get(case=case, kind="return_number").state == "met"
        self._is_asked_about(case, NOON)

    def test_taken_directly_with_a_word_to_the_buyer(self, world: World) -> None:
        case = factories.case(world.shop, path=3)
        given = {"waybill": "SF1234567890", "message": "您好，已登记您的退货单号"}
        acts.perform(case.pk, "offline_return", given, by=world.support, at=NOON)
        case.refresh_from_db()
        assert (case.path, case.responses.get().message) == (4, given["message"])
        assert Clock.objects.get(case=case, kind="first_response").state == "met"
        self._is_asked_about(case, NOON)

    def test_told_by_the_marketplace(self, world: World) -> None:
        case = factories.case(world.shop, path=4, phase="wait_buyer_return")
        told(world, case, phase="wait_seller_confirm", return_waybill="SF1234567890", at=NOON + HOUR)
        tracking.run(at=NOON + HOUR + 10 * MINUTE)
        self._is_asked_about(case, NOON + HOUR)
