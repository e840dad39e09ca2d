"""A backup of database and evidence while people work on."""

from argparse import ArgumentParser
from pathlib import Path
from time import perf_counter
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from handoffs import backup
from handoffs.models import Tick


class Command(BaseCommand):
    help = "Writes database and evidence, as they belong together, into a new folder and prints its path."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("into", type=Path, metavar="FOLDER", help="where the backup's own folder is made")
        parser.add_argument(
            "--no-attachments", action="store_true", help="the database alone, where evidence is copied another way"
        )

    def handle(self, *_args: Any, into: Path, no_attachments: bool, **_options: Any) -> None:
        at, begun = timezone.now(), perf_counter()
        try:
            made = backup.make(into.expanduser().resolve(), at=at, attachments=not no_attachments)
        except (backup.Unfit, OSError) as reason:
            raise CommandError(str(reason)) from reason
        Tick.note("backup", {}, at=at, seconds=perf_counter() - begun)
        self.stdout.write(str(made))
