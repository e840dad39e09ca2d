"""All rows of the desk's own tables, to show that a refused act changed nothing."""

from typing import Any

from django.apps import apps

# A login or a look may note that the person was seen; that is no act.
SEEN = {"seen_at", "looked_at", "last_login", "last_used_at"}
# Logins are noted, and a test's client makes its token at the first call; that somebody came is no act.
NOTED = {"AuditEntry", "ApiToken"}


def of_the_desk() -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every table of accounts and handoffs, by table."""
    return {
        model._meta.label: [
            tuple(str(value) for value in row)
            for row in model._default_manager.order_by("pk").values_list(
                *[column.attname for column in model._meta.concrete_fields if column.attname not in SEEN]
            )
        ]
        for app in ("accounts", "handoffs")
        for model in apps.get_app_config(app).get_models(include_auto_created=True)
        if model.__name__ not in NOTED
    }
