"""Where money leaves the gateway: review and agreement, and the two AG reports that pay out (formats.md 1.4)."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from handoffs.gateway.refunds import OVER, Refunds, fen_of
from handoffs.gateway.top import Call, Problem

CAPS = {False: (20, 600_000), True: (30, 1_000_000)}  # by Tmall: rows, fen
PAYABLE = ("WAIT_SELLER_AGREE", "WAIT_SELLER_CONFIRM_GOODS", "SELLER_REFUSE_BUYER")


@dataclass
class Till:
    """`sms_above`: fen above which a call needs the code; `sms_as_error`: asked for in an error_response, since the
    documentation says only that the call fails. `trusting`: pay whatever is asked, so that the ledger shows
    a client that asks twice. `forgets`: refunds left out of the answer, paid or not.
    """

    refunds: Refunds
    sms_above: int | None = None
    sms_code: str = "123456"
    sms_as_error: bool = False
    sms_sent: int = 0
    trusting: bool = False
    forgets: set[str] = field(default_factory=set)

    @property
    def methods(self) -> dict[str, Callable[[Call], dict[str, Any]]]:
        return {
            "taobao.rp.refund.review": self.review,
            "taobao.rp.refunds.agree": self.agree,
            "taobao.rdc.aligenius.sendgoods.cancel": self.sendgoods_cancel,
            "taobao.nextone.logistics.warehouse.update": self.warehouse_update,
        }

    def review(self, call: Call) -> dict[str, Any]:
        needed = ("operator", "refund_id", "refund_phase", "refund_version", "message", "result")
        _operator, refund_id, phase, version, _message, result = call.need(*needed)
        if not call.owner.tmall:
            raise Problem(15, "isv.not-tmall-refund", "仅支持天猫订单")
        refund = self.refunds.of(call.owner, refund_id)
        if refund is None:
            raise Problem(15, "isv.refund-not-exist", "退款不存在")
        if why := self._why_not(refund, fen_of(refund), version, phase, tmall=True):
            raise Problem(15, "isv.refund-version-error", why)
        mark = (refund_id, version)
        if result == "true":
            self.refunds.reviewed.add(mark)
        else:
            self.refunds.reviewed.discard(mark)
        return {"is_success": True}

    def agree(self, call: Call) -> dict[str, Any]:
        (text,) = call.need("refund_infos")
        if not call.owner.sub_account:
            raise Problem(15, "isv.permission-only-sub-account", "只允许子账号操作")
        rows = [_row(part, tmall=call.owner.tmall) for part in text.split(",")]
        most, amount = CAPS[call.owner.tmall]
        total = sum(row[1] for row in rows)
        if len(rows) > most or total > amount:
            raise Problem(15, "isv.refund-batch-limit", f"一次最多{most}笔，总金额不超过{amount // 100}元")
        if wanted := self._wants_code(total, call.get("code")):
            if self.sms_as_error:
                raise Problem(15, "isv.need-sms-code", wanted)
            return {"succ": False, "msg_code": "OP_FAILURE_UE", "message": wanted}
        results = [self._pay(call, *row) for row in rows]
        good = sum(result["succ"] for result in results)
        code = "OP_SUCC" if good == len(results) else "SOME_OP_SUCC" if good else "OP_FAILURE_UE"
        shown = [result for result in results if result["refund_id"] not in self.forgets]
        answer: dict[str, Any] = {"succ": good == len(results), "msg_code": code, "message": ""}
        return answer | ({"results": {"refund_mapping_result": shown}} if shown else {})

    def _wants_code(self, total: int, code: str) -> str:
        if self.sms_above is None or total <= self.sms_above:
            return ""
        if code == self.sms_code:
            return ""
        if code:
            return "短信验证码错误"
        self.sms_sent += 1
        return "退款金额较大，短信验证码已发送，请输入验证码"

    def _pay(self, call: Call, refund_id: str, fen: int, version: str, phase: str) -> dict[str, Any]:
        refund = self.refunds.of(call.owner, refund_id)
        tmall = call.owner.tmall
        why = "退款不存在" if refund is None else self._why_not(refund, fen, version, phase, tmall=tmall)
        if not why and tmall and (refund_id, version) not in self.refunds.reviewed:
            why = "退款单未审核"
        if self.trusting and refund is not None:
            why = ""
        if not why:
            self.refunds.pay(refund_id, fen)
        return {"refund_id": refund_id, "succ": not why, "message": why}

    def _why_not(self, refund: dict[str, Any], fen: int, version: str, phase: str, *, tmall: bool) -> str:
        if refund["status"] not in PAYABLE:
            return "退款已完结" if refund["status"] in OVER else "退款状态不允许此操作"
        if version != str(refund["refund_version"]):
            return "退款版本已变更，请刷新后重试"
        if fen != fen_of(refund):
            return "退款金额与申请金额不一致"
        if tmall and phase != refund["refund_phase"]:
            return "退款阶段不一致"
        return ""

    def sendgoods_cancel(self, call: Call) -> dict[str, Any]:
        (text,) = call.need("param")
        try:
            param = json.loads(text)
            refund_id, tid, status = str(param["refund_id"]), param["tid"], param["status"]
        except (ValueError, KeyError, TypeError):
            raise Problem(41, "isv.invalid-parameter:param", "参数param无效") from None
        refund = self.refunds.of(call.owner, refund_id)
        if refund is None or str(refund["tid"]) != str(tid) or status not in ("SUCCESS", "FAIL"):
            return {"result": _no("isv.refund-not-exist", "退款与订单不匹配")}
        if refund["status"] in OVER and not self.trusting:
            return {"result": _no("isv.refund-status-error", "退款已完结")}
        fen = param.get("refund_fee")
        if fen is not None and (not isinstance(fen, int) or fen != fen_of(refund)):
            return {"result": _no("isv.refund-fee-error", "退款金额不一致")}
        if status == "SUCCESS":
            self.refunds.pay(refund_id, fen_of(refund))
        return {"result": {"success": True, "result_data": {"refund_id": int(refund_id)}}}

    def warehouse_update(self, call: Call) -> dict[str, Any]:
        refund_id, status = call.need("refund_id", "warehouse_status")
        refund = self.refunds.of(call.owner, refund_id)
        if refund is None or status != "1":
            return {"succeed": False, "err_code": "isv.refund-not-exist", "err_info": "退款不存在"}
        if refund["status"] != "WAIT_SELLER_CONFIRM_GOODS" and not self.trusting:
            return {"succeed": False, "err_code": "isv.refund-status-error", "err_info": "退款状态不允许此操作"}
        self.refunds.pay(refund_id, fen_of(refund))
        return {"succeed": True, "result_data": "{}"}


def _row(text: str, *, tmall: bool) -> tuple[str, int, str, str]:
    parts = text.split("|")
    if len(parts) not in ((4,) if tmall else (3, 4)) or not parts[1].isdigit() or not parts[2].isdigit():
        raise Problem(41, "isv.invalid-parameter:refund_infos", f"参数refund_infos无效: {text}")
    return parts[0], int(parts[1]), parts[2], parts[3] if len(parts) == 4 else ""


def _no(code: str, info: str) -> dict[str, Any]:
    return {"success": False, "error_code": code, "error_info": info}
