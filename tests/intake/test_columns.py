"""Which column counts when several mean the same, and what a preview says of the columns."""

from pathlib import Path
from typing import Any

import pytest

from handoffs.intake import describe, read
from handoffs.intake.rows import Row
from tests.intake import files
from tests.intake.test_exports import jd, table


def first(path: Path) -> Row:
    row = next(iter(read(path)))
    assert isinstance(row, Row), row
    return row


@pytest.mark.parametrize(
    ("cells", "reason"),
    [
        ({"一级申请原因": "质量问题", "二级申请原因": "破损"}, "破损"),
        ({"一级申请原因": "质量问题", "二级申请原因": ""}, "质量问题"),
    ],
)
def test_the_finer_reason_counts_wherever_it_stands_and_the_coarser_where_it_is_empty(
    tmp_path: Path, cells: dict[str, Any], reason: str
) -> None:
    files.as_csv(tmp_path / "f", jd("jd_two", cells))
    assert first(tmp_path / "f").fields["reason"] == reason


@pytest.mark.parametrize("column", ["审核操作人", "审核操作人新会员名", "退款操作人", "退款操作人新会员名"])
def test_any_operators_name_means_that_a_person_agreed(tmp_path: Path, column: str) -> None:
    files.as_csv(tmp_path / "f", table("c", {column: "小二", "是否零秒响应": "是"}))
    assert first(tmp_path / "f").fields["agreed_by"] == "person"


def test_of_two_columns_of_one_name_the_filled_one_counts_and_both_are_kept(tmp_path: Path) -> None:
    names, row = table("b")
    files.as_csv(tmp_path / "f", [[*names, "退款编号"], [*row, "7"]])
    found = first(tmp_path / "f")
    assert found.refund_id == "1435821600010855588"
    assert found.raw["退款编号 (2)"] == "7"


@pytest.mark.parametrize("generation", ["a", "b", "c"])
def test_a_preview_knows_every_column_of_every_generation(tmp_path: Path, generation: str) -> None:
    files.as_csv(tmp_path / "f", table(generation))
    told = describe(tmp_path / "f")
    assert list(told.recognised) == files.header(generation)
    assert told.unknown == ()


def test_a_preview_tells_jd_json_from_taobaos() -> None:
    assert describe(files.DATA / "jd_cancel.json").format == "jd_api"
    assert describe(files.DATA / "top_receive.json").format == "top"


def test_titles_above_a_table_of_tabs_do_not_make_it_a_table_of_commas(tmp_path: Path) -> None:
    files.as_tsv(tmp_path / "f", [["退款报表"], *table("b")])
    assert first(tmp_path / "f").number == 3


def test_a_page_may_leave_closing_tags_out_and_span_its_titles(tmp_path: Path) -> None:
    names, row = jd("jd_two")
    cells = ["".join(f"<td>{cell}" for cell in line) for line in (names, row)]
    groups = f"<tr><td colspan=11>申请信息<td colspan={len(names) - 11}>订单信息"
    (tmp_path / "f").write_text(f"<table>{groups}<tr>{cells[0]}<tr>{cells[1]}<tr><td>&nbsp;<td>&nbsp;")
    (found,) = read(tmp_path / "f")
    assert isinstance(found, Row)
    assert (found.number, found.refund_id) == (3, "V1234567890")
