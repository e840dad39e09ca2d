"""The console: unfold's admin at /, with the desk's own home, pages and bell."""

from http import HTTPStatus
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.translation import gettext as _
from unfold.sites import UnfoldAdminSite

from accounts import audit, rates
from accounts.models import User


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
        if not left:
            return super().login(request, extra_context)
        said = {"message": _("Too many attempts. Try again in a minute.")}
        answer = render(request, "handoffs/too_often.html", said, status=429)
        answer.headers["Retry-After"] = str(left)
        return answer

    def password_change(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """One's own password; a colleague's is a change of the person."""
        if request.method == "GET" and getattr(request.user, "new_password_due", False):
            messages.warning(request, _("Set a new password before you go on: only you are to know it."))
        with transaction.atomic():
            answer = super().password_change(request, extra_context)
            if answer.status_code == HTTPStatus.FOUND and isinstance(user := request.user, User):
                where = rates.address(request)
                User.objects.filter(pk=user.pk).update(new_password_due=False)
                audit.note(audit.Kind.PASSWORD, by=user, about=user, at=timezone.now(), address=where)
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


desk = Desk(name="admin")
