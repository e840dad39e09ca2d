"""Whatever bytes come: rows, rows turned down with a reason, or one readable complaint; never another error."""

import gzip
import io
import json
import time
import zipfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openpyxl import Workbook

from handoffs.intake import describe, read
from handoffs.intake.rows import Reject, Row, Unreadable
from tests.hostile.conftest import EXAMPLES, fuzz

DATA = Path(__file__).parents[1] / "intake" / "data"
SAMPLES = {path.name: path.read_bytes() for path in sorted(DATA.iterdir()) if path.suffix in (".csv", ".json")}
NASTY = [
    "=HYPERLINK(1)", "\x00", "\u202e", "1e400", "9" * 5000, "-1", "9999-99-99 99:99:99", "0001-01-01", "١٢٣", "'" * 50,
    '"', ",", "\r", "{", "NaN", "Infinity", "\ud800".encode("utf-8", "surrogatepass").decode("latin-1"),
]  # fmt: skip


def outcome(content: bytes, path: Path) -> tuple[int, int]:
    """(rows, rejects); raises Unreadable and nothing else."""
    path.write_bytes(content)
    rows = list(read(path))
    assert all(isinstance(row, Row | Reject) for row in rows)
    for row in rows:
        if isinstance(row, Row):
            assert len(row.refund_id) > 0
        else:
            assert row.message
        json.dumps(row.raw, default=str)
    return sum(isinstance(row, Row) for row in rows), sum(isinstance(row, Reject) for row in rows)


def read_or_refused(content: bytes, path: Path) -> None:
    complaint = ""
    try:
        outcome(content, path)
        describe(path)
    except Unreadable as refused:
        complaint = str(refused)
    assert len(complaint) > 10 or not complaint
    assert "Traceback" not in complaint


@st.composite
def mutated(draw: Any) -> bytes:
    """A sample with pieces cut out, doubled, flipped or replaced by something nasty."""
    content = bytearray(draw(st.sampled_from(sorted(SAMPLES.values()))))
    for _n in range(draw(st.integers(1, 6))):
        at = draw(st.integers(0, max(len(content) - 1, 0)))
        size = draw(st.integers(0, 40))
        how = draw(st.sampled_from(("cut", "double", "flip", "nasty")))
        if how == "cut":
            del content[at : at + size]
        elif how == "double":
            content[at:at] = content[at : at + size]
        elif how == "flip" and content:
            content[at] ^= draw(st.integers(1, 255))
        else:
            content[at : at + size] = draw(st.sampled_from(NASTY)).encode()
    return bytes(content)


@fuzz
@given(content=mutated())
def test_a_damaged_sample_is_read_or_refused_in_words(content: bytes, tmp_path: Path) -> None:
    read_or_refused(content, tmp_path / "f")


@fuzz
@given(content=st.binary(max_size=2000))
def test_free_bytes_are_read_or_refused_in_words(content: bytes, tmp_path: Path) -> None:
    read_or_refused(content, tmp_path / "f")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.sampled_from(NASTY),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(
        st.sampled_from(["refunds", "refund", "refund_id", "created", "refund_fee", "status", "modified",
                         "order_status", "refunds_receive_get_response", "serviceId", "orderid", "x"]),
        inner, max_size=5,
    ),
    max_leaves=20,
)  # fmt: skip


@fuzz
@given(payload=JSON)
def test_any_json_is_read_or_refused_in_words(payload: Any, tmp_path: Path) -> None:
    read_or_refused(json.dumps(payload).encode(), tmp_path / "f.json")


PRINTED = [cell for cell in NASTY if cell != "\x00"]  # with one it is no text, and refused whole
CELLS = st.lists(
    st.sampled_from([*PRINTED, "", "1", "2026-11-11 08:00:00", "10.00", "退款成功"]), min_size=5, max_size=5
)


@fuzz
@given(rows=st.lists(CELLS, min_size=1, max_size=5))
def test_nasty_cells_are_taken_or_turned_down_row_by_row(rows: list[list[str]], tmp_path: Path) -> None:
    """And the good row beside them goes through."""
    head = "退款编号,订单编号,买家退款金额,退款状态,退款的申请时间"
    good = "777,888,10.00,退款成功,2026-11-11 08:00:00"
    quoted = [",".join('"' + cell.replace('"', '""') + '"' for cell in row) for row in rows]
    path = tmp_path / "f.csv"
    path.write_text("\n".join([head, *quoted, good]), encoding="utf-8", errors="surrogatepass", newline="")
    found = list(read(path))
    assert "777" in {row.refund_id for row in found if isinstance(row, Row)}


# Bombs ----------------------------------------------------------------------------------------------------------------


def test_brackets_a_hundred_thousand_deep_are_refused(tmp_path: Path) -> None:
    for text in ("[" * 100_000, '{"a":' * 100_000, "[" * 100_000 + "]" * 100_000):
        read_or_refused(text.encode(), tmp_path / "deep.json")


def test_a_cell_of_ten_megabytes_is_refused_and_costs_no_minute(tmp_path: Path) -> None:
    start = time.monotonic()
    head = "退款编号,订单编号,买家退款金额,退款状态,退款的申请时间,买家退款说明\n"
    content = head + '1,2,10.00,退款成功,2026-11-11 08:00:00,"' + "长" * 3_400_000 + '"\n'
    read_or_refused(content.encode(), tmp_path / "big.csv")
    assert time.monotonic() - start < 20


@pytest.mark.skipif(EXAMPLES <= 40, reason="takes 15 seconds: make fuzz")
def test_a_workbook_that_unpacks_to_gigabytes_is_refused(tmp_path: Path) -> None:
    """A zip bomb: 1 GB of blanks in a shared string, packed into one megabyte."""
    book, plain = Workbook(), io.BytesIO()
    book.active.append(["退款编号", "订单编号", "买家退款金额", "退款状态", "退款的申请时间"])
    book.save(plain)
    path = tmp_path / "bomb.xlsx"
    with zipfile.ZipFile(plain) as source, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as target:
        for name in source.namelist():
            if name != "xl/sharedStrings.xml":
                target.writestr(name, source.read(name))
        with target.open("xl/sharedStrings.xml", "w", force_zip64=True) as strings:
            strings.write(b'<sst xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><si><t>')
            for _part in range(1024):
                strings.write(b" " * (1 << 20))
            strings.write(b"</t></si></sst>")
    assert path.stat().st_size < 2_000_000
    start = time.monotonic()
    with pytest.raises(Unreadable):
        list(read(path))
    assert time.monotonic() - start < 60


def test_entities_that_multiply_are_not_followed(tmp_path: Path) -> None:
    laughs = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
    page = f'<!DOCTYPE t [<!ENTITY l0 "ha">{laughs}]><table><tr><td>&l9;</td></tr></table>'
    read_or_refused(page.encode(), tmp_path / "laughs.xls")


@pytest.mark.parametrize("content", [gzip.compress(b"x" * 10_000_000), b"PK\x03\x04" + b"\0" * 100, b"\xff\xfe\xff"])
def test_what_only_looks_like_a_file_of_ours_is_refused(content: bytes, tmp_path: Path) -> None:
    with pytest.raises(Unreadable):
        outcome(content, tmp_path / "f")
