"""Answering a handoff: the structured answer is checked, becomes a fact, and drives every case it serves on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.utils.dateparse import parse_date, parse_datetime
from django.utils.translation import gettext as _

from accounts.models import Shop, User
from accounts.models.people import Role
from handoffs import outbox, permissions
from handoffs.flow import clock, evidence, goods, lost, parcel
from handoffs.flow import handoff as handoffs
from handoffs.flow.case import refresh
from handoffs.flow.errors import Invalid, NotAllowed, NotYours
from handoffs.flow.kinds import APPROVALS, KINDS, Answer, Need
from handoffs.flow.moves import locked_case, move, note, stale
from handoffs.flow.playbook import EFFECTS, Effect
from handoffs.models import Case, Decision, Fact, Handoff, Parcel
from handoffs.models.clock import ClockKind
from handoffs.models.handoff import HandoffKind as K

RETURN_EXPECTED = timedelta(days=5)
LINE_OUTCOMES = frozenset({"good", "damaged", "partly_good", "unconfirmed", "wrong_item", "empty_box", "not_ours"})


@dataclass(frozen=True, slots=True)
class Given:
    """An answer as it is given. `by` is the promised or expected date; `attachments` are ids of uploaded evidence."""

    answer: str
    note: str = ""
    amount: Decimal | None = None
    waybill: str = ""
    carrier: str = ""
    by: str = ""
    attachments: Sequence[int] = ()
    data: Mapping[str, Any] = field(default_factory=dict)


def answer(handoff_id: int, given: Given, *, by: User, at: datetime) -> Handoff:
    """Answer a question, for every case that joined it.

    Raises Invalid when the answer or what it must bring is missing, NotAllowed when the question was not put to the
    person, Stale when it is already answered, from the same person too.
    """
    with transaction.atomic():
        asked, group = _locked_group(handoff_id, by=by)
        if not permissions.may_answer(by, asked):
            raise NotAllowed(_("This question was not put to you."))
        if not asked.is_live:
            raise stale(asked)
        if asked.kind in APPROVALS:
            return _answer_approval(asked, given, by=by, at=at)
        chosen = _chosen(asked, given)
        data = _checked(asked.case.shop, chosen, given, by=by, at=at)
        for handoff in group:
            if (Need.LINES in chosen.needs or data.get("lines")) and not _every_line(handoff.case, data):
                raise Invalid(MISSING[Need.LINES](), field="data", code="missing")
            _settle(handoff, chosen, given, data, by=by, at=at)
    return asked


def by_wire(handoff_id: int, code: str, *, said: str, at: datetime, more: Mapping[str, Any] | None = None) -> None:
    """A connected system's answer to a question, kept with its own words and nobody's name.

    A parcel that comes back by a system's word is expected within the days the desk gives a promise without a date.
    """
    with transaction.atomic():
        asked, group = _locked_group(handoff_id, by=None)
        if not asked.is_live:
            return
        chosen = _chosen(asked, Given(code))
        data: dict[str, Any] = {"answered_as": "system", **(more or {})}
        if Need.BY in chosen.needs:
            data["by"] = (at + RETURN_EXPECTED).isoformat()
        for handoff in group:
            _settle(handoff, chosen, Given(code, note=said), dict(data), by=None, at=at)


def _locked_group(handoff_id: int, *, by: User | None) -> tuple[Handoff, list[Handoff]]:
    """The question and all that share its answer, their cases locked in order of pk."""
    rows = permissions.visible_handoffs(by) if by is not None else Handoff.objects.all()
    asked = rows.select_related("case__shop", "parcel__carrier").filter(pk=handoff_id).first()
    if asked is None:
        raise NotYours(_("There is no such handoff."))
    leader_id = asked.joined_id or asked.pk
    shared = Handoff.objects.filter(pk=leader_id) | Handoff.objects.filter(joined_id=leader_id)
    cases = {pk: locked_case(pk) for pk in sorted(set(shared.values_list("case_id", flat=True)))}
    query = shared.select_for_update(of=("self",), no_key=True).select_related("parcel__carrier", "asker")
    group = list(query.order_by("pk"))
    for handoff in group:
        handoff.case = cases[handoff.case_id]
    asked = next(handoff for handoff in group if handoff.pk == handoff_id)
    return asked, [handoff for handoff in group if handoff.is_live]


def _answer_approval(asked: Handoff, given: Given, *, by: User, at: datetime) -> Handoff:
    """Answering an approval and approving the decision are one act."""
    from handoffs.flow import decision

    waiting = Decision.objects.filter(handoff=asked).first()
    if waiting is None:
        raise stale(asked)
    if given.answer == "refuse":
        decision.refuse(waiting.pk, reason=given.note, by=by, at=at)
    elif given.answer in ("approve", "approve_less"):
        if given.answer == "approve_less" and given.amount is None:
            raise Invalid(_("Give the amount you approve."), field="amount")
        if given.answer == "approve_less" and waiting.amount is not None and (given.amount or 0) >= waiting.amount:
            raise Invalid(_("That is not less than was asked."), field="amount")
        decision.approve(waiting.pk, amount=given.amount, note=given.note, by=by, at=at)
    else:
        raise _unknown_answer(asked)
    asked.refresh_from_db()
    return asked


def _chosen(asked: Handoff, given: Given) -> Answer:
    chosen = KINDS[asked.kind].answer(given.answer)
    if chosen is None:
        raise _unknown_answer(asked)
    return chosen


def _unknown_answer(asked: Handoff) -> Invalid:
    allowed = ", ".join(answer.code for answer in KINDS[asked.kind].answers)
    return Invalid(_("Choose one of these answers: %(allowed)s.") % {"allowed": allowed}, field="answer")


def _checked(shop: Shop, chosen: Answer, given: Given, *, by: User, at: datetime) -> dict[str, Any]:
    """Everything the answer must bring, in the form it is kept. Raises Invalid naming the field that is missing."""
    data = {key: value for key, value in given.data.items() if value not in ("", None)}
    if given.by:
        due = promised(given.by, shop)
        if Need.BY in chosen.needs and due < at:
            raise Invalid(_("The promised date lies in the past."), field="by")
        data["by"] = due.isoformat()
    if given.waybill.strip():
        data |= {"waybill": given.waybill.strip(), "carrier": given.carrier.strip()}
    photos, documents = evidence.counted(given.attachments, by=by)
    present = {
        Need.NOTE: bool(given.note.strip() or data.get("facts")),
        Need.BY: "by" in data,
        Need.WAYBILL: "waybill" in data,
        Need.AMOUNT: given.amount is not None,
        Need.POSITION: bool(data.get("position") or given.note.strip()),
        Need.CONDITION: bool(data.get("condition")),
        Need.WEIGHT: _weight(data),
        Need.SIGNED_AT: bool(data.get("signed_at") or given.by),
        Need.PHOTO: photos > 0,
        Need.DOCUMENT: photos + documents > 0,
        Need.LINES: _lines(data, given.attachments, photos),
    }
    for need in chosen.needs:
        if not present[need]:
            raise Invalid(MISSING[need](), field=FIELD_OF.get(need, need), code="missing")
    return data


MISSING = {
    Need.NOTE: lambda: _("Write down the facts."),
    Need.BY: lambda: _("Give the date."),
    Need.WAYBILL: lambda: _("Give the waybill number."),
    Need.AMOUNT: lambda: _("Give the amount."),
    Need.POSITION: lambda: _("Say where the parcel is."),
    Need.CONDITION: lambda: _("Say in what condition the goods are."),
    Need.WEIGHT: lambda: _("Give the weight in kilograms."),
    Need.SIGNED_AT: lambda: _("Say when it was signed for."),
    Need.PHOTO: lambda: _("Attach a photo."),
    Need.DOCUMENT: lambda: _("Attach the document or a photo of it."),
    Need.LINES: lambda: _("Give an outcome for each line, with photos for all but “good”."),
}
FIELD_OF = {Need.PHOTO: "attachments", Need.DOCUMENT: "attachments", Need.LINES: "data"}


def _weight(data: dict[str, Any]) -> bool:
    """Whether a positive weight in kilograms is given."""
    try:
        return Decimal(str(data.get("weight", ""))) > 0
    except ArithmeticError:
        return False


def _lines(data: dict[str, Any], attachments: Sequence[int], photos: int) -> bool:
    """An outcome for each line and a photo for all but “good”. Lines may name theirs; then each must have its own."""
    lines = data.get("lines")
    if not isinstance(lines, list) or not lines or not all(isinstance(line, dict) for line in lines):
        return False
    wrong = [line for line in lines if line.get("outcome") != "good"]
    if any(line.get("outcome") not in LINE_OUTCOMES for line in lines) or (wrong and not photos):
        return False
    named = [line.get("photos") for line in wrong]
    own = all(isinstance(ids, list) and ids and set(map(str, ids)) <= set(map(str, attachments)) for ids in named)
    return own or not any(named)


def _every_line(case: Case, data: dict[str, Any]) -> bool:
    """Whether each line of the case has its outcome."""
    return len(data["lines"]) >= case.lines.count()


def promised(text: str, shop: Shop) -> datetime:
    """A date or a time as given; a bare date means the end of that day in the shop's zone."""
    try:
        moment = parse_datetime(text) if len(text) > 10 else None
        day: date | None = parse_date(text)
    except ValueError:
        moment, day = None, None
    if moment is not None:
        return moment if moment.tzinfo else moment.replace(tzinfo=shop.zone)
    if day is None:
        raise Invalid(_("“%(text)s” is not a date. Write it as 2026-11-30.") % {"text": text}, field="by")
    return datetime.combine(day, time(23, 59, 59), tzinfo=shop.zone)


