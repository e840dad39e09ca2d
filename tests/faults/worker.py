"""The desk's Celery application with a timetable for impatient tests: `celery -A tests.faults.worker worker`.

HARMS names what of `sabotage` is done to it. CLOCK names a file with the seconds by which this machine's clock is to be
wrong from now on; whoever writes it steps the clock of every process that was started with it.
"""

import os
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import django
import time_machine
from celery.schedules import crontab

from refunddesk.celery import app

IMPATIENT = {"sweep": 0.5, "deliver": 0.5, "pull": 3.0, "payments": 2.0, "imports": 0.5}
LOOK = 0.1
for name, entry in app.conf.beat_schedule.items():
    if not isinstance(entry["schedule"], crontab) and name in IMPATIENT:
        entry["schedule"] = entry["options"]["expires"] = IMPATIENT[name]


def step_with(path: Path) -> None:
    """Step this process's clock by what the file says, as soon as it says something else."""
    said, travel = "", None
    while True:
        if path.exists() and (now_said := path.read_text()) not in ("", said):
            if travel is not None:
                travel.stop()
            said = now_said
            travel = time_machine.travel(datetime.now(tz=UTC) + timedelta(seconds=float(said)), tick=True)
            travel.start()
        threading.Event().wait(LOOK)


if clock := os.environ.get("CLOCK"):
    threading.Thread(target=step_with, args=(Path(clock),), daemon=True).start()

if os.environ.get("HARMS"):
    from tests.faults.sabotage import harm

    django.setup()
    harm(os.environ["HARMS"].split())

__all__ = ["app"]
