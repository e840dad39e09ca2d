"""The buyer's personal data: masked everywhere, shown by a click that is written down (domain.md section 6)."""

from dataclasses import dataclass, replace
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from accounts import audit
from accounts.models import User
from handoffs import permissions
from handoffs.flow.errors import NotAllowed, NotYours
from handoffs.flow.moves import locked_case, note
from handoffs.models import Case, CaseSource


@dataclass(frozen=True, slots=True)
class Buyer:
    nick: str
    name: str
    phone: str
    address: str


def masked(text: str, *, keep: int = 1) -> str:
    """First and last `keep` characters with stars between; short texts keep only the first."""
    if not text:
        return ""
    if len(text) <= 2 * keep:
        return text[0] + "*" * max(len(text) - 1, 1)
    return f"{text[:keep]}{'*' * min(len(text) - 2 * keep, 6)}{text[-keep:]}"


def masked_buyer(case: Case, *, source: CaseSource | None) -> Buyer:
    """The buyer as everybody of the desk sees them before revealing."""
    if source is None:
        return Buyer(masked(case.buyer_nick), "", "", "")
    if source.erased_at is not None:
        return Buyer(_("erased"), "", "", "")
    return Buyer(
        masked(case.buyer_nick),
        masked(source.buyer_name),
        masked(source.buyer_phone, keep=3) if len(source.buyer_phone) > 8 else masked(source.buyer_phone),
        masked(source.buyer_address, keep=3) if len(source.buyer_address) > 8 else masked(source.buyer_address),
    )


def seen_by(user: User, case: Case, *, source: CaseSource | None) -> Buyer | None:
    """The buyer as this person may see them: masked for the desk, what the waybill shows for logistics, else None."""
    if permissions.sees_buyer(user, case):
        return masked_buyer(case, source=source)
    if source is None or not permissions.sees_waybill(user, case):
        return None
    on_waybill = replace(masked_buyer(case, source=source), nick="")
    return on_waybill if any((on_waybill.name, on_waybill.phone, on_waybill.address)) else None


def reveal(case_id: int, *, by: User, at: datetime) -> Buyer:
    """The buyer's data in full; who looked and when goes into the timeline and the audit, which says from where too."""
    with transaction.atomic():
        case = locked_case(case_id)
        if not permissions.can_see(by, case):
            raise NotYours(_("There is no such case."))
        if not permissions.may(by, "reveal_buyer", shop_id=case.shop_id):
            raise NotAllowed(_("Your role does not see buyers' data."))
        note(case, "revealed", at=at, by=by)
        audit.note(audit.Kind.REVEALED, by=by, at=at, text=case.refund_id)
        source = CaseSource.objects.filter(case=case).first() or CaseSource()
    return Buyer(case.buyer_nick, source.buyer_name, source.buyer_phone, source.buyer_address)