def _settle(
    handoff: Handoff, chosen: Answer, given: Given, data: dict[str, Any], *, by: User | None, at: datetime
) -> None:
    """Write the answer onto one question of the group and drive its case on."""
    case = handoff.case
    if (
        by is not None
        and Role.MANAGER in by.roles_in(case.shop_id)
        and handoff.to_role not in by.roles_in(case.shop_id)
    ):
        data = data | {"answered_as": "manager"}
    changes = {
        "answer": chosen.code,
        "answer_note": given.note.strip(),
        "data": data,
        "answered_by": by,
        "answered_at": at,
        "assignee": handoff.assignee or by,
    }
    shown = {key: value for key, value in data.items() if key != "amount"}
    move(handoff, Handoff.Status.ANSWERED, by=by, at=at, why="answered", changes=changes,
         answer=chosen.code, note=given.note.strip(), details=shown)  # fmt: skip
    for running in clock.running(case, ClockKind.HANDOFF):
        if running.handoff_id == handoff.pk:
            clock.end(running, at=at)
    if handoff.kind == K.INSPECT_RETURN:
        clock.end_all(case, ClockKind.TRANSPORT, at=at)  # whoever inspects them has them
    if by is not None:
        evidence.bind(given.attachments, handoff, by=by)
    drive(handoff, data, by=by, at=at)
    people = {user.pk: user for user in (handoff.asker, case.owner) if user is not None and user != by}
    outbox.tell("answered", to=people.values(), key=f"answered:{handoff.pk}:{handoff.version}", at=at,
                case=case, handoff=handoff.pk, answer=chosen.code)  # fmt: skip
    refresh(case, at=at, by=by)


