"""What new cases set off, set-wise: path, owner, clocks, the questions the path opens, timeline."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from accounts import duty
from accounts.models import Carrier, Shop, User
from accounts.models.people import Role
from handoffs import outbox
from handoffs.carriers import numbers
from handoffs.flow import clock, follow, lines, owner, path, unpicked
from handoffs.flow.audience import Audience
from handoffs.flow.case import is_history, status_of
from handoffs.flow.parcel import carrier_called, carry_on
from handoffs.flow.refusal import plain
from handoffs.flow.terms import Asked
from handoffs.intake.rows import Row
from handoffs.models import Case, CaseSource, Clock, Handoff, Parcel, Reason, Terms, TimelineEntry, bulk
from handoffs.models.clock import ClockKind
from handoffs.models.handoff import HandoffKind
from handoffs.models.rewrite import rewrite


@dataclass(frozen=True, slots=True)
class New:
    """A case about to be stored, with what came with it."""

    case: Case
    source: CaseSource
    row: Row


@dataclass
class Arrival:
    """The state of one intake run that new cases need: who is there, what was already told."""

    shop: Shop
    at: datetime
    by: User | None
    key: str
    late: int = 0
    unowned: int = 0
    carriers: list[Carrier] = field(default_factory=lambda: list(Carrier.objects.filter(active=True)))
    reasons: dict[str, tuple[bool, bool]] = field(init=False)  # claims compensation, shown publicly
    reported: bool = field(init=False)  # whether the warehouse system says how far each order has come
    terms: dict[Asked, Terms] = field(default_factory=dict)
    dealer: owner.Dealer = field(init=False)

    def __post_init__(self) -> None:
        self.dealer = owner.Dealer(self.shop, at=self.at)
        rows = Reason.objects.filter(marketplace=self.shop.marketplace)
        self.reported = unpicked.says_so(self.shop)
        told = rows.values_list("text", "compensation", "shown_publicly")
        self.reasons = {plain(text): (claims, public) for text, claims, public in told}

    def judge_reason(self, case: Case) -> None:
        """What the table of reasons says of the buyer's; None where it does not know the text."""
        claims, case.shown_publicly = self.reasons.get(plain(case.reason), (None, None))
        if case.compensation_stands is None:  # or a person has said so
            case.claims_compensation = claims

    def tell_leads(self) -> None:
        """One summary to support's lead for the whole run: what arrived late, what nobody could be given."""
        leads = Audience([self.shop.pk], at=self.at).lead_of(Role.SUPPORT, self.shop.pk)
        for kind, count in (("arrived_late", self.late), ("nobody_on_duty", self.unowned)):
            if count:
                outbox.tell(kind, to=leads, key=f"{kind}:{self.key}", at=self.at, count=count, shop=self.shop.name)


def admit(news: list[New], arrival: Arrival) -> None:
    """Store new cases of one shop and everything they set off."""
    at = arrival.at
    for new in news:
        path.apply(new.case, path.judge(_evidence(new)))
    working = [new.case for new in news if not new.case.is_over]
    arrival.unowned += arrival.dealer.deal(working)
    for new in news:
        new.case.status = Case.Status.NEW if not new.case.is_over else Case.Status.CLOSED
    clocks = {id(n.case): _first_clocks(n.case, arrival, numbered=_numbered(n.row)) for n in news}
    for new in news:
        dues = [c.due_at for c in clocks[id(new.case)] if c.due_at is not None]
        new.case.due_at = min(dues, default=None)
    bulk.create([new.case for new in news])
    for new in news:
        new.source.case_id = new.case.pk
    bulk.create([new.source for new in news])
    bulk.create([line for new in news for line in lines.built(new.case, new.row.fields.get("lines", ()))])
    _parcels(news, arrival)
    all_clocks = [c for new in news for c in clocks[id(new.case)]]
    bulk.create(all_clocks)
    arrival.late += sum(1 for c in all_clocks if c.cause == "arrived_late" and c.kind == ClockKind.FIRST_RESPONSE)
    entries = [_arrived(new, arrival) for new in news] + [late(c, at) for c in all_clocks if c.cause == "arrived_late"]
    followed = follow.earlier([new.case for new in working_news(news)])
    entries += _stop_parcels([new.case for new in news if new.case.pk not in followed], arrival)
    bulk.create(entries)
    for new in news:
        if new.case.pk in followed:
            follow.take_over(new.case, followed[new.case.pk], at=at)
    _settle_arrived([new.case for new in news if new.case.is_over], at)


