"""Decisions, refund orders and the ledgers that keep money from moving twice (domain.md section 5)."""

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from accounts.models import Shop, User
from handoffs.models.case import Case
from handoffs.models.handoff import Handoff


class Decision(models.Model):
    """What is to be done for the buyer. `amount` is yuan, empty for the kinds that move no money.

    The case's amount and marketplace version at the time of proposing are kept; when either changes the decision
    is void. An approver is never the proposer.
    """

    class Kind(models.TextChoices):
        FULL_REFUND = "full_refund", _("full refund")
        PARTIAL_REFUND = "partial_refund", _("partial refund")
        COMPENSATION = "compensation", _("compensation")
        REFUSE = "refuse", _("refuse")
        RESHIP = "reship", _("reship")
        EXCHANGE = "exchange", _("exchange")
        CHANGE_TO_RETURN = "change_to_return", _("change to return and refund")

    class Status(models.TextChoices):
        PROPOSED = "proposed", _("proposed")
        APPROVED = "approved", _("approved")
        REFUSED = "refused", _("refused")
        VOID = "void", _("void")
        WITHDRAWN = "withdrawn", _("withdrawn")
        CARRIED_OUT = "carried_out", _("carried out")

    MONEY = (Kind.FULL_REFUND, Kind.PARTIAL_REFUND, Kind.COMPENSATION)
    REFUND = (Kind.FULL_REFUND, Kind.PARTIAL_REFUND)
    LIVE = (Status.PROPOSED, Status.APPROVED)

    case = models.ForeignKey(Case, models.PROTECT, related_name="decisions", verbose_name=_("case"))
    kind = models.CharField(_("kind"), max_length=20, choices=Kind)
    amount = models.DecimalField(_("amount (yuan)"), max_digits=12, decimal_places=2, null=True, blank=True)
    asked_amount = models.DecimalField(_("amount asked (yuan)"), max_digits=12, decimal_places=2, null=True, blank=True)
    reason = models.TextField(_("reason"))
    reason_id = models.CharField(_("marketplace reason id"), max_length=40, blank=True)
    status = models.CharField(_("status"), max_length=12, choices=Status, default=Status.PROPOSED)
    offer = models.BooleanField(_("offer, waits for the buyer's edit"), default=False)
    granted_before = models.DecimalField(
        _("granted before on the order (yuan)"), max_digits=12, decimal_places=2, default=0
    )
    case_amount = models.DecimalField(max_digits=12, decimal_places=2)
    case_version = models.CharField(max_length=80, blank=True)
    case_lines = models.CharField(max_length=64, blank=True)
    handoff = models.OneToOneField(Handoff, models.PROTECT, null=True, blank=True, related_name="decision")
    by = models.ForeignKey(User, models.PROTECT, related_name="decisions", verbose_name=_("by"))
    at = models.DateTimeField(_("at"))
    approved_by = models.ForeignKey(
        User, models.PROTECT, null=True, blank=True, related_name="approvals", verbose_name=_("approved by")
    )
    settled_at = models.DateTimeField(_("settled at"), null=True, blank=True)
    note = models.TextField(_("note"), blank=True)

    class Meta:
        verbose_name = _("decision")
        verbose_name_plural = _("decisions")
        ordering = ("at", "pk")
        constraints = (
            models.UniqueConstraint(
                fields=("case", "kind"),
                condition=Q(status__in=("proposed", "approved")),
                name="one_live_decision_per_kind",
            ),
            models.CheckConstraint(condition=Q(amount__isnull=True) | Q(amount__gt=0), name="decision_amount_positive"),
            models.CheckConstraint(
                condition=Q(approved_by__isnull=True) | ~Q(approved_by=F("by")), name="approver_is_not_the_proposer"
            ),
        )
        indexes = (models.Index(fields=("status", "at"), condition=Q(status="proposed"), name="proposed_decisions"),)

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.amount or ''}".strip()


class OrderLine(models.Model):
    """The cap in yuan: what the buyer paid for a line, its share of postage included, and what was ordered back."""

    shop = models.ForeignKey(Shop, models.PROTECT, related_name="+")
    order_id = models.CharField(max_length=64)
    line_id = models.CharField(max_length=64, blank=True)
    paid = models.DecimalField(max_digits=12, decimal_places=2, null=True, blank=True)
    refunded = models.DecimalField(max_digits=12, decimal_places=2, default=0)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("shop", "order_id", "line_id"), name="one_ledger_per_order_line"),
            models.CheckConstraint(
                condition=Q(paid__isnull=True) | Q(refunded__lte=F("paid")), name="never_refund_more_than_was_paid"
            ),
            models.CheckConstraint(condition=Q(refunded__gte=0), name="refunded_not_negative"),
        )

    def __str__(self) -> str:
        return f"{self.order_id} {self.line_id}".strip()


