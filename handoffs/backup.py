"""Backup and restore: database and evidence as they belong together, with a list by which a restore is checked.

The database comes first: whatever its rows name had been stored before, so the files copied afterwards hold it all, but
for photos of a buyer who is erased at that moment.
"""

import hashlib
import json
import os
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from django.apps import apps
from django.conf import settings
from django.db import connection, models, transaction
from django.db.migrations.loader import MigrationLoader

LIST, DATABASE, ATTACHMENTS, ARCHIVE = "backup.json", "database", "attachments", "archive"
AHEAD = 1_000_000
# Django's name of an option → the variable by which PostgreSQL's own programs know it. Passwords never stand in a
# command line, where the whole machine can read them.
VARIABLES = {"HOST": "PGHOST", "PORT": "PGPORT", "USER": "PGUSER", "PASSWORD": "PGPASSWORD", "NAME": "PGDATABASE"}
OPTIONS = {"sslmode": "PGSSLMODE", "sslrootcert": "PGSSLROOTCERT", "sslcert": "PGSSLCERT", "sslkey": "PGSSLKEY",
           "connect_timeout": "PGCONNECT_TIMEOUT", "target_session_attrs": "PGTARGETSESSIONATTRS"}  # fmt: skip


class Unfit(Exception):
    """Why there is no backup, or why one cannot be restored here."""


@dataclass(frozen=True)
class Contents:
    """What a backup holds: rows by table, files by name, each file's SHA-256, the database's own among them."""

    at: str
    engine: str
    migrations: list[str]
    rows: dict[str, int]
    files: dict[str, str]


def make(into: Path, *, at: datetime, attachments: bool = True) -> Path:
    """A folder of its own in `into`; under its final name only when it is complete."""
    final = into / f"refunddesk-{at:%Y%m%dT%H%M%SZ}"
    draft = final.with_suffix(".unfinished")
    if final.exists():
        raise Unfit(f"{final} is there already.")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(mode=0o700, parents=True)
    rows = _dump(draft / DATABASE)
    for name, folder in folders().items():
        (draft / name).mkdir()
        if folder.is_dir() and (attachments or name != ATTACHMENTS):
            shutil.copytree(folder, draft / name, dirs_exist_ok=True)
    contents = Contents(at.isoformat(), connection.vendor, _applied(), rows, _digests(draft))
    (draft / LIST).write_text(json.dumps(asdict(contents), indent=1, sort_keys=True))
    draft.rename(final)
    return final


def load(folder: Path) -> Contents:
    """Put a backup into an empty database and empty folders. Raises Unfit, before anything is written, if it cannot.

    Numbers given out after the backup stand in mails and addresses, so they are never given out again.
    """
    contents = read(folder)
    if connection.introspection.table_names():
        raise Unfit("The database is not empty. Restore into a new one.")
    for target in folders().values():
        if target.is_dir() and any(target.iterdir()):
            raise Unfit(f"{target} is not empty. Restore into a new folder.")
    _fill(folder / DATABASE)
    for name, target in folders().items():
        shutil.copytree(folder / name, target, dirs_exist_ok=True)
    if (found := counted()) != contents.rows:
        differ = sorted(name for name in {*found, *contents.rows} if found.get(name) != contents.rows.get(name))
        raise Unfit(f"After the restore these tables have other counts: {', '.join(differ)}.")
    _number_on()
    return contents


def folders() -> dict[str, Path]:
    """What stands beside the database: evidence, and what was archived out of it."""
    return {ATTACHMENTS: settings.ATTACHMENT_DIR, ARCHIVE: settings.VAR_DIR / "archive"}


def read(folder: Path) -> Contents:
    """The list of a backup whose files are all there, unchanged, and fit this program."""
    try:
        contents = Contents(**json.loads((folder / LIST).read_text()))
    except (OSError, ValueError, TypeError) as error:
        raise Unfit(f"{folder} is no finished backup.") from error
    if contents.engine != connection.vendor:
        raise Unfit(f"The backup is of {contents.engine}, this desk runs on {connection.vendor}.")
    found = _digests(folder)
    if wrong := sorted(name for name in {*found, *contents.files} if found.get(name) != contents.files.get(name)):
        raise Unfit(f"Files are missing or changed: {', '.join(wrong[:5])}.")
    known = {f"{app}.{name}" for app, name in MigrationLoader(None).disk_migrations}
    if newer := sorted(set(contents.migrations) - known):
        raise Unfit(f"The backup is of a newer version of the program, which knows {newer[0]}.")
    return contents


