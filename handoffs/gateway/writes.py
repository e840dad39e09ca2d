"""What a seller may do at the gateway besides paying (formats.md 1.4), with the marketplace's own checks."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from handoffs.gateway.reads import REASONS
from handoffs.gateway.refunds import OVER, Refunds, fen_of, put_in_bag
from handoffs.gateway.top import Call, Problem

PICTURES = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF8")


@dataclass
class Writes:
    """`message_needs_image`: the documentation calls the image of a message required."""

    refunds: Refunds
    message_needs_image: bool = True

    @property
    def methods(self) -> dict[str, Callable[[Call], dict[str, Any]]]:
        return {
            "taobao.refund.refuse": self.refuse,
            "taobao.rp.returngoods.agree": self.agree_return,
            "taobao.rp.returngoods.refill": self.refill_return,
            "taobao.rp.returngoods.refuse": self.refuse_return,
            "taobao.refund.negotiatereturn": self.negotiate_return,
            "taobao.rp.refund.intercept": self.intercept,
            "taobao.refund.message.add": self.add_message,
        }

    def refuse(self, call: Call) -> dict[str, Any]:
        """The version stays, `modified` moves."""
        _id, message = call.need("refund_id", "refuse_message")
        if call.owner.tmall:
            call.need("refuse_proof", "refund_phase", "refund_version")
        refund = self._open(call)
        self._check_version(call, refund)
        if not 2 <= len(message) <= 200:
            raise Problem(41, "isv.invalid-parameter:refuse_message", "长度2-200")
        if call.get("refuse_reason_id") and int(call.get("refuse_reason_id")) not in [r[0] for r in REASONS]:
            raise Problem(41, "isv.invalid-parameter:refuse_reason_id", "拒绝原因无效")
        _check_picture(call.files, "refuse_proof", 130_000)
        unshipped = refund["order_status"] == "WAIT_SELLER_SEND_GOODS"
        if unshipped or refund["operation_contraint"] == "cannot_refuse" or "无理由" in refund["reason"]:
            raise Problem(15, "isv.refund-cannot-refuse", "该退款不能拒绝")
        now = self._change(refund, status="SELLER_REFUSE_BUYER", keep_version=True)
        shown = {name: now[name] for name in ("refund_id", "status", "modified")}
        return {"is_success": True, "refund": shown}

    def agree_return(self, call: Call) -> dict[str, Any]:
        call.need("refund_id", "seller_address_id")
        if call.owner.tmall:
            call.need("refund_phase", "refund_version", "remark")
        else:
            call.need("name", "address", "post", "tel", "mobile")
        refund = self._open(call)
        self._check_version(call, refund)
        if refund["status"] != "WAIT_SELLER_AGREE" or not refund["has_good_return"]:
            raise Problem(15, "isv.refund-status-error", "退款状态不允许此操作")
        self._change(refund, status="WAIT_BUYER_RETURN_GOODS")
        return {"is_success": True}

    def refill_return(self, call: Call) -> dict[str, Any]:
        self._tmall(call)
        names = ("refund_id", "refund_phase", "logistics_waybill_no", "logistics_company_code")
        _id, _phase, waybill, company = call.need(*names)
        refund = self._open(call)
        if refund.get("sid"):
            raise Problem(15, "isv.logistics-already-filled", "买家已经回填物流信息")
        self._change(refund, sid=waybill, company_name=company, status="WAIT_SELLER_CONFIRM_GOODS")
        return {"is_success": True}

    def refuse_return(self, call: Call) -> dict[str, Any]:
        self._tmall(call)
        call.need("refund_id", "refund_phase", "refund_version", "refuse_proof")
        refund = self._open(call)
        self._check_version(call, refund)
        _check_picture(call.files, "refuse_proof", 5 * 1024 * 1024)
        if refund["status"] != "WAIT_SELLER_CONFIRM_GOODS":
            raise Problem(15, "isv.refund-status-error", "退款状态不允许此操作")
        self._change(refund, status="SELLER_REFUSE_BUYER", keep_version=True)
        return {"result": True}

    def negotiate_return(self, call: Call) -> dict[str, Any]:
        _id, _version, fee, _address = call.need("refund_id", "refund_version", "refund_fee", "address_id")
        refund = self._open(call)
        self._check_version(call, refund)
        if not fee.isdigit() or not 0 < int(fee) <= fen_of(refund):
            raise Problem(41, "isv.invalid-parameter:refund_fee", "退款金额无效")
        amount = f"{int(fee) // 100}.{int(fee) % 100:02}"
        self._change(refund, has_good_return=True, dispute_type="REFUND_AND_RETURN", refund_fee=amount)
        return {}

    def intercept(self, call: Call) -> dict[str, Any]:
        call.need("refund_id", "refund_version")
        refund = self._open(call)
        self._check_version(call, refund)
        if refund["order_status"] != "WAIT_BUYER_CONFIRM_GOODS":
            raise Problem(15, "isv.intercept-not-allowed", "没有在途的包裹")
        self._change(refund, attribute=put_in_bag(refund["attribute"], "interceptStatus", "1"))
        return {}

    def add_message(self, call: Call) -> dict[str, Any]:
        refund_id, content = call.need("refund_id", "content")
        if self.message_needs_image:
            call.need("image")
        refund = self._open(call, even_over=True)
        if len(content.encode()) > 400:
            raise Problem(41, "isv.invalid-parameter:content", "最大长度400个字节")
        _check_picture(call.files, "image", 500 * 1024)
        message = {
            "id": self.refunds.serial(), "refund_id": refund_id, "content": content, "message_type": "NORMAL",
            "owner_role": "2", "owner_nick": call.owner.nick, "created": self.refunds.moment(),
            "refund_phase": refund["refund_phase"],
        }  # fmt: skip
        self.refunds.talk.setdefault(refund_id, []).append(message)
        return {"refund_message": {"id": message["id"], "created": message["created"]}}

    def _open(self, call: Call, *, even_over: bool = False) -> dict[str, Any]:
        refund = self.refunds.of(call.owner, call.get("refund_id"))
        if refund is None:
            raise Problem(15, "isv.refund-not-exist", "退款不存在")
        if refund["status"] in OVER and not even_over:
            raise Problem(15, "isv.refund-status-error", "退款已完结")
        return refund

    def _check_version(self, call: Call, refund: dict[str, Any]) -> None:
        version, phase = call.get("refund_version"), call.get("refund_phase")
        if version and version != str(refund["refund_version"]):
            raise Problem(15, "isv.refund-version-error", "退款版本已变更，请刷新后重试")
        if phase and phase != refund["refund_phase"]:
            raise Problem(15, "isv.refund-phase-error", "退款阶段不一致")

    def _change(self, refund: dict[str, Any], *, keep_version: bool = False, **fields: Any) -> dict[str, Any]:
        return self.refunds.change(str(refund["refund_id"]), keep_version=keep_version, **fields)

    def _tmall(self, call: Call) -> None:
        if not call.owner.tmall:
            raise Problem(15, "isv.not-tmall-refund", "仅支持天猫订单")


def _check_picture(files: Mapping[str, bytes], name: str, limit: int) -> None:
    data = files.get(name)
    if data is None:
        return
    if len(data) > limit:
        raise Problem(41, f"isv.invalid-parameter:{name}", f"最大长度{limit}字节")
    if not data.startswith(PICTURES):
        raise Problem(41, f"isv.invalid-parameter:{name}", "图片格式：GIF, JPG, PNG")
