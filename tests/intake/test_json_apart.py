"""JSON is parsed by a process of its own: nothing of it is lost on the way, and none takes the desk's process down."""

import json
import subprocess
import sys
import tracemalloc
from pathlib import Path
from typing import Any

import pytest

from handoffs.intake import apart, describe, format_of, read, sheet
from handoffs.intake.rows import Row, Unreadable
from tests.cost import at_most
from tests.intake.test_payloads import REFUND


def complaint(path: Path, seconds: int = 60) -> str:
    with pytest.raises(Unreadable) as refused:
        list(read(path, seconds=seconds))
    return str(refused.value)


def scripted(path: Path, monkeypatch: pytest.MonkeyPatch, *lines: str) -> None:
    """A process that does this instead of reading."""
    folder = str(Path(sheet.__file__).parent)
    path.write_text("\n".join([f"import os, sys\nsys.path[:0] = [{folder!r}]\nimport sheet", *lines]))
    monkeypatch.setattr(apart, "READER", path)


def test_every_value_comes_as_it_stands_in_the_file(tmp_path: Path) -> None:
    """Also what rounds as a number, what looks like a word of the process, and half a character."""
    odd = '{"at": "2026", "failed": "big", "done": true}, "s": "\\ud83d 长\\u0000", "n": [null, true, -0, 1e400]'
    refund = json.dumps(REFUND)[:-1] + f', "x": {odd}, "big": {"9" * 4000}, "cut": 0.10000000000000000001}}'
    (tmp_path / "f").write_text(f"[{refund}]", encoding="utf-8")
    (found,) = read(tmp_path / "f")
    assert isinstance(found, Row)
    assert found.raw == REFUND | {
        "x": {"at": "2026", "failed": "big", "done": True}, "s": "\ud83d 长\x00", "n": [None, True, 0, "1e400"],
        "big": int("9" * 4000), "cut": "0.10000000000000000001",
    }  # fmt: skip


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
def test_json_in_each_encoding(encoding: str, tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(json.dumps([REFUND, {}, 7], ensure_ascii=False).encode(encoding))
    assert (describe(tmp_path / "f").rows, format_of(tmp_path / "f")) == (3, "top")
    first, *more = read(tmp_path / "f")
    assert first.raw["reason"] == "协商一致退款"
    assert [row.number for row in more] == [2, 3]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ('[{"refund_id": 1', "The JSON is damaged: Expecting"),
        ("[" * 70 + "]" * 70, "nested deeper than 64 levels"),
        ("[" * 100_000, "nested deeper than 64 levels"),
        ("[" + "9" * 5000 + "]", "The JSON is damaged: Exceeds the limit"),
        ('{"x": 1}', "holds no refunds"),
        ('{"error_response": {"code": 27, "msg": "Invalid session"}}', "no refunds: 27 Invalid session"),
        ('{"a_responce": {"queryResult": {"success": false, "code": "9", "errorMessage": "没有权限"}}}', "9 没有权限"),
    ],
)
def test_what_is_no_refunds_says_why(content: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "f").write_text(content, encoding="utf-8")
    assert said in complaint(tmp_path / "f")
    with pytest.raises(Unreadable):
        describe(tmp_path / "f")


def test_json_that_unfolds_to_more_memory_than_a_file_may_cost_is_refused(tmp_path: Path) -> None:
    content = b"[" + b"{}," * 5_000_000 + b"{}]"
    (tmp_path / "f").write_bytes(content)
    small = f"import sheet; sheet.MEMORY = 300 << 20; sheet.main({str(tmp_path / 'f')!r}, '60', 'utf-8', 'top')"
    folder = Path(sheet.__file__).parent
    ended = subprocess.run(  # noqa: S603  our own line
        [sys.executable, "-c", small], cwd=folder, capture_output=True, text=True, check=True
    )
    assert json.loads(ended.stdout.splitlines()[0]) == {"failed": "big"}


@pytest.mark.slow
def test_the_desk_s_own_process_holds_one_refund_at_a_time(tmp_path: Path) -> None:
    (tmp_path / "f").write_text(json.dumps([REFUND] * 20_000))
    tracemalloc.start()
    with at_most(40):
        assert describe(tmp_path / "f").rows == 20_000
    first = next(iter(read(tmp_path / "f")))
    _now, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert first.raw == REFUND
    assert most < (tmp_path / "f").stat().st_size


@pytest.mark.slow
def test_an_object_larger_than_any_refund_is_refused_and_not_handed_on(tmp_path: Path) -> None:
    (tmp_path / "f").write_text(json.dumps([REFUND, REFUND | {"x": [{}] * 3_000_000}]))
    rows = read(tmp_path / "f")
    assert isinstance(next(rows), Row)
    with pytest.raises(Unreadable, match="Object 2 of the JSON is larger than 10 MB"):
        next(rows)


def test_json_that_works_too_long_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "f").write_text("[]")
    endless = ("print('[', end='', flush=True)", "while True: pass")
    scripted(tmp_path / "s.py", monkeypatch, "sheet.limit(int(sys.argv[2]))", *endless)
    assert complaint(tmp_path / "f", 1) == "Reading this file takes too long. Split it into smaller files."


@pytest.mark.parametrize("last", ["", "print('[1', end='', flush=True)"])
def test_a_process_that_dies_is_a_complaint(last: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As one does that the system ends for want of memory."""
    (tmp_path / "f").write_text("[]")
    told = """print('{"format": "top", "count": 2}\\\\n[7]', flush=True)"""
    scripted(tmp_path / "s.py", monkeypatch, told.replace("\\\\n", "\\n"), last, "os.kill(os.getpid(), 9)")
    rows = read(tmp_path / "f")
    assert next(rows).number == 1
    with pytest.raises(Unreadable, match="too much memory"):
        next(rows)


def test_the_process_ends_when_only_the_first_are_wanted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[Any] = []

    class Noted(subprocess.Popen):  # type: ignore[type-arg]
        def __init__(self, *args: Any, **options: Any) -> None:
            super().__init__(*args, **options)
            started.append(self)

    monkeypatch.setattr(subprocess, "Popen", Noted)
    (tmp_path / "f").write_text(json.dumps([REFUND] * 5000))
    describe(tmp_path / "f")
    rows = read(tmp_path / "f")
    next(rows)
    del rows
    assert [each.returncode is not None for each in started] == [True, True]
