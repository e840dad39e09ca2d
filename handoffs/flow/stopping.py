"""Interceptions: stopping a parcel before it leaves, or calling it back. One alive per waybill, shared by its cases.

Source: domain.md section 2, paths 1 and 2. The carrier's data service is told where it can be; everything
else is a question to the warehouse or to the carrier's contact, as ever. An answer that comes by wire answers that
question for all its cases.
"""

import uuid
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Case as Either
from django.db.models import Exists, OuterRef, Q, QuerySet, When
from django.utils.translation import gettext as _

from accounts.models import Carrier, User
from handoffs import permissions
from handoffs.carriers import text
from handoffs.flow import clock, decision, unpicked
from handoffs.flow import handoff as handoffs
from handoffs.flow.answer import by_wire
from handoffs.flow.audience import tell_desk
from handoffs.flow.case import refresh
from handoffs.flow.errors import Invalid, NotAllowed, Stale
from handoffs.flow.moves import locked_case, note
from handoffs.flow.playbook import APPLIES
from handoffs.models import CarrierAccount, Case, Fact, Handoff, Interception, Parcel, WarehouseSystem
from handoffs.models.clock import ClockKind
from handoffs.models.handoff import HandoffKind as K

State, Via, What = Interception.State, Interception.Via, Fact.What
FEN = Decimal("0.01")
FAR = datetime(9999, 1, 1, tzinfo=UTC)
AT_ONCE = 100
SHOWN = 300
NEVER_ANSWERED = timedelta(minutes=10)


def service_for(parcel: Parcel) -> CarrierAccount | None:
    """The account through which the parcel's carrier can be told to stop it."""
    rows = CarrierAccount.objects.filter(active=True, service="kuaidi100").exclude(sealed_secret="")
    own = rows.filter(shop_id=parcel.shop_id).first()
    return own or rows.filter(shop=None).first()


def system_for(shop_id: int) -> WarehouseSystem | None:
    """The warehouse system that is asked first to stop what has not left."""
    return WarehouseSystem.objects.filter(shop=shop_id, active=True).first()


def offer_to_systems(*, at: datetime) -> int:
    """Ask the connected warehouse systems for every stop that nobody was asked for yet. Returns how many."""
    shops = WarehouseSystem.objects.filter(active=True).values("shop_id")
    rows = Handoff.objects.filter(kind=K.STOP_PARCEL, status__in=Handoff.LIVE, joined=None, case__shop__in=shops)
    made = 0
    for handoff_id in rows.filter(interceptions=None).order_by("pk").values_list("pk", flat=True)[:AT_ONCE]:
        with transaction.atomic():
            asked = Handoff.objects.select_related("parcel").get(pk=handoff_id)
            case = locked_case(asked.case_id)
            asked.refresh_from_db(fields=["status"])
            if asked.is_live and not asked.interceptions.exists():
                made += _recorded(case, asked.parcel, asked, Via.SYSTEM, by=None, at=at) is not None
    return made


def hanging(*, at: datetime) -> int:
    """What was sent and never answered, because its worker died, may have happened: unknown, and people go on."""
    rows = Interception.objects.filter(state=State.ASKED, sent_at__lte=at - NEVER_ANSWERED)
    found = list(rows.values_list("pk", flat=True)[:AT_ONCE])
    for pk in found:
        settle(pk, State.UNKNOWN, said=_("No answer came."), at=at)
    unsent = Interception.objects.filter(state=State.ASKED, sent_at=None, handoff=None, at__lte=at - NEVER_ANSWERED)
    for case_id in unsent.order_by("pk").values_list("case", flat=True)[:AT_ONCE]:
        with transaction.atomic():
            ask_people(locked_case(case_id), said=_("The warehouse system cannot be reached."), at=at)
    return len(found)