class RefundOrder(models.Model):
    """One payment, recorded before the single call. The key makes a second one impossible; `evidence` is what was
    read back, oldest first; `settle_*` is what one person says became of an unknown one, until a second confirms it.
    """

    class Via(models.TextChoices):
        HAND = "hand", _("seller back office, by hand")
        GATEWAY = "gateway", _("marketplace gateway")

    class Status(models.TextChoices):
        PROPOSED = "proposed", _("proposed")
        APPROVED = "approved", _("approved")
        ORDERED = "ordered", _("ordered")
        ACKNOWLEDGED = "acknowledged", _("acknowledged")
        CONFIRMED = "confirmed", _("confirmed")
        FAILED = "failed", _("failed")
        UNKNOWN = "unknown", _("unknown")

    case = models.ForeignKey(Case, models.PROTECT, related_name="refund_orders", verbose_name=_("case"))
    decision = models.ForeignKey(Decision, models.PROTECT, related_name="refund_orders", verbose_name=_("decision"))
    line = models.ForeignKey(OrderLine, models.PROTECT, null=True, blank=True, related_name="refund_orders")
    key = models.CharField(max_length=200, unique=True)
    operation = models.CharField(max_length=20, default="agree")
    amount = models.DecimalField(_("amount (yuan)"), max_digits=12, decimal_places=2)
    status = models.CharField(_("status"), max_length=12, choices=Status, default=Status.APPROVED)
    reference = models.CharField(_("reference in the back office"), max_length=120, blank=True)
    by = models.ForeignKey(User, models.PROTECT, related_name="+", verbose_name=_("by"))
    at = models.DateTimeField(_("at"))
    settled_at = models.DateTimeField(_("settled at"), null=True, blank=True)
    via = models.CharField(_("paid through"), max_length=8, choices=Via, default=Via.HAND)
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    answer_code = models.CharField(_("marketplace's code"), max_length=80, blank=True)
    answer = models.CharField(_("marketplace's answer"), max_length=255, blank=True)
    read_at = models.DateTimeField(_("read back at"), null=True, blank=True)
    evidence = models.JSONField(default=list, blank=True)
    settle_as = models.CharField(max_length=12, choices=Status, blank=True)
    settle_reason = models.TextField(blank=True)
    settle_by = models.ForeignKey(User, models.PROTECT, null=True, blank=True, related_name="+")

    class Meta:
        verbose_name = _("refund order")
        verbose_name_plural = _("refund orders")
        ordering = ("at", "pk")
        constraints = (
            models.CheckConstraint(condition=Q(amount__gt=0), name="refund_order_amount_positive"),
            models.UniqueConstraint(
                fields=("case",), condition=~Q(status="failed"), name="one_refund_order_alive_per_case"
            ),
        )
        indexes = (
            models.Index(
                fields=("read_at",),
                condition=Q(status__in=("ordered", "acknowledged", "unknown")),
                name="orders_to_read",
            ),
        )

    def __str__(self) -> str:
        return self.key


class Compensation(models.Model):
    """Money paid beside the refund, in its own ledger with its own payer and cap."""

    class Payer(models.TextChoices):
        SHOP = "shop", _("the shop")
        CARRIER = "carrier", _("the carrier")
        MARKETPLACE = "marketplace", _("the marketplace")

    case = models.ForeignKey(Case, models.PROTECT, related_name="compensations", verbose_name=_("case"))
    decision = models.OneToOneField(Decision, models.PROTECT, related_name="compensation")
    order_id = models.CharField(_("order no."), max_length=64)
    amount = models.DecimalField(_("amount (yuan)"), max_digits=12, decimal_places=2)
    payer = models.CharField(_("paid by"), max_length=12, choices=Payer, default=Payer.SHOP)
    small_payment = models.BooleanField(_("small payment (小额打款)"), default=False)
    reference = models.CharField(_("reference in the back office"), max_length=120, blank=True)
    by = models.ForeignKey(User, models.PROTECT, related_name="+", verbose_name=_("by"))
    at = models.DateTimeField(_("at"))

    class Meta:
        verbose_name = _("compensation")
        verbose_name_plural = _("compensation")
        constraints = (models.CheckConstraint(condition=Q(amount__gt=0), name="compensation_amount_positive"),)
        indexes = (models.Index(fields=("order_id",)),)

    def __str__(self) -> str:
        return f"{self.order_id} {self.amount}"
