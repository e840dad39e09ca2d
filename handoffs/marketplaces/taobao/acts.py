"""The other acts on an application (formats.md 1.4). Each is checked before it is sent, and sent once.

An act that carries a version reads the application again just before; `version` is what the person saw, and where the
application has changed since, nothing is sent.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext as _

from handoffs.marketplaces.base import Later, Refused, State
from handoffs.marketplaces.money import fen, yuan
from handoffs.marketplaces.taobao.states import text
from handoffs.marketplaces.taobao.wire import Params, Scalar, Wire, insist, json_of, listed, picture_kind

REFUSE_PROOF_BYTES = 130_000
RETURN_PROOF_BYTES = 5 * 1024 * 1024
MESSAGE_PICTURE_BYTES = 500 * 1024
MESSAGE_BYTES = 400
NOT_SHIPPED = "WAIT_SELLER_SEND_GOODS"
Read = Callable[[str], State]


@dataclass(frozen=True)
class Reason:
    """A reason to refuse that the marketplace accepts for an application."""

    id: str
    text: str
    tips: str = ""


@dataclass(frozen=True)
class Allowed:
    """What the marketplace lets the seller do now, and what not and why: its operation codes with its words."""

    version: str
    can: Mapping[str, str]
    cannot: Mapping[str, str]


@dataclass(frozen=True)
class ReturnAddress:
    """Where goods come back to. The id is the marketplace's; Taobao wants the rest written out as well."""

    id: str
    name: str = ""
    address: str = ""
    post: str = ""
    tel: str = ""
    mobile: str = ""


@dataclass(frozen=True)
class Negotiation:
    """What may be proposed when a refund is to become a return: the most in yuan, addresses (id → words), reasons."""

    version: str
    most: Decimal | None
    addresses: Mapping[str, str]
    reasons: tuple[Reason, ...]
    tips: str


