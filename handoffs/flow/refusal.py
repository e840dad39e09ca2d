"""What a refusal must satisfy, because the marketplace will not take it otherwise (domain.md section 5)."""

import unicodedata
from collections.abc import Sequence

from django.utils.translation import gettext as _

from accounts.models import Shop
from handoffs.flow import wording
from handoffs.flow.errors import Invalid
from handoffs.models import Attachment, Case, Reason

MAX_PROOF_BYTES = 130_000


def check(case: Case, message: str, attachments: Sequence[int]) -> None:
    """Raise Invalid when the marketplace would turn the refusal down, saying why and what to do instead."""
    if not 2 <= wording.length(message.strip()) <= 200:
        raise Invalid(_("A refusal has 2 to 200 characters."), field="reason")
    if case.operation_constraint == "cannot_refuse":
        raise Invalid(_("The marketplace does not allow this application to be refused."), code="cannot_refuse")
    if case.path == Case.Path.NOT_SHIPPED:
        raise Invalid(_("An application on goods not yet shipped cannot be refused. Stop the parcel and refund."),
                      code="cannot_refuse")  # fmt: skip
    row = next(
        (r for r in Reason.objects.filter(marketplace=case.shop.marketplace) if plain(r.text) == plain(case.reason)),
        None,
    )
    if (row is not None and not row.refusable) or "无理由" in case.reason:
        raise Invalid(_("This reason cannot be refused: %(reason)s.") % {"reason": case.reason}, code="cannot_refuse")
    _check_proof(case, attachments)


def plain(text: str) -> str:
    """A reason's text with full and half width brought together, so that （…） and (…) are the same."""
    return unicodedata.normalize("NFKC", text).strip()


def _check_proof(case: Case, attachments: Sequence[int]) -> None:
    if case.shop.marketplace != Shop.Marketplace.TMALL:
        return
    proofs = [row for row in Attachment.objects.filter(pk__in=list(attachments)) if row.is_photo]
    if not proofs:
        raise Invalid(_("Tmall wants a proof image with a refusal."), field="attachments")
    if any(row.size > MAX_PROOF_BYTES for row in proofs):
        raise Invalid(_("The proof image may have at most 130,000 bytes."), field="attachments")
