"""What may be granted and by whom: amounts, caps, limits with their memory, who can approve (domain.md section 5)."""

from datetime import datetime
from decimal import Decimal

from django.db import connection
from django.db.models import F, Q, Sum
from django.utils.translation import gettext as _

from accounts import duty, limits
from accounts.models import User
from accounts.models.people import Role
from handoffs.flow import cap, refusal
from handoffs.flow.errors import Invalid, Stale
from handoffs.flow.lines import digest
from handoffs.flow.owed import MOVING
from handoffs.flow.proposal import Proposal
from handoffs.flow.response import checked
from handoffs.models import Case, Decision

Kind, Status = Decision.Kind, Decision.Status
FEN = Decimal("0.01")


def amount_of(case: Case, proposal: Proposal) -> Decimal | None:
    """The amount in yuan to the fen; None for kinds without money."""
    if proposal.kind not in Kind.values:
        raise Invalid(_("There is no decision “%(kind)s”.") % {"kind": proposal.kind}, field="kind")
    if proposal.kind not in Decision.MONEY:
        return None
    amount = proposal.amount
    if amount is None and proposal.kind == Kind.FULL_REFUND:
        amount = case.amount
    if amount is None:
        raise Invalid(_("Give the amount."), field="amount")
    if amount <= 0 or amount != amount.quantize(FEN) or amount >= Decimal(10) ** 10:
        raise Invalid(_("The amount must be more than 0, with at most two decimals."), field="amount")
    return amount.quantize(FEN)


def check(case: Case, proposal: Proposal, amount: Decimal | None) -> None:
    if case.is_over and proposal.kind != Kind.COMPENSATION:
        raise Stale(_("The marketplace has already settled this application: %(phase)s.")
                    % {"phase": case.get_phase_display()})  # fmt: skip
    if case.money in MOVING and proposal.kind != Kind.COMPENSATION:
        raise Stale(_("A refund for this application is recorded already."))
    checked(proposal.reason, field="reason")
    if proposal.kind == Kind.FULL_REFUND and is_offer(case, proposal.kind, amount):
        raise Invalid(
            _("A refund is agreed at the amount applied for, %(amount)s yuan. Another amount is an offer: choose "
              "“partial refund”.") % {"amount": case.amount}, field="amount", code="not_the_amount_applied_for",
        )  # fmt: skip
    if proposal.kind == Kind.PARTIAL_REFUND and amount is not None and 0 < case.amount < amount:
        raise Invalid(_("More than the amount applied for cannot be refunded."), field="amount")
    if proposal.kind == Kind.COMPENSATION:
        _check_compensation_cap(case, amount or Decimal(0))
    if proposal.kind == Kind.REFUSE:
        refusal.check(case, proposal.reason, proposal.attachments)
    if proposal.kind in Decision.REFUND:
        if unassessed(case):
            raise Invalid(_("Record first whether the compensation claim stands."), code="assess_compensation")
        cap.check_cap(case, amount or Decimal(0), promised=cap.promised(case))


def unassessed(case: Case) -> bool:
    """Whether a person has still to say if compensation is claimed and the claim stands (domain.md section 2, path 1).

    Of a reason that the table of reasons does not know, nobody has said yet whether it carries a claim.
    """
    unknown = case.claims_compensation is None and case.path == Case.Path.NOT_SHIPPED and bool(case.reason.strip())
    return (bool(case.claims_compensation) or unknown) and case.compensation_stands is None


def _check_compensation_cap(case: Case, amount: Decimal) -> None:
    cap = case.shop.compensation_cap
    if cap is None:
        return
    rows = Decision.objects.filter(case__shop=case.shop, case__order_id=case.order_id, kind=Kind.COMPENSATION)
    granted = rows.filter(status__in=(*Decision.LIVE, Status.CARRIED_OUT)).aggregate(s=Sum("amount"))["s"] or Decimal(0)
    if granted + amount > cap:
        raise Invalid(_("Compensation on one order is capped at %(cap)s yuan; %(granted)s is granted already.")
                      % {"cap": cap, "granted": granted}, field="amount", code="over_the_cap")  # fmt: skip


def is_offer(case: Case, kind: str, amount: Decimal | None) -> bool:
    """Whether the amount differs from the one applied for, so that the buyer has to edit it first.

    An application of 0 yuan (JD's cancelled orders may come so) names no amount, so any amount stands.
    """
    return kind in Decision.REFUND and case.amount > 0 and amount != case.amount


def lines_of(case: Case) -> str:
    return digest(case.lines.order_by())


def hold_order(case: Case) -> None:
    """Until the transaction ends nobody else grants anything on this order, on whichever of its cases.

    Called with the case locked and before `granted_before` is asked; whoever holds an order locks no further case.
    SQLite has one writer at a time. `approve_lock.sql` takes the same lock for many.
    """
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            key = f"{case.shop_id}:{case.order_id}"
            cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [key])


def granted_before(case: Case) -> Decimal:
    """All partial refunds and compensation granted on this order by anyone, in yuan (domain.md section 2, path 3).

    A refund of all that was applied for is a part too where the buyer paid more for the line: three applications of
    90 on a line of 300 do not pass a limit of 100 under another name. `approve_many.sql` adds up the same.
    """
    rows = Decision.objects.filter(
        case__shop_id=case.shop_id, case__order_id=case.order_id, status__in=(Status.APPROVED, Status.CARRIED_OUT)
    ).alias(paid=cap.BASIS)
    part = Q(kind__in=(Kind.PARTIAL_REFUND, Kind.COMPENSATION)) | Q(kind=Kind.FULL_REFUND, amount__lt=F("paid"))
    return rows.filter(part).aggregate(total=Sum("amount"))["total"] or Decimal(0)


def within_limit(decision: Decision, by: User) -> bool:
    """Whether the person may grant it alone.

    A path 1 full refund after stopped or not_picked is limited by what was paid only; kinds without money need none.
    """
    if decision.amount is None or on_secured_goods(decision):
        return True
    total = decision.amount + decision.granted_before
    return limits.covers(by, total, shop_id=decision.case.shop_id, kind=decision.kind)


def on_secured_goods(decision: Decision) -> bool:
    """A path 1 full refund whose parcel will not leave."""
    case = decision.case
    if decision.kind != Kind.FULL_REFUND or case.path != Case.Path.NOT_SHIPPED or case.contradiction:
        return False
    stopped = any(fact.what in ("stopped", "not_picked") for fact in case.facts.all())
    return stopped and case.goods in (Case.Goods.STOPPED, Case.Goods.NOT_SHIPPED)


def approvers(decision: Decision, *, at: datetime) -> list[User]:
    """Supervisors, then managers, whose own limit covers the total; those on duty first, never the proposer."""
    total = (decision.amount or Decimal(0)) + decision.granted_before
    shop_id, present = decision.case.shop_id, duty.on_duty_ids(at)
    people = [*duty.members(Role.SUPERVISOR, shop_id, at), *duty.members(Role.MANAGER, shop_id, at)]
    others = [user for user in dict.fromkeys(people) if user.pk != decision.by_id]
    able = [user for user in others if limits.covers(user, total, shop_id=shop_id, kind=decision.kind)]
    return sorted(able, key=lambda user: user.pk not in present)
