from django.db import migrations, models

from handoffs.migrations._unlocked import AddIndex


class Migration(migrations.Migration):

    atomic = False

    dependencies = [
        ("handoffs", "0011_retention"),
    ]

    operations = [
        AddIndex("casesource", models.Index(
            fields=["case"], condition=models.Q(erase_asked_at__isnull=False), name="sources_to_erase",
        )),
    ]