class Acts:
    """See the module. All raise MarketplaceError; ValueError where a check before sending fails, with its words."""

    def __init__(self, wire: Wire, read: Read, *, tmall: bool) -> None:
        self._wire, self._read, self._tmall = wire, read, tmall

    # What may be done ------------------------------------------------------------------------------------------------

    def allowed(self, refund_id: str) -> Allowed:
        """Asked before a button is offered."""
        params = {"refund_id": refund_id, "fields": "allowedOperations,refund_version"}
        detail = _part(self._wire.read("taobao.refund.detail.get", params), "detail")
        can, cannot = (
            {text(row.get("operation_code")): text(row.get("tips")) for row in listed(detail, name, "operation")}
            for name in ("allowed_operations", "not_allowed_operations")
        )
        return Allowed(text(detail.get("refund_version")), can, cannot)

    def refuse_reasons(self, refund_id: str, phase: str) -> list[Reason]:
        """The reasons that may be given for refusing this application."""
        params = {"refund_id": refund_id, "refund_phase": phase, "fields": "reason_id,reason_text,reason_tips"}
        return _reasons(self._wire.read("taobao.refund.refusereason.get", params), "reasons")

    def negotiation(self, refund_id: str) -> Negotiation:
        """What `negotiate_return` may propose."""
        content = self._wire.read("taobao.refund.negotiatereturn.render", {"refund_id": refund_id})
        most = _part(content, "max_refund_fee", required=False).get("max_refund_fee")
        rows = listed(content, "address_list", "address")
        names = ("province_name", "city_name", "area_name", "town_name", "address_detail", "receiver_name")
        words = {text(r.get("address_id")): " ".join(text(r[n]) for n in names if r.get(n)) for r in rows}
        return Negotiation(
            version=text(content.get("refund_version")),
            most=yuan(int(text(most))) if text(most).isdecimal() else None,
            addresses=words,
            reasons=tuple(_reasons(content, "reason_list")),
            tips=text(content.get("apply_tips")),
        )

    # Refusing --------------------------------------------------------------------------------------------------------

    def refuse(
        self, refund_id: str, *, message: str, reason_id: str, proof: bytes | None = None, version: str = ""
    ) -> None:
        """Refuse an application, in 2 to 200 characters, with the proof that Tmall wants."""
        message = message.strip()
        if not 2 <= len(message) <= 200:
            raise ValueError(_("A refusal has 2 to 200 characters."))
        _need(reason_id, _("A refusal needs one of the marketplace's reasons."))
        _check_picture(proof, REFUSE_PROOF_BYTES, required=self._tmall)
        state = self._again(refund_id, version)
        _check_refusable(state)
        params: Params = {
            "refund_id": refund_id,
            "refuse_message": message,
            "refuse_reason_id": reason_id,
            **_versioned(state),
        }
        self._done("taobao.refund.refuse", params, {"refuse_proof": proof} if proof else None)

    def refuse_return(self, refund_id: str, *, reason_id: str, proof: bytes, version: str = "") -> None:
        """Tmall only: refuse goods that came back."""
        self._tmall_only()
        _check_picture(proof, RETURN_PROOF_BYTES, required=True)
        state = self._again(refund_id, version)
        params: Params = {"refund_id": refund_id, "refuse_reason_id": reason_id or None, **_versioned(state)}
        content = self._wire.write("taobao.rp.returngoods.refuse", params, {"refuse_proof": proof})
        insist(content, "result")

    # Goods come back -------------------------------------------------------------------------------------------------

    def agree_return(
        self,
        refund_id: str,
        *,
        to: ReturnAddress,
        remark: str = "",
        buyer_pays_postage: bool | None = None,
        virtual: bool | None = None,
        version: str = "",
    ) -> None:
        """Agree that the goods come back. Tmall wants a remark, Taobao the whole address."""
        needed = [to.id, remark] if self._tmall else [to.id, to.name, to.address, to.post, to.tel, to.mobile]
        _need(all(part.strip() for part in needed), _("The return address, or on Tmall the remark, is not complete."))
        state = self._again(refund_id, version)
        params: dict[str, Scalar] = {
            "refund_id": refund_id,
            "seller_address_id": to.id,
            "remark": remark or None,
            "post_fee_bear_role": None if buyer_pays_postage is None else int(buyer_pays_postage),
            "virtual_return_goods": virtual,
        }
        if self._tmall:
            params |= _versioned(state)
        else:
            params |= {"name": to.name, "address": to.address, "post": to.post, "tel": to.tel, "mobile": to.mobile}
        self._done("taobao.rp.returngoods.agree", params)

    def refill_return(self, refund_id: str, *, waybill: str, company: str) -> None:
        """Tmall only: the return's waybill, where the buyer did not give it. `company` is the marketplace's code."""
        self._tmall_only()
        _need(waybill and company, _("Waybill and carrier are both needed."))
        params = {
            "refund_id": refund_id,
            "refund_phase": self._read(refund_id).phase,
            "logistics_waybill_no": waybill,
            "logistics_company_code": company,
        }
        self._done("taobao.rp.returngoods.refill", params)

    def negotiate_return(self, refund_id: str, *, amount: Decimal, address_id: str, version: str = "") -> None:
        """Propose to the buyer that a refund become a return. `amount` is yuan."""
        params: dict[str, Scalar] = {"refund_id": refund_id, "refund_fee": fen(amount), "address_id": address_id}
        _need(address_id, _("The return address is missing."))
        state = self._again(refund_id, version)
        self._done("taobao.refund.negotiatereturn", {**params, "refund_version": state.version})

    # Parcel and warehouse --------------------------------------------------------------------------------------------

    def intercept(self, refund_id: str, *, version: str = "") -> None:
        """Ask the marketplace to have the parcel stopped. Its answer has no fields: the attribute bag tells later."""
        state = self._again(refund_id, version)
        self._done("taobao.rp.refund.intercept", {"refund_id": refund_id, "refund_version": state.version})

    def sendgoods_cancelled(
        self,
        refund_id: str,
        *,
        order_id: str,
        line_id: str = "",
        stopped: bool,
        amount: Decimal | None = None,
        message: str = "",
        at: str = "",
    ) -> None:
        """AG: the parcel will not leave, which makes the marketplace pay out; or it could not be stopped. Moves money.

        `amount` is yuan, `at` a time as TOP writes it.
        """
        param: Params = {
            "refund_id": _number(refund_id),
            "tid": _number(order_id),
            "oid": _number(line_id) if line_id else None,
            "status": "SUCCESS" if stopped else "FAIL",
            "refund_fee": fen(amount) if amount is not None else None,
            "operate_time": at or None,
            "msg": message or None,
        }
        content = self._wire.write("taobao.rdc.aligenius.sendgoods.cancel", {"param": json_of(param)})
        insist(_part(content, "result", required=False), "success", why=("error_code", "error_info"), silent=False)

    def warehouse_received(self, refund_id: str) -> None:
        """AG: the goods are in the warehouse, which may make the marketplace pay out. Moves money."""
        params: Params = {"refund_id": refund_id, "warehouse_status": 1}
        content = self._wire.write("taobao.nextone.logistics.warehouse.update", params)
        insist(content, "succeed", why=("err_code", "err_info"), silent=False)

    # Talking ---------------------------------------------------------------------------------------------------------

    def add_message(self, refund_id: str, content: str, image: bytes | None = None) -> str:
        """A message to the buyer on the application, at most 400 bytes: the response they see. Returns its id.

        The documentation calls the image (at most 500 KB) required; without one it is left to the marketplace.
        """
        content = content.strip()
        size = len(content.encode())
        if not 0 < size <= MESSAGE_BYTES:
            text_ = _("A message has at most %(most)s bytes (a Han character counts 3); this has %(size)s.")
            raise ValueError(text_ % {"most": MESSAGE_BYTES, "size": size})
        _check_picture(image, MESSAGE_PICTURE_BYTES, required=False)
        params = {"refund_id": refund_id, "content": content}
        answer = self._wire.write("taobao.refund.message.add", params, {"image": image} if image else None)
        return text(_part(answer, "refund_message", required=False).get("id"))

    # -----------------------------------------------------------------------------------------------------------------

    def _again(self, refund_id: str, version: str) -> State:
        """The application now. Raises Refused where it is no longer what the person saw."""
        state = self._read(refund_id)
        if version and state.version != version:
            raise Refused(_("The application has changed meanwhile: nothing was sent."), sub_code="changed")
        if state.paid or state.closed:
            raise Refused(_("The application is over: nothing was sent."), sub_code="over")
        return state

    def _done(self, method: str, params: Params, files: Mapping[str, bytes] | None = None) -> None:
        insist(self._wire.write(method, params, files), "is_success")

    def _tmall_only(self) -> None:
        _need(self._tmall, _("Only Tmall has this act."))


