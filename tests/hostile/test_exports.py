"""No table the desk gives out carries a formula; figures stay figures; what was turned down reads back as it was."""

import csv
import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handoffs.intake.rejects import FORMULA, neutral, write_csv
from handoffs.intake.rows import Reject
from handoffs.intake.values import identifier, text
from tests.hostile.conftest import fuzz

BEGINNINGS = ["=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠"]


@pytest.mark.parametrize("sign", BEGINNINGS)
def test_no_cell_begins_a_formula(sign: str) -> None:
    assert neutral(f"{sign}cmd|' /C calc'!A0").startswith("'")


@fuzz
@given(words=st.text(max_size=60))
def test_whatever_is_written_begins_no_formula(words: str) -> None:
    cell = neutral(words)
    assert not cell.startswith(FORMULA) or cell.lstrip("-").replace(".", "", 1).isdigit()


@pytest.mark.parametrize("figure", ["-5", "-12.50", "0", "7"])
def test_figures_stay_figures(figure: str) -> None:
    assert neutral(figure) == figure


@pytest.mark.parametrize("number", ["=1+1", "＝1", "-abc", "@x", "12345678901234567890"])
def test_what_was_turned_down_reads_back_as_it_was(number: str, tmp_path: Path) -> None:
    path = tmp_path / "rejects.csv"
    write_csv(path, [Reject(3, "退款编号", "x", "=why", {"退款编号": number, "说明": f"+{number}"})])
    with path.open(encoding="utf-8-sig", newline="") as file:
        head, row = csv.reader(io.StringIO(file.read()))
    found = dict(zip(head, row, strict=True))
    assert not any(cell.startswith(FORMULA) for cell in row)
    assert text(found["退款编号"]) == text(number)
    assert identifier(found["退款编号"], "x") == identifier(number, "x")
