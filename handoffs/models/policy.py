"""What those with the right may edit: deadlines and their steps, calendars, reasons, reply templates."""

from typing import ClassVar

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _
from simple_history.models import HistoricalRecords

from accounts.models import Shop
from accounts.models.places import check_zone
from handoffs.models.clock import ClockKind
from handoffs.models.handoff import HandoffKind


class Calendar(models.Model):
    """Working time: windows per weekday in a zone. A calendar without windows runs round the clock."""

    name = models.CharField(_("name"), max_length=80, unique=True)
    time_zone = models.CharField(_("time zone"), max_length=64, default="Asia/Shanghai", validators=[check_zone])
    holidays = models.BooleanField(_("follows Chinese public holidays and make-up working days"), default=True)
    history = HistoricalRecords()

    class Meta:
        verbose_name = _("calendar")
        verbose_name_plural = _("calendars")
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name


class CalendarWindow(models.Model):
    """A stretch of working time on a weekday. End 00:00 means midnight at the end of the day."""

    WEEKDAYS = (
        (0, _("Monday")),
        (1, _("Tuesday")),
        (2, _("Wednesday")),
        (3, _("Thursday")),
        (4, _("Friday")),
        (5, _("Saturday")),
        (6, _("Sunday")),
    )

    calendar = models.ForeignKey(Calendar, models.CASCADE, related_name="windows", verbose_name=_("calendar"))
    weekday = models.PositiveSmallIntegerField(_("weekday"), choices=WEEKDAYS)
    start = models.TimeField(_("from"))
    end = models.TimeField(_("to"))
    history = HistoricalRecords()

    class Meta:
        verbose_name = _("working window")
        verbose_name_plural = _("working windows")
        ordering = ("weekday", "start")

    def __str__(self) -> str:
        return f"{self.get_weekday_display()} {self.start:%H:%M}–{self.end:%H:%M}"

    def clean(self) -> None:
        """A window ends after it starts (00:00 is the end of the day) and overlaps no other of its day."""
        if self.end <= self.start and self.end.isoformat() != "00:00:00":
            raise ValidationError({"end": _("The window must end after it starts.")})


class CalendarDay(models.Model):
    """A public holiday or a make-up working day (调休)."""

    class Kind(models.TextChoices):
        REST = "rest", _("public holiday")
        WORK = "work", _("make-up working day")

    day = models.DateField(_("day"), unique=True)
    kind = models.CharField(_("kind"), max_length=4, choices=Kind)
    name = models.CharField(_("name"), max_length=80, blank=True)

    class Meta:
        verbose_name = _("calendar day")
        verbose_name_plural = _("calendar days")
        ordering = ("day",)

    def __str__(self) -> str:
        return f"{self.day} {self.get_kind_display()}"


class ClockPolicy(models.Model):
    """How long an obligation has. The shop's own row goes before the one for all shops."""

    clock = models.CharField(_("clock"), max_length=16, choices=ClockKind)
    handoff_kind = models.CharField(_("handoff"), max_length=24, choices=HandoffKind, blank=True)
    shop = models.ForeignKey(Shop, models.CASCADE, null=True, blank=True, verbose_name=_("shop"))
    minutes = models.PositiveIntegerField(_("minutes"), validators=[MinValueValidator(1), MaxValueValidator(527_040)])
    difficult_minutes = models.PositiveIntegerField(
        _("minutes when difficult"), null=True, blank=True, validators=[MinValueValidator(1)]
    )
    external_minutes = models.PositiveIntegerField(
        _("minutes when external"), null=True, blank=True, validators=[MinValueValidator(1)]
    )
    calendar = models.ForeignKey(
        Calendar,
        models.PROTECT,
        null=True,
        blank=True,
        verbose_name=_("calendar"),
        help_text=_("Empty: round the clock."),
    )
    history = HistoricalRecords()

    class Meta:
        verbose_name = _("deadline")
        verbose_name_plural = _("deadlines")
        ordering = ("clock", "handoff_kind", "shop")
        constraints = (
            models.UniqueConstraint(
                fields=("clock", "handoff_kind"), condition=Q(shop=None), name="one_deadline_for_all_shops"
            ),
            models.UniqueConstraint(
                fields=("clock", "handoff_kind", "shop"), condition=Q(shop__isnull=False), name="one_deadline_per_shop"
            ),
            models.CheckConstraint(condition=Q(minutes__gt=0), name="deadline_minutes_positive"),
        )

    def __str__(self) -> str:
        minutes = _("%d min") % self.minutes
        return f"{self.get_handoff_kind_display() or self.get_clock_display()}: {minutes}"


