"""What the dialogs of a connected shop offer besides recording: to send it through the marketplace, now."""

from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext as _

from handoffs import writing
from handoffs.admin import forms as make
from handoffs.admin.uploads import Sent
from handoffs.flow import transport
from handoffs.flow.errors import Invalid
from handoffs.flow.market_call import Said
from handoffs.models import Case, Decision, MarketCall

GATEWAY = "gateway"
INSPECTED = "inspection_result"  # its message takes the inspection's first photo along
Operation = MarketCall.Operation
Fields = dict[str, forms.Field]


def through(case: Case) -> Fields:
    """Whether it is sent by the desk or was done by hand, for shops that can."""
    if not writing.can_write(case.shop):
        return {}
    ways = [(GATEWAY, _("send it through the marketplace now")), ("hand", _("I have done it in the back office"))]
    return {"through": make.choice(_("how"), ways)}


def not_allowed(case: Case) -> list[str]:
    """What the marketplace says cannot be done with the application now; asked only by dialogs of connected shops."""
    return writing.not_allowed(case) if writing.can_write(case.shop) else []


def refusal(case: Case) -> Fields:
    """For an approved refusal: how, and which of the marketplace's reasons."""
    ways = through(case)
    if not ways or not refused(case):
        return {}
    reasons = [(reason.id, reason.text) for reason in writing.refuse_reasons(case)]
    if not reasons:
        return {}
    return ways | {"reason_id": make.choice(_("marketplace's reason"), reasons, required=False)}


def refused(case: Case) -> Decision | None:
    """The approved refusal that waits to be carried out."""
    return case.decisions.filter(status=Decision.Status.APPROVED, kind=Decision.Kind.REFUSE).first()


def send_message(case: Case, given: Sent, template: str) -> None:
    data: dict[str, Any] = {"template": template}
    if template == INSPECTED and (asked := transport.latest_inspection(case)):
        data["attachments"] = list(asked.attachments.order_by("pk").values_list("pk", flat=True))
    _send(case, Said(Operation.MESSAGE, given.values["message"], data), given)


def send_return(case: Case, given: Sent) -> None:
    freight, address = given.values["freight"], given.values.get("address", "")
    data = {"freight": freight, "address": address, "to": writing.return_to(case.shop, address)}
    _send(case, Said(Operation.AGREE_RETURN, given.values["message"], data), given)


def send_refusal(case: Case, given: Sent) -> None:
    decision = refused(case)
    if decision is None:
        raise Invalid(_("There is no approved decision to carry out."))
    if not given.values.get("reason_id"):
        raise Invalid(_("A refusal needs one of the marketplace's reasons."), field="reason_id")
    proofs = list(case.attachments.order_by("-pk").values_list("pk", flat=True))
    data: dict[str, Any] = {"decision": decision.pk, "reason_id": given.values["reason_id"], "attachments": proofs}
    _send(case, Said(Operation.REFUSE, decision.reason, data), given)


def _send(case: Case, said: Said, given: Sent) -> None:
    writing.send(case, said, by=given.by, at=given.at, now=timezone.now)
