"""Events of parcels: stored each once, the parcel's state computed again from all of them, its cases driven on.

Set-wise, in batches: parcels are locked first and nothing else under their lock; the cases follow one by one, each
under its own. A parcel whose cases have not followed yet is `pending`, and the sweep sees to those that a dead worker
left behind.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import lru_cache, partial

from django.db import transaction
from django.utils.translation import gettext as _

from accounts.models import Carrier, Shop, User
from handoffs.carriers import numbers, text
from handoffs.carriers.base import Event, State, Track, in_order
from handoffs.carriers.kuaidi100_codes import names_of
from handoffs.flow import silence, standing
from handoffs.flow.goods import follow
from handoffs.flow.intake import AHEAD
from handoffs.flow.parcel import carrier_called, carry_on, leads_to
from handoffs.models import Case, Parcel, ParcelEvent, bulk
from handoffs.models.rewrite import rewrite

BATCH = 500
LEFT_BEHIND = timedelta(minutes=1)
COLUMNS = [
    "state",
    "raw_state",
    "state_at",
    "signed_at",
    "lost_at",
    "pending",
    "pending_since",
    "replaced_by",
    "carrier",
    "archived_at",
]


@dataclass(frozen=True, slots=True)
class Heard:
    """What one message tells of one parcel. `leg` empty: whichever is known, else to the buyer.

    `order_id` links a parcel that nobody knows yet to the cases of its order; `carrier` is found by the track's name.
    """

    number: int
    track: Track
    leg: str = ""
    order_id: str = ""
    carrier: Carrier | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one message: created (at least one event was new), unchanged or rejected, with the reason."""

    number: int
    waybill: str
    result: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Origin:
    """Who tells. Without a shop only parcels that are known are taken, whosever they are."""

    source: str
    shop: Shop | None = None
    by: User | None = None


def take(heard: Iterable[Heard], origin: Origin, *, at: datetime, dry_run: bool = False) -> Iterator[Outcome]:
    """Store events, yielding what became of each message in order. One transaction a batch, then the cases follow.

    A dry run says what would become of each, and changes nothing.
    """
    carriers = list(Carrier.objects.filter(active=True))
    carrier_of = lru_cache(partial(_carrier_called, carriers=carriers))
    batch: list[Heard] = []
    for each in heard:
        batch.append(_plain(each, carrier_of, unasked=origin.source != ParcelEvent.Source.QUERY))
        if len(batch) == BATCH:
            yield from _batch(batch, origin, at=at, dry_run=dry_run)
            batch = []
    if batch:
        yield from _batch(batch, origin, at=at, dry_run=dry_run)


def one(track: Track, origin: Origin, *, at: datetime, leg: str = "", order_id: str = "") -> Outcome:
    """Store what one message tells."""
    return next(take([Heard(1, track, leg, order_id)], origin, at=at))


def _batch(batch: list[Heard], origin: Origin, *, at: datetime, dry_run: bool = False) -> list[Outcome]:
    wrong = {each.number: why for each in batch if (why := _wrong(each.track, at))}
    good = [each for each in batch if each.number not in wrong]
    with transaction.atomic():
        parcels, linked = _parcels(good, origin, at=at)
        fresh = _store(good, parcels, origin, at=at)
        moved, stirred = _stand(good, parcels, fresh, at=at)
        moved = sorted({*moved, *linked})
        transaction.set_rollback(dry_run)
    if not dry_run:
        drive(moved, at=at)
        silence.move_on(stirred)
        for case_id in silence.ran_out(stirred):
            follow(case_id, at=at)
    return [_outcome(each, wrong.get(each.number, ""), parcels, fresh) for each in batch]


def _plain(each: Heard, carrier_of: Callable[[str], Carrier | None], *, unasked: bool) -> Heard:
    """The message with its number in the form all numbers have, and with the carrier it names."""
    track = replace(each.track, waybill=numbers.normal(each.track.waybill))
    return replace(each, track=track, carrier=carrier_of(track.carrier) if unasked else None)


