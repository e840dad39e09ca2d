"""The forms of the dialogs, made from the tables of the flow so that screen and rule cannot drift apart."""

from collections.abc import Sequence
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from unfold.widgets import (
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanWidget,
)

from handoffs.flow.acts import Act
from handoffs.flow.kinds import Answer, Kind, Need
from handoffs.models import CaseLine

Choices = list[tuple[str, Any]]


def words(
    label: Any, *, required: bool = True, long: bool = False, help_text: Any = "", initial: str = ""
) -> forms.CharField:
    widget: Any = UnfoldAdminTextareaWidget(attrs={"rows": 5}) if long else UnfoldAdminTextInputWidget()
    return forms.CharField(label=label, required=required, widget=widget, help_text=help_text, initial=initial)


def choice(
    label: Any, choices: Choices, *, required: bool = True, help_text: Any = "", initial: str = ""
) -> forms.ChoiceField:
    rows = choices if required else [("", "–"), *choices]
    return forms.ChoiceField(label=label, choices=rows, required=required, widget=UnfoldAdminSelectWidget(),
                             help_text=help_text, initial=initial)  # fmt: skip


def yes_no(label: Any, help_text: Any = "") -> forms.BooleanField:
    return forms.BooleanField(label=label, required=False, widget=UnfoldBooleanWidget(), help_text=help_text)


def amount(label: Any, *, required: bool = True, initial: Any = None, help_text: Any = "") -> forms.DecimalField:
    widget = UnfoldAdminTextInputWidget(attrs={"inputmode": "decimal"})
    return forms.DecimalField(label=label, required=required, decimal_places=2, max_digits=12, widget=widget,
                              initial=initial, help_text=help_text)  # fmt: skip


def moment(label: Any, *, required: bool = True, help_text: Any = "") -> forms.DateTimeField:
    widget = UnfoldAdminTextInputWidget(attrs={"type": "datetime-local"})
    formats = ["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M"]
    return forms.DateTimeField(
        label=label, required=required, widget=widget, input_formats=formats, help_text=help_text
    )


def day(label: Any, *, required: bool = True, help_text: Any = "") -> forms.CharField:
    widget = UnfoldAdminTextInputWidget(attrs={"type": "date"})
    return forms.CharField(label=label, required=required, widget=widget, help_text=help_text)


class ManyFiles(forms.FileInput):
    allow_multiple_selected = True


class FilesField(forms.FileField):
    """Any number of photos or documents; checked by content when they are stored."""

    def clean(self, data: Any, initial: Any = None) -> list[Any]:
        files = data if isinstance(data, list | tuple) else [data] if data else []
        return [super(FilesField, self).clean(file, initial) for file in files]


def photos(help_text: Any = "") -> FilesField:
    widget = ManyFiles(attrs={"multiple": True, "accept": "image/*,application/pdf", "class": "rd-files"})
    return FilesField(label=_("Photos or documents"), required=False, widget=widget, help_text=help_text)


def camera(label: Any = "") -> FilesField:
    """A photo taken now: a phone opens its camera."""
    widget = ManyFiles(attrs={"multiple": True, "accept": "image/*", "capture": "environment", "class": "rd-files"})
    return FilesField(label=label or _("Take a photo"), required=False, widget=widget)


def form_of(fields: dict[str, forms.Field], data: Any = None, files: Any = None) -> forms.Form:
    """A form with these fields."""
    form_class = type("DialogForm", (forms.Form,), dict(fields))
    form: forms.Form = form_class(data, files)
    return form


def of_act(act: Act, message: str = "") -> dict[str, forms.Field]:
    """The fields of an act; what is required is named by the flow too, for other doors."""
    return {field.name: _of_field(field, message) for field in act.fields}


def _of_field(field: Any, message: str) -> forms.Field:
    if field.type == "choice":
        return choice(field.label, list(field.choices), required=field.required)
    if field.type == "yesno":
        return yes_no(field.label)
    if field.type == "amount":
        return amount(field.label, required=field.required)
    if field.type == "date":
        return day(field.label, required=field.required)
    return words(field.label, required=field.required, long=field.type == "long",
                 initial=message if field.name == "message" else "")  # fmt: skip


def answers_of(kind: Kind, lines: Sequence[CaseLine], role: str) -> list[Answer]:
    """The answers to offer to the asked role: an outcome per line only where there is more than one line."""
    return [answer for answer in kind.offered(role) if Need.LINES not in answer.needs or len(lines) > 1]


def of_answer(kind: Kind, role: str, lines: Sequence[CaseLine] = ()) -> dict[str, forms.Field]:
    """The fields that any answer to this question may need; which ones an answer must bring is checked by the flow."""
    answers = answers_of(kind, lines, role)
    needs = {need for answer in answers for need in answer.needs}
    fields: dict[str, forms.Field] = {
        "answer": forms.ChoiceField(
            label=_("Answer"), choices=[(a.code, a.label) for a in answers], widget=forms.RadioSelect()
        )
    }
    if Need.LINES in needs:
        outcomes = [(a.code, a.label) for a in answers if Need.LINES not in a.needs]
        for n, line in enumerate(lines):
            fields[f"line_{n}"] = choice(str(line), outcomes, required=False)
            fields[f"line_{n}_photo"] = camera(_("Photos of %(line)s") % {"line": line})
    if Need.WAYBILL in needs:
        fields |= {"waybill": words(_("waybill"), required=False), "carrier": words(_("carrier"), required=False)}
    if Need.BY in needs:
        fields["by"] = day(_("date"), required=False)
    if Need.POSITION in needs:
        fields["position"] = words(_("where it is"), required=False)
    if Need.SIGNED_AT in needs:
        fields["signed_at"] = moment(_("signed for at"), required=False)
    if Need.CONDITION in needs:
        fields["condition"] = words(_("condition of the goods"), required=False)
        fields["planned"] = words(_("planned quantity"), required=False)
        fields["actual"] = words(_("actual quantity"), required=False)
    if Need.WEIGHT in needs:
        fields["weight"] = words(_("weight (kg)"), required=False)
    fields["note"] = words(_("note"), required=False, long=True)
    fields["photo"] = camera()
    fields["files"] = photos(_("JPEG, PNG, GIF, WebP or PDF, at most 10 MB each."))
    return fields
