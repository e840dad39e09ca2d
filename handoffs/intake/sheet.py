"""Reads one workbook in a process of its own and writes its rows to standard output, one JSON list a line.

Run by `workbook.py`. A damaged workbook can make the parser abort the whole process or ask for hundreds of gigabytes
(one stray cell in the last corner of a sheet is enough): here that ends this process only. It imports nothing of the
project.
"""

import contextlib
import json
import re
import resource
import sys
from datetime import date, datetime
from io import BytesIO
from pathlib import Path
from typing import Any

from python_calamine import CalamineError, CalamineWorkbook, PasswordError

MEMORY = 4 << 30
SECONDS = 600
# Stream names of an encrypted xlsx; in an xls a FILEPASS record right behind the first one. The parser, left to find
# the format by itself, reports both as “unknown format”.
ENCRYPTED = re.compile(
    b"|".join(
        (
            *(re.escape(name.encode("utf-16-le")) for name in ("EncryptedPackage", "EncryptionInfo")),
            rb"\x09\x08\x10\x00\x00\x06\x05\x00.{12}(?:\x86\x00\x00\x00)?\x2f\x00",
        )
    ),
    re.DOTALL,
)


def cell(value: Any) -> Any:
    """What JSON has no type for: a moment as an object, spans of time as text."""
    return {"at": value.isoformat()} if isinstance(value, datetime | date) else str(value)


def put(line: Any) -> None:
    sys.stdout.write(json.dumps(line, default=cell) + "\n")


def write_rows(content: bytes) -> None:
    """The rows of the first sheet that has any. By content, not by path: the parser would believe the name."""
    workbook = CalamineWorkbook.from_filelike(BytesIO(content))
    for name in workbook.sheet_names:
        sheet = workbook.get_sheet_by_name(name)
        if sheet.total_height:
            for row in sheet.iter_rows():
                put(list(row))
            return
    put({"failed": "no_rows"})


def limit() -> None:
    """Bounds what a damaged workbook can cost. Where the system knows no such limit, none."""
    for what, most in ((resource.RLIMIT_AS, MEMORY), (resource.RLIMIT_CPU, SECONDS), (resource.RLIMIT_CORE, 0)):
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(what, (most, most))


def main(path: str) -> None:
    limit()
    content = Path(path).read_bytes()
    try:
        write_rows(content)
    except CalamineError as error:
        locked = isinstance(error, PasswordError) or ENCRYPTED.search(content)
        put({"failed": "password" if locked else "damaged"})
    put({"done": True})


if __name__ == "__main__":
    main(sys.argv[1])
