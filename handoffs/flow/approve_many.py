"""Many proposals approved in one act (domain.md section 5): what is alike together, in a fixed number of statements.

Alike are proposals approved as they were asked, each the only open decision of a case that the marketplace still waits
for. Whatever else there is (less than was asked, an offer to the buyer, a sum above the limit, a proposal that somebody
settled meanwhile) takes the way of `decision.approve`, one by one, which also says why something cannot be approved.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

from django.db import transaction
from django.db.models import Q, Sum

from accounts import limits
from accounts.models import User
from accounts.models.people import Role
from handoffs import outbox, permissions
from handoffs.flow import clock, decision, grant
from handoffs.flow.errors import FlowError
from handoffs.models import Case, Clock, Decision, Handoff, Terms, TimelineEntry, bulk
from handoffs.models.clock import ClockKind

AT_ONCE, WRITTEN = 500, 170  # cases locked at once; cases written by a statement
Order = tuple[int, str]


@dataclass(frozen=True, slots=True)
class Wish:
    """How one proposal is to be approved. `amount` in yuan; None for what was asked."""

    amount: Decimal | None = None
    note: str = ""


class Ticking(NamedTuple):
    """A clock of such a case."""

    pk: int
    case_id: int
    handoff_id: int | None
    kind: str
    version: int
    state: str
    cause: str
    step: int
    terms_id: int
    started_at: datetime
    due_at: datetime | None
    ended_at: datetime | None


@dataclass(slots=True)
class Proposed:
    """An open decision with what approving it needs to be known of case and question."""

    pk: int
    kind: str
    status: str
    amount: Decimal | None
    by_id: int
    case_id: int
    shop_id: int
    order_id: str
    applied: Decimal
    case_status: str
    phase: str
    money: str
    version: int
    owner_id: int | None
    handoff_id: int | None
    handoff_kind: str | None
    handoff_status: str | None
    assignee_id: int | None
    wish: Wish = field(init=False)
    clocks: list[Ticking] = field(init=False)

    @property
    def order(self) -> Order:
        return self.shop_id, self.order_id


COLUMNS = ("pk", "kind", "status", "amount", "by_id", "case_id", "case__shop_id", "case__order_id", "case__amount",
           "case__status", "case__phase", "case__money", "case__version", "case__owner_id", "handoff_id",
           "handoff__kind", "handoff__status", "handoff__assignee_id")  # fmt: skip


@dataclass(slots=True)
class Written:
    """What is written for all of them."""

    decisions: list[bulk.Row] = field(default_factory=list)
    handoffs: list[bulk.Row] = field(default_factory=list)
    ended: list[bulk.Row] = field(default_factory=list)
    started: list[bulk.Row] = field(default_factory=list)
    cases: list[bulk.Row] = field(default_factory=list)
    entries: list[bulk.Row] = field(default_factory=list)
    messages: list[outbox.Message] = field(default_factory=list)


def approve_many(wishes: Mapping[int, Wish], *, by: User, at: datetime) -> dict[int, FlowError | None]:
    """Approve each as its wish says: why it could not be, or None, by decision. One that fails stops no other."""
    ids, done = list(wishes), set[int]()
    for first in range(0, len(ids), AT_ONCE):
        done |= _together({pk: wishes[pk] for pk in ids[first : first + AT_ONCE]}, by=by, at=at)
    return {pk: None if pk in done else _alone(pk, wishes[pk], by=by, at=at) for pk in ids}


def approve_one(pk: int, wish: Wish, *, by: User, at: datetime) -> None:
    """The same for one, raising why it could not be: a plain approval costs a third of the statements this way."""
    if error := approve_many({pk: wish}, by=by, at=at)[pk]:
        raise error


def _alone(pk: int, wish: Wish, *, by: User, at: datetime) -> FlowError | None:
    try:
        decision.approve(pk, by=by, at=at, amount=wish.amount, note=wish.note)
    except FlowError as error:
        return error
    return None


def _together(wishes: Mapping[int, Wish], *, by: User, at: datetime) -> set[int]:
    """Approve those that are alike; returns which they were. Nothing is done to the others."""
    with transaction.atomic():
        alike = _alike(_locked(wishes), wishes, by=by)
        this = _Act(alike, by=by, at=at)
        with bulk.unawaited():
            for first in range(0, len(alike), WRITTEN):
                _store(this.approve(alike[first : first + WRITTEN]))
    return {row.pk for row in alike}


def _locked(ids: Iterable[int]) -> list[Proposed]:
    """The open decisions of the cases these are on, once the cases are locked."""
    decided = Decision.objects.filter(pk__in=list(ids)).values("case_id")
    rows = Case.objects.select_for_update(no_key=True).filter(pk__in=decided).order_by("pk")
    cases = list(rows.values_list("pk", flat=True))
    live = Decision.objects.filter(case__in=cases, status__in=Decision.LIVE).order_by("pk")
    return [Proposed(*row) for row in live.values_list(*COLUMNS)]


def _alike(open_ones: list[Proposed], wishes: Mapping[int, Wish], *, by: User) -> list[Proposed]:
    """Those that can be approved together, with their wish and their case's clocks."""
    per_case = Counter(row.case_id for row in open_ones)
    alike = [row for row in open_ones if row.pk in wishes and per_case[row.case_id] == 1]
    for row in alike:
        row.wish = wishes[row.pk]
    alike = [row for row in alike if _is_plain(row, by)]
    alike = _within_limit(alike, by)
    _read_clocks(alike)
    return [row for row in alike if not _stands_still(row)]


