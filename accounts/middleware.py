"""What a request owes to the person who makes it: language, time zone, and being seen online."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.utils import timezone, translation

from accounts.duty import note_seen
from accounts.models import User


class PersonMiddleware:
    """Activates the user's language and zone, and notes at most once a minute that they were seen."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        user = request.user
        if not isinstance(user, User) or not user.is_authenticated:
            return self.get_response(request)
        translation.activate(user.language)
        request.LANGUAGE_CODE = user.language
        note_seen(user, at=timezone.now())
        with timezone.override(user.zone):
            response = self.get_response(request)
        response.headers.setdefault("Content-Language", user.language)
        return response
