"""Handoffs: ask, claim, answer, return, reassign, withdraw (domain.md section 3). An answer drives the case on."""

from contextlib import suppress
from dataclasses import replace
from datetime import datetime

from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from accounts import duty
from accounts.models import Carrier, User
from accounts.models.people import Role
from handoffs import outbox, permissions
from handoffs.flow import clock, owed, transport, unpicked
from handoffs.flow.asking import Question as Question  # asked for here by its callers
from handoffs.flow.asking import may_ask
from handoffs.flow.audience import Audience
from handoffs.flow.case import refresh
from handoffs.flow.errors import Invalid, NotAllowed, NotYours, Stale
from handoffs.flow.kinds import APPROVALS, KINDS, Kind
from handoffs.flow.moves import locked_case, move, note, stale
from handoffs.flow.playbook import APPLIES, play
from handoffs.flow.response import checked
from handoffs.flow.terms import Asked, would_be_due
from handoffs.models import Case, Clock, Decision, Handoff, Interception, Parcel, bulk
from handoffs.models.clock import ClockKind
from handoffs.models.handoff import HandoffKind as K

S = Handoff.Status


def ask(case_id: int, question: Question, *, by: User, at: datetime) -> Handoff:
    """A person asks. Raises Invalid for an unknown kind, NotAllowed outside the own lanes, Stale when it is open."""
    with transaction.atomic():
        case = locked_case(case_id)
        kind = may_ask(case, question, by=by)
        handoff = open_handoff(case, question, asker=by, at=at)
        _also_ask(case, question, kind, asker=by, at=at)
        clock.cancel_all(case, ClockKind.DECIDE, at=at, cause="asked_again")
        refresh(case, at=at, by=by)
    return handoff


def open_handoff(case: Case, question: Question, *, asker: User | None, at: datetime) -> Handoff:
    """Open a question on a locked case, route it, start its clock, tell whoever it reaches.

    The same kind on the same waybill joins the open one. Raises Stale when it is already open on this case.
    """
    kind = KINDS[question.kind]
    to_role = question.to_role or kind.to_role
    if to_role not in (kind.to_role, *kind.also_to):
        raise Invalid(_("This question does not go to that role."), field="to_role")
    parcel = question.parcel or (parcel_of(case, kind) if kind.about_parcel else None)
    leader = _leader(kind, parcel, to_role) if parcel else None
    reached = route(case, to_role, parcel=parcel, at=at)
    handoff = Handoff(
        case=case,
        kind=kind.code,
        from_role=_from_role(kind, case, asker),
        to_role=to_role,
        asker=asker,
        assignee=leader.assignee if leader else reached.user,
        reached=reached.how,
        subject=subject_of(question, parcel, to_role, kind),
        parcel=parcel,
        joined=leader,
        note=question.note.strip(),
        amount=question.amount,
        difficult=question.difficult,
        difficult_reason=(question.difficult_reason or question.note).strip()[:255] if question.difficult else "",
        created_at=at,
    )
    try:
        with transaction.atomic():
            handoff.save()
    except IntegrityError as error:
        raise Stale(_("This question is already open on the case.")) from error
    _start_clock(case, handoff, at=at)
    if kind.code == K.STOP_PARCEL:  # what the warehouse system was asked without it is asked for it now
        Interception.objects.filter(case=case, handoff=None, via=Interception.Via.SYSTEM).update(handoff=handoff)
    note(case, "handed_off", at=at, by=asker, handoff=handoff.pk, kind=handoff.kind, to_role=to_role,
         note=handoff.note, **beyond_marketplace(case, handoff))  # fmt: skip
    if leader is None:
        _tell(handoff, "handed_off", at=at)
    return handoff


def _also_ask(case: Case, question: Question, kind: Kind, *, asker: User, at: datetime) -> None:
    """A question that concerns two sides goes to both; whoever names one side asks that side only."""
    if question.to_role:
        return
    for role in kind.also_to:
        with suppress(Stale):
            open_handoff(case, replace(question, to_role=role), asker=asker, at=at)


