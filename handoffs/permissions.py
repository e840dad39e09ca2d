"""Domain section 6 in one place: who sees what, who may do what. Admin, API and flow all ask here."""

from django.db.models import Q, QuerySet

from accounts.models import Contact, User
from accounts.models.people import Role
from handoffs.models import Case, Decision, Handoff, Parcel, TimelineEntry

DESK = frozenset({Role.SUPPORT, Role.SUPERVISOR, Role.MANAGER})
SETUP_EDIT = frozenset({Role.MANAGER})
SETUP_VIEW = frozenset({Role.SUPERVISOR, Role.MANAGER})

VERBS: dict[str, frozenset[str]] = {
    "import": DESK,
    "respond": DESK,
    "own": DESK,
    "propose": DESK,
    "act": DESK,
    "approve": frozenset({Role.SUPERVISOR, Role.MANAGER}),
    "reveal_buyer": DESK,
    "erase": frozenset({Role.MANAGER}),
    "see_amounts": DESK,
    "see_buyer": DESK,
    "see_waybill": frozenset({Role.LOGISTICS}),  # the name and address on the parcel, masked, and no more
    "waive": frozenset({Role.SUPERVISOR, Role.MANAGER}),
    "see_board": frozenset({Role.SUPERVISOR, Role.MANAGER}),
    "see_setup": SETUP_VIEW,
    "edit_setup": SETUP_EDIT,
    "see_audit": SETUP_EDIT,
    "attach": frozenset(Role.values),
    "scan": frozenset({Role.WAREHOUSE, Role.QC, Role.MANAGER}),
    "receive": frozenset({Role.WAREHOUSE, Role.MANAGER}),
    "inspect": frozenset({Role.QC, Role.MANAGER}),
    "see_orphans": DESK | {Role.WAREHOUSE},
    "see_exposure": DESK,
    "see_claims": DESK | {Role.LOGISTICS},
    "see_stops": DESK | {Role.WAREHOUSE, Role.LOGISTICS},
}


# Timeline entries that speak of decisions and money, with or without an amount.
ON_MONEY = (
    "proposed", "approved", "refused", "voided", "decision_withdrawn", "carried_out", "ordered", "acknowledged",
    "confirmed", "paid_elsewhere", "refund_unknown", "offer_taken", "amount_changed", "basis_confirmed", "basis_taken",
    "claim_opened", "interception_fee", "refund_failed", "settling",
)  # fmt: skip
# Timeline entries that quote what was said to the buyer, who may be named in it.
TO_THE_BUYER = ("responded", "revealed", "note", "market_refused", "market_unknown")


def may(user: User, verb: str, *, shop_id: int | None = None) -> bool:
    """Whether one of the person's roles (in this shop, if named) allows the verb."""
    held = user.roles if shop_id is None else user.roles_in(shop_id)
    return bool(held & VERBS[verb])


def own_carriers(user: User) -> set[int]:
    """The carriers this person is contact or deputy for; read once per request."""
    cached = getattr(user, "_own_carriers", None)
    if cached is None:
        rows = Contact.objects.filter(Q(user=user) | Q(deputy=user), role=Role.LOGISTICS, carrier__isnull=False)
        cached = set(rows.values_list("carrier_id", flat=True))
        user._own_carriers = cached  # type: ignore[attr-defined]
    return cached


def attended_carriers(user: User) -> set[int]:
    """The carriers that have a contact; read once per request. Questions to the others are the role's open queue."""
    cached = getattr(user, "_attended_carriers", None)
    if cached is None:
        rows = Contact.objects.filter(role=Role.LOGISTICS, carrier__isnull=False)
        cached = set(rows.values_list("carrier_id", flat=True))
        user._attended_carriers = cached  # type: ignore[attr-defined]
    return cached


def _handoff_reach(user: User) -> Q:
    """The handoffs that reach a person through a role: warehouse and QC by shop, logistics by own carrier."""
    reach = Q(assignee=user) | Q(answered_by=user) | Q(asker=user)
    for role in (Role.WAREHOUSE, Role.QC):
        if shops := user.shops_as(role):
            reach |= Q(to_role=role, case__shop__in=shops) | Q(from_role=role, case__shop__in=shops)
    if shops := user.shops_as(Role.LOGISTICS):
        unclaimed = Q(assignee=None) & ~Q(parcel__carrier__in=attended_carriers(user))
        mine = Q(parcel__carrier__in=own_carriers(user)) | unclaimed
        reach |= Q(mine, to_role=Role.LOGISTICS, case__shop__in=shops)
    return reach


