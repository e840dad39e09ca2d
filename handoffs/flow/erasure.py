"""Erasing a buyer: name, phone, address, words and photos go; amounts, times, reasons and decisions stay, so that every
figure stays as it was (docs/growth.md).

The nickname becomes a token that is the same wherever the same buyer stood, so that “how often did they apply” is
counted as before and nobody can be found by it.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from types import MappingProxyType
from typing import Any, NamedTuple
from urllib.parse import quote_plus, unquote_plus

from django.db import connection, models, transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext as _

from accounts import audit
from accounts.models import DutyShift, User
from handoffs import permissions
from handoffs.flow import numbers, personal
from handoffs.flow.errors import NotAllowed
from handoffs.flow.moves import locked_case, note
from handoffs.flow.response import checked
from handoffs.models import (
    Attachment,
    BatchRow,
    CarrierClaim,
    Case,
    CaseSource,
    ChannelPost,
    Clock,
    Compensation,
    Decision,
    Finding,
    Handoff,
    ImportRun,
    Interception,
    MarketCall,
    OutboxMessage,
    Parcel,
    ParcelEvent,
    Receipt,
    RefundBatch,
    RefundOrder,
    RejectedRow,
    Response,
    SavedView,
    TimelineEntry,
)  # fmt: skip

GONE = "gone-"
MOST = 500  # cases of one buyer


class Written(NamedTuple):
    """Columns that people, carriers or marketplaces write into, and which rows belong to a case."""

    model: type[models.Model]
    columns: tuple[str, ...]
    of: Callable[[Case, list[int]], Q]  # the case and its parcels


def _own(case: Case, _parcels: list[int]) -> Q:
    return Q(case=case)


def _carried(_case: Case, parcels: list[int]) -> Q:
    return Q(parcel__in=parcels)


def _own_or_carried(case: Case, parcels: list[int]) -> Q:
    return Q(case=case) | Q(parcel__in=parcels)


# What is emptied, beside the nickname; and every column the buyer may stand in, which is looked through.
EMPTIED = {
    Case: ("description",),
    CaseSource: ("raw", "former", "buyer_name", "buyer_phone", "buyer_address", "buyer_uid"),
}
WRITTEN = (
    Written(CaseSource, ("imported_from",), _own),
    Written(Response, ("message",), _own),
    Written(Handoff, ("note", "answer_note", "difficult_reason", "data"), _own),
    Written(Decision, ("reason", "note"), _own),
    Written(RefundOrder, ("reference", "answer", "evidence", "settle_reason"), _own),
    Written(Compensation, ("reference",), _own),
    Written(BatchRow, ("message",), _own),
    Written(RefundBatch, ("reason", "error"), lambda case, _parcels: Q(rows__case=case)),
    Written(Clock, ("failed",), _own),
    Written(MarketCall, ("data", "answer"), _own),
    Written(Finding, ("market", "desk", "note"), lambda case, _parcels: Q(shop=case.shop_id, refund_id=case.refund_id)),
    Written(CarrierClaim, ("reference", "note"), _own_or_carried),
    Written(Interception, ("said",), _own_or_carried),
    Written(Parcel, ("raw_state",), lambda _case, parcels: Q(pk__in=parcels)),
    Written(ParcelEvent, ("text", "place", "raw_state"), _carried),
    Written(Receipt, ("note", "settled_as"), _carried),
    Written(Attachment, ("name",), lambda _case, parcels: Q(receipt__parcel__in=parcels)),
    Written(OutboxMessage, ("data", "error"), _own),
    Written(ChannelPost, ("data", "error"), _own),
    Written(TimelineEntry, ("data",), _own),
)
# What belongs to no case. A row that was turned down and a saved search go as a whole. Whoever wrote or got a note may
# work elsewhere by now, so those of all people are read.
LOOSE = (
    Written(DutyShift, ("note",), lambda _case, _parcels: ~Q(note="")),
    Written(ImportRun, ("file_name", "error"), lambda case, _parcels: Q(shop=case.shop_id)),
    Written(OutboxMessage, ("data",), lambda _case, _parcels: Q(case=None, kind="handover")),
    Written(ChannelPost, ("data",), lambda _case, _parcels: Q(case=None, kind="handover")),
)
UNPAID = (RefundOrder.Status.PROPOSED, RefundOrder.Status.APPROVED, RefundOrder.Status.ORDERED,
          RefundOrder.Status.ACKNOWLEDGED, RefundOrder.Status.UNKNOWN)  # fmt: skip


@dataclass
class Erased:
    """What became of the cases asked for: erased now, or to be erased as soon as they are closed."""

    erased: list[int] = field(default_factory=list)
    waiting: list[int] = field(default_factory=list)


class Sought(NamedTuple):
    """Looked for in what belongs to no case: words in all of it, ids and numbers in rows that were turned down."""

    words: frozenset[str] = frozenset()
    numbers: frozenset[str] = frozenset()


def cases_of(text: str, *, by: User) -> models.QuerySet[Case]:
    """The cases, in one's own shops, of the buyer with this nickname or with a case of this number."""
    mine = Case.objects.filter(shop__in=_shops(by))
    named = mine.filter(pk__in=numbers.cases_with(text)) if text else mine.none()
    nicks = {(case.shop.marketplace, case.buyer_nick) for case in named.select_related("shop") if case.buyer_nick}
    found = models.Q(pk__in=named.values("pk"))
    for marketplace, nick in nicks:
        found |= models.Q(buyer_nick=nick, shop__marketplace=marketplace)
    if text and not nicks:
        found |= models.Q(buyer_nick=text)
    return mine.filter(found).select_related("shop").order_by("-applied_at", "-pk")


