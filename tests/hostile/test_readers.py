"""Whatever bytes come: rows, rows turned down with a reason, or one readable complaint; never another error."""

import gzip
import io
import json
import resource
import tempfile
import time
import zipfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl import Workbook

from handoffs.envelopes import DEEPEST
from handoffs.intake import describe, read
from handoffs.intake.rows import Reject, Row, Unreadable
from handoffs.intake.top import refunds_in
from tests.hostile.conftest import EXAMPLES, fuzz
from tests.intake import files

DATA = Path(__file__).parents[1] / "intake" / "data"
SAMPLES = {path.name: path.read_bytes() for path in sorted(DATA.iterdir()) if path.suffix in (".csv", ".json")}
HEAD = ["退款编号", "订单编号", "买家退款金额", "退款状态", "退款的申请时间", "买家退款说明"]
GOOD = ["777", "888", "10.00", "退款成功", "2026-11-11 08:00:00", ""]
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


def made(shape: str, *rows: list[Any]) -> bytes:
    """A file of the shape with these rows."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "f"
        files.SHAPES[shape](path, [*rows])
        return path.read_bytes()


APART = {shape: made(shape, HEAD, *[GOOD] * 5) for shape in ("xlsx", "xls", "html")}
# Each example starts a process or three.
fuzz_apart = settings(fuzz, max_examples=max(EXAMPLES // 4, 5))


@st.composite
def mutated(draw: Any, samples: list[bytes]) -> bytes:
    """A sample with pieces cut out, doubled, flipped or replaced by something nasty."""
    content = bytearray(draw(st.sampled_from(samples)))
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
@given(content=mutated(sorted(SAMPLES.values())))
def test_a_damaged_sample_is_read_or_refused_in_words(content: bytes, tmp_path: Path) -> None:
    read_or_refused(content, tmp_path / "f")


@pytest.mark.parametrize("shape", APART)
def test_a_damaged_workbook_or_page_is_read_or_refused_in_words(shape: str, tmp_path: Path) -> None:
    @fuzz_apart
    @given(content=mutated([APART[shape]]))
    def damage(content: bytes) -> None:
        read_or_refused(content, tmp_path / "f")

    damage()


@fuzz_apart
@given(part=st.sampled_from(["xl/worksheets/sheet1.xml", "xl/sharedStrings.xml", "xl/workbook.xml"]), data=st.data())
def test_a_workbook_damaged_under_its_packing_is_read_or_refused(part: str, data: Any, tmp_path: Path) -> None:
    """The damage is in what the archive holds, not in the archive."""
    packed = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(APART["xlsx"])) as source, zipfile.ZipFile(packed, "w") as target:
        for name in source.namelist():
            whole = source.read(name)
            target.writestr(name, data.draw(mutated([whole])) if name == part else whole)
    read_or_refused(packed.getvalue(), tmp_path / "f.xlsx")


TAGS = [
    "<table>", "</table>", "<tr>", "</tr>", "<td>", "</td>", "<th>", "<br>", "<td colspan=3>", "<td colspan=²>",
    f"<td colspan={'9' * 5000}>", "<td colspan=-1>", "<td colspan>", "<a ", "<a =", '<a x="', "<", ">", "<!--", "-->",
    "<![", "<![if x]>", "<![CDATA[", "]]>", "<!DOCTYPE", "<!x [", "<?", "?>", "<script>", "</script", "<style>",
    "<textarea>", "&", "&#", "&#x110000;", "&#xd800;", "&amp", "\x0b", "退款编号", "x", " ",
]  # fmt: skip


@fuzz_apart
@given(pieces=st.lists(st.sampled_from(TAGS) | st.sampled_from(NASTY[2:]), max_size=30))
def test_any_markup_is_read_or_refused_in_words(pieces: list[str], tmp_path: Path) -> None:
    page = "<table><tr><td>" + "".join(pieces)
    read_or_refused(page.encode(errors="ignore"), tmp_path / "f.xls")


@pytest.mark.parametrize("piece", [f"<td colspan={'9' * 5000}>x", "<![ x", "<![foo[<tr>", "<!x [<!a", "<td colspan=²>"])
def test_markup_the_parser_stumbles_over_is_read_or_refused_in_words(piece: str, tmp_path: Path) -> None:
    read_or_refused(f"<table><tr><td>{piece}".encode(), tmp_path / "f.xls")


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


def nested(depth: int) -> str:
    return "[" * depth + "]" * depth


@pytest.mark.parametrize("depth", [DEEPEST + 1, 900, 2000, 100_000])
def test_json_nested_deeper_than_anything_real_is_refused(depth: int, tmp_path: Path) -> None:
    for text in (nested(depth), "[" * depth, '{"a":' * depth, '{"refunds":' + nested(depth) + "}"):
        (tmp_path / "deep.json").write_text(text)
        with pytest.raises(Unreadable, match="damaged"):
            list(read(tmp_path / "deep.json"))


def test_json_as_deep_as_is_allowed_is_read(tmp_path: Path) -> None:
    refund = {"refund_id": "1", "x": json.loads(nested(DEEPEST - 2))}
    (tmp_path / "f.json").write_text(json.dumps([refund]))
    (row,) = read(tmp_path / "f.json")
    assert row.raw["refund_id"] == "1"


@pytest.mark.parametrize("depth", [DEEPEST + 1, 900, 2000, 100_000])
def test_json_inside_a_cell_or_a_field_is_no_way_around_it(depth: int, tmp_path: Path) -> None:
    """A cell stays the text it is; a field that should hold a response holds none."""
    head, cells = "refund_id,status,created,refund_fee,sku", "1,SUCCESS,2026-11-11 08:00:00,1.00,"
    (tmp_path / "f.csv").write_text(head + "\n" + cells + "[" * depth)
    assert [row.raw["sku"] for row in read(tmp_path / "f.csv")] == ["[" * depth]
    wrapped = {"jdp_response": nested(depth)}
    assert refunds_in(wrapped) == refunds_in([wrapped]) == []


def spent() -> float:
    """Seconds of work of the processes that were started and have ended."""
    return sum(resource.getrusage(resource.RUSAGE_CHILDREN)[:2])


@pytest.mark.parametrize("piece", ["<a ", "<a =", '<a x="', "</a ", "<!a ", "<![a ", "<!--<a ", "<?a "])
def test_a_small_page_costs_a_small_work(piece: str, tmp_path: Path) -> None:
    """Read from each sign of a tag that does not end anew, 32 kB cost a quarter of a minute."""
    for end in ("", ">", "-->"):
        before = spent()
        read_or_refused(f"<table><tr><td>{piece * (32_000 // len(piece))}{end}".encode(), tmp_path / "f.xls")
        assert spent() - before < 4


def test_a_tag_longer_than_any_real_one_is_refused_before_it_is_read(tmp_path: Path) -> None:
    (tmp_path / "f.xls").write_text("<table><tr><td>" + "<a " * 30_000 + ">")
    with pytest.raises(Unreadable, match="a tag in it does not end"):
        list(read(tmp_path / "f.xls"))


def test_a_row_wider_than_any_sheet_is_refused(tmp_path: Path) -> None:
    (tmp_path / "f.xls").write_text("<table><tr>" + "<td colspan=300>" * 1000)
    with pytest.raises(Unreadable, match="no table a marketplace makes"):
        list(read(tmp_path / "f.xls"))


@pytest.mark.parametrize("shape", ["xlsx", "html"])
def test_a_cell_of_ten_megabytes_in_a_workbook_or_page_is_read_or_refused(shape: str, tmp_path: Path) -> None:
    before = spent()
    read_or_refused(made(shape, HEAD, [*GOOD[:-1], "长" * 3_400_000], GOOD), tmp_path / "f")
    assert spent() - before < 20


def test_a_cell_of_ten_megabytes_is_refused_and_costs_no_minute(tmp_path: Path) -> None:
    start = time.monotonic()
    head = "退款编号,订单编号,买家退款金额,退款状态,退款的申请时间,买家退款说明\n"
    content = head + '1,2,10.00,退款成功,2026-11-11 08:00:00,"' + "长" * 3_400_000 + '"\n'
    read_or_refused(content.encode(), tmp_path / "big.csv")
    assert time.monotonic() - start < 20


@pytest.mark.parametrize("megabytes", [32, 1024] if EXAMPLES > 40 else [32])
def test_a_workbook_that_unpacks_to_a_thousand_times_its_size_is_refused(megabytes: int, tmp_path: Path) -> None:
    """A zip bomb: blanks in a shared string, to 1 GB of them packed into one megabyte."""
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
            for _part in range(megabytes):
                strings.write(b" " * (1 << 20))
            strings.write(b"</t></si></sst>")
    assert path.stat().st_size < 2_000_000
    with pytest.raises(Unreadable):
        list(read(path, seconds=60))


def test_entities_that_multiply_are_not_followed(tmp_path: Path) -> None:
    laughs = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
    page = f'<!DOCTYPE t [<!ENTITY l0 "ha">{laughs}]><table><tr><td>&l9;</td></tr></table>'
    read_or_refused(page.encode(), tmp_path / "laughs.xls")


@pytest.mark.parametrize("content", [gzip.compress(b"x" * 10_000_000), b"PK\x03\x04" + b"\0" * 100, b"\xff\xfe\xff"])
def test_what_only_looks_like_a_file_of_ours_is_refused(content: bytes, tmp_path: Path) -> None:
    with pytest.raises(Unreadable):
        outcome(content, tmp_path / "f")
