"""Set-up of shops, carriers with their agreement, and warehouses."""

from datetime import datetime
from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminTextareaWidget

from accounts.models import Agreement, Carrier, Shop, Warehouse
from handoffs.admin import setup_faults
from handoffs.admin.setup_base import KeptAdmin, SetupAdmin, SetupForm, SetupStacked, zone_field
from handoffs.admin.setup_foresight import ForeseenAdmin, Seen
from handoffs.admin.site import desk
from handoffs.flow import foresight, hindsight
from handoffs.flow.hindsight import Hindsight

FAULTS = "handoffs/setup/faults.html"


class ShopForm(SetupForm):
    time_zone = zone_field()


@admin.register(Shop, site=desk)
class ShopAdmin(KeptAdmin):
    form = ShopForm
    list_display = ("name", "code", "marketplace", "return_policy", "warehouse", "active")
    list_filter = ("marketplace", "active")
    search_fields = ("name", "code")
    list_select_related = ("warehouse",)
    list_before_template = FAULTS
    fault_topics = (setup_faults.PEOPLE, setup_faults.LEADS, setup_faults.DUTY)
    fieldsets = (
        (None, {"fields": ("name", "code", "marketplace", "time_zone", "active")}),
        (_("Returns"), {"fields": ("warehouse", "return_policy", "return_address", "external_qc",
                                   "external_qc_from", "marketplace_collects")}),
        (_("Money"), {"fields": ("compensation_cap",)}),
    )  # fmt: skip


class NamesField(forms.CharField):
    """A list of names, one a line."""

    widget = UnfoldAdminTextareaWidget(attrs={"rows": 4})

    def prepare_value(self, value: Any) -> Any:
        return "\n".join(value) if isinstance(value, list) else value

    def to_python(self, value: Any) -> Any:
        """The names without blanks and repetitions."""
        lines = value if isinstance(value, list) else str(value or "").splitlines()
        return list(dict.fromkeys(name.strip() for name in lines if name.strip()))

    def has_changed(self, initial: Any, data: Any) -> bool:
        return bool(self.to_python(initial) != self.to_python(data))


class CarrierForm(SetupForm):
    names = NamesField(
        label=_("other names"), required=False, help_text=_("How files write this carrier, one a line: 圆通速递.")
    )

    def clean(self) -> dict[str, Any]:
        """No name may mean two carriers: a file's carrier text must tell which one."""
        values: dict[str, Any] = super().clean() or {}
        others = list(Carrier.objects.exclude(pk=self.instance.pk))
        for field in ("name", "names"):
            given = values.get(field) or ()
            for name in [given] if isinstance(given, str) else given:
                if taken := next((other for other in others if other.called(name)), None):
                    says = _("“%(name)s” already means %(carrier)s.")
                    self.add_error(field, ValidationError(says, params={"name": name, "carrier": taken}))
        return values


class AgreementForm(forms.ModelForm):
    def has_changed(self) -> bool:
        """A new carrier gets its agreement also where every value is left as proposed."""
        return self.instance._state.adding or super().has_changed()


class AgreementInline(SetupStacked):
    model = Agreement
    form = AgreementForm
    min_num = 1
    max_num = 1
    can_delete = False


@admin.register(Carrier, site=desk)
class CarrierAdmin(ForeseenAdmin, SetupAdmin):
    form = CarrierForm
    list_display = ("name", "code", "known_as", "answers_within", "active")
    list_filter = ("active",)
    search_fields = ("name", "code")
    list_select_related = ("agreement",)
    inlines = (AgreementInline,)
    list_before_template = FAULTS
    fault_topics = (setup_faults.CONTACTS, setup_faults.AGREEMENTS)

    def foresee(self, saved: Any, before: Any, *, at: datetime) -> Seen:
        return foresight.of_carrier(saved, at=at)

    def look_back(self, saved: Any, *, at: datetime) -> Hindsight:
        return hindsight.of_carrier(saved, at=at)

    @admin.display(description=_("other names"))
    def known_as(self, carrier: Carrier) -> str:
        return "、".join(carrier.names)

    @admin.display(description=_("answers within (minutes)"))
    def answers_within(self, carrier: Carrier) -> str:
        agreement = getattr(carrier, "agreement", None)
        return str(agreement.answer_minutes) if agreement else "–"


@admin.register(Warehouse, site=desk)
class WarehouseAdmin(SetupAdmin):
    list_display = ("name", "code", "address", "active")
    list_filter = ("active",)
    search_fields = ("name", "code")
    list_before_template = FAULTS
    fault_topics = (setup_faults.CONTACTS,)
