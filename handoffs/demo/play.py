"""Builds the demo on an empty desk, and clears a demo away."""

from datetime import datetime, timedelta

from django.apps import apps
from django.core.management.color import no_style
from django.db import connection, transaction

from accounts.models import Shop
from handoffs.demo import cast, people
from handoffs.demo.desk import Desk
from handoffs.demo.stage import Stage
from handoffs.models import Attachment, Case
from handoffs.seeds.load import load

SEED = 1111
DAYS = timedelta(days=2)
EMPTIED = ("accounts", "handoffs", "authtoken", "admin", "sessions", "axes", "otp_totp", "otp_static")


def build(*, at: datetime) -> dict[str, int]:
    """Two days of the shop's life up to `at`, whole or not at all. Returns how much happened."""
    with transaction.atomic():
        stage = Stage(start=at - DAYS, end=at)
        company = people.found(at=at - DAYS - timedelta(days=30))
        made = cast.assemble(Desk(company, stage, seed=SEED), stage)
        stage.play()
        people.announce(at=at)
    return {"cases": Case.objects.count(), "applications": made, "acts": stage.acts}


def in_use() -> bool:
    return Shop.objects.exists()


def holds_only_the_demo() -> bool:
    """Whether every shop on the desk is one of the demo's."""
    return not Shop.objects.exclude(code__in=people.CODES).exists()


def clear() -> None:
    """Empty the desk: shops, people, cases and all that belongs to them. The shipped tables are filled anew."""
    for attachment in Attachment.objects.all():
        attachment.file.delete(save=False)
    with transaction.atomic():
        statements = connection.ops.sql_flush(no_style(), _tables(), reset_sequences=True, allow_cascade=False)
        with connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)
    load()


def _tables() -> list[str]:
    """The tables of the desk's own apps and of those that point at its people, with their links and histories."""
    installed = [apps.get_app_config(label) for label in EMPTIED if apps.is_installed(apps.get_app_config(label).name)]
    return [
        model._meta.db_table
        for app in installed
        for model in app.get_models(include_auto_created=True)
        if model._meta.managed and not model._meta.proxy
    ]