def _is_plain(row: Proposed, by: User) -> bool:
    case_waits = row.phase not in (Case.Phase.SUCCESS, Case.Phase.CLOSED) and row.case_status not in (
        Case.Status.WAITING_BUYER, Case.Status.NEW,
    )  # fmt: skip
    in_full = row.wish.amount is None or row.wish.amount == row.amount
    offer = row.kind in Decision.REFUND and row.applied > 0 and row.amount != row.applied
    mine = (
        row.by_id != by.pk
        and row.shop_id in by.shops_as(*permissions.DESK)
        and permissions.may(by, "see_amounts", shop_id=row.shop_id)
        and permissions.may(by, "approve", shop_id=row.shop_id)
    )
    waits = row.status == Decision.Status.PROPOSED and row.money not in grant.MOVING
    return mine and waits and case_waits and in_full and not offer


def _within_limit(rows: list[Proposed], by: User) -> list[Proposed]:
    """Those whose total is within the person's own limit; two of one order are told apart one by one."""
    per_order = Counter(row.order for row in rows)
    orders = [row.order_id for row in rows if row.amount is not None]
    granted = Decision.objects.filter(
        case__shop__in={row.shop_id for row in rows}, case__order_id__in=orders,
        kind__in=(Decision.Kind.PARTIAL_REFUND, Decision.Kind.COMPENSATION),
        status__in=(Decision.Status.APPROVED, Decision.Status.CARRIED_OUT),
    )  # fmt: skip
    sums = granted.values_list("case__shop_id", "case__order_id").annotate(total=Sum("amount")).order_by()
    before = {(shop_id, order_id): total for shop_id, order_id, total in sums}
    tops = {key: limits.ceiling(by, shop_id=key[0], kind=key[1]) for key in {(row.shop_id, row.kind) for row in rows}}

    def covered(row: Proposed) -> bool:
        top = tops[row.shop_id, row.kind]
        if row.amount is None or top is None:
            return True
        return row.amount + (before.get(row.order) or Decimal(0)) <= top

    return [row for row in rows if per_order[row.order] == 1 and covered(row)]


def _read_clocks(rows: list[Proposed]) -> None:
    """Each case's open clocks, locked, and those that were started before to carry something out."""
    wanted = Q(ended_at=None) | Q(kind=ClockKind.CARRY_OUT)
    found = Clock.objects.select_for_update(of=("self",), no_key=True).filter(
        wanted, case__in=[row.case_id for row in rows]
    )
    by_case: dict[int, list[Ticking]] = {row.case_id: [] for row in rows}
    for each in found.order_by("started_at", "pk").values_list(*Ticking._fields):
        by_case[each[1]].append(Ticking(*each))
    for row in rows:
        row.clocks = by_case[row.case_id]


def _stands_still(row: Proposed) -> bool:
    return any(each.state == Clock.State.PAUSED for each in row.clocks)


