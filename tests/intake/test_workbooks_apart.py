"""No workbook, however damaged, can take the process down that reads it; each failure is one clear line."""

import contextlib
import io
import random
import struct
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import xlwt.CompoundDoc
from openpyxl import Workbook

from handoffs.intake import apart, read, sheet
from handoffs.intake.rows import Row, Unreadable
from tests.intake import files

HEADER: list[object] = ["退款编号", "订单编号", "买家退款金额", "退款状态", "退款的申请时间"]
ROW: list[object] = ["1", "2", "10.00", "退款成功", "2026-11-11 08:00:00"]


def complaint(path: Path) -> str:
    with pytest.raises(Unreadable) as error:
        list(read(path))
    return str(error.value)


def ole(stream: bytes) -> bytes:
    """An old compound file whose only stream is `Workbook`."""
    buffer = io.BytesIO()
    xlwt.CompoundDoc.XlsDoc().save(buffer, stream.ljust(8192, b"\0"))
    return buffer.getvalue()


def record(kind: int, data: bytes) -> bytes:
    return struct.pack("<HH", kind, len(data)) + data


def protected_xls() -> bytes:
    begin = record(0x0809, struct.pack("<HHHHII", 0x0600, 0x0005, 0x0DBB, 0x07CC, 0, 6))
    return ole(begin + record(0x002F, struct.pack("<HHH", 1, 1, 1) + b"\x11" * 48))


def encrypted_xlsx() -> bytes:
    content, old, new = bytearray(ole(b"")), "Workbook".encode("utf-16-le"), "EncryptedPackage".encode("utf-16-le")
    at = content.find(old)
    content[at : at + len(new)] = new
    return bytes(content)


@pytest.mark.parametrize("make", [protected_xls, encrypted_xlsx])
def test_a_workbook_under_a_password_says_so(tmp_path: Path, make: Callable[[], bytes]) -> None:
    (tmp_path / "f.xlsx").write_bytes(make())
    assert "password" in complaint(tmp_path / "f.xlsx")


def test_a_stray_cell_in_the_last_corner_is_a_complaint_and_no_crash(tmp_path: Path) -> None:
    book = Workbook()
    for row in (HEADER, ROW):
        book.active.append(row)
    book.active.cell(1_048_576, 16_384, " ")
    book.save(tmp_path / "f.xlsx")
    assert "far outside the table" in complaint(tmp_path / "f.xlsx")


@pytest.mark.parametrize("shape", ["xlsx", "xls", "csv", "html"])
def test_damaged_bytes_are_read_or_refused_and_never_more(tmp_path: Path, shape: str) -> None:
    path, chance = tmp_path / "f", random.Random(11)
    files.SHAPES[shape](path, [HEADER, *[ROW] * 20])
    whole = path.read_bytes()
    for _try in range(12):
        content = bytearray(whole)
        for _hit in range(chance.choice((1, 5, 30))):
            content[chance.randrange(len(content))] = chance.randrange(256)
        path.write_bytes(content[: chance.randrange(len(content))] if chance.random() < 0.3 else content)
        with contextlib.suppress(Unreadable):
            assert all(row.number > 1 for row in read(path))


def test_a_process_that_dies_in_the_middle_is_a_complaint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dying = tmp_path / "dying.py"
    dying.write_text("import os\nprint('[\"a\"]', flush=True)\nprint('[\"b', end='', flush=True)\nos.abort()\n")
    monkeypatch.setattr(apart, "READER", dying)
    rows = apart.records(tmp_path / "f.xlsx", "", 60)
    assert next(rows) == (1, ["a"])
    with pytest.raises(Unreadable, match="damaged"):
        next(rows)


def test_a_process_that_works_too_long_is_ended_and_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    endless = tmp_path / "endless.py"
    folder = str(Path(sheet.__file__).parent)
    endless.write_text(f"import sys\nsys.path[:0] = [{folder!r}]\nimport sheet\nsheet.limit(int(sys.argv[2]))\n"
                       "while True:\n    pass\n")  # fmt: skip
    monkeypatch.setattr(apart, "READER", endless)
    with pytest.raises(Unreadable, match="takes too long"):
        list(apart.records(tmp_path / "f.xlsx", "", 1))


def test_the_process_ends_when_only_the_first_rows_are_wanted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[subprocess.Popen[bytes]] = []

    class Noted(subprocess.Popen):  # type: ignore[type-arg]
        def __init__(self, *args: object, **options: object) -> None:
            super().__init__(*args, **options)  # type: ignore[call-overload]
            started.append(self)

    monkeypatch.setattr(subprocess, "Popen", Noted)
    files.as_xlsx(tmp_path / "f", [HEADER, *[ROW] * 5000])
    rows = apart.records(tmp_path / "f", "", 60)
    assert next(rows) == (1, HEADER)
    assert started[0].poll() is None
    rows.close()  # type: ignore[attr-defined]
    assert started[0].returncode is not None


def test_rows_keep_the_numbers_people_see(tmp_path: Path) -> None:
    files.as_xlsx(tmp_path / "f", [[], [], HEADER, [], ROW])
    (row,) = read(tmp_path / "f")
    assert isinstance(row, Row)
    assert row.number == 5
