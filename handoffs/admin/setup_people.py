"""Set-up of shops, carriers, warehouses, people, contacts, duty and limits."""

from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from django.db.models import Q
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from accounts.models import Agreement, Carrier, Contact, DutyShift, Limit, Membership, Shop, User, Warehouse
from handoffs.admin.setup_base import KeptAdmin, SetupAdmin, SetupInline, SetupStacked
from handoffs.admin.site import desk


@admin.register(Shop, site=desk)
class ShopAdmin(KeptAdmin):
    list_display = ("name", "code", "marketplace", "return_policy", "warehouse", "active")
    list_filter = ("marketplace", "active")
    search_fields = ("name", "code")
    list_select_related = ("warehouse",)


class AgreementInline(SetupStacked):
    model = Agreement
    min_num = 1
    max_num = 1


@admin.register(Carrier, site=desk)
class CarrierAdmin(SetupAdmin):
    list_display = ("name", "code", "active")
    search_fields = ("name", "code")
    inlines = (AgreementInline,)


@admin.register(Warehouse, site=desk)
class WarehouseAdmin(SetupAdmin):
    list_display = ("name", "code", "active")
    search_fields = ("name", "code")


class MembershipInline(SetupInline):
    model = Membership
    autocomplete_fields = ("shop",)


class PersonCreationForm(UserCreationForm):
    class Meta:
        model = User
        fields = ("email", "name", "language", "time_zone")


class PersonChangeForm(UserChangeForm):
    class Meta:
        model = User
        fields = "__all__"


@admin.register(User, site=desk)
class PersonAdmin(SetupAdmin, UserAdmin):
    """People log in by email; what they may do comes from their memberships."""

    form = PersonChangeForm
    add_form = PersonCreationForm
    change_password_form = AdminPasswordChangeForm
    list_display = ("name", "email", "language", "is_active", "seen_at")
    list_filter = ("is_active", "memberships__role", "memberships__shop")
    search_fields = ("name", "email")
    ordering = ("name",)
    filter_horizontal = ()
    inlines = (MembershipInline,)
    readonly_fields = ("last_login", "seen_at")
    fieldsets = (
        (None, {"fields": ("email", "name", "password", "is_active")}),
        (_("Language and mail"), {"fields": ("language", "time_zone", "wants_mail", "wants_digest", "digest_at")}),
        (_("Seen"), {"fields": ("last_login", "seen_at")}),
    )
    add_fieldsets = (
        (None, {"fields": ("email", "name", "language", "time_zone", "usable_password", "password1", "password2")}),
    )

    def get_inlines(self, _request: HttpRequest, obj: Any) -> Any:
        return self.inlines if obj else ()


@admin.register(Membership, site=desk)
class MembershipAdmin(KeptAdmin):
    list_display = ("user", "role", "shop", "lead", "valid_from", "valid_to")
    list_filter = ("role", "shop", "lead")
    list_select_related = ("user", "shop")
    autocomplete_fields = ("user", "shop")


@admin.register(Contact, site=desk)
class ContactAdmin(KeptAdmin):
    list_display = ("role", "carrier", "warehouse", "shop", "user", "deputy")
    list_filter = ("role",)
    list_select_related = ("carrier", "warehouse", "shop", "user", "deputy")
    autocomplete_fields = ("user", "deputy")


@admin.register(DutyShift, site=desk)
class DutyShiftAdmin(SetupAdmin):
    list_display = ("user", "starts_at", "ends_at", "stand_in")
    list_select_related = ("user", "stand_in")
    autocomplete_fields = ("user", "stand_in")


class LimitForm(forms.ModelForm):
    """Refuses a row that would set the editor's own limit."""

    editor: User | None = None

    def clean(self) -> dict[str, Any]:
        values: dict[str, Any] = super().clean() or {}
        editor = self.editor
        if editor is not None and not editor.is_superuser and _is_own(editor, values.get("user"), values.get("role")):
            raise forms.ValidationError(_("Nobody edits the own limit. Ask another manager."))
        return values


def _is_own(editor: User, user: User | None, role: str | None) -> bool:
    return (user is not None and user.pk == editor.pk) or (bool(role) and role in editor.roles)


@admin.register(Limit, site=desk)
class LimitAdmin(KeptAdmin):
    form = LimitForm
    list_display = ("who", "shop", "kind", "amount")
    list_filter = ("role", "shop")
    list_select_related = ("user", "shop")
    autocomplete_fields = ("user",)

    @admin.display(description=_("for"))
    def who(self, limit: Limit) -> str:
        return str(limit.user or limit.get_role_display())

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:  # noqa: FBT001, FBT002
        form = super().get_form(request, obj, change=change, **kwargs)
        return type("OwnLimitForm", (form,), {"editor": request.user})

    def _others(self, request: HttpRequest, limit: Limit | None) -> bool:
        editor: Any = request.user
        return limit is None or editor.is_superuser or not _is_own(editor, limit.user, limit.role)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_change_permission(request, obj) and self._others(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_delete_permission(request, obj) and self._others(request, obj)


def faults() -> list[str]:
    """What is missing in the set-up, in words (domain.md section 3: no contact is a fault of the set-up)."""
    from django.utils.translation import gettext

    found = []
    for carrier in Carrier.objects.filter(active=True).exclude(contact__role="logistics"):
        found.append(
            gettext("%(name)s has no logistics contact: its questions go to the open queue.") % {"name": carrier}
        )
    for store in Warehouse.objects.filter(active=True):
        for role, label in (("warehouse", _("warehouse")), ("qc", _("quality control"))):
            by_shop = Q(shop__in=store.shops.all())
            if not Contact.objects.filter(Q(warehouse=store) | by_shop, role=role).exists():
                found.append(gettext("%(name)s has no %(role)s contact.") % {"name": store, "role": label})
    for shop in Shop.objects.filter(active=True):
        if not Membership.objects.filter(shop=shop, role="support").exists():
            found.append(gettext("%(name)s has no support agent.") % {"name": shop})
        if not Membership.objects.filter(shop=shop, role="support", lead=True).exists():
            found.append(gettext("%(name)s has no lead of support.") % {"name": shop})
    return found
