"""What the warehouse finds when a parcel arrives: the lines to expect, the receipt, and parcels that belong to no case.

Source: domain.md section 2, path 4. The device that scans may send the same receipt again after a lost connection: its
key makes the second one a repetition.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Q
from django.db.models.functions import Right
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.models import Shop, User
from handoffs import permissions
from handoffs.carriers import numbers
from handoffs.carriers.base import State
from handoffs.flow import answer, evidence, goods, handoff, parcel, tracking
from handoffs.flow.errors import Invalid, NotAllowed, NotYours, Stale
from handoffs.flow.moves import locked_case, note
from handoffs.flow.standing import counting
from handoffs.models import Attachment, Case, Handoff, Parcel
from handoffs.models import Receipt as Kept
from handoffs.models.handoff import HandoffKind

# From best to worst; a parcel is as good as its worst line.
CONDITIONS = ("good", "missing", "damaged", "wrong_item", "empty_box")
NEAR = 5  # suggestions
TAIL = 8  # digits by which a misread number is still known
Leg = Parcel.Leg


@dataclass(frozen=True, slots=True)
class Expected:
    """One line of a case that should be in the parcel. `planned` None: the application does not say how many."""

    case_id: int
    refund_id: str
    shop: str
    title: str
    sku: str
    line: str
    planned: int | None
    received: bool


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A case an orphan may belong to, and why, in the reader's language."""

    case_id: int
    refund_id: str
    title: str
    why: str
    lines: tuple[Expected, ...]


@dataclass(frozen=True, slots=True)
class Found:
    """What a waybill brings up. No lines: no case expects it, and `suggestions` are the likeliest."""

    waybill: str
    carrier: str
    parcel_id: int | None
    lines: tuple[Expected, ...]
    expected_grams: int | None
    refused_at_door: bool
    suggestions: tuple[Suggestion, ...]


@dataclass(frozen=True, slots=True)
class Counted:
    """What was found of one line. `condition`: one of CONDITIONS."""

    case_id: int
    line: str
    actual: int
    condition: str


@dataclass(frozen=True, slots=True)
class Receipt:
    """A receipt as it is sent. No lines: the parcel is kept as an orphan of the shop."""

    key: str
    waybill: str
    carrier: str = ""
    weight_grams: int | None = None
    lines: tuple[Counted, ...] = ()
    attachments: tuple[int, ...] = ()
    note: str = ""
    shop_id: int | None = None


@dataclass(frozen=True, slots=True)
class Received:
    """What became of it, with a sentence for the person. `repeated`: it had been taken before."""

    handoffs: tuple[int, ...] = ()
    orphan_id: int | None = None
    repeated: bool = False
    message: str = ""


# Looking --------------------------------------------------------------------------------------------------------------


def look(waybill: str, *, by: User, at: datetime) -> Found:
    """What is known of a scanned waybill. Raises Invalid for what is none, NotAllowed for other roles."""
    del at
    number = number_of(waybill)
    shops = _shops(by)
    parcels = list(Parcel.objects.filter(shop__in=shops, waybill=number).select_related("carrier").order_by("pk"))
    cases = list(Case.objects.filter(parcels__in=parcels, shop__in=shops).distinct().select_related("shop"))
    seen = [case for case in cases if _may_receive(by, case.shop_id) or permissions.can_see(by, case)]
    lines = tuple(line for case in sorted(seen, key=lambda case: case.pk) for line in expected(case))
    first = next((each for each in parcels if each.leg == Leg.RETURN), parcels[0] if parcels else None)
    receiving = [pk for pk in shops if _may_receive(by, pk)]  # who only looks is offered nobody else's cases
    return Found(
        waybill=number,
        carrier=str(first.carrier or first.carrier_text) if first else "",
        parcel_id=first.pk if first else None,
        lines=lines,
        expected_grams=_expected_grams(parcels, cases),
        refused_at_door=first is not None and first.leg == Leg.OUTBOUND,
        suggestions=() if cases or not receiving else tuple(_suggested(number, receiving)),
    )


def number_of(text: str) -> str:
    """A waybill from what was scanned: without blanks, and without the box count that JD's labels carry."""
    number = numbers.normal(text)
    if not 4 <= len(number) <= 64 or not number.isascii() or not number.replace("-", "").isalnum():
        raise Invalid(_("“%(waybill)s” is no waybill number.") % {"waybill": text[:64]}, field="waybill")
    return number


def _shops(by: User) -> frozenset[int]:
    shops = frozenset(pk for pk in by.shops_as() if permissions.may(by, "scan", shop_id=pk))
    if not shops:
        raise NotAllowed(_("Your role does not receive parcels."))
    return shops