def _carrier_called(name: str, carriers: list[Carrier]) -> Carrier | None:
    """The carrier by the name or the code that a service has for it."""
    names = (name, *names_of(name)) if name else ()
    return next((found for each in names if (found := carrier_called(each, carriers))), None)


def _of_another(parcel: Parcel, carrier: Carrier | None) -> bool:
    """Numbers of different carriers do collide. The buyer names the carrier of a return, and often the wrong one; an
    answer to what was asked of a number is about that number.
    """
    known = parcel.carrier_id if parcel.leg == Parcel.Leg.OUTBOUND else None
    return carrier is not None and known is not None and known != carrier.pk


def _wrong(track: Track, at: datetime) -> str:
    """Why a message cannot be taken, in words its sender can act on."""
    if not 4 <= len(track.waybill) <= 64 or not track.waybill.isascii() or not track.waybill.isprintable():
        return _("“%(waybill)s” is no waybill number.") % {"waybill": track.waybill[:64]}
    if any(event.at > at + AHEAD for event in track.events):
        return _("An event lies in the future.")
    return ""


def _outcome(each: Heard, wrong: str, parcels: dict[str, list[Parcel]], fresh: set[int]) -> Outcome:
    waybill = each.track.waybill
    known = parcels.get(waybill, [])
    if wrong or not known:
        return Outcome(each.number, waybill, "rejected", wrong or _("Nobody knows this waybill yet."))
    if not of(each, parcels):
        reason = _("This waybill is known as one of %(carrier)s.") % {"carrier": known[0].carrier}
        return Outcome(each.number, waybill, "rejected", reason)
    return Outcome(each.number, waybill, "created" if each.number in fresh else "unchanged")


# Parcels --------------------------------------------------------------------------------------------------------------


def _parcels(heard: list[Heard], origin: Origin, *, at: datetime) -> tuple[dict[str, list[Parcel]], set[int]]:
    """The parcels spoken of, by waybill, locked in order of pk; those of a shop are made when nobody knows them. And
    those that were linked to cases just now, by the orders the messages name.
    """
    linked: set[int] = set()
    waybills = {each.track.waybill for each in heard}
    known = Parcel.objects.filter(waybill__in=waybills)
    if origin.shop is not None:
        known = known.filter(shop=origin.shop)
        legs = set(known.values_list("waybill", "leg"))
        _make([each for each in heard if _is_new(each, legs)], origin.shop, at=at)
        linked = _link(heard, origin.shop)
    found: dict[str, list[Parcel]] = {}
    for parcel in known.select_for_update(of=("self",), no_key=True).select_related("carrier").order_by("pk"):
        found.setdefault(parcel.waybill, []).append(parcel)
    return found, linked


def _is_new(each: Heard, legs: set[tuple[str, str]]) -> bool:
    if each.leg:
        return (each.track.waybill, each.leg) not in legs
    return not {(each.track.waybill, leg) for leg in Parcel.Leg.values} & legs


def _make(heard: list[Heard], shop: Shop, *, at: datetime) -> None:
    rows = [
        Parcel(shop=shop, leg=each.leg or Parcel.Leg.OUTBOUND, waybill=each.track.waybill, created_at=at,
               carrier=each.carrier, carrier_text=each.track.carrier[:80])
        for each in heard
    ]  # fmt: skip
    bulk.create_new(rows)


def _link(heard: list[Heard], shop: Shop) -> set[int]:
    """Link parcels to the cases of the orders they are told of with; the parcels that got a case they had not."""
    orders: dict[str, set[str]] = {}
    for each in heard:
        if each.order_id:
            orders.setdefault(each.track.waybill, set()).add(each.order_id)
    if not orders:
        return set()
    wanted = {order_id for ids in orders.values() for order_id in ids}
    cases: dict[str, list[int]] = {}
    for pk, order_id in Case.objects.filter(shop=shop, order_id__in=wanted).values_list("pk", "order_id"):
        cases.setdefault(order_id, []).append(pk)
    parcels = dict(Parcel.objects.filter(shop=shop, waybill__in=orders).values_list("pk", "waybill"))
    through = Parcel.cases.through
    known = set(through.objects.filter(parcel__in=parcels).values_list("parcel_id", "case_id"))
    pairs = {
        (pk, case) for pk, waybill in parcels.items() for order in orders[waybill] for case in cases.get(order, ())
    }
    rows = [through(parcel_id=pk, case_id=case) for pk, case in sorted(pairs - known)]
    bulk.create_new(rows)
    return {row.parcel_id for row in rows}


