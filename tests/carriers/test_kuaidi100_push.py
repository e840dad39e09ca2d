"""Kuaidi100's pushes: signature over the bytes, states, order, doubles."""

import hashlib
import json
import random
from typing import Any

import pytest

from handoffs.carriers.base import BadSignature, State, Track, Unreadable
from handoffs.carriers.kuaidi100 import ACCEPTED, Push, not_accepted, opened, push_of, sign, track_of
from handoffs.carriers.kuaidi100_states import state_of
from tests.carriers.samples import SALT, SF, YUNDA, at, posted, sample


def told(name: str, **changes: Any) -> Push:
    return push_of(posted(sample(name) | changes), SALT)


# The samples ---------------------------------------------------------------------------------------------------------


def test_sf_is_out_for_delivery() -> None:
    push = told(SF)
    track = push.track
    assert (push.status, push.given_up, push.carrier_now) == ("polling", False, "")
    assert (track.carrier, track.waybill, track.state, track.raw_state) == (
        "shunfeng", "933346116516", State.OUT_FOR_DELIVERY, "5",
    )  # fmt: skip
    assert [event.state for event in track.events] == [State.PICKED_UP] + [State.IN_TRANSIT] * 6 + [
        State.OUT_FOR_DELIVERY
    ]
    assert (track.events[0].at, track.events[-1].at) == (at("2015-12-29 10:01:20"), at("2015-12-30 10:31:47"))
    assert (track.signed_at, track.new_waybill, track.unread) == (None, "", 0)


def test_yunda_is_signed_for() -> None:
    push = told(YUNDA)
    assert (push.status, push.track.state, push.track.raw_state) == ("shutdown", State.SIGNED, "3")
    assert push.track.signed_at == at("2017-08-07 12:44:56")
    states = [event.state for event in push.track.events]
    assert states == [State.PICKED_UP] + [State.IN_TRANSIT] * 6 + [State.OUT_FOR_DELIVERY, State.SIGNED]


@pytest.mark.parametrize("name", [SF, YUNDA])
def test_shuffled_and_doubled_lines_give_the_same_track(name: str) -> None:
    whole = told(name).track
    for seed in range(20):
        param = sample(name)
        lines = param["lastResult"]["data"] * 2
        random.Random(seed).shuffle(lines)
        param["lastResult"]["data"] = lines
        track = push_of(posted(param), SALT).track
        assert (track.events, track.state, track.signed_at) == (whole.events, whole.state, whole.signed_at)


# Signature -----------------------------------------------------------------------------------------------------------


def test_the_signature_is_taken_over_the_bytes_as_they_came() -> None:
    spaced = b'{ "status":"polling",\t"lastResult":{"nu":"1","com":"x","state":"0","data":[]} }'
    assert push_of(posted(spaced), SALT).track.waybill == "1"
    escaped = json.dumps(sample(SF)).encode()  # the same object in other bytes: \\uXXXX for every character
    assert push_of(posted(escaped), SALT).track == told(SF).track


def test_the_sign_may_be_in_small_letters() -> None:
    body = posted(sample(SF))
    assert push_of(body[:37].lower() + body[37:], SALT).track.state == State.OUT_FOR_DELIVERY


def test_any_other_signature_is_refused_before_anything_is_read() -> None:
    body = posted(sample(SF))
    for wrong in (
        body.replace(b"sign=", b"sign=0"),
        body.partition(b"&")[2],
        b"sign=&" + body.partition(b"&")[2],
        body.replace(b"933346116516", b"933346116517"),
        posted(sample(SF), salt="another"),
        posted(b"no json", salt="another"),
    ):
        with pytest.raises(BadSignature):
            push_of(wrong, SALT)
    with pytest.raises(BadSignature):
        push_of(posted(sample(SF), salt=""), "")


def test_a_field_that_comes_twice_is_refused() -> None:
    with pytest.raises(Unreadable):
        push_of(posted(sample(SF)) + b"&param=%7B%7D", SALT)
    with pytest.raises(Unreadable):
        push_of(posted(sample(SF)) + b"&sign=1", SALT)


@pytest.mark.parametrize("param", [b"no json", b"[]", b'"text"', b"\xff\xfe", b"{}", b'{"status":"odd"}', b"[" * 10000])
def test_what_is_signed_and_no_push_is_unreadable(param: bytes) -> None:
    with pytest.raises(Unreadable) as caught:
        push_of(posted(param), SALT)
    assert not isinstance(caught.value, BadSignature)


@pytest.mark.parametrize("body", [b"", b"sign=1", b"&&&=", b"%zz=1", b"param"])
def test_what_is_no_form_is_refused(body: bytes) -> None:
    with pytest.raises(Unreadable):
        push_of(body, SALT)


def test_a_body_without_end_is_not_read() -> None:
    with pytest.raises(Unreadable):
        opened(b"param=" + b"a" * 2_000_000, SALT)


def test_the_published_way_to_sign() -> None:
    assert sign("ab", "c") == hashlib.md5(b"abc", usedforsecurity=False).hexdigest().upper()


