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
from handoffs.carriers import kuaidi100
from handoffs.carriers.base import BadSignature, State, Unreadable
from handoffs.flow import stopping, tracking
from handoffs.models import CarrierAccount, ParcelEvent

logger = logging.getLogger(__name__)


@csrf_exempt
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
    return JsonResponse(dict(kuaidi100.ACCEPTED), json_dumps_params={"ensure_ascii": False})


@csrf_exempt
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
    if not stopping.heard(key, told, at=timezone.now()):
        return _declined("no such interception", 404)
    return JsonResponse(dict(kuaidi100.ACCEPTED), json_dumps_params={"ensure_ascii": False})


def _account(code: str) -> tuple[CarrierAccount | None, str]:
    found = CarrierAccount.objects.select_related("shop").filter(code=code, service="kuaidi100", active=True).first()
    try:
        return found, found.opened("salt") if found else ""
    except vault.Sealed:
        logger.exception("the salt of %s cannot be opened with the key at hand", code)
        return None, ""


def _declined(why: Any, status: int) -> JsonResponse:
    return JsonResponse(
        kuaidi100.not_accepted(str(why)), status=status, json_dumps_params={"ensure_ascii": False}
    )  # fmt: skip
