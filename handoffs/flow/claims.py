"""Claims against carriers: opened for what was lost or damaged, followed up, settled (domain.md sections 2, 3).

A claim secures the goods of its case until the carrier refuses it: what the buyer was paid is to come back from there.
"""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from accounts.models import Agreement, User
from accounts.models.people import Role
from handoffs import permissions
from handoffs.flow import clock, evidence
from handoffs.flow.case import refresh
from handoffs.flow.errors import Invalid, NotAllowed, NotYours, Stale
from handoffs.flow.moves import locked_case, note
from handoffs.flow.response import checked
from handoffs.models import Attachment, CarrierClaim, Case, Parcel
from handoffs.models.clock import ClockKind
from handoffs.models.handoff import HandoffKind

Status, Cause = CarrierClaim.Status, CarrierClaim.Cause
FOLLOW_UP_DAYS = 7  # where no agreement says otherwise
FEN = Decimal("0.01")


def agreement_of(parcel: Parcel) -> Agreement | None:
    return getattr(parcel.carrier, "agreement", None) if parcel.carrier else None


def bears_the_risk(parcel: Parcel) -> bool:
    """Whether the carrier answers for a parcel that was not delivered."""
    agreed = agreement_of(parcel)
    return agreed is not None and agreed.undelivered_risk == Agreement.Bearer.CARRIER


def open_by_itself(case: Case, parcel: Parcel, amount: Decimal, *, at: datetime) -> None:
    """What was lost is claimed at once."""
    if amount > 0 and not _alive(case, parcel):
        _opened(case, parcel, amount, Cause.LOST, by=None, at=at)


def open_claim(
    case: Case, parcel: Parcel, amount: Decimal, cause: str, *, by: User, at: datetime, note_text: str = "",
    attachments: Sequence[int] = (),
) -> CarrierClaim:  # fmt: skip
    """A person claims. Raises Stale when this parcel is claimed for this case already, Invalid for an amount."""
    if cause not in Cause.values:
        raise Invalid(_("Choose what happened to the parcel."), field="cause")
    if _alive(case, parcel):
        raise Stale(_("A claim for this parcel is open already."))
    made = _opened(case, parcel, _yuan(amount), cause, by=by, at=at, note_text=note_text)
    _keep(made, attachments, by=by)
    return made


def _alive(case: Case, parcel: Parcel) -> bool:
    """Whether this parcel is claimed for this case; what was refused or withdrawn may be claimed again."""
    return case.claims.filter(parcel=parcel).exclude(status__in=CarrierClaim.VOID).exists()


def _opened(case: Case, parcel: Parcel, amount: Decimal, cause: str, *, by: User | None, at: datetime,
            note_text: str = "") -> CarrierClaim:  # fmt: skip
    made = CarrierClaim.objects.create(case=case, parcel=parcel, amount=amount, cause=cause, opened_at=at, opened_by=by,
                                       note=note_text.strip(), follow_up_at=at + _days(parcel))  # fmt: skip
    note(case, "claim_opened", at=at, by=by, claim=made.pk, waybill=parcel.waybill, amount=str(amount))
    _watch(case, at=at)
    return made


def _days(parcel: Parcel) -> timedelta:
    agreed = agreement_of(parcel)
    return timedelta(days=agreed.claim_follow_up_days if agreed else FOLLOW_UP_DAYS)


def _watch(case: Case, *, at: datetime) -> None:
    """One follow-up clock a case: at the earliest moment one of its open claims wants a look."""
    rows = case.claims.filter(status__in=CarrierClaim.OPEN, follow_up_at__isnull=False)
    first = rows.order_by("follow_up_at").values_list("follow_up_at", flat=True).first()
    if first is None:
        clock.end_all(case, ClockKind.CLAIM, at=at)
    elif not any(running.due_at == first for running in clock.running(case, ClockKind.CLAIM)):
        clock.end_all(case, ClockKind.CLAIM, at=at, cause="followed_up")
        clock.start(case, clock.Start(ClockKind.CLAIM, Role.LOGISTICS, at, due_at=max(first, at)), at=at)


