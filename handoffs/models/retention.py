"""How long what grows is kept (docs/growth.md)."""

from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from simple_history.models import HistoricalRecords

A_MONTH = MinValueValidator(30)


class Retention(models.Model):
    """One row for the whole desk. Days count from the last change of a closed case; empty: kept for ever.

    Buyers' data goes also where a case was never closed and nothing moved for as long (`erasure.idle`). Events and the
    timeline wait for it: none is archived that names a buyer who is still to go.

    The three years are those that China's e-commerce law (article 31) asks of records of transactions.
    """

    messages = models.PositiveIntegerField(
        _("messages, days"), null=True, blank=True, default=365, validators=[A_MONTH],
        help_text=_("Under the bell and in chat, once they were sent. Counted from the day they were written."),
    )  # fmt: skip
    events = models.PositiveIntegerField(
        _("parcel events, days"), null=True, blank=True, default=1095, validators=[A_MONTH],
        help_text=_("They go into the archive; the last one of each parcel stays."),
    )  # fmt: skip
    timeline = models.PositiveIntegerField(
        _("timeline, days"), null=True, blank=True, validators=[A_MONTH],
        help_text=_("It goes into the archive; what reports count stays. Empty: kept for ever."),
    )  # fmt: skip
    personal = models.PositiveIntegerField(
        _("buyers' data, days"), null=True, blank=True, default=1095, validators=[A_MONTH],
        help_text=_(
            "Names, phones, addresses, words and photos are erased; amounts, times and reasons stay. Also of cases "
            "that were never closed and on which nothing moved for as long, unless money or a claim is open."
        ),
    )  # fmt: skip
    history = HistoricalRecords()

    class Meta:
        verbose_name = _("retention")
        verbose_name_plural = _("retention")
        constraints = (models.CheckConstraint(condition=Q(pk=1), name="one_retention"),)

    def __str__(self) -> str:
        return str(_("Retention"))
