"""What lines say: returns are believed only where they are plain, and the newest of signed, stored, signed counts."""

from datetime import timedelta

import pytest

from handoffs.carriers.base import Event, State
from handoffs.carriers.text import Stop, meaning, new_waybill, refined, settled, stop_answer, told_by
from tests.carriers.samples import at


@pytest.mark.parametrize(
    ("text", "state"),
    [
        # under way
        ("顺丰速运 已收取快件", State.PICKED_UP), ("【上海】已揽收", State.PICKED_UP),
        ("大客户13-已收件", State.PICKED_UP),
        ("快件离开【集散中心】,正发往【大竹】", State.IN_TRANSIT), ("进行装车扫描，即将发往：苏州", State.IN_TRANSIT),
        ("正在派送途中,请您准备签收(派件人:某某)", State.OUT_FOR_DELIVERY), ("永红十五-派件中", State.OUT_FOR_DELIVERY),
        ("您的快件待签收，正在派件", State.OUT_FOR_DELIVERY), ("商家已下单，等待揽收", State.ORDERED),
        ("快件已清关放行", State.CUSTOMS), ("今日天气晴", State.UNKNOWN), ("", State.UNKNOWN),
        # trouble
        ("派送不成功，因电话无人接听", State.PROBLEM), ("签收失败", State.PROBLEM), ("外包装破损", State.PROBLEM),
        # signed for
        ("快件已被 已签收 签收", State.SIGNED), ("已签收，签收人凭取货码签收。", State.SIGNED),
        ("已签收,签收人是（徐158****6435）先生/女士", State.SIGNED), ("已妥投", State.SIGNED),
        ("客户已签收，如需退货请联系卖家", State.SIGNED), ("已签收，感谢使用，期待再次为您服务", State.SIGNED),
        ("未来小区已签收", State.SIGNED), ("已签收,签收人:退货仓", State.SIGNED), ("【退货组】已签收", State.SIGNED),
        ("已代签收，菜鸟驿站", State.SIGNED_BY_OTHER), ("快件由门卫代收", State.SIGNED_BY_OTHER),
        ("已签收，签收人是前台", State.SIGNED_BY_OTHER), ("快件派送中，代收货款100元", State.OUT_FOR_DELIVERY),
        # at an outlet
        ("快件已暂存至常州世纪明珠园17-7号店菜鸟驿站", State.AT_OUTLET),
        ("已存放至丰巢柜，请凭取件码领取", State.AT_OUTLET),
        ("逾期未取将退回，已放入丰巢", State.AT_OUTLET), ("您的快件已到达【世纪园菜鸟驿站】", State.AT_OUTLET),
        ("快件到达【世纪超市营业点】", State.IN_TRANSIT),
        # going back
        ("快件退回中", State.RETURNING), ("客户要求，原件返回", State.RETURNING), ("网点反馈拦截成功", State.RETURNING),
        ("退件派送中", State.RETURNING), ("退回件已签收", State.RETURNED_SIGNED), ("已退签", State.RETURNED_SIGNED),
        ("寄件人已签收", State.RETURNED_SIGNED),
        ("收件人拒收", State.REFUSED), ("客户拒签，等待处理", State.REFUSED),
        # said of a return, and none
        ("无法退回，继续派送", State.OUT_FOR_DELIVERY), ("拦截失败，正在派送", State.OUT_FOR_DELIVERY),
        ("取消退回，恢复派送", State.OUT_FOR_DELIVERY), ("如有破损可拒收，正在派送", State.OUT_FOR_DELIVERY),
        ("申请退回，转运中", State.IN_TRANSIT), ("快件已退回/转寄,新单号为444", State.IN_TRANSIT),
        ("【杭州退货中心】已发出", State.IN_TRANSIT),
    ],
)  # fmt: skip
def test_one_line(text: str, state: State) -> None:
    assert meaning(text) == state


@pytest.mark.parametrize(
    ("coded", "text", "state"),
    [
        (State.IN_TRANSIT, "快件已暂存至菜鸟驿站", State.AT_OUTLET),
        (State.IN_TRANSIT, "正在派件", State.OUT_FOR_DELIVERY),
        (State.IN_TRANSIT, "客户已签收", State.IN_TRANSIT), (State.PROBLEM, "收件人拒收", State.REFUSED),
        (State.SIGNED, "退回件已签收", State.RETURNED_SIGNED), (State.OUT_FOR_DELIVERY, "退件派送中", State.RETURNING),
        (State.RETURNED_SIGNED, "已签收", State.RETURNED_SIGNED), (State.CANCELLED, "快件退回", State.CANCELLED),
        (State.UNKNOWN, "已签收", State.SIGNED), (State.SIGNED, "……", State.SIGNED),
    ],
)  # fmt: skip
def test_a_code_is_made_finer_by_words_and_not_overruled(coded: State, text: str, state: State) -> None:
    assert refined(coded, text) == state