def ask_people(case: Case, *, said: str, at: datetime) -> None:
    """Nothing was picked, so nobody was asked (flow/unpicked.py): that holds no longer, and people are asked after all.

    What the system answered for certain stands: an order it has stopped is not asked about again. What was granted
    because nothing could leave is looked at again. On another path nobody needs to be asked.
    """
    if case.facts.exclude(what=What.NOT_PICKED).exists() or not unpicked.forget(case):
        return
    said_by_people = case.facts.exists()
    if not said_by_people:
        decision.void_unsecured(case, at=at)
    if case.path not in APPLIES[K.STOP_PARCEL] or case.phase == Case.Phase.CLOSED:
        unsent = Interception.objects.filter(case=case, handoff=None, state=State.ASKED, sent_at=None)
        unsent.update(state=State.FAILED, said=said[:255], answered_at=at)
    elif not said_by_people:
        if not case.handoffs.filter(kind=K.STOP_PARCEL, status__in=(*Handoff.LIVE, Handoff.Status.ANSWERED)).exists():
            note(case, "picked", at=at, by=None, said=said[:255])
            handoffs.open_handoff(case, handoffs.Question(K.STOP_PARCEL, note=said[:255]), asker=None, at=at)
        clock.cancel_all(case, ClockKind.DECIDE, at=at, cause="picked")
    refresh(case, at=at, by=None)


def ask_service(handoff_id: int, *, payer: str, by: User, at: datetime) -> Interception:
    """Have the carrier's service stop the parcel of a recall. Sent once; that it was asked is not that it is stopped.

    Raises Invalid where the parcel's carrier cannot be told so, Stale when it was asked already.
    """
    if payer not in Interception.Payer.values:
        raise Invalid(_("Say who pays the fee."), field="payer")
    with transaction.atomic():
        asked = handoffs.locked(handoff_id, by=by)
        if not permissions.may(by, "act", shop_id=asked.case.shop_id):
            raise NotAllowed(_("Your role does not do this."))
        if asked.kind != K.RECALL_PARCEL or not asked.is_live:
            raise Stale(_("The parcel is not being called back now."))
        via = Via.SERVICE if asked.parcel and service_for(asked.parcel) else _system_way(asked)
        if (
            asked.joined_id is not None
            and asked.joined is not None
            and asked.joined.interceptions.filter(state__in=Interception.LIVE)
        ):
            raise Stale(_("The interception of this parcel was asked for already."))
        if asked.parcel is None or not via:
            raise Invalid(_("No service is connected that could stop this parcel. The carrier's contact is asked."))
        made = _recorded(asked.case, asked.parcel, asked, via, by=by, at=at)
        if made is None:
            raise Stale(_("The interception of this parcel was asked for already."))
        Interception.objects.filter(pk=made.pk).update(payer=payer)
    return made


def _system_way(asked: Handoff) -> str:
    """Qimen has the carrier stop a parcel through the warehouse; other systems do not."""
    system = system_for(asked.case.shop_id)
    return Via.SYSTEM if system is not None and system.kind == WarehouseSystem.Kind.QIMEN else ""


def _recorded(
    case: Case, parcel: Parcel | None, handoff: Handoff, via: str, *, by: User | None, at: datetime
) -> Interception | None:
    try:
        with transaction.atomic():
            made = Interception.objects.create(
                key=uuid.uuid4().hex, case=case, parcel=parcel, handoff=handoff, via=via, by=by, at=at
            )
    except IntegrityError:
        return None
    note(case, "interception_asked", at=at, by=by, via=via, waybill=parcel.waybill if parcel else "")
    return made


def take(interception_id: int, *, at: datetime) -> bool:
    """Claim an interception for its one call. False: another worker has it, or it was sent."""
    rows = Interception.objects.filter(pk=interception_id, state=State.ASKED, sent_at=None)
    return rows.update(sent_at=at) == 1


def waiting(via: str, *, at: datetime) -> list[int]:
    """Interceptions to be sent one way."""
    rows = Interception.objects.filter(via=via, state=State.ASKED, sent_at=None, at__lte=at)
    return list(rows.order_by("pk").values_list("pk", flat=True)[:AT_ONCE])


