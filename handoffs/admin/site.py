"""The console: unfold's admin at /, with the desk's own home, pages and bell."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path
from unfold.sites import UnfoldAdminSite


class Desk(UnfoldAdminSite):
    """The one site. Its index is the person's own queue."""

    enable_nav_sidebar = True

    def has_permission(self, request: HttpRequest) -> bool:
        """Whoever has a role, and the superuser who sets the desk up."""
        user: Any = request.user
        return bool(user.is_active and user.is_authenticated and (user.is_superuser or user.roles))

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        from handoffs.admin.home import home

        return home(request)

    def each_context(self, request: HttpRequest) -> dict[str, Any]:
        from handoffs.admin.bell import counts

        context = super().each_context(request)
        user: Any = request.user
        return context | {"unread": counts(user)["unread"] if user.is_authenticated else 0}

    def extra_urls(self) -> list[URLPattern]:
        from handoffs.admin import (
            approvals,
            batches,
            bell,
            board,
            claims,
            connecting,
            dialogs,
            files,
            goods,
            handoff,
            home,
            imports,
            many,
            playbook,
            presence,
            reporting,
            scanning,
            search,
            services,
            unsettled,
            verbs,
        )

        screens = (home, search, dialogs, verbs, handoff, approvals, bell, files, imports, playbook, board, batches,
                   unsettled, connecting, goods, claims, scanning, services, many, presence, reporting)  # fmt: skip
        pages = [each for screen in screens for each in screen.PAGES]
        return [path(address, self.admin_view(view), name=name) for address, view, name in pages]


desk = Desk(name="admin")
