"""The files people download, in every shape and with every trap of formats.md section 3."""

from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from handoffs.intake import describe, read, rejects
from handoffs.intake.rows import Reject, Row, Unreadable
from tests.intake import files

BEIJING = ZoneInfo("Asia/Shanghai")
VALUES = {
    "订单编号": "2728605998612085558\t", "退款编号": "'1435821600010855588", "订单付款时间": "2026-11-10 10:00:00",
    "买家实际支付金额": "1,089.90", "宝贝标题": "测试水杯", "买家退款金额": "¥1,010.00",
    "退款的申请时间": "2026-11-11 08:00:00",
    "超时时间": "2026-11-13 08:00:00", "退款状态": "买家已经申请退款，等待卖家同意", "货物状态": "已收到货",
    "买家退款原因": "商品破损/瑕疵", "买家退款说明": "第一行,\n第二行“引号”", "完结时间": "3天",
    "部分退款/全部退款": "部分退款",
    "发货物流信息": "中通快递:75358767870001", "客服介入状态": "无客服介入",
}  # fmt: skip
BY_GENERATION = {"a": {"是否需要退货": "不需要退货"}, "b": {"是否需要退货": "不需要退货"}, "c": {"售后类型": "仅退款"}}


def table(generation: str = "b", *changes: dict[str, object]) -> list[list[object]]:
    """The header of a generation and a row for each set of changed cells."""
    names = files.header(generation)
    rows = [VALUES | BY_GENERATION.get(generation, {}) | change for change in changes or ({},)]
    return [names, *([row.get(str(name), "") for name in names] for row in rows)]


def taken(path: Path, **options: Any) -> list[Row | Reject]:
    return list(read(path, **options))


def one(tmp_path: Path, change: dict[str, object], shape: str = "csv") -> Row | Reject:
    files.SHAPES[shape](tmp_path / "file", table("b", change))
    (found,) = taken(tmp_path / "file")
    return found


@pytest.mark.parametrize("shape", files.SHAPES)
@pytest.mark.parametrize("generation", ["a", "b", "c"])
def test_every_generation_reads_the_same_in_every_shape_whatever_the_name(
    tmp_path: Path, shape: str, generation: str
) -> None:
    path = tmp_path / "退款报表.xls"
    files.SHAPES[shape](path, table(generation))
    (row,) = taken(path)
    assert isinstance(row, Row)
    assert (row.source_kind, row.refund_id, row.fields["order_id"]) == (
        "refund",
        "1435821600010855588",
        "2728605998612085558",
    )
    assert (row.fields["amount"], row.fields["paid"]) == (Decimal("1010.00"), Decimal("1089.90"))
    assert row.fields["applied_at"] == datetime(2026, 11, 11, 8, tzinfo=BEIJING)
    assert row.fields["marketplace_deadline"] == datetime(2026, 11, 13, 8, tzinfo=BEIJING)
    assert (row.fields["phase"], row.fields["good_status"], row.fields["has_good_return"]) == (
        "wait_seller",
        "BUYER_RECEIVED",
        False,
    )
    assert row.fields["outbound"] == [("中通快递", "75358767870001")]
    assert row.modified is None
    assert "ended_at" not in row.fields or row.fields["ended_at"] is None


def test_the_sample_of_2022_reads_row_by_row() -> None:
    rows = taken(files.DATA / "qianniu_b.csv")
    assert [row.number for row in rows] == [2, 3, 4]
    assert [row.fields["amount"] for row in rows if isinstance(row, Row)] == [
        Decimal("66.18"),
        Decimal("1299.00"),
        Decimal("10.00"),
    ]
    second = rows[1]
    assert isinstance(second, Row)
    assert second.fields["description"] == '尺码偏小，"不太合适",\n换大一码'
    assert (second.fields["return_carrier"], second.fields["return_waybill"]) == ("圆通速递", "YT6530000000001")


