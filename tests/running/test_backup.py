"""A desk comes back from its backup: every row and file, its secrets, its clocks, and no mail a second time."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import pytest
from django.conf import LazySettings
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection

from accounts import vault
from handoffs import backup, delivery, restored, sweep, warehousing
from handoffs.flow import stopping
from handoffs.models import (
    ChannelPost,
    Connection,
    Interception,
    OutboxMessage,
    RefundBatch,
    Tick,
    TimelineEntry,
    WarehouseSystem,
)
from handoffs.models.channel import Channel
from handoffs.seeds.load import load as seed
from tests import factories, photos, services
from tests.factories import NOON, World
from tests.running.desk_again import hashes

ROOT = Path(__file__).parents[2]
REMINDED, SAVED, LATE, LOST, LATER = (NOON + timedelta(minutes=each) for each in (16, 20, 31, 45, 600))
KEY = "the-key-that-opens-what-was-sealed-before-the-desk-was-lost"


@pytest.fixture
def programs(monkeypatch: pytest.MonkeyPatch) -> None:
    """PostgreSQL's client programs: the machine's, else those of the tests' wheel."""
    if connection.vendor != "sqlite":
        for name, value in services.client_programs().items():
            monkeypatch.setenv(name, value)


@pytest.fixture
def nothing(tmp_path: Path) -> Iterator[dict[str, str]]:
    """The environment of a desk whose database and folders are new and empty."""
    around = {**os.environ, "VAR_DIR": str(tmp_path / "again"), "CREDENTIALS_KEY": KEY, "TLS": "off",
              "ALLOWED_HOSTS": "testserver", "EMAIL_URL": f"file://{tmp_path / 'mail'}"}  # fmt: skip
    around.pop("ATTACHMENT_DIR", None)
    if connection.vendor == "sqlite":
        yield around
        return
    with connection.cursor() as cursor:
        cursor.execute("CREATE DATABASE desk_again")
    parts = urlsplit(os.environ["DATABASE_URL"])
    yield {**around, "DATABASE_URL": urlunsplit(parts._replace(path="/desk_again"))}
    with connection.cursor() as cursor:
        cursor.execute("DROP DATABASE desk_again WITH (FORCE)")


@pytest.fixture
def desk(transactional_db: None, settings: LazySettings) -> Iterator[World]:
    """A desk that worked for twenty minutes: cases, evidence, a connected shop, mails sent and one that waits."""
    settings.CREDENTIALS_KEY = KEY
    seed()
    world = factories.world()
    for _number in range(3):
        factories.case(world.shop, path=3)
    photos.uploaded(world.qc, at=NOON)
    photos.uploaded(world.qc, at=NOON, content=photos.png(colour="blue"))
    shop = Connection(shop=world.shop, app_key="12345")
    shop.keep(secret="secret-of-the-shop")
    shop.save()
    for at in (NOON, REMINDED):
        sweep.run(at=at)
        delivery.run(at=at)
    factories.case(world.shop, path=3, at=SAVED)  # late only when the desk is gone
    archive = settings.VAR_DIR / "archive"
    archive.mkdir(exist_ok=True)
    (archive / "timeline.jsonl.gz").write_bytes(b"what was archived")
    waits = {"kind": "reminded", "to": world.support, "created_at": SAVED, "mail": "queued", "next_try_at": SAVED}
    OutboxMessage.objects.create(key="waits:1", **waits)
    yield world
    shutil.rmtree(archive)


