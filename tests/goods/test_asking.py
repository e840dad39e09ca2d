"""What the service keeps to, the desk keeps to: no number asked for too often, no parcel left out whatever dies."""

import logging
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.core.cache import cache
from pytest_django.live_server_helper import LiveServer

from handoffs import tracking
from handoffs.carriers.base import State
from handoffs.flow import parcel as parcels
from handoffs.flow import tracking as standing
from handoffs.gateway import Gateway
from handoffs.gateway.carriers import QUERY, SUBSCRIBE, UNNAMED, CarrierDesk
from handoffs.models import CarrierAccount, Case, Parcel
from tests import factories, snapshot
from tests.factories import NOON, World
from tests.goods.telling import event, sent, told

FAULTS = ("slow", "cut_before", "cut_after", "half", "html", "garbage", "http_500")
MINUTE = timedelta(minutes=1)

pytestmark = pytest.mark.usefixtures("asking")


def shipped(world: World, waybill: str = "YT0001", carrier: str = "圆通速递", **more: Any) -> Case:
    return factories.case(world.shop, path=2, outbound=[(carrier, waybill)], **more)


def silent(world: World, service: CarrierDesk, waybill: str = "YT0001", **more: Any) -> Case:
    """Heard of four and a half days ago by another way, and subscribed; the service knows a newer line."""
    case = shipped(world, waybill, **more)
    told(case, event(State.PICKED_UP, NOON - timedelta(days=4, hours=16), waybill=waybill), waybill=waybill, at=NOON)
    Parcel.objects.update(subscribed_at=NOON)
    service.add_parcel(waybill, "yuantong")
    service.add_line(waybill, "到达上海转运中心", "1002", at=NOON - timedelta(hours=4))
    return case


def error() -> str:
    return CarrierAccount.objects.get(code="main").error


def ran(*, at: timedelta = timedelta()) -> dict[str, int]:
    """A pass of the worker so long after noon."""
    with time_machine.travel(NOON + at, tick=False):
        return tracking.run(at=NOON + at)


# Subscriptions --------------------------------------------------------------------------------------------------------


def test_what_is_subscribed_is_pushed_and_moves_the_case(world: World, kuaidi100: CarrierDesk) -> None:
    case = shipped(world)
    ran()
    kuaidi100.add_line("YT0001", "已揽收", "103", at=NOON - timedelta(days=1))
    assert kuaidi100.push("YT0001", sent).accepted
    assert Parcel.objects.get().state == "picked_up"
    kuaidi100.add_line("YT0001", "已签收，本人签收", "301")
    assert kuaidi100.push("YT0001", sent, status="shutdown").accepted
    case.refresh_from_db()
    assert (case.path, case.goods) == (3, "with_buyer")
    before = snapshot.of_the_desk()
    assert all(kuaidi100.push("YT0001", sent).accepted for _time in range(3))
    assert (kuaidi100.push("YT0001", sent, salt="wrong").status, snapshot.of_the_desk()) == (403, before)


@pytest.mark.parametrize("died", ["before the call", "after the call"])
def test_a_worker_that_dies_while_subscribing_leaves_no_parcel_out(
    world: World, kuaidi100: CarrierDesk, monkeypatch: pytest.MonkeyPatch, died: str
) -> None:
    shipped(world)
    with monkeypatch.context() as killed:
        killed.setattr("handoffs.carriers.kuaidi100_client.post", dying(tracking.kuaidi100_client.post, died))
        with pytest.raises(KeyboardInterrupt):
            ran()
    assert ("YT0001" in kuaidi100.subscribed) == (died == "after the call")
    assert (ran(at=MINUTE)["subscribed"], error()) == (1, "")
    assert Parcel.objects.get().subscribed_at == NOON + MINUTE
    assert ran(at=2 * MINUTE)["subscribed"] == 0


def dying(plain: Callable[..., Any], when: str) -> Callable[..., Any]:
    def post(*args: Any) -> Any:
        if when == "after the call":
            plain(*args)
        raise KeyboardInterrupt

    return post


def test_a_service_that_does_not_answer_is_asked_once_a_pass(
    world: World, kuaidi100: CarrierDesk, gateway: Gateway
) -> None:
    for number in range(3):
        shipped(world, f"YT000{number}")
    gateway.faults.add(UNNAMED, "http_500", times=3)
    assert (ran()["subscribed"], len(gateway.calls)) == (0, 1)
    gateway.faults.clear()
    assert (ran(at=MINUTE)["subscribed"], len(kuaidi100.subscribed)) == (3, 3)


