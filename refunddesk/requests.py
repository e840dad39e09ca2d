"""Every request has a number, under which all its log lines are found, and leaves one line of its own."""

import logging
import re
from collections.abc import Callable
from time import perf_counter
from uuid import uuid4

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from accounts import kept, trail
from refunddesk.logs import route

SANE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:-]{7,63}")
WATCHING = ("healthz", "readyz", "metrics")
FAILED = "answers:failed"
logger = logging.getLogger("refunddesk.access")


class RequestMiddleware:
    """Takes the number a proxy gave (X-Request-ID) or makes one, returns it, and notes what became of the request."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        begun, given = perf_counter(), request.headers.get("X-Request-ID", "")
        number = given if SANE.fullmatch(given) else uuid4().hex
        with trail.about(request=request, request_id=number):
            response = self.get_response(request)
            response.headers["X-Request-ID"] = number
            if response.status_code >= 500 and route(request) not in WATCHING:
                kept.count(FAILED)  # one for all processes; a monitor reads it as a figure
            told = {"method": request.method, "route": route(request), "status": response.status_code,
                    "ms": round((perf_counter() - begun) * 1000, 1)}  # fmt: skip
            logger.log(_level(request, response), "%(method)s %(route)s %(status)s", told, extra=told)
        return response


def _level(request: HttpRequest, response: HttpResponse) -> int:
    """What happens all the time and says nothing is left for those who look for it."""
    unchanged = response.status_code == 304
    watching = route(request) in WATCHING and response.status_code < 500
    still = unchanged or watching or request.path.startswith(settings.STATIC_URL)
    return logging.DEBUG if still else logging.INFO
