"""Rows of the tables in a web page, which many a downloaded “.xls” really is."""

from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from django.utils.translation import gettext as _

from handoffs.intake.rows import Unreadable

CHUNK = 1 << 20
WIDEST = 300


class _Table(HTMLParser):
    """Collects the rows of a page's tables, one after the other. Closing tags may be left out, as browsers allow."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.rows: list[list[str]] = []
        self._row: list[str] | None = None
        self._cell: list[str] | None = None
        self._span = 1

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "tr":
            self.end_row()
            self._row = []
        elif tag in ("td", "th") and self._row is not None:
            self._end_cell()
            self._cell, self._span = [], _span(dict(attrs).get("colspan"))
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
            self.rows.append(self._row)
        self._row = None

    def _end_cell(self) -> None:
        if self._row is not None and self._cell is not None:
            self._row += ["".join(self._cell), *([""] * (self._span - 1))]
        self._cell = None


def _span(written: str | None) -> int:
    return min(int(written), WIDEST) if written and written.isdecimal() and int(written) else 1


def records(path: Path, encoding: str) -> Iterator[tuple[int, list[Any]]]:
    """(row, cells), the first row being 1. Raises Unreadable when the page holds no table."""
    number = 0
    for row in _rows(path, encoding):
        number += 1
        yield number, list(row)
    if not number:
        raise Unreadable(_("The page holds no table."))


def _rows(path: Path, encoding: str) -> Iterator[list[str]]:
    parser = _Table()
    with path.open(encoding=encoding) as file:
        while chunk := file.read(CHUNK):
            parser.feed(chunk)
            done, parser.rows = parser.rows, []
            yield from done
    parser.close()
    parser.end_row()
    yield from parser.rows
