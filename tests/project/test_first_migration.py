"""A new desk's first migration makes what the nine make that it stands for."""

from typing import Any

from django.db.migrations.autodetector import MigrationAutodetector
from django.db.migrations.loader import MigrationLoader

ONE = "0001_squashed_0009_first_at"


def still_to_do(after: str, until: str) -> dict[str, Any]:
    """What a migration of ours would have to change between the models after the one and after the other."""
    loader = MigrationLoader(None, replace_migrations=False)
    before, then = (loader.project_state(("handoffs", name)) for name in (after, until))
    return MigrationAutodetector(before, then).changes(graph=loader.graph)


def test_it_makes_the_same() -> None:
    assert still_to_do("0009_first_at", ONE) == {}
    assert still_to_do("0008_views", ONE) != {}
