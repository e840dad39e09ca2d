"""Writes the rows that were turned down, so that they can be fixed and sent again."""

import csv
import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Protocol, TextIO
from unicodedata import category, normalize

from openpyxl import Workbook
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE

from handoffs.intake.headers import OWN_COLUMNS

# What a spreadsheet takes for the beginning of a formula; in East Asian versions the full-width signs too.
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
# What may stand before it and is passed over: blanks, marks of byte order and of writing direction, joiners.
UNSEEN = "".join(sign for sign in map(chr, range(0x10000)) if category(sign) in ("Cc", "Cf", "Zl", "Zp", "Zs"))
FIGURE = re.compile(r"-?[0-9]+(?:\.[0-9]+)?")
NUMBER_OF_ROW, WHY = OWN_COLUMNS


class Rejected(Protocol):
    """A row with its number, reason and what was received."""

    number: int
    message: str
    raw: dict[str, Any]


def neutral(value: Any) -> str:
    """A cell that a spreadsheet will not run as a formula and can hold. Negative numbers stay numbers."""
    text = ILLEGAL_CHARACTERS_RE.sub("", _written(value))
    begins = text.startswith(FORMULA) or normalize("NFKC", text.lstrip(UNSEEN)[:1]).startswith(FORMULA)
    return f"'{text}" if begins and not FIGURE.fullmatch(text) else text


def table(file: TextIO) -> Any:
    """A csv writer for spreadsheets: every cell in quotes, so that none of them can end it early."""
    return csv.writer(file, quoting=csv.QUOTE_ALL)


def _written(value: Any) -> str:
    """A value as text; what JSON nests stays JSON, so that it can be read again."""
    if value is None or isinstance(value, str):
        return value or ""
    return json.dumps(value, ensure_ascii=False, default=str)


def columns(rows: Iterable[Rejected]) -> list[str]:
    """The received columns in the order they first appear, without those this writer adds."""
    names = dict.fromkeys(name for row in rows for name in row.raw)
    return [name for name in names if name not in OWN_COLUMNS]


def write_xlsx(path: Path, rows: list[Rejected]) -> None:
    """All cells as text, so that ids keep their digits; the row's number and the reason stand in front."""
    names = columns(rows)
    book = Workbook(write_only=True)
    sheet = book.create_sheet("rejected")
    sheet.append([NUMBER_OF_ROW, WHY, *map(neutral, names)])
    for row in rows:
        sheet.append([str(row.number), neutral(row.message), *(neutral(row.raw.get(name)) for name in names)])
    book.save(path)


def write_csv(path: Path, rows: list[Rejected]) -> None:
    """The same as csv in utf-8 with BOM, as spreadsheets like it."""
    names = columns(rows)
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = table(file)
        writer.writerow([NUMBER_OF_ROW, WHY, *map(neutral, names)])
        for row in rows:
            writer.writerow([row.number, neutral(row.message), *(neutral(row.raw.get(name)) for name in names)])