@pytest.mark.parametrize(
    ("said", "order", "claim"),
    [
        ("未发货", "WAIT_SELLER_SEND_GOODS", ""),
        ("未收到货", "SHIPPED", "BUYER_NOT_RECEIVED"),
        ("买家已收到货", "SHIPPED", "BUYER_RECEIVED"),
        ("买家已退货", "SHIPPED", "BUYER_RETURNED_GOODS"),
        ("在火星", None, "在火星"),
    ],
)
def test_where_the_goods_are_is_translated_and_the_unknown_is_kept(
    tmp_path: Path, said: str, order: str | None, claim: str
) -> None:
    row = one(tmp_path, {"货物状态": said})
    assert isinstance(row, Row)
    assert (row.fields.get("order_status"), row.fields["good_status"]) == (order, claim)


def test_an_unknown_status_is_kept_and_called_unknown(tmp_path: Path) -> None:
    row = one(tmp_path, {"退款状态": "等待火星人处理"})
    assert isinstance(row, Row)
    assert (row.fields["marketplace_status"], row.fields["phase"]) == ("等待火星人处理", "unknown")


@pytest.mark.parametrize(
    ("written", "hour"),
    [("2026/11/11 8:00", 8), ("2026-11-11 08:00:00", 8), ("2026年11月11日 08:00", 8),
     ("２０２６-１１-１１　０８：００", 8),
     ("46337.333333333336", 8), ("2026-11-11T00:00:00Z", 8), ("2026-11-11", 0)],
)  # fmt: skip
def test_times_are_read_as_people_and_spreadsheets_write_them(tmp_path: Path, written: str, hour: int) -> None:
    row = one(tmp_path, {"退款的申请时间": written})
    assert isinstance(row, Row), row
    assert row.fields["applied_at"] == datetime(2026, 11, 11, hour, tzinfo=BEIJING)


def test_dates_kept_as_dates_in_a_workbook_are_beijing_time(tmp_path: Path) -> None:
    row = one(tmp_path, {"退款的申请时间": datetime(2026, 11, 11, 8)}, "xlsx")  # noqa: DTZ001
    assert isinstance(row, Row)
    assert row.fields["applied_at"] == datetime(2026, 11, 11, 8, tzinfo=BEIJING)


@pytest.mark.parametrize(
    ("column", "value", "code"),
    [
        ("买家退款金额", "无退款申请", "not_money"),
        ("买家退款金额", "-5", "negative"),
        ("买家退款金额", "", "missing"),
        ("买家退款金额", "1.234", "not_money"),
        ("退款的申请时间", "3天", "not_a_time"),
        ("退款的申请时间", "2026-02-30 10:00:00", "not_a_time"),
        ("退款编号", "", "missing"),
        ("退款编号", "1.43582E+18", "id_lost_digits"),
        ("订单编号", "", "missing"),
        ("退款状态", "", "missing"),
    ],
)
def test_a_bad_cell_rejects_its_row_and_names_the_column(tmp_path: Path, column: str, value: str, code: str) -> None:
    found = one(tmp_path, {column: value})
    assert isinstance(found, Reject)
    assert (found.number, found.field, found.code) == (2, column, code)
    assert column in found.message
    assert found.raw["宝贝标题"] == "测试水杯"


def test_a_number_cell_that_lost_digits_is_rejected_and_a_safe_one_is_exact(tmp_path: Path) -> None:
    lost = one(tmp_path, {"退款编号": 1435821600010855588.0}, "xlsx")
    assert isinstance(lost, Reject)
    assert lost.code == "id_lost_digits"
    safe = one(tmp_path, {"退款编号": 143582160001085.0}, "xlsx")
    assert isinstance(safe, Row)
    assert safe.refund_id == "143582160001085"


def test_blank_rows_are_not_counted(tmp_path: Path) -> None:
    rows = table("b", {}, {"退款编号": "2"})
    blank: list[object] = ["" for _ in rows[0]]
    files.as_xlsx(tmp_path / "f.xlsx", [*rows, blank, [" \t", *blank[1:]]])
    assert len(taken(tmp_path / "f.xlsx")) == 2
    assert describe(tmp_path / "f.xlsx").rows == 2


