"""The worker's timetable keeps the clocks, and a pass nobody took in time does not pile up."""

import pytest
from celery.schedules import crontab

from refunddesk.celery import app

ENTRIES = sorted(app.conf.beat_schedule.items())


def test_the_clocks_are_swept_and_mails_delivered_every_fifteen_seconds() -> None:
    assert {name: entry["schedule"] for name, entry in ENTRIES} == {
        "sweep": 15.0, "deliver": 15.0, "notify": 15.0, "payments": 30.0, "pull": 60.0, "track": 30.0, "digests": 300.0,
        "reconcile": crontab(hour=19, minute=10), "archive": crontab(hour=18, minute=40),
    }  # fmt: skip


@pytest.mark.parametrize(("name", "entry"), ENTRIES)
def test_an_entry_names_a_task_there_is_and_is_dropped_when_the_next_is_due(name: str, entry: dict) -> None:
    app.loader.import_default_modules()
    assert entry["task"] == f"handoffs.tasks.{name}"
    assert entry["task"] in app.tasks
    between = entry["schedule"] if isinstance(entry["schedule"], float) else 24 * 3600.0
    assert 0 < entry["options"]["expires"] <= between


def test_a_task_whose_worker_dies_is_taken_again_and_keeps_no_result() -> None:
    assert app.conf.task_acks_late is True
    assert app.conf.task_ignore_result is True
    assert app.conf.worker_prefetch_multiplier == 1