def on_request(case_ids: Iterable[int], *, reason: str, by: User, at: datetime) -> Erased:
    """Erase the buyer from these cases; those still open follow when they are closed. Raises Invalid, NotAllowed.

    The audit has first what is asked for, then what came of it: cut off in between, it does not keep silent.
    """
    checked(reason, field="reason")
    wanted = Case.objects.filter(pk__in=list(case_ids), shop__in=_shops(by)).order_by("pk")
    done, ids = Erased(), list(wanted.values_list("pk", flat=True))
    if not ids:
        return done
    audit.note(audit.Kind.ERASED, by=by, at=at, text=f"asked for: {ids}")
    read = read_through(over(wanted).values_list("pk", flat=True))
    for pk in ids:
        with transaction.atomic():
            case = locked_case(pk)
            if may_go(case):
                erase(case, by=by, at=at, read=read, reason=reason.strip())
                done.erased.append(pk)
            else:
                CaseSource.objects.filter(case=case).update(erase_asked_at=at)
                note(case, "erase_asked", at=at, by=by, reason=reason.strip())
                done.waiting.append(pk)
    audit.note(audit.Kind.ERASED, by=by, at=at, text=f"erased: {done.erased}; when closed: {done.waiting}")
    return done


def _shops(by: User) -> frozenset[int]:
    shops = frozenset(shop for shop in by.shops_as() if permissions.may(by, "erase", shop_id=shop))
    if not shops:
        raise NotAllowed(_("Only a manager erases buyers' data."))
    return shops


def may_go(case: Case) -> bool:
    """Whether nobody needs the data any more: closed here and at the marketplace, no question and no claim open."""
    return over(Case.objects.filter(pk=case.pk)).exists()


def over(cases: QuerySet[Case]) -> QuerySet[Case]:
    """Those of which nobody needs the buyer any more."""
    asked = Handoff.objects.filter(case=OuterRef("pk"), status__in=Handoff.LIVE)
    settled = cases.filter(status=Case.Status.CLOSED, phase__in=(Case.Phase.CLOSED, Case.Phase.SUCCESS))
    return settled.filter(~Exists(asked), ~Exists(_claimed()))


def idle(cases: QuerySet[Case], *, since: datetime) -> QuerySet[Case]:
    """Those on which nothing has moved since, closed or not, unless money or a claim is still open."""
    decided = Decision.objects.filter(case=OuterRef("pk"), status__in=Decision.LIVE, kind__in=Decision.MONEY)
    ordered = RefundOrder.objects.filter(case=OuterRef("pk"), status__in=UNPAID)
    return cases.filter(~Exists(decided), ~Exists(ordered), ~Exists(_claimed()), changed_at__lt=since)


def _claimed() -> QuerySet[CarrierClaim]:
    return CarrierClaim.objects.filter(case=OuterRef("pk"), status__in=CarrierClaim.OPEN)


def erase(
    case: Case, *, by: User | None, at: datetime, read: Mapping[int, Sought] = MappingProxyType({}), **why: str
) -> None:
    """Erase the buyer from one locked case; `why` is a reason or a cause. Done again it changes nothing.

    What belongs to no case is read through for a buyer who asked, unless it was (`read_through`); else it goes by its
    own age (`archiving`).
    """
    source = CaseSource.objects.get(case=case)
    if source.erased_at is not None:
        return
    buyer = personal.of(case, source)
    found = personal.pattern(buyer.words)
    asked = by is not None or source.erase_asked_at is not None
    _look_through(WRITTEN, case, found)
    if asked:
        wanted, had = _sought(case, buyer), read.get(case.shop_id, Sought())
        if not (wanted.words <= had.words and wanted.numbers <= had.numbers):
            _look_wide(case, wanted)
    _remove_searches(case, buyer)
    photos = remove_photos(_photos_of(case))
    nick = token(case) if case.buyer_nick else ""
    Case.objects.filter(pk=case.pk).update(buyer_nick=nick, **_emptied(Case))
    CaseSource.objects.filter(case=case).update(erased_at=at, erase_asked_at=None, **_emptied(CaseSource))
    note(case, "erased", at=at, by=by, photos=photos, **personal.starred(why, found))