def test_unknown_columns_are_kept_and_shown(tmp_path: Path) -> None:
    names, row = table("b")
    files.as_csv(tmp_path / "f", [[*names, "新栏目"], [*row, "新值"]])
    (found,) = taken(tmp_path / "f")
    assert found.raw["新栏目"] == "新值"
    assert describe(tmp_path / "f").unknown == ("新栏目",)


def test_missing_columns_are_named(tmp_path: Path) -> None:
    names, row = table("b")
    keep = [i for i, name in enumerate(names) if name not in ("退款状态", "买家退款金额")]
    files.as_csv(tmp_path / "f", [[names[i] for i in keep], [row[i] for i in keep]])
    with pytest.raises(Unreadable) as error:
        read(tmp_path / "f")
    assert "退款状态" in str(error.value)
    assert "买家退款金额" in str(error.value)


def test_title_rows_above_the_header_are_passed_over(tmp_path: Path) -> None:
    files.as_xlsx(tmp_path / "f", [["退款报表", ""], ["导出时间 2026-11-11"], *table("b")])
    (row,) = taken(tmp_path / "f")
    assert row.number == 4


def test_generation_d_is_known_by_its_aliases(tmp_path: Path) -> None:
    names = ["退款编号", "订单编号", "退款申请时间", "退款总额", "商家编码", "退款状态", "售后类型", "商品标题"]
    row = ["1", "2", "2026-11-11 08:00:00", "10", "S-1", "退款成功", "退货退款", "水杯"]
    files.as_xlsx(tmp_path / "f", [list(names), list(row)])
    (found,) = taken(tmp_path / "f")
    assert isinstance(found, Row)
    assert (found.fields["phase"], found.fields["has_good_return"], found.fields["sku"]) == ("success", True, "S-1")


BROKEN: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "empty"),
    "blank": (b" \n\n", "empty"),
    "a PDF": (b"%PDF-1.4 ...", "PDF"),
    "a picture": (b"\x89PNG\r\n\x1a\n....", "PNG"),
    "a broken zip": (b"PK\x03\x04garbage", "damaged"),
    "an old workbook that is garbage": (b"\xd0\xcf\x11\xe0" + b"x" * 600, "damaged"),
    "binary": (b"abc\x00\x01\x02", "binary"),
    "no header": (b"a,b,c\n1,2,3\n", "header"),
    "neither encoding": ("退款编号".encode() + b"\xff\xff\x80", "UTF-8"),
    "broken JSON": (b'{"refunds": [', "JSON"),
    "JSON without refunds": (b'{"a": 1}', "no refunds"),
    "a page without a table": (b"<html><body>hello</body></html>", "table"),
}


@pytest.mark.parametrize("what", BROKEN)
def test_a_file_that_cannot_be_read_says_so_in_one_clear_line(tmp_path: Path, what: str) -> None:
    content, word = BROKEN[what]
    (tmp_path / "f.xlsx").write_bytes(content)
    with pytest.raises(Unreadable) as error:
        taken(tmp_path / "f.xlsx")
    assert word.lower() in str(error.value).lower()
    assert "\n" not in str(error.value)


