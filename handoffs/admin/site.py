"""The console: unfold's admin at /, with the desk's own home, pages and bell."""

from http import HTTPStatus
from typing import Any

from axes.handlers.proxy import AxesProxyHandler
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.signals import user_login_failed
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.translation import gettext as _
from unfold.sites import UnfoldAdminSite

from accounts import audit, rates
from accounts.backends import login_name
from accounts.models import User
from handoffs.admin.often import too_often


class Desk(UnfoldAdminSite):
    """The one site. Its index is the person's own queue."""

    enable_nav_sidebar = True
    login_template = "handoffs/login.html"

    def has_permission(self, request: HttpRequest) -> bool:
        """Whoever has a role, and the superuser who sets the desk up."""
        user: Any = request.user
        return bool(user.is_active and user.is_authenticated and (user.is_superuser or user.roles))

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """The login page; one address tries so often a minute, whoever it tries to be."""
        left = rates.wait("login", rates.caller(request), settings.LOGINS_PER_MINUTE) if request.method == "POST" else 0
        return too_often(request, left) if left else super().login(request, extra_context)

    def password_change(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """One's own password; a colleague's is a change of the person. Guesses at the old one count as at the login."""
        user: Any = request.user
        tried = {"username": user.email}
        if request.method == "GET" and user.new_password_due:
            messages.warning(request, _("Set a new password before you go on: only you are to know it."))
        if request.method == "POST" and (refused := _guessing(request, tried)):
            return refused
        with transaction.atomic():
            answer = super().password_change(request, extra_context)
            if answer.status_code == HTTPStatus.FOUND:
                where = rates.address(request)
                User.objects.filter(pk=user.pk).update(new_password_due=False)
                audit.note(audit.Kind.PASSWORD, by=user, about=user, at=timezone.now(), address=where)
                AxesProxyHandler.reset_attempts(ip_address=rates.caller(request), username=login_name(request, tried))
        form = (getattr(answer, "context_data", None) or {}).get("form")
        if form is not None and form.has_error("old_password", "password_incorrect"):
            user_login_failed.send(sender=__name__, credentials=tried, request=request, place="old password")
        return answer

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        from handoffs.admin import first_run, returning
        from handoffs.admin.home import home

        return returning.to_steps() if first_run.leads(request) else home(request)

    def each_context(self, request: HttpRequest) -> dict[str, Any]:
        from handoffs.admin.bell import counts

        context = super().each_context(request)
        user: Any = request.user
        return context | {"unread": counts(user)["unread"] if user.is_authenticated else 0}

    def extra_urls(self) -> list[URLPattern]:
        from handoffs.admin import (
            approvals,
            auditing,
            batches,
            bell,
            board,
            channels,
            claims,
            connecting,
            dialogs,
            factors,
            files,
            first_run,
            goods,
            guide,
            handing_over,
            handoff,
            home,
            imports,
            many,
            many_asked,
            playbook,
            presence,
            questions,
            reporting,
            scanning,
            search,
            services,
            setup_retention,
            tokens,
            unsettled,
            verbs,
            views,
        )

        screens = (home, search, dialogs, verbs, handoff, approvals, bell, files, imports, playbook, board, batches,
                   unsettled, connecting, goods, claims, scanning, services, many, presence, reporting, views,
                   questions, many_asked, channels, handing_over, first_run, guide, setup_retention,
                   factors, tokens, auditing)  # fmt: skip
        pages = [each for screen in screens for each in screen.PAGES]
        return [path(address, self.admin_view(view), name=name) for address, view, name in pages]


def _guessing(request: HttpRequest, tried: dict[str, str]) -> HttpResponse | None:
    """The refusal where a person's old password was tried too often, in this minute or in all."""
    if left := rates.wait("password", request.user.pk, settings.LOGINS_PER_MINUTE):
        return too_often(request, left)
    if AxesProxyHandler.is_locked(request, tried):
        said = _("Account locked: too many login attempts. Please try again later.")
        return too_often(request, int(settings.AXES_COOLOFF_TIME.total_seconds()), said)
    return None


desk = Desk(name="admin")
