"""Parcel events as an ERP, a file or a person writes them: one row, one event, under many column names."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _

from handoffs.carriers import kdniao, kuaidi100, text
from handoffs.carriers.base import Event, State, Track, Unreadable, moment_of, text_of

COLUMNS: Mapping[str, tuple[str, ...]] = {
    "waybill": ("waybill", "运单号", "快递单号", "物流单号", "物流运单号", "快递运单号", "单号"),
    "carrier": ("carrier", "快递公司", "物流公司", "承运商"),
    "at": ("at", "time", "时间", "轨迹时间", "操作时间", "更新时间", "AcceptTime", "ftime"),
    "state": ("state", "status", "状态", "物流状态", "轨迹状态"),
    "text": ("text", "context", "描述", "轨迹", "轨迹描述", "物流轨迹", "内容", "AcceptStation"),
    "place": ("place", "地点", "所在地", "城市", "location"),
    "leg": ("leg", "方向"),
    "order_id": ("order_id", "订单编号", "订单号", "主订单编号", "tid"),
    "new_waybill": ("new_waybill", "新运单号"),
}
WORDS: Mapping[str, State] = {
    "已下单": State.ORDERED, "待揽收": State.ORDERED, "已揽收": State.PICKED_UP, "揽收": State.PICKED_UP,
    "在途": State.IN_TRANSIT, "运输中": State.IN_TRANSIT, "转运中": State.IN_TRANSIT, "清关": State.CUSTOMS,
    "派件": State.OUT_FOR_DELIVERY, "派送中": State.OUT_FOR_DELIVERY, "待取件": State.AT_OUTLET,
    "投柜": State.AT_OUTLET, "已签收": State.SIGNED, "签收": State.SIGNED, "代签": State.SIGNED_BY_OTHER,
    "疑难": State.PROBLEM, "异常": State.PROBLEM, "拒收": State.REFUSED, "拒签": State.REFUSED,
    "退回": State.RETURNING, "退回中": State.RETURNING, "退签": State.RETURNED_SIGNED, "已退回": State.RETURNING,
}  # fmt: skip
LEGS = {"": "", "outbound": "outbound", "return": "return", "发货": "outbound", "退货": "return"}


@dataclass(frozen=True, slots=True)
class RowRead:
    """A row as a track of one event, with the leg and the order it names."""

    track: Track
    leg: str = ""
    order_id: str = ""


def known(name: str) -> str:
    """The field a column name stands for; empty for one that means nothing here."""
    plain = "".join(name.split()).casefold()
    return next((field for field, names in COLUMNS.items() if plain in {each.casefold() for each in names}), "")


def read(row: Mapping[str, Any]) -> RowRead:
    """One row, or a whole trace in a service's own form under “kuaidi100” or “kdniao”. Raises Unreadable, in words."""
    for service, reader in (("kuaidi100", kuaidi100.track_of), ("kdniao", kdniao.track_of)):
        if isinstance(row.get(service), Mapping):
            track = reader(row[service])
            return RowRead(track, _leg(row.get("leg")), text_of(row.get("order_id")))
    fields = {field: value for name, value in row.items() if (field := known(str(name)))}
    waybill = text_of(fields.get("waybill")).strip("'\t ")
    if not waybill:
        raise Unreadable(_("The waybill is missing."))
    event = _event(fields, waybill)
    track = Track(text_of(fields.get("carrier")), waybill, State.UNKNOWN, event.raw_state, (event,))
    return RowRead(track, _leg(fields.get("leg")), text_of(fields.get("order_id")).strip("'\t "))


def _event(fields: Mapping[str, Any], waybill: str) -> Event:
    at = fields.get("at")
    moment = moment_of(at.strftime("%Y-%m-%d %H:%M:%S") if isinstance(at, datetime) else at)
    if moment is None:
        raise Unreadable(_("“%(at)s” is not a time. Write it as 2026-11-11 08:30:00.") % {"at": text_of(at)[:40]})
    words, raw = text_of(fields.get("text")), text_of(fields.get("state"))
    if not words and not raw:
        raise Unreadable(_("Give the state or the words of the event."))
    new = text_of(fields.get("new_waybill")) or text.new_waybill(words, of=waybill)
    return Event(moment, text.refined(_state(raw), words), raw, words, text_of(fields.get("place")), waybill, new)


def _state(raw: str) -> State:
    try:
        return State(raw.casefold())
    except ValueError:
        return WORDS.get(raw, text.meaning(raw) if raw else State.UNKNOWN)


def _leg(value: Any) -> str:
    leg = LEGS.get(text_of(value).casefold())
    if leg is None:
        raise Unreadable(_("The leg is “outbound” or “return”."))
    return leg
