"""Acts of a person at the marketplace besides paying: recorded, sent once, and what their answer sets off."""

import hashlib
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from accounts.models import User
from handoffs import permissions
from handoffs.flow import acts, decision
from handoffs.flow.case import refresh
from handoffs.flow.errors import FlowError, Invalid, NotAllowed, NotYours, Stale
from handoffs.flow.moves import locked_case, note
from handoffs.flow.response import Reply, checked, record
from handoffs.models import Case, Decision, MarketCall, Response

Operation, Status = MarketCall.Operation, MarketCall.Status
MESSAGE_BYTES = 400  # formats.md 1.4
MESSAGED = (Operation.MESSAGE, Operation.AGREE_RETURN)


@dataclass(frozen=True, slots=True)
class Said:
    """What is to be sent: the text, and per operation the decision it carries out or the return's address."""

    operation: str
    message: str
    data: dict[str, Any] = field(default_factory=dict)


def begin(case_id: int, said: Said, *, by: User, at: datetime) -> MarketCall:
    """Record that this is about to be sent. The caller commits it before the one call.

    Raises Invalid for a text the marketplace would not take, Stale when the same was sent already.
    """
    with transaction.atomic():
        case = locked_case(case_id)
        if not permissions.can_see(by, case):
            raise NotYours(_("There is no such case."))
        if not permissions.may(by, "respond", shop_id=case.shop_id):
            raise NotAllowed(_("Your role does not answer buyers."))
        if case.status == Case.Status.CLOSED or case.is_over:
            raise Stale(_("This case is closed."))
        _check(case, said)
        digest = hashlib.sha256(said.message.strip().encode()).hexdigest()[:16]
        key = f"{said.operation}:{case.pk}:{case.refund_version or case.version}:{digest}"
        try:
            with transaction.atomic():
                return MarketCall.objects.create(
                    case=case, operation=said.operation, key=key, by=by, at=at,
                    data={**said.data, "message": said.message.strip()},
                )  # fmt: skip
        except IntegrityError as error:
            raise Stale(_("This was sent to the marketplace already.")) from error


def _check(case: Case, said: Said) -> None:
    checked(said.message, field="message")
    size = len(said.message.strip().encode())
    if said.operation == Operation.MESSAGE and size > MESSAGE_BYTES:
        text = _("A message has at most %(most)s bytes (a Han character counts 3); this has %(size)s.")
        raise Invalid(text % {"most": MESSAGE_BYTES, "size": size}, field="message", code="too_long")
    if said.operation == Operation.REFUSE:
        wanted = int(said.data.get("decision") or 0)
        found = Decision.objects.filter(pk=wanted, case=case, kind=Decision.Kind.REFUSE).first()
        if found is None or found.status != Decision.Status.APPROVED:
            raise Stale(_("There is no approved decision to carry out."))


def done(call_id: int, *, at: datetime, answer: str = "") -> MarketCall:
    """The marketplace took it: what it stands for has now happened."""
    with transaction.atomic():
        call = _ended(call_id, Status.DONE, answer, at=at)
        if call is None:
            return MarketCall.objects.get(pk=call_id)
        message, by = call.data["message"], call.by
        if call.operation == Operation.MESSAGE:
            data = call.data
            reply = Reply(message, Response.Channel.MESSAGE, template=data.get("template", ""),
                          bulk=bool(data.get("bulk")))  # fmt: skip
            record(call.case, reply, by=by, at=at)
            refresh(call.case, at=at, by=by)
        elif call.operation == Operation.AGREE_RETURN:
            given = {"message": message, "channel": Response.Channel.MESSAGE, **call.data}
            acts.perform(call.case.pk, "agree_return", given, by=by, at=at)
        else:
            decision.carry_out(call.data["decision"], by=by, at=at, reference=_("through the gateway"))
    return call


def refused(call_id: int, *, at: datetime, answer: str) -> None:
    """It certainly did not happen; it may be mended and sent again."""
    with transaction.atomic():
        call = _ended(call_id, Status.REFUSED, answer, at=at)
        if call is not None:
            note(call.case, "market_refused", at=at, by=call.by, operation=call.operation, said=answer[:255])


def doubted(call_id: int, *, at: datetime, answer: str) -> None:
    """It may have happened: the person looks at the marketplace and says so."""
    with transaction.atomic():
        call = _ended(call_id, Status.UNKNOWN, answer, at=at)
        if call is not None:
            note(call.case, "market_unknown", at=at, by=call.by, operation=call.operation, said=answer[:255])


def _ended(call_id: int, status: str, answer: str, *, at: datetime) -> MarketCall | None:
    """The call, ended; None when it was settled already."""
    case = locked_case(MarketCall.objects.values_list("case_id", flat=True).get(pk=call_id))
    open_ones = MarketCall.objects.filter(pk=call_id, status__in=(Status.SENT, Status.UNKNOWN))
    if not open_ones.update(status=status, answer=answer[:255], ended_at=at):
        return None
    call = MarketCall.objects.select_related("by").get(pk=call_id)
    call.case = case
    return call


def settle(call_id: int, *, happened: bool, by: User, at: datetime) -> None:
    """A person has looked: it did reach the marketplace, or it did not."""
    call = MarketCall.objects.filter(pk=call_id).select_related("case").first()
    if call is None or not permissions.can_see(by, call.case):
        raise NotYours(_("There is no such act."))
    if not permissions.may(by, "respond", shop_id=call.case.shop_id):
        raise NotAllowed(_("Your role does not answer buyers."))
    if call.status not in (Status.SENT, Status.UNKNOWN):
        raise Stale(_("This changed while you looked. It is now: %(state)s.") % {"state": call.get_status_display()})
    try:
        if happened:
            done(call_id, at=at, answer=_("Settled by hand."))
        else:
            refused(call_id, at=at, answer=_("Settled by hand: it was not sent."))
    except FlowError:
        # What it stands for cannot be done any more, for the case has moved on: only the call is settled.
        MarketCall.objects.filter(pk=call_id).update(status=Status.DONE, ended_at=at)
