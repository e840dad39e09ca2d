"""What is kept about access: who got in or did not, what was looked at, and who changed what others may do."""

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models.people import User


class AuditEntry(models.Model):
    """One thing that happened to access. PostgreSQL refuses to change or delete one, whoever asks."""

    class Kind(models.TextChoices):
        LOGIN = "login", _("logged in")
        LOGIN_FAILED = "login_failed", _("login failed")
        CODE_FAILED = "code_failed", _("code missing or wrong")
        LOCKED_OUT = "locked_out", _("locked out")
        PASSWORD = "password", _("own password changed")
        FACTOR_ADDED = "factor_added", _("second factor set up")
        FACTOR_CODES = "factor_codes", _("new recovery codes")
        FACTOR_USED = "factor_used", _("recovery code used")
        FACTOR_RESET = "factor_reset", _("second factor removed")
        TOKEN_MADE = "token_made", _("token made")
        TOKEN_ENDED = "token_ended", _("token ended")
        REVEALED = "revealed", _("buyer's data revealed")
        CHANGED = "changed", _("set-up changed")
        ERASED = "erased", _("erasure asked for")
        TAKEN = "taken", _("audit downloaded")

    at = models.DateTimeField(_("at"), default=timezone.now)
    kind = models.CharField(_("kind"), max_length=16, choices=Kind)
    by = models.ForeignKey(
        User, models.SET_NULL, null=True, blank=True, related_name="audited", verbose_name=_("person")
    )
    about = models.ForeignKey(User, models.SET_NULL, null=True, blank=True, related_name="+", verbose_name=_("whom"))
    address = models.CharField(_("address"), max_length=45, blank=True)
    text = models.TextField(_("what"), blank=True)

    class Meta:
        verbose_name = _("audit entry")
        verbose_name_plural = _("audit entries")
        indexes = (
            models.Index(fields=("at", "id")),
            models.Index(fields=("kind", "at", "id")),
            models.Index(fields=("by", "at", "id")),
        )

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M} {self.kind} {self.text}"
