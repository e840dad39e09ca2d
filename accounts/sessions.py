"""How long a session lasts: so long without a click, and so long in all."""

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.contrib.auth import logout
from django.contrib.auth.signals import user_logged_in
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

BEGUN, ACTED = "begun_at", "acted_at"
NOTED_SECONDS = 60


class SessionLengthMiddleware:
    """Ends a session that is over, and notes at most once a minute that it is in use."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.user.is_authenticated:
            now = int(timezone.now().timestamp())
            if _over(request, now):
                logout(request)
            elif not by_itself(request) and now - request.session.get(ACTED, 0) >= NOTED_SECONDS:
                request.session[ACTED] = now
        return self.get_response(request)


def by_itself(request: HttpRequest) -> bool:
    """Whether a page asks without anybody having clicked. Who claims it falsely only shortens the own session."""
    return "X-Live" in request.headers or "X-Poll" in request.headers


def _over(request: HttpRequest, now: int) -> bool:
    begun = request.session.setdefault(BEGUN, now)
    acted = request.session.setdefault(ACTED, now)
    idle: int = settings.SESSION_IDLE_MINUTES * 60
    return bool(now - begun >= settings.SESSION_HOURS * 3600 or now - acted >= idle)


def begin(*, request: HttpRequest, **_kwargs: Any) -> None:
    """A login starts the clock anew."""
    request.session[BEGUN] = request.session[ACTED] = int(timezone.now().timestamp())


user_logged_in.connect(begin, dispatch_uid="accounts.sessions.begin")
