import django.core.validators
from django.db import migrations, models

from handoffs.migrations._unlocked import AddIndex

PERSONAL = models.PositiveIntegerField(
    blank=True, default=1095, null=True, validators=[django.core.validators.MinValueValidator(30)],
    verbose_name="buyers' data, days",
    help_text="Names, phones, addresses, words and photos are erased; amounts, times and reasons stay. Also of cases "
              "that were never closed and on which nothing moved for as long, unless money or a claim is open.",
)


class Migration(migrations.Migration):
    """Words for a buyer that stood on a case once, and which rows name a file of evidence."""

    atomic = False

    dependencies = [
        ("handoffs", "0013_ops"),
    ]

    operations = [
        migrations.AddField("casesource", "former", models.JSONField(default=dict, db_default={})),
        AddIndex("attachment", models.Index(fields=["file"], name="attachments_by_file")),
        migrations.AlterField("retention", "personal", PERSONAL),
        migrations.AlterField("historicalretention", "personal", PERSONAL.clone()),
    ]
