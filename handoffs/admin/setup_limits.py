"""Set-up of what roles and persons may grant alone. Nobody edits the own limit (domain.md section 2, path 3)."""

from datetime import datetime
from typing import Any

from django.contrib import admin
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from accounts.models import Limit, Membership, User
from handoffs.admin.setup_base import KeptAdmin, SetupForm
from handoffs.admin.setup_foresight import ForeseenAdmin, Seen
from handoffs.admin.site import desk
from handoffs.flow import foresight


def is_own(editor: User, user: User | None, role: str | None) -> bool:
    """Whether a limit for this person or role is the editor's own. A superuser sets up the desk and stands above."""
    if editor.is_superuser:
        return False
    own = Membership.objects.filter(user=editor, role=role or "")  # one that begins tomorrow too
    return (user is not None and user.pk == editor.pk) or own.exists()


class LimitForm(SetupForm):
    """Refuses a row that would become the editor's own limit."""

    SAYS = {"limit_not_negative": ("amount", _("A limit is not negative."))}

    def clean(self) -> dict[str, Any]:
        values: dict[str, Any] = super().clean() or {}
        if is_own(self.editor, values.get("user"), values.get("role")):
            raise ValidationError(_("Nobody edits the own limit. Ask another manager."))
        return values


@admin.register(Limit, site=desk)
class LimitAdmin(ForeseenAdmin, KeptAdmin):
    form = LimitForm
    list_display = ("who", "shop", "kind", "ceiling")
    list_filter = ("role", "shop")
    search_fields = ("user__name", "user__email")
    list_select_related = ("user", "shop")
    autocomplete_fields = ("user",)

    def as_it_was(self) -> foresight.Approvals:
        return foresight.approvals()

    def foresee(self, saved: Any, before: Any, *, at: datetime) -> Seen:
        return foresight.approvals().since(before)

    @admin.display(description=_("for"))
    def who(self, limit: Limit) -> str:
        return str(limit.user or limit.get_role_display())

    @admin.display(description=_("ceiling (yuan)"), ordering="amount")
    def ceiling(self, limit: Limit) -> str:
        return str(_("no ceiling")) if limit.amount is None else f"¥{limit.amount}"

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_change_permission(request, obj) and not self._own(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_delete_permission(request, obj) and not self._own(request, obj)

    def _own(self, request: HttpRequest, limit: Limit | None) -> bool:
        editor: Any = request.user
        return limit is not None and is_own(editor, limit.user, limit.role)
