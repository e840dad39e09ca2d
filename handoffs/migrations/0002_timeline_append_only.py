"""PostgreSQL refuses to rewrite or remove timeline rows, whoever asks."""

from typing import Any

from django.db import migrations

GUARD = """
CREATE OR REPLACE FUNCTION handoffs_timeline_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the timeline is append-only';
END $$;
CREATE TRIGGER handoffs_timeline_guard BEFORE UPDATE OR DELETE ON handoffs_timelineentry
    FOR EACH ROW EXECUTE FUNCTION handoffs_timeline_guard();
"""
LIFT = """
DROP TRIGGER IF EXISTS handoffs_timeline_guard ON handoffs_timelineentry;
DROP FUNCTION IF EXISTS handoffs_timeline_guard();
"""


def guard(_apps: Any, schema_editor: Any) -> None:
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(GUARD)


def lift(_apps: Any, schema_editor: Any) -> None:
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(LIFT)


class Migration(migrations.Migration):
    dependencies = (("handoffs", "0001_initial"),)
    operations = (migrations.RunPython(guard, lift),)
