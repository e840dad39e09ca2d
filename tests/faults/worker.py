"""The desk's Celery application with a timetable for impatient tests: `celery -A tests.faults.worker worker`.

HARMS names what of `sabotage` is done to it.
"""

import os

import django
from celery.schedules import crontab

from refunddesk.celery import app

IMPATIENT = {"sweep": 0.5, "deliver": 0.5, "pull": 3.0, "payments": 2.0}
for name, entry in app.conf.beat_schedule.items():
    if not isinstance(entry["schedule"], crontab) and name in IMPATIENT:
        entry["schedule"] = entry["options"]["expires"] = IMPATIENT[name]

if os.environ.get("HARMS"):
    from tests.faults.sabotage import harm

    django.setup()
    harm(os.environ["HARMS"].split())

__all__ = ["app"]
