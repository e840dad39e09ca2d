"""Many changed rows in one statement."""

from collections.abc import Sequence

from django.db import models

BATCH = 500


def rewrite(rows: Sequence[models.Model], columns: Sequence[str]) -> None:
    """Write these columns of rows that exist and are locked.

    An upsert that always meets its row: the statement grows by one line a row, where bulk_update grows by one condition
    a row and column and takes four times as long to be built.
    """
    if rows:
        manager = type(rows[0])._default_manager
        manager.bulk_create(rows, BATCH, update_conflicts=True, unique_fields=["pk"], update_fields=columns)
