"""One pass of the sweep by hand."""

import json
from argparse import ArgumentParser
from datetime import datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from handoffs import sweep
from handoffs.intake.values import BEIJING


class Command(BaseCommand):
    help = "Does every clock step that is due (remind, mark late, escalate, expire) and prints the counts by step."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--at", metavar="ISO8601", help="the moment to sweep at; also a future one (default: now)")
        parser.add_argument("--json", action="store_true", help="print the counts as one line of JSON")

    def handle(self, *_args: Any, at: str | None, **options: Any) -> None:
        moment = _moment(at) if at else timezone.now()
        counts = sweep.run(at=moment)
        if at is None:
            sweep.tick(counts, at=moment)
        line = (
            json.dumps(counts) if options["json"] else "  ".join(f"{name}: {value}" for name, value in counts.items())
        )
        self.stdout.write(line)


def _moment(text: str) -> datetime:
    """The time as given; without an offset it is Beijing's, as in files. Raises CommandError."""
    try:
        moment = parse_datetime(text)
    except ValueError:
        moment = None
    if moment is None:
        raise CommandError(f"--at {text!r} is not a time. Write it as 2026-11-11T00:15:00+08:00.")
    return moment if moment.tzinfo else moment.replace(tzinfo=BEIJING)