def _yuan(amount: Decimal | None, *, least: Decimal = FEN) -> Decimal:
    sane = amount is not None and amount.is_finite() and least <= amount < Decimal(10) ** 10
    if amount is None or not sane or amount != amount.quantize(FEN):
        raise Invalid(_("The amount must be more than 0, with at most two decimals."), field="amount")
    return amount.quantize(FEN)


def _within(claim: CarrierClaim, amount: Decimal) -> Decimal:
    """No more comes back than was claimed."""
    if _yuan(amount) > claim.amount:
        raise Invalid(_("That is more than was claimed: ¥%(amount)s.") % {"amount": claim.amount}, field="amount")
    return _yuan(amount)


def _keep(claim: CarrierClaim, attachments: Sequence[int], *, by: User) -> None:
    if attachments:
        evidence.bind_to_case(attachments, claim.case, by=by)
        claim.attachments.add(*Attachment.objects.filter(pk__in=list(attachments)))


# Settling -------------------------------------------------------------------------------------------------------------


def _act(
    claim_id: int, act: Callable[[CarrierClaim], dict[str, Any]], *, by: User, at: datetime, verb: str = "act"
) -> CarrierClaim:
    """One act on an open claim, its case locked first; what it returns is written and told on the timeline.

    Settling is the desk's; the carrier's contact says what the carrier says, and gives evidence.
    """
    with transaction.atomic():
        case_id = visible(by).filter(pk=claim_id).values_list("case_id", flat=True).first()
        if case_id is None:
            raise NotYours(_("There is no such claim."))
        case = locked_case(case_id)
        if not permissions.may(by, verb, shop_id=case.shop_id):
            raise NotAllowed(_("Your role does not settle claims."))
        claim = CarrierClaim.objects.select_related("parcel__carrier__agreement").get(pk=claim_id)
        claim.case = case
        if claim.status not in CarrierClaim.OPEN:
            raise Stale(_("This claim is settled: %(status)s.") % {"status": claim.get_status_display()})
        said = act(claim)
        claim.save()
        note(case, "claim_settled" if claim.settled_at else "claim_followed", at=at, by=by, claim=claim.pk,
             result=claim.status, **said)  # fmt: skip
        _watch(case, at=at)
        refresh(case, at=at, by=by)
    return claim


def accept(claim_id: int, *, amount: Decimal | None, reference: str = "", by: User, at: datetime) -> CarrierClaim:
    """The carrier accepts, perhaps a part. The payment is followed up."""

    def act(claim: CarrierClaim) -> dict[str, Any]:
        claim.status, claim.accepted = Status.ACCEPTED, _within(claim, amount if amount is not None else claim.amount)
        claim.accepted_at, claim.reference = at, reference.strip()[:80] or claim.reference
        claim.follow_up_at = at + _days(claim.parcel)
        return {"amount": str(claim.accepted)}

    return _act(claim_id, act, by=by, at=at)


def paid(claim_id: int, *, amount: Decimal | None, reference: str = "", by: User, at: datetime) -> CarrierClaim:
    """The carrier's money is in."""

    def act(claim: CarrierClaim) -> dict[str, Any]:
        claim.recovered = _within(claim, amount if amount is not None else claim.accepted or claim.amount)
        claim.status, claim.settled_at, claim.follow_up_at = Status.PAID, at, None
        claim.reference = reference.strip()[:80] or claim.reference
        return {"amount": str(claim.recovered)}

    return _act(claim_id, act, by=by, at=at)


