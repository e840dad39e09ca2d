"""Set-up of people and of what each may do where."""

import re
from contextlib import nullcontext
from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.contrib.admin.utils import unquote
from django.contrib.auth.admin import UserAdmin
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Prefetch, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from accounts import audit
from accounts.models import Membership, User
from accounts.passwords import longer_for_approvers
from handoffs.admin import setup_faults
from handoffs.admin.factors import tell_of_reset
from handoffs.admin.page import person
from handoffs.admin.setup_base import KeptAdmin, SetupAdmin, SetupForm, SetupInline, zone_field
from handoffs.admin.setup_places import FAULTS
from handoffs.admin.site import desk

ROLE_OF_ROW = re.compile(r"memberships-\d+-role")
OWN = _("Nobody edits the own memberships. Ask another manager.")


class OneEmail:
    """An email address belongs to one person, however its letters are written."""

    def clean_email(self) -> str:
        email: str = self.cleaned_data["email"].lower()  # type: ignore[attr-defined]
        if User.objects.filter(email__iexact=email).exclude(pk=self.instance.pk).exists():  # type: ignore[attr-defined]
            raise ValidationError(_("There is already a person with this email."))
        return email


class PersonCreationForm(OneEmail, UserCreationForm):
    """The password is as long as the roles of the same form ask for."""

    time_zone = zone_field()

    def _post_clean(self) -> None:
        roles = [value for name, value in self.data.items() if ROLE_OF_ROW.fullmatch(name)]
        self.instance.places = tuple((role, 0, False) for role in roles)
        super()._post_clean()
        del self.instance.places

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
    """Refuses what would be the editor's own: a role brings the limits of the role."""

    def clean(self) -> dict[str, Any]:
        values: dict[str, Any] = super().clean() or {}
        if self.has_changed() and _is_own(self.editor, values.get("user")):
            raise ValidationError(OWN)
        begin, end = values.get("valid_from"), values.get("valid_to")
        if begin and end and end < begin:
            self.add_error("valid_to", _("The last day comes before the first."))
        return values


class MembershipFormSet(forms.BaseInlineFormSet):
    editor: ClassVar[User]

    def clean(self) -> None:
        super().clean()
        if self.has_changed() and _is_own(self.editor, self.instance):
            raise ValidationError(OWN)


class MembershipInline(SetupInline):
    model = Membership
    form = MembershipForm
    formset = MembershipFormSet
    autocomplete_fields = ("shop",)

    def get_formset(self, request: HttpRequest, obj: Any = None, **kwargs: Any) -> Any:
        """The rows, which know who edits. Each request has classes of its own."""
        formset = super().get_formset(request, obj, **kwargs)
        formset.editor = formset.form.editor = request.user
        return formset


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

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:  # noqa: FBT001
        """The first password is known to who typed it, so the new person sets another one."""
        obj.new_password_due = obj.new_password_due or not change
        super().save_model(request, obj, form, change)

    def user_change_password(self, request: HttpRequest, id: str, form_url: str = "") -> HttpResponse:
        """A colleague's; one's own is changed where the old one is asked for. An id can be written in many ways."""
        found = self.get_object(request, unquote(id))
        if found is not None and found.pk == person(request).pk:
            return redirect("admin:password_change")
        with transaction.atomic():
            answer: HttpResponse = super().user_change_password(request, id, form_url)
            if found is not None and found.password != (now := User.objects.get(pk=found.pk)).password:
                _password_set(request, now)
        return answer

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:  # noqa: FBT001
        """A new person's password was measured by the roles of the form."""
        with longer_for_approvers(form.instance) if change else nullcontext():
            super().save_related(request, form, formsets, change)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_change_permission(request, obj) and _within_reach(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_delete_permission(request, obj) and _within_reach(request, obj)


def _password_set(request: HttpRequest, user: User) -> None:
    """Noted without the password. Whom a colleague gave one is told, and sets one that the colleague does not know."""
    editor, now = person(request), timezone.now()
    User.objects.filter(pk=user.pk).update(new_password_due=True)
    audit.note(audit.Kind.CHANGED, by=editor, about=user, at=now, text=f"accounts.user {user} (~) password")
    tell_of_reset("password_reset", user, by=editor, at=now)


def _is_own(editor: User, user: User | None) -> bool:
    """Whether these are the editor's own memberships. A superuser sets up the desk and stands above."""
    return not editor.is_superuser and user is not None and user.pk == editor.pk


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

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:  # noqa: FBT001
        with longer_for_approvers(obj.user):
            super().save_model(request, obj, form, change)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_change_permission(request, obj) and not self._own(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_delete_permission(request, obj) and not self._own(request, obj)

    def _own(self, request: HttpRequest, membership: Membership | None) -> bool:
        return membership is not None and _is_own(person(request), membership.user)
