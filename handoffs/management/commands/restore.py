"""A desk out of a backup, into an empty database and an empty folder."""

from argparse import ArgumentParser
from datetime import datetime
from pathlib import Path
from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.utils.dateparse import parse_datetime

from handoffs import backup, restored
from handoffs.intake.values import BEIJING


class Command(BaseCommand):
    help = (
        "Restores a backup into an empty database and an empty folder for evidence, brings it up to date, and keeps "
        "what the lost desk had told already from being told again."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("folder", type=Path, help="a backup, as `backup` made it")
        parser.add_argument(
            "--until", metavar="ISO8601", help="the last moment the lost desk worked (default: that of the backup)"
        )

    def handle(self, *_args: Any, folder: Path, until: str | None, **_options: Any) -> None:
        moment = _moment(until) if until else None
        try:
            contents = backup.load(folder.expanduser().resolve())
        except (backup.Unfit, OSError) as reason:
            raise CommandError(str(reason)) from reason
        call_command("migrate", verbosity=0)
        settled = restored.settle(until=moment or datetime.fromisoformat(contents.at))
        self.stdout.write(
            f"restored: {sum(contents.rows.values())} rows, {len(contents.files) - 1} files; not told again: "
            f"{settled.mails} mails, {settled.posts} chat messages; paused batch refunds: {settled.batches}; "
            f"interceptions of unknown fate: {settled.stops}"
        )


def _moment(text: str) -> datetime:
    """The time as given; without an offset it is Beijing's. Raises CommandError."""
    try:
        moment = parse_datetime(text)
    except ValueError:
        moment = None
    if moment is None:
        raise CommandError(f"--until {text!r} is not a time. Write it as 2026-11-11T00:15:00+08:00.")
    return moment if moment.tzinfo else moment.replace(tzinfo=BEIJING)