def not_sent(interception_id: int, why: str) -> None:
    """Nothing left the desk: it may be tried again."""
    Interception.objects.filter(pk=interception_id, state=State.ASKED).update(sent_at=None, said=why[:255])


def settle(interception_id: int, to: str, *, said: str, at: datetime, newest: bool = False) -> None:
    """Write an answer. Stopped or called back: the question is answered for all its cases, and the refund released.

    `newest`: a later word of the carrier, which counts even after another: it was stopped after all, or it was not.
    """
    with transaction.atomic():
        rows = Interception.objects.select_related("handoff", "parcel")
        cases = _locked(rows.get(pk=interception_id))
        found = rows.get(pk=interception_id)  # people may have been asked while we waited for the lock
        before = found.state
        over = {State.STOPPED, State.FAILED} - {to} if newest and to in (State.STOPPED, State.FAILED) else set()
        if before not in {*Interception.LIVE, *over}:
            return
        Interception.objects.filter(pk=found.pk).update(state=to, said=said[:255], answered_at=at)
        waybill = found.parcel.waybill if found.parcel else ""
        case = cases[found.case_id]
        note(case, "interception", at=at, by=None, state=to, said=said[:255], waybill=waybill, via=found.via)
        asked = _question(found)
        if to == State.STOPPED and asked is not None:
            by_wire(asked.pk, "stopped" if asked.kind == K.STOP_PARCEL else "will_return", said=said, at=at)
        elif to == State.STOPPED and found.handoff is None:
            Fact.objects.create(case=case, what=What.STOPPED, rank=Fact.Rank.ANSWER, at=at)
            refresh(case, at=at, by=None)
        elif to in (State.FAILED, State.UNKNOWN) and before != State.STOPPED:
            ask_people(case, said=said, at=at)
        if before == State.STOPPED:
            _not_stopped_after_all(found, list(cases.values()), waybill, at=at)


def _questions(found: Interception) -> QuerySet[Handoff]:
    """The questions an interception answers: its own, and those of its kind on the same parcel."""
    if found.handoff is None:
        return Handoff.objects.none()
    same = Q(pk=found.handoff_id)
    if found.parcel_id:
        same |= Q(parcel=found.parcel_id, kind=found.handoff.kind) | Q(joined=found.handoff_id)
    return Handoff.objects.filter(same)


def _locked(found: Interception) -> dict[int, Case]:
    """All cases that the answer may concern, locked in order of pk."""
    ids = {found.case_id, *_questions(found).values_list("case_id", flat=True)}
    return {pk: locked_case(pk) for pk in sorted(ids)}


def _question(found: Interception) -> Handoff | None:
    """The live question that leads: the one asked with it, or the one that took its place when that was withdrawn."""
    return _questions(found).filter(status__in=Handoff.LIVE, joined=None).order_by("pk").first()


def still_asked(found: Interception) -> bool:
    """Whether anybody still waits for it: people may have answered or withdrawn the question meanwhile. Where nobody
    was asked, for nothing was picked, that must still hold, and the application stand.
    """
    if found.handoff is None:
        case = Case.objects.get(pk=found.case_id)
        wanted = case.path in APPLIES[K.STOP_PARCEL] and case.phase != Case.Phase.CLOSED
        return wanted and case.facts.filter(what=What.NOT_PICKED, handoff=None).exists()
    return _questions(found).filter(status__in=Handoff.LIVE).exists()


def _not_stopped_after_all(found: Interception, cases: list[Case], waybill: str, *, at: datetime) -> None:
    """The carrier takes its yes back: the goods are on their way again, and whoever relied on it is told."""
    stop = found.handoff is None or found.handoff.kind == K.STOP_PARCEL
    promised, now = (What.STOPPED, What.LEFT) if stop else (What.WILL_RETURN, What.IN_TRANSIT)
    for case in cases:
        last = case.facts.order_by("rank", "at", "pk").last()
        if last is not None and last.rank == Fact.Rank.ANSWER and last.what == promised:
            moment = max(at, last.at)
            Fact.objects.create(case=case, what=now, rank=Fact.Rank.ANSWER, at=moment, parcel=found.parcel)
            note(case, "promise_broken", at=at, by=None, waybill=waybill)
            tell_desk(case, "promise_broken", waybill, at=at)
            refresh(case, at=at, by=None)
            decision.void_unsecured(case, at=at)