def test_one_refused_does_not_stop_the_others(world: World, kuaidi100: CarrierDesk, gateway: Gateway) -> None:
    for number in range(3):
        shipped(world, f"YT000{number}")
    gateway.faults.add(UNNAMED, "isp")  # the service's own words for "broken down"
    assert (ran()["subscribed"], "服务器错误" in error()) == (2, True)


def test_a_parcel_whose_carrier_is_learned_later_is_subscribed_then(world: World, kuaidi100: CarrierDesk) -> None:
    shipped(world, carrier="")
    assert (ran()["subscribed"], Parcel.objects.get().subscribed_at) == (0, None)
    Parcel.objects.update(carrier=world.carriers["yto"])
    assert ran(at=MINUTE)["subscribed"] == 1


def test_without_a_salt_nothing_is_subscribed(world: World, kuaidi100: CarrierDesk, gateway: Gateway) -> None:
    shipped(world)
    CarrierAccount.objects.update(sealed_salt="")
    assert (ran()["subscribed"], gateway.calls) == (0, [])


def test_over_the_wire_a_push_finds_its_way(
    world: World, kuaidi100: CarrierDesk, live_server: LiveServer, settings: Any
) -> None:
    settings.BASE_URL = live_server.url
    shipped(world)
    ran()
    kuaidi100.add_line("YT0001", "已揽收", "103", at=NOON - timedelta(days=1))
    assert [kuaidi100.push("YT0001").accepted for _time in range(2)] == [True, True]
    assert kuaidi100.push("YT0001", salt="wrong").status == 403
    assert (Parcel.objects.get().state, Parcel.objects.get().events.count()) == ("picked_up", 1)


# Queries --------------------------------------------------------------------------------------------------------------


def test_the_service_never_sees_a_number_twice_in_thirty_minutes(world: World, kuaidi100: CarrierDesk) -> None:
    silent(world, kuaidi100)
    kuaidi100.parcels["YT0001"]["data"].clear()
    for minutes in range(0, 66, 5):
        cache.clear()  # whatever the cache forgets
        ran(at=minutes * MINUTE)
    assert kuaidi100.asked["YT0001"] == [NOON, NOON + 30 * MINUTE, NOON + 60 * MINUTE]
    assert "查询无结果" in error()


def test_the_half_hour_is_counted_from_the_call_not_from_the_start_of_the_pass(
    world: World, kuaidi100: CarrierDesk
) -> None:
    silent(world, kuaidi100)
    with time_machine.travel(NOON + timedelta(seconds=40), tick=False):
        tracking.run(at=NOON)
    assert Parcel.objects.get().queried_at == NOON + timedelta(seconds=40)


@pytest.mark.parametrize("kind", FAULTS)
def test_a_query_without_an_answer_says_nothing_of_the_parcel(
    world: World, kuaidi100: CarrierDesk, gateway: Gateway, kind: str
) -> None:
    case = silent(world, kuaidi100)
    before = (Parcel.objects.get().state, case.timeline.count(), case.goods)
    gateway.faults.add(UNNAMED, kind, seconds=2, after=True)
    assert (ran()["queried"], "YT0001" in error()) == (0, True)
    case.refresh_from_db()
    assert (Parcel.objects.get().state, case.timeline.count(), case.goods) == before
    cache.clear()  # Redis' own half hour does not travel
    assert (ran(at=30 * MINUTE)["queried"], error()) == (1, "")
    assert Parcel.objects.get().state == "in_transit"


def test_one_that_gets_no_answer_does_not_keep_the_others_waiting_for_good(
    world: World, kuaidi100: CarrierDesk, gateway: Gateway
) -> None:
    for number in range(3):
        silent(world, kuaidi100, f"YT000{number}")
    gateway.faults.add(UNNAMED, "http_500")
    assert (ran()["queried"], len(gateway.calls)) == (0, 1)
    assert ran(at=MINUTE)["queried"] == 2


def test_one_refused_by_the_service_does_not_stop_the_others(world: World, kuaidi100: CarrierDesk) -> None:
    for number in range(3):
        silent(world, kuaidi100, f"YT000{number}")
    kuaidi100.parcels["YT0000"]["data"].clear()
    assert (ran()["queried"], "YT0000" in error()) == (2, True)


