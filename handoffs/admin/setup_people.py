"""Set-up of people and of what each may do where."""

from typing import Any

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from django.core.exceptions import ValidationError
from django.db.models import Prefetch, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from accounts import audit
from accounts.models import Membership, User
from handoffs.admin import setup_faults
from handoffs.admin.setup_base import KeptAdmin, SetupAdmin, SetupForm, SetupInline, zone_field
from handoffs.admin.setup_places import FAULTS
from handoffs.admin.site import desk


class OneEmail:
    """An email address belongs to one person, however its letters are written."""

    def clean_email(self) -> str:
        email: str = self.cleaned_data["email"].lower()  # type: ignore[attr-defined]
        if User.objects.filter(email__iexact=email).exclude(pk=self.instance.pk).exists():  # type: ignore[attr-defined]
            raise ValidationError(_("There is already a person with this email."))
        return email


class PersonCreationForm(OneEmail, UserCreationForm):
    time_zone = zone_field()

    class Meta:
        model = User
        fields = ("email", "name", "language", "time_zone")


class PersonChangeForm(OneEmail, UserChangeForm):
    editor: User
    time_zone = zone_field()

    class Meta:
        model = User
        fields = "__all__"

    def clean_is_active(self) -> bool:
        active: bool = self.cleaned_data["is_active"]
        if not active and self.instance.pk == self.editor.pk:
            raise ValidationError(_("You cannot switch yourself off."))
        return active


class MembershipForm(SetupForm):
    def clean(self) -> dict[str, Any]:
        values: dict[str, Any] = super().clean() or {}
        begin, end = values.get("valid_from"), values.get("valid_to")
        if begin and end and end < begin:
            self.add_error("valid_to", _("The last day comes before the first."))
        return values


class MembershipInline(SetupInline):
    model = Membership
    form = MembershipForm
    autocomplete_fields = ("shop",)


@admin.register(User, site=desk)
class PersonAdmin(SetupAdmin, UserAdmin):
    """People log in by email; what they may do comes from their memberships."""

    form = PersonChangeForm
    add_form = PersonCreationForm
    change_password_form = AdminPasswordChangeForm
    list_display = ("name", "email", "does", "language", "is_active", "seen_at")
    list_filter = ("is_active", "memberships__role", "memberships__shop")
    search_fields = ("name", "email")
    ordering = ("name", "pk")
    filter_horizontal = ()
    inlines = (MembershipInline,)
    readonly_fields = ("last_login", "seen_at")
    fieldsets = (
        (None, {"fields": ("email", "name", "password", "is_active")}),
        (_("Language and mail"), {"fields": ("language", "time_zone", "wants_mail", "wants_digest", "digest_at")}),
        (_("Seen"), {"fields": ("last_login", "seen_at")}),
    )
    add_fieldsets = ((None, {"fields": ("email", "name", "language", "time_zone", "password1", "password2")}),)
    list_before_template = FAULTS
    fault_topics = (setup_faults.PEOPLE, setup_faults.LEADS)

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        rows = Membership.objects.select_related("shop").order_by("role", "shop")
        return super().get_queryset(request).prefetch_related(Prefetch("memberships", queryset=rows))

    @admin.display(description=_("roles"))
    def does(self, user: User) -> str:
        held: dict[str, list[str]] = {}
        for row in user.memberships.all():
            held.setdefault(str(row.get_role_display()), []).append(str(row.shop))
        return "; ".join(f"{role}: {'、'.join(shops)}" for role, shops in held.items())

    def log_addition(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        _noted(request, obj, "(+)")
        return super().log_addition(request, obj, message)

    def log_change(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        """What was changed about the person, by name of the field; never a password."""
        fields = [
            name for each in message if isinstance(each, dict) for name in each.get("changed", {}).get("fields", [])
        ]
        _noted(request, obj, f"(~) {', '.join(map(str, fields))}")
        return super().log_change(request, obj, message)

    def log_deletions(self, request: HttpRequest, queryset: Any) -> Any:
        for obj in queryset:
            _noted(request, obj, f"(–) {obj.email}")
        return super().log_deletions(request, queryset)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_change_permission(request, obj) and _within_reach(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_delete_permission(request, obj) and _within_reach(request, obj)


def _noted(request: HttpRequest, person: User, what: str) -> None:
    editor: Any = request.user
    text = f"accounts.user {person} {what}".strip()
    audit.note(audit.Kind.CHANGED, by=editor, about=person if person.pk else None, at=timezone.now(), text=text)


def _within_reach(request: HttpRequest, person: Any) -> bool:
    """A manager does not change, and so cannot take over, whoever stands above all roles."""
    editor: Any = request.user
    return person is None or not person.is_superuser or editor.is_superuser


@admin.register(Membership, site=desk)
class MembershipAdmin(KeptAdmin):
    form = MembershipForm
    list_display = ("user", "role", "shop", "lead", "valid_from", "valid_to")
    list_filter = ("role", "shop", "lead")
    list_select_related = ("user", "shop")
    search_fields = ("user__name", "user__email", "shop__name")
    autocomplete_fields = ("user", "shop")
    list_before_template = FAULTS
    fault_topics = (setup_faults.PEOPLE, setup_faults.LEADS)