def heard(key: str, told: Mapping[str, Any], *, at: datetime) -> bool:
    """A callback to an interception: read by its words, the newest counting. False: there is no such interception."""
    found = Interception.objects.filter(key=key).first()
    if found is None:
        return False
    words = _words(told)
    meant = text.stop_answer([words])
    to = {text.Stop.STOPPED: State.STOPPED, text.Stop.CANNOT: State.FAILED}.get(meant) if meant else None
    if to is None:
        Interception.objects.filter(pk=found.pk, state__in=Interception.LIVE).update(
            state=State.TAKEN, said=words[:255], answered_at=at
        )
    else:
        settle(found.pk, to, said=words, at=at, newest=True)
    return True


def _words(told: Mapping[str, Any]) -> str:
    parts = [str(value) for value in told.values() if isinstance(value, str | int)]
    inner = told.get("data")
    if isinstance(inner, Mapping):
        parts += [str(value) for value in inner.values() if isinstance(value, str | int)]
    return " ".join(parts)[:1000]


def record_fee(handoff_id: int, *, fee: Decimal | None, payer: str, by: User, at: datetime) -> Interception:
    """Who pays what for stopping a parcel, whoever stopped it."""
    if payer not in Interception.Payer.values:
        raise Invalid(_("Say who pays the fee."), field="payer")
    if fee is None or not fee.is_finite() or not 0 <= fee <= Decimal(99999) or fee != fee.quantize(FEN):
        raise Invalid(_("The fee is an amount in yuan with at most two decimals."), field="fee")
    with transaction.atomic():
        asked = handoffs.locked(handoff_id, by=by)
        if not permissions.may(by, "act", shop_id=asked.case.shop_id) and not permissions.may_answer(by, asked):
            raise NotAllowed(_("Your role does not do this."))
        found = asked.interceptions.order_by("-pk").first() or _by_people(asked, at=at)
        Interception.objects.filter(pk=found.pk).update(fee=fee, payer=payer)
        found.fee, found.payer = fee, payer
        shown = {"fee": str(fee), "payer": payer, "waybill": asked.parcel.waybill if asked.parcel else ""}
        note(asked.case, "interception_fee", at=at, by=by, **shown)
    return found


def _by_people(asked: Handoff, *, at: datetime) -> Interception:
    """The carrier's contact or the warehouse stopped it, or not: kept beside the others for its fee."""
    state = State.STOPPED if asked.answer in ("stopped", "will_return", "not_picked") else State.FAILED
    return Interception.objects.create(key=uuid.uuid4().hex, case=asked.case, parcel=asked.parcel, handoff=asked,
                                       via=Via.PEOPLE, state=state if asked.answer else State.TAKEN, at=at)  # fmt: skip


# The board ------------------------------------------------------------------------------------------------------------


@dataclass
class Stop:
    """One parcel that must not arrive. `cutoff`: the carrier's next pickup; after it stopping turns into recalling.

    `words`: the answer in the reader's language, and `by` the day it promises, filled in by the screen.
    """

    handoff: Handoff
    cases: list[Case]
    cutoff: datetime | None
    interception: Interception | None
    can_intercept: bool
    words: str = ""
    by: datetime | None = None

    @property
    def carrier(self) -> Carrier | None:
        return self.handoff.parcel.carrier if self.handoff.parcel else None


