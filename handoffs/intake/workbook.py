"""Rows of an xlsx or xls file, parsed by a process of its own (see sheet.py) so that no file can take this one down."""

import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from django.utils.translation import gettext as _

from handoffs.intake.rows import Unreadable

READER = Path(__file__).with_name("sheet.py")


def records(path: Path) -> Iterator[tuple[int, list[Any]]]:
    """(row as a person counts it, cells), the first row being 1. Raises Unreadable when the workbook cannot be read."""
    command = [sys.executable, "-P", str(READER), str(path.resolve())]
    quiet = subprocess.DEVNULL
    with subprocess.Popen(command, stdin=quiet, stdout=subprocess.PIPE, stderr=quiet) as reader:  # noqa: S603  our file
        try:
            yield from _rows(reader)
        finally:
            reader.kill()


def _rows(reader: "subprocess.Popen[bytes]") -> Iterator[tuple[int, list[Any]]]:
    for number, line in enumerate(reader.stdout or (), start=1):
        said = _said(line)
        if isinstance(said, list):
            yield number, said
        elif "failed" in said:
            raise Unreadable(_complaint(said["failed"]))
        else:
            return
    raise Unreadable(_complaint("aborted"))


def _said(line: bytes) -> Any:
    try:
        return json.loads(line, object_hook=_moment)
    except ValueError as error:
        # The process died in the middle of a line.
        raise Unreadable(_complaint("aborted")) from error


def _moment(found: dict[str, Any]) -> Any:
    return datetime.fromisoformat(found["at"]) if "at" in found else found


def _complaint(what: str) -> str:
    complaints = {
        "password": _("The workbook is protected by a password. Save it without one."),
        "no_rows": _("The workbook has no rows."),
        "damaged": _("The workbook is damaged or incomplete. Download it again."),
        "aborted": _("The workbook is damaged, or a cell far outside the table holds something. Download it again or "
                     "save it as CSV."),
    }  # fmt: skip
    return complaints[what]