def expected(case: Case) -> Iterable[Expected]:
    """The lines of a case: JD's SKUs, or the one line that a Taobao refund is."""
    received = case.handoffs.filter(kind=HandoffKind.RECEIVE_RETURN, status=Handoff.Status.ANSWERED).exists()
    rows = [(row.sku, row.title, row.sku, row.quantity) for row in case.lines.order_by("sku")]
    for line, title, sku, quantity in rows or [("", case.title, case.sku, case.quantity)]:
        yield Expected(case.pk, case.refund_id, case.shop.name, title or case.title, sku, line, quantity, received)


def _expected_grams(parcels: Sequence[Parcel], cases: Sequence[Case]) -> int | None:
    """What the parcel weighed when somebody weighed it: itself, else when it once went out."""
    weighed = [each.grams for each in parcels if each.grams]
    if not weighed and len(cases) == 1:
        weighed = [each.grams for each in counting(list(cases[0].parcels.all()), Leg.OUTBOUND) if each.grams]
    return weighed[0] if len(weighed) == 1 else None


def likely(numbers: Collection[str], shops: Iterable[int]) -> dict[str, list[tuple[Case, str]]]:
    """Cases that unknown parcels may belong to, by number, with why: a return number that ends with the same digits,
    the number of an order or a refund, a return still owed. Few statements however many numbers.
    """
    wanted, mine = set(numbers), Case.objects.filter(shop__in=list(shops)).select_related("shop")
    tails = Parcel.objects.annotate(tail=Right("waybill", TAIL)).filter(
        leg=Leg.RETURN, shop__in=list(shops), tail__in={number[-TAIL:] for number in wanted if len(number) >= TAIL}
    )
    near: dict[str, set[int]] = {}
    for tail, pk in tails.filter(cases__isnull=False).values_list("tail", "cases"):
        near.setdefault(tail, set()).add(pk)
    cases = mine.in_bulk({pk for found in near.values() for pk in found})
    named = list(mine.filter(Q(order_id__in=wanted) | Q(refund_id__in=wanted)).order_by("pk"))
    owed = mine.filter(path=Case.Path.RETURN, phase=Case.Phase.WAIT_BUYER_RETURN).exclude(parcels__leg=Leg.RETURN)
    oldest = list(owed.order_by("applied_at", "pk")[:NEAR])
    told: dict[str, list[tuple[Case, str]]] = {}
    for number in wanted:
        same = [cases[pk] for pk in sorted(near.get(number[-TAIL:], ())) if pk in cases]
        own = [case for case in named if number in (case.order_id, case.refund_id)]
        rows = [(case, _("Its return number ends with the same digits.")) for case in same]
        rows += [(case, _("The number is that of the order or the refund.")) for case in own]
        rows += [(case, _("The return was agreed, and its number is not known yet.")) for case in oldest]
        first = {case.pk: (case, why) for case, why in reversed(rows)}
        told[number] = [first[pk] for pk in dict.fromkeys(case.pk for case, _why in rows)][:NEAR]
    return told


def _suggested(number: str, shops: Iterable[int]) -> Iterable[Suggestion]:
    for case, why in likely([number], shops)[number]:
        yield Suggestion(case.pk, case.refund_id, case.title, why, tuple(expected(case)))


# Receipt ------------------------------------------------------------------------------------------------------------


def receive(receipt: Receipt, *, by: User, at: datetime) -> Received:
    """Take a receipt: each case's `receive_return` is answered with what was counted; without lines it is an orphan.

    Raises Invalid naming the field, NotAllowed, NotYours. The same key again changes nothing.
    """
    if not 8 <= len(receipt.key) <= 64:
        raise Invalid(_("The receipt has no key."), field="key")
    number = number_of(receipt.waybill)
    try:
        return _received(receipt, number, by=by, at=at)
    except IntegrityError:
        before = Kept.objects.filter(key=receipt.key).first()
        if before is None:
            raise
        return _again(before, by=by)  # the same receipt came twice at the same moment