def board(by: User, *, at: datetime) -> list[Stop]:
    """The parcels of paths 1 and 2 that must not arrive: still asked about, or promised, or not to be stopped.

    By carrier and cut-off, the first moment first. A few statements however many.
    """
    if not permissions.may(by, "see_stops"):
        raise NotAllowed(_("Your role does not stop parcels."))
    open_goods = Q(case__goods__in=(Case.Goods.IN_TRANSIT, Case.Goods.RETURNING, Case.Goods.UNKNOWN))
    unsure = Q(status=Handoff.Status.ANSWERED, answer__in=("cannot", "will_return", "left")) & open_goods
    rows = permissions.visible_handoffs(by).filter(kind__in=(K.STOP_PARCEL, K.RECALL_PARCEL), joined=None)
    closed = Case.Status.CLOSED
    shared = Exists(Handoff.objects.filter(joined=OuterRef("pk")).exclude(case__status=closed))
    rows = rows.filter(~Q(case__status=closed) | Q(shared)).filter(Q(status__in=Handoff.LIVE) | unsure)
    settled = Either(When(status__in=Handoff.LIVE, then=0), default=1)  # what can still be acted on is never left out
    related = ("case__shop", "parcel__carrier__agreement", "assignee")
    related_rows = ("interceptions", "followers__case")
    found = list(
        rows.select_related(*related).prefetch_related(*related_rows).order_by(settled, "due_at", "pk")[:SHOWN]
    )
    latest = {handoff.case_id: handoff for handoff in sorted(found, key=lambda handoff: handoff.pk)}
    services = set(
        CarrierAccount.objects.filter(active=True, service="kuaidi100")
        .exclude(sealed_secret="")
        .values_list("shop_id", flat=True)
    ) | set(WarehouseSystem.objects.filter(active=True, kind="qimen").values_list("shop_id", flat=True))
    stops = [_stop(handoff, services, at) for handoff in found if latest[handoff.case_id] is handoff]
    return sorted(stops, key=lambda stop: (stop.cutoff or FAR, stop.handoff.due_at or FAR, stop.handoff.pk))


def system_alone(by: User) -> list[Interception]:
    """Stops that only the warehouse system was asked for, since nothing was picked (flow/unpicked.py), and that it
    has not answered: of what is paid already, too. Those of the desk's shops, the oldest first.
    """
    spared = Exists(Fact.objects.filter(case=OuterRef("case"), what=What.NOT_PICKED, handoff=None))
    rows = Interception.objects.filter(spared, handoff=None, state__in=(State.ASKED, State.TAKEN))
    wanted = Q(case__path__in=APPLIES[K.STOP_PARCEL] - {None}) | Q(case__path=None)
    rows = rows.filter(wanted, case__shop__in=by.shops_as(*permissions.DESK))
    return list(rows.exclude(case__phase=Case.Phase.CLOSED).select_related("case__shop").order_by("at", "pk")[:SHOWN])


def _stop(handoff: Handoff, services: Collection[int | None], at: datetime) -> Stop:
    cases = [handoff.case, *(follower.case for follower in handoff.followers.all())]
    asked = sorted(handoff.interceptions.all(), key=lambda each: each.pk)
    known = handoff.parcel is not None and bool({None, handoff.case.shop_id} & set(services))
    asked_now = any(each.state in Interception.LIVE for each in asked)
    able = known and handoff.kind == K.RECALL_PARCEL and handoff.is_live and not asked_now
    return Stop(handoff, cases, _cutoff(handoff, at), asked[-1] if asked else None, able)


def _cutoff(handoff: Handoff, at: datetime) -> datetime | None:
    """The carrier's next pickup in the shop's zone; only what has not left yet waits for one."""
    carrier = handoff.parcel.carrier if handoff.parcel else None
    agreed = getattr(carrier, "agreement", None) if carrier else None
    if agreed is None or agreed.pickup_cutoff is None or handoff.kind != K.STOP_PARCEL:
        return None
    zone = handoff.case.shop.zone
    today = datetime.combine(at.astimezone(zone).date(), agreed.pickup_cutoff, tzinfo=zone)
    return today if today > at else today + timedelta(days=1)
