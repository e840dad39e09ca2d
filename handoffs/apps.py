from django.apps import AppConfig
from django.db.models.signals import post_migrate
from django.utils.translation import gettext_lazy as _


class HandoffsConfig(AppConfig):
    """Cases, handoffs, clocks, decisions: the desk itself."""

    name = "handoffs"
    verbose_name = _("Refund desk")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from handoffs import checks  # noqa: F401
        from handoffs.seeds.load import load

        post_migrate.connect(load, sender=self, dispatch_uid="handoffs.seeds")