def _received(receipt: Receipt, number: str, *, by: User, at: datetime) -> Received:
    with transaction.atomic():
        before = Kept.objects.filter(key=receipt.key).first()
        if before is not None:
            return _again(before, by=by)
        if not receipt.lines:
            return _orphan(receipt, number, by=by, at=at)
        counted = _checked(receipt, by=by)
        cases = _cases(counted, by=by)
        found = [_known(case, number, receipt, by=by, at=at) for case in cases]
        stored = _stored(receipt, number, found[0], by=by, at=at)
        answered = []
        for place, (case, each) in enumerate(zip(cases, found, strict=True)):
            files = evidence.again(receipt.attachments, by=by) if place else receipt.attachments
            own = replace(receipt, attachments=files)
            answered.append(_answered(case, each, own, counted[case.pk], by=by, at=at))
        Attachment.objects.filter(pk__in=receipt.attachments, by=by).update(receipt=stored)
    count = len(answered)
    text = ngettext("Received for %(n)d application.", "Received for %(n)d applications.", count) % {"n": count}
    return Received(tuple(answered), message=text)


def _again(before: Kept, *, by: User) -> Received:
    if before.by_id != by.pk:
        raise NotYours(_("There is no such receipt."))
    orphan = before.pk if before.state == Kept.State.ORPHAN else None
    return Received(orphan_id=orphan, repeated=True, message=_("This parcel has been received already."))


def _checked(receipt: Receipt, *, by: User) -> dict[int, list[Counted]]:
    """The counted lines by case. Photos are forced where something is not as planned."""
    if not receipt.weight_grams or receipt.weight_grams < 0:
        raise Invalid(_("Give the weight in kilograms."), field="weight")
    photos, _documents = evidence.counted(receipt.attachments, by=by)
    counted: dict[int, list[Counted]] = {}
    for line in receipt.lines:
        if line.condition not in CONDITIONS:
            raise Invalid(_("Say in what condition the goods are."), field="condition")
        if not 0 <= line.actual <= 9999:
            raise Invalid(_("Count the pieces: 0 to 9999."), field="actual")
        if line.condition != "good" and not photos:
            raise Invalid(_("Attach a photo."), field="attachments", code="missing")
        counted.setdefault(line.case_id, []).append(line)
    return counted


def _cases(counted: Iterable[int], *, by: User) -> list[Case]:
    """The cases, locked in order of pk, all in shops where the person receives parcels."""
    cases = [locked_case(pk) for pk in sorted(Case.objects.filter(pk__in=counted).values_list("pk", flat=True))]
    if len(cases) != len(set(counted)) or any(not _may_receive(by, case.shop_id) for case in cases):
        raise NotYours(_("There is no such case."))
    return cases


def _may_receive(by: User, shop_id: int) -> bool:
    return permissions.may(by, "receive", shop_id=shop_id)


def _known(case: Case, number: str, receipt: Receipt, *, by: User, at: datetime) -> Parcel:
    """The parcel as the case knows it, on whichever leg; one it does not know is a return that it was said to be."""
    known = case.parcels.filter(waybill=number).order_by("leg").first()
    if known is not None:
        return known
    never_sent = case.goods in (Case.Goods.NOT_SHIPPED, Case.Goods.STOPPED)
    if never_sent or Case.objects.filter(parcels__waybill=number, shop=case.shop_id).exists():
        raise Invalid(
            _("This parcel is not of %(refund_id)s. Look it up again, or keep it as an orphan.")
            % {"refund_id": case.refund_id},
            field="lines",
        )
    note(case, "return_number", at=at, by=by, waybill=number, carrier=receipt.carrier)
    return parcel.know(case, waybill=number, carrier=receipt.carrier, at=at, leg=Leg.RETURN)


def _stored(receipt: Receipt, number: str, found: Parcel, *, by: User, at: datetime) -> Kept:
    return Kept.objects.create(
        key=receipt.key, state=Kept.State.MATCHED, shop=found.shop, parcel=found, waybill=number,
        carrier_text=receipt.carrier[:80], grams=receipt.weight_grams, note=receipt.note.strip(), by=by, at=at,
        lines=[{"case": line.case_id, "line": line.line, "actual": line.actual, "condition": line.condition}
               for line in receipt.lines],
    )  # fmt: skip


def arrived(case: Case, found: Parcel, *, by: User, at: datetime) -> None:
    """A parcel that was scanned in has arrived, whatever the carrier says of it."""
    state = State.SIGNED if found.leg == Leg.RETURN else State.RETURNED_SIGNED
    tracking.by_hand(found, state, when=at, words=_("Scanned in the warehouse"), by=by, at=at)
    goods.follow_locked(case, at=at, by=by)


