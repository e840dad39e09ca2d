"""How much a role or a person may grant alone, in one step (domain.md section 2, path 3)."""

from django.core.exceptions import ValidationError
from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from simple_history.models import HistoricalRecords

from accounts.models.people import Role, User
from accounts.models.places import Shop


class Limit(models.Model):
    """One ceiling in yuan. The more particular row wins: person before role, shop before all, kind before any."""

    BATCH = "batch_refund"
    KINDS = (
        ("full_refund", _("full refund")),
        ("partial_refund", _("partial refund")),
        ("compensation", _("compensation")),
        (BATCH, _("one batch of refunds")),
    )

    role = models.CharField(_("role"), max_length=12, choices=Role, blank=True)
    user = models.ForeignKey(
        User, models.CASCADE, null=True, blank=True, related_name="limits", verbose_name=_("person")
    )
    shop = models.ForeignKey(Shop, models.CASCADE, null=True, blank=True, verbose_name=_("shop"))
    kind = models.CharField(
        _("kind of decision"), max_length=20, choices=KINDS, blank=True, help_text=_("Empty: every kind.")
    )
    amount = models.DecimalField(
        _("ceiling (yuan)"),
        max_digits=12,
        decimal_places=2,
        null=True,
        blank=True,
        validators=[MinValueValidator(0)],
        help_text=_("Empty: no ceiling."),
    )
    history = HistoricalRecords()

    class Meta:
        verbose_name = _("limit")
        verbose_name_plural = _("limits")
        ordering = ("role", "user", "shop", "kind")
        constraints = (
            models.CheckConstraint(
                condition=Q(role="", user__isnull=False) | (~Q(role="") & Q(user__isnull=True)),
                name="limit_is_for_a_role_or_a_person",
            ),
            models.CheckConstraint(condition=Q(amount__isnull=True) | Q(amount__gte=0), name="limit_not_negative"),
        )

    def __str__(self) -> str:
        who = self.user or self.get_role_display()
        return f"{who}: {'∞' if self.amount is None else self.amount}"

    def clean(self) -> None:
        """Either a role or a person, and no second row for the same."""
        if bool(self.role) == bool(self.user_id):
            raise ValidationError(_("Choose either a role or a person."))
        same = Limit.objects.filter(role=self.role, user=self.user, shop=self.shop, kind=self.kind).exclude(pk=self.pk)
        if same.exists():
            raise ValidationError(_("There is already a limit for this. Change that one."))
