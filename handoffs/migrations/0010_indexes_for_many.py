from django.db import migrations, models
from django.db.models import Q

from handoffs.migrations._unlocked import AddIndex, RemoveIndex

OPEN = ~Q(status="closed")


class Migration(migrations.Migration):
    """What a million cases want: every list in the order it is read, every number of the board by its own index."""

    atomic = False

    dependencies = [
        ("handoffs", "0009_first_at"),
    ]

    operations = [
        AddIndex("case", models.Index(fields=["due_at", "id"], condition=OPEN, name="open_cases_due")),
        AddIndex("case", models.Index(fields=["owner", "due_at", "id"], condition=OPEN, name="open_cases_of_owner")),
        AddIndex("case", models.Index(fields=["due_at", "id"], condition=OPEN & Q(owner=None), name="unowned_cases_due")),
        AddIndex("case", models.Index(fields=["due_at", "id"], name="cases_by_due")),
        AddIndex("case", models.Index(fields=["owner", "due_at", "id"], name="cases_by_owner")),
        AddIndex("case", models.Index(
            fields=["marketplace_deadline"], condition=OPEN & ~Q(money="confirmed"), name="cases_at_risk",
        )),
        AddIndex("case", models.Index(
            fields=["shop"], condition=Q(status="goods_open", money="confirmed"), name="cases_with_goods_open",
        )),
        AddIndex("clock", models.Index(fields=["id"], condition=~Q(failed=""), name="clocks_that_failed")),
        AddIndex("handoff", models.Index(
            fields=["first_at", "id"], condition=Q(status__in=("open", "claimed"), joined=None),
            name="live_handoffs_by_first",
        )),
        RemoveIndex("case", "open_cases_by_owner"),
        RemoveIndex("handoff", "live_handoffs_by_due"),
    ]