def _from_role(kind: Kind, case: Case, asker: User | None) -> str:
    held = asker.roles_in(case.shop_id) & kind.from_roles if asker else frozenset()
    return next(iter(sorted(held)), next(iter(sorted(kind.from_roles, key=lambda role: role != Role.SUPPORT))))


def subject_of(question: Question, parcel: Parcel | None, to_role: str, kind: Kind) -> str:
    """What tells questions of one kind on one case apart."""
    parts = [f"parcel:{parcel.pk}"] if parcel else []
    parts += [f"line:{question.line}"] if question.line else []
    parts += [f"to:{to_role}"] if to_role != kind.to_role else []
    return " ".join(parts)[:80]


def _leader(kind: Kind, parcel: Parcel, to_role: str) -> Handoff | None:
    """The open question of the kind on the waybill, whichever shop's: the carrier has one parcel and is asked once."""
    same = Handoff.objects.filter(kind=kind.code, to_role=to_role, status__in=Handoff.LIVE, joined=None)
    one = Q(parcel=parcel)
    if parcel.carrier_id and to_role == Role.LOGISTICS:
        one |= Q(parcel__waybill=parcel.waybill, parcel__leg=parcel.leg, parcel__carrier=parcel.carrier_id)
    return same.filter(one).order_by("pk").first()


def parcel_of(case: Case, kind: Kind) -> Parcel | None:
    """The case's one parcel on the leg the question is about, else its only parcel; None when that leaves a choice."""
    return the_parcel(list(case.parcels.select_related("carrier")[:10]), kind)


def the_parcel(parcels: list[Parcel], kind: Kind) -> Parcel | None:
    """Of these parcels of one case the one that a question of the kind is about."""
    back = {K.TRACE_RETURN, K.RECEIVE_RETURN, K.INSPECT_AT_DOOR}
    leg = Parcel.Leg.RETURN if kind.code in back else Parcel.Leg.OUTBOUND
    found = [parcel for parcel in parcels if parcel.leg == leg]
    if not found and kind.code not in (*back, K.TRACE_DELIVERY, K.RECALL_PARCEL, K.CHECK_NOT_RECEIVED):
        found = parcels
    return found[0] if len(found) == 1 else None


def route(case: Case, to_role: str, *, parcel: Parcel | None, at: datetime) -> duty.Reached:
    """Whom the question reaches: the carrier's contact, or the contact of the shop's warehouse or of the shop."""
    carrier_id = parcel.carrier_id if parcel else None
    if to_role == Role.LOGISTICS and carrier_id is None:
        return duty.Reached(None, "no_contact")
    if to_role == Role.LOGISTICS:
        return duty.reach(to_role, shop_id=case.shop_id, at=at, carrier_id=carrier_id)
    return duty.reach(to_role, shop_id=case.shop_id, at=at, warehouse_id=case.shop.warehouse_id)


def _start_clock(case: Case, handoff: Handoff, *, at: datetime, since: datetime | None = None) -> None:
    """Start the handoff's clock; one that joined another lives under that one's deadline, also when it takes its place
    (`since`: when that one was asked).
    """
    if handoff.joined is not None:
        handoff.due_at = handoff.joined.due_at
    else:
        start = clock.Start(
            ClockKind.HANDOFF, handoff.to_role, since or at, handoff=handoff, difficult=handoff.difficult,
            external=inspected_outside(case), minutes=agreed_minutes(handoff),
            cap=case.marketplace_deadline if handoff.kind in APPROVALS else None,
        )  # fmt: skip
        handoff.due_at = clock.start(case, start, at=at).due_at
    if handoff.kind == K.INSPECT_RETURN and inspected_outside(case):
        transport.handed_over(case, at=at)
    handoff.first_at = clock.first_moment(case, handoff.due_at)
    Handoff.objects.filter(pk=handoff.pk).update(due_at=handoff.due_at, first_at=handoff.first_at)