def working_news(news: list[New]) -> list[New]:
    return [new for new in news if not new.case.is_over]


def _evidence(new: New) -> path.Evidence:
    from dataclasses import replace

    return replace(path.evidence_of(new.case), outbound_known=bool(new.row.fields.get("outbound")))


def _first_clocks(case: Case, arrival: Arrival, *, numbered: bool) -> list[Clock]:
    """First response for a row that waits for the seller, the return number where the return is agreed already, and the
    marketplace's own deadline where it gave one.
    """
    wanted: list[clock.Start] = []
    if case.phase == Case.Phase.WAIT_SELLER:
        wanted.append(clock.Start(ClockKind.FIRST_RESPONSE, Role.SUPPORT, min(case.applied_at, arrival.at)))
    if case.phase == Case.Phase.WAIT_BUYER_RETURN and not (numbered or case.shop.marketplace_collects):
        wanted.append(clock.Start(ClockKind.RETURN_NUMBER, Role.SUPPORT, arrival.at))
    if case.marketplace_deadline is not None and clock.ours_to_act(case):
        begun = min(case.applied_at, case.marketplace_deadline)
        wanted.append(clock.Start(ClockKind.MARKETPLACE, Role.SUPPORT, begun, due_at=case.marketplace_deadline))
    return [clock.build(case, start, version=1, at=arrival.at, memo=arrival.terms) for start in wanted]


def _numbered(row: Row) -> bool:
    return bool(row.fields.get("return_waybill"))


def _arrived(new: New, arrival: Arrival) -> TimelineEntry:
    case = new.case
    data: dict[str, Any] = {"path": case.path, "rule": case.path_rule, "phase": case.phase}
    return TimelineEntry(case=case, kind="arrived", at=arrival.at, by=arrival.by, data=data)


def late(clock: Clock, at: datetime) -> TimelineEntry:
    data = {"clock": clock.kind, "version": clock.version, "cause": clock.cause}
    return TimelineEntry(case=clock.case, kind="late", at=at, data=data)


def _parcels(news: list[New], arrival: Arrival) -> None:
    """Parcels named by the rows, outbound and return, each waybill once per shop and leg."""
    link_parcels([(new.case, new.row) for new in news], arrival)


def link_parcels(pairs: Iterable[tuple[Case, Row]], arrival: Arrival) -> None:
    """Make the parcels the rows name and link them to their cases; those known stay as they are."""
    wanted: dict[tuple[str, str], tuple[str, list[Case]]] = {}
    for case, row in pairs:
        for leg, carrier, waybill in _waybills(row):
            wanted.setdefault((leg, waybill), (carrier, []))[1].append(case)
    if not wanted:
        return
    parcels = [
        Parcel(shop=arrival.shop, leg=leg, waybill=waybill, carrier=carrier_called(carrier, arrival.carriers),
               carrier_text=carrier[:80], created_at=arrival.at, **_given(leg, arrival.at))
        for (leg, waybill), (carrier, _cases) in wanted.items()
    ]  # fmt: skip
    bulk.create_new(parcels)
    waybills = [waybill for _leg, waybill in wanted]
    stored = Parcel.objects.filter(shop=arrival.shop, waybill__in=waybills).values_list("leg", "waybill", "pk")
    ids = {(leg, waybill): pk for leg, waybill, pk in stored}
    through = Parcel.cases.through
    links = [
        through(parcel_id=ids[key], case_id=case.pk) for key, (_carrier, cases) in wanted.items() for case in cases
    ]
    bulk.create_new(links)
    for gone_on in Parcel.objects.filter(pk__in=set(ids.values()), replaced_by__isnull=False):
        carry_on(gone_on, at=arrival.at)
    heard = Parcel.objects.filter(pk__in=set(ids.values())).exclude(state="")
    heard.update(pending=True, pending_since=arrival.at)


