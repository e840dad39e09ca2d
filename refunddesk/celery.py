"""The worker's application and its timetable. One beat, anywhere, keeps the desk's clocks."""

import os
from typing import Any

from celery import Celery
from celery.schedules import crontab

SWEEP_SECONDS = 15.0
DELIVER_SECONDS = 15.0
DIGEST_SECONDS = 300.0
PAYMENT_SECONDS = 30.0
PULL_SECONDS = 60.0
TRACK_SECONDS = 30.0

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "refunddesk.settings")

app = Celery("refunddesk")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


def every(task: str, schedule: Any, *, expires: float | None = None) -> dict[str, Any]:
    """A periodic task. A pass nobody took before the next one is due is dropped: the next does its work."""
    return {"task": task, "schedule": schedule, "options": {"expires": expires or schedule}}


app.conf.beat_schedule = {
    "sweep": every("handoffs.tasks.sweep", SWEEP_SECONDS),
    "deliver": every("handoffs.tasks.deliver", DELIVER_SECONDS),
    "payments": every("handoffs.tasks.payments", PAYMENT_SECONDS),
    "track": every("handoffs.tasks.track", TRACK_SECONDS),
    "pull": every("handoffs.tasks.pull", PULL_SECONDS),
    # 3:10 in the morning in China.
    "reconcile": {
        "task": "handoffs.tasks.reconcile",
        "schedule": crontab(hour=19, minute=10),
        "options": {"expires": 3600},
    },
    "digests": every("handoffs.tasks.digests", DIGEST_SECONDS),
}