def drive(handoff: Handoff, data: dict[str, Any], *, by: User | None, at: datetime) -> None:
    """What the playbook says an answer brings about: facts, parcels, clocks, further questions, a decision due."""
    case = handoff.case
    effect = EFFECTS.get((handoff.kind, handoff.answer), Effect())
    if handoff.answer == "left":
        found = parcel.know(case, waybill=data["waybill"], carrier=data.get("carrier", ""), at=at)
        note(case, "record_dispatch", at=at, by=None, waybill=found.waybill)
        parcel.handed_over(found, at=at)
    amiss = effect.amiss or _none_is_ours(data) or (effect.fact and _nothing_came(data))
    what = _kept_by(case) if amiss else effect.fact
    if what:
        rank = Fact.Rank.EVENT if effect.seen or amiss else Fact.Rank.ANSWER
        Fact.objects.create(case=case, what=what, rank=rank, at=at, by=by, handoff=handoff,
                            parcel=handoff.parcel)  # fmt: skip
    if what == Fact.What.LOST:
        _said_lost(case, handoff, by=by, at=at)
    if effect.fact == Fact.What.RETURNED:
        handoffs.no_longer_asked(case, at=at, besides=handoff)
    if effect.clock == ClockKind.RETURN_PROMISED:
        due_at = datetime.fromisoformat(data["by"])
        clock.start(case, clock.Start(ClockKind.RETURN_PROMISED, Role.LOGISTICS, at, due_at=max(due_at, at)), at=at)
    if case.phase == Case.Phase.CLOSED:
        return
    for kind in effect.opens:
        # Refunded on signature is put into stock afterwards; once the money has gone there is time to look at it.
        if kind != K.INSPECT_RETURN or not refund_on_signature(case) or case.money == Case.Money.CONFIRMED:
            refresh_before_opening(case, at=at, by=by)
            handoffs.open_once(case, kind, at=at)
    if not case.is_over:
        _decision_due(handoff, effect, at=at)


