"""Reads one workbook, web page or JSON in a process of its own and writes what it holds to standard output, one JSON
list a line: a row, or a refund by itself.

Run by `apart.py`. A damaged workbook can make the parser abort the whole process or ask for hundreds of gigabytes (one
stray cell in the last corner of a sheet is enough), a page can be written so that its parser takes hours, and JSON so
that it takes thirty times its size: here that ends this process only. It imports nothing of the project but
`handoffs/envelopes.py`, which imports nothing either.
"""

import contextlib
import gc
import json
import re
import resource
import sys
from datetime import date, datetime
from html.parser import HTMLParser
from io import BytesIO
from pathlib import Path
from typing import Any

from python_calamine import CalamineError, CalamineWorkbook, PasswordError

MEMORY = 4 << 30
CHUNK = 1 << 20
# What no table of a marketplace has: more columns than a spreadsheet, a cell over more, a tag of more characters.
COLUMNS = 16_384
WIDEST = 300
LONGEST_TAG = 64 << 10
LONGEST_OBJECT = 10 << 20
TAG = re.compile(r"<(?P<comment>!--)?[^>]*")
BEGUN = re.compile(r"<[a-zA-Z/!?]")
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


# A workbook -----------------------------------------------------------------------------------------------------------


def read_workbook(path: Path) -> None:
    content = path.read_bytes()
    try:
        write_rows(content)
    except CalamineError as error:
        locked = isinstance(error, PasswordError) or ENCRYPTED.search(content)
        put({"failed": "password" if locked else "damaged"})


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


# A page, which many a downloaded “.xls” really is ---------------------------------------------------------------------


class Tables(HTMLParser):
    """Writes the rows of a page's tables, one after the other. Closing tags may be left out, as browsers allow."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.count = 0
        self._row: list[str] | None = None
        self._cell: list[str] | None = None
        self._span = 1

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "tr":
            self.end_row()
            self._row = []
        elif tag in ("td", "th") and self._row is not None:
            self._end_cell()
            self._cell, self._span = [], span(dict(attrs).get("colspan"))
        elif tag == "br" and self._cell is not None:
            self._cell.append("\n")

    def handle_endtag(self, tag: str) -> None:
        if tag in ("td", "th"):
            self._end_cell()
        elif tag in ("tr", "table"):
            self.end_row()

    def handle_data(self, data: str) -> None:
        if self._cell is not None:
            self._cell.append(data)

    def end_row(self) -> None:
        self._end_cell()
        if self._row is not None:
            put(self._row)
            self.count += 1
        self._row = None

    def _end_cell(self) -> None:
        if self._row is not None and self._cell is not None:
            self._row += ["".join(self._cell), *([""] * (self._span - 1))]
            if len(self._row) > COLUMNS:
                raise ValueError("a row with more columns than any sheet")
        self._cell = None


def span(written: str | None) -> int:
    return max(min(int(written[:4]), WIDEST), 1) if written and written.isdecimal() else 1


def has_endless_tag(text: str) -> bool:
    """Whether a tag goes on for longer than any real one: the parser takes the square of its length."""
    return any(not tag["comment"] and tag.end() - tag.start() > LONGEST_TAG for tag in TAG.finditer(text))


def without_begun_tag(text: str) -> str:
    """Without the tag in which a page breaks off: the parser would look for its end from each sign in it anew."""
    begun = BEGUN.search(text, text.rfind(">") + 1)
    return text[: begun.start()] if begun else text


def read_page(path: Path, encoding: str) -> None:
    text = path.read_text(encoding)
    if has_endless_tag(text):
        put({"failed": "tag"})
        return
    try:
        if not write_tables(without_begun_tag(text)):
            put({"failed": "no_table"})
    except (ValueError, AssertionError):  # the parser's own word for markup it does not know
        put({"failed": "page"})


def write_tables(text: str) -> int:
    tables = Tables()
    for start in range(0, len(text), CHUNK):
        tables.feed(text[start : start + CHUNK])
    tables.close()
    tables.end_row()
    return tables.count


# JSON -----------------------------------------------------------------------------------------------------------------


def read_objects(path: Path, encoding: str, wanted: str) -> None:
    """The format and the number of refunds first, then each of them."""
    sys.path.append(str(Path(__file__).parents[2]))
    from handoffs import envelopes

    gc.disable()  # it would look through millions of objects of which none is to go
    try:
        name, found = envelopes.unpacked(envelopes.loads(path.read_text(encoding)), wanted)
        put({"format": name, "count": len(found)})
        write_objects(found)
    except envelopes.Failed as error:
        put({"failed": "marketplace", "code": error.code, "said": error.said})
    except envelopes.Nothing:
        put({"failed": "nothing"})
    except envelopes.TooDeep:
        put({"failed": "deep"})
    except MemoryError:
        put({"failed": "big"})
    except ValueError as error:
        put({"failed": "damaged", "error": str(error)})


def write_objects(found: list[Any]) -> None:
    """One after the other, letting go of each: whoever takes them may take hours."""
    count = len(found)
    found.reverse()
    for number in range(1, count + 1):
        written = json.dumps([found.pop()])
        if len(written) > LONGEST_OBJECT:
            put({"failed": "object", "number": number, "megabytes": LONGEST_OBJECT >> 20})
            return
        sys.stdout.write(written + "\n")


def limit(seconds: int) -> None:
    """Bounds what a file can cost. Where the system knows no such limit, none."""
    time, core = (resource.RLIMIT_CPU, seconds, seconds + 1), (resource.RLIMIT_CORE, 0, 0)
    for what, soft, hard in ((resource.RLIMIT_AS, MEMORY, MEMORY), time, core):
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(what, (soft, hard))


def main(name: str, seconds: str, encoding: str, wanted: str = "") -> None:
    """Read the file; one with an encoding is a page, one of which a format is wanted JSON."""
    limit(int(seconds))
    if wanted:
        read_objects(Path(name), encoding, wanted)
    elif encoding:
        read_page(Path(name), encoding)
    else:
        read_workbook(Path(name))
    put({"done": True})


if __name__ == "__main__":
    main(*sys.argv[1:])
