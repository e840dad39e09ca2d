"""What all set-up screens share: the manager edits, the supervisor looks, nobody deletes what is in use."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar
from zoneinfo import available_timezones

from django import forms
from django.contrib import messages
from django.contrib.admin.views.main import ERROR_FLAG
from django.contrib.admin.widgets import AutocompleteSelect
from django.core.exceptions import NON_FIELD_ERRORS, PermissionDenied, ValidationError
from django.db.models import Model
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from simple_history.admin import SimpleHistoryAdmin
from unfold.admin import ModelAdmin, StackedInline, TabularInline
from unfold.widgets import UnfoldAdminSelect2Widget

from accounts.models import User
from handoffs import permissions
from handoffs.admin import returning, setup_faults
from handoffs.admin.setup_help import Explained
from handoffs.exact import whole
from handoffs.intake.values import YEARS


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


class Sought(AutocompleteSelect):
    """A person or a place found by typing; what is sent instead and can be no id is not looked for."""

    def format_value(self, value: Any) -> list[str]:
        return [each for each in super().format_value(value) if not each or whole(each)]


class Seeking:
    """Mixed into a set-up screen or its rows, whose `autocomplete_fields` are found by typing."""

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name in self.get_autocomplete_fields(request):  # type: ignore[attr-defined]
            kwargs["widget"] = Sought(db_field, self.admin_site)  # type: ignore[attr-defined]
        return super().formfield_for_foreignkey(db_field, request, **kwargs)  # type: ignore[misc]


class SetupForm(forms.ModelForm):
    """Says in words, at the field it concerns, what a constraint of the table would refuse."""

    SAYS: ClassVar[Mapping[str, tuple[str | None, Any]]] = {}
    editor: ClassVar[User]

    def clean(self) -> dict[str, Any]:
        """A moment so far away that it has no place in every time zone is refused."""
        values: dict[str, Any] = super().clean() or {}
        for name, value in [*values.items()]:
            if isinstance(value, datetime) and value.year not in YEARS:
                self.add_error(name, _("This moment is too far away."))
        return values

    def _update_errors(self, errors: ValidationError) -> None:
        super()._update_errors(self._in_words(errors))  # type: ignore[misc]

    def _in_words(self, errors: ValidationError) -> ValidationError:
        if NON_FIELD_ERRORS not in getattr(errors, "error_dict", {}):
            return errors
        known = {str(rule.get_violation_error_message()): rule.name for rule in self._meta.model._meta.constraints}
        found: dict[str, list[Any]] = {k: list(v) for k, v in errors.error_dict.items() if k != NON_FIELD_ERRORS}
        for error in errors.error_dict[NON_FIELD_ERRORS]:
            field, text = self.SAYS.get(known.get(str(error.message), ""), (None, error))
            there = field if field in self.fields else NON_FIELD_ERRORS
            found.setdefault(there or NON_FIELD_ERRORS, []).append(text)
        return ValidationError(found)


def zone_field() -> forms.ChoiceField:
    """A time zone, chosen by typing a part of its name."""
    names = sorted(available_timezones())
    return forms.ChoiceField(
        label=capfirst(gettext_lazy("time zone")),
        choices=[(name, name) for name in names],
        initial="Asia/Shanghai",
        widget=UnfoldAdminSelect2Widget(),
    )


class SetupAdmin(SetupRights, Seeking, Explained, ModelAdmin):
    actions = None
    list_per_page = 50
    warn_unsaved_form = True
    compressed_fields = True
    show_full_result_count = False

    class Media:
        css: ClassVar = {"all": ("handoffs/setup.css",)}

    # What this screen says is missing in the set-up, above its list.
    fault_topics: tuple[str, ...] = ()

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:  # noqa: FBT001, FBT002
        """The form, which knows who edits. Each request has a class of its own."""
        form = super().get_form(request, obj, change=change, **kwargs)
        form.editor = request.user
        return form

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        found = setup_faults.faults(*self.fault_topics) if self.fault_topics else []
        context = {"faults": found, "may_edit": allowed(request, "edit_setup")}
        try:
            return super().changelist_view(request, {**context, **(extra_context or {})})
        except OverflowError:  # a number that fits no column, as a filter: said as of other filters that are none
            return redirect(f"{request.path}?{ERROR_FLAG}=1")

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        return super().get_object(request, object_id, from_field or None)

    def response_add(self, request: HttpRequest, obj: Any, post_url_continue: Any = None) -> HttpResponse:
        return returning.onward(request, super().response_add(request, obj, post_url_continue))

    def response_change(self, request: HttpRequest, obj: Any) -> HttpResponse:
        return returning.onward(request, super().response_change(request, obj))

    # Deleting ---------------------------------------------------------------------------------------------------------

    def delete_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        """Refuse, with the reason, what people, cases or money refer to."""
        found = self.get_object(request, object_id)
        if found is not None and self.has_delete_permission(request, found) and (why := self.kept_because(found)):
            messages.error(request, why)
            return redirect(f"admin:{self.opts.app_label}_{self.opts.model_name}_change", found.pk)
        return super().delete_view(request, object_id, extra_context)

    def kept_because(self, found: Any) -> str:
        """Why this row must stay; nothing when it may go."""
        parts = {inline.model for inline in self.inlines}
        users = [str(model._meta.verbose_name_plural) for model in _referring(found) if model not in parts]
        if not users:
            return ""
        says = _("“%(name)s” is in use (%(where)s), so it cannot be deleted. Switch it off or change it instead.")
        return says % {"name": found, "where": ", ".join(dict.fromkeys(users))}


def _referring(found: Model) -> list[type[Model]]:
    """The tables with a row that refers to this one; the tables of history do not count."""
    relations: Any = [rule for rule in found._meta.related_objects if not rule.hidden]
    return [
        rule.related_model for rule in relations
        if rule.related_model._base_manager.filter(**{rule.field.name: found}).exists()
    ]  # fmt: skip


class KeptAdmin(SetupAdmin, SimpleHistoryAdmin):
    """With the history of who changed what. It is there to be read: what was is set again by editing what is."""

    def revert_disabled(self, request: HttpRequest, obj: Any = None) -> bool:
        return True

    def history_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        if not whole(object_id):
            raise Http404
        return super().history_view(request, object_id, extra_context)

    def history_form_view(
        self, request: HttpRequest, object_id: str, version_id: str, extra_context: Any = None
    ) -> HttpResponse:
        # The package's own view stores a posted form for whoever may look.
        if request.method != "GET":
            raise PermissionDenied
        if not whole(object_id) or not whole(version_id):
            raise Http404
        return super().history_form_view(request, object_id, version_id, extra_context)


class SetupInline(SetupRights, Seeking, Explained, TabularInline):
    extra = 0


class SetupStacked(SetupRights, Seeking, Explained, StackedInline):
    extra = 0
