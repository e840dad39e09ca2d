"""Evidence: photos and documents, stored outside the web root and served only to who may see the case."""

from django.conf import settings
from django.core.files.storage import FileSystemStorage, Storage
from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from handoffs.models.case import Case
from handoffs.models.handoff import Handoff


def evidence_storage() -> Storage:
    """The folder for evidence named in the settings, outside any web root."""
    return FileSystemStorage(location=settings.ATTACHMENT_DIR)


class Attachment(models.Model):
    """One file. `case` and `handoff` are empty until it is used; until then only the uploader sees it."""

    case = models.ForeignKey(Case, models.PROTECT, null=True, blank=True, related_name="attachments")
    handoff = models.ForeignKey(Handoff, models.PROTECT, null=True, blank=True, related_name="attachments")
    receipt = models.ForeignKey("handoffs.Receipt", models.PROTECT, null=True, blank=True, related_name="attachments")
    file = models.FileField(_("file"), storage=evidence_storage, upload_to="%Y/%m/%d")
    name = models.CharField(_("name"), max_length=120)
    content_type = models.CharField(_("type"), max_length=60)
    size = models.PositiveIntegerField(_("bytes"))
    sha256 = models.CharField(max_length=64)
    by = models.ForeignKey(User, models.PROTECT, related_name="+", verbose_name=_("by"))
    at = models.DateTimeField(_("at"))

    class Meta:
        verbose_name = _("attachment")
        verbose_name_plural = _("attachments")
        ordering = ("at", "pk")
        indexes = (models.Index(fields=("file",), name="attachments_by_file"),)

    def __str__(self) -> str:
        return self.name

    @property
    def is_photo(self) -> bool:
        return self.content_type.startswith("image/")
