"""Whoever needs a second factor, or a new password, gets to where it is set, and nowhere else."""

from collections.abc import Callable
from typing import Any

from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _

from accounts import second_factor
from accounts.models import User

ENROLMENT = "admin:handoffs_second_factor"
NEW_PASSWORD = "admin:password_change"  # noqa: S105 -- a page
OPEN = (ENROLMENT, "admin:logout", "admin:login", "admin:jsi18n", "admin:handoffs_language", "healthz", "readyz")


class SecondFactorMiddleware:
    """Stands before every page; API tokens bring no session and are a factor of their own."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not _lacking(request) or request.path_info in {reverse(name) for name in OPEN}:
            return self.get_response(request)
        user: Any = request.user
        if request.path_info.startswith("/api/"):
            told = {"code": "second_factor", "message": _("Log in with your second factor first."), "field": None}
            return JsonResponse(told, status=403)
        if second_factor.enrolled(user):
            logout(request)
            return redirect("admin:login")
        return redirect(ENROLMENT)


class NewPasswordMiddleware:
    """Stands behind the second factor: whoever must set a new password does nothing before."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        due = getattr(request.user, "new_password_due", False)
        if not due or request.path_info in {reverse(name) for name in (*OPEN, NEW_PASSWORD)}:
            return self.get_response(request)
        if request.path_info.startswith("/api/"):
            told = {"code": "new_password", "message": _("Set a new password first."), "field": None}
            return JsonResponse(told, status=403)
        return redirect(NEW_PASSWORD)


def _lacking(request: HttpRequest) -> bool:
    user: Any = request.user
    return isinstance(user, User) and second_factor.required(user) and not user.is_verified()  # type: ignore[attr-defined]
