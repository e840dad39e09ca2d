"""The morning mails by hand."""

import json
from argparse import ArgumentParser
from datetime import date
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from django.utils.dateparse import parse_date

from handoffs import delivery, digests
from handoffs.models import OutboxMessage


class Command(BaseCommand):
    help = "Sends everybody the digest of the day who has not had it, without waiting for their hour."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--date", metavar="D", help="the day, as 2026-11-11 (default: today, in each one's zone)")
        parser.add_argument("--dry-run", action="store_true", help="print the letters, send and note nothing")
        parser.add_argument("--json", action="store_true", help="print the counts as one line of JSON")

    def handle(self, *_args: Any, dry_run: bool, **options: Any) -> None:
        at = timezone.now()
        prepared = digests.prepare(at=at, day=_day(options["date"]), by_hand=True, dry_run=dry_run)
        if dry_run:
            self._show(prepared, options["json"])
        elif prepared.ids:
            delivery.run(at=at, only=prepared.ids)
        sent = OutboxMessage.objects.filter(pk__in=prepared.ids, mail=OutboxMessage.Mail.SENT).count()
        counts = prepared.counts | {"sent": sent, "waiting": len(prepared.ids) - sent}
        if dry_run:
            counts["would_send"] = len(prepared.written)
        line = "  ".join(f"{name}: {value}" for name, value in counts.items())
        self.stdout.write(json.dumps(counts) if options["json"] else line)

    def _show(self, prepared: digests.Prepared, to_stderr: bool) -> None:  # noqa: FBT001
        """The letters as text; beside JSON they go to stderr."""
        out = self.stderr if to_stderr else self.stdout
        for user, letter in prepared.written:
            out.write(f"To: {user.email}\nSubject: {letter.subject}\n\n{letter.text}\n", style_func=str)


def _day(text: str | None) -> date | None:
    if text is None:
        return None
    try:
        day = parse_date(text)
    except ValueError:
        day = None
    if day is None:
        raise CommandError(f"--date {text!r} is not a day. Write it as 2026-11-11.")
    return day
