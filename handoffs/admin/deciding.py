"""The dialog in which a decision is proposed: its fields, and what one must know before: limit, cap, granted before."""

from typing import Any

from django import forms
from django.contrib import messages
from django.utils.translation import gettext as _

from accounts import limits
from accounts.models import User
from handoffs.admin import forms as make
from handoffs.admin.uploads import Sent
from handoffs.flow import decision, grant
from handoffs.flow.cap import basis, is_certain, taken
from handoffs.flow.proposal import Proposal
from handoffs.models import Case, Decision

Kind = Decision.Kind


def fields_of(case: Case, kind: str) -> dict[str, forms.Field]:
    """Amount where money moves, the reason, and proof."""
    fields: dict[str, forms.Field] = {}
    if kind in Decision.MONEY:
        initial = case.amount if kind == Kind.FULL_REFUND and case.amount else None
        fields["amount"] = make.amount(_("amount (yuan)"), initial=initial)
    to_buyer = _("Sent to the buyer when refusing: 2 to 200 characters.")
    fields["reason"] = make.words(_("reason"), long=True, help_text=to_buyer if kind == Kind.REFUSE else "")
    proof = _("Tmall wants a proof image of at most 130,000 bytes.") if kind == Kind.REFUSE else _("What supports it.")
    fields["files"] = make.photos(proof)
    return fields


def facts_of(case: Case, kind: str, user: User) -> list[str]:
    """What the person has to know before deciding."""
    said = [line for line in (case.reason, case.description) if line]
    if kind not in Decision.MONEY:
        return said
    top = limits.ceiling(user, shop_id=case.shop_id, kind=kind)
    return [
        *said,
        _("Applied for: ¥%(amount)s") % {"amount": case.amount},
        _("Your limit: %(limit)s") % {"limit": _("no limit") if top is None else f"¥{top}"},
        _("Granted before on this order: ¥%(amount)s") % {"amount": f"{grant.granted_before(case):.2f}"},
        _cap(case, kind),
    ]


def _cap(case: Case, kind: str) -> str:
    """The most that may be granted at all."""
    if kind == Kind.COMPENSATION:
        cap = case.shop.compensation_cap
        return _("Compensation on one order: no cap") if cap is None else (
            _("Compensation on one order: at most ¥%(cap)s") % {"cap": cap}
        )  # fmt: skip
    paid = basis(case)
    if paid is None:
        return _("What the buyer paid is not in the file: confirm it before deciding.")
    left = max(paid - taken(case), paid - paid)
    shown = {"paid": f"{paid:.2f}", "left": f"{left:.2f}"}
    said = _("Buyer paid ¥%(paid)s; at most ¥%(left)s is left to refund.") % shown
    if is_certain(case) or case.basis_confirmed:
        return said
    confirmed = _("The file names no order line: by deciding you confirm what was paid.")
    return f"{said} {confirmed}"


def propose(case: Case, kind: str, given: Sent) -> None:
    """Hand the proposal to the flow; says so when a supervisor was asked."""
    proofs = tuple(given.attachments())
    proposal = Proposal(kind, given.values["reason"], given.values.get("amount"), attachments=proofs)
    made = decision.propose(case.pk, proposal, by=given.by, at=given.at)
    if made.status == Decision.Status.PROPOSED:
        messages.info(given.request, _("Above your limit: a supervisor was asked."))


def pays_compensation(case: Case) -> bool:
    return case.decisions.filter(status=Decision.Status.APPROVED, kind=Decision.Kind.COMPENSATION).exists()


def to_carry_out(case: Case) -> list[tuple[str, Any]]:
    """The approved decisions, oldest first, as choices."""
    rows = case.decisions.filter(status=Decision.Status.APPROVED).order_by("at", "pk")
    return [(str(row.pk), f"{row.get_kind_display()} {'' if row.amount is None else f'¥{row.amount}'}") for row in rows]
