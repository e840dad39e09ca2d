from django.db import migrations, models
from django.db.models import F, OuterRef, Subquery
from django.db.models.functions import Coalesce


def fill(apps, schema_editor):
    """Live questions get their first moment; those that are over are never ordered by it."""
    cases, handoffs = apps.get_model("handoffs", "Case"), apps.get_model("handoffs", "Handoff")
    sooner = cases.objects.filter(
        pk=OuterRef("case_id"), phase__in=("wait_seller", "wait_seller_confirm"), marketplace_deadline__lt=OuterRef("due_at")
    )
    first = Coalesce(Subquery(sooner.values("marketplace_deadline")), F("due_at"))
    handoffs.objects.filter(status__in=("open", "claimed", "returned")).update(first_at=first)


class Migration(migrations.Migration):

    dependencies = [
        ("handoffs", "0008_views"),
    ]

    operations = [
        migrations.AddField(
            model_name="handoff",
            name="first_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.RunPython(fill, migrations.RunPython.noop, elidable=True),
    ]