def refuse(claim_id: int, *, reason: str, by: User, at: datetime) -> CarrierClaim:
    """The carrier refuses: the goods are no longer secured by this claim."""
    checked(reason, field="reason")

    def act(claim: CarrierClaim) -> dict[str, Any]:
        claim.status, claim.settled_at, claim.follow_up_at = Status.REFUSED, at, None
        claim.note = f"{claim.note}\n{reason.strip()}".strip()
        return {"said": reason.strip()}

    return _act(claim_id, act, by=by, at=at)


def withdraw(claim_id: int, *, reason: str, by: User, at: datetime) -> CarrierClaim:
    """We take it back: the parcel was found."""
    checked(reason, field="reason")

    def act(claim: CarrierClaim) -> dict[str, Any]:
        claim.status, claim.settled_at, claim.follow_up_at = Status.WITHDRAWN, at, None
        claim.note = f"{claim.note}\n{reason.strip()}".strip()
        return {"said": reason.strip()}

    return _act(claim_id, act, by=by, at=at)


def follow_up(
    claim_id: int, *, said: str, days: int = FOLLOW_UP_DAYS, attachments: Sequence[int] = (), by: User, at: datetime
) -> CarrierClaim:  # fmt: skip
    """What the carrier said, with more evidence; looked at again in so many days."""
    if not 1 <= days <= 90:
        raise Invalid(_("Choose between 1 and 90 days."), field="days")
    checked(said, field="said")

    def act(claim: CarrierClaim) -> dict[str, Any]:
        claim.follow_up_at = at + timedelta(days=days)
        _keep(claim, attachments, by=by)
        return {"said": said.strip()}

    return _act(claim_id, act, by=by, at=at, verb="see_claims")


def add_evidence(claim_id: int, attachments: Sequence[int], *, by: User, at: datetime) -> CarrierClaim:
    """Keep a certificate, a weight slip or photos with an open claim."""
    if not attachments:
        raise Invalid(_("Attach the document or a photo of it."), field="attachments", code="missing")

    def act(claim: CarrierClaim) -> dict[str, Any]:
        _keep(claim, attachments, by=by)
        return {"files": len(attachments)}

    return _act(claim_id, act, by=by, at=at, verb="see_claims")


# What colleagues answered with on the case serves its claim too.
PROVES = (HandoffKind.ISSUE_CERTIFICATE, HandoffKind.RECHECK_WEIGHT, HandoffKind.CHECK_NOT_RECEIVED)


def evidence_of(rows: Sequence[CarrierClaim]) -> dict[int, list[Attachment]]:
    """The evidence by claim: its own, and certificates, weight slips and proofs from its case. Two statements."""
    cases = {claim.case_id for claim in rows}
    answered = Attachment.objects.filter(handoff__case__in=cases, handoff__kind__in=PROVES).select_related("handoff")
    by_case: dict[int, list[Attachment]] = {}
    for file in answered.order_by("pk"):
        if file.handoff is not None:
            by_case.setdefault(file.handoff.case_id, []).append(file)
    own = CarrierClaim.attachments.through.objects.filter(carrierclaim__in=[claim.pk for claim in rows])
    found: dict[int, list[Attachment]] = {}
    for link in own.select_related("attachment").order_by("attachment"):
        found.setdefault(link.carrierclaim_id, []).append(link.attachment)
    return {
        claim.pk: list({file.pk: file for file in [*found.get(claim.pk, []), *by_case.get(claim.case_id, [])]}.values())
        for claim in rows
    }


def visible(by: User) -> QuerySet[CarrierClaim]:
    """The claims of the desk's own shops; for logistics those against the own carriers."""
    desk = by.shops_as(*permissions.DESK)
    seen = Q(case__shop__in=desk)
    if mine := by.shops_as(Role.LOGISTICS):
        seen |= Q(case__shop__in=mine, parcel__carrier__in=permissions.own_carriers(by))
    rows = CarrierClaim.objects.filter(seen)
    if not (desk or mine):
        raise NotAllowed(_("Your role does not see claims."))
    return rows.select_related("case__shop", "parcel__carrier", "opened_by")
