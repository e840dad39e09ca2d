"""What the marketplace tells us by itself or when asked: taken in through the same door as files."""

import logging
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from accounts import vault
from accounts.models import Shop
from handoffs import connections
from handoffs.flow import intake
from handoffs.intake import jd_api, top
from handoffs.intake.rows import Reject, Row
from handoffs.marketplaces.base import MarketplaceError, State
from handoffs.models import Connection

OVERLAP = timedelta(minutes=5)  # windows overlap, since changes may appear late (formats.md section 8)
FIRST = timedelta(days=3)
WINDOW = timedelta(hours=6)  # of one pass, so that a long absence is made up for in steps
AT_ONCE = 200
logger = logging.getLogger(__name__)


def take(states: Sequence[State], *, shop: Shop, at: datetime) -> list[intake.Outcome]:
    """Applications as just read, through intake. Older news than what is known changes nothing."""
    origin = intake.Origin(as_of=at, name="marketplace", key=f"read:{shop.pk}:{at.isoformat()}")
    return list(intake.take(rows_of(states, shop=shop), shop=shop, origin=origin, by=None, at=at))


def rows_of(states: Iterable[State], *, shop: Shop) -> list[Row | Reject]:
    read = jd_api.row if shop.marketplace == Shop.Marketplace.JD else top.row
    return [read(dict(state.raw), number) for number, state in enumerate(states, start=1)]


def pull(connection: Connection, *, at: datetime) -> int:
    """What changed since the last pull, at most a window of it. The cursor moves on only after all of it is stored.

    Returns how many applications were read. A failure is kept on the connection, for the supervisor to see.
    """
    begun = connection.pulled_until or at - FIRST
    since, until = begun - OVERLAP, min(begun + WINDOW, at)
    count = 0
    try:
        waiting: list[State] = []
        for state in connections.client_of(connection).pull(since, until):
            waiting.append(state)
            count += 1
            if len(waiting) >= AT_ONCE:
                take(waiting, shop=connection.shop, at=at)
                waiting = []
        take(waiting, shop=connection.shop, at=at)
    except (MarketplaceError, vault.Sealed) as error:
        logger.warning("shop %s could not be read: %s", connection.shop.code, error)
        _failing(connection, str(error) or type(error).__name__, at=at)
        return count
    changes = {"pulled_until": until, "pull_error": "", "failing_since": None}
    Connection.objects.filter(pk=connection.pk).update(**changes)
    return count


def _failing(connection: Connection, said: str, *, at: datetime) -> None:
    since = connection.failing_since or at
    Connection.objects.filter(pk=connection.pk).update(pull_error=said[:255], failing_since=since)
