from django.apps import AppConfig
from django.db.models.signals import post_migrate
from django.utils.translation import gettext_lazy as _


class AccountsConfig(AppConfig):
    """People and set-up: who works where, in which role, with which limit, reachable through whom."""

    name = "accounts"
    verbose_name = _("People and set-up")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from accounts import audit, changes, checks, sessions  # noqa: F401 -- checks; listens to logins
        from accounts.roles import sync_groups

        audit.listen()
        changes.watch()
        post_migrate.connect(sync_groups, sender=self, dispatch_uid="accounts.sync_groups")
