"""Rows of a workbook or a web page, parsed by a process of its own (see sheet.py): no file can take this one down."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from django.utils.translation import gettext as _

from handoffs.intake.rows import Unreadable

READER = Path(__file__).with_name("sheet.py")


def records(path: Path, encoding: str, seconds: int) -> Iterator[tuple[int, list[Any]]]:
    """(row as a person counts it, cells), the first row being 1; of a page where there is an encoding.

    Raises Unreadable when the file cannot be read, or not in so many seconds of work.
    """
    command = [sys.executable, "-P", str(READER), str(path.resolve()), str(seconds), encoding]
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
    raise Unreadable(_complaint("slow" if reader.wait() == -signal.SIGXCPU else "aborted"))


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
        "no_table": _("The page holds no table."),
        "page": _("The page is damaged, or no table a marketplace makes. Download it again or save it as CSV."),
        "tag": _("The page is damaged: a tag in it does not end. Download it again or save it as CSV."),
        "slow": _("Reading this file takes too long. Save it as CSV, or split it into smaller files."),
        "damaged": _("The workbook is damaged or incomplete. Download it again."),
        "aborted": _("The workbook is damaged, or a cell far outside the table holds something. Download it again or "
                     "save it as CSV."),
    }  # fmt: skip
    return complaints[what]
