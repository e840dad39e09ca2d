"""What was said to a marketplace besides paying: recorded before the single call, with the answer."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from handoffs.models.case import Case


class MarketCall(models.Model):
    """One act of a person at the marketplace. `key` keeps the same act from being sent twice; `data` is what was sent.

    An unknown one may have happened: it is never sent again by itself.
    """

    class Operation(models.TextChoices):
        MESSAGE = "message", _("message to the buyer")
        REFUSE = "refuse", _("refusal")
        AGREE_RETURN = "agree_return", _("agreement to the return")

    class Status(models.TextChoices):
        SENT = "sent", _("sent")
        DONE = "done", _("done")
        REFUSED = "refused", _("refused by the marketplace")
        UNKNOWN = "unknown", _("unknown, to be settled")

    case = models.ForeignKey(Case, models.PROTECT, related_name="market_calls")
    operation = models.CharField(_("act"), max_length=16, choices=Operation)
    key = models.CharField(max_length=120)
    data = models.JSONField(default=dict)
    status = models.CharField(_("status"), max_length=8, choices=Status, default=Status.SENT)
    answer = models.CharField(_("marketplace's answer"), max_length=255, blank=True)
    by = models.ForeignKey(User, models.PROTECT, related_name="+", verbose_name=_("by"))
    at = models.DateTimeField(_("at"))
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = _("act at the marketplace")
        verbose_name_plural = _("acts at the marketplace")
        ordering = ("at", "pk")
        constraints = (
            models.UniqueConstraint(fields=("key",), condition=~Q(status="refused"), name="one_call_of_a_key"),
        )
        indexes = (models.Index(fields=("at",), condition=Q(status__in=("sent", "unknown")), name="open_market_calls"),)

    def __str__(self) -> str:
        return self.key
