"""All rows of the desk's own tables, to show that a refused act changed nothing."""

from functools import cache
from typing import Any

from django.apps import apps
from django.db import connection

# A login or a look may note that the person was seen; that is no act.
SEEN = {"seen_at", "looked_at", "last_login", "last_used_at"}
# Logins are noted, and a test's client makes its token at the first call; that somebody came is no act.
NOTED = {"AuditEntry", "ApiToken"}


def of_the_desk() -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every table of accounts and handoffs, by model, as the database has it."""
    found = {}
    with connection.cursor() as cursor:
        for model, statement in _statements():
            cursor.execute(statement)
            found[model] = cursor.fetchall()
    return found


@cache
def _statements() -> list[tuple[str, str]]:
    quoted = connection.ops.quote_name
    return [
        (
            model._meta.label,
            "SELECT {} FROM {} ORDER BY {}".format(  # noqa: S608
                ", ".join(quoted(each.column) for each in model._meta.concrete_fields if each.attname not in SEEN),
                quoted(model._meta.db_table),
                quoted(model._meta.pk.column),
            ),
        )
        for app in ("accounts", "handoffs")
        for model in apps.get_app_config(app).get_models(include_auto_created=True)
        if model.__name__ not in NOTED
    ]
