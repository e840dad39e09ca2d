"""`import_refunds`: the JSON it prints, its exit status, and that nothing is lost."""

import json
import os
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from handoffs.models import Case, ImportRun
from tests import factories
from tests.factories import World
from tests.intake import files
from tests.intake.test_exports import table

BAD = {"退款编号": "1435821600010855589", "买家退款金额": "abc"}


@pytest.fixture
def world(db: None) -> World:
    return factories.world()


def run(capsys: pytest.CaptureFixture[str], path: Path, *options: str) -> tuple[int, Any]:
    status = 0
    try:
        call_command("import_refunds", str(path), "--shop", "tb", "--json", *options)
    except SystemExit as stop:
        status = int(stop.code or 0)
    return status, json.loads(capsys.readouterr().out.strip().splitlines()[-1])


def test_every_row_taken_is_status_0_and_the_second_time_changes_nothing(
    world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files.as_xlsx(tmp_path / "退款报表.xls", table("c", {}, {"退款编号": "2"}))
    expected = {"read": 2, "created": 2, "updated": 0, "unchanged": 0, "rejected": 0, "rejects_file": None}
    assert run(capsys, tmp_path / "退款报表.xls") == (0, expected)
    assert run(capsys, tmp_path / "退款报表.xls") == (0, expected | {"created": 0, "unchanged": 2})
    os.utime(tmp_path / "退款报表.xls")
    assert run(capsys, tmp_path / "退款报表.xls")[1]["unchanged"] == 2


def test_rejected_rows_are_status_1_and_can_be_fixed_and_sent_again(
    world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files.as_csv(tmp_path / "f.csv", table("b", {}, BAD))
    status, result = run(capsys, tmp_path / "f.csv")
    assert (status, result["created"], result["rejected"]) == (1, 1, 1)
    kept = ImportRun.objects.get().rejects.get()
    assert (kept.number, kept.field, kept.raw["退款编号"]) == (3, "买家退款金额", "1435821600010855589")
    from python_calamine import CalamineWorkbook

    with Path(result["rejects_file"]).open("rb") as file:
        rows = CalamineWorkbook.from_filelike(file).get_sheet_by_index(0).to_python()
    rows[1][rows[0].index("买家退款金额")] = "10.00"
    files.as_xlsx(tmp_path / "fixed.xlsx", rows)
    assert run(capsys, tmp_path / "fixed.xlsx")[1]["created"] == 1
    assert Case.objects.count() == 2


@pytest.mark.parametrize("content", [b"", b"%PDF-1.4", b"a,b\n1,2\n"])
def test_a_file_that_cannot_be_read_is_status_2_with_one_line(world: World, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "f.xlsx").write_bytes(content)
    with pytest.raises(CommandError) as error:
        call_command("import_refunds", str(tmp_path / "f.xlsx"), "--shop", "tb")
    assert error.value.returncode == 2
    assert "\n" not in str(error.value)


def test_an_unknown_shop_names_the_shops_there_are(world: World, tmp_path: Path) -> None:
    files.as_csv(tmp_path / "f.csv", table())
    with pytest.raises(CommandError, match="jd, tb"):
        call_command("import_refunds", str(tmp_path / "f.csv"), "--shop", "nowhere")


def test_a_missing_file_is_status_2(world: World, tmp_path: Path) -> None:
    with pytest.raises(CommandError) as error:
        call_command("import_refunds", str(tmp_path / "none.csv"), "--shop", "tb")
    assert error.value.returncode == 2


def test_a_dry_run_counts_and_changes_nothing(world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files.as_csv(tmp_path / "f.csv", table("b", {}, BAD))
    status, result = run(capsys, tmp_path / "f.csv", "--dry-run")
    assert (status, result["created"], result["rejected"]) == (1, 1, 1)
    assert (Case.objects.count(), ImportRun.objects.count()) == (0, 0)


def test_the_file_speaks_of_its_own_date(world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files.as_csv(tmp_path / "f.csv", table())
    old = (factories.NOON - timedelta(days=3)).timestamp()
    os.utime(tmp_path / "f.csv", (old, old))
    run(capsys, tmp_path / "f.csv")
    assert ImportRun.objects.get().as_of.timestamp() == old


def test_the_sample_imports_with_the_right_paths_amounts_and_deadlines(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    path = files.DATA / "qianniu_b.csv"
    assert run(capsys, path)[1]["created"] == 3
    found = list(Case.objects.order_by("refund_id").values_list("path", "amount", "status"))
    assert [(p, str(a)) for p, a, _s in found] == [(1, "66.18"), (4, "1299.00"), (3, "10.00")]
    third = Case.objects.get(refund_id="143582160001085558")
    assert third.marketplace_deadline.isoformat() == "2022-07-01T00:00:00+00:00"
    assert third.clocks.get(kind="first_response").cause == "arrived_late"


def test_the_skus_of_a_jd_service_make_one_case_wherever_their_rows_stand(
    world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from tests.intake.test_exports import jd

    second = {"商品编号": "100013", "商品金额": "1.00", "退款金额": "1.00"}
    files.as_xlsx(tmp_path / "f.xlsx", jd("jd_flat", {}, {"服务单号": "V4"}, second))
    call = (str(tmp_path / "f.xlsx"), "--shop", "jd", "--json")
    call_command("import_refunds", *call)
    first = json.loads(capsys.readouterr().out)
    assert (first["read"], first["created"]) == (3, 3)
    found = Case.objects.get(refund_id="V1234567890")
    assert (str(found.amount), found.lines.count()) == ("400.00", 2)
    call_command("import_refunds", *call)
    assert json.loads(capsys.readouterr().out)["unchanged"] == 3
