"""The import page: upload, preview, run, rejected rows out and back in, and who may."""

from datetime import timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.core.cache import cache
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.http import HttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from kombu.exceptions import OperationalError
from openpyxl import load_workbook

from accounts.models import User
from handoffs import imports
from handoffs.models import Case, ImportRun
from tests import factories, snapshot
from tests.admin.conftest import LogIn
from tests.factories import NOON, World
from tests.intake import files
from tests.intake.test_exports import table

UPLOAD = "/import/"
BAD = {"退款编号": "1435821600010855589", "买家退款金额": "abc"}
STRANGE_COLUMN = "备用列"


@pytest.fixture(autouse=True)
def _own_folder(settings: Any, tmp_path: Path) -> None:
    settings.VAR_DIR = tmp_path


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, list[int]]]:
    """What was handed to the worker."""
    messages: list[tuple[str, list[int]]] = []
    monkeypatch.setattr(
        "handoffs.admin.imports.current_app.send_task", lambda name, args: messages.append((name, args))
    )
    return messages


@pytest.fixture
def desk(world: World, log_in: LogIn) -> Client:
    return log_in(world.support)


def upload(client: Client, rows: Any, shop: int, *, name: str = "退款报表.csv", **more: Any) -> Any:
    if isinstance(rows, bytes):
        content = rows
    else:
        path = imports.folder() / "made-by-a-test"
        path.parent.mkdir(parents=True, exist_ok=True)
        files.as_csv(path, rows)
        content = path.read_bytes()
        path.unlink()
    return client.post(UPLOAD, {"shop": shop, "format": "auto", "file": SimpleUploadedFile(name, content), **more})


def looked_at(client: Client, rows: Any, shop: int) -> tuple[ImportRun, HttpResponse]:
    answer = upload(client, rows, shop)
    assert answer.status_code == 302, answer.context["form"].errors
    return ImportRun.objects.latest("pk"), client.get(answer["Location"])


def page_of(client: Client, run: ImportRun) -> Any:
    return client.get(reverse("admin:handoffs_import_run", args=[run.pk]))


def test_a_file_is_kept_outside_the_web_root_and_nothing_is_taken_before_the_confirmation(
    world: World, desk: Client
) -> None:
    run, _page = looked_at(desk, table(), world.shop.pk)
    assert (run.status, run.by, run.expected, run.as_of) == ("waiting", world.support, 1, NOON)
    assert Path(run.stored).parent == imports.folder()
    assert "退款报表" not in run.stored
    assert not Case.objects.exists()


def test_the_preview_names_format_columns_first_rows_and_what_would_come_of_them(world: World, desk: Client) -> None:
    names, *rows = table("b", {}, BAD)
    _run, page = looked_at(desk, [[*names, STRANGE_COLUMN], *([*row, ""] for row in rows)], world.shop.pk)
    shown: Any = page.context  # type: ignore[attr-defined]
    assert shown["found"].unknown == (STRANGE_COLUMN,)
    assert "退款编号" in shown["found"].recognised
    assert "子订单编号" not in shown["found"].recognised
    assert "买家会员名称" in shown["missing"]
    assert [(name, count) for name, _label, count in shown["counts"]] == [
        ("read", 2), ("created", 1), ("updated", 0), ("unchanged", 0), ("rejected", 1)
    ]  # fmt: skip
    first, second = shown["rows"]
    assert (first["result"], first["type"], second["result"]) == ("created", "refund only", "rejected")
    assert "买家退款金额" in second["reason"]


def test_looking_at_a_preview_changes_nothing(world: World, desk: Client) -> None:
    run, _page = looked_at(desk, table("b", {}, BAD), world.shop.pk)
    before = snapshot.of_the_desk()
    page_of(desk, run)
    assert snapshot.of_the_desk() == before


def test_the_confirmation_hands_the_run_to_the_worker(
    world: World, desk: Client, sent: list[tuple[str, list[int]]]
) -> None:
    run, _page = looked_at(desk, table(), world.shop.pk)
    desk.post(reverse("admin:handoffs_import_run", args=[run.pk]))
    run.refresh_from_db()
    assert (run.status, sent) == ("running", [("handoffs.tasks.run_import", [run.pk])])


