"""Opens a file people downloaded, told by its content, never by its name (formats.md section 3)."""

import codecs
import csv
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from html.parser import HTMLParser
from io import BytesIO, TextIOWrapper
from pathlib import Path
from typing import Any

from django.utils.translation import gettext as _
from python_calamine import CalamineError, CalamineWorkbook

from handoffs.intake.rows import Unreadable

CHUNK = 1 << 20
ENCODINGS = ("utf-8", "gb18030")
NO_TABLE = {b"%PDF": "PDF", b"\x89PNG": "PNG", b"\xff\xd8\xff": "JPEG", b"GIF8": "GIF", b"Rar!": "RAR"}
csv.field_size_limit(10 * CHUNK)


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
    except zipfile.BadZipFile as error:
        raise Unreadable(_("The workbook is damaged or incomplete. Download it again.")) from error
    return "xlsx"


def _encoding(path: Path, head: bytes) -> str:
    """utf-8 with or without BOM, utf-16 with one, else GB18030; the whole file must decode."""
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
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
    lowered = start[:2048].lower()
    if lowered.startswith(("<!doctype html", "<html", "<table", "<?xml", "<meta")) or "<table" in lowered:
        return "html"
    line = next((line for line in start.splitlines() if line.strip()), "")
    return "tsv" if line.count("\t") > line.count(",") else "csv"


def records(opened: Opened) -> Iterator[tuple[int, list[Any]]]:
    """(row as a person counts it, cells), the first row being 1. Raises Unreadable when the file breaks off."""
    if opened.kind in ("xlsx", "xls"):
        return _workbook(opened)
    if opened.kind == "html":
        return _html(opened)
    return _separated(opened)


def _workbook(opened: Opened) -> Iterator[tuple[int, list[Any]]]:
    try:
        # By content, not by path: calamine would believe the name.
        workbook = CalamineWorkbook.from_filelike(BytesIO(opened.path.read_bytes()))
        sheet = next((s for name in workbook.sheet_names if (s := workbook.get_sheet_by_name(name)).total_height), None)
        if sheet is None:
            raise Unreadable(_("The workbook has no rows."))
        for number, cells in enumerate(sheet.iter_rows(), start=1):
            yield number, list(cells)
    except CalamineError as error:
        protected = "password" in str(error).lower() or "encrypt" in str(error).lower()
        if protected:
            raise Unreadable(_("The workbook is protected by a password. Save it without one.")) from error
        raise Unreadable(_("The workbook is damaged or incomplete. Download it again.")) from error


def _separated(opened: Opened) -> Iterator[tuple[int, list[Any]]]:
    delimiter = "\t" if opened.kind == "tsv" else ","
    with opened.path.open(encoding=opened.encoding, newline="") as file:
        try:
            for number, cells in enumerate(csv.reader(_without_nul(file), delimiter=delimiter), start=1):
                yield number, list(cells)
        except csv.Error as error:
            raise Unreadable(_("The text is no table: %(error)s") % {"error": error}) from error


def _without_nul(file: TextIOWrapper) -> Iterator[str]:
    for line in file:
        yield line.replace("\x00", "")


class _Table(HTMLParser):
    """Collects the rows of a page's tables, one after the other."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.rows: list[list[str]] = []
        self._row: list[str] | None = None
        self._cell: list[str] | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "tr":
            self._row = []
        elif tag in ("td", "th") and self._row is not None:
            self._cell = []
        elif tag == "br" and self._cell is not None:
            self._cell.append("\n")
        del attrs

    def handle_endtag(self, tag: str) -> None:
        if tag in ("td", "th") and self._cell is not None and self._row is not None:
            self._row.append("".join(self._cell))
            self._cell = None
        elif tag == "tr" and self._row is not None:
            self.rows.append(self._row)
            self._row = None

    def handle_data(self, data: str) -> None:
        if self._cell is not None:
            self._cell.append(data)


def _html(opened: Opened) -> Iterator[tuple[int, list[Any]]]:
    parser, number = _Table(), 0
    with opened.path.open(encoding=opened.encoding) as file:
        while chunk := file.read(CHUNK):
            parser.feed(chunk)
            rows, parser.rows = parser.rows, []
            for row in rows:
                number += 1
                yield number, list(row)
    if not number:
        raise Unreadable(_("The page holds no table."))
