"""No table the desk gives out carries a formula; figures stay figures; what was turned down reads back as it was."""

import csv
import importlib
import io
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unicodedata import normalize

import pytest
import time_machine
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st
from openpyxl import load_workbook

from accounts import audit
from accounts.models import Carrier, Shop, User
from handoffs import admin
from handoffs.flow import batch
from handoffs.intake.rejects import FIGURE, FORMULA, UNSEEN, neutral, write_csv
from handoffs.intake.rows import Reject
from handoffs.intake.values import identifier, text
from handoffs.models import CarrierClaim, ImportRun, Parcel, RefundBatch, RejectedRow
from tests.effort import THOROUGH
from tests.factories import NOON, World
from tests.hostile.conftest import fuzz
from tests.money.conftest import stopped

BEGINNINGS = [
    "=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠",
    "\ufeff=", " =", "\u200b=", "\u3000＝", "\xa0+", "\u202e@", " \ufeff\u200b-", "﹦", "﹢", "⁼",
]  # fmt: skip


def is_harmless(cell: str) -> bool:
    """A figure, or a text that begins no formula however it is trimmed."""
    seen = normalize("NFKC", cell.lstrip(UNSEEN))
    return not (cell.startswith(FORMULA) or seen.startswith(("=", "+", "-", "@"))) or bool(FIGURE.fullmatch(cell))


@pytest.mark.parametrize("sign", BEGINNINGS)
def test_no_cell_begins_a_formula(sign: str) -> None:
    assert neutral(f"{sign}cmd|' /C calc'!A0").startswith("'")


@fuzz
@given(words=st.text(max_size=60))
def test_whatever_is_written_begins_no_formula(words: str) -> None:
    assert is_harmless(neutral(words))


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


# Every table the desk gives out, over names and words that begin like formulas ----------------------------------------


@pytest.fixture
def hostile(world: World, clock: time_machine.Traveller, request: pytest.FixtureRequest) -> Client:
    """A manager of a shop where every word people or marketplaces write begins with the sign."""
    word = f"{request.param}cmd|'/C calc'!A0"
    Shop.objects.filter(pk=world.shop.pk).update(name=word, code=word[:20])
    Carrier.objects.update(name=word[:40])
    User.objects.update(name=word)
    world.shop.refresh_from_db()
    case = stopped(world, refund_id=word, order_id=word)
    made = batch.plan([case.pk], by=world.support, at=NOON)
    made.rows.update(message=word)
    zto = world.carriers["zto"]
    parcel = Parcel.objects.create(shop=world.shop, waybill=word, carrier=zto, leg="outbound", created_at=NOON)
    CarrierClaim.objects.create(case=case, parcel=parcel, amount=5, opened_at=NOON, reference=word, note=word)
    audit.note(audit.Kind.LOGIN_FAILED, by=world.support, at=NOON, address=word[:39], text=word)
    run = ImportRun.objects.create(shop=world.shop, file_name="f", stored="/nowhere", as_of=NOON, started_at=NOON)
    RejectedRow.objects.create(run=run, number=2, message=word, raw={word: word, "x": [word]})
    clock.shift(60)  # so that what happened is past
    client = Client()
    client.force_login(world.manager, backend="accounts.backends.RoleBackend")
    return client


TABLES = ("batches/{batch}/rows.csv", "audit/audit.csv", "reports/events.csv?days=30", "reports/measures.xlsx?days=30",
          "claims/month.xlsx?month=2026-11", "import/{run}/rejects/")  # fmt: skip


@pytest.mark.parametrize("hostile", BEGINNINGS if THOROUGH else BEGINNINGS[::4], indirect=True)
def test_no_cell_of_any_table_is_a_formula(hostile: Client) -> None:
    ids = {"batch": RefundBatch.objects.get().pk, "run": ImportRun.objects.get().pk}
    for each in TABLES:
        where = f"/{each.format(**ids)}"
        answer = hostile.get(where)
        assert answer.status_code == 200, where
        cells = [*cells_of(answer)]
        assert any("calc" in cell for cell in cells), where
        assert all(is_harmless(cell) for cell in cells), (where, [cell for cell in cells if not is_harmless(cell)])


def cells_of(answer: Any) -> Iterator[str]:
    content = b"".join(answer.streaming_content) if answer.streaming else answer.content
    if "csv" in answer["Content-Type"]:
        for row in csv.reader(io.StringIO(content.decode("utf-8-sig"), newline="")):
            yield from row
        return
    for sheet in load_workbook(io.BytesIO(content)):
        yield sheet.title
        for row in sheet.iter_rows():
            assert not [cell for cell in row if cell.data_type == "f"]
            yield from (cell.value for cell in row if isinstance(cell.value, str))


def test_every_table_there_is_stands_in_the_walk() -> None:
    """A page that gives out a table is named by its ending, or it is the workbook of rejected rows."""
    given = {address for address, _view, _name in all_pages() if address.endswith((".csv", ".xlsx", "/rejects/"))}
    walked = {re.sub(r"{(.*)}", r"<int:\1_id>", each.partition("?")[0]) for each in TABLES}
    assert given == walked


def all_pages() -> Iterator[tuple[str, Any, str]]:
    for module in pkgutil.iter_modules(admin.__path__):
        yield from getattr(importlib.import_module(f"handoffs.admin.{module.name}"), "PAGES", ())


@pytest.mark.parametrize("sign", BEGINNINGS)
def test_a_cell_cannot_end_its_own_quotes(sign: str, tmp_path: Path) -> None:
    words = f'x",{sign}1+1,"\r\n{sign}2'
    write_csv(tmp_path / "f.csv", [Reject(3, "", "x", words, {"a": words})])
    with (tmp_path / "f.csv").open(encoding="utf-8-sig", newline="") as file:
        text = file.read()
    assert [*csv.reader(io.StringIO(text, newline=""))][1][1:] == [words, words]
    assert text.replace('""', "").startswith('"行号"')