def story(*texts: str) -> list[Event]:
    start = at("2026-11-11 08:00:00")
    return [Event(start + timedelta(hours=n), meaning(text), "", text, "", "1") for n, text in enumerate(texts)]


@pytest.mark.parametrize(
    ("texts", "state"),
    [
        ((), State.NO_TRACE),
        (("……",), State.UNKNOWN),
        (("已揽收", "到达杭州", "……"), State.IN_TRANSIT),
        (("已签收", "已暂存至菜鸟驿站"), State.AT_OUTLET),
        (("已签收", "已暂存至菜鸟驿站", "已签收"), State.SIGNED),
        (("正在派件", "快件退回中", "到达杭州"), State.RETURNING),
        (("快件退回中", "正在派件"), State.RETURNING),
        (("快件退回中", "正在派件", "已签收"), State.RETURNED_SIGNED),
        (("快件退回中", "取消退回，恢复派送", "已签收"), State.SIGNED),
        (("客户拒收", "正在派件"), State.REFUSED),
        (("客户拒收", "快件退回中", "已签收"), State.RETURNED_SIGNED),
        (("客户拒收", "已签收"), State.PROBLEM),
        (("客户拒收", "恢复派送", "已签收"), State.SIGNED),
    ],
)  # fmt: skip
def test_all_lines_together(texts: tuple[str, ...], state: State) -> None:
    assert told_by(story(*texts)) == state


@pytest.mark.parametrize(
    ("summary", "texts", "state"),
    [
        (State.SIGNED, ("快件退回中", "已签收"), State.RETURNED_SIGNED),
        (State.SIGNED, ("快件退回中",), State.RETURNED_SIGNED),
        (State.SIGNED, ("客户拒收", "已签收"), State.PROBLEM),
        (State.SIGNED, ("正在派件",), State.SIGNED),
        (State.SIGNED, ("已签收", "已暂存至菜鸟驿站"), State.AT_OUTLET),
        (State.SIGNED, ("已签收，签收人是前台",), State.SIGNED_BY_OTHER),
        (State.OUT_FOR_DELIVERY, ("快件退回中", "正在派件"), State.RETURNING),
        (State.OUT_FOR_DELIVERY, ("已签收",), State.OUT_FOR_DELIVERY),
        (State.IN_TRANSIT, ("已暂存至菜鸟驿站",), State.AT_OUTLET),
        (State.RETURNING, ("正在派件",), State.RETURNING),
        (State.RETURNING, ("快件退回中", "已签收"), State.RETURNED_SIGNED),
        (State.RETURNED_SIGNED, ("快件退回中",), State.RETURNED_SIGNED),
        (State.REFUSED, ("快件退回中",), State.RETURNING),
        (State.REFUSED, ("正在派件",), State.REFUSED),
        (State.CANCELLED, ("已揽收",), State.CANCELLED),
        (State.UNKNOWN, ("已签收",), State.SIGNED), (State.NO_TRACE, ("已揽收",), State.PICKED_UP),
        (State.NO_TRACE, (), State.NO_TRACE), (State.UNKNOWN, (), State.UNKNOWN), (State.SIGNED, (), State.SIGNED),
    ],
)  # fmt: skip
def test_the_carriers_summary_and_its_lines(summary: State, texts: tuple[str, ...], state: State) -> None:
    assert settled(summary, story(*texts)) == state


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("快件已退回/转寄,新单号为: 444012345678", "444012345678"),
        ("已转寄，新单号为SF1234567890123", "SF1234567890123"),
        ("新运单号：sf1234567890123", "SF1234567890123"), ("新单退回", ""), ("电话13800000000", ""), ("", ""),
    ],
)  # fmt: skip
def test_a_new_waybill_is_found(text: str, number: str) -> None:
    assert new_waybill(text) == number


def test_its_own_number_is_no_new_one() -> None:
    assert new_waybill("新单号为444012345678", of="444012345678") == ""


@pytest.mark.parametrize(
    ("replies", "stop"),
    [
        (("网点反馈拦截成功，退回寄件网点",), Stop.STOPPED), (("派送中无法拦截",), Stop.CANNOT),
        (("拦截成功", "不好意思，拦截失败"), Stop.CANNOT), (("无法拦截", "已拦截"), Stop.STOPPED),
        (("拦截成功", "好的"), Stop.STOPPED), (("已签收",), Stop.CANNOT), (("在处理",), None), ((), None),
    ],
)  # fmt: skip
def test_the_newest_reply_that_says_yes_or_no_wins(replies: tuple[str, ...], stop: Stop | None) -> None:
    assert stop_answer(replies) == stop
