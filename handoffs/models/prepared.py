"""Statements of the desk's own that PostgreSQL plans once a connection, not at every call."""

import re
from pathlib import Path
from typing import Any

import psycopg
from django.db import connection
from psycopg.rows import dict_row

NAMED = re.compile(r"%\((\w+)\)s")


class Statement:
    """One such statement, out of a file; its values are named as in `%(by)s`."""

    def __init__(self, path: Path) -> None:
        written = path.read_text(encoding="utf-8")
        self.names = list(dict.fromkeys(NAMED.findall(written)))
        self.text = NAMED.sub(lambda found: f"${self.names.index(found[1]) + 1}", written).encode()

    def rows(self, **given: Any) -> list[dict[str, Any]]:
        """What it gives. Values travel beside the text, so that it is the same statement at every call."""
        connection.ensure_connection()
        raw = connection.connection
        if raw.prepare_threshold is None:  # what Django's own cursors send is never prepared, whatever stands here
            raw.prepare_threshold = 0
        with connection.wrap_database_errors, psycopg.RawCursor(raw, row_factory=dict_row) as cursor:
            return cursor.execute(self.text, [given[name] for name in self.names], prepare=True).fetchall()
