"""Parcel events from a file: told by its columns, good rows beside bad ones, the file twice, the wrong encoding."""

import json
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from handoffs import imports
from handoffs.intake import describe, format_of
from handoffs.models import Case, ImportRun, Parcel, ParcelEvent, RejectedRow
from tests import factories, snapshot
from tests.factories import World

HEADER = "运单号,快递公司,时间,状态,物流轨迹"
GOOD = "ZTO0001,中通快递,2026-11-11 11:00:00,,【上海】快件已由本人签收"
ROWS = (HEADER, "ZTO0001,中通快递,2026-11-11 09:00:00,在途,到达上海转运中心", GOOD)
BAD = "ZTO0001,中通快递,昨天下午,在途,到达上海转运中心"
FUTURE = "ZTO0001,中通快递,2030-01-01 09:00:00,在途,到达上海转运中心"


def file(folder: Path, *lines: str, encoding: str = "utf-8-sig") -> Path:
    path = folder / "轨迹.csv"
    path.write_bytes("\r\n".join(lines).encode(encoding))
    return path


def run(capsys: pytest.CaptureFixture[str], path: Path, *options: str) -> tuple[int, Any]:
    status = 0
    try:
        call_command("import_refunds", str(path), "--shop", "tb", "--json", *options)
    except SystemExit as stop:
        status = int(stop.code or 0)
    return status, json.loads(capsys.readouterr().out.strip().splitlines()[-1])


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
def test_a_file_of_events_is_told_by_its_columns_and_moves_the_case(
    world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str], encoding: str
) -> None:
    case = factories.case(world.shop, path=2)
    path = file(tmp_path, *ROWS, encoding=encoding)
    assert format_of(path) == "parcels"
    status, told = run(capsys, path)
    assert (status, told["read"], told["created"]) == (0, 2, 2)
    case.refresh_from_db()
    assert (case.path, case.goods, Parcel.objects.get().state) == (3, "with_buyer", "signed")
    assert set(ParcelEvent.objects.values_list("source", flat=True)) == {"file"}


def test_the_same_file_again_changes_nothing(world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    case = factories.case(world.shop, path=2)
    path = file(tmp_path, *ROWS)
    run(capsys, path)
    entries = case.timeline.count()
    assert run(capsys, path)[1]["unchanged"] == 2
    assert (ParcelEvent.objects.count(), case.timeline.count()) == (2, entries)


def test_a_bad_row_stops_no_good_one_and_is_settled_when_it_is_sent_again(
    world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    factories.case(world.shop, path=2)
    status, told = run(capsys, file(tmp_path, *ROWS, BAD, FUTURE, ",中通快递,2026-11-11 09:00:00,在途,x"))
    assert (status, told["created"], told["rejected"], told["read"]) == (1, 2, 3, 5)
    messages = list(RejectedRow.objects.order_by("number").values_list("message", flat=True))
    assert "昨天下午" in messages[0]
    assert all(messages)
    again = Path(told["rejects_file"])
    assert format_of(again) == "parcels"
    mended = file(tmp_path, HEADER, BAD.replace("昨天下午", "2026-11-10 09:00:00"))
    assert run(capsys, mended)[0] == 0
    assert imports.waiting([world.shop.pk]).count() == 1  # the row without a waybill


def test_a_dry_run_says_what_would_be_and_changes_nothing(
    world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    factories.case(world.shop, path=2)
    before = snapshot.of_the_desk()
    assert run(capsys, file(tmp_path, *ROWS, BAD), "--dry-run")[1]["created"] == 2
    assert snapshot.of_the_desk() == before


def test_an_event_names_the_order_of_a_parcel_that_nobody_knew(
    world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    case = factories.case(world.shop, path=2, outbound=[], order_id="270099")
    run(capsys, file(tmp_path, HEADER + ",订单编号", GOOD.replace("ZTO0001", "ZTO7777") + ",270099"))
    assert list(case.parcels.values_list("waybill", flat=True)) == ["ZTO7777"]
    case.refresh_from_db()
    assert case.path == 3


def test_the_console_shows_the_events_before_it_takes_them(world: World, tmp_path: Path) -> None:
    factories.case(world.shop, path=2)
    client = Client()
    client.force_login(world.support, backend="accounts.backends.RoleBackend")
    with file(tmp_path, *ROWS, BAD).open("rb") as content:
        form = {"shop": world.shop.pk, "format": "auto", "file": content}
        sent = client.post(reverse("admin:handoffs_import"), form)
    page = client.get(sent["Location"]).content.decode()
    assert "快件已由本人签收" in page
    assert "昨天下午" in page
    assert Case.objects.get().path == 2
    imports.run(ImportRun.objects.get().pk, at=factories.NOON)
    assert Case.objects.get().path == 3


def test_what_is_missing_is_named(world: World, tmp_path: Path) -> None:
    found = describe(file(tmp_path, *ROWS))
    assert (found.format, found.rows, found.unknown) == ("parcels", 2, ())
