"""Kdniao: its own numbers, and the parcel that was signed for twice."""

import random
from typing import Any

import pytest

from handoffs.carriers.base import BadSignature, Refused, State, Unreadable
from handoffs.carriers.kdniao import push_of, state_of, track_of
from tests.carriers.samples import STO, at, sample


def test_signed_stored_signed_again() -> None:
    track = track_of(sample(STO))
    assert (track.carrier, track.waybill, track.state, track.raw_state) == (
        "STO", "773014136444784", State.SIGNED, "301",
    )  # fmt: skip
    assert [event.state for event in track.events] == [
        State.PICKED_UP, *[State.IN_TRANSIT] * 5, State.OUT_FOR_DELIVERY, State.SIGNED, State.AT_OUTLET, State.SIGNED,
    ]  # fmt: skip
    assert track.signed_at == at("2019-11-19 18:09:32")
    assert track.events[0].place == "南京市"


def test_between_the_two_signatures_it_lay_at_the_station() -> None:
    payload = sample(STO)
    payload["Traces"] = payload["Traces"][:-1]
    track = track_of(payload)
    assert (track.state, track.signed_at) == (State.AT_OUTLET, None)


def test_shuffled_and_doubled_lines_give_the_same_track() -> None:
    whole = track_of(sample(STO))
    for seed in range(20):
        payload = sample(STO)
        payload["Traces"] *= 2
        random.Random(seed).shuffle(payload["Traces"])
        track = track_of(payload)
        assert (track.events, track.state, track.signed_at) == (whole.events, whole.state, whole.signed_at)


@pytest.mark.parametrize(
    ("state", "finer", "meaning"),
    [
        ("0", "", State.NO_TRACE), ("1", "", State.PICKED_UP), ("2", "", State.IN_TRANSIT), ("3", "", State.SIGNED),
        ("4", "", State.PROBLEM), ("5", "", State.IN_TRANSIT), ("6", "", State.CUSTOMS), ("7", "", State.UNKNOWN),
        ("0", "10", State.ORDERED), ("2", "201", State.IN_TRANSIT), ("2", "202", State.OUT_FOR_DELIVERY),
        ("2", "211", State.AT_OUTLET), ("3", "301", State.SIGNED), ("3", "302", State.SIGNED),
        ("3", "304", State.SIGNED_BY_OTHER), ("3", "311", State.SIGNED_BY_OTHER), ("4", "401", State.NO_TRACE),
        ("4", "402", State.PROBLEM), ("4", "403", State.PROBLEM), ("4", "404", State.REFUSED),
        ("4", "405", State.PROBLEM), ("4", "406", State.RETURNED_SIGNED), ("4", "407", State.RETURNING),
        ("4", "412", State.AT_OUTLET), ("3", "399", State.SIGNED),
    ],
)  # fmt: skip
def test_each_number_has_one_meaning(state: str, finer: str, meaning: State) -> None:
    assert state_of(state, finer) == meaning


def test_a_failure_is_not_no_trace() -> None:
    with pytest.raises(Refused, match="账号"):
        track_of({"Success": False, "Reason": "账号未开通", "LogisticCode": "1", "ShipperCode": "STO"})
    nothing: dict[str, Any] = {
        "Success": False,
        "State": "0",
        "Reason": "暂无轨迹信息",
        "LogisticCode": "1",
        "Traces": [],
    }
    assert track_of(nothing).state == State.NO_TRACE
    with pytest.raises(Unreadable):
        track_of({"Success": True, "State": "2"})


def test_a_push_brings_several_and_a_bad_one_stops_none() -> None:
    bad = {"Success": False, "LogisticCode": "2", "Reason": "系统错误"}
    push = {"PushTime": "2019-11-19 18:10:00", "Count": "4", "Data": [bad, sample(STO), "odd", {}]}
    assert [track.waybill for track in push_of(push, customer="1")] == ["773014136444784"]
    with pytest.raises(Unreadable):
        push_of({"Count": "0"}, customer="1")
    with pytest.raises(BadSignature):
        push_of(push | {"EBusinessID": "2"}, customer="1")
