"""The form with which a file of refund applications is uploaded."""

from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from accounts.models import Shop
from handoffs.intake import FORMATS

MAX_BYTES = 200 * 1024 * 1024
AHEAD = timedelta(minutes=10)  # clocks of people's machines differ


NAMES = {
    "auto": _("recognise by itself"),
    "qianniu": _("Qianniu export"),
    "jd": _("JD export"),
    "top": _("Taobao JSON"),
    "jd_api": _("JD JSON"),
    "parcels": _("parcel events"),
}


class UploadForm(forms.Form):
    """A file for a shop; `as_of` is the moment the file speaks of."""

    shop = forms.ModelChoiceField(Shop.objects.none(), label=_("shop"), widget=UnfoldAdminSelectWidget())
    file = forms.FileField(
        label=_("file"),
        help_text=_("csv, tsv, xlsx, xls or JSON, at most 200 MB."),
        widget=forms.FileInput(attrs={"class": "rd-files", "data-rd-dates": "id_as_of"}),
        allow_empty_file=True,
        error_messages={"required": _("Choose a file.")},
    )
    format = forms.ChoiceField(
        label=_("format"),
        choices=[(name, NAMES[name]) for name in FORMATS],
        initial="auto",
        widget=UnfoldAdminSelectWidget(),
    )
    as_of = forms.DateTimeField(
        label=_("as of"),
        required=False,
        help_text=_("When the file was downloaded. A file never overwrites what is newer than this. Empty: now."),
        widget=UnfoldAdminTextInputWidget(attrs={"type": "datetime-local", "step": "1"}),
        input_formats=["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"],
    )

    def __init__(self, shops: frozenset[int], *args: Any) -> None:
        super().__init__(*args)
        field: Any = self.fields["shop"]
        field.queryset = Shop.objects.filter(pk__in=shops, active=True)
        if field.queryset.count() == 1:
            field.initial = field.queryset.get()

    def clean_file(self) -> Any:
        file = self.cleaned_data["file"]
        if file.size > MAX_BYTES:
            raise forms.ValidationError(_("The file is larger than 200 MB. Split it, or use the import command."))
        return file

    def clean_as_of(self) -> datetime | None:
        given: datetime | None = self.cleaned_data["as_of"]
        if given is not None and given > timezone.now() + AHEAD:
            raise forms.ValidationError(_("A file cannot speak of the future."))
        return given
