"""PostgreSQL refuses to rewrite or remove what was noted, whoever asks; that a person is gone may be forgotten."""

from typing import Any

from django.db import migrations, models

GUARD = """
CREATE OR REPLACE FUNCTION accounts_audit_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE'
        AND (NEW.by_id IS NULL OR NEW.by_id = OLD.by_id)
        AND (NEW.about_id IS NULL OR NEW.about_id = OLD.about_id)
        AND (NEW.id, NEW.at, NEW.kind, NEW.address, NEW.text) = (OLD.id, OLD.at, OLD.kind, OLD.address, OLD.text)
    THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'the audit is append-only';
END $$;
CREATE TRIGGER accounts_audit_guard BEFORE UPDATE OR DELETE ON accounts_auditentry
    FOR EACH ROW EXECUTE FUNCTION accounts_audit_guard();
"""
LIFT = """
DROP TRIGGER IF EXISTS accounts_audit_guard ON accounts_auditentry;
DROP FUNCTION IF EXISTS accounts_audit_guard();
"""


def guard(_apps: Any, schema_editor: Any) -> None:
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(GUARD)


def lift(_apps: Any, schema_editor: Any) -> None:
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(LIFT)


KINDS = (
    ("login", "logged in"),
    ("login_failed", "login failed"),
    ("code_failed", "code missing or wrong"),
    ("locked_out", "locked out"),
    ("password", "own password changed"),
    ("factor_added", "second factor set up"),
    ("factor_codes", "new recovery codes"),
    ("factor_used", "recovery code used"),
    ("factor_reset", "second factor removed"),
    ("token_made", "token made"),
    ("token_ended", "token ended"),
    ("revealed", "buyer's data revealed"),
    ("changed", "set-up changed"),
    ("erased", "erasure asked for"),
    ("taken", "audit downloaded"),
)


class Migration(migrations.Migration):
    dependencies = (("accounts", "0007_audited_passwords"),)
    operations = (
        migrations.AddField(
            model_name="user",
            name="new_password_due",
            field=models.BooleanField(default=False, editable=False, verbose_name="must set a new password"),
        ),
        migrations.AlterField(
            model_name="auditentry",
            name="kind",
            field=models.CharField(choices=KINDS, max_length=16, verbose_name="kind"),
        ),
        migrations.AlterField(
            model_name="auditentry", name="text", field=models.TextField(blank=True, verbose_name="what")
        ),
        migrations.RunPython(guard, lift),
    )
