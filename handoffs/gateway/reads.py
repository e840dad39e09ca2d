"""What the gateway tells (formats.md 1.4): applications, what is allowed, reasons, messages."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from handoffs.gateway.refunds import OVER, TIMES, Refunds, fen_of
from handoffs.gateway.top import Call, Problem

REASONS = (
    (1001, "商品已经发出", "请上传发货凭证"),
    (1002, "已经影响商品完好", ""),
    (1003, "买家申请信息与实际不符", ""),
)
# The documentation has no list of operation codes: these are made up.
OPERATIONS = ("agree_refund", "refuse_refund", "agree_return", "intercept", "negotiate_return")


@dataclass
class Reads:
    """`lone_objects`: a list of one comes as its object, as answers born in XML do."""

    refunds: Refunds
    lone_objects: bool = False

    @property
    def methods(self) -> dict[str, Callable[[Call], dict[str, Any]]]:
        return {
            "taobao.refunds.receive.get": self.receive_get,
            "taobao.refund.get": self.refund_get,
            "taobao.refund.detail.get": self.detail_get,
            "taobao.refund.refusereason.get": self.reasons_get,
            "taobao.refund.messages.get": self.talk_get,
            "taobao.refund.negotiatereturn.render": self.negotiation_get,
            "taobao.tmc.messages.consume": self.consume,
            "taobao.tmc.messages.confirm": self.confirm,
        }

    def receive_get(self, call: Call) -> dict[str, Any]:
        """Newest first, as TOP gives them; a page after the last is empty."""
        (fields,) = call.need("fields")
        size, number = call.number("page_size", 40, 1, 100), call.number("page_no", 1, 1, 10**6)
        first, last = _moment(call, "start_modified"), _moment(call, "end_modified")
        found = [
            refund
            for refund in self.refunds.held.values()
            if refund["seller_nick"] == call.owner.nick
            and (not first or refund["modified"] >= first)
            and (not last or refund["modified"] <= last)
            and call.get("status") in ("", refund["status"])
        ]
        found.sort(key=lambda refund: (refund["modified"], str(refund["refund_id"])), reverse=True)
        page = [_fields(refund, fields) for refund in found[(number - 1) * size : number * size]]
        content = self._list("refunds", "refund", page)
        if call.get("use_has_next") == "true":
            return content | {"has_next": len(found) > number * size}
        return content | {"total_results": len(found)}

    def refund_get(self, call: Call) -> dict[str, Any]:
        fields, _id = call.need("fields", "refund_id")
        return {"refund": _fields(self._refund(call), fields)}

    def detail_get(self, call: Call) -> dict[str, Any]:
        call.need("fields", "refund_id")
        refund = self._refund(call)
        no = _forbidden(refund)
        can = [{"operation_code": code, "tips": ""} for code in OPERATIONS if code not in no]
        cannot = [{"operation_code": code, "tips": tips} for code, tips in no.items()]
        lists = self._list("allowed_operations", "operation", can)
        lists |= self._list("not_allowed_operations", "operation", cannot)
        return {"detail": {"refund_version": refund["refund_version"], **lists}}

    def reasons_get(self, call: Call) -> dict[str, Any]:
        call.need("fields", "refund_id", "refund_phase")
        self._refund(call)
        rows = [{"reason_id": number, "reason_text": text, "reason_tips": tips} for number, text, tips in REASONS]
        return self._list("reasons", "reason", rows) | {"total_results": len(rows), "has_next": False}

    def talk_get(self, call: Call) -> dict[str, Any]:
        call.need("fields", "refund_id")
        rows = self.refunds.talk.get(str(self._refund(call)["refund_id"]), [])
        return self._list("refund_messages", "refund_message", rows) | {"total_results": len(rows)}

    def negotiation_get(self, call: Call) -> dict[str, Any]:
        call.need("refund_id")
        refund = self._refund(call)
        address = {
            "address_id": 5001, "receiver_name": "退货组", "province_name": "浙江省", "city_name": "杭州市",
            "area_name": "余杭区", "address_detail": "示例路1号", "mobile": "13800000000", "post_code": "310000",
        }  # fmt: skip
        reason = {"reason_id": 1, "reason_text": "协商一致退货"}
        return {
            "apply_tips": "",
            "refund_version": refund["refund_version"],
            "max_refund_fee": {"max_refund_fee": fen_of(refund)},
            **self._list("reason_list", "reason", [reason]),
            **self._list("address_list", "address", [address]),
        }

    def consume(self, call: Call) -> dict[str, Any]:
        """What was not confirmed comes again, each time."""
        waiting = self.refunds.queue[: call.number("quantity", 100, 10, 200)]
        rows = [{**message, "content": json.dumps(message["content"], ensure_ascii=False)} for message in waiting]
        return self._list("messages", "tmc_message", rows)

    def confirm(self, call: Call) -> dict[str, Any]:
        (text,) = call.need("s_message_ids")
        ids = set(text.split(","))
        if len(ids) > 200:
            raise Problem(41, "isv.invalid-parameter:s_message_ids", "最大200个ID")
        self.refunds.queue[:] = [message for message in self.refunds.queue if str(message["id"]) not in ids]
        return {"is_success": True}

    def _refund(self, call: Call) -> dict[str, Any]:
        refund = self.refunds.of(call.owner, call.get("refund_id"))
        if refund is None:
            raise Problem(15, "isv.refund-not-exist", "退款不存在")
        return refund

    def _list(self, plural: str, singular: str, rows: list[dict[str, Any]]) -> dict[str, Any]:
        """A list under its singular name; an empty one is not there at all."""
        if not rows:
            return {}
        return {plural: {singular: rows[0] if self.lone_objects and len(rows) == 1 else rows}}


def _forbidden(refund: dict[str, Any]) -> dict[str, str]:
    if refund["status"] in OVER:
        return dict.fromkeys(OPERATIONS, "退款已完结")
    no: dict[str, str] = {}
    if refund["order_status"] == "WAIT_SELLER_SEND_GOODS":
        no |= {"refuse_refund": "未发货的退款不能拒绝", "agree_return": "未发货", "negotiate_return": "未发货"}
    if refund["operation_contraint"] == "cannot_refuse":
        no["refuse_refund"] = "不允许拒绝"
    if refund["order_status"] != "WAIT_BUYER_CONFIRM_GOODS":
        no["intercept"] = "没有在途的包裹"
    return no


def _fields(refund: dict[str, Any], names: str) -> dict[str, Any]:
    wanted = [name.strip() for name in names.split(",")]
    return {name: refund[name] for name in wanted if refund.get(name) not in (None, "")}


def _moment(call: Call, name: str) -> str:
    text = call.get(name)
    if text:
        try:
            datetime.strptime(text, TIMES)  # noqa: DTZ007  only its form is looked at
        except ValueError:
            raise Problem(41, f"isv.invalid-parameter:{name}", f"参数{name}无效") from None
    return text
