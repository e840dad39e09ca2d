"""The way in: tell what a file is and read it row by row."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from types import ModuleType
from typing import Any

from django.utils.translation import gettext as _

from handoffs.intake import headers, jd, jd_api, qianniu, tables, top
from handoffs.intake.rows import Reject, Row, Unreadable

FORMATS = ("auto", "qianniu", "jd", "top", "jd_api")
EXPORTS: dict[str, ModuleType] = {"qianniu": qianniu, "jd": jd}


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


def read(path: Path | str, *, format: str = "auto") -> Iterator[Row | Reject]:  # noqa: A002  the command's own word
    """Every row of the file that is not blank, translated or turned down. Raises Unreadable."""
    opened = _opened(path, format)
    if opened.kind == "json":
        return _json(opened, format)
    name, header, records = _export(opened, format)
    translated: Iterator[Row | Reject] = EXPORTS[name].rows(header, records)
    return translated


def _opened(path: Path | str, wanted: str) -> tables.Opened:
    if wanted not in FORMATS:
        raise Unreadable(_("There is no format “%(name)s”. Choose one of: %(names)s.")
                         % {"name": wanted, "names": ", ".join(FORMATS)})  # fmt: skip
    opened = tables.open_file(Path(path))
    is_json = opened.kind == "json"
    if wanted in ("top", "jd_api") and not is_json:
        raise Unreadable(_("This file is no JSON."))
    if wanted in EXPORTS and is_json:
        raise Unreadable(_("This file is JSON, not an export."))
    return opened


def _export(opened: tables.Opened, wanted: str) -> tuple[str, headers.Header, Iterator[tuple[int, list[Any]]]]:
    """(format, header, records after it). With “auto” the file's own columns decide."""
    candidates = [wanted] if wanted in EXPORTS else list(EXPORTS)
    complaints: dict[str, Unreadable] = {}
    for name in candidates:
        try:
            header, records = headers.find(tables.records(opened), EXPORTS[name].ALIASES, EXPORTS[name].REQUIRED)
        except Unreadable as error:
            complaints[name] = error
        else:
            return name, header, records
    first = [cells for _number, cells in islice(tables.records(opened), headers.LOOK_AT)]
    seen = {headers.plain(cell) for cells in first for cell in cells}
    raise complaints.get("jd" if "服务单号" in seen else "qianniu") or next(iter(complaints.values()))


def _json(opened: tables.Opened, wanted: str) -> Iterator[Row | Reject]:
    try:
        payload = json.loads(opened.path.read_text(encoding=opened.encoding), parse_float=str)
    except (json.JSONDecodeError, RecursionError, ValueError) as error:
        raise Unreadable(_("The JSON is damaged: %(error)s") % {"error": error}) from error
    if isinstance(payload, dict) and "error_response" in payload:
        told = payload["error_response"]
        shown = told.get("sub_msg") or told.get("msg") or told.get("zh_desc") or ""
        raise Unreadable(_("The file holds an error of the marketplace, no refunds: %(code)s %(text)s")
                         % {"code": told.get("code"), "text": shown})  # fmt: skip
    jd_payload = wanted == "jd_api" or (
        wanted == "auto" and isinstance(payload, dict) and any(key.endswith("_responce") for key in payload)
    )
    objects = jd_api.rows_in(payload) if jd_payload else top.refunds_in(payload)
    translate = jd_api.row if jd_payload else top.row
    if not objects and not (
        isinstance(payload, dict) and any(key.endswith(("_response", "_responce")) for key in payload)
    ):
        raise Unreadable(_("The JSON holds no refunds."))
    return (translate(obj, number) for number, obj in enumerate(objects, start=1))


def describe(path: Path | str, *, format: str = "auto") -> Description:  # noqa: A002
    """What the file is, its columns and its number of rows. Raises Unreadable."""
    opened = _opened(path, format)
    if opened.kind == "json":
        rows = sum(1 for _row in _json(opened, format))
        return Description("top" if format == "auto" else format, "json", opened.encoding, 0, (), (), rows)
    name, header, records = _export(opened, format)
    recognised = tuple(header.names[index] for index in sorted(header.place.values()))
    rows = sum(1 for _number, record in records if not headers.is_blank(record))
    return Description(name, opened.kind, opened.encoding, header.row, recognised, header.unknown, rows)