def of(each: Heard, parcels: dict[str, list[Parcel]]) -> list[Parcel]:
    """The parcels a message is about: the leg it names, else all with its number."""
    found = [parcel for parcel in parcels.get(each.track.waybill, []) if not _of_another(parcel, each.carrier)]
    return [parcel for parcel in found if not each.leg or parcel.leg == each.leg] or found


# Events ---------------------------------------------------------------------------------------------------------------


def digest(event: Event) -> str:
    """What makes an event the same as another: its moment and its words, whatever the blanks."""
    words = "".join(event.text.split()) or event.state
    return hashlib.md5(f"{event.at.timestamp()}|{words}".encode(), usedforsecurity=False).hexdigest()


def _store(heard: list[Heard], parcels: dict[str, list[Parcel]], origin: Origin, *, at: datetime) -> set[int]:
    """Write the events that are new; returns the numbers of the messages that brought any."""
    rows: dict[tuple[int, str], tuple[int, ParcelEvent]] = {}
    for each in heard:
        for parcel in of(each, parcels):
            for event in each.track.events:
                key = (parcel.pk, digest(event))
                rows.setdefault(key, (each.number, _row(parcel, event, key[1], origin, at)))
    ids = {pk for pk, _digest in rows}
    known = set(ParcelEvent.objects.filter(parcel__in=ids).values_list("parcel_id", "digest"))
    new = {key: row for key, row in rows.items() if key not in known}
    bulk.create([row for _number, row in new.values()])
    return {number for number, _row in new.values()}


def _row(parcel: Parcel, event: Event, key: str, origin: Origin, at: datetime) -> ParcelEvent:
    return ParcelEvent(
        parcel=parcel, at=event.at, state=event.state.value, raw_state=event.raw_state[:40], text=event.text[:500],
        place=event.place[:120],
        new_waybill=numbers.normal(event.new_waybill)[:64], source=origin.source, received_at=at, by=origin.by,
        digest=key,
    )  # fmt: skip


def events_of(parcel_ids: Iterable[int]) -> dict[int, list[Event]]:
    """All stored events of these parcels, oldest first."""
    found: dict[int, list[Event]] = {}
    columns = ("parcel_id", "at", "state", "raw_state", "text", "place", "parcel__waybill", "new_waybill")
    rows = ParcelEvent.objects.filter(parcel__in=list(parcel_ids)).order_by("parcel_id", "at", "pk")
    for parcel_id, at, state, raw, words, place, waybill, new in rows.values_list(*columns):
        event = Event(at, State(state), raw, words, place, waybill, new or text.new_waybill(words, of=waybill))
        found.setdefault(parcel_id, []).append(event)
    return found


# What it comes to -----------------------------------------------------------------------------------------------------


def _stand(
    heard: list[Heard], parcels: dict[str, list[Parcel]], fresh: set[int], *, at: datetime
) -> tuple[list[int], list[int]]:
    """Write each parcel's state again. Returns the parcels whose cases must follow, and those merely heard of."""
    told = {parcel.pk: each.track for each in heard for parcel in of(each, parcels)}
    rows = [parcel for found in parcels.values() for parcel in found if parcel.pk in told]
    events = events_of(parcel.pk for parcel in rows)
    moved, stirred = [], []
    for parcel in rows:
        before = _matters(parcel)
        newest = (parcel.state_at, parcel.state)
        judge(parcel, events.get(parcel.pk, []), told[parcel.pk])
        if (parcel.state_at, parcel.state) != newest:
            parcel.lost_at = None
        _goes_on(parcel, events.get(parcel.pk, []), at=at)
        parcel.archived_at = None  # what came now is to follow the rest into the archive
        if before != _matters(parcel):
            parcel.pending, parcel.pending_since = True, at
            moved.append(parcel.pk)
        elif parcel.state_at != newest[0]:
            stirred.append(parcel.pk)
    if fresh or moved or stirred:
        rewrite(rows, COLUMNS)
    return moved, stirred


