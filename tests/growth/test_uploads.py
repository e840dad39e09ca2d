"""A file that was uploaded and never taken in holds buyers: it goes after a month, and its import says so."""

import os
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from handoffs import archiving, imports
from handoffs.models import ImportRun
from tests.factories import NOON, World
from tests.growth.lives import DAY

GONE = "The file is gone: one that was not taken in is kept for 30 days. Send it again."


def uploaded(world: World, status: str, *, sent: datetime = NOON, **more: Any) -> ImportRun:
    path = imports.folder() / f"{status}{ImportRun.objects.count()}"
    imports.keep([b"x"], path)
    os.utime(path, (sent.timestamp(), sent.timestamp()))
    run = imports.new_run(world.shop, path, name="f.csv", as_of=NOON, at=sent, by=world.support, **more)
    run.status = status
    run.save()
    return run


@pytest.mark.parametrize("status", ["waiting", "failed", "running"])
def test_an_upload_goes_after_a_month_and_its_import_says_so(world: World, status: str) -> None:
    run = uploaded(world, status)
    path = Path(run.stored)
    assert archiving.run(at=NOON + 29 * DAY)["files"] == 0
    assert path.exists()
    assert archiving.run(at=NOON + 31 * DAY, dry_run=True)["files"] == 1
    assert path.exists()
    assert archiving.run(at=NOON + 31 * DAY)["files"] == 1
    assert not path.exists()
    run.refresh_from_db()
    assert (run.status, run.error) == ("failed", GONE)
    again = imports.run(run.pk, at=NOON + 32 * DAY)
    assert (again.status, again.error) == ("failed", GONE)
    client = Client()
    client.force_login(world.support, backend="accounts.backends.RoleBackend")
    assert GONE in client.get(f"/import/{run.pk}/").content.decode()


def test_a_file_nobody_knows_any_more_goes_too_and_one_at_work_stays(world: World) -> None:
    lost = uploaded(world, "failed")
    at_work = uploaded(world, "running")
    ImportRun.objects.filter(pk=at_work.pk).update(started_at=NOON + 31 * DAY - timedelta(hours=1))
    ImportRun.objects.filter(pk=lost.pk).delete()
    young = uploaded(world, "waiting", sent=NOON + 20 * DAY)
    archiving.run(at=NOON + 31 * DAY)
    assert {str(path) for path in imports.folder().iterdir()} == {at_work.stored, young.stored}


def test_a_file_that_was_not_uploaded_here_is_left_where_it_is(world: World, tmp_path: Path) -> None:
    elsewhere = tmp_path / "report.csv"
    elsewhere.write_bytes(b"x")
    os.utime(elsewhere, (NOON.timestamp(), NOON.timestamp()))
    imports.new_run(world.shop, elsewhere, name="report.csv", as_of=NOON, at=NOON).save()
    archiving.run(at=NOON + 60 * DAY)
    assert elsewhere.exists()
