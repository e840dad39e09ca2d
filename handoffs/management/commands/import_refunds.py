"""Takes a file of refund applications in."""

import json
import sys
from argparse import ArgumentParser
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from tqdm import tqdm

from accounts.models import Shop
from handoffs import imports
from handoffs.flow import intake
from handoffs.intake import FORMATS, describe, format_of
from handoffs.intake.rows import Unreadable
from handoffs.intake.values import BEIJING
from handoffs.models import ImportRun

UNREADABLE = 2
AHEAD = timedelta(days=1)  # clocks and zones of other machines


class Command(BaseCommand):
    help = (
        "Takes in a refund export (Qianniu, JD), marketplace JSON or a table of parcel events. Exit status: 0 every "
        "row taken, 1 some rejected, 2 the file cannot be read."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, help="the file; its real kind is told by its content")
        parser.add_argument("--shop", required=True, metavar="CODE", help="the shop the file belongs to")
        parser.add_argument("--format", choices=FORMATS, default="auto")
        parser.add_argument("--as-of", metavar="ISO8601", help="the moment the file speaks of (default: its own date)")
        parser.add_argument("--dry-run", action="store_true", help="say what would happen and change nothing")
        parser.add_argument("--json", action="store_true", help="print the counts as one line of JSON")

    def handle(self, *_args: Any, **options: Any) -> None:
        path: Path = options["file"]
        try:
            record = self._run_of(path, options)
            counts, rejects_file = self._take(record, path, options)
        except Unreadable as error:
            raise CommandError(f"{path.name}: {error}", returncode=UNREADABLE) from error
        except OSError as error:
            raise CommandError(f"{path.name}: {error.strerror or error}", returncode=UNREADABLE) from error
        self._print(counts, rejects_file, as_json=options["json"])
        if counts.rejected:
            sys.exit(1)

    def _run_of(self, path: Path, options: dict[str, Any]) -> ImportRun:
        """The run for this file; raises CommandError for an unknown shop or a time that is none."""
        shop = Shop.objects.filter(code=options["shop"]).first()
        if shop is None:
            known = ", ".join(Shop.objects.values_list("code", flat=True)) or "none yet"
            raise CommandError(f"There is no shop {options['shop']!r}. Shops: {known}.", returncode=UNREADABLE)
        _must_match(path, shop, options["format"])
        as_of = _as_of(path, options["as_of"])
        return imports.new_run(
            shop, path.resolve(), name=path.name, as_of=as_of, at=timezone.now(), format=options["format"]
        )

    def _take(self, record: ImportRun, path: Path, options: dict[str, Any]) -> tuple[intake.Counts, Path | None]:
        shown = sys.stderr.isatty()
        total = describe(path, format=record.format).rows if shown else None
        with tqdm(total=total, unit=" rows", disable=not shown, file=sys.stderr) as bar:
            if options["dry_run"]:
                return imports.trial(record, by=None, at=timezone.now(), progress=bar.update), None
            record.save()
            record = imports.run(record.pk, at=timezone.now(), progress=bar.update)
        if record.status == ImportRun.Status.FAILED:
            raise Unreadable(record.error)
        counts = intake.Counts(*(getattr(record, name) for name in imports.COUNTED))
        return counts, self._rejects(record, path) if record.rejected else None

    def _rejects(self, record: ImportRun, path: Path) -> Path | None:
        """The workbook beside the file. Where none can be written the rows are still kept, and the console has them."""
        beside = path.with_name(f"{path.name}.rejects.xlsx")
        try:
            return imports.write_rejects(record, beside)
        except OSError as error:
            self.stderr.write(f"{beside}: {error.strerror or error}. The rejected rows stand in the console.")
            return None

    def _print(self, counts: intake.Counts, rejects_file: Path | None, *, as_json: bool) -> None:
        result = {**vars(counts), "rejects_file": str(rejects_file) if rejects_file else None}
        if as_json:
            self.stdout.write(json.dumps(result, ensure_ascii=False))
            return
        self.stdout.write(", ".join(f"{name} {value}" for name, value in vars(counts).items()))
        if rejects_file:
            self.stdout.write(f"Rejected rows with their reasons: {rejects_file}")


def _must_match(path: Path, shop: Shop, chosen: str) -> None:
    """A file of the one marketplace is not taken into a shop of the other unless the format is named."""
    if chosen != "auto":
        return
    found = format_of(path)
    if found == "parcels":
        return
    of_jd = found in ("jd", "jd_api")
    if of_jd != (shop.marketplace == Shop.Marketplace.JD):
        origin = "JD" if of_jd else "Taobao or Tmall"
        raise CommandError(
            f"{path.name}: it comes from {origin}, but {shop.code} is a shop on {shop.get_marketplace_display()}. Name "
            "the shop it belongs to; if it is the right one, say --format.", returncode=UNREADABLE,
        )  # fmt: skip


def _as_of(path: Path, given: str | None) -> datetime:
    """The moment as given, else the file's own date. Raises CommandError or OSError."""
    if given is None:
        return datetime.fromtimestamp(path.stat().st_mtime, tz=UTC)
    try:
        moment = parse_datetime(given)
    except ValueError:
        moment = None
    if moment is None:
        raise CommandError(
            f"--as-of {given!r} is not a time. Write it as 2026-11-11T10:00:00+08:00.", returncode=UNREADABLE
        )
    moment = moment if moment.tzinfo else moment.replace(tzinfo=BEIJING)
    if moment > timezone.now() + AHEAD:
        raise CommandError(f"--as-of {given!r} lies in the future: nothing newer could be taken in.",
                           returncode=UNREADABLE)  # fmt: skip
    return moment
