from typing import Any

from django.db import migrations, models

BATCH = 500


def judge_open_returns(apps: Any, _schema_editor: Any) -> None:
    """Open cases of path 4, on which the next step goes by it, a batch at a time."""
    cases, reasons = apps.get_model("handoffs", "Case").objects, apps.get_model("handoffs", "Reason").objects
    known = {(row[0], row[1].strip()): row[2] for row in reasons.values_list("marketplace", "text", "shown_publicly")}
    rows = cases.filter(path=4).exclude(status="closed").values_list("pk", "shop__marketplace", "reason")
    said: dict[bool, list[int]] = {True: [], False: []}
    for pk, marketplace, reason in rows.order_by("pk"):
        if (public := known.get((marketplace, reason.strip()))) is not None:
            said[public].append(pk)
    for public, ids in said.items():
        for first in range(0, len(ids), BATCH):
            cases.filter(pk__in=ids[first : first + BATCH]).update(shown_publicly=public)


class Migration(migrations.Migration):
    """Whether the reason a buyer chose is shown publicly, as the table of reasons says when the row comes in."""

    atomic = False
    dependencies = [("handoffs", "0015_orders_in_the_warehouse")]

    operations = [
        migrations.AddField(
            "case", "shown_publicly", models.BooleanField(null=True, verbose_name="reason shown publicly")
        ),
        migrations.RunPython(judge_open_returns, migrations.RunPython.noop),
    ]