def restore_and_work(folder: Path, around: dict[str, str], *, until: datetime, later: datetime) -> dict[str, Any]:
    command = [sys.executable, "-m", "tests.running.desk_again", str(folder), until.isoformat(), later.isoformat()]
    ended = subprocess.run(command, env=around, cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603
    assert ended.returncode == 0, ended.stderr
    found: dict[str, Any] = json.loads(ended.stdout.splitlines()[-1])
    return found


def test_a_desk_comes_back_whole_and_tells_nobody_twice(
    programs: None, desk: World, nothing: dict[str, str], tmp_path: Path
) -> None:
    """One backup, one restore: rows, files, secrets, page, sweep; then what the desk had told since."""
    folder = backup.make(tmp_path / "backups", at=SAVED)
    saved, content = backup.counted(), hashes()
    highest = OutboxMessage.objects.latest("pk").pk
    # The desk works on until it is lost: none of this is in the backup, all of it has reached people.
    sweep.run(at=LATE)
    told = delivery.run(at=LATE)
    assert told["sent"] > 1
    late = TimelineEntry.objects.filter(kind="late").count()
    assert late == 3

    seen = restore_and_work(folder, nothing, until=LOST, later=LATER)

    listed = json.loads((folder / "backup.json").read_text())
    assert listed["rows"] == saved
    grown = {name for name, count in seen["rows"].items() if count != saved[name]}
    # Caught up in timeline and bell; `migrate` gives the roles what a test database had not.
    assert grown <= {"handoffs_timelineentry", "handoffs_outboxmessage", "auth_group_permissions"}
    assert seen["hashes"] == content
    assert (seen["page"], seen["shows"], seen["secret"]) == (200, True, "secret-of-the-shop")
    assert len(seen["evidence"]) == 2
    assert all(hashlib.sha256(bytes.fromhex(text)).hexdigest() == name for name, text in seen["evidence"].items())
    assert (Path(nothing["VAR_DIR"]) / "archive" / "timeline.jsonl.gz").read_bytes() == b"what was archived"
    # What had come due is done once more, without a word; what comes due later is told.
    assert (seen["waiting"], seen["late"]) == (0, late)
    assert "not told again" in seen["said"]
    assert seen["swept"]["late"] == 1
    assert 0 < seen["delivered"]["sent"] <= len(seen["new"])  # nothing but what is new
    assert seen["mails"] == seen["delivered"]["mails"]
    # Ids stand in the Message-ID of mails that went out after the backup: they are not given out again.
    assert min(seen["new"]) > highest + backup.AHEAD / 2


def test_a_backup_that_is_not_whole_or_does_not_fit_is_refused_before_anything_is_written(
    programs: None, desk: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = StringIO()
    call_command("backup", tmp_path / "backups", stdout=said)
    folder = Path(said.getvalue().strip())
    assert Tick.objects.get(name="backup").totals == {"passes": 1}
    assert not [path for path in folder.rglob("*") if path.is_file() and path.stat().st_mode & 0o077 and
                path.name == "database"]  # fmt: skip
    assert folder.stat().st_mode & 0o777 == 0o700
    backup.read(folder)
    with pytest.raises(CommandError, match="The database is not empty"):
        call_command("restore", folder)
    contents = json.loads((folder / "backup.json").read_text())
    for name, value, why in (
        ("engine", "oracle", "is of oracle"),
        ("migrations", ["handoffs.9999_x"], "newer version"),
    ):
        (folder / "backup.json").write_text(json.dumps({**contents, name: value}))
        with pytest.raises(backup.Unfit, match=why):
            backup.read(folder)
    (folder / "backup.json").write_text(json.dumps(contents))
    photo = next((folder / "attachments").rglob("*.png"))
    photo.write_bytes(photo.read_bytes() + b"x")
    with pytest.raises(backup.Unfit, match=f"missing or changed: attachments/.*{photo.name}"):
        backup.read(folder)
    (folder / "backup.json").unlink()
    with pytest.raises(backup.Unfit, match="no finished backup"):
        backup.read(folder)


def test_without_the_programs_of_the_database_there_is_half_a_backup_under_no_name(
    desk: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_file: Path) -> dict[str, int]:
        raise backup.Unfit("pg_dump is not on the PATH")

    monkeypatch.setattr(backup, "_dump", fail)
    with pytest.raises(CommandError, match="pg_dump is not on the PATH"):
        call_command("backup", tmp_path / "backups")
    assert [path.suffix for path in (tmp_path / "backups").iterdir()] == [".unfinished"]
    assert not Tick.objects.filter(name="backup").exists()  # so that its age goes on


@pytest.fixture
def world(db: None) -> World:
    return factories.world()


def late_and_told(world: World) -> int:
    """Mails that go out for what came due in the half hour before `LOST`."""
    sweep.run(at=LATER)
    return OutboxMessage.objects.filter(mail="queued", created_at__lte=LOST).count()


def test_what_waited_and_what_came_due_is_not_mailed(world: World) -> None:
    factories.case(world.shop, path=3)
    channel = Channel(user=world.support, label="bot", created_at=NOON)
    channel.keep("json://chat.example.test/x", "json")
    channel.save()
    Channel.objects.update(created_at=NOON)
    found = restored.settle(until=LOST)
    assert found.mails > 0
    assert found.posts > 0
    assert not OutboxMessage.objects.filter(mail__in=("queued", "retry", "inflight")).exists()
    assert not ChannelPost.objects.filter(state__in=ChannelPost.WAITING).exists()
    assert TimelineEntry.objects.filter(kind="late").count() == 1
    assert OutboxMessage.objects.filter(kind__in=("late", "escalated"), read_at=None).exists()  # the bell has it
    assert late_and_told(world) == 0


def test_a_desk_that_was_not_told_how_long_the_lost_one_worked_mails_again(world: World) -> None:
    """At least once: without the moment of the loss, what came due since the backup is told, perhaps twice."""
    factories.case(world.shop, path=3)
    restored.settle(until=NOON)
    sweep.run(at=LOST)
    assert OutboxMessage.objects.filter(mail="queued", kind__in=("late", "escalated")).exists()


def test_payments_stand_still_until_a_person_lets_them_go_on(world: World) -> None:
    batch = RefundBatch.objects.create(status="running", by=world.support, at=NOON, lease=NOON, holder="worker-1")
    assert restored.settle(until=LOST).batches == 1
    batch.refresh_from_db()
    assert (batch.status, batch.lease, batch.holder) == ("paused", None, "")
    assert batch.error == restored.WHY


@pytest.mark.parametrize("begun", [True, False], ids=["waited in the backup", "begun since"])
def test_no_parcel_is_stopped_a_second_time(world: World, monkeypatch: pytest.MonkeyPatch, *, begun: bool) -> None:
    """The lost desk asked for it: by itself the new one does not, and the question to people stays open."""
    monkeypatch.setattr(warehousing, "_ask", lambda *_args, **_more: None)
    WarehouseSystem.objects.create(code="wms", shop=world.shop, app_key="123", customer="C1")
    case = factories.case(world.shop, path=1)
    question = case.handoffs.get(kind="stop_parcel")
    if begun:
        assert stopping.offer_to_systems(at=NOON) == 1
    assert restored.settle(until=LOST).stops == 1
    assert warehousing.run(at=LATER) == 0
    made = Interception.objects.get(case=case)
    assert (made.state, made.said, made.sent_at) == ("unknown", restored.WHY, None)
    question.refresh_from_db()
    assert question.is_live
    assert stopping.heard(made.key, {"message": "拦截成功"}, at=LATER)  # what the lost desk began still gets its answer
    made.refresh_from_db()
    assert made.state == "stopped"


def test_secrets_do_not_open_with_another_key(world: World, settings: LazySettings) -> None:
    settings.CREDENTIALS_KEY = KEY
    sealed = vault.seal("secret-of-the-shop")
    settings.CREDENTIALS_KEY = "another-key"
    with pytest.raises(vault.Sealed):
        vault.unseal(sealed)