def test_an_ordered_parcel_that_was_handed_over_is_asked_about_too(world: World, kuaidi100: CarrierDesk) -> None:
    case = shipped(world)
    parcels.handed_over(Parcel.objects.get(), at=NOON - timedelta(days=1, hours=18))
    told(case, event(State.ORDERED, NOON - timedelta(days=2), waybill="YT0001"), waybill="YT0001", at=NOON)
    Parcel.objects.update(subscribed_at=NOON)
    standing.drive(standing.left_behind(at=NOON), at=NOON)
    assert (Parcel.objects.get().state, case.clocks.filter(kind="parcel_silence").count()) == ("ordered", 1)
    kuaidi100.add_parcel("YT0001", "yuantong")
    kuaidi100.add_line("YT0001", "已揽收", "103", at=NOON - timedelta(hours=2))
    assert (ran()["queried"], Parcel.objects.get().state) == (1, "picked_up")


def test_carriers_that_want_a_telephone_number_get_its_last_digits(world: World, kuaidi100: CarrierDesk) -> None:
    case = shipped(world, "ZTO0001", carrier="中通快递", buyer_phone="100****0068")
    told(case, event(State.PICKED_UP, NOON - timedelta(days=4, hours=16)), at=NOON)
    kuaidi100.add_parcel("ZTO0001", "zhongtong", phone="10000000068")
    kuaidi100.add_line("ZTO0001", "到达上海转运中心", "1002", at=NOON - timedelta(hours=4))
    assert (ran()["queried"], error()) == (1, "")


def test_without_the_number_they_want_it_is_said_and_nothing_is_asked(world: World, kuaidi100: CarrierDesk) -> None:
    case = shipped(world, "ZTO0001", carrier="中通快递")
    told(case, event(State.PICKED_UP, NOON - timedelta(days=4, hours=16)), at=NOON)
    assert (ran()["queried"], kuaidi100.asked, "ZTO0001" in error()) == (0, {}, True)


def test_a_wrong_key_is_told_by_the_service(world: World, kuaidi100: CarrierDesk, asking: CarrierAccount) -> None:
    silent(world, kuaidi100)
    asking.keep(key="another-key")
    asking.save()
    assert (ran()["queried"], "验证签名失败" in error(), kuaidi100.asked) == (0, True, {})


# What is shown of an account ------------------------------------------------------------------------------------------


def test_an_error_stays_until_a_pass_went_well(world: World, kuaidi100: CarrierDesk) -> None:
    shipped(world)
    kuaidi100.refuses[SUBSCRIBE] = ("601", "POLL:KEY已过期")
    ran()
    assert "KEY已过期" in error()
    ran(at=MINUTE)  # nothing to do is no good news
    assert "KEY已过期" in error()
    kuaidi100.refuses.clear()
    shipped(world, "YT0002")
    ran(at=2 * MINUTE)
    assert error() == ""


def test_one_thing_that_works_does_not_hide_another_that_does_not(world: World, kuaidi100: CarrierDesk) -> None:
    silent(world, kuaidi100)
    shipped(world, "YT0002")
    kuaidi100.refuses[SUBSCRIBE] = ("601", "POLL:KEY已过期")
    assert (ran()["queried"], "KEY已过期" in error()) == (1, True)


@pytest.mark.parametrize("kind", FAULTS)
def test_secrets_stand_in_no_log_and_no_error(
    world: World, kuaidi100: CarrierDesk, gateway: Gateway, caplog: pytest.LogCaptureFixture, kind: str
) -> None:
    silent(world, kuaidi100)
    shipped(world, "YT0002")
    gateway.faults.add(UNNAMED, kind, times=2, seconds=2)
    kuaidi100.refuses[QUERY] = ("503", "验证签名失败")
    with caplog.at_level(logging.DEBUG):
        ran()
        ran(at=31 * MINUTE)
    shown = caplog.text + error()
    assert "carrier service main" in shown
    assert not [word for word in ("key-of-a-test", "salt-of-a-test", "secret-of-a-test") if word in shown]


def test_a_key_the_service_does_not_know_leaves_the_parcels_for_later(
    world: World, kuaidi100: CarrierDesk, asking: CarrierAccount
) -> None:
    factories.case(world.shop, path=2, outbound=[("圆通速递", "YT0001")])
    asking.keep(key="another")
    asking.save()
    assert tracking.run(at=NOON)["subscribed"] == 0
    assert Parcel.objects.get(waybill="YT0001").subscribed_at is None
    asking.keep(key=kuaidi100.customer.key)
    asking.save()
    assert tracking.run(at=NOON)["subscribed"] == 1
