"""Workbooks, web pages and JSON, parsed by a process of their own (see sheet.py): no file can take this one down."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from django.utils.translation import gettext as _

from handoffs import exact
from handoffs.intake import patience
from handoffs.intake.rows import Unreadable
from handoffs.intake.values import text

READER = Path(__file__).with_name("sheet.py")


def records(path: Path, encoding: str, seconds: int) -> Iterator[tuple[int, list[Any]]]:
    """(row as a person counts it, cells), the first row being 1; of a page where there is an encoding.

    Raises Unreadable when the file cannot be read, or not in so many seconds of work.
    """
    with _reader(path, seconds, encoding) as reader:
        yield from _rows(reader)


@contextmanager
def _reader(path: Path, *more: object) -> "Iterator[subprocess.Popen[bytes]]":
    command = [sys.executable, "-P", str(READER), str(path.resolve()), *map(str, more)]
    quiet = subprocess.DEVNULL
    with subprocess.Popen(command, stdin=quiet, stdout=subprocess.PIPE, stderr=quiet) as reader:  # noqa: S603  our file
        try:
            yield reader
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


# JSON -----------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Told:
    """What is known of a file of JSON before its first object is taken."""

    format: str
    count: int


def objects(path: Path, encoding: str, wanted: str, seconds: int) -> tuple[Told, Iterator[Any]]:
    """The format and number of the refunds in a file of JSON, and each of them, one at a time.

    Raises Unreadable for damaged JSON, an error of the marketplace, no refunds, or what costs too much work or memory.
    """
    said = _objects(path, encoding, wanted, seconds)
    first = next(said)
    return Told(first["format"], first["count"]), (each for (each,) in said)


def _objects(path: Path, encoding: str, wanted: str, seconds: int) -> Iterator[Any]:
    """What the process says: the file as a whole, then each object in a list of its own."""
    with _reader(path, seconds, encoding, wanted) as reader:
        for line in reader.stdout or ():
            if not line.endswith(b"\n"):
                break  # it died in the middle
            said = json.loads(line)
            if isinstance(said, dict) and "failed" in said:
                raise Unreadable(_no_objects(said))
            if said == {"done": True}:
                return
            yield said
        raise Unreadable(patience.complaint() if reader.wait() == -signal.SIGXCPU else _no_objects({"failed": "big"}))


def _no_objects(said: dict[str, Any]) -> str:
    complaints = {
        "marketplace": _("The file holds an error of the marketplace, no refunds: %(code)s %(text)s")
        % {"code": text(said.get("code")), "text": text(said.get("said"))},
        "nothing": _("The JSON holds no refunds."),
        "damaged": _("The JSON is damaged: %(error)s") % {"error": said.get("error")},
        "deep": _("The JSON is damaged: %(error)s") % {"error": exact.too_deep()},
        "big": _("Reading this file takes too much memory. Split it into smaller files."),
        "object": _("Object %(number)s of the JSON is larger than %(megabytes)s MB, which no refund is. Take it "
                    "out and send the file again.")
        % {"number": said.get("number"), "megabytes": said.get("megabytes")},
    }  # fmt: skip
    return complaints[said["failed"]]