class PolicyStep(models.Model):
    """One step of enforcement at a share of the time allowed. Rows without a clock hold for every clock."""

    class Act(models.TextChoices):
        REMIND = "remind", _("remind")
        LATE = "late", _("mark late")
        ESCALATE = "escalate", _("escalate")

    class To(models.TextChoices):
        HOLDER = "holder", _("whoever holds it")
        ASKER_AND_LEAD = "asker_and_lead", _("the asker and the lead")
        MANAGER = "manager", _("the shop's manager")

    clock = models.CharField(
        _("clock"), max_length=16, choices=ClockKind, blank=True, help_text=_("Empty: every clock.")
    )
    act = models.CharField(_("step"), max_length=10, choices=Act)
    percent = models.PositiveSmallIntegerField(
        # xgettext:no-python-format
        _("at % of the time"),
        validators=[MinValueValidator(1), MaxValueValidator(1000)],
    )
    to = models.CharField(_("tells"), max_length=16, choices=To)
    history = HistoricalRecords()

    class Meta:
        verbose_name = _("step")
        verbose_name_plural = _("steps")
        ordering = ("clock", "percent")
        constraints = (
            models.UniqueConstraint(fields=("clock", "percent"), name="one_step_per_clock_and_share"),
            models.CheckConstraint(condition=Q(percent__gt=0), name="step_share_positive"),
        )

    def __str__(self) -> str:
        return f"{self.percent} % {self.get_act_display()}"

    def clean(self) -> None:
        """Reminders come before due, late exactly at due, escalation after."""
        share = self.percent or 0  # an empty one is complained of already
        fits = {"remind": share < 100, "late": share == 100, "escalate": share > 100}
        if share and not fits.get(self.act, True):
            raise ValidationError({"percent": _("Remind before 100 %, mark late at 100 %, escalate after 100 %.")})


class Reason(models.Model):
    """A reason buyers choose, and what it means for the shop. Unknown texts leave the choice to the agent."""

    marketplace = models.CharField(_("marketplace"), max_length=10, choices=Shop.Marketplace)
    text = models.CharField(_("text"), max_length=255)
    compensation = models.BooleanField(_("claims compensation"), default=False)
    shown_publicly = models.BooleanField(_("shown publicly"), default=False)
    refusable = models.BooleanField(_("may be refused"), default=True)
    history = HistoricalRecords()

    class Meta:
        verbose_name = _("reason")
        verbose_name_plural = _("reasons")
        ordering = ("marketplace", "text")
        constraints = (models.UniqueConstraint(fields=("marketplace", "text"), name="one_reason_per_marketplace"),)

    def __str__(self) -> str:
        return self.text


class ReplyTemplate(models.Model):
    """A prepared reply with {variables}. A shop's own goes before the one for all shops."""

    shop = models.ForeignKey(Shop, models.CASCADE, null=True, blank=True, verbose_name=_("shop"))
    language = models.CharField(_("language"), max_length=10, choices=settings.LANGUAGES)
    code = models.SlugField(_("code"), max_length=40)
    title = models.CharField(_("title"), max_length=80)
    body = models.TextField(_("text"))
    history = HistoricalRecords()

    class Meta:
        verbose_name = _("reply template")
        verbose_name_plural = _("reply templates")
        ordering = ("code", "language")
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=("language", "code"), condition=Q(shop=None), name="one_template_for_all_shops"
            ),
            models.UniqueConstraint(
                F("shop"), F("language"), F("code"), condition=Q(shop__isnull=False), name="one_template_per_shop"
            ),
        ]

    def __str__(self) -> str:
        return self.title
