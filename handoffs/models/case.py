"""The case: one refund application, what the marketplace says of it, and where the desk stands with it."""

from typing import Any

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.models import Shop, User


class Case(models.Model):
    """One refund application. Unique per (shop, source kind, marketplace id); ids are strings of any length.

    The first block is the marketplace's word and is written by intake only. The second is the desk's own and is
    written by `flow` only. Money is yuan.
    """

    class Source(models.TextChoices):
        REFUND = "refund", _("refund application")
        SERVICE = "service", _("after-sale service (JD)")
        CANCEL = "cancel", _("cancelled order (JD)")

    class Phase(models.TextChoices):
        WAIT_SELLER = "wait_seller", _("waits for the seller")
        WAIT_BUYER_RETURN = "wait_buyer_return", _("waits for the buyer's return")
        WAIT_SELLER_CONFIRM = "wait_seller_confirm", _("waits for the seller to confirm receipt")
        REFUSED = "refused", _("refused by the seller")
        CLOSED = "closed", _("closed")
        SUCCESS = "success", _("refunded")
        UNKNOWN = "unknown", _("unknown")

    class Status(models.TextChoices):
        NEW = "new", _("new")
        IN_PROGRESS = "in_progress", _("in progress")
        WAITING_BUYER = "waiting_buyer", _("waiting for the buyer")
        WAITING_COLLEAGUE = "waiting_colleague", _("waiting for a colleague")
        TO_DECIDE = "to_decide", _("to decide")
        TO_PAY = "to_pay", _("decided, not yet paid")
        GOODS_OPEN = "goods_open", _("money gone, goods not secured")
        CLOSED = "closed", _("closed")

    class Path(models.IntegerChoices):
        NOT_SHIPPED = 1, _("1 · not shipped")
        ON_THE_WAY = 2, _("2 · shipped, not signed for")
        REFUND_ONLY = 3, _("3 · signed for, refund only")
        RETURN = 4, _("4 · goods come back")

    class Goods(models.TextChoices):
        UNKNOWN = "unknown", _("unknown")
        NOT_SHIPPED = "not_shipped", _("in the warehouse")
        STOPPED = "stopped", _("stopped before it left")
        IN_TRANSIT = "in_transit", _("on the way to the buyer")
        WITH_BUYER = "with_buyer", _("with the buyer")
        RETURNING = "returning", _("on the way back")
        RETURNED = "returned", _("back in the warehouse")
        LOST = "lost", _("lost")

    class ExchangeWay(models.TextChoices):
        RETURN_AND_BUY_AGAIN = "return_and_buy_again", _("return and buy again")
        AMOUNT_TO_ZERO = "amount_to_zero", _("set the amount to 0")
        CONFIRM_RECEIPT = "confirm_receipt", _("confirm receipt")

    class ExchangeState(models.TextChoices):
        ASKED = "asked", _("asked")
        CONFIRMED = "confirmed", _("confirmed")
        DONE = "done", _("done")

    class Money(models.TextChoices):
        NONE = "none", _("not decided")
        PROPOSED = "proposed", _("proposed")
        APPROVED = "approved", _("decided, not yet paid")
        ORDERED = "ordered", _("ordered")
        ACKNOWLEDGED = "acknowledged", _("paid, not yet confirmed")
        CONFIRMED = "confirmed", _("paid and confirmed")
        FAILED = "failed", _("failed")
        UNKNOWN = "unknown", _("unknown, to be settled")

    shop = models.ForeignKey(Shop, models.PROTECT, related_name="cases", verbose_name=_("shop"))
    source_kind = models.CharField(_("source"), max_length=10, choices=Source, default=Source.REFUND)
    refund_id = models.CharField(_("refund no."), max_length=64)
    order_id = models.CharField(_("order no."), max_length=64, blank=True)
    line_id = models.CharField(_("order line no."), max_length=64, blank=True)
    title = models.CharField(_("goods"), max_length=255, blank=True)
    sku = models.CharField(_("merchant code"), max_length=120, blank=True)
    quantity = models.PositiveIntegerField(_("quantity"), null=True, blank=True)
    amount = models.DecimalField(_("amount applied for (yuan)"), max_digits=12, decimal_places=2)
    total_fee = models.DecimalField(
        _("price of the line (yuan)"), max_digits=12, decimal_places=2, null=True, blank=True
    )
    paid = models.DecimalField(_("paid by the buyer (yuan)"), max_digits=12, decimal_places=2, null=True, blank=True)
    dispute_type = models.CharField(_("type"), max_length=64, blank=True)
    marketplace_status = models.CharField(_("marketplace status"), max_length=120)
    phase = models.CharField(_("phase"), max_length=20, choices=Phase, default=Phase.UNKNOWN)
    good_status = models.CharField(_("buyer says of the goods"), max_length=64, blank=True)
    order_status = models.CharField(_("order status"), max_length=64, blank=True)
    has_good_return = models.BooleanField(_("goods must come back"), null=True)
    refund_phase = models.CharField(_("before or after confirmation"), max_length=16, blank=True)
    refund_version = models.CharField(_("marketplace version"), max_length=32, blank=True)
    reason = models.CharField(_("reason"), max_length=255, blank=True)
    description = models.TextField(_("buyer's words"), blank=True)
    buyer_nick = models.CharField(_("buyer"), max_length=120, blank=True)
    cs_status = models.CharField(_("marketplace intervention"), max_length=40, blank=True)
    operation_constraint = models.CharField(_("marketplace constraint"), max_length=40, blank=True)
    applied_at = models.DateTimeField(_("applied at"))
    modified = models.DateTimeField(_("changed on the marketplace at"), null=True, blank=True)
    marketplace_deadline = models.DateTimeField(_("marketplace deadline"), null=True, blank=True)
    ended_at = models.DateTimeField(_("ended on the marketplace at"), null=True, blank=True)

    status = models.CharField(_("status"), max_length=20, choices=Status, default=Status.NEW)
    path = models.PositiveSmallIntegerField(_("path"), choices=Path, null=True, blank=True)
    path_rule = models.CharField(max_length=40, blank=True)
    path_facts = models.JSONField(default=dict, blank=True)
    contradiction = models.CharField(max_length=40, blank=True)
    goods = models.CharField(_("goods"), max_length=12, choices=Goods, default=Goods.UNKNOWN)
    money = models.CharField(_("money"), max_length=12, choices=Money, default=Money.NONE)
    owner = models.ForeignKey(
        User, models.PROTECT, null=True, blank=True, related_name="cases", verbose_name=_("owner")
    )
    claims_compensation = models.BooleanField(_("compensation claimed"), null=True)
    shown_publicly = models.BooleanField(_("reason shown publicly"), null=True)
    compensation_stands = models.BooleanField(_("the claim stands"), null=True)
    return_agreed_offline = models.BooleanField(_("return agreed offline"), default=False)
    goods_waived = models.BooleanField(_("goods waived"), default=False)
    exchange_way = models.CharField(_("way of the exchange"), max_length=24, choices=ExchangeWay, blank=True)
    exchange_state = models.CharField(_("exchange"), max_length=10, choices=ExchangeState, blank=True)
    basis_confirmed = models.BooleanField(_("paid amount confirmed by a person"), default=False)
    due_at = models.DateTimeField(_("first promise due"), null=True, blank=True)
    version = models.PositiveIntegerField(default=1)
    created_at = models.DateTimeField(_("arrived at"))
    changed_at = models.DateTimeField(_("changed at"))

    class Meta:
        verbose_name = _("case")
        verbose_name_plural = _("cases")
        constraints = (
            models.UniqueConstraint(fields=("shop", "source_kind", "refund_id"), name="one_case_per_marketplace_id"),
            models.CheckConstraint(condition=Q(amount__gte=0), name="case_amount_not_negative"),
        )
        indexes = (
            models.Index(fields=("refund_id",)),
            models.Index(fields=("order_id",)),
            models.Index(fields=("shop", "order_id", "line_id")),
            models.Index(fields=("buyer_nick",)),
            models.Index(fields=("shop", "due_at", "id"), condition=~Q(status="closed"), name="open_cases_by_due"),
            models.Index(fields=("due_at", "id"), condition=~Q(status="closed"), name="open_cases_due"),
            models.Index(fields=("owner", "due_at", "id"), condition=~Q(status="closed"), name="open_cases_of_owner"),
            models.Index(
                fields=("due_at", "id"), condition=~Q(status="closed") & Q(owner=None), name="unowned_cases_due"
            ),
            models.Index(fields=("due_at", "id"), name="cases_by_due"),
            models.Index(fields=("owner", "due_at", "id"), name="cases_by_owner"),
            models.Index(
                fields=("marketplace_deadline",),
                condition=~Q(status="closed") & ~Q(money="confirmed"),
                name="cases_at_risk",
            ),
            models.Index(
                fields=("shop",), condition=Q(status="goods_open", money="confirmed"), name="cases_with_goods_open"
            ),
        )

    def __str__(self) -> str:
        return self.refund_id

    @property
    def is_over(self) -> bool:
        """The marketplace has settled this application, one way or the other."""
        return self.phase in (self.Phase.CLOSED, self.Phase.SUCCESS)


