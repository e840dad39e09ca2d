"""Set-up of a shop's connection to its marketplace. Secrets go in and never come out again."""

from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.widgets import UnfoldAdminPasswordWidget, UnfoldAdminTextInputWidget, UnfoldBooleanWidget

from accounts import vault
from accounts.models import Shop
from handoffs import connections
from handoffs.admin.addresses import checked, keep_secrets_here
from handoffs.admin.page import draw, page, person
from handoffs.admin.setup_base import allowed
from handoffs.models import CarrierAccount, Connection, WarehouseSystem

L = gettext_lazy


class ConnectionForm(forms.ModelForm):
    """An empty secret leaves the one that is kept, while the gateway stays where it is."""

    secret = forms.CharField(label=L("app secret"), required=False,
                             widget=UnfoldAdminPasswordWidget(attrs={"autocomplete": "new-password"}))  # fmt: skip
    session = forms.CharField(label=L("session key (access token)"), required=False,
                              widget=UnfoldAdminPasswordWidget(attrs={"autocomplete": "new-password"}))  # fmt: skip

    class Meta:
        model = Connection
        fields = ("app_key", "secret", "session", "operator", "return_address_id", "return_name", "return_phone",
                  "return_post", "gateway", "active")  # fmt: skip
        widgets = {
            "app_key": UnfoldAdminTextInputWidget(attrs={"autocomplete": "off"}),
            "operator": UnfoldAdminTextInputWidget(attrs={"autocomplete": "off"}),
            "return_address_id": UnfoldAdminTextInputWidget(attrs={"inputmode": "numeric"}),
            "return_name": UnfoldAdminTextInputWidget(),
            "return_phone": UnfoldAdminTextInputWidget(),
            "return_post": UnfoldAdminTextInputWidget(),
            "gateway": UnfoldAdminTextInputWidget(attrs={"inputmode": "url", "autocomplete": "off"}),
            "active": UnfoldBooleanWidget(),
        }

    def clean_secret(self) -> str:
        value: str = self.cleaned_data["secret"].strip()
        if not value and not self.instance.sealed_secret:
            raise forms.ValidationError(_("The secret is needed once; it is kept sealed."))
        return value

    def clean_gateway(self) -> str:
        return checked(self.cleaned_data["gateway"])

    def clean(self) -> dict[str, Any]:
        super().clean()
        keep_secrets_here(self, "gateway", ("secret", "session"))
        return self.cleaned_data


def _guard(request: HttpRequest, verb: str) -> None:
    if not allowed(request, verb):
        raise PermissionDenied


@page("GET")
def shops(request: HttpRequest) -> HttpResponse:
    """Every shop with its connection, or that it is worked by hand."""
    _guard(request, "see_setup")
    rows = Shop.objects.select_related("connection").order_by("name")
    listed = [{"shop": shop, "connection": getattr(shop, "connection", None)} for shop in rows]
    may_edit = allowed(request, "edit_setup")
    return draw(request, "handoffs/money/connections.html", title=_("Connections"), rows=listed, may_edit=may_edit,
                accounts=CarrierAccount.objects.select_related("shop"),
                systems=WarehouseSystem.objects.select_related("shop"))  # fmt: skip


@page("GET", "POST")
def one_shop(request: HttpRequest, shop_id: int) -> HttpResponse:
    """The form of one shop; POST stores, tests or removes its connection."""
    _guard(request, "edit_setup")
    shop = Shop.objects.select_related("connection").filter(pk=shop_id).first()
    if shop is None:
        raise Http404
    found: Connection | None = getattr(shop, "connection", None)
    verb = request.POST.get("verb", "")
    if request.method == "POST" and found is not None and verb == "remove":
        found.delete()
        messages.success(request, _("The connection was removed. The shop is worked by hand."))
        return redirect("admin:handoffs_connections")
    if request.method == "POST" and found is not None and verb == "test":
        return _tested(request, found)
    record = found or Connection(shop=shop)
    form = ConnectionForm(request.POST if request.method == "POST" else None, instance=record)
    if request.method == "POST" and vault.is_ready() and form.is_valid():
        _store(request, form, record)
        return _tested(request, record)
    context = {"shop": shop, "connection": found, "form": form, "ready": vault.is_ready()}
    status = 400 if request.method == "POST" else 200
    return draw(request, "handoffs/money/connection.html", title=shop.name, status=status, **context)


def _store(request: HttpRequest, form: ConnectionForm, record: Connection) -> None:
    record.keep(secret=form.cleaned_data["secret"], session=form.cleaned_data["session"].strip())
    record.changed_by, record.changed_at = person(request), timezone.now()
    form.save()


def _tested(request: HttpRequest, record: Connection) -> HttpResponse:
    connections.test(record, at=timezone.now())
    say: Any = messages.success if record.test_ok else messages.error
    say(request, _("It works: %(said)s") % {"said": record.test_result} if record.test_ok
        else _("It does not work: %(said)s") % {"said": record.test_result})  # fmt: skip
    return redirect("admin:handoffs_connection", record.shop_id)


PAGES = (
    ("connections/", shops, "handoffs_connections"),
    ("connections/<int:shop_id>/", one_shop, "handoffs_connection"),
)
