"""Agreeing to pay (formats.md 1.4): one `rp.refunds.agree` a call, on Tmall after a review of each row."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from django.utils.translation import gettext as _

from handoffs.marketplaces.base import (
    Caps,
    Later,
    MarketplaceError,
    NeedsCode,
    NotAllowed,
    Paid,
    Payment,
    Refused,
    Result,
    Unknown,
)
from handoffs.marketplaces.money import fen
from handoffs.marketplaces.taobao import errors
from handoffs.marketplaces.taobao.wire import Params, Wire, listed, truth

REVIEW, AGREE = "taobao.rp.refund.review", "taobao.rp.refunds.agree"
REVIEWED = "批量退款审核通过"
# Reviews and the agreement together must end before the desk's hold on a call does (see http.Patience).
REVIEWS_TAKE = 25.0

# The most particular first.
RESULTS: tuple[tuple[type[MarketplaceError], Result], ...] = (
    (NeedsCode, Result.NEEDS_CODE),
    (Refused, Result.REFUSED),
    (Later, Result.LATER),
    (Unknown, Result.UNKNOWN),
)


class Till:
    """Pays rows of one shop, call by call."""

    def __init__(self, wire: Wire, caps: Caps, *, operator: str, tmall: bool, clock: Callable[[], float]) -> None:
        self._wire, self._caps, self._operator, self._tmall, self._clock = wire, caps, operator, tmall, clock

    def pay(self, payments: Sequence[Payment], code: str = "") -> list[Paid]:
        """See base.Marketplace.pay. Raises ValueError before anything is sent: over the caps, twice the same refund,
        no exact amount of fen.
        """
        infos = self._checked(payments)
        answers = {p.refund_id: lack for p in payments if (lack := self._lack(p)) is not None}
        ready = [p for p in payments if p.refund_id not in answers]
        if self._tmall:
            answers |= self._reviewed(ready)
            ready = [p for p in ready if p.refund_id not in answers]
        if ready:
            answers |= self._agreed(ready, [infos[p.refund_id] for p in ready], code.strip())
        return [answers[p.refund_id] for p in payments]

    def _checked(self, payments: Sequence[Payment]) -> dict[str, str]:
        """`refund_id|fen|version|phase` by refund, the phase only on Tmall."""
        infos: dict[str, str] = {}
        for payment in payments:
            parts = [payment.refund_id, str(fen(payment.amount)), payment.version]
            parts += [payment.phase] if self._tmall else []
            if payment.refund_id in infos or any(mark in part for part in parts for mark in "|,"):
                raise ValueError(f"Twice, or not to be written: {payment.refund_id}")
            infos[payment.refund_id] = "|".join(parts)
        if len(payments) > self._caps.rows or sum(p.amount for p in payments) > self._caps.amount:
            raise ValueError(f"More than one call carries: {len(payments)} rows")
        return infos

    def _lack(self, payment: Payment) -> Paid | None:
        """The row's answer where it cannot be sent at all."""
        needed = [payment.refund_id, payment.version]
        needed += [payment.phase, self._operator] if self._tmall else []
        if all(needed):
            return None
        text = _("Version, phase or the shop's operator is missing: nothing was sent.")
        return Paid(payment.refund_id, Result.REFUSED, text, "incomplete")

    def _reviewed(self, payments: Sequence[Payment]) -> dict[str, Paid]:
        """The rows that their review takes out. A review moves no money: where it is in doubt, so is only the review,
        and the row may be tried again.
        """
        out: dict[str, Paid] = {}
        until, stopped = self._clock() + REVIEWS_TAKE, None
        for payment in payments:
            error = stopped or self._review(payment, until=until)
            if isinstance(error, (Later, NotAllowed)):
                stopped = error
            if isinstance(error, Unknown):
                error = Later(error.message, code=error.code, sub_code=error.sub_code)
            if error is not None:
                out[payment.refund_id] = _paid(payment, error)
        return out

    def _review(self, payment: Payment, *, until: float) -> MarketplaceError | None:
        if self._clock() >= until:
            return Later(_("The marketplace is slow; the rest goes with the next call."), wait=1)
        params: Params = {
            "refund_id": payment.refund_id,
            "refund_phase": payment.phase,
            "refund_version": payment.version,
            "operator": self._operator,
            "message": REVIEWED,
            "result": True,
        }
        try:
            content = self._wire.write(REVIEW, params)
        except MarketplaceError as error:
            return error
        if truth(content.get("is_success")) is True:
            return None
        return Refused(str(content.get("message") or _("The marketplace did not pass the review.")), sub_code="review")

    def _agreed(self, payments: Sequence[Payment], infos: Sequence[str], code: str) -> dict[str, Paid]:
        params = {"refund_infos": ",".join(infos), "code": code or None}
        try:
            content = self._wire.write(AGREE, params)
        except MarketplaceError as error:
            return {p.refund_id: _paid(p, error) for p in payments}
        rows = {str(row.get("refund_id", "")): row for row in listed(content, "results", "refund_mapping_result")}
        said = _said(content)
        asked = errors.wants_code(said) and not errors.broke_down(said)
        if not rows and truth(content.get("succ")) is False and asked:
            return {p.refund_id: Paid(p.refund_id, Result.NEEDS_CODE, said, _code(content)) for p in payments}
        return {p.refund_id: _answer(p, rows.get(p.refund_id), content) for p in payments}


def _answer(payment: Payment, row: Mapping[str, Any] | None, content: Mapping[str, Any]) -> Paid:
    """One row's answer. Only a row that says yes or no is taken at its word."""
    done = truth(row.get("succ")) if row is not None else None
    if row is None or done is None:
        text = _said(content) or _("The marketplace did not answer for this one.")
        return Paid(payment.refund_id, Result.UNKNOWN, text, _code(content))
    if done:
        return Paid(payment.refund_id, Result.ACCEPTED, _said(row), _code(content))
    said = _said(row) or _said(content)
    result = Result.REFUSED
    if errors.broke_down(said):
        result = Result.UNKNOWN
    elif errors.wants_code(said):
        result = Result.NEEDS_CODE
    return Paid(payment.refund_id, result, said, _code(content))


def _paid(payment: Payment, error: MarketplaceError) -> Paid:
    result = next((result for kind, result in RESULTS if isinstance(error, kind)), Result.UNKNOWN)
    return Paid(payment.refund_id, result, error.message, error.sub_code or error.code)


def _said(content: Mapping[str, Any]) -> str:
    return str(content.get("message") or "").strip()


def _code(content: Mapping[str, Any]) -> str:
    return str(content.get("msg_code") or "").strip()
