"""A case follows its parcels: the fact they come to, the questions and clocks that come with it, path and status."""

from datetime import datetime

from django.db import transaction

from accounts.models import Shop, User
from accounts.models.people import Role
from handoffs.flow import clock, handoff, lost, silence
from handoffs.flow.audience import tell_desk
from handoffs.flow.case import refresh
from handoffs.flow.moves import locked_case, note
from handoffs.flow.standing import Standing, signed_for_by_shop, standing
from handoffs.models import Case, Decision, Fact, Handoff, Parcel
from handoffs.models.clock import ClockKind
from handoffs.models.handoff import HandoffKind

What = Fact.What
NEVER_LEFT = (Case.Goods.NOT_SHIPPED, Case.Goods.STOPPED)


def follow(case_id: int, *, at: datetime) -> None:
    """Bring one case in step with its parcels, under its lock. Doing it twice changes nothing."""
    with transaction.atomic():
        follow_locked(locked_case(case_id), at=at)


def follow_locked(case: Case, *, at: datetime, by: User | None = None) -> None:
    """The same for a case whose lock is held."""
    parcels = list(case.parcels.select_related("carrier__agreement"))
    stands, last = standing(parcels), _last(case)
    in_hand = _in_hand(last, stands)
    if stands.what and (last is None or last.what != stands.what) and not in_hand:
        Fact.objects.create(case=case, what=stands.what, rank=Fact.Rank.EVENT, at=at, by=by, parcel=stands.parcel)
        waybill = stands.parcel.waybill if stands.parcel else ""
        note(case, "goods_moved", at=at, by=by, what=stands.what, waybill=waybill)
        _new_position(case, stands, at=at)
    if not in_hand:
        lost.follow(case, parcels, at=at, by=by)
    if signed_for_by_shop(parcels):
        _return_signed(case, parcels, at=at)
    refresh(case, at=at, by=by)
    silence.follow(case, at=at)
    clock.refresh_due([case.pk])


def _last(case: Case) -> Fact | None:
    return case.facts.filter(rank=Fact.Rank.EVENT).order_by("-at", "-pk").first()


def _in_hand(last: Fact | None, stands: Standing) -> bool:
    """The warehouse has the goods: what the carrier still says of them is past. Goods sent again are another matter."""
    seen = last is not None and (last.handoff_id is not None or last.parcel_id is None)  # by people, not by the carrier
    received = seen and last is not None and last.what in (What.RETURNED, What.DELIVERED, What.LOST)
    return received and not (stands.parcel is not None and stands.parcel.again)


def _new_position(case: Case, stands: Standing, *, at: datetime) -> None:
    promised = clock.running(case, ClockKind.RETURN_PROMISED)
    if stands.what == What.RETURNED:
        handoff.no_longer_asked(case, at=at)
        handoff.open_once(case, HandoffKind.RECEIVE_RETURN, at=at, parcel=stands.parcel)
    elif stands.what == What.WILL_RETURN and not promised:
        clock.start(case, clock.Start(ClockKind.RETURN_PROMISED, Role.LOGISTICS, at), at=at)
    elif stands.what == What.DELIVERED and promised and stands.parcel is not None:
        note(case, "promise_broken", at=at, by=None, waybill=stands.parcel.waybill)
        tell_desk(case, "promise_broken", stands.parcel.waybill, at=at)
    elif stands.what == What.IN_TRANSIT and case.phase == Case.Phase.SUCCESS and case.goods in NEVER_LEFT:
        _left_after_all(case, stands.parcel, at=at)


def _left_after_all(case: Case, parcel: Parcel | None, *, at: datetime) -> None:
    """Refunded as not sent or stopped, and the carrier has it: the parcel must not arrive (domain.md section 5)."""
    waybill = parcel.waybill if parcel else ""
    note(case, "left_after_all", at=at, by=None, waybill=waybill)
    tell_desk(case, "left_after_all", waybill, at=at)
    handoff.open_once(case, HandoffKind.RECALL_PARCEL, at=at, parcel=parcel)


def _return_signed(case: Case, parcels: list[Parcel], *, at: datetime) -> None:
    """The return was signed for at the shop: it is the store's risk, and inspected on the spot (domain.md, path 4)."""
    signed = next(parcel for parcel in parcels if signed_for_by_shop([parcel]))
    if case.phase == Case.Phase.CLOSED:
        return
    if case.timeline.filter(kind="return_signed", data__waybill=signed.waybill).exists():
        return
    if case.handoffs.filter(kind=HandoffKind.RECEIVE_RETURN, status=Handoff.Status.ANSWERED).exists():
        return
    handoff.open_once(case, HandoffKind.RECEIVE_RETURN, at=at, parcel=signed)
    note(case, "return_signed", at=at, by=None, waybill=signed.waybill)
    decided = case.decisions.filter(status__in=(*Decision.LIVE, Decision.Status.CARRIED_OUT)).exists()
    at_once = case.shop.return_policy == Shop.ReturnPolicy.ON_SIGNATURE and not case.is_over and not decided
    if at_once and not clock.running(case, ClockKind.CARRY_OUT):
        clock.start(case, clock.Start(ClockKind.CARRY_OUT, Role.SUPPORT, at), at=at)