class CaseSource(models.Model):
    """What was received, in full, beside the case so that lists stay narrow. Holds the buyer's personal data."""

    case = models.OneToOneField(Case, models.CASCADE, primary_key=True, related_name="source")
    digest = models.CharField(max_length=64)
    stamps = models.JSONField(default=dict)
    raw = models.JSONField(default=dict)
    former: Any = models.JSONField(default=dict, db_default={})  # words for the buyer that stood here once
    buyer_name = models.CharField(_("buyer's name"), max_length=120, blank=True)
    buyer_phone = models.CharField(_("buyer's phone"), max_length=40, blank=True)
    buyer_address = models.CharField(_("buyer's address"), max_length=255, blank=True)
    buyer_uid = models.CharField(max_length=120, blank=True)
    agreed_by = models.CharField(max_length=10, blank=True)
    imported_from = models.CharField(_("received from"), max_length=255, blank=True)
    # Personal data is gone, or is to go when the case is closed; the timeline is in the archive.
    erased_at = models.DateTimeField(null=True, blank=True)
    erase_asked_at = models.DateTimeField(null=True, blank=True)
    archived_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = _("received application")
        verbose_name_plural = _("received applications")
        indexes = (models.Index(fields=("case",), condition=Q(erase_asked_at__isnull=False), name="sources_to_erase"),)

    def __str__(self) -> str:
        return f"{self.case_id}"


