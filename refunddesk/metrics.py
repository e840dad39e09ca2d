"""`/metrics` for Prometheus. For the monitor alone: by its token, or from this machine where none is set."""

import ipaddress
import logging
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from django.conf import settings
from django.core.cache import cache
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.crypto import constant_time_compare
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from redis import Redis, RedisError

from accounts import kept
from handoffs import figures
from refunddesk.health import BROKER_PATIENCE
from refunddesk.requests import FAILED

PREFIX = "refunddesk_"
TEXT = "text/plain; version=0.0.4; charset=utf-8"
KEPT_SECONDS = 5
CACHED = "metrics"
# What a proxy adds: with any of these the caller is not on this machine, whatever the address says.
FORWARDED = ("HTTP_X_FORWARDED_FOR", "HTTP_X_FORWARDED_PROTO", "HTTP_FORWARDED", "HTTP_X_REAL_IP", "HTTP_VIA")
logger = logging.getLogger(__name__)


class Desk(Collector):
    """The desk's figures as Prometheus takes them."""

    def collect(self) -> Iterator[Metric]:
        for figure in figures.read(at=timezone.now()):
            family = CounterMetricFamily if figure.grows else GaugeMetricFamily
            metric = family(PREFIX + figure.name, figure.about, labels=figure.labels)
            for labels, value in figure.values:
                metric.add_metric(labels, value)
            yield metric
        yield from broker()
        yield from answers()


def broker() -> Iterator[Metric]:
    """Tasks that no worker has taken yet, where the broker answers."""
    waiting = _tasks_waiting()
    yield GaugeMetricFamily(f"{PREFIX}broker_up", "Whether the broker answers", value=waiting is not None)
    if waiting is not None:
        yield GaugeMetricFamily(f"{PREFIX}tasks_waiting", "Tasks that no worker has taken yet", value=waiting)


def answers() -> Iterator[Metric]:
    """Requests that ended in a fault of the desk, where the cache that counts them answers."""
    with suppress(*kept.AWAY):
        failed = cache.get(FAILED, 0)  # a 0 for "not known" would look like as many new ones as there are afterwards
        about = "Requests answered with 500 or more, but for those of whoever watches"
        yield CounterMetricFamily(f"{PREFIX}answers_failed", about, value=failed)


def _tasks_waiting() -> int | None:
    """None when the broker does not answer."""
    try:
        if not settings.REDIS_URL:
            folder = Path(settings.CELERY_BROKER_TRANSPORT_OPTIONS["data_folder_out"])
            return sum(1 for _file in folder.iterdir())
        with Redis.from_url(settings.REDIS_URL, **BROKER_PATIENCE) as client:
            return int(client.llen("celery"))
    except (RedisError, OSError):
        return None


def allowed(request: HttpRequest) -> bool:
    """The bearer of the token; without a token, a caller on this machine that no proxy speaks for."""
    if settings.METRICS_TOKEN:
        scheme, _blank, given = request.headers.get("Authorization", "").partition(" ")
        return scheme.lower() == "bearer" and constant_time_compare(given.strip(), settings.METRICS_TOKEN)
    if any(request.META.get(header) for header in FORWARDED):
        return False
    try:
        return ipaddress.ip_address(request.META.get("REMOTE_ADDR", "")).is_loopback
    except ValueError:
        return False


@require_safe
@never_cache
def metrics(request: HttpRequest) -> HttpResponse:
    """The figures, at most five seconds old; 403 for strangers, 503 when the database does not answer."""
    if not allowed(request):
        return HttpResponse("not allowed\n", status=403, content_type="text/plain")
    try:
        return HttpResponse(_text(), content_type=TEXT)
    except DatabaseError:
        logger.warning("the figures cannot be read: the database does not answer")
        return HttpResponse("the database does not answer\n", status=503, content_type="text/plain")


def _text() -> bytes:
    if (text := kept.get(CACHED)) is None:
        text = _read()
        kept.keep(CACHED, text, KEPT_SECONDS)
    return bytes(text)


def _read() -> bytes:
    registry = CollectorRegistry(auto_describe=False)
    registry.register(Desk())
    return generate_latest(registry)
