"""Opens a file people downloaded, told by its content, never by its name (formats.md section 3)."""

import codecs
import csv
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from io import TextIOWrapper
from pathlib import Path
from typing import Any

from django.utils.translation import gettext as _

from handoffs.intake import apart
from handoffs.intake.rows import Unreadable

CHUNK = 1 << 20
ENCODINGS = ("utf-8", "gb18030")
NO_TABLE = {b"%PDF": "PDF", b"\x89PNG": "PNG", b"\xff\xd8\xff": "JPEG", b"GIF8": "GIF", b"Rar!": "RAR"}
# What no table of a marketplace has: more columns than a spreadsheet (sheet.py bounds pages alike), more blank rows
# than a spreadsheet has rows, a row of more characters than two of the longest cells.
COLUMNS = 16_384
BLANKS = 1_048_576
CELL = 10 * CHUNK
ROW = 2 * CELL
csv.field_size_limit(CELL)


@dataclass(frozen=True, slots=True)
class Opened:
    """What the file turned out to be. `kind`: xlsx, xls, html, csv, tsv or json; `encoding` for texts only."""

    path: Path
    kind: str
    encoding: str = ""


def open_file(path: Path) -> Opened:
    """Tell what the file is. Raises Unreadable with one clear line."""
    try:
        with path.open("rb") as file:
            head = file.read(4096)
    except OSError as error:
        raise Unreadable(_("The file cannot be opened: %(error)s") % {"error": error.strerror or error}) from error
    if not head.strip():
        raise Unreadable(_("The file is empty."))
    for magic, name in NO_TABLE.items():
        if head.startswith(magic):
            raise Unreadable(_("This is a %(kind)s file, not a table.") % {"kind": name})
    if head.startswith(b"PK\x03\x04"):
        return Opened(path, _zip_kind(path))
    if head.startswith(b"\xd0\xcf\x11\xe0"):
        return Opened(path, "xls")
    encoding = _encoding(path, head)
    start = head.decode(encoding, errors="ignore").lstrip("\ufeff \t\r\n")
    return Opened(path, _text_kind(start), encoding)


def _zip_kind(path: Path) -> str:
    try:
        with zipfile.ZipFile(path) as archive:
            if not any(name.startswith("xl/") for name in archive.namelist()):
                raise Unreadable(_("This is a zip archive, not a workbook. Unpack it and send the file inside."))
    except (zipfile.BadZipFile, NotImplementedError, ValueError, OSError) as error:
        raise Unreadable(_("The workbook is damaged or incomplete. Download it again.")) from error
    return "xlsx"


def _encoding(path: Path, head: bytes) -> str:
    """utf-8 with or without BOM, utf-16 with one, else GB18030; the whole file must decode."""
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        if _decodes(path, "utf-16"):
            return "utf-16"
        raise Unreadable(_("The UTF-16 text is damaged or incomplete. Download the file again."))
    if b"\x00" in head:
        raise Unreadable(_("This is a binary file, not a table."))
    for encoding in ENCODINGS:
        if _decodes(path, encoding):
            return "utf-8-sig" if encoding == "utf-8" else encoding
    raise Unreadable(_("The text is neither UTF-8 nor GB18030. Save it as “CSV UTF-8” and send it again."))


def _decodes(path: Path, encoding: str) -> bool:
    decoder = codecs.getincrementaldecoder(encoding)()
    try:
        with path.open("rb") as file:
            while chunk := file.read(CHUNK):
                decoder.decode(chunk)
            decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def _text_kind(start: str) -> str:
    if start[:1] in "{[":
        return "json"
    if start.startswith("<"):
        return "html"
    # Titles may stand above the table, so the widest line decides, not the first.
    lines = start.splitlines()
    tabs, commas = (max((line.count(sign) for line in lines), default=0) for sign in "\t,")
    return "tsv" if tabs > commas else "csv"


def records(opened: Opened, seconds: int) -> Iterator[tuple[int, list[Any]]]:
    """(row as a person counts it, cells), the first row being 1. Raises Unreadable when the file breaks off, or costs
    more than so many seconds where a file can be made to cost hours.
    """
    if opened.kind in ("xlsx", "xls", "html"):
        return apart.records(opened.path, opened.encoding, seconds)
    return _separated(opened)


def _separated(opened: Opened) -> Iterator[tuple[int, list[Any]]]:
    delimiter, blanks = "\t" if opened.kind == "tsv" else ",", 0
    with opened.path.open(encoding=opened.encoding, newline="") as file:
        lines = Lines(file)
        try:
            for number, cells in enumerate(csv.reader(iter(lines), delimiter=delimiter), start=1):
                lines.end_row(number, len(cells))
                blanks += not any(cells)
                if blanks > BLANKS:
                    raise Unreadable(_blank())
                yield number, cells
        except csv.Error as error:
            raise Unreadable(_("The text is no table: %(error)s") % {"error": error}) from error


class Lines:
    """The lines of a text for the csv reader, without NUL. Raises Unreadable where a row has no end."""

    def __init__(self, file: TextIOWrapper) -> None:
        self._file, self._row, self._length = file, 1, 0

    def __iter__(self) -> Iterator[str]:
        while line := self._file.readline(ROW + 1):
            self._length += len(line)
            if self._length > ROW:
                raise Unreadable(self._endless())
            yield line.replace("\x00", "")

    def end_row(self, number: int, columns: int) -> None:
        """The reader has made a row of what it took."""
        if columns > COLUMNS:
            raise Unreadable(self._endless())
        self._row, self._length = number + 1, 0

    def _endless(self) -> str:
        return _("Row %(row)d is longer than a row of any sheet, which has %(columns)d columns at most. Download the "
                 "file again, or look whether a quotation mark or a line break is missing.") % {
            "row": self._row, "columns": COLUMNS}  # fmt: skip


def _blank() -> str:
    return _("More than %(rows)d rows are blank. Delete the rows that hold nothing and send the file again.") % {
        "rows": BLANKS}  # fmt: skip