def visible_handoffs(user: User) -> QuerySet[Handoff]:
    """All handoffs of the desk's own shops, and for the counterparts those that reach them."""
    desk_shops = user.shops_as(*DESK)
    everywhere = Q(case__shop__in=user.shops_as())
    return Handoff.objects.filter(everywhere, Q(case__shop__in=desk_shops) | _handoff_reach(user))


def visible_cases(user: User) -> QuerySet[Case]:
    """The cases a person may see (domain section 6, first row)."""
    desk_shops = user.shops_as(*DESK)
    others = user.shops_as() - desk_shops
    if not others:
        return Case.objects.filter(shop__in=desk_shops)
    reached = Handoff.objects.filter(_handoff_reach(user), case__shop__in=others).values("case_id")
    seen = Q(shop__in=desk_shops) | Q(pk__in=reached)
    carrier_shops = user.shops_as(Role.LOGISTICS) - desk_shops
    if carrier_shops and (carriers := own_carriers(user)):
        parcels = Parcel.cases.through.objects.filter(parcel__carrier__in=carriers, case__shop__in=carrier_shops)
        seen |= Q(pk__in=parcels.values("case_id"))
    return Case.objects.filter(seen)


def can_see(user: User, case: Case) -> bool:
    if case.shop_id in user.shops_as(*DESK):
        return True
    return visible_cases(user).filter(pk=case.pk).exists()


def sees_amounts(user: User, case: Case) -> bool:
    return may(user, "see_amounts", shop_id=case.shop_id)


def sees_buyer(user: User, case: Case) -> bool:
    return may(user, "see_buyer", shop_id=case.shop_id)


def sees_waybill(user: User, case: Case) -> bool:
    return may(user, "see_waybill", shop_id=case.shop_id)


def visible_decisions(user: User, case: Case) -> QuerySet[Decision]:
    """Decisions carry amounts, so only those who see amounts see them."""
    return case.decisions.all() if sees_amounts(user, case) else case.decisions.none()


def visible_timeline(user: User, case: Case) -> QuerySet[TimelineEntry]:
    """The timeline; entries with amounts or with words to the buyer are left out for those who may not see them."""
    entries = case.timeline.all()
    if not sees_amounts(user, case):
        entries = entries.exclude(data__has_any_keys=["amount", "decision"]).exclude(kind__in=ON_MONEY)
        # A row that names no kind must be asked for: NULL is not among these kinds, nor is it not.
        about = Q(data__has_key="kind", data__kind__in=("approve_refund", "approve_compensation"))
        entries = entries.exclude(about)
    return entries if sees_buyer(user, case) else entries.exclude(kind__in=TO_THE_BUYER)


def may_open_handoff(user: User, case: Case, *, from_roles: frozenset[str]) -> bool:
    """Support's lanes for the desk, the warehouse's for the warehouse, all for the manager."""
    held = user.roles_in(case.shop_id)
    if Role.MANAGER in held:
        return True
    asking = set(from_roles)
    if Role.SUPPORT in asking:
        asking.add(Role.SUPERVISOR)
    return bool(held & asking)


def may_answer(user: User, handoff: Handoff) -> bool:
    """Whoever it is assigned to, the role it was sent to within its reach, and the manager."""
    held = user.roles_in(handoff.case.shop_id)
    if Role.MANAGER in held or (handoff.assignee_id == user.pk and held):
        return True
    if handoff.to_role not in held:
        return False
    if handoff.to_role != Role.LOGISTICS or handoff.parcel is None or handoff.parcel.carrier_id is None:
        return True
    carrier = handoff.parcel.carrier_id
    return carrier in own_carriers(user) or carrier not in attended_carriers(user)


def may_withdraw(user: User, handoff: Handoff) -> bool:
    """Taking a question back, or asking it again, is for the asking side and the manager; never for who was asked."""
    held = user.roles_in(handoff.case.shop_id)
    if Role.MANAGER in held or handoff.asker_id == user.pk:
        return True
    asking = {handoff.from_role} | ({Role.SUPERVISOR} if handoff.from_role == Role.SUPPORT else set())
    return bool(held & (asking - {handoff.to_role}))


def may_steer(user: User, handoff: Handoff) -> bool:
    """Reassigning: the asking side, the lead of the asked role, the manager."""
    return may_withdraw(user, handoff) or (handoff.to_role, handoff.case.shop_id, True) in user.places