def counted() -> dict[str, int]:
    """Rows by table, those of libraries included."""
    quote, found = connection.ops.quote_name, {}
    with connection.cursor() as cursor:
        for name in sorted(connection.introspection.table_names(cursor)):
            cursor.execute(f"SELECT count(*) FROM {quote(name)}")  # noqa: S608
            found[name] = int(cursor.fetchone()[0])
    return found


def _applied() -> list[str]:
    return sorted(f"{app}.{name}" for app, name in MigrationLoader(connection).applied_migrations)


def _digests(folder: Path) -> dict[str, str]:
    """By path below the folder; the list itself is left out."""
    found = {}
    for path in sorted(each for each in folder.rglob("*") if each.is_file() and each != folder / LIST):
        with path.open("rb") as file:
            found[path.relative_to(folder).as_posix()] = hashlib.file_digest(file, "sha256").hexdigest()
    return found


# --- the two databases ------------------------------------------------------------------------------------------------


def _dump(file: Path) -> dict[str, int]:
    """Write the database as it is at one moment, while people work on; returns its rows by table."""
    file.touch(mode=0o600)
    if connection.vendor == "sqlite":
        connection.ensure_connection()
        with _opened(file) as copy:
            connection.connection.backup(copy)
            return {name: copy.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0]  # noqa: S608
                    for name in sorted(connection.introspection.table_names())}  # fmt: skip
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            cursor.execute("SELECT pg_export_snapshot()")
            moment = cursor.fetchone()[0]
        _run("pg_dump", "--format=custom", "--no-owner", "--no-privileges", f"--snapshot={moment}", f"--file={file}")
        return counted()


def _fill(file: Path) -> None:
    if connection.vendor == "sqlite":
        connection.ensure_connection()
        with _opened(file) as copy:
            copy.backup(connection.connection)
        return
    name = connection.settings_dict["NAME"]
    _run("pg_restore", "--no-owner", "--no-privileges", "--single-transaction", "--exit-on-error",
         f"--dbname={name}", str(file))  # fmt: skip


@contextmanager
def _opened(file: Path) -> Iterator[sqlite3.Connection]:
    copy = sqlite3.connect(file)
    try:
        yield copy
    finally:
        copy.close()


def _run(program: str, *arguments: str) -> None:
    database: dict[str, Any] = connection.settings_dict
    given = {VARIABLES[name]: str(database[name]) for name in VARIABLES if database.get(name)}
    given |= {OPTIONS[name]: str(value) for name, value in database["OPTIONS"].items() if name in OPTIONS}
    if (found := shutil.which(program)) is None:
        raise Unfit(f"{program} is not on the PATH: install PostgreSQL's client programs, of the server's version.")
    around = {**os.environ, **given}
    ended = subprocess.run([found, *arguments], env=around, capture_output=True, text=True, check=False)  # noqa: S603
    if ended.returncode:
        raise Unfit(f"{program} failed: {ended.stderr.strip()[:500]}")


def _number_on() -> None:
    """Leave a gap in every count of ids, wide enough for what was made after the backup."""
    for label in ("accounts", "handoffs"):
        for model in apps.get_app_config(label).get_models():
            if isinstance(model._meta.pk, models.AutoField | models.BigAutoField):
                _skip(model)


def _skip(model: type[models.Model]) -> None:
    table, last = model._meta.db_table, model._default_manager.aggregate(last=models.Max("pk"))["last"] or 0
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute("DELETE FROM sqlite_sequence WHERE name = %s", [table])
            cursor.execute("INSERT INTO sqlite_sequence (name, seq) VALUES (%s, %s)", [table, last + AHEAD])
        else:
            column = model._meta.pk.column if model._meta.pk else "id"
            cursor.execute("SELECT setval(pg_get_serial_sequence(%s, %s), %s)", [table, column, last + AHEAD])
