"""Batch refunds: the plan, who confirmed it, and what became of each row (domain.md section 2, path 1)."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from handoffs.models.case import Case
from handoffs.models.decision import Decision, RefundOrder


class RefundBatch(models.Model):
    """Many refunds confirmed at once. `total` is yuan; `lease` says until when a worker has it in hand."""

    class Status(models.TextChoices):
        PLANNED = "planned", _("planned")
        TO_APPROVE = "to_approve", _("waits for approval")
        RUNNING = "running", _("running")
        PAUSED = "paused", _("paused")
        DONE = "done", _("done")
        CANCELLED = "cancelled", _("cancelled")

    status = models.CharField(_("status"), max_length=12, choices=Status, default=Status.PLANNED)
    by = models.ForeignKey(User, models.PROTECT, related_name="batches", verbose_name=_("planned by"))
    at = models.DateTimeField(_("planned at"))
    reason = models.CharField(_("reason"), max_length=200, blank=True)
    rows_planned = models.PositiveIntegerField(_("refunds"), default=0)
    total = models.DecimalField(_("total (yuan)"), max_digits=14, decimal_places=2, default=0)
    confirmed_by = models.ForeignKey(
        User, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("confirmed by")
    )
    confirmed_at = models.DateTimeField(_("confirmed at"), null=True, blank=True)
    approved_by = models.ForeignKey(
        User, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("approved by")
    )
    ended_at = models.DateTimeField(_("ended at"), null=True, blank=True)
    lease = models.DateTimeField(null=True, blank=True)
    holder = models.CharField(max_length=40, blank=True)
    error = models.CharField(_("error"), max_length=255, blank=True)
    sms_code = models.CharField(max_length=12, blank=True)

    class Meta:
        verbose_name = _("batch refund")
        verbose_name_plural = _("batch refunds")
        ordering = ("-pk",)
        constraints = (
            models.CheckConstraint(
                condition=Q(approved_by__isnull=True) | ~Q(approved_by=models.F("confirmed_by")),
                name="batch_approver_is_not_the_confirmer",
            ),
        )

    def __str__(self) -> str:
        return f"#{self.pk}"


class BatchRow(models.Model):
    """One refund of a batch; `why` is a code, `message` says it in words. The money's own state is the order's."""

    class State(models.TextChoices):
        EXCLUDED = "excluded", _("not in the batch")
        WAITING = "waiting", _("waiting")
        SENT = "sent", _("sent")
        BY_HAND = "by_hand", _("to be paid in the back office")
        ACCEPTED = "accepted", _("accepted")
        PAID = "paid", _("paid and confirmed")
        FAILED = "failed", _("not paid")
        NEEDS_CODE = "needs_code", _("needs the SMS code")
        UNKNOWN = "unknown", _("unknown, to be settled")

    LEFT = (State.WAITING, State.FAILED, State.NEEDS_CODE)

    batch = models.ForeignKey(RefundBatch, models.CASCADE, related_name="rows")
    case = models.ForeignKey(Case, models.PROTECT, related_name="batch_rows")
    amount = models.DecimalField(_("amount (yuan)"), max_digits=12, decimal_places=2)
    state = models.CharField(_("state"), max_length=12, choices=State, default=State.WAITING)
    why = models.CharField(max_length=40, blank=True)
    message = models.CharField(_("why"), max_length=255, blank=True)
    decision = models.ForeignKey(Decision, models.PROTECT, null=True, blank=True, related_name="+")
    order = models.ForeignKey(RefundOrder, models.PROTECT, null=True, blank=True, related_name="batch_rows")
    at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = _("refund of a batch")
        verbose_name_plural = _("refunds of a batch")
        ordering = ("pk",)
        constraints = (models.UniqueConstraint(fields=("batch", "case"), name="one_row_per_case_and_batch"),)
        indexes = (models.Index(fields=("batch", "state")),)

    def __str__(self) -> str:
        return f"{self.batch_id}:{self.case_id}"