def _matters(parcel: Parcel) -> tuple[str, bool, bool, int | None]:
    """What of a parcel its cases must follow."""
    underway, signed = parcel.state in silence.UNDERWAY, parcel.state in standing.SIGNED_FOR
    return standing.meaning(parcel), underway, signed, parcel.replaced_by_id


def judge(parcel: Parcel, events: Sequence[Event], track: Track | None = None) -> None:
    """Compute a parcel's state from all its events. A message's summary counts where it is as new as they are."""
    ordered = in_order(events, newest_first=False)
    newest = ordered[-1].at if ordered else None
    current = track is not None and (newest is None or (bool(track.events) and track.events[-1].at >= newest))
    summary = track.state if track is not None and current else State.UNKNOWN
    state = text.settled(summary, ordered)
    if state == State.NO_TRACE and parcel.state:
        return
    parcel.state, parcel.state_at = state.value, newest
    if current and track is not None:
        parcel.raw_state = track.raw_state[:40]
    whole = Track(parcel.carrier_text, parcel.waybill, state, "", ordered)
    parcel.signed_at = whole.signed_at


def _goes_on(parcel: Parcel, events: Sequence[Event], *, at: datetime) -> None:
    """A number that is replaced hands its cases to the new one."""
    number = next((event.new_waybill for event in reversed(events) if event.new_waybill), "")
    if not number or parcel.replaced_by_id is not None:
        return
    made, _new = Parcel.objects.get_or_create(
        shop_id=parcel.shop_id, leg=parcel.leg, waybill=number,
        defaults={"carrier": parcel.carrier, "carrier_text": parcel.carrier_text, "created_at": at},
    )  # fmt: skip
    if not leads_to(made, parcel.pk):
        parcel.replaced_by = made
        carry_on(parcel, at=at)


# The cases follow -----------------------------------------------------------------------------------------------------


def drive(parcel_ids: Sequence[int], *, at: datetime) -> None:
    """Let the cases of these parcels follow, each under its own lock; then the parcels are no longer pending."""
    if not parcel_ids:
        return
    for case_id in standing.concerned(parcel_ids):
        follow(case_id, at=at)
    Parcel.objects.filter(pk__in=parcel_ids, pending_since__lte=at).update(pending=False)


def left_behind(*, at: datetime) -> list[int]:
    """Parcels whose cases have not followed within a minute: a worker died in between, or the case came later."""
    rows = Parcel.objects.filter(pending=True, pending_since__lte=at - LEFT_BEHIND)
    return list(rows.order_by("pk").values_list("pk", flat=True)[:BATCH])


def by_hand(parcel: Parcel, state: State, *, when: datetime, words: str, by: User, at: datetime) -> None:
    """One event that a person entered. The case's lock is held; the other cases of the parcel follow by the sweep."""
    event = Event(when, state, "", words, "", parcel.waybill)
    track = Track(parcel.carrier_text, parcel.waybill, State.UNKNOWN, "", (event,))
    origin = Origin(ParcelEvent.Source.HAND, parcel.shop, by)
    locked = Parcel.objects.select_for_update(of=("self",), no_key=True).get(pk=parcel.pk)
    heard, parcels = [Heard(1, track, parcel.leg)], {parcel.waybill: [locked]}
    _stand(heard, parcels, _store(heard, parcels, origin, at=at), at=at)


def single(waybill: str, event: Event, *, carrier: str = "") -> Track:
    """A message that tells one event and no summary."""
    return Track(carrier, waybill, State.UNKNOWN, event.raw_state, (replace(event, waybill=waybill),))
