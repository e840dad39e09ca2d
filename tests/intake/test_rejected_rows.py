"""Rejected rows of every source can be written, opened safely in a spreadsheet, fixed and sent again."""

import json
from pathlib import Path
from typing import Any

import pytest
from openpyxl import load_workbook

from handoffs.intake import describe, read, rejects, top
from handoffs.intake.rows import Reject, Row, Unreadable
from tests.intake import files
from tests.intake.test_exports import table

WRITERS = [rejects.write_xlsx, rejects.write_csv]


@pytest.mark.parametrize("write", WRITERS)
@pytest.mark.parametrize("name", ["top_receive.json", "jd_cancel.json", "jd_service.json"])
def test_objects_of_a_marketplace_come_back_from_a_sheet_as_they_were(tmp_path: Path, name: str, write: Any) -> None:
    once = [row for row in read(files.DATA / name) if isinstance(row, Row)]
    write(tmp_path / "rejects", [Reject(row.number, "", "not_stored", "因为", row.raw) for row in once])
    again = [row for row in read(tmp_path / "rejects") if isinstance(row, Row)]
    assert [(row.refund_id, row.fields, row.modified) for row in again] == [
        (row.refund_id, row.fields, row.modified) for row in once
    ]


def test_an_object_fixed_in_the_sheet_keeps_its_deadline_and_its_long_ids(tmp_path: Path) -> None:
    obj = {
        "refund_id": 1465355122610659999, "tid": 1941740619565109999, "status": "WAIT_SELLER_AGREE",
        "refund_fee": "abc", "created": "2026-11-11 08:00:00", "has_good_return": False,
        "refund_remind_timeout": {"exist_timeout": True, "timeout": "2026-11-13 08:00:00"},
    }  # fmt: skip
    bad = top.row(obj, 1)
    assert isinstance(bad, Reject)
    rejects.write_xlsx(tmp_path / "rejects.xlsx", [bad])
    book = load_workbook(tmp_path / "rejects.xlsx")
    cell = next(cell for row in book.active.iter_rows() for cell in row if cell.value == "abc")
    cell.value = 25.5
    book.save(tmp_path / "rejects.xlsx")
    (fixed,) = read(tmp_path / "rejects.xlsx")
    wanted = top.row(obj | {"refund_fee": "25.50"}, 2)
    assert isinstance(fixed, Row)
    assert isinstance(wanted, Row)
    assert (fixed.refund_id, fixed.fields) == (wanted.refund_id, wanted.fields)


@pytest.mark.parametrize("write", WRITERS)
def test_no_cell_is_a_formula_and_no_character_stops_the_writing(tmp_path: Path, write: Any) -> None:
    names, row = table("b", {"买家退款金额": "abc", "买家退款说明": "=1+1\x0b", "宝贝标题": "@cmd"})
    files.as_csv(tmp_path / "f", [[*names, "=HYPERLINK()"], [*row, "+1+1"]])
    write(tmp_path / "rejects", list(read(tmp_path / "f")))
    (again,) = read(tmp_path / "rejects")
    assert isinstance(again, Reject)
    content = (tmp_path / "rejects").read_bytes()
    assert not any(sign + b"=HYPERLINK" in content for sign in (b"\n", b",", b'"', b"<f>"))
    if write is rejects.write_xlsx:
        (tmp_path / "rejects").rename(tmp_path / "rejects.xlsx")
        sheet = load_workbook(tmp_path / "rejects.xlsx").active
        assert {cell.data_type for line in sheet.iter_rows() for cell in line} <= {"s", "n", "inlineStr"}
        assert [cell.value for cell in sheet[1]][-1] == "'=HYPERLINK()"


def test_a_json_format_asked_of_another_table_names_what_is_missing(tmp_path: Path) -> None:
    files.as_csv(tmp_path / "f", [["refund_id", "tid"], ["1", "2"]])
    with pytest.raises(Unreadable, match="status, created"):
        describe(tmp_path / "f", format="top")


ERRORS: dict[str, tuple[Any, str]] = {
    "a list of errors": ([{"error_response": {"code": 25, "msg": "Invalid signature"}}], "25 Invalid signature"),
    "an error that is only text": ({"error_response": "gone"}, "gone"),
    "JD says it failed": (
        {"x_responce": {"pageResult": {"success": False, "code": "500", "msg": "系统繁忙"}}},
        "500 系统繁忙",
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", ERRORS)
def test_an_error_instead_of_refunds_is_told_and_never_an_empty_file(tmp_path: Path, what: str) -> None:
    payload, said = ERRORS[what]
    (tmp_path / "f").write_text(json.dumps(payload))
    with pytest.raises(Unreadable, match=said):
        read(tmp_path / "f")


@pytest.mark.parametrize("bill", ["text", ["list"], None, 5])
def test_a_service_of_the_wrong_shape_is_rejected_by_itself(tmp_path: Path, bill: Any) -> None:
    data = [{"sameOrderServiceBill": bill, "status": 13}]
    (tmp_path / "f").write_text(json.dumps({"x_responce": {"pageResult": {"data": data}}}))
    (found,) = read(tmp_path / "f")
    assert isinstance(found, Reject)
    assert found.field == "orderId"


def test_responses_one_after_the_other_in_a_list_are_opened(tmp_path: Path) -> None:
    refund = {"refund_id": 7, "status": "SUCCESS", "refund_fee": "1.00", "created": "2026-11-11 08:00:00"}
    (tmp_path / "f").write_text(json.dumps([{"refund_get_response": {"refund": refund}}, refund | {"refund_id": 8}]))
    assert [row.refund_id for row in read(tmp_path / "f") if isinstance(row, Row)] == ["7", "8"]