def test_a_truncated_workbook_is_refused(tmp_path: Path) -> None:
    files.as_xlsx(tmp_path / "f", table("b"))
    content = (tmp_path / "f").read_bytes()
    (tmp_path / "f").write_bytes(content[: len(content) // 2])
    with pytest.raises(Unreadable):
        taken(tmp_path / "f")


JD = {"服务单号": "V1234567890", "订单号": "300012345678", "商品编号": "100012", "商品名称": "电饭煲",
      "商品金额": "399.00",
      "服务单状态": "待审核", "客户预期处理方式": "仅退款", "客户期望": "仅退款",
      "售后服务单申请时间": "2026-11-11 08:00:00",
      "售后申请时间": "2026-11-11 08:00:00", "退款金额": "399.00", "出库状态": "已出库", "客户问题描述": "一直没收到",
      "二级申请原因": "未收到货", "申请时订单状态": "已出库"}  # fmt: skip


def jd(header: str, *changes: dict[str, object]) -> list[list[object]]:
    names = files.header(header)
    return [names, *([(JD | change).get(str(name), "") for name in names] for change in changes or ({},))]


def test_jds_flat_export(tmp_path: Path) -> None:
    files.as_xls(tmp_path / "f", jd("jd_flat"))
    (row,) = taken(tmp_path / "f")
    assert isinstance(row, Row)
    assert (row.source_kind, row.refund_id, row.fields["phase"]) == ("service", "V1234567890", "wait_seller")
    assert (row.fields["amount"], row.fields["dispute_type"]) == (Decimal("399.00"), "refund_only")


@pytest.mark.parametrize(
    ("change", "order"),
    [({}, "SHIPPED"), ({"出库状态": "未出库", "申请时订单状态": "等待出库"}, "WAIT_SELLER_SEND_GOODS"),
     ({"申请时订单状态": "已完成"}, "DELIVERED"), ({"出库状态": "奇怪"}, "奇怪")],
)  # fmt: skip
def test_jds_export_with_two_header_rows(tmp_path: Path, change: dict[str, object], order: str) -> None:
    names, row = jd("jd_two", change)
    groups: list[object] = ["申请信息" if i == 0 else "订单信息" if i == 11 else "" for i in range(len(names))]
    lower: list[object] = ["" if name == "是否闪退订单" else name for name in names]
    groups[names.index("是否闪退订单")] = "是否闪退订单"
    files.as_xlsx(tmp_path / "f", [[*groups, "商家信息"], [*lower, "新的一栏"], [*row, "某值"]])
    (found,) = taken(tmp_path / "f")
    assert isinstance(found, Row)
    assert found.number == 3
    assert found.fields["order_status"] == order
    assert (found.raw["新的一栏"], "是否闪退订单" in found.raw) == ("某值", True)


def test_skus_of_one_service_are_lines_of_one_row(tmp_path: Path) -> None:
    lines = jd("jd_flat", {}, {"商品编号": "100013", "退款金额": "1.00"}, {"服务单号": "V2"})
    files.as_csv(tmp_path / "f", lines)
    first, second = taken(tmp_path / "f")
    assert isinstance(first, Row)
    assert isinstance(second, Row)
    assert ([line["sku"] for line in first.fields["lines"]], first.fields["amount"]) == (
        ["100012", "100013"],
        Decimal("400.00"),
    )
    assert second.refund_id == "V2"


def test_a_number_that_is_no_service_number_is_rejected(tmp_path: Path) -> None:
    files.as_csv(tmp_path / "f", jd("jd_flat", {"服务单号": "合计"}))
    (found,) = taken(tmp_path / "f")
    assert isinstance(found, Reject)
    assert found.code == "not_a_service_number"


@pytest.mark.parametrize("write", [rejects.write_xlsx, rejects.write_csv])
def test_rejected_rows_can_be_fixed_and_sent_again(tmp_path: Path, write: Any) -> None:
    files.as_csv(tmp_path / "f", table("b", {"买家退款金额": "abc", "买家退款说明": "=1+1"}, {"退款编号": "9"}))
    bad = [row for row in taken(tmp_path / "f") if isinstance(row, Reject)]
    write(tmp_path / "rejects", bad)
    (again,) = taken(tmp_path / "rejects")
    assert isinstance(again, Reject)
    assert again.field == "买家退款金额"
    assert again.raw["退款编号"] == "1435821600010855588"
    assert describe(tmp_path / "rejects").unknown == ()
    content = (tmp_path / "rejects").read_bytes()
    assert b"\n=1+1" not in content
    assert b",=1+1" not in content