def inspected_outside(case: Case) -> bool:
    """Whether an inspection goes to external quality control: by the shop's rule, or from an amount on."""
    start = case.shop.external_qc_from
    return case.shop.external_qc or (start is not None and case.amount >= start)


def agreed_minutes(handoff: Handoff) -> int | None:
    """The answer time of the carrier's agreement goes before the general deadline of logistics' kinds."""
    carrier: Carrier | None = handoff.parcel.carrier if handoff.parcel else None
    if carrier is None or handoff.to_role != Role.LOGISTICS:
        return None
    agreement = getattr(carrier, "agreement", None)
    return agreement.answer_minutes if agreement else None


def expected_due(
    case: Case, kind: Kind, *, parcel: Parcel | None, at: datetime, difficult: bool = False
) -> datetime | None:
    """When the answer would be due if the question were asked now. Nothing is stored."""
    draft = Handoff(case=case, kind=kind.code, to_role=kind.to_role, parcel=parcel)
    external, agreed = inspected_outside(case), agreed_minutes(draft)
    asked = Asked(ClockKind.HANDOFF, case.shop_id, kind.code, difficult, external, agreed)
    return would_be_due(asked, at)


def beyond_marketplace(case: Case, handoff: Handoff) -> dict[str, str]:
    """A warning for the asker when the answer is due after the marketplace's own deadline."""
    deadline = case.marketplace_deadline
    if deadline is None or handoff.due_at is None or handoff.due_at <= deadline or not clock.ours_to_act(case):
        return {}
    return {"beyond_marketplace": deadline.isoformat()}


def _tell(handoff: Handoff, kind: str, *, at: datetime) -> None:
    people = [handoff.assignee] if handoff.assignee else _open_queue(handoff, at)
    key = f"{kind}:{handoff.pk}:{handoff.version}"
    outbox.tell(kind, to=people, key=key, at=at, case=handoff.case_id, handoff=handoff.pk, kind_asked=handoff.kind)


def _open_queue(handoff: Handoff, at: datetime) -> list[User]:
    return Audience([handoff.case.shop_id], at=at).lead_of(handoff.to_role, handoff.case.shop_id)


def open_by_playbook(case: Case, *, came_from: int | None, at: datetime) -> None:
    """Open what the case's path opens by itself: to stop a parcel on path 1, to recall one that left path 1."""
    wanted = {(1, None): K.STOP_PARCEL, (2, 1): K.RECALL_PARCEL}.get(
        (case.path or 0, came_from if case.path == 2 else None)
    )
    if wanted is None or wanted not in play(1, "left").opens + play(1, "new").opens:
        return
    spared = unpicked.spare([case], at=at) if wanted == K.STOP_PARCEL else []
    bulk.create(spared)
    if not spared:
        open_once(case, wanted, at=at)


def open_once(
    case: Case, kind: str, *, at: datetime, asker: User | None = None, note_text: str = "", parcel: Parcel | None = None
) -> Handoff | None:
    """Open a question unless one of its kind is live or was already answered on this case."""
    done = case.handoffs.filter(kind=kind, status__in=(*Handoff.LIVE, S.ANSWERED)).exists()
    if done or (kind == K.STOP_PARCEL and case.facts.exists()):
        return None
    return open_handoff(case, Question(kind, note=note_text, parcel=parcel), asker=asker, at=at)


def withdraw_inapplicable(case: Case, *, at: datetime) -> None:
    """Withdraw the live questions that the new path makes pointless, and tell whoever held them."""
    for handoff in case.handoffs.filter(status__in=Handoff.LIVE).order_by("pk"):
        if case.path not in APPLIES.get(handoff.kind, {case.path}):
            retire(handoff, at=at, by=None, cause="path_changed")


# What nobody needs to know any more once the goods are back.
OVER_WHEN_BACK = frozenset({K.STOP_PARCEL, K.RECALL_PARCEL, K.TRACE_DELIVERY, K.TRACE_RETURN, K.CHECK_NOT_RECEIVED})