def test_the_answers_are_what_the_service_wants() -> None:
    assert dict(ACCEPTED) == {"result": True, "returnCode": "200", "message": "成功"}
    assert not_accepted("busy") == {"result": False, "returnCode": "500", "message": "busy"}


# Kinds of push -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("message", ["3天查询无记录", "60天无变化"])
def test_a_parcel_given_up_without_a_line_is_no_trace(message: str) -> None:
    param = {
        "status": "abort",
        "message": message,
        "lastResult": {"nu": "7", "com": "yuantong", "state": "0", "data": []},
    }
    push = push_of(posted(param), SALT)
    assert (push.given_up, push.message, push.track.state) == (True, message, State.NO_TRACE)
    bare = push_of(posted({"status": "abort", "message": message}), SALT)
    assert (bare.track.state, bare.track.waybill) == (State.NO_TRACE, "")


def test_another_carrier_found_is_told() -> None:
    assert told(YUNDA, autoCheck="1", comOld="yunda", comNew="zhongtong").carrier_now == "zhongtong"
    assert told(YUNDA, autoCheck="0", comNew="zhongtong").carrier_now == ""


# States --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "state"),
    [
        ("4", State.RETURNED_SIGNED), ("6", State.RETURNING), ("14", State.REFUSED),
        ("0", State.IN_TRANSIT), ("1", State.PICKED_UP), ("2", State.PROBLEM), ("3", State.SIGNED),
        ("5", State.OUT_FOR_DELIVERY), ("7", State.IN_TRANSIT), ("8", State.CUSTOMS),
        ("101", State.ORDERED), ("102", State.ORDERED), ("103", State.PICKED_UP),
        ("1001", State.IN_TRANSIT), ("1002", State.IN_TRANSIT), ("1003", State.IN_TRANSIT),
        ("501", State.AT_OUTLET), ("301", State.SIGNED), ("302", State.SIGNED), ("303", State.SIGNED_BY_OTHER),
        ("304", State.SIGNED_BY_OTHER), ("401", State.CANCELLED), ("203", State.REFUSED), ("205", State.AT_OUTLET),
        ("201", State.PROBLEM), ("209", State.PROBLEM), ("210", State.CANCELLED),
        ("11", State.CUSTOMS), ("12", State.CUSTOMS), ("13", State.CUSTOMS),
        ("99", State.UNKNOWN), ("", State.UNKNOWN),
    ],
)  # fmt: skip
def test_each_code_has_one_meaning(code: str, state: State) -> None:
    assert state_of(code) == state


def test_words_stand_in_where_there_is_no_code() -> None:
    assert state_of("", "退签") == State.RETURNED_SIGNED
    assert state_of("", "退回") == State.RETURNING
    assert state_of("6", "签收") == State.RETURNING


def line(time: str, context: str, **more: str) -> dict[str, str]:
    return {"time": f"2026-11-11 {time}", "ftime": f"2026-11-11 {time}", "context": context, **more}


def track(state: str, *lines: dict[str, str]) -> Track:
    """A result as it comes: newest line first."""
    return track_of({"nu": "1", "com": "x", "state": state, "data": list(reversed(lines))})


def test_an_unknown_code_is_kept_and_the_lines_speak() -> None:
    found = track("999", line("08:00:00", "快件到达【杭州转运中心】"))
    assert (found.state, found.raw_state) == (State.IN_TRANSIT, "999")
    assert track("999", line("08:00:00", "……")).state == State.UNKNOWN


def test_no_line_is_never_not_shipped() -> None:
    assert track("0").state == State.NO_TRACE
    assert track("").state == State.NO_TRACE
    assert track("3").state == State.SIGNED


def test_the_time_is_the_carriers_and_a_line_without_one_is_counted() -> None:
    found = track("0", {"time": "bad", "ftime": "2026-11-11 09:00:00", "context": "到达"},
                  {"time": "2026-11-11 08:00:00", "ftime": "2026-11-11 10:00:00", "context": "离开"},
                  {"time": "", "context": "谁知道"})  # fmt: skip
    assert [event.text for event in found.events] == ["离开", "到达"]
    assert found.unread == 1


def test_lines_of_one_second_keep_the_carriers_order() -> None:
    found = track("5", line("08:00:00", "到达【一】"), line("08:00:00", "【一】正在派件"))
    assert [event.text for event in found.events] == ["到达【一】", "【一】正在派件"]


def test_a_line_keeps_code_words_and_place() -> None:
    (event,) = track(
        "501", line("08:00:00", "已暂存", statusCode="501", status="投柜或驿站", areaName="浙江,杭州")
    ).events
    assert (event.state, event.raw_state, event.text, event.place, event.waybill) == (
        State.AT_OUTLET, "501", "已暂存", "浙江,杭州", "1",
    )  # fmt: skip


def test_lines_without_a_waybill_are_unreadable() -> None:
    with pytest.raises(Unreadable):
        track_of({"data": [line("08:00:00", "到达")]})


def test_sf_goes_on_under_another_number() -> None:
    found = track("0", line("08:00:00", "已收取快件"), line("09:00:00", "快件已退回/转寄,新单号为: SF1234567890123"))
    assert (found.new_waybill, found.state) == ("SF1234567890123", State.IN_TRANSIT)
