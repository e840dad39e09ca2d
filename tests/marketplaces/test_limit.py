"""Not more calls than an app may make."""

import pytest

from handoffs.gateway import Gateway
from handoffs.marketplaces.base import Later
from handoffs.marketplaces.taobao.limit import Bucket, bucket_of
from tests.marketplaces.conftest import GET, Client, Hand


def test_a_burst_then_evenly(hand: Hand) -> None:
    bucket = Bucket(2, clock=hand.seconds, sleep=hand.sleep)
    for _call in range(5):
        bucket.take()
    assert hand.slept == pytest.approx([0.5, 0.5, 0.5], abs=1e-5)


def test_it_fills_again_but_not_over(hand: Hand) -> None:
    bucket = Bucket(2, clock=hand.seconds, sleep=hand.sleep)
    hand.on(seconds=100)
    for _call in range(3):
        bucket.take()
    assert hand.slept == pytest.approx([0.5], abs=1e-5)


def test_whoever_would_wait_too_long_is_sent_away(hand: Hand) -> None:
    bucket = Bucket(1, patience=2, clock=hand.seconds, sleep=lambda _seconds: None)
    for _call in range(3):
        bucket.take()
    with pytest.raises(Later) as raised:
        bucket.take()
    assert raised.value.wait == pytest.approx(3, abs=1e-5)


def test_a_ban_is_sat_out(hand: Hand) -> None:
    bucket = Bucket(10, patience=2, clock=hand.seconds, sleep=hand.sleep)
    bucket.close(60)
    with pytest.raises(Later) as raised:
        bucket.take()
    assert raised.value.wait == pytest.approx(60, abs=1e-5)
    hand.on(seconds=59)
    bucket.take()
    assert hand.slept == pytest.approx([1], abs=1e-5)


def test_an_app_has_one_bucket_in_a_process() -> None:
    assert bucket_of("app-one") is bucket_of("app-one")
    assert bucket_of("app-one") is not bucket_of("app-two")


def test_after_code_7_nobody_calls_until_the_time_told(gateway: Gateway, client: Client, hand: Hand) -> None:
    bucket = Bucket(1000, patience=5, clock=hand.seconds, sleep=hand.sleep)
    refund = gateway.add_refund()
    gateway.faults.add(GET, "limited", seconds=30)
    with pytest.raises(Later) as raised:
        client(bucket=bucket).read(refund["refund_id"])
    assert raised.value.wait == 30
    with pytest.raises(Later):
        client(bucket=bucket).read(refund["refund_id"])
    assert len(gateway.called(GET)) == 1
    hand.on(seconds=30)
    assert client(bucket=bucket).read(refund["refund_id"]).refund_id == refund["refund_id"]