def no_longer_asked(case: Case, *, at: datetime, besides: Handoff | None = None) -> None:
    """The goods are back: withdraw the questions after them, and whatever was promised about them is kept."""
    live = case.handoffs.filter(kind__in=OVER_WHEN_BACK, status__in=Handoff.LIVE).order_by("pk")
    for handoff in live:
        if besides is not None and handoff.pk == besides.pk:
            continue
        retire(handoff, at=at, by=None, cause="goods_back")
    clock.end_all(case, ClockKind.RETURN_PROMISED, at=at)


def retire(handoff: Handoff, *, at: datetime, by: User | None, cause: str) -> None:
    """Withdraw a live question, end its clock, hand its followers to one of them, tell the holder."""
    move(handoff, S.WITHDRAWN, by=by, at=at, why="withdrawn", cause=cause)
    _end_clock(handoff, at=at, cause=cause)
    promote_follower(handoff, at=at)
    if handoff.assignee_id and (by is None or handoff.assignee_id != by.pk):
        key = f"withdrawn:{handoff.pk}:{handoff.version}"
        outbox.tell("withdrawn", to=[handoff.assignee], key=key, at=at, case=handoff.case_id, handoff=handoff.pk)


def promote_follower(leader: Handoff, *, at: datetime) -> None:
    """When a question that served several cases goes, the eldest of the others takes its place and gets the clock."""
    followers = list(leader.followers.filter(status__in=Handoff.LIVE).order_by("pk").select_related("case__shop"))
    if not followers:
        return
    first = followers[0]
    Handoff.objects.filter(pk=first.pk).update(joined=None)
    first.joined = None
    Handoff.objects.filter(pk__in=[row.pk for row in followers[1:]]).update(joined=first)
    before = Clock.objects.filter(handoff=leader).order_by("-version").first()
    _start_clock(first.case, first, at=at, since=before.started_at if before else at)
    clock.refresh_due([first.case_id])


def locked(handoff_id: int, *, by: User) -> Handoff:
    """The handoff with its case locked first (lock order); for those who cannot see it there is none."""
    seen = permissions.visible_handoffs(by).filter(pk=handoff_id).values_list("case_id", flat=True).first()
    if seen is None:
        raise NotYours(_("There is no such handoff."))
    case = locked_case(seen)
    handoff = (
        Handoff.objects.select_for_update(of=("self",), no_key=True)
        .select_related("assignee", "asker", "parcel__carrier", "joined")
        .get(pk=handoff_id)
    )
    handoff.case = case
    return handoff


def claim(handoff_id: int, *, by: User, at: datetime) -> Handoff:
    """Take a question from the queue. Claiming is not needed in order to answer."""
    with transaction.atomic():
        handoff = locked(handoff_id, by=by)
        if not permissions.may_answer(by, handoff):
            raise NotAllowed(_("This question was not put to you."))
        if handoff.status == S.CLAIMED:
            raise Stale(_("%(name)s has claimed this.") % {"name": handoff.assignee})
        move(handoff, S.CLAIMED, by=by, at=at, why="claimed", changes={"assignee": by})
        refresh(handoff.case, at=at, by=by)
    return handoff


def send_back(handoff_id: int, *, reason: str, by: User, at: datetime) -> Handoff:
    """Return a question that cannot be answered as it is, with the reason; its clock ends as cancelled."""
    with transaction.atomic():
        handoff = locked(handoff_id, by=by)
        if not permissions.may_answer(by, handoff):
            raise NotAllowed(_("This question was not put to you."))
        if not reason.strip():
            raise Invalid(_("Say what is missing or wrong, so that it can be asked again."), field="reason")
        checked(reason, field="reason")
        move(handoff, S.RETURNED, by=by, at=at, why="returned", changes={"answer_note": reason.strip()}, reason=reason)
        _end_clock(handoff, at=at, cause="returned")
        promote_follower(handoff, at=at)
        people = [handoff.asker] if handoff.asker else [handoff.case.owner]
        outbox.tell("returned", to=people, key=f"returned:{handoff.pk}:{handoff.version}", at=at,
                    case=handoff.case, handoff=handoff.pk, reason=reason)  # fmt: skip
        owed.decide_again(handoff.case, at=at)
        refresh(handoff.case, at=at, by=by)
    return handoff


