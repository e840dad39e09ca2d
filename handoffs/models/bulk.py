"""Many rows in one statement. PostgreSQL takes them as COPY or as one JSON value, which costs a fraction of what the
ORM needs to write a statement for them; elsewhere the ORM's bulk calls do the same.

Rows are sequences in the order of the columns; foreign keys are given as ids, JSON as what it stands for.
"""
# ruff: noqa: S608  the statements are written from names of tables and columns, never from values

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from django.db import connection, models

from handoffs.models.rewrite import BATCH

Row = Sequence[Any]


@contextmanager
def unawaited() -> Iterator[None]:
    """Inside, statements are sent one after another and nobody waits for them: while the database writes, the next rows
    are made. What fails raises at the latest at the end. Only for `update` and `insert_new`, which read nothing.
    """
    if connection.vendor != "postgresql":
        yield
        return
    connection.ensure_connection()
    with connection.wrap_database_errors, connection.connection.pipeline():
        yield


def create(instances: Sequence[models.Model]) -> None:
    """Store new instances of one model and give them their keys, as `bulk_create` does."""
    if not _at_once(instances):
        if instances:
            type(instances[0])._default_manager.bulk_create(instances, batch_size=BATCH)
        return
    model = type(instances[0])
    fields = [field for field in model._meta.concrete_fields if not field.generated]
    _take_keys_of_relations(fields, instances)
    _draw_keys(model, [instance for instance in instances if instance.pk is None])
    _copy(model, fields, [[getattr(instance, field.attname) for field in fields] for instance in instances])
    for instance in instances:
        instance._state.adding, instance._state.db = False, connection.alias


def create_new(instances: Sequence[models.Model]) -> None:
    """Store those instances that no unique constraint stands against; none of them learns its key."""
    if instances:
        model = type(instances[0])
        fields = [field for field in model._meta.concrete_fields if not field.primary_key]
        _take_keys_of_relations(fields, instances)
        rows = [[getattr(instance, field.attname) for field in fields] for instance in instances]
        insert_new(model, [field.name for field in fields], rows)


def insert_new(model: type[models.Model], columns: Sequence[str], rows: Sequence[Row]) -> None:
    """Add those rows that no unique constraint stands against."""
    if not _at_once(rows):
        made = _instances(model, columns, rows)
        model._default_manager.bulk_create(made, batch_size=BATCH, ignore_conflicts=True)
        return
    fields = _fields(model, columns)
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {_table(model)} ({_named(fields)}) SELECT * FROM {_records(fields)} ON CONFLICT DO NOTHING",
            [_as_json(fields, rows)],
        )


def update(model: type[models.Model], columns: Sequence[str], rows: Sequence[Row]) -> None:
    """Write columns of rows that exist; the first of each row is its key."""
    fields = _fields(model, columns)
    key, *others = fields
    with connection.cursor() as cursor:
        if _at_once(rows):
            written = ", ".join(f"{_quote(field.column)} = v.{_quote(field.column)}" for field in others)
            cursor.execute(
                f"UPDATE {_table(model)} t SET {written} FROM {_records(fields)} "
                f"WHERE t.{_quote(key.column)} = v.{_quote(key.column)}",
                [_as_json(fields, rows)],
            )
        elif rows:
            written = ", ".join(f"{_quote(field.column)} = %s" for field in others)
            statement = f"UPDATE {_table(model)} SET {written} WHERE {_quote(key.column)} = %s"
            pairs = [zip(fields, row, strict=True) for row in rows]
            told = [[field.get_db_prep_save(value, connection) for field, value in row] for row in pairs]
            cursor.executemany(statement, [[*row[1:], row[0]] for row in told])


def _at_once(rows: Sequence[Any]) -> bool:
    return bool(rows) and connection.vendor == "postgresql"


def _copy(model: type[models.Model], fields: Sequence[Any], rows: Sequence[Row]) -> None:
    statement = f"COPY {_table(model)} ({_named(fields)}) FROM STDIN"
    with connection.wrap_database_errors, connection.cursor() as cursor, cursor.copy(statement) as copy:
        for row in _told(fields, rows):
            copy.write_row(row)


def _take_keys_of_relations(fields: Sequence[Any], instances: Sequence[models.Model]) -> None:
    """What an instance was made with may have got its key since."""
    for field in (field for field in fields if field.is_relation):
        for instance in instances:
            if getattr(instance, field.attname) is None and field.is_cached(instance):
                related = field.get_cached_value(instance)
                setattr(instance, field.attname, related and related.pk)


def _draw_keys(model: type[models.Model], instances: Sequence[models.Model]) -> None:
    if not instances:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT nextval(pg_get_serial_sequence(%s, %s)) FROM generate_series(1, %s)",
            [_table(model), _fields(model, ["id"])[0].column, len(instances)],
        )
        for instance, (number,) in zip(instances, cursor.fetchall(), strict=True):
            instance.pk = number


def _fields(model: type[models.Model], columns: Sequence[str]) -> list[Any]:
    return [model._meta.get_field(name) for name in columns]


def _instances(model: type[models.Model], columns: Sequence[str], rows: Sequence[Row]) -> list[models.Model]:
    names = [field.attname for field in _fields(model, columns)]
    return [model(**dict(zip(names, row, strict=True))) for row in rows]


def _told(fields: Sequence[Any], rows: Sequence[Row]) -> Sequence[Row]:
    """The rows as the database takes them: JSON as its text."""
    places = {place for place, field in enumerate(fields) if isinstance(field, models.JSONField)}
    if not places:
        return rows
    return [[json.dumps(v) if place in places else v for place, v in enumerate(row)] for row in rows]


def _as_json(fields: Sequence[Any], rows: Sequence[Row]) -> str:
    """All rows as one value: it is quicker to be written and read than an array a column."""
    names = [field.column for field in fields]
    return json.dumps([dict(zip(names, row, strict=True)) for row in rows], default=str)


def _records(fields: Sequence[Any]) -> str:
    types = [(field.target_field if field.is_relation else field).db_type(connection) for field in fields]
    named = ", ".join(f"{_quote(field.column)} {name}" for field, name in zip(fields, types, strict=True))
    return f"json_to_recordset(%s::json) AS v ({named})"


def _named(fields: Sequence[Any]) -> str:
    return ", ".join(_quote(field.column) for field in fields)


def _table(model: type[models.Model]) -> str:
    return _quote(model._meta.db_table)


def _quote(name: str) -> str:
    return connection.ops.quote_name(name)
