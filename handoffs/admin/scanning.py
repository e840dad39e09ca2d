"""Receiving returns by scan: a page for a phone or a hand scanner, and what it asks and sends.

The page keeps receipts and photos in the browser while the connection is gone and sends them later; each receipt has
a key of the device's, so that what is sent twice is taken once.
"""

import json
from collections.abc import Callable
from dataclasses import asdict
from functools import wraps
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import Shop, User
from handoffs import permissions
from handoffs.admin.page import draw, page, person
from handoffs.admin.scanning_words import words
from handoffs.flow import evidence, receiving
from handoffs.flow.errors import FlowError, Invalid
from handoffs.flow.receiving import Counted, Receipt

MAX_BODY = 200_000
View = Callable[..., HttpResponse]


def _answers(view: View) -> View:
    """Turn what the flow declines into JSON: code, message for a person, field."""

    @wraps(view)
    def answering(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            return view(request, *args, **kwargs)
        except FlowError as declined:
            body = {"code": declined.code, "message": str(declined), "field": declined.field}
            return JsonResponse(body, status=declined.status)

    return answering


@page("GET", verb="scan")
def scan(request: HttpRequest) -> HttpResponse:
    """The page itself."""
    user = person(request)
    context = {
        "words": words(),
        "desk": {"user": user.pk, "shops": _shops(user), "mayReceive": permissions.may(user, "receive")},
        "conditions": receiving.CONDITIONS,
    }
    return draw(request, "handoffs/scan.html", title=_("Receive returns"), **context)


def _shops(user: User) -> list[dict[str, Any]]:
    mine = [pk for pk in user.shops_as() if permissions.may(user, "receive", shop_id=pk)]
    return [{"id": shop.pk, "name": shop.name} for shop in Shop.objects.filter(pk__in=mine).order_by("name")]


@page("GET", verb="scan")
@_answers
def look(request: HttpRequest) -> HttpResponse:
    """What a waybill brings up."""
    found = receiving.look(request.GET.get("waybill", ""), by=person(request), at=timezone.now())
    return JsonResponse(asdict(found))


@page("POST", verb="receive")
@_answers
def photo(request: HttpRequest) -> HttpResponse:
    """Store one photo; its id goes with the receipt."""
    file = request.FILES.get("file")
    if file is None:
        raise Invalid(_("Attach a photo."), field="file", code="missing")
    return JsonResponse({"id": evidence.upload(file, by=person(request), at=timezone.now()).pk}, status=201)


@page("POST", verb="receive")
@_answers
def receipt(request: HttpRequest) -> HttpResponse:
    """Take a receipt: 201, or 200 for one that was taken before."""
    done = receiving.receive(_receipt(_body(request)), by=person(request), at=timezone.now())
    return JsonResponse(asdict(done), status=200 if done.repeated else 201)


@page("POST", verb="receive")
@_answers
def later_photos(request: HttpRequest, key: str) -> HttpResponse:
    """Photos that came after their receipt."""
    ids = _numbers(_body(request).get("attachments"))
    receiving.attach(key, ids, by=person(request), at=timezone.now())
    return JsonResponse({"attached": len(ids)})


def _body(request: HttpRequest) -> dict[str, Any]:
    try:
        body = json.loads(request.body) if len(request.body) <= MAX_BODY else None
    except (ValueError, RecursionError):
        body = None
    if not isinstance(body, dict):
        raise Invalid(_("The receipt cannot be read. Load the page again."))
    return body


def _numbers(value: Any) -> tuple[int, ...]:
    rows = value if isinstance(value, list) else []
    return tuple(row for row in rows[:50] if type(row) is int and 0 < row < 2**63)


def _number(value: Any) -> int | None:
    return value if type(value) is int and 0 <= value < 2**31 else None


def _text(body: dict[str, Any], name: str, longest: int) -> str:
    value = body.get(name)
    return value.encode("utf-8", "ignore").decode()[:longest] if isinstance(value, str) else ""


def _receipt(body: dict[str, Any]) -> Receipt:
    rows = body.get("lines") if isinstance(body.get("lines"), list) else []
    return Receipt(
        key=_text(body, "key", 65),
        waybill=_text(body, "waybill", 100),
        carrier=_text(body, "carrier", 80),
        weight_grams=_number(body.get("weight_grams")),
        lines=tuple(_counted(row) for row in (rows or [])[:500]),
        attachments=_numbers(body.get("attachments")),
        note=_text(body, "note", 2000),
        shop_id=_number(body.get("shop")),
    )


def _counted(row: Any) -> Counted:
    if not isinstance(row, dict):
        raise Invalid(_("There is no such line."), field="lines")
    actual = _number(row.get("actual"))
    if actual is None:
        raise Invalid(_("Count the pieces: 0 to 9999."), field="actual")
    return Counted(_number(row.get("case")) or 0, _text(row, "line", 100), actual, _text(row, "condition", 20))


PAGES = (
    ("scan/", scan, "handoffs_scan"),
    ("scan/look/", look, "handoffs_scan_look"),
    ("scan/photos/", photo, "handoffs_scan_photo"),
    ("scan/receipts/", receipt, "handoffs_scan_receipt"),
    ("scan/receipts/<slug:key>/photos/", later_photos, "handoffs_scan_later"),
)
