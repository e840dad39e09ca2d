"""Where carriers' data services push to. The signature is checked over the bytes as they came, before anything reads
them; the answers are the ones the service wants, for anything else and it sends the push again.
"""

import logging
from typing import Any

from django.http import HttpRequest, JsonResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from accounts import vault
from handoffs.api.throttles import limited
from handoffs.carriers import kdniao, kuaidi100
from handoffs.carriers.base import BadSignature, State, Unreadable
from handoffs.flow import stopping, tracking
from handoffs.models import CarrierAccount, Interception, ParcelEvent

logger = logging.getLogger(__name__)


@csrf_exempt
@limited
@require_POST
def kuaidi100_push(request: HttpRequest, code: str) -> JsonResponse:
    """News of one parcel. The same push again, or an older one, changes nothing."""
    account, salt = _account(code)
    if account is None:
        return _declined("no such account", 404)
    try:
        push = kuaidi100.push_of(request.body, salt)
    except BadSignature as error:
        return _declined(error.message, 403)
    except Unreadable as error:
        return _declined(error.message, 400)
    at = timezone.now()
    CarrierAccount.objects.filter(pk=account.pk).update(last_push_at=at, error="")
    if push.track.waybill and (push.track.events or push.track.state != State.NO_TRACE):
        origin = tracking.Origin(ParcelEvent.Source.PUSH, account.shop)
        outcome = tracking.one(push.track, origin, at=at)
        if outcome.result == "rejected":
            return _declined(outcome.reason, 200)
    return _told(dict(kuaidi100.ACCEPTED), 200)


@csrf_exempt
@limited
@require_POST
def kuaidi100_intercepted(request: HttpRequest, code: str, key: str) -> JsonResponse:
    """What became of an interception. Its result codes are not published: the words are read, and kept."""
    account, salt = _account(code)
    if account is None:
        return _declined("no such account", 404)
    try:
        told = kuaidi100.opened(request.body, salt)
    except BadSignature as error:
        return _declined(error.message, 403)
    except Unreadable as error:
        return _declined(error.message, 400)
    if not _of_its_shop(key, account) or not stopping.heard(key, told, at=timezone.now()):
        return _declined("no such interception", 404)
    return _told(dict(kuaidi100.ACCEPTED), 200)


def _of_its_shop(key: str, account: CarrierAccount) -> bool:
    """An account of one shop answers for that shop's parcels only."""
    asked = Interception.objects.filter(key=key, via=Interception.Via.SERVICE)
    return (asked.filter(case__shop=account.shop_id) if account.shop_id else asked).exists()


@csrf_exempt
@limited
@require_POST
def kdniao_push(request: HttpRequest, code: str) -> JsonResponse:
    """News of several parcels at once, each with its whole trace."""
    account, key = _account(code, service="kdniao", name="key")
    at, customer = timezone.now(), account.customer if account else ""
    if account is None:
        return _told(kdniao.answer(customer, at=at, reason="no such account"), 404)
    try:
        tracks = kdniao.push_of(kdniao.opened(request.body, key), customer=customer)
    except BadSignature as error:
        return _told(kdniao.answer(customer, at=at, reason=str(error.message)), 403)
    except Unreadable as error:
        return _told(kdniao.answer(customer, at=at, reason=str(error.message)), 400)
    CarrierAccount.objects.filter(pk=account.pk).update(last_push_at=at, error="")
    news = [track for track in tracks if track.events or track.state != State.NO_TRACE]
    heard = [tracking.Heard(number, track) for number, track in enumerate(news, 1)]
    origin = tracking.Origin(ParcelEvent.Source.PUSH, account.shop)
    refused = [told for told in tracking.take(heard, origin, at=at) if told.result == "rejected"]
    reason = "; ".join(f"{told.waybill}: {told.reason}" for told in refused[:5])
    return _told(kdniao.answer(customer, at=at, reason=reason), 200)


def _account(code: str, *, service: str = "kuaidi100", name: str = "salt") -> tuple[CarrierAccount | None, str]:
    found = CarrierAccount.objects.select_related("shop").filter(code=code, service=service, active=True).first()
    try:
        return found, found.opened(name) if found else ""
    except vault.Sealed:
        logger.exception("the secrets of %s cannot be opened with the key at hand", code)
        return None, ""


def _told(answer: dict[str, Any], status: int) -> JsonResponse:
    return JsonResponse(answer, status=status, json_dumps_params={"ensure_ascii": False})


def _declined(why: Any, status: int) -> JsonResponse:
    return _told(kuaidi100.not_accepted(str(why)), status)
