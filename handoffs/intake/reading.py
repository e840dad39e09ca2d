"""The way in: tell what a file is and read it row by row."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Protocol

from django.utils.translation import gettext as _

from handoffs.intake import apart, headers, jd, jd_api, objects, parcels, qianniu, tables, top
from handoffs.intake.patience import PATIENCE, Watch
from handoffs.intake.rows import Reject, Row, Unreadable

FORMATS = ("auto", "qianniu", "jd", "top", "jd_api", "parcels")
EXPORTS = ("qianniu", "jd", "parcels")
OBJECTS = {"top": top.row, "jd_api": jd_api.row}
# A column by which a file with missing columns is still told.
MARKS = {"jd": "服务单号", "top": "refund_id", "jd_api": "orderid"}


class Reader(Protocol):
    """What reads a table: the names it knows its columns by, those it cannot do without, and the translation."""

    @property
    def ALIASES(self) -> Mapping[str, tuple[str, ...]]: ...  # noqa: N802

    @property
    def REQUIRED(self) -> tuple[str, ...]: ...  # noqa: N802

    def rows(self, header: headers.Header, records: headers.Records) -> Iterator[Row | Reject]: ...


READERS: dict[str, tuple[Reader, ...]] = {"qianniu": (qianniu,), "jd": (jd,), **objects.TABLES, "parcels": (parcels,)}


@dataclass(frozen=True, slots=True)
class Description:
    """What a preview tells of a file before it is taken in. `rows` counts those that are not blank."""

    format: str
    kind: str
    encoding: str
    header_row: int
    recognised: tuple[str, ...]
    unknown: tuple[str, ...]
    rows: int


def read(
    path: Path | str,
    *,
    format: str = "auto",  # noqa: A002  the command's own word
    seconds: int = PATIENCE,
) -> Iterator[Row | Reject]:
    """Every row of the file that is not blank, translated or turned down. Raises Unreadable."""
    opened, watch = _opened(path, format), Watch(seconds)
    if opened.kind == "json":
        told, found = apart.objects(opened.path, opened.encoding, format, seconds)
        translate = OBJECTS[told.format]
        return watch.rows(translate(obj, number) for number, obj in enumerate(watch.records(found), start=1))
    _name, reader, header, records = _export(opened, format, seconds, watch)
    return watch.rows(reader.rows(header, records))


def _opened(path: Path | str, wanted: str) -> tables.Opened:
    if wanted not in FORMATS:
        raise Unreadable(_("There is no format “%(name)s”. Choose one of: %(names)s.")
                         % {"name": wanted, "names": ", ".join(FORMATS)})  # fmt: skip
    opened = tables.open_file(Path(path))
    is_json = opened.kind == "json"
    if wanted in EXPORTS and is_json:
        raise Unreadable(_("This file is JSON, not an export."))
    return opened


def _export(
    opened: tables.Opened, wanted: str, seconds: int, watch: Watch
) -> tuple[str, Reader, headers.Header, headers.Records]:
    """(format, reader, header, records after it). With “auto” the file's own columns decide."""
    first, rest = headers.look(watch.records(tables.records(opened, seconds)))
    written = [[headers.plain(cell) for cell in cells] for _number, cells in first]
    complaints: dict[str, Unreadable] = {}
    for name in READERS if wanted == "auto" else (wanted,):
        for reader in READERS[name]:
            try:
                header, after = headers.find(first, written, reader.ALIASES, reader.REQUIRED)
            except Unreadable as error:
                complaints.setdefault(name, error)
            else:
                return name, reader, header, chain(after, rest)
    seen = {name for names in written for name in names}
    likely = next((name for name, mark in MARKS.items() if mark in seen), "qianniu")
    raise complaints.get(likely) or next(iter(complaints.values()))


def format_of(path: Path | str, *, seconds: int = PATIENCE) -> str:
    """By whose format the file would be read: a name of FORMATS. Raises Unreadable."""
    opened = _opened(path, "auto")
    if opened.kind == "json":
        return apart.objects(opened.path, opened.encoding, "auto", seconds)[0].format
    return _export(opened, "auto", seconds, Watch(seconds))[0]


def describe(path: Path | str, *, format: str = "auto", seconds: int = PATIENCE) -> Description:  # noqa: A002
    """What the file is, its columns and its number of rows. Raises Unreadable."""
    opened = _opened(path, format)
    if opened.kind == "json":
        told, _found = apart.objects(opened.path, opened.encoding, format, seconds)
        return Description(told.format, "json", opened.encoding, 0, (), (), told.count)
    name, _reader, header, records = _export(opened, format, seconds, Watch(seconds))
    rows = sum(1 for _number, record in records if not headers.is_blank(record))
    return Description(name, opened.kind, opened.encoding, header.row, header.recognised, header.unknown, rows)
