"""Run as a process of its own on a desk without anything: restores a backup, works on it, says what it saw as JSON."""

import hashlib
import json
import os
import sys
from datetime import datetime
from io import StringIO
from pathlib import Path
from typing import Any

import django


def hashes() -> dict[str, str]:
    """Every value of every row of what nobody works on, by model."""
    from accounts.models import Contact, Limit, Membership, Shop
    from handoffs.models import Attachment, Case, CaseSource, Connection, Handoff, Terms

    found = {}
    for model in (Shop, Membership, Contact, Limit, Case, CaseSource, Handoff, Attachment, Connection, Terms):
        rows = [repr(row) for row in model.objects.order_by("pk").values_list()]
        found[model.__name__] = hashlib.sha256("\n".join(rows).encode()).hexdigest()
    return found


def main(folder: str, until: str, later: str) -> dict[str, Any]:
    """Restore, look, then one sweep and one delivery at `later`."""
    from django.conf import settings
    from django.core.management import call_command
    from django.test import Client

    from accounts import vault
    from accounts.models import User
    from handoffs import backup, delivery, sweep
    from handoffs.models import Attachment, Case, Connection, OutboxMessage, TimelineEntry

    said = StringIO()
    call_command("restore", folder, until=until, stdout=said)
    seen: dict[str, Any] = {"rows": backup.counted(), "hashes": hashes()}
    waiting = OutboxMessage.objects.filter(mail="queued").count()
    told = set(OutboxMessage.objects.values_list("pk", flat=True))
    client, case = Client(), Case.objects.earliest("pk")
    client.force_login(User.objects.get(name="Support"), backend="accounts.backends.RoleBackend")
    page = client.get(f"/handoffs/case/{case.pk}/change/", secure=settings.TLS)
    seen |= {
        "said": said.getvalue(),
        "page": page.status_code,
        "shows": case.refund_id in page.content.decode(),
        "secret": vault.unseal(Connection.objects.get().sealed_secret),
        "evidence": {each.sha256: each.file.read().hex() for each in Attachment.objects.all()},
        "waiting": waiting,
        "late": TimelineEntry.objects.filter(kind="late").count(),
    }
    at = datetime.fromisoformat(later)
    seen["swept"] = sweep.run(at=at)
    seen["delivered"] = delivery.run(at=at)
    seen["new"] = sorted(set(OutboxMessage.objects.values_list("pk", flat=True)) - told)
    letters = [file.read_text() for file in Path(settings.EMAIL_FILE_PATH).glob("*")]
    seen["mails"] = sum(text.count("Message-ID: ") for text in letters)
    return seen


if __name__ == "__main__":
    os.environ["DJANGO_SETTINGS_MODULE"] = "refunddesk.settings"
    django.setup()
    print(json.dumps(main(*sys.argv[1:])))  # noqa: T201
