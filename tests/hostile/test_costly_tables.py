"""No text a person can upload costs a web process more than seconds, however wide, long or empty its table is."""

import re
from collections.abc import Iterator
from pathlib import Path
from time import thread_time

import pytest

from handoffs.intake import describe, format_of, patience, read, sheet, tables
from handoffs.intake.rows import Row, Unreadable
from tests.cost import at_most

pytestmark = pytest.mark.slow  # files as large as they may be
HEAD = "退款编号,订单编号,买家退款金额,退款状态,退款的申请时间"
GOOD = "777,888,10.00,退款成功,2026-11-11 08:00:00"
OF_JD = "服务单号,订单号,服务单状态,售后申请时间,商品编号"


def complaint(path: Path, *, seconds: int = 10) -> str:
    with pytest.raises(Unreadable) as refused:
        list(read(path, seconds=seconds))
    with pytest.raises(Unreadable, match=re.escape(str(refused.value))):
        describe(path, seconds=seconds)
    return str(refused.value)


def written(path: Path, *lines: str) -> Path:
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


@pytest.mark.parametrize("sign", [",", "\t"])
def test_a_text_wider_than_any_sheet_is_refused_at_once(sign: str, tmp_path: Path) -> None:
    names = HEAD.replace(",", sign) + sign + sign.join(f"x{n}" for n in range(200_000))
    with at_most(150):
        assert "Row 1 is longer than a row of any sheet, which has 16384 columns" in complaint(
            written(tmp_path / "f", names)
        )
        late = written(tmp_path / "f", HEAD.replace(",", sign), sign * 20_000)
        assert "Row 2 is longer" in complaint(late)


def test_a_text_may_be_as_wide_as_a_page_or_workbook(tmp_path: Path) -> None:
    assert tables.COLUMNS == sheet.COLUMNS
    more = [f"x{n}" for n in range(tables.COLUMNS - 5)]
    path = written(tmp_path / "f", ",".join([HEAD, *more]), GOOD)
    assert len(describe(path).unknown) == len(more)
    (row,) = read(path)
    assert isinstance(row, Row)
    assert row.refund_id == "777"


def test_as_many_columns_of_one_name_as_a_sheet_has_cost_no_minute(tmp_path: Path) -> None:
    """Each is looked up among those before it, so the search must not walk them."""
    names = ",".join([HEAD, *(["备注"] * (tables.COLUMNS - 5))])
    with at_most(60):
        told = describe(written(tmp_path / "f", names, GOOD))
    assert told.unknown[:3] == ("备注", "备注 (2)", "备注 (3)")
    assert len(set(told.unknown)) == tables.COLUMNS - 5


def test_a_number_that_another_column_bears_already_is_passed_over(tmp_path: Path) -> None:
    path = written(tmp_path / "f", f"{HEAD},甲,甲 (2),甲,甲 (2)", f"{GOOD},1,2,3,4")
    (row,) = read(path)
    assert {name: cell for name, cell in row.raw.items() if name.startswith("甲")} == {
        "甲": "1", "甲 (2)": "2", "甲 (3)": "3", "甲 (2) (2)": "4",
    }  # fmt: skip


def test_titles_as_long_as_a_file_are_not_taken_for_names(tmp_path: Path) -> None:
    """A sign that stands for eighteen, written out, would take a thousand times its place."""
    with at_most(100):
        path = written(tmp_path / "f", *["\ufdfa" * 3_000_000] * 6, HEAD, GOOD)
        assert describe(path).header_row == 7


@pytest.mark.parametrize("blank", ["", ",,,,"])
def test_more_blank_rows_than_a_sheet_has_are_refused_before_they_are_counted(blank: str, tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_text(f"{HEAD}\n{GOOD}\n" + f"{blank}\n" * 2_000_000)
    with at_most(150):
        assert "More than 1048576 rows are blank. Delete" in complaint(path)


def test_the_blank_rows_of_a_whole_sheet_are_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_text(f"{HEAD}\n" + ",,,,\n" * (tables.BLANKS - 10) + GOOD)
    assert describe(path).rows == 1
    assert [row.number for row in read(path)] == [tables.BLANKS - 8]


@pytest.mark.parametrize("piece", ['"x\n",', "x,x "])
def test_a_row_without_an_end_is_refused_before_it_is_held(piece: str, tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_text(f"{HEAD}\n" + piece * 8_000_000)
    assert "Row 2 is longer than a row of any sheet" in complaint(path)


@pytest.mark.parametrize("line", ["1", " ," * 40, GOOD])
def test_rows_without_number_are_given_up_in_time(line: str, tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_text(f"{HEAD}\n" + f"{line}\n" * (30_000_000 // len(line)))
    with at_most(150):
        assert complaint(path, seconds=1) == "Reading this file takes too long. Split it into smaller files."


def test_rows_that_are_held_until_the_end_are_given_up_in_time(tmp_path: Path) -> None:
    """The rows of one service become one, each compared with those before it."""
    path = written(tmp_path / "f", OF_JD, *(f"7,8,完成,2026-11-11 08:00:00,{n}" for n in range(60_000)))
    with at_most(150), pytest.raises(Unreadable, match="takes too long"):
        list(read(path, seconds=1))
    assert format_of(path, seconds=1) == "jd"


def test_what_is_done_with_the_rows_is_not_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "EVERY", 1)
    path = written(tmp_path / "f", HEAD, *[GOOD] * 15)

    def taken(rows: Iterator[object]) -> Iterator[object]:
        for row in rows:
            until = thread_time() + 0.1
            while thread_time() < until:
                pass
            yield row

    assert len(list(taken(read(path, seconds=1)))) == 15
