"""What all set-up screens share: the manager edits, the supervisor looks, nobody deletes what is in use."""

from typing import Any

from django.contrib import messages
from django.db.models import ProtectedError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from simple_history.admin import SimpleHistoryAdmin
from unfold.admin import ModelAdmin, StackedInline, TabularInline

from handoffs import permissions


def allowed(request: HttpRequest, verb: str) -> bool:
    user: Any = request.user
    return bool(user.is_authenticated and (user.is_superuser or permissions.may(user, verb)))


class SetupRights:
    """Section 6: managers edit, supervisors view, nobody else enters."""

    def has_module_permission(self, request: HttpRequest) -> bool:
        return allowed(request, "see_setup")

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return allowed(request, "see_setup")

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return allowed(request, "edit_setup")

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return allowed(request, "edit_setup")

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return allowed(request, "edit_setup")


class SetupAdmin(SetupRights, ModelAdmin):
    actions = None
    list_per_page = 50
    warn_unsaved_form = True
    compressed_fields = True

    def delete_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        try:
            return super().delete_view(request, object_id, extra_context)
        except ProtectedError:
            messages.error(request, _("This is in use and cannot be deleted. Switch it off instead."))
            return redirect(request.path.replace("/delete/", "/change/"))


class KeptAdmin(SetupAdmin, SimpleHistoryAdmin):
    """With the history of who changed what."""


class SetupInline(SetupRights, TabularInline):
    extra = 0


class SetupStacked(SetupRights, StackedInline):
    extra = 0