def test_a_worker_that_cannot_be_reached_is_said_and_the_run_still_waits(
    world: World, desk: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unreachable(_name: str, args: list[int]) -> None:
        raise OperationalError(f"nobody takes {args}")

    monkeypatch.setattr("handoffs.admin.imports.current_app.send_task", unreachable)
    run, _page = looked_at(desk, table(), world.shop.pk)
    answer = desk.post(reverse("admin:handoffs_import_run", args=[run.pk]), follow=True)
    assert "The worker cannot be reached" in answer.content.decode()
    run.refresh_from_db()
    assert run.status == "waiting"


def test_the_page_follows_a_run_and_shows_its_result(world: World, desk: Client) -> None:
    run, _page = looked_at(desk, table("b", {}, BAD), world.shop.pk)
    imports.run(run.pk, at=NOON)
    state = desk.get(reverse("admin:handoffs_import_progress", args=[run.pk])).json()
    assert state == {"read": 2, "created": 1, "updated": 0, "unchanged": 0, "rejected": 1, "expected": 2,
                     "status": "done"}  # fmt: skip
    page = page_of(desk, run)
    assert [row.number for row in page.context["rejects"]] == [3]
    assert not Path(run.stored).exists()


def test_the_page_of_a_run_that_stands_still_says_so_and_that_it_goes_on_by_itself(
    world: World, desk: Client, sent: list[tuple[str, list[int]]]
) -> None:
    run, _page = looked_at(desk, table(), world.shop.pk)
    desk.post(f"/import/{run.pk}/")
    words = "no worker has it in hand"
    assert words not in page_of(desk, run).content.decode()
    with time_machine.travel(NOON + timedelta(minutes=2), tick=False):
        assert words in page_of(desk, run).content.decode()


def test_the_same_file_a_second_time_is_unchanged(world: World, desk: Client) -> None:
    for _time in (1, 2):
        run, _page = looked_at(desk, table(), world.shop.pk)
        imports.run(run.pk, at=NOON)
    run.refresh_from_db()
    assert (run.created, run.unchanged) == (0, 1)
    assert "Nothing changed" in page_of(desk, run).content.decode()


def test_a_done_run_cannot_be_started_again(world: World, desk: Client, sent: list[tuple[str, list[int]]]) -> None:
    run, _page = looked_at(desk, table(), world.shop.pk)
    imports.run(run.pk, at=NOON)
    desk.post(reverse("admin:handoffs_import_run", args=[run.pk]))
    run.refresh_from_db()
    assert (run.status, sent) == ("done", [])


def test_rejected_rows_go_out_are_fixed_and_come_back_and_then_wait_no_more(world: World, desk: Client) -> None:
    run, _page = looked_at(desk, table("b", {}, BAD), world.shop.pk)
    imports.run(run.pk, at=NOON)
    assert desk.get(UPLOAD).context["waiting"] == 1
    got = desk.get(reverse("admin:handoffs_import_rejects", args=[run.pk]))
    assert "rejects.xlsx" in got["Content-Disposition"]
    book = load_workbook(BytesIO(b"".join(got.streaming_content)))  # type: ignore[attr-defined]
    rows: list[list[Any]] = [list(row) for row in book.active.iter_rows(values_only=True)]
    assert len(rows) == 2
    rows[1][rows[0].index("买家退款金额")] = "12.00"
    fixed, page = looked_at(desk, rows, world.shop.pk)
    assert page.context["counts"][1][2] == 1  # type: ignore[attr-defined]
    imports.run(fixed.pk, at=NOON)
    assert Case.objects.get(refund_id=BAD["退款编号"]).amount == 12
    assert desk.get(UPLOAD).context["waiting"] == 0


def test_rows_that_need_no_fixing_are_settled_by_hand(world: World, desk: Client) -> None:
    run, _page = looked_at(desk, table("b", BAD), world.shop.pk)
    imports.run(run.pk, at=NOON)
    desk.post(reverse("admin:handoffs_import_settle", args=[run.pk]))
    assert run.rejects.get().settled_at == NOON


def test_a_file_that_is_not_imported_is_thrown_away_with_its_run(world: World, desk: Client) -> None:
    run, _page = looked_at(desk, table(), world.shop.pk)
    desk.post(reverse("admin:handoffs_import_discard", args=[run.pk]))
    assert not ImportRun.objects.exists()
    assert not Path(run.stored).exists()


def test_a_done_import_cannot_be_thrown_away(world: World, desk: Client) -> None:
    run, _page = looked_at(desk, table(), world.shop.pk)
    imports.run(run.pk, at=NOON)
    desk.post(reverse("admin:handoffs_import_discard", args=[run.pk]))
    assert ImportRun.objects.filter(pk=run.pk).exists()


@pytest.mark.parametrize("content", [b"", b"%PDF-1.4 nothing", b"a,b\n1,2\n", b'{"error_response": {"code": 7}}'])
def test_a_file_that_cannot_be_read_gets_one_clear_message_and_is_not_kept(
    world: World, desk: Client, content: bytes
) -> None:
    page = upload(desk, content, world.shop.pk)
    (complaint,) = page.context["form"].errors["file"]
    assert (page.status_code, "\n" in complaint, len(page.context["form"].errors)) == (200, False, 1)
    assert not ImportRun.objects.exists()
    assert list(imports.folder().iterdir()) == []


def test_no_file_and_a_moment_in_the_future_are_complained_about_at_the_field(world: World, desk: Client) -> None:
    page = desk.post(UPLOAD, {"shop": world.shop.pk, "format": "auto", "as_of": "2027-01-01T00:00"})
    assert set(page.context["form"].errors) == {"file", "as_of"}


def test_the_moment_is_read_in_the_persons_own_zone(world: World, desk: Client) -> None:
    upload(desk, table(), world.shop.pk, as_of="2026-11-11T08:00:00")
    assert ImportRun.objects.get().as_of == NOON - timedelta(hours=4)


def test_a_file_that_does_not_fit_the_shop_is_pointed_out(world: World, desk: Client) -> None:
    _run, fits = looked_at(desk, table(), world.shop.pk)
    _run, strange = looked_at(desk, table(), world.other_shop.pk)
    assert "Is it the right shop?" not in fits.content.decode()
    assert "Is it the right shop?" in strange.content.decode()


def test_only_shops_of_ones_own_can_be_imported_into_and_looked_at(world: World, log_in: LogIn) -> None:
    stranger = factories.person("support", world.other_shop)
    run, _page = looked_at(log_in(world.support), table(), world.shop.pk)
    client = log_in(stranger)
    assert "shop" in upload(client, table(), world.shop.pk).context["form"].errors
    for name in ("run", "progress", "rejects"):
        assert client.get(reverse(f"admin:handoffs_import_{name}", args=[run.pk])).status_code == 404
    for name in ("run", "settle", "discard"):
        assert client.post(reverse(f"admin:handoffs_import_{name}", args=[run.pk])).status_code == 404
    assert list(client.get(UPLOAD).context["runs"]) == []


@pytest.mark.parametrize("role", ["warehouse", "qc", "logistics"])
def test_those_who_answer_questions_do_not_import(world: World, log_in: LogIn, role: str) -> None:
    person: User = world.people[role]
    run, _page = looked_at(log_in(world.support), table(), world.shop.pk)
    client, before = log_in(person), snapshot.of_the_desk()
    assert client.get(UPLOAD).status_code == 403
    for name in ("run", "settle", "discard"):
        assert client.post(reverse(f"admin:handoffs_import_{name}", args=[run.pk])).status_code == 403
    assert snapshot.of_the_desk() == before


def test_a_get_neither_settles_nor_throws_away(world: World, desk: Client) -> None:
    run, _page = looked_at(desk, table(), world.shop.pk)
    for name in ("settle", "discard"):
        assert desk.get(reverse(f"admin:handoffs_import_{name}", args=[run.pk])).status_code == 405


def test_the_list_costs_the_same_for_one_run_and_for_twenty(world: World, desk: Client) -> None:
    def cost() -> int:
        cache.clear()
        with CaptureQueriesContext(connection) as found:
            desk.get(UPLOAD)
        return len(found)

    def made(number: int) -> None:
        ImportRun.objects.create(shop=world.shop, by=world.support, file_name=f"{number}", as_of=NOON, started_at=NOON)

    made(1)
    desk.get(UPLOAD)
    first = cost()
    for number in range(19):
        made(number)
    assert cost() == first


def test_older_imports_follow_page_by_page(world: World, desk: Client) -> None:
    for number in range(35):
        ImportRun.objects.create(shop=world.shop, file_name=f"f{number}", as_of=NOON, started_at=NOON)
    first = desk.get(UPLOAD).context
    second = desk.get(f"{UPLOAD}?before={first['older']}").context
    names = [run.file_name for run in (*first["runs"], *second["runs"])]
    assert names == [f"f{number}" for number in reversed(range(35))]
    assert second["older"] is None