class CaseLine(models.Model):
    """One SKU of a JD service. Taobao refunds have exactly one line, held on the case itself."""

    case = models.ForeignKey(Case, models.CASCADE, related_name="lines")
    sku = models.CharField(_("merchant code"), max_length=120)
    title = models.CharField(_("goods"), max_length=255, blank=True)
    quantity = models.PositiveIntegerField(_("quantity"), null=True, blank=True)
    amount = models.DecimalField(_("price (yuan)"), max_digits=12, decimal_places=2, null=True, blank=True)

    class Meta:
        verbose_name = _("line")
        verbose_name_plural = _("lines")
        constraints = (models.UniqueConstraint(fields=("case", "sku"), name="one_line_per_sku"),)

    def __str__(self) -> str:
        return self.title or self.sku


class Fact(models.Model):
    """Something learned about the goods, with its rank: the higher rank counts, within a rank the later one.

    Source: domain.md section 2, "Facts rank". Order status and the buyer's claim stay on the case; only parcel
    events and colleagues' answers become rows.
    """

    class Rank(models.IntegerChoices):
        ANSWER = 3, _("a colleague's answer")
        EVENT = 4, _("parcel event")

    class What(models.TextChoices):
        NOT_PICKED = "not_picked", _("not picked")
        STOPPED = "stopped", _("stopped before it left")
        LEFT = "left", _("has left the warehouse")
        IN_TRANSIT = "in_transit", _("on the way")
        WILL_RETURN = "will_return", _("will come back")
        DELIVERED = "delivered", _("delivered")
        LOST = "lost", _("lost")
        RETURN_SHIPPED = "return_shipped", _("return on its way")
        RETURNED = "returned", _("return received")

    case = models.ForeignKey(Case, models.CASCADE, related_name="facts")
    what = models.CharField(max_length=16, choices=What)
    rank = models.PositiveSmallIntegerField(choices=Rank)
    at = models.DateTimeField()
    by = models.ForeignKey(User, models.PROTECT, null=True, blank=True, related_name="+")
    parcel = models.ForeignKey("handoffs.Parcel", models.SET_NULL, null=True, blank=True, related_name="facts")
    handoff = models.ForeignKey("handoffs.Handoff", models.SET_NULL, null=True, blank=True, related_name="facts")

    class Meta:
        verbose_name = _("fact")
        verbose_name_plural = _("facts")
        ordering = ("rank", "at", "pk")
        indexes = (models.Index(fields=("case", "rank", "at")),)

    def __str__(self) -> str:
        return self.get_what_display()
