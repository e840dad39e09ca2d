"""Two answers for whoever watches the desk: is the process up, and can the desk keep its deadlines."""

import os
from collections.abc import MutableSet
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import DatabaseError, connection
from django.db.migrations.loader import MigrationLoader
from django.http import HttpRequest, JsonResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from redis import Redis, RedisError

from handoffs.models import Tick

SWEEP_AGE_LIMIT = timedelta(seconds=120)
SWEEP_AHEAD_LIMIT = timedelta(seconds=30)  # what the clocks of two machines may differ by
BROKER_PATIENCE: dict[str, Any] = {"socket_connect_timeout": 1, "socket_timeout": 1}
_up_to_date: MutableSet[str] = set()  # databases found to have all that this program needs; that does not change back


class NotReady(Exception):
    """What keeps the desk from working, in words fit for strangers."""


@require_safe
@never_cache
def healthz(_request: HttpRequest) -> JsonResponse:
    """200 as long as the process answers; asks neither database nor broker."""
    return JsonResponse({"status": "ok"})


@require_safe
@never_cache
def readyz(_request: HttpRequest) -> JsonResponse:
    """200 with the age of the last sweep when database, broker and engine work, else 503 with the one reason."""
    try:
        check_database()
        check_migrations()
        check_broker()
        age = sweep_age()
    except NotReady as reason:
        return JsonResponse({"status": "not ready", "reason": str(reason)}, status=503)
    return JsonResponse({"status": "ready", "sweep_age_seconds": int(age.total_seconds())})


def check_database() -> None:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError as error:
        raise NotReady("the database does not answer") from error


def check_migrations() -> None:
    """All that this program needs of the database is there. More of it, by a newer program, is none of its concern."""
    name = str(connection.settings_dict["NAME"])
    if name in _up_to_date:
        return
    try:
        loader = MigrationLoader(connection)
    except DatabaseError as error:
        raise NotReady("the database does not answer") from error
    if set(loader.disk_migrations) - set(loader.applied_migrations):
        raise NotReady("the database is not up to date: run migrate")
    _up_to_date.add(name)


def check_broker() -> None:
    """Redis answers a ping; the file broker's folder can be written to."""
    if not settings.REDIS_URL:
        if not os.access(settings.CELERY_BROKER_TRANSPORT_OPTIONS["data_folder_out"], os.W_OK):
            raise NotReady("the broker does not answer")
        return
    try:
        with Redis.from_url(settings.REDIS_URL, **BROKER_PATIENCE) as client:
            client.ping()
    except RedisError as error:
        raise NotReady("the broker does not answer") from error


def sweep_age() -> timedelta:
    """Time since the last sweep; raises NotReady when there was none, or it is too long ago or yet to come."""
    try:
        last = Tick.objects.filter(name="sweep").values_list("at", flat=True).first()
    except DatabaseError as error:
        raise NotReady("the database does not answer") from error
    if last is None:
        raise NotReady("there was no sweep yet")
    age = timezone.now() - last
    if age > SWEEP_AGE_LIMIT:
        raise NotReady(f"the last sweep is {int(age.total_seconds())} seconds ago")
    if -age > SWEEP_AHEAD_LIMIT:
        raise NotReady(f"the clock was put back: the last sweep is {int(-age.total_seconds())} seconds ahead of it")
    return max(age, timedelta(0))
