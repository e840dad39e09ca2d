"""What the warehouse received, what was claimed from carriers, which parcels were intercepted."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from accounts.models import Shop, User
from handoffs.models.case import Case
from handoffs.models.handoff import Handoff
from handoffs.models.parcel import Parcel


class CarrierClaim(models.Model):
    """What the shop claims from the carrier for a lost or damaged parcel (domain.md section 2, path 2). Yuan."""

    class Status(models.TextChoices):
        CLAIMED = "claimed", pgettext_lazy("of a carrier", "claimed")
        ACCEPTED = "accepted", _("accepted")
        PAID = "paid", _("paid")
        REFUSED = "refused", _("refused")
        WITHDRAWN = "withdrawn", _("withdrawn")

    class Cause(models.TextChoices):
        LOST = "lost", _("lost")
        DAMAGED = "damaged", _("damaged")
        SHORT = "short", _("contents missing")
        MISDELIVERED = "misdelivered", _("misdelivered")
        OTHER = "other", _("other")

    OPEN = (Status.CLAIMED, Status.ACCEPTED)
    VOID = (Status.REFUSED, Status.WITHDRAWN)  # no money comes of it, so it secures nothing

    case = models.ForeignKey(Case, models.PROTECT, related_name="claims", verbose_name=_("case"))
    parcel = models.ForeignKey(Parcel, models.PROTECT, related_name="claims", verbose_name=_("parcel"))
    cause = models.CharField(_("cause"), max_length=12, choices=Cause, default=Cause.LOST)
    amount = models.DecimalField(_("claimed (yuan)"), max_digits=12, decimal_places=2)
    accepted = models.DecimalField(_("accepted (yuan)"), max_digits=12, decimal_places=2, null=True, blank=True)
    accepted_at = models.DateTimeField(_("accepted at"), null=True, blank=True)
    recovered = models.DecimalField(_("paid (yuan)"), max_digits=12, decimal_places=2, null=True, blank=True)
    status = models.CharField(_("status"), max_length=10, choices=Status, default=Status.CLAIMED)
    opened_at = models.DateTimeField(_("opened at"))
    opened_by = models.ForeignKey(
        User, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("opened by")
    )
    settled_at = models.DateTimeField(_("settled at"), null=True, blank=True)
    follow_up_at = models.DateTimeField(_("to be followed up"), null=True, blank=True)
    reference = models.CharField(_("carrier's number"), max_length=80, blank=True)
    note = models.TextField(_("note"), blank=True)
    attachments = models.ManyToManyField(
        "handoffs.Attachment", blank=True, related_name="claims", verbose_name=_("evidence")
    )

    class Meta:
        verbose_name = _("carrier claim")
        verbose_name_plural = _("carrier claims")
        constraints = (
            models.UniqueConstraint(
                fields=("case", "parcel"),
                condition=~Q(status__in=("refused", "withdrawn")),
                name="one_claim_per_case_and_parcel",
            ),
            models.CheckConstraint(condition=Q(amount__gt=0), name="claim_amount_positive"),
            models.CheckConstraint(
                condition=Q(recovered__isnull=True) | Q(recovered__gte=0), name="claim_recovered_not_negative"
            ),
        )
        indexes = (models.Index(fields=("status", "follow_up_at")),)

    def __str__(self) -> str:
        return f"{self.parcel} {self.amount}"


class Receipt(models.Model):
    """A parcel that reached the warehouse, as it was found. `key` is the scanning device's: sent twice, taken once.

    An orphan belongs to no case yet: `state` says so, until somebody says whose it is or why it is nobody's.
    """

    class State(models.TextChoices):
        MATCHED = "matched", _("belongs to a case")
        ORPHAN = "orphan", _("belongs to no case yet")
        DISMISSED = "dismissed", _("settled without a case")

    key = models.CharField(max_length=64, unique=True)
    state = models.CharField(_("state"), max_length=10, choices=State)
    shop = models.ForeignKey(
        Shop, models.PROTECT, null=True, blank=True, related_name="receipts", verbose_name=_("shop")
    )
    parcel = models.ForeignKey(Parcel, models.PROTECT, null=True, blank=True, related_name="receipts")
    waybill = models.CharField(_("waybill"), max_length=64)
    carrier_text = models.CharField(_("carrier"), max_length=80, blank=True)
    grams = models.PositiveIntegerField(_("weight (g)"), null=True, blank=True)
    lines = models.JSONField(default=list, blank=True)
    note = models.TextField(_("note"), blank=True)
    by = models.ForeignKey(
        User, models.PROTECT, null=True, blank=True, related_name="receipts", verbose_name=_("received by")
    )
    at = models.DateTimeField(_("received at"))
    settled_by = models.ForeignKey(User, models.PROTECT, null=True, blank=True, related_name="+")
    settled_at = models.DateTimeField(_("settled at"), null=True, blank=True)
    settled_as = models.CharField(_("settled as"), max_length=255, blank=True)

    class Meta:
        verbose_name = _("receipt of a parcel")
        verbose_name_plural = _("receipts of parcels")
        ordering = ("-at", "-pk")
        indexes = (
            models.Index(fields=("at",), condition=Q(state="orphan"), name="orphan_parcels"),
            models.Index(fields=("waybill",)),
        )

    def __str__(self) -> str:
        return self.waybill


class Interception(models.Model):
    """Stopping or calling back a parcel: one alive per waybill, shared by all its cases; before there is a waybill,
    one per case. `key` is ours, given to the service that answers later.
    """

    class Via(models.TextChoices):
        SYSTEM = "system", _("warehouse system")
        SERVICE = "service", _("carrier's data service")
        PEOPLE = "people", _("carrier's contact or the warehouse")

    class State(models.TextChoices):
        ASKED = "asked", _("asked")
        TAKEN = "taken", _("taken, answer to come")
        STOPPED = "stopped", _("stopped")
        FAILED = "failed", _("not stopped")
        UNKNOWN = "unknown", _("unknown")

    class Payer(models.TextChoices):
        SHOP = "shop", _("the shop")
        BUYER = "buyer", _("the buyer")
        CARRIER = "carrier", _("the carrier")

    LIVE = (State.ASKED, State.TAKEN, State.UNKNOWN)

    key = models.CharField(max_length=64, unique=True)
    case = models.ForeignKey(Case, models.PROTECT, related_name="interceptions", verbose_name=_("case"))
    parcel = models.ForeignKey(Parcel, models.PROTECT, null=True, blank=True, related_name="interceptions")
    handoff = models.ForeignKey(Handoff, models.PROTECT, null=True, blank=True, related_name="interceptions")
    via = models.CharField(_("asked through"), max_length=8, choices=Via)
    state = models.CharField(_("state"), max_length=8, choices=State, default=State.ASKED)
    fee = models.DecimalField(_("fee (yuan)"), max_digits=8, decimal_places=2, null=True, blank=True)
    payer = models.CharField(_("fee paid by"), max_length=8, choices=Payer, blank=True)
    said = models.CharField(_("answer"), max_length=255, blank=True)
    by = models.ForeignKey(User, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("asked by"))
    at = models.DateTimeField(_("asked at"))
    sent_at = models.DateTimeField(null=True, blank=True)
    answered_at = models.DateTimeField(_("answered at"), null=True, blank=True)

    class Meta:
        verbose_name = _("interception")
        verbose_name_plural = _("interceptions")
        ordering = ("at", "pk")
        constraints = (
            models.UniqueConstraint(
                fields=("parcel",), condition=Q(state__in=("asked", "taken", "unknown")), name="one_live_per_waybill"
            ),
            models.UniqueConstraint(
                fields=("case",),
                condition=Q(parcel=None, state__in=("asked", "taken", "unknown")),
                name="one_live_per_case_without_waybill",
            ),
        )

    def __str__(self) -> str:
        return f"{self.parcel or self.case} {self.get_state_display()}"
