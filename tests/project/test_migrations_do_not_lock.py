"""Migrations from the next one on stop nobody from writing: no index made under a lock, no big table rewritten."""

import re
from collections.abc import Callable, Iterator

import pytest
from django.db import connection
from django.db.migrations.loader import MigrationLoader

# The tables that grow with the applications.
BIG = (
    "case|casesource|clock|pause|handoff|timelineentry|outboxmessage|parcel|parcelevent|decision|"
    "refundorder|response|attachment"
)
# What was there before anybody had a million cases; they are not run under load again.
LANDED = {"accounts": "0004", "handoffs": "0012"}
TABLE = rf'"handoffs_({BIG})"'
WRONG = {
    "an index under a lock: use handoffs/migrations/_unlocked.py": (
        rf"CREATE (UNIQUE )?INDEX (?!CONCURRENTLY).* ON {TABLE}"
    ),
    "an index dropped under a lock: use handoffs/migrations/_unlocked.py": r"DROP INDEX (?!CONCURRENTLY)",
    "a table rewritten": rf"ALTER TABLE {TABLE} ALTER COLUMN .* TYPE ",
    "every row read under a lock": rf"ALTER TABLE {TABLE} ALTER COLUMN .* SET NOT NULL",
    "a constraint checked under a lock: add it NOT VALID": (
        rf"ALTER TABLE {TABLE} ADD CONSTRAINT (?!.*(NOT VALID|DEFERRABLE))"
    ),
    "a default computed for every row": rf"ALTER TABLE {TABLE} ADD COLUMN .* DEFAULT \(?[a-z_]+\(",
}


def faults_of(statements: list[str]) -> Iterator[str]:
    for statement in statements:
        for why, pattern in WRONG.items():
            if re.search(pattern, statement):
                yield f"{why}: {statement}"


on_postgresql = pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite locks the whole file anyway")


def found_in(app: str, wanted: Callable[[str], bool]) -> list[str]:
    loader = MigrationLoader(connection, replace_migrations=False)
    plan = [(node, loader.graph.nodes[node]) for node in loader.graph.nodes if node[0] == app and wanted(node[1][:4])]
    return [f"{node[1]}: {fault}" for node, one in plan for fault in faults_of(loader.collect_sql([(one, False)]))]


@on_postgresql
@pytest.mark.django_db
@pytest.mark.parametrize(("app", "landed"), LANDED.items())
def test_new_migrations_do_not_lock(app: str, landed: str) -> None:
    assert found_in(app, lambda number: number > landed) == []


@on_postgresql
@pytest.mark.django_db
@pytest.mark.slow
def test_the_first_migrations_of_goods_would_be_found() -> None:
    """The control: the check sees what it is for in migrations that are known to lock."""
    assert found_in("handoffs", lambda number: "0003" <= number <= "0004")


@pytest.mark.django_db
def test_the_big_tables_are_there() -> None:
    assert {f"handoffs_{name}" for name in BIG.split("|")} <= set(connection.introspection.table_names())


@pytest.mark.parametrize(
    "statement",
    [
        'CREATE INDEX "x" ON "handoffs_case" ("shop_id");',
        'CREATE UNIQUE INDEX "x" ON "handoffs_clock" ("case_id");',
        'DROP INDEX IF EXISTS "x";',
        'ALTER TABLE "handoffs_case" ALTER COLUMN "amount" TYPE numeric(12, 2) USING "amount"::numeric(12, 2);',
        'ALTER TABLE "handoffs_case" ALTER COLUMN "path" SET NOT NULL;',
        'ALTER TABLE "handoffs_case" ADD CONSTRAINT "x" CHECK ("amount" > 0);',
        'ALTER TABLE "handoffs_case" ADD COLUMN "x" timestamp with time zone DEFAULT (clock_timestamp()) NOT NULL;',
    ],
)
def test_what_locks_is_found(statement: str) -> None:
    assert list(faults_of([statement]))


@pytest.mark.parametrize(
    "statement",
    [
        'CREATE INDEX CONCURRENTLY "x" ON "handoffs_case" ("shop_id");',
        'DROP INDEX CONCURRENTLY IF EXISTS "x";',
        'CREATE INDEX "x" ON "handoffs_somethingnew" ("shop_id");',
        'ALTER TABLE "handoffs_case" ADD COLUMN "x" varchar(12) DEFAULT \'\' NOT NULL;',
        'ALTER TABLE "handoffs_case" ADD COLUMN "x" timestamp with time zone NULL;',
    ],
)
def test_what_does_not_lock_passes(statement: str) -> None:
    assert not list(faults_of([statement]))