def _given(leg: str, at: datetime) -> dict[str, Any]:
    """A return's number is the buyer's word that the carrier has it: from then on a first event is waited for."""
    return {"handed_over_at": at, "pending": True, "pending_since": at} if leg == Parcel.Leg.RETURN else {}


def _waybills(row: Row) -> Iterable[tuple[str, str, str]]:
    for carrier, waybill in row.fields.get("outbound") or ():
        if waybill:
            yield Parcel.Leg.OUTBOUND, carrier, numbers.normal(waybill)[:64]
    if waybill := row.fields.get("return_waybill"):
        yield Parcel.Leg.RETURN, row.fields.get("return_carrier") or "", numbers.normal(waybill)[:64]


def _stop_parcels(cases: list[Case], arrival: Arrival) -> list[TimelineEntry]:
    """Ask the warehouse to stop what is on path 1: open applications, and refunds paid so lately that it may go."""
    due = [case for case in cases if case.path == Case.Path.NOT_SHIPPED and needs_stop(case)]
    spared = unpicked.spare(due, at=arrival.at, memo=arrival.terms) if arrival.reported else []
    left_alone = {entry.case_id for entry in spared}
    due = [case for case in due if case.pk not in left_alone]
    if not due:
        return spared
    shop, at = arrival.shop, arrival.at
    reached = duty.reach(Role.WAREHOUSE, shop_id=shop.pk, at=at, warehouse_id=shop.warehouse_id)
    handoffs = [
        Handoff(case=case, kind=HandoffKind.STOP_PARCEL, from_role=Role.SUPPORT, to_role=Role.WAREHOUSE,
                assignee=reached.user, reached=reached.how, created_at=at)
        for case in due
    ]  # fmt: skip
    clocks = [_clock_of(asked, arrival) for asked in handoffs]
    for asked, running in zip(handoffs, clocks, strict=True):
        asked.due_at, asked.first_at = running.due_at, clock.first_moment(asked.case, running.due_at)
    bulk.create(handoffs)
    for asked, running in zip(handoffs, clocks, strict=True):
        running.handoff_id = asked.pk
    bulk.create(clocks)
    people = [reached.user] if reached.user else Audience([shop.pk], at=at).lead_of(Role.WAREHOUSE, shop.pk)
    key = f"stop_parcel:{arrival.key}:{handoffs[0].pk}"
    outbox.tell("handed_off_many", to=people, key=key, at=at, count=len(handoffs), kind_asked="stop_parcel")
    clock.refresh_due([case.pk for case in due])
    return spared + [
        TimelineEntry(case=asked.case, kind="handed_off", at=at,
                      data={"handoff": asked.pk, "kind": asked.kind, "to_role": asked.to_role, "note": ""})
        for asked in handoffs
    ]  # fmt: skip


def _clock_of(asked: Handoff, arrival: Arrival) -> Clock:
    start = clock.Start(ClockKind.HANDOFF, asked.to_role, arrival.at, handoff=asked)
    return clock.build(asked.case, start, version=1, at=arrival.at, memo=arrival.terms)


def needs_stop(case: Case) -> bool:
    """Open path 1 cases, and path 1 refunds paid within the last two days: the parcel may still leave."""
    if case.phase == Case.Phase.CLOSED:
        return False
    return not (case.is_over and is_history(case))


def _settle_arrived(cases: list[Case], at: datetime) -> None:
    """Cases that arrive already settled: money confirmed where refunded, goods open where it went without the goods."""
    paid = [case for case in cases if case.phase == Case.Phase.SUCCESS]
    for case in paid:
        case.status = status_of(case) if not is_history(case) else Case.Status.CLOSED
        if case.dispute_type not in path.NO_MONEY_MOVES:
            case.money = Case.Money.CONFIRMED
    rewrite(paid, ["status", "money"])
    del at
