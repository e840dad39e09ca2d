"""What slips between two stools: parcels lost by word, silent side by side, sent again, found, empty, doubled."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import transaction

from accounts.models import Shop
from handoffs import sweep
from handoffs.carriers import numbers, rows
from handoffs.carriers.base import State, Track, moment_of
from handoffs.flow import acts, answer, decision, exchange, handoff, orphans, receiving, tracking
from handoffs.flow.answer import Given
from handoffs.flow.errors import Invalid, Stale
from handoffs.flow.next_step import next_step
from handoffs.models import Case, Handoff, Parcel, Receipt
from tests import factories, photos
from tests.factories import NOON, World
from tests.goods.telling import event, parcel, told

DAY, HOUR, MINUTE = timedelta(days=1), timedelta(hours=1), timedelta(minutes=1)
TWO = [("中通快递", "ZTO0001"), ("中通快递", "ZTO0002")]
BACK = {"return_waybill": "YT555001", "return_carrier": "圆通速递", "quantity": 1}


def paid(case: Case, at: Any, **more: Any) -> None:
    """The marketplace reports the refund as done."""
    same = {name: getattr(case, name) for name in ("order_id", "line_id", "amount", "order_status", "good_status",
                                                   "has_good_return", "dispute_type", "applied_at")}  # fmt: skip
    done = {"phase": "success", "marketplace_status": "SUCCESS", "modified": at, "ended_at": at}
    factories.take(case.shop, factories.row(case.refund_id, **(same | done | more)), at=at)
    case.refresh_from_db()


def others_follow(at: Any) -> None:
    tracking.drive(tracking.left_behind(at=at), at=at)


def scan(world: World, case: Case, *, condition: str = "good", actual: int = 1, key: str = "key-00001",
         waybill: str = "YT555001", **more: Any) -> receiving.Received:  # fmt: skip
    lines = (receiving.Counted(case.pk, "", actual, condition),)
    given = receiving.Receipt(key, waybill, weight_grams=300, lines=lines, **more)
    return receiving.receive(given, by=world.warehouse, at=NOON + 3 * HOUR)


def orphan(world: World, key: str = "key-00001", waybill: str = "ZT7777777", **more: Any) -> receiving.Received:
    given = receiving.Receipt(key, waybill, weight_grams=10, shop_id=world.shop.pk, **more)
    return receiving.receive(given, by=world.warehouse, at=NOON + HOUR)


def answered(world: World, case: Case, kind: str, code: str, **more: Any) -> None:
    asked = handoff.ask(case.pk, handoff.Question(kind, parcel=parcel()), by=world.manager, at=NOON + HOUR)
    answer.answer(asked.pk, Given(code, note="网点确认遗失", **more), by=world.logistics, at=NOON + 2 * HOUR)
    case.refresh_from_db()


# Lost -----------------------------------------------------------------------------------------------------------------


def test_lost_by_hand_is_claimed_and_to_be_decided_for_every_case_of_the_parcel(world: World) -> None:
    case, other = factories.case(world.shop, path=2), factories.case(world.shop, path=2)
    told(case, event(State.IN_TRANSIT, NOON))
    acts.perform(case.pk, "parcel_event", {"what": "lost"}, by=world.support, at=NOON + HOUR)
    others_follow(NOON + HOUR + 2 * MINUTE)
    for each in (case, other):
        each.refresh_from_db()
        assert (each.goods, each.claims.get().amount) == ("lost", each.amount)
        assert each.clocks.filter(kind="decide", ended_at=None).exists()
        assert not each.clocks.filter(kind="parcel_silence", ended_at=None).exists()


def test_the_carriers_word_that_it_is_lost_counts(world: World) -> None:
    case = factories.case(world.shop, path=2)
    told(case, event(State.IN_TRANSIT, NOON))
    answered(world, case, "follow_up_parcel", "lost")
    assert (case.goods, case.claims.count()) == ("lost", 1)


def test_lost_against_a_signature_is_shown_and_claimed_and_the_event_stands(world: World) -> None:
    case = factories.case(world.shop, path=2)
    told(case, event(State.IN_TRANSIT, NOON), event(State.SIGNED, NOON + HOUR))
    answered(world, case, "check_not_received", "lost")
    assert (case.goods, case.path, case.contradiction, case.claims.count()) == ("with_buyer", 3, "said_lost", 1)


def test_of_two_silent_parcels_each_is_lost_and_claimed_with_its_share(world: World) -> None:
    case = factories.case(world.shop, path=2, outbound=TWO, amount=Decimal("50.01"))
    told(case, event(State.IN_TRANSIT, NOON))
    told(case, event(State.IN_TRANSIT, NOON + DAY, waybill="ZTO0002"), waybill="ZTO0002")
    sweep.run(at=NOON + 5 * DAY + HOUR)
    assert [claim.parcel.waybill for claim in case.claims.all()] == ["ZTO0001"]
    sweep.run(at=NOON + 6 * DAY + HOUR)
    amounts = list(case.claims.order_by("pk").values_list("amount", flat=True))
    assert (amounts, sum(amounts)) == ([Decimal("25.00"), Decimal("25.01")], Decimal("50.01"))


def test_a_late_event_of_the_very_second_opens_the_question_again(world: World) -> None:
    case = factories.case(world.shop, path=2)
    told(case, event(State.IN_TRANSIT, NOON))
    sweep.run(at=NOON + 5 * DAY + HOUR)
    told(case, event(State.SIGNED, NOON, "已签收"), at=NOON + 6 * DAY)
    assert case.goods == "with_buyer"
    assert case.timeline.filter(kind="found_again").exists()


def resent(world: World) -> Case:
    case = factories.case(world.shop, path=2)
    told(case, event(State.IN_TRANSIT, NOON))
    sweep.run(at=NOON + 5 * DAY + HOUR)
    decision.propose(
        case.pk, decision.Proposal("reship", "重新发一个给买家"), by=world.manager, at=NOON + 5 * DAY + HOUR
    )
    sent = {"waybill": "ZTO0002", "carrier": "中通快递"}
    acts.perform(case.pk, "reshipped", sent, by=world.support, at=NOON + 5 * DAY + 2 * HOUR)
    case.refresh_from_db()
    return case


def test_what_was_sent_again_is_asked_about_when_nothing_is_heard_of_it(world: World) -> None:
    case = resent(world)
    assert case.goods == "in_transit"
    sweep.run(at=NOON + 8 * DAY)
    assert case.timeline.filter(kind="no_first_event").exists()
    assert case.handoffs.get(kind="trace_delivery").status == "open"


def test_the_first_parcel_that_turns_up_after_the_second_was_sent_is_told(world: World) -> None:
    case = resent(world)
    told(case, event(State.IN_TRANSIT, NOON + 6 * DAY, waybill="ZTO0002"), waybill="ZTO0002")
    told(case, event(State.SIGNED, NOON + 7 * DAY))
    assert case.timeline.get(kind="found_again").data == {"waybill": "ZTO0001", "claims": 1}
    assert world.support.messages.filter(kind="found_again").exists()
    assert case.goods == "in_transit"  # the second one's way


def test_a_return_that_falls_silent_is_asked_about_each_time(world: World) -> None:
    case = factories.case(world.shop, path=4, **BACK)
    told(case, event(State.IN_TRANSIT, NOON, waybill="YT555001"), waybill="YT555001")
    sweep.run(at=NOON + 5 * DAY)
    asked = case.handoffs.get(kind="trace_return")
    sweep.run(at=NOON + 6 * DAY)
    assert (case.handoffs.filter(kind="trace_return").count(), case.claims.count()) == (1, 0)
    answer.answer(
        asked.pk, Given("position", note="还在上海中转", by="2026-11-20"), by=world.manager, at=NOON + 6 * DAY
    )
    told(case, event(State.IN_TRANSIT, NOON + 7 * DAY, waybill="YT555001"), waybill="YT555001")
    sweep.run(at=NOON + 12 * DAY)
    assert case.handoffs.filter(kind="trace_return").count() == 2
    assert (case.goods, case.timeline.filter(kind="return_silent").count()) == ("returning", 2)


# Money gone -----------------------------------------------------------------------------------------------------------


def test_what_leaves_after_it_was_stopped_and_refunded_is_recalled(world: World) -> None:
    case = factories.case(world.shop, path=1)
    answer.answer(case.handoffs.get(kind="stop_parcel").pk, Given("stopped"), by=world.warehouse, at=NOON)
    paid(case, NOON + HOUR)
    assert case.status == "closed"
    told(case, event(State.PICKED_UP, NOON + 2 * HOUR, waybill="ZTO5555"), waybill="ZTO5555")
    assert (case.status, case.handoffs.get(kind="recall_parcel").status) == ("goods_open", "open")
    assert world.support.messages.filter(kind="left_after_all").exists()
    assert next_step(case).code == "wait_colleague"


def test_a_parcel_that_has_left_is_recalled_although_the_marketplace_paid(world: World) -> None:
    case = factories.case(world.shop, path=1)
    paid(case, NOON + HOUR)
    given = Given("left", waybill="ZTO5555", carrier="中通快递")
    answer.answer(case.handoffs.get(kind="stop_parcel").pk, given, by=world.warehouse, at=NOON + HOUR)
    assert case.handoffs.get(kind="recall_parcel").status == "open"


def test_a_claim_secures_what_it_claims(world: World) -> None:
    case = factories.case(world.shop, path=2)
    paid(case, NOON + HOUR)
    for amount, status in (("0.01", "goods_open"), ("49.99", "closed")):
        where = {"waybill": f"ZTO000{amount[0]}", "carrier": "中通快递", "amount": amount, "cause": "damaged"}
        acts.perform(case.pk, "open_claim", where, by=world.support, at=NOON + 2 * HOUR)
        case.refresh_from_db()
        assert case.status == status


def test_support_s_word_that_it_is_back_is_confirmed_by_the_warehouse_once_the_money_is_gone(world: World) -> None:
    case = factories.case(world.shop, path=2)
    paid(case, NOON + HOUR)
    acts.perform(case.pk, "came_back", {}, by=world.support, at=NOON + 2 * HOUR)
    case.refresh_from_db()
    assert (case.status, case.handoffs.get(kind="receive_return").asker) == ("goods_open", world.support)
    with pytest.raises(Stale):
        acts.perform(case.pk, "came_back", {}, by=world.support, at=NOON + 3 * HOUR)
    acts.perform(case.pk, "came_back", {}, by=world.supervisor, at=NOON + 3 * HOUR)
    case.refresh_from_db()
    assert case.status == "closed"


def test_what_was_refunded_on_signature_is_inspected_when_it_is_received(world: World) -> None:
    Shop.objects.filter(pk=world.shop.pk).update(return_policy="on_signature")
    world.shop.refresh_from_db()
    case = factories.case(world.shop, path=4, **BACK)
    told(case, event(State.SIGNED, NOON, waybill="YT555001"), waybill="YT555001")
    paid(case, NOON + HOUR)
    scan(world, case)
    assert case.handoffs.get(kind="inspect_return").status == "open"


@pytest.mark.parametrize("code", ["not_ours", "outcome"])
def test_goods_that_are_not_ours_bring_the_question_back_after_the_refund(world: World, code: str) -> None:
    case = factories.case(world.shop, path=4, **BACK)
    scan(world, case)
    paid(case, NOON + 4 * HOUR)
    assert case.status == "closed"
    proof = photos.uploaded(world.qc, at=NOON)
    given = Given(code, attachments=(proof.pk,), data={"lines": [{"line": "", "outcome": "not_ours"}]})
    asked = case.handoffs.get(kind="inspect_return")
    answer.answer(asked.pk, given, by=world.qc, at=NOON + 5 * HOUR)
    told(case, event(State.SIGNED, NOON + 6 * HOUR, waybill="YT555001"), waybill="YT555001")
    assert (case.goods, case.status) == ("with_buyer", "goods_open")


def test_a_recalled_box_that_is_empty_is_the_carriers_matter(world: World) -> None:
    case = factories.case(world.shop, path=2, quantity=1)
    told(case, event(State.RETURNING, NOON))
    paid(case, NOON + HOUR)
    proof = photos.uploaded(world.warehouse, at=NOON)
    scan(world, case, condition="empty_box", actual=0, waybill="ZTO0001", attachments=(proof.pk,))
    case.refresh_from_db()
    assert (case.goods, case.claims.get().status) == ("lost", "claimed")


def test_an_exchange_at_0_yuan_stays_open_until_the_new_goods_are_sent(world: World) -> None:
    case = factories.case(world.shop, path=4, **BACK)
    asked = {"way": "amount_to_zero", "message": "请您把退款金额改成零"}
    acts.perform(case.pk, "ask_exchange", asked, by=world.support, at=NOON)
    paid(case, NOON + HOUR, amount=Decimal(0), phase="wait_seller", marketplace_status="WAIT_SELLER_AGREE",
         ended_at=None, **BACK)  # fmt: skip
    assert case.exchange_state == "confirmed"
    paid(case, NOON + 2 * HOUR)
    assert case.status == "waiting_buyer"
    scan(world, case)
    case.refresh_from_db()
    assert (case.status, exchange.owes_goods(case)) == ("to_decide", True)
    sent = {"waybill": "ZTO8888", "carrier": "中通快递"}
    acts.perform(case.pk, "reshipped", sent, by=world.support, at=NOON + 4 * HOUR)
    case.refresh_from_db()
    assert (case.status, case.goods) == ("closed", "in_transit")


def test_questions_after_goods_that_are_back_are_withdrawn(world: World) -> None:
    case = factories.case(world.shop, path=2, quantity=1)
    asked = handoff.ask(case.pk, handoff.Question("recall_parcel"), by=world.support, at=NOON)
    scan(world, case, waybill="ZTO0001")
    asked.refresh_from_db()
    assert asked.status == "withdrawn"
    assert not case.clocks.filter(kind="return_promised", ended_at=None).exists()


# Numbers --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("typed", ["yt555abc", " YT555 ABC", "YT555ABC-1-1-", "YT555ABC-2-3"])
def test_a_number_is_the_same_however_it_was_typed(world: World, typed: str) -> None:
    case = factories.case(world.shop, path=4, return_waybill=typed, return_carrier="圆通速递")
    assert numbers.normal(typed) == "YT555ABC"
    assert receiving.look("yt555abc", by=world.warehouse, at=NOON).lines
    told(case, event(State.SIGNED, NOON, waybill="yt555abc"), waybill="yt555abc")
    assert case.parcels.get().state == "signed"


def test_the_new_number_of_a_file_s_column_is_kept(world: World) -> None:
    case = factories.case(world.shop, path=2)
    row = {"运单号": "ZTO0001", "时间": "2026-11-11 11:00:00", "轨迹": "已转寄", "新运单号": "zto0002222"}
    tracking.one(rows.read(row).track, tracking.Origin("file", world.shop), at=NOON)
    told(case, event(State.IN_TRANSIT, NOON + HOUR))
    assert parcel().replaced_by == parcel("ZTO0002222")
    assert list(parcel("ZTO0002222").cases.all()) == [case]


def test_another_carriers_parcel_with_the_same_number_moves_nothing(world: World) -> None:
    case = factories.case(world.shop, path=2)
    news = Track("yuantong", "ZTO0001", State.SIGNED, "3", (event(State.SIGNED, NOON),))
    outcome = tracking.one(news, tracking.Origin("push", world.shop), at=NOON)
    case.refresh_from_db()
    assert (outcome.result, case.goods) == ("rejected", "in_transit")
    assert "ZTO" in outcome.reason


def test_one_waybill_of_two_shops_is_called_back_once(world: World) -> None:
    mine = factories.case(world.shop, path=2)
    theirs = factories.case(world.other_shop, path=2, source_kind="refund")
    first, second = (
        handoff.ask(case.pk, handoff.Question("recall_parcel"), by=world.manager, at=NOON) for case in (mine, theirs)
    )
    assert second.joined == first
    answer.answer(first.pk, Given("will_return", by="2026-11-20"), by=world.logistics, at=NOON + HOUR)
    second.refresh_from_db()
    theirs.refresh_from_db()
    assert (second.status, theirs.goods) == ("answered", "returning")


@pytest.mark.parametrize("text", ["0001-01-01 00:00:00", "1999-12-31 23:59:59", "2026-13-01 00:00:00"])
def test_a_time_before_there_were_waybills_is_none(text: str) -> None:
    assert moment_of(text) is None


# Receipts -------------------------------------------------------------------------------------------------------------


def test_a_photo_that_proves_one_thing_proves_no_other(world: World) -> None:
    first = factories.case(world.shop, path=4, **BACK)
    second = factories.case(world.shop, path=4, return_waybill="YT555002", return_carrier="圆通速递", quantity=1)
    photo = photos.uploaded(world.warehouse, at=NOON)
    scan(world, first, condition="damaged", attachments=(photo.pk,))
    with pytest.raises(Invalid):
        scan(world, second, condition="damaged", attachments=(photo.pk,), key="key-00002", waybill="YT555002")
    scan(world, second, key="key-00002", waybill="YT555002")
    receiving.attach("key-00002", [photo.pk], by=world.warehouse, at=NOON)
    photo.refresh_from_db()
    assert photo.case == first


@pytest.mark.parametrize("waybill", ["YT555001", "YT999999"])
def test_a_case_is_not_received_with_another_case_s_parcel_or_before_it_was_sent(world: World, waybill: str) -> None:
    factories.case(world.shop, path=4, **BACK)
    unsent = factories.case(world.shop, path=1, quantity=1)
    with pytest.raises(Invalid):
        scan(world, unsent, waybill=waybill)
    assert not unsent.parcels.exists()


def test_the_same_orphan_scanned_again_is_one(world: World) -> None:
    first, photo = orphan(world), photos.uploaded(world.warehouse, at=NOON)
    second = orphan(world, key="key-00002", attachments=(photo.pk,))
    assert (second.orphan_id, second.repeated) == (first.orphan_id, True)
    assert len(orphans.waiting(by=world.support)) == 1
    assert Receipt.objects.get().attachments.get() == photo


def test_an_orphan_given_to_a_closed_case_is_received(world: World) -> None:
    case = factories.case(world.shop, path=4)
    paid(case, NOON + HOUR, phase="closed", marketplace_status="CLOSED")
    kept = orphan(world)
    assert kept.orphan_id is not None
    orphans.assign(kept.orphan_id, case.pk, by=world.support, at=NOON + 2 * HOUR)
    assert case.handoffs.get(kind="receive_return").status == "open"
    case.refresh_from_db()
    assert case.status == "waiting_colleague"


def test_two_at_the_same_moment_with_the_same_receipt_are_one(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A rival stores the receipt after the desk looked for it: the database refuses the second."""
    plain = receiving._received

    def beaten(receipt: receiving.Receipt, number: str, *, by: Any, at: Any) -> receiving.Received:
        plain(receipt, number, by=by, at=at)
        with transaction.atomic():
            Receipt.objects.create(key=receipt.key, state="orphan", waybill=number, at=at)
        raise AssertionError

    monkeypatch.setattr(receiving, "_received", beaten)
    told_of = orphan(world)
    assert (told_of.repeated, told_of.orphan_id) == (True, Receipt.objects.get().pk)


def test_nobody_else_lost_a_handoff(world: World) -> None:
    """The joined question of another shop stays when the first is withdrawn."""
    mine = factories.case(world.shop, path=2)
    theirs = factories.case(world.other_shop, path=2, source_kind="refund")
    first, second = (
        handoff.ask(case.pk, handoff.Question("recall_parcel"), by=world.manager, at=NOON) for case in (mine, theirs)
    )
    handoff.withdraw(first.pk, by=world.manager, at=NOON + HOUR)
    second.refresh_from_db()
    assert (second.status, second.joined) == ("open", None)
    assert Handoff.objects.filter(status="open").count() == 1
    assert Parcel.objects.count() == 2