def _none_is_ours(data: dict[str, Any]) -> bool:
    """Whether the inspection says of every line that it is not what was sold."""
    rows = data.get("lines") or ()
    return bool(rows) and all(row["outcome"] in ("wrong_item", "empty_box", "not_ours") for row in rows)


def _kept_by(case: Case) -> str:
    """Who has goods that did not come back: the buyer who sent something else, or nobody: the carrier lost them."""
    return Fact.What.DELIVERED if case.path == Case.Path.RETURN else Fact.What.LOST


def _said_lost(case: Case, asked: Handoff, *, by: User | None, at: datetime) -> None:
    """The carrier itself says so: the parcel counts as lost. Where an event says that it arrived, that stands, and the
    carrier's word is claimed upon all the same.
    """
    parcels = list(case.parcels.filter(leg=Parcel.Leg.OUTBOUND, replaced_by=None).select_related("carrier__agreement"))
    meant = asked.parcel or (parcels[0] if len(parcels) == 1 else None)
    if meant is None:
        return
    if lost.count(meant, at=at):
        goods.follow_locked(case, at=at, by=by)
    elif meant.leg == Parcel.Leg.OUTBOUND and not case.claims.filter(parcel=meant).exists():
        lost.claim(case, meant, share=max(len(parcels), 1), at=at)


def _nothing_came(data: dict[str, Any]) -> bool:
    """A parcel came, the goods did not: an empty box or something else in it brings nothing back."""
    rows = data.get("counted") or ()
    return bool(rows) and all(row["actual"] == 0 or row["condition"] in ("empty_box", "wrong_item") for row in rows)


def refresh_before_opening(case: Case, *, at: datetime, by: User | None) -> None:
    """Bring the path in step first: the change of path may itself open the question."""
    refresh(case, at=at, by=by)


def refund_on_signature(case: Case) -> bool:
    return case.shop.return_policy == Shop.ReturnPolicy.ON_SIGNATURE


def _decision_due(handoff: Handoff, effect: Effect, *, at: datetime) -> None:
    """Start `carry_out` where the answer releases the money at once, else `decide`, unless something is still asked."""
    case = handoff.case
    if case.decisions.filter(status__in=Decision.LIVE).exists():
        return
    signed = handoff.answer == "received" or (handoff.kind == K.TRACE_RETURN and handoff.answer == "signed")
    releases = handoff.answer == "will_return" or (signed and refund_on_signature(case))
    if releases:
        if not clock.running(case, ClockKind.CARRY_OUT):
            clock.start(case, clock.Start(ClockKind.CARRY_OUT, Role.SUPPORT, at), at=at)
        return
    still_asked = case.handoffs.filter(status__in=Handoff.LIVE).exists()
    if effect.decide and not still_asked and not clock.running(case, ClockKind.DECIDE):
        clock.start(case, clock.Start(ClockKind.DECIDE, Role.SUPPORT, at), at=at)
