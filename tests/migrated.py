"""The database as the migrations make it, kept in a file and copied: to migrate takes far longer."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
from django.db import connection

from tests import services

ROOT = Path(__file__).parents[1]


def fill(folder: Path, database: str) -> bool:
    """Fill an empty database (a path of SQLite, a URL of PostgreSQL) from what is kept; whether something is."""
    kept = _file(folder, database)
    if not kept.exists():
        return False
    if _is_url(database):
        _program("pg_restore", "--no-owner", "--dbname", database, str(kept))
    else:
        shutil.copy(kept, database)
    return True


def keep(folder: Path, database: str) -> None:
    """Keep what the migrations made of it. Of SQLite, that is what the open connection sees."""
    with _whole(_file(folder, database)) as file:
        if _is_url(database):
            _program("pg_dump", "--format=custom", "--file", str(file), "--dbname", database)
            return
        with connection.cursor() as cursor:
            cursor.execute("VACUUM INTO %s", [str(file)])


def _file(folder: Path, database: str) -> Path:
    """Named after all that has a say in it, so that what is kept never outlives a change."""
    read = sorted(path for app in ("accounts", "handoffs") for path in ROOT.glob(f"{app}/migrations/*.py"))
    said = b"".join(path.read_bytes() for path in (*read, ROOT / "requirements.txt"))
    engine = "sqlite3"
    if _is_url(database):
        with psycopg.connect(database) as server:
            engine = f"postgresql{server.info.server_version}"
    return folder / f"{sha256(said).hexdigest()}.{engine}"


def _is_url(database: str) -> bool:
    return bool(urlsplit(database).scheme)


def _program(*command: str) -> None:
    around = {**os.environ, **services.client_programs()}
    subprocess.run(command, env=around, check=True, capture_output=True)  # noqa: S603


@contextmanager
def _whole(file: Path) -> Iterator[Path]:
    """A path to write to that becomes the file when all is written: two workers may keep at the same moment."""
    half = file.with_suffix(f".{os.getpid()}")
    yield half
    half.replace(file)
