"""Set-up of the accounts with carriers' data services. Secrets go in and never come out again."""

from typing import Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.widgets import (
    UnfoldAdminPasswordWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanWidget,
)

from accounts import vault
from accounts.models import Shop
from handoffs.admin.page import draw, page
from handoffs.models import CarrierAccount

L = gettext_lazy
SECRETS = ("key", "salt", "secret")


def _secret(label: Any, help_text: Any) -> forms.CharField:
    widget = UnfoldAdminPasswordWidget(attrs={"autocomplete": "new-password"})
    return forms.CharField(label=label, required=False, widget=widget, help_text=help_text)


class AccountForm(forms.ModelForm):
    """An empty secret leaves the one that is kept."""

    key = _secret(L("key"), L("Signs what the desk asks."))
    salt = _secret(L("salt"), L("Kuaidi100: signs what the service pushes. Without it no push is taken."))
    secret = _secret(
        L("secret for interceptions"), L("Kuaidi100: without it parcels are stopped by the carrier's contact.")
    )

    class Meta:
        model = CarrierAccount
        fields = ("code", "service", "shop", "customer", "key", "salt", "secret", "address", "subscribes", "active")
        widgets = {
            "code": UnfoldAdminTextInputWidget(attrs={"autocomplete": "off"}),
            "service": UnfoldAdminSelectWidget(),
            "shop": UnfoldAdminSelectWidget(),
            "customer": UnfoldAdminTextInputWidget(attrs={"autocomplete": "off"}),
            "address": UnfoldAdminTextInputWidget(attrs={"inputmode": "url", "autocomplete": "off"}),
            "subscribes": UnfoldBooleanWidget(),
            "active": UnfoldBooleanWidget(),
        }

    def clean_key(self) -> str:
        value: str = self.cleaned_data["key"].strip()
        if not value and not self.instance.sealed_key:
            raise forms.ValidationError(_("The secret is needed once; it is kept sealed."))
        return value

    def clean_address(self) -> str:
        value: str = self.cleaned_data["address"].strip()
        local = value.startswith(("http://127.0.0.1", "http://localhost"))
        if value and not value.startswith("https://") and not local:
            raise forms.ValidationError(_("The address begins with https://."))
        return value


@page("GET", "POST", verb="edit_setup")
def account(request: HttpRequest, account_id: int = 0) -> HttpResponse:
    """The form of one account, or of a new one; POST stores or removes it."""
    record = CarrierAccount.objects.filter(pk=account_id).first() if account_id else CarrierAccount()
    if record is None:
        raise Http404
    if request.method == "POST" and account_id and request.POST.get("verb") == "remove":
        record.delete()
        messages.success(request, _("Removed. Its pushes are no longer taken."))
        return redirect("admin:handoffs_connections")
    form = AccountForm(request.POST if request.method == "POST" else None, instance=record)
    form.fields["shop"].queryset = Shop.objects.order_by("name")  # type: ignore[attr-defined]
    if request.method == "POST" and vault.is_ready() and form.is_valid():
        record.keep(**{name: form.cleaned_data[name].strip() for name in SECRETS})
        form.save()
        messages.success(request, _("Saved."))
        return redirect("admin:handoffs_carrier_account", record.pk)
    kept = [name for name in SECRETS if getattr(record, f"sealed_{name}")] if account_id else []
    return draw(
        request, "handoffs/goods/carrier_account.html", title=_("Carrier data service"), record=record, form=form,
        kept=kept, ready=vault.is_ready(), pushes_to=_pushes_to(record) if account_id else "",
        status=400 if request.method == "POST" else 200,
    )  # fmt: skip


def _pushes_to(record: CarrierAccount) -> str:
    """The address to give to the service."""
    return settings.BASE_URL + reverse(f"{record.service}-push", args=[record.code])


PAGES = (
    ("connections/carriers/new/", account, "handoffs_carrier_account_new"),
    ("connections/carriers/<int:account_id>/", account, "handoffs_carrier_account"),
)
