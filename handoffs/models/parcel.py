"""Parcels, outbound and return, and the claims against carriers that lost one."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from accounts.models import Carrier, Shop
from handoffs.models.case import Case


class Parcel(models.Model):
    """One waybill of one shop; several cases may share it, several may belong to one case."""

    class Leg(models.TextChoices):
        OUTBOUND = "outbound", _("to the buyer")
        RETURN = "return", _("back to the shop")

    shop = models.ForeignKey(Shop, models.PROTECT, related_name="parcels", verbose_name=_("shop"))
    leg = models.CharField(_("leg"), max_length=8, choices=Leg, default=Leg.OUTBOUND)
    carrier = models.ForeignKey(Carrier, models.PROTECT, null=True, blank=True, verbose_name=_("carrier"))
    carrier_text = models.CharField(_("carrier as received"), max_length=80, blank=True)
    waybill = models.CharField(_("waybill"), max_length=64)
    cases = models.ManyToManyField(Case, related_name="parcels", verbose_name=_("cases"))
    created_at = models.DateTimeField(_("known since"))

    class Meta:
        verbose_name = _("parcel")
        verbose_name_plural = _("parcels")
        constraints = (
            models.UniqueConstraint(fields=("shop", "leg", "waybill"), name="one_parcel_per_shop_leg_and_waybill"),
            models.CheckConstraint(condition=~Q(waybill=""), name="parcel_has_a_waybill"),
        )
        indexes = (models.Index(fields=("waybill",)),)

    def __str__(self) -> str:
        return f"{self.carrier or self.carrier_text} {self.waybill}".strip()


class CarrierClaim(models.Model):
    """What the shop claims from the carrier for a lost or damaged parcel (domain.md section 2, path 2)."""

    class Status(models.TextChoices):
        CLAIMED = "claimed", pgettext_lazy("of a carrier", "claimed")
        ACCEPTED = "accepted", _("accepted")
        PAID = "paid", _("paid")
        REFUSED = "refused", _("refused")

    case = models.ForeignKey(Case, models.PROTECT, related_name="claims", verbose_name=_("case"))
    parcel = models.ForeignKey(Parcel, models.PROTECT, related_name="claims", verbose_name=_("parcel"))
    amount = models.DecimalField(_("amount (yuan)"), max_digits=12, decimal_places=2)
    status = models.CharField(_("status"), max_length=10, choices=Status, default=Status.CLAIMED)
    opened_at = models.DateTimeField(_("opened at"))
    note = models.TextField(_("note"), blank=True)

    class Meta:
        verbose_name = _("carrier claim")
        verbose_name_plural = _("carrier claims")
        constraints = (
            models.UniqueConstraint(fields=("case", "parcel"), name="one_claim_per_case_and_parcel"),
            models.CheckConstraint(condition=Q(amount__gt=0), name="claim_amount_positive"),
        )

    def __str__(self) -> str:
        return f"{self.parcel} {self.amount}"
