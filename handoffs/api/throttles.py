"""Who calls too often is told so, with the seconds to wait."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.translation import gettext as _
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from accounts import rates

OTHER_ACCOUNTS = 4  # times as many from one address for all its accounts together
Hook = Callable[..., HttpResponse]


class PerCaller(BaseThrottle):
    """Calls of the API by the minute: of a token, or of the person where the console's session calls."""

    left = 0

    def allow_request(self, request: Request, view: Any) -> bool:
        del view
        who = f"token{request.auth.pk}" if request.auth else f"user{request.user.pk}"
        self.left = rates.wait("api", who, settings.API_PER_MINUTE)
        return not self.left

    def wait(self) -> float:
        return self.left


class Reveals(PerCaller):
    """Buyers' data by the minute where the console's session calls: counted with what the console itself shows."""

    def allow_request(self, request: Request, view: Any) -> bool:
        del view
        self.left = 0 if request.auth else rates.wait("reveal", request.user.pk, settings.REVEALS_PER_MINUTE)
        return not self.left


def limited(view: Hook) -> Hook:
    """Pushes by the minute: for one account from one address, and from one address in all.

    Counted by address too, so that a stranger's flood does not shut out the service itself; and by that first, so
    that made-up codes do not fill the cache.
    """

    @wraps(view)
    def guarded(request: HttpRequest, code: str, *args: str, **kwargs: str) -> HttpResponse:
        most, address = settings.HOOKS_PER_MINUTE, rates.caller(request)
        left = rates.wait("hooks", address, most * OTHER_ACCOUNTS) or rates.wait("hook", f"{code}:{address}", most)
        return too_often(left) if left else view(request, code, *args, **kwargs)

    return guarded


def too_often(left: int) -> JsonResponse:
    told = {"code": "throttled", "message": _("Too many calls. Try again later."), "field": None}
    return JsonResponse(told, status=429, headers={"Retry-After": str(left)})