class _Act:
    """One person's approval of many: what is read once, and what each adds to what is written."""

    def __init__(self, rows: Sequence[Proposed], *, by: User, at: datetime) -> None:
        self.by, self.at = by, at
        self.people = User.objects.in_bulk({pk for row in rows for pk in (row.by_id, row.owner_id) if pk})
        late = {each.terms_id for row in rows for each in row.clocks if self._ends_late(row, each)}
        self.terms = Terms.objects.in_bulk(late)
        shops = {row.shop_id for row in rows}
        self.to_carry_out = {shop_id: self._clock_to_carry_out(shop_id) for shop_id in shops}

    def _clock_to_carry_out(self, shop_id: int) -> Clock:
        """What is the same for all cases of a shop: terms, deadline, first step."""
        start = clock.Start(ClockKind.CARRY_OUT, Role.SUPPORT, self.at)
        return clock.build(Case(shop_id=shop_id), start, version=1, at=self.at)

    def _ends_late(self, row: Proposed, each: Ticking) -> bool:
        asked = each.handoff_id is not None and each.handoff_id == row.handoff_id and each.ended_at is None
        return asked and each.due_at is not None and self.at > each.due_at

    def approve(self, rows: Iterable[Proposed]) -> Written:
        written = Written()
        for row in rows:
            self._approve(row, written)
        return written

    def _approve(self, row: Proposed, written: Written) -> None:
        note = row.wish.note.strip()
        if row.handoff_status in Handoff.LIVE:
            self._answer(row, note, written)
        written.decisions.append((row.pk, Decision.Status.APPROVED, self.by.pk, self.at, note, False))
        amount = {} if row.amount is None else {"amount": str(row.amount)}
        self._note(row, "approved", {"decision": row.pk, "kind": row.kind} | amount, written)
        answered = row.handoff_id if row.handoff_status in Handoff.LIVE else None
        going_on = [each for each in row.clocks if each.ended_at is None]
        dues = [each.due_at for each in going_on if answered is None or each.handoff_id != answered]
        if not any(each.kind == ClockKind.CARRY_OUT for each in going_on):
            dues.append(self._start_carrying_out(row, written))
        status = Case.Status.TO_PAY if row.kind in Decision.MONEY else Case.Status.IN_PROGRESS
        if status != row.case_status:
            words = {"status": status, "from": row.case_status, "to": status}
            self._note(row, "status", words, written)
        money = Case.Money.APPROVED if row.kind in Decision.REFUND else row.money
        first = min((due for due in dues if due is not None), default=None)
        written.cases.append((row.case_id, status, money, row.version + 1, self.at, first))
        told = {user.pk: user for pk in (row.by_id, row.owner_id) if (user := self.people.get(pk or 0))}
        written.messages += [
            outbox.message("approved", to=user, key=f"approved:{row.pk}", at=self.at, case=row.case_id, decision=row.pk)
            for user in told.values()
        ]

    def _note(self, row: Proposed, kind: str, data: dict[str, Any], written: Written) -> None:
        written.entries.append((row.case_id, kind, self.at, self.by.pk, data))

    def _answer(self, row: Proposed, note: str, written: Written) -> None:
        """The question is answered by the same act, and its clock ends with it."""
        data = {} if row.amount is None else {"amount": str(row.amount)}
        if Role.SUPERVISOR not in self.by.roles_in(row.shop_id):
            data["answered_as"] = "manager"
        assignee = row.assignee_id or self.by.pk
        answered = (row.handoff_id, Handoff.Status.ANSWERED, "approve", note, self.by.pk, self.at, data, assignee)
        written.handoffs.append(answered)
        named = {"handoff": row.handoff_id, "kind": row.handoff_kind, "answer": "approve", "note": note}
        self._note(row, "answered", named, written)
        for each in row.clocks:
            if each.handoff_id == row.handoff_id and each.ended_at is None:
                self._end(row, each, written)

    def _end(self, row: Proposed, each: Ticking, written: Written) -> None:
        past_due, step = self._ends_late(row, each), each.step
        if past_due and step < (until_late := clock.steps_until_late(self.terms[each.terms_id])):
            step = until_late
            named = {"clock": each.kind, "handoff": each.handoff_id, "version": each.version}
            written.entries.append((row.case_id, "late", self.at, None, named))
        late = past_due or (each.state == Clock.State.LATE and each.due_at is None)
        state = Clock.State.LATE if late else Clock.State.MET
        written.ended.append((each.pk, state, each.cause, step, None, max(self.at, each.started_at), ""))

    def _start_carrying_out(self, row: Proposed, written: Written) -> datetime | None:
        known = [each.version for each in row.clocks if each.kind == ClockKind.CARRY_OUT]
        made = self.to_carry_out[row.shop_id]
        written.started.append(
            (row.case_id, made.kind, made.owner_role, max(known, default=0) + 1, made.state, made.cause, made.step,
             made.terms_id, made.started_at, made.due_at, made.next_action_at, made.failed)
        )  # fmt: skip
        return made.due_at


STARTED = ("case", "kind", "owner_role", "version", "state", "cause", "step", "terms", "started_at", "due_at",
           "next_action_at", "failed")  # fmt: skip
ENDED = ("id", "state", "cause", "step", "next_action_at", "ended_at", "failed")
DECIDED = ("id", "status", "approved_by", "settled_at", "note", "offer")
ANSWERED = ("id", "status", "answer", "answer_note", "answered_by", "answered_at", "data", "assignee")
MOVED = ("id", "status", "money", "version", "changed_at", "due_at")


def _store(written: Written) -> None:
    bulk.update(Decision, DECIDED, written.decisions)
    bulk.update(Handoff, ANSWERED, written.handoffs)
    bulk.update(Clock, ENDED, written.ended)
    bulk.insert_new(Clock, STARTED, written.started)
    bulk.update(Case, MOVED, written.cases)
    bulk.insert_new(TimelineEntry, ("case", "kind", "at", "by", "data"), written.entries)
    outbox.put(written.messages)
