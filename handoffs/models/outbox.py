"""The outbox: what is to be told to whom. One row is the bell's notice and, where wanted, an email."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from accounts.models import User
from handoffs.models.case import Case


class OutboxMessage(models.Model):
    """One thing to tell one person; the unique key makes telling it twice insert nothing.

    Delivery is at least once: queued → inflight → sent, or retry, or dead after the last attempt.
    """

    class Mail(models.TextChoices):
        NONE = "none", _("no email")
        QUEUED = "queued", _("queued")
        INFLIGHT = "inflight", _("being sent")
        SENT = "sent", _("sent")
        RETRY = "retry", _("will be tried again")
        DEAD = "dead", _("given up")

    key = models.CharField(max_length=160, unique=True)
    kind = models.CharField(_("what"), max_length=32)
    to = models.ForeignKey(User, models.CASCADE, related_name="messages", verbose_name=pgettext_lazy("recipient", "to"))
    case = models.ForeignKey(Case, models.CASCADE, null=True, blank=True, related_name="+", verbose_name=_("case"))
    data = models.JSONField(default=dict, blank=True)
    created_at = models.DateTimeField(_("at"))
    read_at = models.DateTimeField(_("read at"), null=True, blank=True)
    mail = models.CharField(_("email"), max_length=8, choices=Mail, default=Mail.QUEUED)
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    next_try_at = models.DateTimeField(null=True, blank=True)
    sent_at = models.DateTimeField(_("sent at"), null=True, blank=True)
    error = models.CharField(_("error"), max_length=255, blank=True)

    class Meta:
        verbose_name = _("message")
        verbose_name_plural = _("messages")
        ordering = ("-created_at", "-pk")
        indexes = (
            models.Index(
                fields=("next_try_at", "id"), condition=Q(mail__in=("queued", "inflight", "retry")), name="mail_to_send"
            ),
            models.Index(fields=("id",), condition=Q(mail="dead"), name="mails_given_up"),
            models.Index(fields=("to",), condition=Q(read_at=None), name="unread_messages"),
            models.Index(fields=("to", "-created_at")),
        )

    def __str__(self) -> str:
        return self.key
