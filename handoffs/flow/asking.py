"""A question before it is asked, and whether this person may put it on this case (domain.md section 3)."""

from dataclasses import dataclass
from decimal import Decimal

from django.utils.translation import gettext as _

from accounts.models import User
from handoffs import permissions
from handoffs.flow.errors import Invalid, NotAllowed, NotYours, Stale
from handoffs.flow.kinds import APPROVALS, KINDS, Kind
from handoffs.flow.response import checked
from handoffs.models import Case, Parcel
from handoffs.models.handoff import HandoffKind as K


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked. `difficult` needs its reason; `to_role` only where a kind may go to more than one."""

    kind: str
    note: str = ""
    amount: Decimal | None = None
    difficult: bool = False
    difficult_reason: str = ""
    parcel: Parcel | None = None
    to_role: str = ""
    line: str = ""


def may_ask(case: Case, question: Question, *, by: User) -> Kind:
    """The question's kind, if this person may put the question on this case as it stands; raises what `ask` would."""
    if not permissions.can_see(by, case):
        raise NotYours(_("There is no such case."))
    kind = KINDS.get(question.kind)
    if kind is None:
        raise Invalid(_("There is no handoff “%(kind)s”.") % {"kind": question.kind}, field="kind")
    if not permissions.may_open_handoff(by, case, from_roles=kind.from_roles):
        raise NotAllowed(_("Your role does not ask this question."))
    if kind.code in APPROVALS:
        raise Invalid(_("An approval is asked for by proposing the decision."), field="kind", code="propose_instead")
    if case.status == Case.Status.CLOSED:
        raise Stale(_("This case is closed."))
    if question.amount is not None and question.amount <= 0:
        raise Invalid(_("The amount must be more than 0, with at most two decimals."), field="amount")
    if question.difficult and not question.difficult_reason.strip() and not question.note.strip():
        raise Invalid(_("Say why it is difficult."), field="difficult")
    if kind.code == K.SPECIAL_REQUEST:
        checked(question.note, field="note")
    return kind