def _versioned(state: State) -> dict[str, Scalar]:
    return {"refund_phase": state.phase or None, "refund_version": state.version or None}


def _check_refusable(state: State) -> None:
    if text(state.raw.get("order_status")) == NOT_SHIPPED:
        raise ValueError(_("An application on goods not yet shipped cannot be refused. Stop the parcel and refund."))
    if text(state.raw.get("operation_contraint")) == "cannot_refuse":
        raise ValueError(_("The marketplace does not allow this application to be refused."))
    reason = text(state.raw.get("reason"))
    if "无理由" in reason:
        raise ValueError(_("This reason cannot be refused: %(reason)s.") % {"reason": reason})


def _check_picture(data: bytes | None, limit: int, *, required: bool) -> None:
    _need(data or not required, _("The marketplace wants a proof image."))
    if not data:
        return
    picture_kind(data)
    if len(data) > limit:
        raise ValueError(_("The image may have at most %(bytes)s bytes.") % {"bytes": f"{limit:,}"})


def _need(there: object, message: str) -> None:
    if not there:
        raise ValueError(message)


def _number(identifier: str) -> int:
    """Ids are numbers within structured parameters; Python's are exact."""
    return int(identifier)


def _part(content: Mapping[str, Any], name: str, *, required: bool = True) -> Mapping[str, Any]:
    part = content.get(name)
    if isinstance(part, Mapping):
        return part
    if required:
        raise Later(_("The answer is not one to this call."))
    return {}


def _reasons(content: Mapping[str, Any], name: str) -> list[Reason]:
    rows = listed(content, name, "reason")
    return [Reason(text(r.get("reason_id")), text(r.get("reason_text")), text(r.get("reason_tips"))) for r in rows]
