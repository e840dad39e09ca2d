"""The worker's application and its timetable. One beat, anywhere, keeps the desk's clocks."""

import logging
import os
from contextlib import ExitStack
from logging.config import dictConfig
from time import perf_counter
from typing import Any

from celery import Celery, signals
from celery.app.task import Task
from celery.schedules import crontab

from accounts import trail
from refunddesk import collector

SWEEP_SECONDS = 15.0
DELIVER_SECONDS = 15.0
DIGEST_SECONDS = 300.0
NOTIFY_SECONDS = 15.0
PAYMENT_SECONDS = 30.0
IMPORT_SECONDS = 30.0
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
    "notify": every("handoffs.tasks.notify", NOTIFY_SECONDS),
    "payments": every("handoffs.tasks.payments", PAYMENT_SECONDS),
    "imports": every("handoffs.tasks.imports", IMPORT_SECONDS),
    "track": every("handoffs.tasks.track", TRACK_SECONDS),
    "pull": every("handoffs.tasks.pull", PULL_SECONDS),
    # 3:10 in the morning in China.
    "reconcile": {
        "task": "handoffs.tasks.reconcile",
        "schedule": crontab(hour=19, minute=10),
        "options": {"expires": 3600},
    },
    # 2:40 in the morning in China.
    "archive": {
        "task": "handoffs.tasks.archive",
        "schedule": crontab(hour=18, minute=40),
        "options": {"expires": 3600},
    },
    "digests": every("handoffs.tasks.digests", DIGEST_SECONDS),
}

# --- log lines --------------------------------------------------------------------------------------------------------
logger = logging.getLogger("refunddesk.tasks")


def _log_like_the_rest(**_signal: Any) -> None:
    """Worker and beat write their lines where and how the desk writes its own; LOG_LEVEL says how many."""
    from django.conf import settings

    dictConfig(settings.LOGGING)


def _hand_on_the_request(headers: dict[str, Any], **_signal: Any) -> None:
    """A task that a request asks for carries the request's number."""
    if number := trail.known().get("request_id"):
        headers["request_id"] = number


def _begin(task: Task, task_id: str, **_signal: Any) -> None:
    about = {"task": task.name, "task_id": task_id}
    if number := task.request.get("request_id") or (task.request.headers or {}).get("request_id"):
        about["request_id"] = number
    stack = ExitStack()
    stack.enter_context(trail.about(**about))
    task.request.update(desk_trail=stack, desk_begun=perf_counter())


def _end(task: Task, state: str, **_signal: Any) -> None:
    """A line for what a person asked for; passes of the timetable, which never end, are told by the figures."""
    begun, stack = task.request.get("desk_begun"), task.request.get("desk_trail")
    if begun is None or stack is None:
        return
    asked = "request_id" in trail.known()
    told = {"status": state, "ms": round((perf_counter() - begun) * 1000, 1)}
    logger.log(logging.INFO if asked else logging.DEBUG, "%(status)s", told, extra=told)
    stack.close()


def _settle(**_signal: Any) -> None:
    """Before the pool forks, so that its processes share what is loaded."""
    collector.settle()


signals.worker_init.connect(_settle, weak=False)
signals.setup_logging.connect(_log_like_the_rest, weak=False)
signals.before_task_publish.connect(_hand_on_the_request, weak=False)
signals.task_prerun.connect(_begin, weak=False)
signals.task_postrun.connect(_end, weak=False)