def _answered(
    case: Case, found: Parcel, receipt: Receipt, lines: list[Counted], *, by: User, at: datetime
) -> int:  # fmt: skip
    """Answer the case's question with what was counted; a question is opened where none is, also on a closed case."""
    planned = {each.line: each for each in expected(case)}
    if any(line.line not in planned for line in lines):
        raise Invalid(_("There is no such line."), field="lines")
    if sorted(line.line for line in lines) != sorted(planned):
        raise Invalid(_("Count each line once; what is not in the parcel counts 0."), field="lines")
    differs = any(_differs(planned[line.line], line) for line in lines)
    photos, _documents = evidence.counted(receipt.attachments, by=by)
    if differs and not photos:
        raise Invalid(
            _("The count differs from what is expected: attach a photo."), field="attachments", code="missing"
        )
    arrived(case, found, by=by, at=at)
    asked = case.handoffs.filter(kind=HandoffKind.RECEIVE_RETURN, status__in=Handoff.LIVE).order_by("pk").first()
    if asked is None and case.handoffs.filter(kind=HandoffKind.RECEIVE_RETURN, status="answered").exists():
        raise Stale(_("The return of %(refund_id)s has been received already.") % {"refund_id": case.refund_id})
    if asked is None:
        question = handoff.Question(HandoffKind.RECEIVE_RETURN, parcel=found)
        asked = handoff.open_handoff(case, question, asker=None, at=at)
    given = answer.Given("received", note=receipt.note, attachments=receipt.attachments,
                         data=_data(receipt, lines, planned))  # fmt: skip
    answer.answer(asked.pk, given, by=by, at=at)
    return asked.pk


def _differs(planned: Expected, line: Counted) -> bool:
    return planned.planned is not None and planned.planned != line.actual


def _data(receipt: Receipt, lines: list[Counted], planned: dict[str, Expected]) -> dict[str, Any]:
    """What the answer keeps: worst condition, kilograms, pieces planned and found, line by line."""
    worst = max((line.condition for line in lines), key=CONDITIONS.index)
    short = any(_differs(planned[line.line], line) for line in lines)
    rows = [
        {"line": line.line, "sku": planned[line.line].sku, "planned": planned[line.line].planned,
         "actual": line.actual, "condition": line.condition}
        for line in lines
    ]  # fmt: skip
    grams = receipt.weight_grams or 0
    return {"condition": worst, "weight": f"{grams / 1000:g}", "counted": rows, "differs": short}


def _orphan(receipt: Receipt, number: str, *, by: User, at: datetime) -> Received:
    """Keep a parcel that nobody expects, with its photos, where support finds it."""
    shops = _shops(by)
    shop_id = receipt.shop_id or (next(iter(shops)) if len(shops) == 1 else None)
    if shop_id is not None and not _may_receive(by, shop_id):
        raise NotAllowed(_("Your role does not receive parcels."))
    evidence.counted(receipt.attachments, by=by)
    before = _kept_already(number, shop_id)
    if before is not None:
        Attachment.objects.filter(pk__in=receipt.attachments, by=by, case=None, receipt=None).update(receipt=before)
        return Received(orphan_id=before.pk, repeated=True, message=_("This parcel is kept as an orphan already."))
    shop = Shop.objects.get(pk=shop_id) if shop_id else None
    kept = Kept.objects.create(
        key=receipt.key, state=Kept.State.ORPHAN, shop=shop, waybill=number, carrier_text=receipt.carrier[:80],
        grams=receipt.weight_grams, note=receipt.note.strip(), by=by, at=at,
    )  # fmt: skip
    Attachment.objects.filter(pk__in=receipt.attachments, by=by, case=None).update(receipt=kept)
    return Received(orphan_id=kept.pk, message=_("Kept as an orphan parcel. Support will find out whose it is."))


def _kept_already(number: str, shop_id: int | None) -> Kept | None:
    """The orphan that this very parcel is, scanned before."""
    rows = Kept.objects.filter(state=Kept.State.ORPHAN, waybill=number, shop=shop_id)
    return rows.select_for_update(of=("self",), no_key=True).order_by("pk").first()


def attach(key: str, attachments: Sequence[int], *, by: User, at: datetime) -> None:
    """Photos that came after their receipt: kept with it, and with the question it answered."""
    del at
    with transaction.atomic():
        kept = Kept.objects.filter(key=key, by=by).first()
        if kept is None:
            raise NotYours(_("There is no such receipt."))
        evidence.counted(attachments, by=by)
        asked = Handoff.objects.filter(
            kind=HandoffKind.RECEIVE_RETURN, case__in=[line["case"] for line in kept.lines], answered_by=by
        ).select_related("case")
        free = evidence.free(attachments, by=by)
        for place, answered in enumerate(asked.order_by("pk")):
            evidence.bind(evidence.again(free, by=by) if place else free, answered, by=by)
        Attachment.objects.filter(pk__in=free).update(receipt=kept)
