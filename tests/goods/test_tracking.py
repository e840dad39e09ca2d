"""Events of parcels: each once, in any order, and what they mean for the cases."""

import itertools
import random
from datetime import timedelta

import pytest

from handoffs.carriers.base import State
from handoffs.flow import path, tracking
from handoffs.flow.standing import MEANS
from handoffs.models import CarrierAccount, Case, Parcel, ParcelEvent, ParcelState
from tests import factories
from tests.carriers.samples import SF, YUNDA
from tests.effort import THOROUGH
from tests.factories import NOON, World
from tests.goods.telling import event, of_today, parcel, push, told

LATER = NOON + timedelta(hours=1)
OK = (200, {"result": True, "returnCode": "200", "message": "成功"})


CARRIER = {SF: "顺丰速运", YUNDA: "韵达快递"}


def shipped(world: World, waybill: str, carrier: str = "中通快递", **fields: object) -> Case:
    return factories.case(world.shop, path=2, outbound=[(carrier, waybill)], **fields)


def test_the_desk_has_a_word_for_every_state_a_carrier_has() -> None:
    assert {state.value for state in State} == set(ParcelState.values)


# The samples ----------------------------------------------------------------------------------------------------------


def test_a_push_of_a_parcel_out_for_delivery_leaves_the_case_on_path_2(world: World, account: CarrierAccount) -> None:
    case = shipped(world, "933346116516", CARRIER[SF])
    assert push(account, of_today(SF)) == OK
    case.refresh_from_db()
    stands = parcel("933346116516")
    assert (stands.state, stands.state_at, stands.events.count()) == ("out_for_delivery", NOON, 8)
    assert (case.path, case.goods) == (2, "in_transit")
    watch = case.clocks.get(kind="parcel_silence")
    assert (watch.started_at, watch.due_at) == (NOON, NOON + timedelta(days=5))


def test_a_push_of_a_signed_parcel_turns_the_case_to_path_3_against_the_buyers_word(
    world: World, account: CarrierAccount
) -> None:
    case = shipped(world, "3805420027268")
    assert push(account, of_today(YUNDA)) == OK
    case.refresh_from_db()
    assert (case.path, case.goods, case.contradiction) == (3, "with_buyer", "buyer_denies")
    assert "signed for" in path.why(case)
    assert parcel("3805420027268").signed_at == NOON
    assert not case.clocks.filter(kind="parcel_silence", ended_at=None).exists()


@pytest.mark.parametrize("name", [SF, YUNDA])
def test_shuffled_doubled_and_replayed_pushes_change_nothing(world: World, account: CarrierAccount, name: str) -> None:
    whole = of_today(name)
    case = shipped(world, whole["lastResult"]["nu"], CARRIER[name])
    push(account, whole)
    stands, events = parcel(whole["lastResult"]["nu"]), ParcelEvent.objects.count()
    case.refresh_from_db()
    before = (stands.state, stands.state_at, case.path, case.version, case.timeline.count())
    for seed in range(3):
        again = of_today(name)
        again["lastResult"]["data"] *= 2
        random.Random(seed).shuffle(again["lastResult"]["data"])
        assert push(account, again) == OK
    stands.refresh_from_db()
    case.refresh_from_db()
    assert (stands.state, stands.state_at, case.path, case.version, case.timeline.count()) == before
    assert ParcelEvent.objects.count() == events


def test_an_older_push_that_comes_late_takes_nothing_back(world: World, account: CarrierAccount) -> None:
    case = shipped(world, "3805420027268")
    push(account, of_today(YUNDA))
    older = of_today(YUNDA)
    older["lastResult"]["data"] = older["lastResult"]["data"][2:]
    older["lastResult"]["state"] = "0"
    assert push(account, older) == OK
    case.refresh_from_db()
    assert (parcel("3805420027268").state, case.path) == ("signed", 3)


def test_a_wrong_signature_changes_nothing(world: World, account: CarrierAccount) -> None:
    case = shipped(world, "3805420027268")
    status, answer = push(account, of_today(YUNDA), salt="another-salt")
    assert (status, answer["result"]) == (403, False)
    case.refresh_from_db()
    assert (case.path, ParcelEvent.objects.count()) == (2, 0)


