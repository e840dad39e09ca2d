"""Clocks: every obligation with its deadline (domain.md section 4). Kept narrow; the sweep lives on this table."""

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from accounts.models.people import Role
from handoffs.models.case import Case
from handoffs.models.handoff import Handoff


class ClockKind(models.TextChoices):
    FIRST_RESPONSE = "first_response", _("first response")
    HANDOFF = "handoff", _("handoff")
    DECIDE = "decide", _("decide")
    CARRY_OUT = "carry_out", _("carry out")
    RETURN_NUMBER = "return_number", _("return number")
    RETURN_PROMISED = "return_promised", _("promised return")
    PARCEL_SILENCE = "parcel_silence", _("parcel silence")
    CLAIM = "claim", _("carrier claim")
    BUYER_EDIT = "buyer_edit", _("buyer's edit")
    TRANSPORT = "transport", _("transport to quality control")
    MARKETPLACE = "marketplace", _("marketplace deadline")


class Terms(models.Model):
    """The policy a clock was started under, kept word for word and shared by all clocks started under the same."""

    digest = models.CharField(max_length=64, unique=True)
    data = models.JSONField()

    def __str__(self) -> str:
        return self.digest[:8]


class Clock(models.Model):
    """One obligation. `next_action_at` is the one column the sweep looks at; empty means nothing left to do.

    `step` counts the policy steps taken. Late is sticky: an answer after due sets `ended_at` and the state stays.
    """

    class State(models.TextChoices):
        RUNNING = "running", _("running")
        PAUSED = "paused", _("paused")
        MET = "met", _("met")
        LATE = "late", _("late")
        CANCELLED = "cancelled", _("cancelled")

    case = models.ForeignKey(Case, models.CASCADE, related_name="clocks")
    handoff = models.ForeignKey(Handoff, models.CASCADE, null=True, blank=True, related_name="clocks")
    kind = models.CharField(_("clock"), max_length=16, choices=ClockKind)
    owner_role = models.CharField(_("owed by"), max_length=12, choices=Role)
    version = models.PositiveSmallIntegerField(default=1)
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.RUNNING)
    cause = models.CharField(_("cause"), max_length=30, blank=True)
    step = models.PositiveSmallIntegerField(default=0)
    terms = models.ForeignKey(Terms, models.PROTECT, related_name="clocks")
    started_at = models.DateTimeField(_("started"))
    due_at = models.DateTimeField(_("due"), null=True, blank=True)
    next_action_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(_("ended"), null=True, blank=True)
    failed = models.CharField(max_length=200, blank=True)

    class Meta:
        verbose_name = _("clock")
        verbose_name_plural = _("clocks")
        ordering = ("started_at", "pk")
        constraints = (
            models.UniqueConstraint(
                fields=("case", "kind", "version"),
                condition=Q(handoff=None),
                name="one_clock_per_case_kind_and_version",
            ),
            models.UniqueConstraint(
                fields=("handoff", "version"), condition=Q(handoff__isnull=False), name="one_clock_per_handoff_version"
            ),
            models.CheckConstraint(
                condition=Q(ended_at__isnull=True) | Q(ended_at__gte=F("started_at")), name="clock_ends_after_it_starts"
            ),
        )
        indexes = (
            models.Index(
                fields=("next_action_at", "id"), condition=Q(next_action_at__isnull=False), name="clocks_to_act_on"
            ),
            models.Index(fields=("case",), condition=Q(ended_at=None), name="open_clocks_by_case"),
            models.Index(fields=("id",), condition=~Q(failed=""), name="clocks_that_failed"),
        )

    def __str__(self) -> str:
        return f"{self.get_kind_display()} · {self.case_id}"

    @property
    def is_open(self) -> bool:
        return self.ended_at is None


class Pause(models.Model):
    """A stretch in which a clock stood still. Due times are recomputed from these rows, to the second."""

    clock = models.ForeignKey(Clock, models.CASCADE, related_name="pauses")
    started_at = models.DateTimeField(_("from"))
    ended_at = models.DateTimeField(_("to"), null=True, blank=True)
    reason = models.CharField(_("reason"), max_length=40)

    class Meta:
        verbose_name = _("pause")
        verbose_name_plural = _("pauses")
        ordering = ("started_at", "pk")
        constraints = (
            models.UniqueConstraint(fields=("clock",), condition=Q(ended_at=None), name="one_open_pause_per_clock"),
            models.CheckConstraint(
                condition=Q(ended_at__isnull=True) | Q(ended_at__gte=F("started_at")), name="pause_ends_after_it_starts"
            ),
        )

    def __str__(self) -> str:
        return f"{self.clock_id} {self.reason}"
