"""What was said to the buyer, through which channel and when."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from handoffs.models.case import Case


class Response(models.Model):
    """One contact with the buyer (domain.md section 1). `sent_at` is what the first-response clock stops at."""

    class Channel(models.TextChoices):
        MESSAGE = "message", _("marketplace message")
        CHAT = "chat", _("chat (旺旺 / 咚咚)")
        PHONE = "phone", _("phone")
        AGREE = "agree", _("agreeing")
        REFUSE = "refuse", _("refusing")

    case = models.ForeignKey(Case, models.PROTECT, related_name="responses", verbose_name=_("case"))
    channel = models.CharField(_("channel"), max_length=10, choices=Channel, default=Channel.CHAT)
    message = models.TextField(_("message"))
    template = models.CharField(_("template"), max_length=40, blank=True)
    bulk = models.BooleanField(_("sent to many alike"), default=False)
    sent_at = models.DateTimeField(_("sent at"))
    by = models.ForeignKey(User, models.PROTECT, related_name="responses", verbose_name=_("by"))

    class Meta:
        verbose_name = _("response")
        verbose_name_plural = _("responses")
        ordering = ("sent_at", "pk")

    def __str__(self) -> str:
        return self.message[:40]