def read_through(case_ids: Iterable[int]) -> dict[int, Sought]:
    """Read what belongs to no case once a shop for the buyers of all these cases. Returns what was looked for, by shop.

    In transactions of its own and before the cases: only they know whom to look for.
    """
    found: dict[int, Sought] = {}
    one: dict[int, Case] = {}
    rows = CaseSource.objects.filter(case__in=list(case_ids), erased_at=None).select_related("case__shop")
    for source in rows.order_by("pk"):
        case = one.setdefault(source.case.shop_id, source.case)
        had, new = found.get(case.shop_id, Sought()), _sought(source.case, personal.of(source.case, source))
        found[case.shop_id] = Sought(had.words | new.words, had.numbers | new.numbers)
    for shop, sought in found.items():
        with transaction.atomic():
            _look_wide(one[shop], sought)
    return found


def _sought(case: Case, buyer: personal.Buyer) -> Sought:
    """A row that was turned down is not theirs by the name alone: others are called so too, and theirs still wait."""
    return Sought(buyer.words, buyer.ids | {case.refund_id})


def _look_wide(case: Case, sought: Sought) -> None:
    _look_through(LOOSE, case, personal.pattern(sought.words))
    _remove_rejected(case.shop_id, personal.pattern(sought.numbers))


def _emptied(model: type[models.Model]) -> dict[str, Any]:
    fields = [model._meta.get_field(name) for name in EMPTIED[model]]
    return {each.name: {} if isinstance(each, models.JSONField) else "" for each in fields}


def token(case: Case) -> str:
    """What stands for a nickname that is gone."""
    return GONE + salted_hmac("erased buyer", f"{case.shop.marketplace}:{case.buyer_nick}").hexdigest()[:16]


def _look_through(places: Iterable[Written], case: Case, found: personal.Found) -> None:
    """Star out what is found, in every row that is the case's."""
    parcels = list(case.parcels.values_list("pk", flat=True))
    with timeline_open():
        for model, columns, of in places:
            changed: dict[int, dict[str, Any]] = {}
            for pk, *values in models.QuerySet(model).filter(of(case, parcels)).values_list("pk", *columns).iterator():
                new = [_fitting(model, *each) for each in zip(columns, personal.starred(values, found), strict=True)]
                if new != values:
                    changed[pk] = dict(zip(columns, new, strict=True))
            for pk, fields in changed.items():
                models.QuerySet(model).filter(pk=pk).update(**fields)


def _fitting(model: type[models.Model], column: str, value: Any) -> Any:
    """Three stars are longer than a name of two letters."""
    longest = getattr(model._meta.get_field(column), "max_length", None)
    return value[:longest] if longest is not None else value


def _remove_rejected(shop_id: int, found: personal.Found) -> None:
    """Rows of the shop's files that were turned down and are these applications' or these buyers'."""
    rows = RejectedRow.objects.filter(run__shop=shop_id).values_list("pk", "message", "raw")
    theirs = [pk for pk, message, raw in rows.iterator() if found.search(message) or _holds(raw, found)]
    RejectedRow.objects.filter(pk__in=theirs).delete()


def _holds(raw: Any, found: personal.Found) -> bool:
    pairs = personal.pairs(raw)
    return any(found.search(value) for key, value in pairs if not personal.OF_SHOP.search(key))


def _remove_searches(case: Case, buyer: personal.Buyer) -> None:
    """Saved views of anybody that look for the buyer: they find nothing any more."""
    if not buyer.words:
        return
    named = Q()
    for word in buyer.words:
        named |= Q(query__icontains=quote_plus(word)) | Q(name__icontains=word)
    found = personal.pattern(buyer.words)
    views = SavedView.objects.filter(named).values_list("pk", "name", "query")
    theirs = {pk for pk, name, query in views if found.search(f"{name} {unquote_plus(query)}")}
    SavedView.objects.filter(pk__in=theirs).delete()


def _photos_of(case: Case) -> QuerySet[Attachment]:
    """Photos of a receipt alone stay until every case of its parcel is erased: they prove something for each."""
    others = Case.objects.filter(parcels__receipts=OuterRef("receipt"), source__erased_at=None).exclude(pk=case.pk)
    of_parcel = Q(case=None, receipt__parcel__cases=case) & ~Exists(others)
    return Attachment.objects.filter(Q(case=case) | of_parcel)


def remove_photos(rows: QuerySet[Attachment]) -> int:
    """The rows now, the files when it is certain that the rows are gone."""
    found = dict(rows.values_list("pk", "file"))
    Attachment.objects.filter(pk__in=found).delete()
    transaction.on_commit(partial(_remove_files, frozenset(found.values())))
    return len(found)


def _remove_files(names: Iterable[str]) -> None:
    """Files of photos whose rows are gone; not those that prove another thing too (`evidence.again`)."""
    wanted = set(names)
    for name in sorted(wanted - set(Attachment.objects.filter(file__in=wanted).values_list("file", flat=True))):
        Attachment.file.field.storage.delete(name)


@contextmanager
def timeline_open() -> Iterator[None]:
    """Lift the database's guard of the timeline until the transaction ends; for erasing and archiving alone."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL refunddesk.keeping = 'on'")
    yield
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL refunddesk.keeping = 'off'")
