"""Set-up of the designated contacts (接口人) with their deputies, and of who is on duty when."""

from typing import Any

from django.contrib import admin
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from accounts.models import Contact, DutyShift, Membership, User
from accounts.models.people import Role
from handoffs.admin import setup_faults
from handoffs.admin.setup_base import KeptAdmin, SetupAdmin, SetupForm
from handoffs.admin.setup_places import FAULTS
from handoffs.admin.site import desk

TAKEN = _("There is already a contact for this. Change that one.")


def _answers_for(person: User, role: str) -> bool:
    """Whether the person has the role in any shop; managers answer for all roles."""
    return Membership.objects.filter(user=person, role__in=(role, Role.MANAGER)).exists()


class ContactForm(SetupForm):
    """A contact must be able to answer: the role, and one place that fits it."""

    SAYS = {
        "one_contact_per_carrier": ("carrier", TAKEN),
        "one_contact_per_warehouse": ("warehouse", TAKEN),
        "one_contact_per_shop": ("shop", TAKEN),
        "deputy_is_another_person": ("deputy", _("The deputy must be another person.")),
    }

    def clean(self) -> dict[str, Any]:
        values: dict[str, Any] = super().clean() or {}
        role = values.get("role")
        for field in ("user", "deputy"):
            person = values.get(field)
            if person and role and not _answers_for(person, role):
                says = _("%(person)s is not in the role %(role)s in any shop. Add the membership first.")
                shown = {"person": person, "role": Role(role).label}
                self.add_error(field, ValidationError(says, params=shown))
        if role == Role.SUPERVISOR and values.get("warehouse"):
            self.add_error("warehouse", _("A supervisor is the contact of a shop."))
        return values


@admin.register(Contact, site=desk)
class ContactAdmin(KeptAdmin):
    form = ContactForm
    list_display = ("place", "role", "user", "deputy")
    list_filter = ("role",)
    search_fields = ("user__name", "deputy__name", "carrier__name", "warehouse__name", "shop__name")
    list_select_related = ("carrier", "warehouse", "shop", "user", "deputy")
    autocomplete_fields = ("user", "deputy")
    fields = ("role", "carrier", "warehouse", "shop", "user", "deputy")
    list_before_template = FAULTS
    fault_topics = (setup_faults.CONTACTS,)

    @admin.display(description=_("contact for"))
    def place(self, contact: Contact) -> str:
        return str(contact.carrier or contact.warehouse or contact.shop)


class DutyShiftForm(SetupForm):
    SAYS = {
        "shift_ends_after_it_starts": ("ends_at", _("The shift must end after it starts.")),
        "nobody_stands_in_for_oneself": ("stand_in", _("The stand-in must be another person.")),
    }

    def clean(self) -> dict[str, Any]:
        """A stand-in takes what is meant for the person, so needs one of the person's roles."""
        values: dict[str, Any] = super().clean() or {}
        user, stand_in = values.get("user"), values.get("stand_in")
        if user and stand_in and user != stand_in:
            held = Membership.objects.filter(user=user).values("role")
            if not Membership.objects.filter(user=stand_in, role__in=held).exists():
                says = _("%(person)s shares no role with %(other)s.")
                self.add_error("stand_in", ValidationError(says, params={"person": stand_in, "other": user}))
        return values


@admin.register(DutyShift, site=desk)
class DutyShiftAdmin(SetupAdmin):
    form = DutyShiftForm
    list_display = ("user", "starts_at", "ends_at", "stand_in")
    list_select_related = ("user", "stand_in")
    search_fields = ("user__name", "stand_in__name")
    autocomplete_fields = ("user", "stand_in")
    date_hierarchy = "starts_at"
    list_before_template = FAULTS
    fault_topics = (setup_faults.DUTY,)
