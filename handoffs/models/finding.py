"""Findings of the reconciliation: where the marketplace and the desk differ. Each has an owner until it is settled."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.models import Shop, User
from handoffs.models.case import Case


class Finding(models.Model):
    """One difference. Amounts are yuan; `market` and `desk` are what each side says, in short."""

    class Kind(models.TextChoices):
        MISSED = "missed", _("the desk had missed it")
        PAID_ELSEWHERE = "paid_elsewhere", _("refunded without the desk")
        CLOSED_ELSEWHERE = "closed_elsewhere", _("closed though the desk recorded a payment")
        UNMAPPED = "unmapped", _("a status the desk does not know")
        AMOUNT = "amount", _("amounts differ")
        NOT_PAID = "not_paid", _("recorded as paid, still open on the marketplace")

    shop = models.ForeignKey(Shop, models.PROTECT, related_name="findings", verbose_name=_("shop"))
    case = models.ForeignKey(Case, models.PROTECT, null=True, blank=True, related_name="findings")
    refund_id = models.CharField(_("refund no."), max_length=64)
    kind = models.CharField(_("kind"), max_length=20, choices=Kind)
    market = models.CharField(_("the marketplace says"), max_length=255, blank=True)
    desk = models.CharField(_("the desk says"), max_length=255, blank=True)
    amount = models.DecimalField(_("amount (yuan)"), max_digits=12, decimal_places=2, null=True, blank=True)
    owner = models.ForeignKey(User, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("owner"))
    found_at = models.DateTimeField(_("found at"))
    seen_at = models.DateTimeField(_("last seen at"))
    settled_at = models.DateTimeField(_("settled at"), null=True, blank=True)
    settled_by = models.ForeignKey(
        User, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("settled by")
    )
    note = models.TextField(_("what was done"), blank=True)

    class Meta:
        verbose_name = _("finding")
        verbose_name_plural = _("findings")
        ordering = ("-found_at", "-pk")
        constraints = (
            models.UniqueConstraint(
                fields=("shop", "refund_id", "kind"), condition=Q(settled_at=None), name="one_open_finding_of_a_kind"
            ),
        )

    def __str__(self) -> str:
        return f"{self.refund_id}: {self.get_kind_display()}"
