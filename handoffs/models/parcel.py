"""Parcels, outbound and return, what was heard of them, and who tells us (domain.md section 2)."""

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Right
from django.utils.translation import gettext_lazy as _

from accounts import vault
from accounts.models import Carrier, Shop, User
from handoffs.models.case import Case


class ParcelState(models.TextChoices):
    """Where a parcel is, in one vocabulary for all carriers. Empty: nothing was heard yet."""

    NO_TRACE = "no_trace", _("no trace")
    UNKNOWN = "unknown", _("unknown")
    ORDERED = "ordered", _("waybill made, not handed over")
    PICKED_UP = "picked_up", _("picked up")
    IN_TRANSIT = "in_transit", _("on the way")
    CUSTOMS = "customs", _("in customs")
    OUT_FOR_DELIVERY = "out_for_delivery", _("out for delivery")
    AT_OUTLET = "at_outlet", _("at a locker or station")
    SIGNED = "signed", _("signed for")
    SIGNED_BY_OTHER = "signed_by_other", _("signed for by somebody else")
    PROBLEM = "problem", _("problem parcel")
    REFUSED = "refused", _("refused at the door")
    RETURNING = "returning", _("on its way back")
    RETURNED_SIGNED = "returned_signed", _("back and signed for")
    CANCELLED = "cancelled", _("waybill given up")


class Parcel(models.Model):
    """One waybill of one shop; several cases may share it, several may belong to one case.

    `state` is what all its events come to, `state_at` the time of the newest. `replaced_by`: it goes on under another
    number, or the goods were sent again; it no longer says where they are. `pending`: its cases have not followed yet.
    """

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
    state = models.CharField(_("state"), max_length=16, choices=ParcelState, blank=True)
    raw_state = models.CharField(_("state in the carrier's words"), max_length=40, blank=True)
    state_at = models.DateTimeField(_("last event"), null=True, blank=True)
    handed_over_at = models.DateTimeField(_("handed over"), null=True, blank=True)
    lost_at = models.DateTimeField(_("counted lost at"), null=True, blank=True)
    signed_at = models.DateTimeField(_("signed for at"), null=True, blank=True)
    replaced_by = models.ForeignKey(
        "self", models.SET_NULL, null=True, blank=True, related_name="replaces", verbose_name=_("goes on as")
    )
    again = models.BooleanField(_("sent again"), default=False)
    grams = models.PositiveIntegerField(_("weight (g)"), null=True, blank=True)
    pending = models.BooleanField(default=False)
    pending_since = models.DateTimeField(null=True, blank=True)
    subscribed_at = models.DateTimeField(null=True, blank=True)
    queried_at = models.DateTimeField(null=True, blank=True)
    archived_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = _("parcel")
        verbose_name_plural = _("parcels")
        constraints = (
            models.UniqueConstraint(fields=("shop", "leg", "waybill"), name="one_parcel_per_shop_leg_and_waybill"),
            models.CheckConstraint(condition=~Q(waybill=""), name="parcel_has_a_waybill"),
            models.CheckConstraint(
                condition=Q(replaced_by=None) | ~Q(replaced_by=F("pk")), name="parcel_does_not_replace_itself"
            ),
        )
        indexes = (
            models.Index(fields=("waybill",)),
            models.Index(Right("waybill", 8), condition=Q(leg="return"), name="tails_of_returns"),
            models.Index(fields=("pending_since",), condition=Q(pending=True), name="parcels_to_follow"),
        )

    def __str__(self) -> str:
        return f"{self.carrier or self.carrier_text} {self.waybill}".strip()


class ParcelEvent(models.Model):
    """One line of a parcel's trace, kept as it came beside what it means. Each once: `digest` is its time and words."""

    class Source(models.TextChoices):
        PUSH = "push", _("pushed by the carrier's service")
        QUERY = "query", _("asked of the carrier's service")
        API = "api", _("pushed by another system")
        FILE = "file", _("file")
        HAND = "hand", _("entered by hand")

    parcel = models.ForeignKey(Parcel, models.CASCADE, related_name="events")
    at = models.DateTimeField(_("at"))
    state = models.CharField(_("state"), max_length=16, choices=ParcelState)
    raw_state = models.CharField(_("state in the carrier's words"), max_length=40, blank=True)
    text = models.CharField(_("text"), max_length=500, blank=True)
    place = models.CharField(_("place"), max_length=120, blank=True)
    new_waybill = models.CharField(_("goes on as"), max_length=64, blank=True, default="")
    source = models.CharField(_("source"), max_length=8, choices=Source)
    received_at = models.DateTimeField(_("received"))
    by = models.ForeignKey(User, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("by"))
    digest = models.CharField(max_length=32)

    class Meta:
        verbose_name = _("parcel event")
        verbose_name_plural = _("parcel events")
        ordering = ("at", "pk")
        constraints = (models.UniqueConstraint(fields=("parcel", "digest"), name="each_event_once"),)

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M} {self.text or self.get_state_display()}"


class CarrierAccount(models.Model):
    """An account with a carriers' data service. Secrets are sealed at rest and never shown again.

    `code` stands in the address that the service pushes to.
    """

    class Service(models.TextChoices):
        KUAIDI100 = "kuaidi100", _("Kuaidi100")
        KDNIAO = "kdniao", _("Kdniao")

    code = models.SlugField(_("code"), max_length=40, unique=True)
    service = models.CharField(_("service"), max_length=12, choices=Service, default=Service.KUAIDI100)
    shop = models.ForeignKey(
        Shop, models.CASCADE, null=True, blank=True, verbose_name=_("shop"), help_text=_("Empty: for all shops.")
    )
    customer = models.CharField(_("customer number"), max_length=80)
    sealed_key = models.TextField(editable=False, blank=True)
    sealed_salt = models.TextField(editable=False, blank=True)
    sealed_secret = models.TextField(editable=False, blank=True)
    address = models.CharField(
        _("address of the service"), max_length=255, blank=True, help_text=_("Empty: the service's own.")
    )
    subscribes = models.BooleanField(
        _("subscribes new parcels"),
        default=True,
        help_text=_("Needs an address of this desk that the service reaches."),
    )
    active = models.BooleanField(_("in use"), default=True)
    last_push_at = models.DateTimeField(_("last push"), null=True, blank=True, editable=False)
    error = models.CharField(_("last error"), max_length=255, blank=True, editable=False)

    class Meta:
        verbose_name = _("carrier data service")
        verbose_name_plural = _("carrier data services")
        ordering = ("code",)

    def __str__(self) -> str:
        return f"{self.get_service_display()} {self.code}"

    def keep(self, **secrets: str) -> None:
        """Seal `key`, `salt`, `secret`; an empty value leaves what is kept."""
        for name in ("key", "salt", "secret"):
            if value := secrets.get(name):
                setattr(self, f"sealed_{name}", vault.seal(value))

    def opened(self, name: str) -> str:
        """A secret in plain; empty where none is kept. Raises vault.Sealed with the wrong key at hand."""
        sealed: str = getattr(self, f"sealed_{name}")
        return vault.unseal(sealed) if sealed else ""
