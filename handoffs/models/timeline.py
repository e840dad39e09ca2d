"""The timeline: what happened on a case, in order, never rewritten."""

from typing import Any, NoReturn

from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from handoffs.models.case import Case


class AppendOnly(models.QuerySet["TimelineEntry"]):
    """Rows are added and read, nothing else; PostgreSQL refuses the rest too (migration 0002)."""

    def update(self, **_kwargs: Any) -> NoReturn:
        raise TypeError("The timeline is append-only.")

    def delete(self) -> NoReturn:
        raise TypeError("The timeline is append-only.")


class TimelineEntry(models.Model):
    """One event of a case. `by` empty means the desk itself. Money stands in `data["amount"]` only."""

    case = models.ForeignKey(Case, models.PROTECT, related_name="timeline")
    at = models.DateTimeField(_("at"))
    kind = models.CharField(_("what"), max_length=32)
    by = models.ForeignKey(User, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("by"))
    data = models.JSONField(default=dict, blank=True)
    objects = AppendOnly.as_manager()

    class Meta:
        verbose_name = _("timeline entry")
        verbose_name_plural = _("timeline")
        ordering = ("at", "pk")
        indexes = (models.Index(fields=("case", "at", "id")),)

    def __str__(self) -> str:
        return self.kind

    def delete(self, *_args: Any, **_kwargs: Any) -> NoReturn:
        raise TypeError("The timeline is append-only.")
