"""What has had its time goes, by the retention policy."""

import json
from argparse import ArgumentParser
from time import perf_counter
from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from handoffs import archiving
from handoffs.models import Tick


class Command(BaseCommand):
    help = (
        "Removes old messages, moves parcel events and timelines of long closed cases into the archive, and erases "
        "their buyers, as the retention policy says. May be run at any time; the worker does it every night."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="count what would go, change nothing")
        parser.add_argument("--json", action="store_true", help="print the counts as one line of JSON")

    def handle(self, *_args: Any, **options: Any) -> None:
        at, begun = timezone.now(), perf_counter()
        counts = archiving.run(at=at, dry_run=options["dry_run"])
        if not options["dry_run"]:
            Tick.note("archive", counts, at=at, seconds=perf_counter() - begun)
        shown = json.dumps(counts) if options["json"] else "  ".join(f"{name}: {n}" for name, n in counts.items())
        self.stdout.write(shown)
