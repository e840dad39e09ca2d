"""A shop's warehouse system: who is asked to stop an order, and who reports what became of it (formats 5)."""

from typing import Any

from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts import vault
from accounts.models import Shop


class WarehouseSystem(models.Model):
    """An account with a shop's WMS or ERP. Secrets are sealed at rest and never shown again.

    `code` stands in the address that the system reports to.
    """

    class Kind(models.TextChoices):
        QIMEN = "qimen", _("Qimen")
        JUSHUITAN = "jushuitan", _("Jushuitan")

    SECRETS = ("secret", "token")

    code = models.SlugField(_("code"), max_length=40, unique=True)
    kind = models.CharField(_("system"), max_length=12, choices=Kind, default=Kind.QIMEN)
    shop = models.OneToOneField(Shop, models.CASCADE, related_name="warehouse_system", verbose_name=_("shop"))
    app_key = models.CharField(_("app key"), max_length=80)
    customer = models.CharField(_("customer number"), max_length=80, blank=True)
    owner_code = models.CharField(_("owner code (货主编码)"), max_length=50, blank=True)
    warehouse_code = models.CharField(_("warehouse code (仓库编码)"), max_length=50, blank=True)
    sealed_secret = models.TextField(editable=False, blank=True)
    sealed_token = models.TextField(editable=False, blank=True)
    address = models.CharField(
        _("address of the service"), max_length=255, blank=True, help_text=_("Empty: the service's own.")
    )
    active = models.BooleanField(_("in use"), default=True)
    heard_at = models.DateTimeField(_("last report"), null=True, blank=True, editable=False)
    error = models.CharField(_("last error"), max_length=255, blank=True, editable=False)

    class Meta:
        verbose_name = _("warehouse system")
        verbose_name_plural = _("warehouse systems")
        ordering = ("code",)

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.code}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        """While it is not in use its reports are not heard, so what it said before is forgotten."""
        super().save(*args, **kwargs)
        if not self.active:
            self.orders.all().delete()

    def keep(self, **secrets: str) -> None:
        """Seal `secret` and `token`; an empty value leaves what is kept."""
        for name in self.SECRETS:
            if value := secrets.get(name):
                setattr(self, f"sealed_{name}", vault.seal(value))

    def opened(self, name: str) -> str:
        """A secret in plain; empty where none is kept. Raises vault.Sealed with the wrong key at hand."""
        sealed: str = getattr(self, f"sealed_{name}")
        return vault.unseal(sealed) if sealed else ""


class WarehouseOrder(models.Model):
    """How far an order has come in the warehouse, by the system's newest word. Kept for days: it is of use only while
    the order may still be stopped.
    """

    system = models.ForeignKey(WarehouseSystem, models.CASCADE, related_name="orders")
    code = models.CharField(max_length=64)
    progress = models.CharField(max_length=12)
    at = models.DateTimeField(db_index=True)

    class Meta:
        verbose_name = _("order in the warehouse")
        verbose_name_plural = _("orders in the warehouse")
        constraints = (models.UniqueConstraint(fields=("system", "code"), name="one_row_per_order"),)

    def __str__(self) -> str:
        return f"{self.code} {self.progress}"
