"""Set-up of carriers' data services and of warehouse systems. Secrets go in and never come out again."""

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
from handoffs.admin.addresses import LOCAL, checked, keep_secrets_here
from handoffs.admin.page import draw, page
from handoffs.models import CarrierAccount, WarehouseSystem

L = gettext_lazy
Record = CarrierAccount | WarehouseSystem
QIMEN = "qimen.api.taobao.com"  # its own address has no TLS


def _secret(label: Any, help_text: Any = "") -> forms.CharField:
    widget = UnfoldAdminPasswordWidget(attrs={"autocomplete": "new-password"})
    return forms.CharField(label=label, required=False, widget=widget, help_text=help_text)


def _widgets(*names: str, **others: Any) -> dict[str, Any]:
    return {name: UnfoldAdminTextInputWidget(attrs={"autocomplete": "off"}) for name in names} | others


class ServiceForm(forms.ModelForm):
    """An empty secret leaves the one that is kept, while the service stays where it is. `SECRETS`: their fields, the
    one that must be there first.
    """

    SECRETS: tuple[str, ...] = ()

    def clean(self) -> dict[str, Any]:
        super().clean()
        first = self.SECRETS[0]
        if not self.cleaned_data.get(first, "").strip() and not getattr(self.instance, f"sealed_{first}"):
            self.add_error(first, _("The secret is needed once; it is kept sealed."))
        keep_secrets_here(self, "address", self.SECRETS)
        return self.cleaned_data

    def clean_address(self) -> str:
        return checked(self.cleaned_data["address"], unencrypted=LOCAL | {QIMEN})


class CarrierForm(ServiceForm):
    SECRETS = ("key", "salt", "secret")
    key = _secret(L("key"), L("Signs what the desk asks."))
    salt = _secret(L("salt"), L("Kuaidi100: signs what the service pushes. Without it no push is taken."))
    secret = _secret(
        L("secret for interceptions"), L("Kuaidi100: without it parcels are stopped by the carrier's contact.")
    )

    class Meta:
        model = CarrierAccount
        fields = ("code", "service", "shop", "customer", "key", "salt", "secret", "address", "subscribes", "active")
        widgets = _widgets("code", "customer", "address", service=UnfoldAdminSelectWidget(),
                           shop=UnfoldAdminSelectWidget(), subscribes=UnfoldBooleanWidget(),
                           active=UnfoldBooleanWidget())  # fmt: skip


class WarehouseForm(ServiceForm):
    SECRETS = ("secret", "token")
    secret = _secret(L("app secret"))
    token = _secret(L("access token"), L("Jushuitan only."))

    class Meta:
        model = WarehouseSystem
        fields = ("shop", "kind", "code", "app_key", "secret", "token", "customer", "owner_code", "warehouse_code",
                  "address", "active")  # fmt: skip
        widgets = _widgets("code", "app_key", "customer", "owner_code", "warehouse_code", "address",
                           shop=UnfoldAdminSelectWidget(), kind=UnfoldAdminSelectWidget(),
                           active=UnfoldBooleanWidget())  # fmt: skip


def _page(request: HttpRequest, record: Record, form_class: type[ServiceForm], title: Any, own: str) -> HttpResponse:
    """The form of one account, or of a new one; POST stores or removes it."""
    kept_before = record.pk is not None
    if request.method == "POST" and kept_before and request.POST.get("verb") == "remove":
        record.delete()
        messages.success(request, _("Removed. Its pushes are no longer taken."))
        return redirect("admin:handoffs_connections")
    form = form_class(request.POST if request.method == "POST" else None, instance=record)
    form.fields["shop"].queryset = Shop.objects.order_by("name")  # type: ignore[attr-defined]
    if request.method == "POST" and vault.is_ready() and form.is_valid():
        record.keep(**{name: form.cleaned_data[name].strip() for name in form.SECRETS})
        form.save()
        messages.success(request, _("Saved."))
        return redirect(own, record.pk)
    kept = [name for name in form.SECRETS if getattr(record, f"sealed_{name}")] if kept_before else []
    return draw(
        request, "handoffs/goods/service.html", title=title, record=record, form=form, kept=kept,
        ready=vault.is_ready(), pushes_to=_pushes_to(record) if kept_before else "",
        status=400 if request.method == "POST" else 200,
    )  # fmt: skip


def _pushes_to(record: Record) -> str:
    """The address to give to the service; empty for one that reports nothing by itself."""
    if isinstance(record, CarrierAccount):
        return settings.BASE_URL + reverse(f"{record.service}-push", args=[record.code])
    qimen = record.kind == WarehouseSystem.Kind.QIMEN
    return settings.BASE_URL + reverse("qimen-report", args=[record.code]) if qimen else ""


@page("GET", "POST", verb="edit_setup")
def carrier(request: HttpRequest, account_id: int = 0) -> HttpResponse:
    """An account with a carriers' data service."""
    record = CarrierAccount.objects.filter(pk=account_id).first() if account_id else CarrierAccount()
    if record is None:
        raise Http404
    return _page(request, record, CarrierForm, _("Carrier data service"), "admin:handoffs_carrier_account")


@page("GET", "POST", verb="edit_setup")
def warehouse(request: HttpRequest, system_id: int = 0) -> HttpResponse:
    """A shop's warehouse system."""
    record = WarehouseSystem.objects.filter(pk=system_id).first() if system_id else WarehouseSystem()
    if record is None:
        raise Http404
    return _page(request, record, WarehouseForm, _("Warehouse system"), "admin:handoffs_warehouse_system")


PAGES = (
    ("connections/carriers/new/", carrier, "handoffs_carrier_account_new"),
    ("connections/carriers/<int:account_id>/", carrier, "handoffs_carrier_account"),
    ("connections/warehouses/new/", warehouse, "handoffs_warehouse_system_new"),
    ("connections/warehouses/<int:system_id>/", warehouse, "handoffs_warehouse_system"),
)
