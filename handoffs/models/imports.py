"""Import runs and the rows they turned down, kept with their reason until they are fixed."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.models import Shop, User


class ImportRun(models.Model):
    """One file taken in: its counts, how far it is, who sent it. `as_of` is the moment the file speaks of."""

    class Status(models.TextChoices):
        WAITING = "waiting", _("waiting for confirmation")
        RUNNING = "running", _("running")
        DONE = "done", _("done")
        FAILED = "failed", _("could not be read")

    shop = models.ForeignKey(Shop, models.PROTECT, related_name="imports", verbose_name=_("shop"))
    by = models.ForeignKey(User, models.PROTECT, null=True, blank=True, related_name="imports", verbose_name=_("by"))
    file_name = models.CharField(_("file"), max_length=255)
    stored = models.CharField(max_length=255, blank=True)
    format = models.CharField(_("format"), max_length=20, default="auto")
    as_of = models.DateTimeField(_("as of"))
    started_at = models.DateTimeField(_("started"))
    ended_at = models.DateTimeField(_("ended"), null=True, blank=True)
    status = models.CharField(_("status"), max_length=8, choices=Status, default=Status.WAITING)
    expected = models.PositiveIntegerField(_("rows in the file"), null=True, blank=True)
    read = models.PositiveIntegerField(_("read"), default=0)
    created = models.PositiveIntegerField(_("new"), default=0)
    updated = models.PositiveIntegerField(_("updated"), default=0)
    unchanged = models.PositiveIntegerField(_("unchanged"), default=0)
    rejected = models.PositiveIntegerField(_("rejected"), default=0)
    error = models.CharField(_("error"), max_length=500, blank=True)

    class Meta:
        verbose_name = _("import")
        verbose_name_plural = _("imports")
        ordering = ("-pk",)

    def __str__(self) -> str:
        return self.file_name


class RejectedRow(models.Model):
    """A row that could not be taken, whole, with the reason in words a person can act on."""

    run = models.ForeignKey(ImportRun, models.CASCADE, related_name="rejects")
    number = models.PositiveIntegerField(_("row"))
    field = models.CharField(_("column"), max_length=80, blank=True)
    code = models.CharField(max_length=40)
    message = models.CharField(_("reason"), max_length=500)
    raw = models.JSONField(default=dict)
    settled_at = models.DateTimeField(_("settled"), null=True, blank=True)

    class Meta:
        verbose_name = _("rejected row")
        verbose_name_plural = _("rejected rows")
        ordering = ("run", "number")
        indexes = (models.Index(fields=("run", "number"), condition=Q(settled_at=None), name="rows_to_fix"),)

    def __str__(self) -> str:
        return f"{self.run_id}:{self.number}"