def test_a_parcel_nobody_knows_is_declined_so_that_it_comes_again(world: World, account: CarrierAccount) -> None:
    status, answer = push(account, of_today(YUNDA))
    assert (status, answer["result"], Parcel.objects.count()) == (200, False, 0)
    case = shipped(world, "3805420027268")
    assert push(account, of_today(YUNDA)) == OK
    case.refresh_from_db()
    assert case.path == 3


def test_no_trace_is_unknown_never_not_shipped(world: World, account: CarrierAccount) -> None:
    case = shipped(world, "3805420027268")
    nothing = {"status": "abort", "message": "3天查询无记录", "lastResult": {"nu": "3805420027268", "com": "yunda"}}
    assert push(account, nothing) == OK
    case.refresh_from_db()
    assert (parcel("3805420027268").state, case.path, case.goods) == ("", 2, "in_transit")


# What they mean -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", sorted(State))
@pytest.mark.parametrize("leg", ["outbound", "return"])
def test_each_state_means_what_the_table_says(world: World, leg: str, state: State) -> None:
    case = factories.case(world.shop, path=2, outbound=[])
    told(case, event(state, LATER), leg=leg)
    wanted = MEANS[leg].get(state, "")
    assert [fact.what for fact in case.facts.all()] == ([wanted] if wanted else [])


def test_events_come_in_any_order_and_end_the_same(world: World) -> None:
    states = (State.PICKED_UP, State.OUT_FOR_DELIVERY, State.REFUSED, State.RETURNED_SIGNED)
    events = [event(state, NOON + timedelta(hours=hour)) for hour, state in enumerate(states)]
    ends = set()
    orders = [*itertools.permutations(events)]
    for number, order in enumerate(orders if THOROUGH else orders[::4]):
        waybill = f"ZTO9{number:03d}"
        case = shipped(world, waybill)
        for each in order:
            told(case, event(each.state, each.at, waybill=waybill), at=LATER, waybill=waybill)
        ends.add((parcel(waybill).state, case.path, case.goods))
    assert ends == {("returned_signed", 2, "returned")}


def test_a_parcel_on_its_way_back_releases_the_refund_and_its_return_is_watched(world: World) -> None:
    case = shipped(world, "ZTO0001")
    told(case, event(State.IN_TRANSIT, NOON), event(State.REFUSED, LATER))
    assert (case.path, case.goods) == (2, "returning")
    assert case.clocks.get(kind="return_promised").ended_at is None
    told(case, event(State.RETURNED_SIGNED, LATER + timedelta(days=1)))
    assert case.goods == "returned"
    assert case.clocks.get(kind="return_promised").state == "met"
    assert case.handoffs.get(kind="receive_return").parcel == parcel()


def test_a_return_that_is_signed_for_asks_the_warehouse_at_once(world: World) -> None:
    case = factories.case(world.shop, path=4, return_waybill="YT555", return_carrier="圆通速递")
    told(case, event(State.IN_TRANSIT, NOON, waybill="YT555"), waybill="YT555")
    assert not case.handoffs.exists()
    told(case, event(State.SIGNED, LATER, waybill="YT555"), waybill="YT555")
    asked = case.handoffs.get(kind="receive_return")
    assert (asked.parcel.waybill, case.path, case.goods) == ("YT555", 4, "returning")
    assert not case.clocks.filter(kind="carry_out").exists()


def test_where_the_shop_refunds_on_signature_the_money_is_due_then(world: World) -> None:
    world.shop.return_policy = "on_signature"
    world.shop.save()
    case = factories.case(world.shop, path=4, return_waybill="YT556", return_carrier="圆通速递")
    told(case, event(State.SIGNED, LATER, waybill="YT556"), waybill="YT556")
    assert case.clocks.get(kind="carry_out").due_at == LATER + timedelta(minutes=30)