def send_again(handoff_id: int, *, note_text: str, by: User, at: datetime) -> Handoff:
    """Ask a returned question again: a new version with a new clock."""
    with transaction.atomic():
        handoff = locked(handoff_id, by=by)
        if not permissions.may_withdraw(by, handoff):
            raise NotAllowed(_("Only the asking side sends a question again."))
        reached = route(handoff.case, handoff.to_role, parcel=handoff.parcel, at=at)
        changes = {"version": handoff.version + 1, "note": note_text.strip() or handoff.note, "answer_note": "",
                   "assignee": reached.user, "reached": reached.how, "joined": None}  # fmt: skip
        if handoff.status != S.RETURNED:
            raise stale(handoff)
        move(handoff, S.OPEN, by=by, at=at, why="handed_off", changes=changes, note=changes["note"])
        clock.cancel_all(handoff.case, ClockKind.DECIDE, at=at, cause="asked_again")
        _start_clock(handoff.case, handoff, at=at)
        _tell(handoff, "handed_off", at=at)
        refresh(handoff.case, at=at, by=by)
    return handoff


def reassign(handoff_id: int, *, to: User, by: User, at: datetime) -> Handoff:
    """Give a live question to another person of the asked role. The clock runs on."""
    with transaction.atomic():
        handoff = locked(handoff_id, by=by)
        if not (permissions.may_steer(by, handoff) or permissions.may_answer(by, handoff)):
            raise NotAllowed(_("You may not reassign this question."))
        if not handoff.is_live:
            raise stale(handoff)
        if not permissions.may_answer(to, handoff):
            raise Invalid(_("%(name)s cannot answer this question.") % {"name": to}, field="user")
        before = handoff.assignee.name if handoff.assignee else None
        Handoff.objects.filter(pk=handoff.pk).update(assignee=to, reached="reassigned")
        handoff.assignee = to
        note(handoff.case, "reassigned", at=at, by=by, handoff=handoff.pk, **{"from": before, "to": to.name})
        outbox.tell("reassigned", to=[to], key=f"reassigned:{handoff.pk}:{at.timestamp()}", at=at,
                    case=handoff.case, handoff=handoff.pk)  # fmt: skip
        refresh(handoff.case, at=at, by=by)
    return handoff


def withdraw(handoff_id: int, *, by: User, at: datetime, reason: str = "") -> Handoff:
    """Take a question back; a decision that waited for it is withdrawn with it."""
    with transaction.atomic():
        handoff = locked(handoff_id, by=by)
        if not permissions.may_withdraw(by, handoff):
            raise NotAllowed(_("Only the asking side withdraws a question."))
        if handoff.status == S.RETURNED:
            move(handoff, S.WITHDRAWN, by=by, at=at, why="withdrawn", cause=reason or "asker")
        else:
            retire(handoff, at=at, by=by, cause=reason or "asker")
        decision = getattr(handoff, "decision", None)
        if decision is not None and decision.status == "proposed":
            move(decision, "withdrawn", by=by, at=at, why="decision_withdrawn", changes={"settled_at": at})
            if decision.kind in Decision.REFUND:  # compensation never moved it
                Case.objects.filter(pk=handoff.case_id).update(money=Case.Money.NONE)
                handoff.case.money = Case.Money.NONE
        owed.decide_again(handoff.case, at=at)
        refresh(handoff.case, at=at, by=by)
    return handoff


def _end_clock(handoff: Handoff, *, at: datetime, cause: str) -> None:
    if handoff.kind == K.INSPECT_RETURN:
        clock.cancel_all(handoff.case, ClockKind.TRANSPORT, at=at, cause=cause)
    for running in clock.running(handoff.case, ClockKind.HANDOFF):
        if running.handoff_id == handoff.pk:
            clock.cancel(running, at=at, cause=cause)
