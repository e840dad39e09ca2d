"""The desk's Celery application with a timetable for impatient tests: `celery -A tests.faults.worker worker`."""

from celery.schedules import crontab

from refunddesk.celery import app

for name, entry in app.conf.beat_schedule.items():
    if not isinstance(entry["schedule"], crontab) and name in ("sweep", "deliver"):
        entry["schedule"] = entry["options"]["expires"] = 0.5

__all__ = ["app"]
