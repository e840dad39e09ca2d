"""Who is on duty, and who is the designated contact (接口人) for whom."""

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _
from simple_history.models import HistoricalRecords

from accounts.models.people import Role, User
from accounts.models.places import Carrier, Shop, Warehouse


class DutyShift(models.Model):
    """A stretch of duty. `ends_at` empty: on duty until switched off. A stand-in takes what is meant for the person."""

    user = models.ForeignKey(User, models.CASCADE, related_name="shifts", verbose_name=_("user"))
    starts_at = models.DateTimeField(_("from"))
    ends_at = models.DateTimeField(_("to"), null=True, blank=True)
    stand_in = models.ForeignKey(
        User,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="stands_in_for",
        verbose_name=_("stand-in"),
        help_text=_("Takes over during this stretch; the person counts as off duty."),
    )
    note = models.TextField(_("note for who follows"), blank=True, editable=False)

    class Meta:
        verbose_name = _("duty shift")
        verbose_name_plural = _("duty shifts")
        ordering = ("-starts_at",)
        indexes = (models.Index(fields=("user", "starts_at")),)
        constraints = (
            models.CheckConstraint(
                condition=Q(ends_at__isnull=True) | Q(ends_at__gt=F("starts_at")), name="shift_ends_after_it_starts"
            ),
            models.CheckConstraint(
                condition=Q(stand_in__isnull=True) | ~Q(stand_in=F("user")), name="nobody_stands_in_for_oneself"
            ),
        )

    def __str__(self) -> str:
        return f"{self.user} {self.starts_at:%Y-%m-%d %H:%M}"


class Contact(models.Model):
    """The one designated contact of a counterpart for a carrier, a warehouse or a shop, with a deputy."""

    COUNTERPARTS = (Role.LOGISTICS, Role.SUPERVISOR, Role.WAREHOUSE, Role.QC)

    role = models.CharField(_("counterpart"), max_length=12, choices=[(r.value, r.label) for r in COUNTERPARTS])
    carrier = models.ForeignKey(Carrier, models.CASCADE, null=True, blank=True, verbose_name=_("carrier"))
    warehouse = models.ForeignKey(Warehouse, models.CASCADE, null=True, blank=True, verbose_name=_("warehouse"))
    shop = models.ForeignKey(Shop, models.CASCADE, null=True, blank=True, verbose_name=_("shop"))
    user = models.ForeignKey(User, models.PROTECT, related_name="contact_for", verbose_name=_("contact"))
    deputy = models.ForeignKey(
        User, models.SET_NULL, null=True, blank=True, related_name="deputy_for", verbose_name=_("deputy")
    )
    history = HistoricalRecords()

    class Meta:
        verbose_name = _("designated contact")
        verbose_name_plural = _("designated contacts")
        ordering = ("role", "pk")
        constraints = (
            *(
                models.UniqueConstraint(
                    fields=("role", place), condition=Q(**{f"{place}__isnull": False}), name=f"one_contact_per_{place}"
                )
                for place in ("carrier", "warehouse", "shop")
            ),
            models.CheckConstraint(
                condition=Q(deputy__isnull=True) | ~Q(deputy=F("user")), name="deputy_is_another_person"
            ),
        )

    def __str__(self) -> str:
        return f"{self.get_role_display()} · {self.carrier or self.warehouse or self.shop} · {self.user}"

    def clean(self) -> None:
        """A contact belongs to exactly one carrier, warehouse or shop, and to the counterpart that fits it."""
        if sum(bool(x) for x in (self.carrier_id, self.warehouse_id, self.shop_id)) != 1:
            raise ValidationError(_("Choose one of carrier, warehouse or shop."))
        if (self.role == Role.LOGISTICS) != bool(self.carrier_id):
            raise ValidationError({"carrier": _("Logistics contacts belong to a carrier, the others do not.")})
        if self.deputy_id and self.deputy_id == self.user_id:
            raise ValidationError({"deputy": _("The deputy must be another person.")})
