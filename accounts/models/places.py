"""Where refunds come from and who moves and keeps the goods: shops, carriers with their agreements, warehouses."""

from zoneinfo import ZoneInfo, available_timezones

from django.core.exceptions import ValidationError
from django.core.validators import MinValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _
from simple_history.models import HistoricalRecords


def check_zone(value: str) -> None:
    """Refuse a time zone name that the zone database does not know."""
    if value not in available_timezones():
        raise ValidationError(
            _("“%(zone)s” is not a time zone. Use a name such as Asia/Shanghai."), params={"zone": value}
        )


class Shop(models.Model):
    """One store on one marketplace, with the policies that differ from shop to shop."""

    class Marketplace(models.TextChoices):
        TAOBAO = "taobao", _("Taobao")
        TMALL = "tmall", _("Tmall")
        JD = "jd", _("JD")

    class ReturnPolicy(models.TextChoices):
        ON_SIGNATURE = "on_signature", _("Refund when the return is signed for, put into stock afterwards")
        AFTER_INSPECTION = "after_inspection", _("Refund after inspection")

    code = models.SlugField(_("code"), max_length=40, unique=True)
    name = models.CharField(_("name"), max_length=120)
    marketplace = models.CharField(_("marketplace"), max_length=10, choices=Marketplace)
    time_zone = models.CharField(_("time zone"), max_length=64, default="Asia/Shanghai", validators=[check_zone])
    return_policy = models.CharField(
        _("return policy"), max_length=20, choices=ReturnPolicy, default=ReturnPolicy.AFTER_INSPECTION
    )
    external_qc = models.BooleanField(
        _("external quality control"),
        default=False,
        help_text=_("External inspection has 48 hours from hand-over to answer, internal 12."),
    )
    external_qc_from = models.DecimalField(
        _("external quality control from (yuan)"),
        max_digits=12,
        decimal_places=2,
        null=True,
        blank=True,
        validators=[MinValueValidator(0)],
        help_text=_("Refunds from this amount on are inspected outside. Empty: by the switch above alone."),
    )
    marketplace_collects = models.BooleanField(
        _("marketplace collects returns"),
        default=False,
        help_text=_("The courier is sent by the marketplace, so the buyer need not give a tracking number."),
    )
    warehouse = models.ForeignKey(
        "accounts.Warehouse", models.SET_NULL, null=True, blank=True, verbose_name=_("warehouse"), related_name="shops"
    )
    compensation_cap = models.DecimalField(
        _("compensation cap per order (yuan)"),
        max_digits=12,
        decimal_places=2,
        null=True,
        blank=True,
        validators=[MinValueValidator(0)],
        help_text=_("All compensation on one order together. Empty: no cap beside the limits."),
    )
    return_address = models.CharField(_("return address"), max_length=255, blank=True)
    active = models.BooleanField(_("active"), default=True)
    history = HistoricalRecords()

    class Meta:
        verbose_name = _("shop")
        verbose_name_plural = _("shops")
        ordering = ("code",)

    def __str__(self) -> str:
        return self.name

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.time_zone)


class Carrier(models.Model):
    """A parcel carrier. `names` are the ways files and people write it."""

    code = models.SlugField(_("code"), max_length=40, unique=True)
    name = models.CharField(_("name"), max_length=80)
    names = models.JSONField(
        _("other names"), default=list, blank=True, help_text=_("How files write this carrier, for example 圆通速递.")
    )
    active = models.BooleanField(_("active"), default=True)

    class Meta:
        verbose_name = _("carrier")
        verbose_name_plural = _("carriers")
        ordering = ("code",)

    def __str__(self) -> str:
        return self.name

    def called(self, text: str) -> bool:
        """Whether a file's carrier text means this carrier."""
        wanted = text.strip().casefold()
        return bool(wanted) and wanted in {name.casefold() for name in (self.code, self.name, *self.names)}


class Agreement(models.Model):
    """What was agreed with a carrier; clocks, the lost rule and claims read it (domain.md section 3)."""

    class Bearer(models.TextChoices):
        CARRIER = "carrier", _("the carrier")
        SHOP = "shop", _("the shop")

    carrier = models.OneToOneField(Carrier, models.CASCADE, related_name="agreement", verbose_name=_("carrier"))
    answer_minutes = models.PositiveIntegerField(
        _("answers within (minutes)"), default=120, validators=[MinValueValidator(1)]
    )
    lost_after_days = models.PositiveSmallIntegerField(
        _("lost after (days without an event)"), default=5, validators=[MinValueValidator(1)]
    )
    no_first_event_days = models.PositiveSmallIntegerField(
        _("handed over, no first event (days)"), default=2, validators=[MinValueValidator(1)]
    )
    undelivered_risk = models.CharField(
        _("risk of an undelivered parcel"), max_length=10, choices=Bearer, default=Bearer.CARRIER
    )
    claim_follow_up_days = models.PositiveSmallIntegerField(
        _("claim answered within (days)"), default=7, validators=[MinValueValidator(1)]
    )
    pickup_cutoff = models.TimeField(
        _("daily pickup at"),
        null=True,
        blank=True,
        help_text=_("In the shop's zone. What is to be stopped must be stopped before it."),
    )
    certificate_on_request = models.BooleanField(_("stamped certificate on request"), default=True)
    note = models.TextField(_("note"), blank=True)
    history = HistoricalRecords()

    class Meta:
        verbose_name = _("carrier agreement")
        verbose_name_plural = _("carrier agreements")

    def __str__(self) -> str:
        return f"{self.carrier}"


class Warehouse(models.Model):
    """A place where goods are picked and returns arrive."""

    code = models.SlugField(_("code"), max_length=40, unique=True)
    name = models.CharField(_("name"), max_length=80)
    address = models.CharField(_("address"), max_length=255, blank=True)
    active = models.BooleanField(_("active"), default=True)

    class Meta:
        verbose_name = _("warehouse")
        verbose_name_plural = _("warehouses")
        ordering = ("code",)

    def __str__(self) -> str:
        return self.name