def test_parcels_in_different_places_are_a_contradiction_and_a_person_looks(world: World) -> None:
    case = factories.case(world.shop, path=2, outbound=[("中通快递", "ZTO1001"), ("中通快递", "ZTO1002")])
    told(case, event(State.SIGNED, LATER, waybill="ZTO1001"), waybill="ZTO1001")
    told(case, event(State.OUT_FOR_DELIVERY, LATER, waybill="ZTO1002"), waybill="ZTO1002")
    assert (case.path, case.goods, case.contradiction) == (2, "in_transit", "parcels_differ")
    told(case, event(State.SIGNED, LATER + timedelta(hours=1), waybill="ZTO1002"), waybill="ZTO1002")
    assert (case.path, case.contradiction) == (3, "buyer_denies")


def test_a_new_number_takes_the_cases_over(world: World) -> None:
    case = shipped(world, "SF1000000001")
    words = "快件已退回/转寄,新单号为：SF2000000002"
    told(case, event(State.IN_TRANSIT, NOON, "已揽收", waybill="SF1000000001"), waybill="SF1000000001")
    told(case, event(State.IN_TRANSIT, LATER, words, waybill="SF1000000001"), waybill="SF1000000001")
    old, new = parcel("SF1000000001"), parcel("SF2000000002")
    assert (old.replaced_by, list(new.cases.all())) == (new, [case])
    told(case, event(State.SIGNED, LATER + timedelta(hours=5), waybill="SF2000000002"), waybill="SF2000000002")
    assert case.path == 3


def test_one_parcel_of_several_cases_moves_them_all(world: World) -> None:
    cases = [shipped(world, "ZTO7777") for _ in range(3)]
    told(cases[0], event(State.SIGNED, LATER, waybill="ZTO7777"), waybill="ZTO7777")
    assert {Case.objects.get(pk=case.pk).path for case in cases} == {3}


def test_a_parcel_heard_of_before_its_case_counts_when_the_case_comes(world: World) -> None:
    stranger = factories.case(world.shop)
    told(stranger, event(State.SIGNED, NOON, waybill="ZTO4444"), waybill="ZTO4444")
    case = shipped(world, "ZTO4444")
    assert case.path == 2
    tracking.drive(tracking.left_behind(at=NOON + timedelta(minutes=2)), at=NOON + timedelta(minutes=2))
    case.refresh_from_db()
    assert case.path == 3
    assert tracking.left_behind(at=LATER) == []


def test_events_from_the_future_and_numbers_that_are_none_are_rejected_beside_good_ones(world: World) -> None:
    case = shipped(world, "ZTO0001")
    heard = [
        tracking.Heard(1, tracking.single("ZTO0001", event(State.IN_TRANSIT, NOON))),
        tracking.Heard(2, tracking.single("ZTO0001", event(State.SIGNED, NOON + timedelta(days=9)))),
        tracking.Heard(3, tracking.single("单号", event(State.SIGNED, NOON))),
    ]
    results = list(tracking.take(heard, tracking.Origin("api", case.shop), at=NOON))
    assert [each.result for each in results] == ["created", "rejected", "rejected"]
    assert all(each.reason for each in results[1:])


def test_a_promise_to_come_back_stands_while_the_parcel_is_under_way_and_breaks_when_it_is_delivered(
    world: World,
) -> None:
    from handoffs.flow import answer, handoff
    from handoffs.flow.answer import Given
    from handoffs.flow.handoff import Question
    from handoffs.flow.next_step import event as row_of

    case = shipped(world, "ZTO0001")
    told(case, event(State.IN_TRANSIT, NOON))
    asked = handoff.ask(case.pk, Question("recall_parcel"), by=world.support, at=NOON)
    answer.answer(asked.pk, Given("will_return", by="2026-11-13"), by=world.logistics, at=LATER)
    told(case, event(State.OUT_FOR_DELIVERY, LATER + timedelta(hours=1)))
    assert (row_of(case), case.goods) == ("will_return", "in_transit")
    told(case, event(State.SIGNED, LATER + timedelta(hours=3)))
    assert (case.path, case.contradiction) == (3, "promise_broken")
    assert case.timeline.filter(kind="promise_broken").count() == 1
    assert world.support.messages.filter(kind="promise_broken").exists()
