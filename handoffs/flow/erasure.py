"""Erasing a buyer: name, phone, address, words and photos go; amounts, times, reasons and decisions stay, so that every
figure stays as it was (docs/growth.md).

The nickname becomes a token that is the same wherever the same buyer stood, so that “how often did they apply” is
counted as before and nobody can be found by it.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any

from django.db import connection, models, transaction
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext as _

from accounts.models import User
from handoffs import permissions
from handoffs.flow import numbers
from handoffs.flow.errors import NotAllowed
from handoffs.flow.moves import locked_case, note
from handoffs.flow.response import checked
from handoffs.models import (
    Attachment,
    CarrierClaim,
    Case,
    CaseSource,
    Decision,
    Handoff,
    MarketCall,
    ParcelEvent,
    Receipt,
    RefundOrder,
    RejectedRow,
    Response,
    TimelineEntry,
)  # fmt: skip

GONE = "gone-"
STARS = "***"
MOST = 500  # cases of one buyer
# Where people or marketplaces may have written the buyer's name, by table: the columns that are looked through.
WRITTEN: tuple[tuple[type[models.Model], tuple[str, ...]], ...] = (
    (Response, ("message",)),
    (Handoff, ("note", "answer_note", "difficult_reason", "data")),
    (Decision, ("reason", "note")),
    (RefundOrder, ("evidence", "settle_reason")),
    (MarketCall, ("data", "answer")),
    (CarrierClaim, ("note",)),
    (TimelineEntry, ("data",)),
)


@dataclass
class Erased:
    """What became of the cases asked for: erased now, or to be erased as soon as they are closed."""

    erased: list[int] = field(default_factory=list)
    waiting: list[int] = field(default_factory=list)


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
    """Erase the buyer from these cases; those still open follow when they are closed. Raises Invalid, NotAllowed."""
    checked(reason, field="reason")
    wanted = Case.objects.filter(pk__in=list(case_ids), shop__in=_shops(by)).order_by("pk")
    done = Erased()
    for pk in wanted.values_list("pk", flat=True):
        with transaction.atomic():
            case = locked_case(pk)
            if may_go(case):
                erase(case, by=by, at=at, reason=reason.strip())
                done.erased.append(pk)
            else:
                CaseSource.objects.filter(case=case).update(erase_asked_at=at)
                note(case, "erase_asked", at=at, by=by, reason=reason.strip())
                done.waiting.append(pk)
    _rejected(done.erased)
    return done


def _shops(by: User) -> frozenset[int]:
    shops = frozenset(shop for shop in by.shops_as() if permissions.may(by, "erase", shop_id=shop))
    if not shops:
        raise NotAllowed(_("Only a manager erases buyers' data."))
    return shops


def may_go(case: Case) -> bool:
    """Whether nobody needs the data any more: closed here and at the marketplace, no question and no claim open."""
    if case.status != Case.Status.CLOSED or not case.is_over:
        return False
    asked = case.handoffs.filter(status__in=Handoff.LIVE).exists()
    return not asked and not case.claims.filter(status__in=CarrierClaim.OPEN).exists()


def erase(case: Case, *, by: User | None, at: datetime, **why: str) -> None:
    """Erase the buyer from one locked case; `why` is a reason or a cause. Done again it changes nothing."""
    source = CaseSource.objects.get(case=case)
    if source.erased_at is not None:
        return
    personal = (case.buyer_nick, source.buyer_name, source.buyer_phone, source.buyer_address, source.buyer_uid)
    names = sorted({name for name in personal if len(name) > 1}, key=len, reverse=True)
    with timeline_open():
        for model, columns in WRITTEN:
            _look_through(models.QuerySet(model).filter(case=case), columns, names)
        _look_through(ParcelEvent.objects.filter(parcel__cases=case), ("text",), names)
        _look_through(Receipt.objects.filter(parcel__cases=case), ("note",), names)
    photos = _remove_photos(case)
    nick = token(case) if case.buyer_nick else ""
    Case.objects.filter(pk=case.pk).update(buyer_nick=nick, description="")
    blank = dict.fromkeys(("buyer_name", "buyer_phone", "buyer_address", "buyer_uid"), "")
    CaseSource.objects.filter(case=case).update(raw={}, erased_at=at, erase_asked_at=None, **blank)
    note(case, "erased", at=at, by=by, photos=photos, **why)


def token(case: Case) -> str:
    """What stands for a nickname that is gone."""
    return GONE + salted_hmac("erased buyer", f"{case.shop.marketplace}:{case.buyer_nick}").hexdigest()[:16]


def scrubbed(value: Any, names: list[str]) -> Any:
    """The value with every name in it starred out, however deep it stands."""
    if isinstance(value, str):
        for name in names:
            value = value.replace(name, STARS)
        return value
    if isinstance(value, dict):
        return {key: scrubbed(each, names) for key, each in value.items()}
    return [scrubbed(each, names) for each in value] if isinstance(value, list) else value


def _look_through(rows: "models.QuerySet[Any]", columns: tuple[str, ...], names: list[str]) -> None:
    for pk, *values in rows.values_list("pk", *columns):
        new = [scrubbed(value, names) for value in values]
        if new != values:
            models.QuerySet(rows.model).filter(pk=pk).update(**dict(zip(columns, new, strict=True)))


def _remove_photos(case: Case) -> int:
    """The rows now, the files when it is certain that the rows are gone."""
    found = list(Attachment.objects.filter(case=case))
    for photo in found:
        transaction.on_commit(partial(photo.file.storage.delete, str(photo.file.name)))
    Attachment.objects.filter(pk__in=[photo.pk for photo in found]).delete()
    return len(found)


def _rejected(case_ids: list[int]) -> None:
    """Rows of files that were turned down hold the buyer too."""
    for shop_id, refund_id in Case.objects.filter(pk__in=case_ids).values_list("shop", "refund_id"):
        RejectedRow.objects.filter(run__shop=shop_id, raw__icontains=refund_id).delete()


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
