"""A shop's connection to its marketplace: sealed credentials, how far was read, and how the last try went."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts import vault
from accounts.models import Shop, User


class Connection(models.Model):
    """Without one a shop is worked by hand. Secrets are kept sealed and are never shown again.

    `pulled_until` is the cursor: everything the marketplace changed before it has been read.
    """

    shop = models.OneToOneField(Shop, models.CASCADE, related_name="connection", verbose_name=_("shop"))
    app_key = models.CharField(_("app key"), max_length=80)
    sealed_secret = models.TextField(editable=False)
    sealed_session = models.TextField(editable=False, blank=True)
    gateway = models.CharField(
        _("gateway address"), max_length=255, blank=True, help_text=_("Empty: the marketplace's own.")
    )
    operator = models.CharField(
        _("sub-account that agrees"), max_length=120, blank=True,
        help_text=_("Taobao and Tmall let only a sub-account agree to refunds."),
    )  # fmt: skip
    return_address_id = models.CharField(
        _("marketplace's number of the return address"), max_length=40, blank=True,
        help_text=_("Needed for agreeing to returns through the gateway."),
    )  # fmt: skip
    return_name = models.CharField(_("receiver of returns"), max_length=80, blank=True)
    return_phone = models.CharField(_("phone for returns"), max_length=40, blank=True)
    return_post = models.CharField(_("postcode for returns"), max_length=12, blank=True)
    active = models.BooleanField(_("in use"), default=True, help_text=_("Switched off, the shop is worked by hand."))
    code_from = models.DecimalField(
        _("sum at which an SMS code was asked for (yuan)"), max_digits=12, decimal_places=2, null=True, blank=True,
        editable=False,
    )  # fmt: skip
    changed_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+", verbose_name=_("changed by"))
    changed_at = models.DateTimeField(_("changed at"), null=True)
    tested_at = models.DateTimeField(_("tested at"), null=True, blank=True, editable=False)
    test_ok = models.BooleanField(_("works"), null=True, editable=False)
    test_result = models.CharField(_("result of the test"), max_length=255, blank=True, editable=False)
    pulled_until = models.DateTimeField(_("read up to"), null=True, blank=True, editable=False)
    pull_error = models.CharField(_("last error"), max_length=255, blank=True, editable=False)
    failing_since = models.DateTimeField(_("failing since"), null=True, blank=True, editable=False)

    class Meta:
        verbose_name = _("marketplace connection")
        verbose_name_plural = _("marketplace connections")

    def __str__(self) -> str:
        return f"{self.shop}: {self.app_key}"

    def keep(self, *, secret: str = "", session: str = "") -> None:
        """Seal what was given; an empty value leaves what is kept."""
        if secret:
            self.sealed_secret = vault.seal(secret)
        if session:
            self.sealed_session = vault.seal(session)
