"""May this refund be paid now, in one go with others? If not, why, in words a person can act on.

Asked twice: for the plan, and again under the case's lock just before the order is recorded.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db.models import Count, Q, QuerySet
from django.utils.translation import gettext_lazy as _

from accounts.models import Shop, User
from handoffs import permissions
from handoffs.flow import cap, grant
from handoffs.flow.errors import Invalid
from handoffs.flow.next_step import event
from handoffs.flow.owed import MOVING
from handoffs.marketplaces.base import CAPS
from handoffs.models import Case, Decision

WHY: dict[str, Any] = {
    "left_out": _("Left out by hand."),
    "already_paid": _("A refund is recorded already."),
    "settled": _("The marketplace has settled it."),
    "no_amount": _("It applies for 0 yuan."),
    "no_right": _("Your role does not decide on refunds in this shop."),
    "to_approve": _("It waits for a supervisor's approval."),
    "waits_for_buyer": _("The buyer has not yet changed the amount."),
    "decided_otherwise": _("Something else was decided."),
    "not_stopped": _("The parcel is not stopped yet."),
    "not_ready": _("The goods are not secured yet; decide it by itself."),
    "unclear": _("It is on no path; a person decides it by itself."),
    "contradiction": _("The facts contradict each other; look at it first."),
    "compensation": _("Record first whether the compensation claim stands."),
    "on_the_web": _("The marketplace wants it paid on its own page."),
    "intervened": _("The marketplace has stepped in; look at it first."),
    "deadline": _("The marketplace's deadline has passed; read it again first."),
    "over_limit": _("It is above your limit: propose it to a supervisor."),
    "over_the_cap": _("It is more than is left of what the buyer paid."),
    "confirm_basis": _("What the buyer paid is not known; confirm it first."),
    "above_one_call": _("It is more than one call to the marketplace may carry; pay it in the back office."),
}
# What the sources write where the marketplace has not stepped in.
NOT_INTERVENED = frozenset({"", "1", "无客服介入", "不需客服介入", "未介入"})
SECURED = {
    Case.Path.NOT_SHIPPED: frozenset({"stopped"}),
    Case.Path.ON_THE_WAY: frozenset({"will_return", "lost"}),
    Case.Path.RETURN: frozenset({"good"}),
}
REFUNDED_ON_ARRIVAL = frozenset({"signed", "received", "good"})


@dataclass(frozen=True, slots=True)
class Verdict:
    """`why` empty: it may be paid. `decision` is the approved one it carries out; None: one is still to be made."""

    why: str = ""
    decision: Decision | None = None

    @property
    def words(self) -> str:
        return str(WHY.get(self.why, self.why)) if self.why else ""


def verdict(case: Case, *, by: User, at: datetime, alone: bool = False) -> Verdict:
    """Judge one case. Reads its decisions, facts, handoffs, parcels and clocks; prefetch them for many.

    `alone`: no other case touches its order line, so the cap needs no look at the ledger.
    """
    if case.money in MOVING:
        return Verdict("already_paid")
    if case.is_over:
        return Verdict("settled")
    live = [d for d in case.decisions.all() if d.status in Decision.LIVE and d.kind != Decision.Kind.COMPENSATION]
    approved = next((d for d in live if d.status == Decision.Status.APPROVED and d.kind in Decision.REFUND), None)
    amount = (approved.amount if approved else case.amount) or Decimal(0)
    why = (
        _not_payable(case, amount, by, at)
        or _decided(live, approved)
        or _not_secured(case, approved)
        or _not_granted(case, approved, by)
        or _over_cap(case, amount, alone=alone)
    )
    return Verdict(why, None if why else approved)


def _not_payable(case: Case, amount: Decimal, by: User, at: datetime) -> str:
    if not permissions.may(by, "propose", shop_id=case.shop_id):
        return "no_right"
    if amount <= 0:
        return "no_amount"
    if amount > CAPS[case.shop.marketplace].amount:
        return "above_one_call"
    if case.operation_constraint == "refund_onweb":
        return "on_the_web"
    if case.cs_status not in NOT_INTERVENED:
        return "intervened"
    if case.marketplace_deadline is not None and case.marketplace_deadline <= at:
        return "deadline"
    return "compensation" if grant.unassessed(case) else ""


def _decided(live: list[Decision], approved: Decision | None) -> str:
    if approved is not None:
        return "waits_for_buyer" if approved.offer else ""
    if any(d.status == Decision.Status.PROPOSED for d in live):
        return "to_approve"
    return "decided_otherwise" if live else ""


def _not_secured(case: Case, approved: Decision | None) -> str:
    """The goods first: on path 1 nothing is paid before the parcel is stopped, whoever approved it."""
    stands = event(case)
    if case.path == Case.Path.NOT_SHIPPED and stands != "stopped":
        return "not_stopped"
    if case.path == Case.Path.NOT_SHIPPED and case.contradiction:
        return "contradiction"
    if approved is not None:
        return ""
    if case.path is None:
        return "unclear"
    if case.contradiction:
        return "contradiction"
    if case.path == Case.Path.RETURN and case.shop.return_policy == Shop.ReturnPolicy.ON_SIGNATURE:
        return "" if stands in REFUNDED_ON_ARRIVAL else "not_ready"
    return "" if stands in SECURED.get(Case.Path(case.path), ()) else "not_ready"


def _not_granted(case: Case, approved: Decision | None, by: User) -> str:
    if approved is not None:
        return ""
    wanted = Decision(case=case, kind=Decision.Kind.FULL_REFUND, amount=case.amount)
    if grant.on_secured_goods(wanted):
        return ""
    wanted.granted_before = grant.granted_before(case)
    return "" if grant.within_limit(wanted, by) else "over_limit"


def _over_cap(case: Case, amount: Decimal, *, alone: bool) -> str:
    if alone and (paid := cap.basis(case)) is not None and amount <= paid:
        return ""
    try:
        cap.check_cap(case, amount)
    except Invalid as error:
        return error.code
    return ""


def readable(cases: QuerySet[Case]) -> QuerySet[Case]:
    """With the related rows that `verdict` reads, in a fixed number of statements."""
    return cases.select_related("shop", "owner").prefetch_related("decisions", "facts", "handoffs", "parcels", "clocks")


def judged(cases: Iterable[Case], *, by: User, at: datetime) -> list[tuple[Case, Verdict]]:
    """Each case with its verdict; the ledgers are looked at only for lines that several cases share."""
    rows = list(cases)
    shared = _shared_lines(rows)
    return [(case, verdict(case, by=by, at=at, alone=_line(case) not in shared)) for case in rows]


def _line(case: Case) -> tuple[int, str, str]:
    return (case.shop_id, case.order_id, case.line_id)


def _shared_lines(cases: list[Case]) -> set[tuple[int, str, str]]:
    shops, orders = {case.shop_id for case in cases}, {case.order_id for case in cases}
    same = Case.objects.filter(shop__in=shops, order_id__in=orders).order_by()
    counted = same.values_list("shop_id", "order_id", "line_id").annotate(n=Count("pk")).filter(n__gt=1)
    return {(shop_id, order_id, line_id) for shop_id, order_id, line_id, _n in counted}


def candidates(user: User) -> QuerySet[Case]:
    """The open cases of the person's shops that may be ripe: approved ones, and those whose goods are secured."""
    approved = Decision.objects.filter(status=Decision.Status.APPROVED, kind__in=Decision.REFUND, offer=False)
    ripe = (
        Q(pk__in=approved.values("case_id"))
        | Q(path=1, facts__what__in=("stopped", "not_picked"))
        | Q(path=2, facts__what__in=("will_return", "lost"))
        | Q(path=4, goods__in=(Case.Goods.RETURNED, Case.Goods.RETURNING))
    )
    mine = Case.objects.filter(shop__in=user.shops_as(*permissions.DESK)).exclude(status=Case.Status.CLOSED)
    return mine.filter(ripe).exclude(money__in=MOVING).distinct().order_by("due_at", "pk")
