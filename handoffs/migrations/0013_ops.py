from django.db import migrations, models
from django.db.models import Q

from handoffs.migrations._unlocked import AddIndex


class Migration(migrations.Migration):
    """What the figures read: totals of every job, and what was given up or turned down by an index of its own.

    The changes of `tick` touch a table of a dozen rows; a wider name rewrites nothing.
    """

    atomic = False

    dependencies = [
        ("handoffs", "0012_sources_to_erase"),
    ]

    operations = [
        migrations.AddField("tick", "totals", models.JSONField(default=dict, db_default={})),
        migrations.AlterField("tick", "name", models.CharField(max_length=60, unique=True)),
        AddIndex("outboxmessage", models.Index(fields=["id"], condition=Q(mail="dead"), name="mails_given_up")),
        AddIndex("channelpost", models.Index(fields=["id"], condition=Q(state="dead"), name="posts_given_up")),
        AddIndex("rejectedrow", models.Index(
            fields=["run", "number"], condition=Q(settled_at=None), name="rows_to_fix",
        )),
    ]
