"""Makes the files people really send, out of rows, in every shape the desk takes."""

import csv
import html
import io
from collections.abc import Callable
from pathlib import Path

import xlwt
from openpyxl import Workbook

DATA = Path(__file__).parent / "data"
Rows = list[list[object]]


def header(name: str) -> list[object]:
    with (DATA / f"header_{name}.csv").open(encoding="utf-8-sig", newline="") as file:
        return list(next(csv.reader(file)))


def _csv(rows: Rows, delimiter: str = ",") -> str:
    buffer = io.StringIO(newline="")
    csv.writer(buffer, delimiter=delimiter).writerows(rows)
    return buffer.getvalue()


def as_csv(path: Path, rows: Rows, encoding: str = "utf-8") -> None:
    path.write_bytes(_csv(rows).encode(encoding))


def as_tsv(path: Path, rows: Rows) -> None:
    path.write_bytes(_csv(rows, "\t").encode())


def as_xlsx(path: Path, rows: Rows) -> None:
    book = Workbook()
    for row in rows:
        book.active.append(row)
    with path.open("wb") as file:
        book.save(file)


def as_xls(path: Path, rows: Rows) -> None:
    book = xlwt.Workbook()
    sheet = book.add_sheet("退款报表")
    for y, row in enumerate(rows):
        for x, cell in enumerate(row):
            sheet.write(y, x, cell)
    with path.open("wb") as file:
        book.save(file)


def as_html(path: Path, rows: Rows) -> None:
    cells = (f"<tr>{''.join(f'<td>{html.escape(str(cell))}</td>' for cell in row)}</tr>" for row in rows)
    path.write_text(f"<html><meta charset='utf-8'><table>{''.join(cells)}</table></html>", encoding="utf-8")


SHAPES: dict[str, Callable[[Path, Rows], None]] = {
    "csv": as_csv,
    "csv with BOM": lambda path, rows: as_csv(path, rows, "utf-8-sig"),
    "csv in GB18030": lambda path, rows: as_csv(path, rows, "gb18030"),
    "csv in UTF-16": lambda path, rows: as_csv(path, rows, "utf-16"),
    "tsv": as_tsv,
    "xlsx": as_xlsx,
    "xls": as_xls,
    "html": as_html,
}
