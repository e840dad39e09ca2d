from django.db import migrations, models


class Migration(migrations.Migration):
    """Whether the reason a buyer chose is shown publicly, as the table of reasons says when the row comes in."""

    dependencies = [("handoffs", "0015_orders_in_the_warehouse")]

    operations = [
        migrations.AddField(
            "case", "shown_publicly", models.BooleanField(null=True, verbose_name="reason shown publicly")
        ),
    ]
