"""Every other button of the playbook: one recorded act each, with its fields, in one registry for all doors."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.models import User
from accounts.models.people import Role
from handoffs import permissions
from handoffs.carriers.base import State
from handoffs.exact import whole
from handoffs.flow import claims, clock, decision, exchange, goods, handoff, lost, parcel, tracking, transport
from handoffs.flow.answer import promised
from handoffs.flow.case import refresh
from handoffs.flow.errors import Invalid, NotAllowed, NotYours, Stale
from handoffs.flow.moves import locked_case, note
from handoffs.flow.response import BY_HAND, Reply, checked, record
from handoffs.models import CarrierClaim, Case, Compensation, Decision, Fact, Parcel, ParcelState, Response
from handoffs.models.clock import ClockKind
from handoffs.models.handoff import HandoffKind


@dataclass(frozen=True, slots=True)
class Field:
    """One input of an act. Types: text, long, date, amount, yesno, choice."""

    name: str
    label: Any
    type: str = "text"
    required: bool = True
    choices: tuple[tuple[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class Act:
    """A button. `verb` is the right it needs; `template` names the reply template its dialog offers."""

    code: str
    label: Any
    run: Callable[["Context"], None]
    fields: tuple[Field, ...] = ()
    verb: str = "act"
    template: str = ""


@dataclass(frozen=True, slots=True)
class Context:
    case: Case
    values: Mapping[str, Any]
    by: User
    at: datetime

    def text(self, name: str) -> str:
        return str(self.values.get(name) or "").strip()

    def flag(self, name: str) -> bool:
        return self.values.get(name) in (True, "true", "True", "1", 1, "yes", "on")

    def amount(self, name: str) -> Decimal:
        try:
            return Decimal(self.text(name))
        except InvalidOperation as error:
            raise Invalid(_("Give the amount."), field=name) from error

    def note(self, kind: str, **data: Any) -> None:
        note(self.case, kind, at=self.at, by=self.by, **data)


def perform(case_id: int, code: str, values: Mapping[str, Any], *, by: User, at: datetime) -> Case:
    """Do one act. Raises Invalid naming the missing field, NotAllowed, Stale on a closed case, NotYours."""
    act = ACTS.get(code)
    with transaction.atomic():
        case = locked_case(case_id)
        if not permissions.can_see(by, case) or act is None:
            raise NotYours(_("There is no such case or act."))
        if not permissions.may(by, act.verb, shop_id=case.shop_id):
            raise NotAllowed(_("Your role does not do this."))
        if case.status == Case.Status.CLOSED and code not in AFTER_CLOSING:
            raise Stale(_("This case is closed."))
        for field in act.fields:
            if field.required and values.get(field.name) in (None, ""):
                raise Invalid(_("“%(label)s” is missing.") % {"label": field.label}, field=field.name, code="missing")
        act.run(Context(case, values, by, at))
        refresh(case, at=at, by=by)
    return case


def _assess_compensation(c: Context) -> None:
    if c.values.get("claimed") in (None, "") and c.values.get("stands") in (None, ""):
        raise Invalid(_("Say whether compensation is claimed."), field="claimed", code="missing")
    claimed, stands = c.flag("claimed"), c.flag("claimed") and c.flag("stands")
    _set(c.case, claims_compensation=claimed, compensation_stands=stands)
    c.note("compensation_assessed", claimed=claimed, stands=stands)
    if stands and not clock.running(c.case, ClockKind.CARRY_OUT):
        clock.start(c.case, clock.Start(ClockKind.CARRY_OUT, Role.SUPPORT, c.at), at=c.at)


def _set(case: Case, **values: Any) -> None:
    Case.objects.filter(pk=case.pk).update(**values)
    for name, value in values.items():
        setattr(case, name, value)


def _reply(c: Context, kind: str) -> None:
    message = checked(c.text("message"), field="message")
    channel = c.text("channel") or Response.Channel.CHAT
    if channel not in BY_HAND:
        raise Invalid(_("Choose message, chat or phone."), field="channel")
    record(c.case, Reply(message, channel=channel), by=c.by, at=c.at)
    c.note(kind)


def _tell_buyer(c: Context) -> None:
    _reply(c, "told_buyer")


def _ask_refuse_delivery(c: Context) -> None:
    _reply(c, "asked_to_refuse_delivery")


def _agree_return(c: Context) -> None:
    """Accept the return, with who bears the freight; the return number is then chased (12 hours)."""
    if c.case.phase == Case.Phase.WAIT_BUYER_RETURN or clock.running(c.case, ClockKind.RETURN_NUMBER):
        raise Stale(_("The return is agreed already."))
    _reply(c, "return_agreed")
    c.note("freight", bearer=c.text("freight"), address=c.text("address"))
    clock.end_all(c.case, ClockKind.DECIDE, at=c.at)
    if not c.case.shop.marketplace_collects and not clock.running(c.case, ClockKind.RETURN_NUMBER):
        clock.start(c.case, clock.Start(ClockKind.RETURN_NUMBER, Role.SUPPORT, c.at), at=c.at)


def _return_number(c: Context) -> None:
    _know_return(c)
    clock.end_all(c.case, ClockKind.RETURN_NUMBER, at=c.at)
    goods.follow_locked(c.case, at=c.at, by=c.by)


def _know_return(c: Context) -> Parcel:
    found = parcel.know(c.case, waybill=c.text("waybill"), carrier=c.text("carrier"), at=c.at, leg=Parcel.Leg.RETURN)
    parcel.handed_over(found, at=c.at)
    c.note("return_number", waybill=found.waybill, carrier=str(found.carrier or found.carrier_text))
    return found


def _offline_return(c: Context) -> None:
    """Wrongly filed, and the buyer sends it back anyway: the return number is taken directly (path 4), and watched."""
    if c.case.return_agreed_offline:
        raise Stale(_("The return is agreed already."))
    if c.text("message"):
        _reply(c, "return_agreed")
    _know_return(c)
    _set(c.case, return_agreed_offline=True)
    clock.end_all(c.case, ClockKind.DECIDE, at=c.at)
    goods.follow_locked(c.case, at=c.at, by=c.by)


def _reshipped(c: Context) -> None:
    """The goods were sent again: the new parcel is watched, the old one no longer says where they are."""
    kinds = (Decision.Kind.RESHIP, Decision.Kind.EXCHANGE)
    decided = c.case.decisions.filter(kind__in=kinds, status__in=("approved", "carried_out")).exists()
    if not decided and not exchange.owes_goods(c.case):
        raise Stale(_("Decide on reshipping first."))
    sent = parcel.know(c.case, waybill=c.text("waybill"), carrier=c.text("carrier"), at=c.at)
    before = c.case.parcels.filter(leg=Parcel.Leg.OUTBOUND, replaced_by=None).exclude(pk=sent.pk)
    before.update(replaced_by=sent)
    Parcel.objects.filter(pk=sent.pk).update(again=True)
    parcel.handed_over(sent, at=c.at)
    under_way = Fact.What.IN_TRANSIT
    Fact.objects.create(case=c.case, what=under_way, rank=Fact.Rank.EVENT, at=c.at, by=c.by, parcel=sent)
    c.note("goods_moved", what=under_way, waybill=sent.waybill)
    exchange.sent(c.case, at=c.at)
    goods.follow_locked(c.case, at=c.at, by=c.by)
    c.note("reshipped", waybill=sent.waybill, carrier=str(sent.carrier or sent.carrier_text))


def _chase_return_number(c: Context) -> None:
    _reply(c, "return_number_chased")


def _carry_out(c: Context) -> None:
    live = c.case.decisions.filter(status=Decision.Status.APPROVED).order_by("at", "pk")
    wanted = live.filter(pk=whole(c.text("decision"))) if c.text("decision") else live
    chosen = wanted.first()
    if chosen is None:
        raise Stale(_("There is no approved decision to carry out."))
    decision.carry_out(
        chosen.pk, by=c.by, at=c.at, reference=c.text("reference"), small_payment=c.flag("small_payment"),
        payer=c.text("payer"),
    )  # fmt: skip
    c.case.refresh_from_db()


def _open_claim(c: Context) -> None:
    """Claim from the carrier of a lost or damaged parcel; followed up by the agreement."""
    lost = _parcel(c, required=True)
    amount = c.amount("amount") if c.text("amount") else c.case.amount
    claims.open_claim(c.case, lost, amount, c.text("cause") or "lost", by=c.by, at=c.at, note_text=c.text("note"))


def _settle_claim(c: Context) -> None:
    claim = c.case.claims.filter(status__in=CarrierClaim.OPEN).order_by("pk").first()
    if claim is None:
        raise Stale(_("There is no open claim."))
    amount = c.amount("amount") if c.text("amount") else None
    if c.text("result") == "paid":
        claims.paid(claim.pk, amount=amount, by=c.by, at=c.at)
    elif c.text("result") == "accepted":
        claims.accept(claim.pk, amount=amount, by=c.by, at=c.at)
    else:
        claims.refuse(claim.pk, reason=c.text("note") or _("Refused by the carrier"), by=c.by, at=c.at)


def _parcel(c: Context, *, required: bool, leg: str = Parcel.Leg.OUTBOUND) -> Parcel:
    if waybill := c.text("waybill"):
        return parcel.know(c.case, waybill=waybill, carrier=c.text("carrier"), at=c.at, leg=leg)
    found = c.case.parcels.filter(leg=leg, replaced_by=None).order_by("pk").first()
    if found is None and required:
        raise Invalid(_("Give the waybill number."), field="waybill", code="missing")
    return found  # type: ignore[return-value]


def _watch_silence(c: Context) -> None:
    """Watch a waybill: no event for the agreed days, and the parcel counts as lost."""
    watched = _parcel(c, required=True)
    agreement = getattr(watched.carrier, "agreement", None) if watched.carrier else None
    days = agreement.lost_after_days if agreement else 5
    since = promised(c.text("last_event"), c.case.shop) if c.text("last_event") else c.at
    start = clock.Start(
        ClockKind.PARCEL_SILENCE, Role.LOGISTICS, min(since, c.at), due_at=min(since, c.at) + timedelta(days=days)
    )
    clock.start(c.case, start, at=c.at)
    c.note("silence_watched", waybill=watched.waybill)


def _returns(case: Case) -> bool:
    return case.parcels.filter(leg=Parcel.Leg.RETURN).exists()


def _parcel_event(c: Context) -> None:
    """A parcel event entered by hand; it outranks answers. Its case follows as with any other event."""
    what = c.text("what")
    if what not in dict(EVENTS):
        raise Invalid(_("Choose what happened to the parcel."), field="what")
    if what == Fact.What.RETURN_SHIPPED and not c.text("waybill") and not _returns(c.case):
        what = Fact.What.WILL_RETURN  # the parcel that went out is the one that comes back
    leg = Parcel.Leg.RETURN if what in (Fact.What.RETURN_SHIPPED, "return_signed") else Parcel.Leg.OUTBOUND
    seen = _parcel(c, required=True, leg=leg)
    at = min(promised(c.text("when"), c.case.shop), c.at) if c.text("when") else c.at
    c.note("parcel_event", what=what, waybill=seen.waybill)
    if what != Fact.What.LOST:
        tracking.by_hand(seen, STATE_OF[what], when=at, words="", by=c.by, at=c.at)
    elif not lost.count(seen, at=c.at):
        raise Stale(_("The events say that this parcel has arrived. Enter what happened since."))
    goods.follow_locked(c.case, at=c.at, by=c.by)


def _promise_return(c: Context) -> None:
    due = promised(c.text("by"), c.case.shop)
    if due <= c.at:
        raise Invalid(_("The promised date lies in the past."), field="by")
    clock.start(c.case, clock.Start(ClockKind.RETURN_PROMISED, Role.LOGISTICS, c.at, due_at=due), at=c.at)
    c.note("return_promised", due=due.isoformat())


def _came_back(c: Context) -> None:
    """Somebody saw it. Once the money has gone the warehouse confirms it, or who may waive the goods says so."""
    if c.case.money == Case.Money.CONFIRMED and not permissions.may(c.by, "waive", shop_id=c.case.shop_id):
        if handoff.open_once(c.case, HandoffKind.RECEIVE_RETURN, at=c.at, asker=c.by) is None:
            raise Stale(_("The warehouse has been asked already. It counts as back when the warehouse has it."))
        return
    Fact.objects.create(case=c.case, what=Fact.What.RETURNED, rank=Fact.Rank.EVENT, at=c.at, by=c.by)
    handoff.no_longer_asked(c.case, at=c.at)
    c.note("came_back")


def _goods_at_qc(c: Context) -> None:
    transport.arrived(c.case, by=c.by, at=c.at)


def _confirm_basis(c: Context) -> None:
    _set(c.case, basis_confirmed=True)
    c.note("basis_confirmed", amount=str(c.case.paid if c.case.paid is not None else c.case.amount))


def _waive_goods(c: Context) -> None:
    checked(c.text("reason"), field="reason")
    _set(c.case, goods_waived=True)
    c.note("goods_waived", reason=c.text("reason"))


def _note(c: Context) -> None:
    if not c.text("text"):
        raise Invalid(_("Write the note."), field="text")
    c.note("note", text=c.text("text"))


def _exchange(c: Context) -> None:
    """Ask the buyer for one of the ways an exchange can go; the next import confirms what they did."""
    if c.text("way") not in Case.ExchangeWay.values:
        raise Invalid(_("Choose a way."), field="way")
    _reply(c, "exchange_asked")
    c.note("exchange_way", way=c.text("way"))
    exchange.ask(c.case, c.text("way"), at=c.at)


MESSAGE = Field("message", gettext_lazy("message to the buyer"), "long")
WAYBILL = Field("waybill", gettext_lazy("waybill"))
CARRIER = Field("carrier", gettext_lazy("carrier"), required=False)
FREIGHT = (
    ("seller", gettext_lazy("the shop bears the freight")),
    ("buyer", gettext_lazy("the buyer bears the freight")),
)
WAYS = tuple((way.value, way.label) for way in Case.ExchangeWay)
STATE_OF = {
    Fact.What.IN_TRANSIT: State.IN_TRANSIT, "at_outlet": State.AT_OUTLET, Fact.What.DELIVERED: State.SIGNED,
    Fact.What.WILL_RETURN: State.RETURNING, Fact.What.RETURNED: State.RETURNED_SIGNED,
    Fact.What.RETURN_SHIPPED: State.IN_TRANSIT, "return_signed": State.SIGNED,
}  # fmt: skip
EVENTS = (
    (Fact.What.IN_TRANSIT.value, Fact.What.IN_TRANSIT.label),
    ("at_outlet", ParcelState.AT_OUTLET.label),
    (Fact.What.DELIVERED.value, Fact.What.DELIVERED.label),
    (Fact.What.WILL_RETURN.value, ParcelState.RETURNING.label),
    (Fact.What.RETURNED.value, ParcelState.RETURNED_SIGNED.label),
    (Fact.What.LOST.value, Fact.What.LOST.label),
    (Fact.What.RETURN_SHIPPED.value, Fact.What.RETURN_SHIPPED.label),
    ("return_signed", gettext_lazy("return signed for at the shop")),
)
CAUSES = tuple((cause.value, cause.label) for cause in CarrierClaim.Cause)
L = gettext_lazy
ACTS: dict[str, Act] = {
    act.code: act
    for act in (
        Act("assess_compensation", L("Does the compensation claim stand?"), _assess_compensation,
            (Field("claimed", L("compensation is claimed"), "yesno", required=False),
             Field("stands", L("the claim stands"), "yesno", required=False))),
        Act("tell_buyer", L("Tell the buyer it has left"), _tell_buyer, (MESSAGE,), "respond", "parcel_left"),
        Act("ask_refuse_delivery", L("Ask the buyer to refuse delivery"), _ask_refuse_delivery, (MESSAGE,), "respond",
            "refuse_delivery"),
        Act("agree_return", L("Agree to the return"), _agree_return,
            (Field("freight", L("freight"), "choice", choices=FREIGHT),
             Field("address", L("return address"), required=False), MESSAGE), "respond", "agree_return"),
        Act("return_number", L("Record the return number"), _return_number, (WAYBILL, CARRIER)),
        Act("reshipped", L("Record the new waybill"), _reshipped, (WAYBILL, CARRIER)),
        Act("chase_return_number", L("Remind the buyer of the return number"), _chase_return_number, (MESSAGE,),
            "respond", "return_number_coupon"),
        Act("offline_return", L("Take the return number directly"), _offline_return,
            (WAYBILL, CARRIER, Field("message", L("message to the buyer"), "long", required=False)), "respond",
            "offline_return"),
        Act("carry_out", L("Carry out in the back office and record it"), _carry_out,
            (Field("reference", L("reference in the back office"), required=False),
             Field("small_payment", L("small payment (小额打款)"), "yesno", required=False),
             Field("payer", L("compensation is paid by"), "choice", required=False,
                   choices=tuple(Compensation.Payer.choices))), "propose"),
        Act("ask_exchange", L("Ask how to exchange"), _exchange,
            (Field("way", L("way"), "choice", choices=WAYS), MESSAGE), "respond", "exchange_return"),
        Act("open_claim", L("Open a carrier claim"), _open_claim,
            (Field("waybill", L("waybill"), required=False), CARRIER,
             Field("cause", L("cause"), "choice", required=False, choices=CAUSES),
             Field("amount", L("amount (yuan)"), "amount", required=False), Field("note", L("note"), required=False))),
        Act("settle_claim", L("Settle the carrier claim"), _settle_claim,
            (Field("result", L("result"), "choice",
                   choices=(("accepted", L("accepted")), ("paid", L("paid")), ("refused", L("refused")))),
             Field("amount", L("amount (yuan)"), "amount", required=False),
             Field("note", L("note"), required=False))),
        Act("watch_silence", L("Watch the waybill for silence"), _watch_silence,
            (Field("waybill", L("waybill"), required=False), CARRIER,
             Field("last_event", L("last event at"), "date", required=False))),
        Act("parcel_event", L("Enter a parcel event"), _parcel_event,
            (Field("what", L("what happened"), "choice", choices=EVENTS),
             Field("waybill", L("waybill"), required=False),
             CARRIER, Field("when", L("when"), "date", required=False))),
        Act("promise_return", L("Record a promised return"), _promise_return,
            (Field("by", L("will come back by"), "date"),)),
        Act("came_back", L("The parcel is back"), _came_back),
        Act("confirm_basis", L("Confirm what the buyer paid"), _confirm_basis),
        Act("goods_at_qc", L("The goods have arrived at quality control"), _goods_at_qc, verb="inspect"),
        Act("waive_goods", L("Waive the goods"), _waive_goods, (Field("reason", L("reason"), "long"),), "waive"),
        Act("note", L("Internal note"), _note, (Field("text", L("note"), "long"),)),
    )
}  # fmt: skip
AFTER_CLOSING = frozenset(
    {"note", "goods_at_qc", "parcel_event", "came_back", "open_claim", "settle_claim", "waive_goods"}
)
