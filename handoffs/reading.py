"""What the marketplace tells us by itself or when asked: taken in through the same door as files."""

import logging
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial

from accounts import vault
from accounts.models import Shop
from handoffs import connections
from handoffs.flow import intake
from handoffs.flow.findings import Desk, not_taken
from handoffs.intake import jd_api, top
from handoffs.intake.rows import Reject, Row
from handoffs.marketplaces.base import MarketplaceError, Refused, State
from handoffs.marketplaces.taobao.client import Taobao
from handoffs.marketplaces.taobao.messages import Hint
from handoffs.models import Case, Connection, Finding

OVERLAP = timedelta(minutes=5)  # windows overlap, since changes may appear late (formats.md section 8)
FIRST = timedelta(days=3)
WINDOW = timedelta(hours=6)  # of one pass, so that a long absence is made up for in steps
AT_ONCE = 200
SAME_SECOND = timedelta(seconds=2)
logger = logging.getLogger(__name__)


def take(states: Sequence[State], *, shop: Shop, at: datetime) -> list[intake.Outcome]:
    """Applications as just read, through intake. Older news than what is known changes nothing."""
    origin = intake.Origin(as_of=at, name="marketplace", key=f"read:{shop.pk}:{at.isoformat()}")
    outcomes = list(intake.take(rows_of(states, shop=shop), shop=shop, origin=origin, by=None, at=at))
    _queue_unmapped(states, outcomes, shop, at)
    return outcomes


def _queue_unmapped(states: Sequence[State], outcomes: Sequence[intake.Outcome], shop: Shop, at: datetime) -> None:
    """A status without a meaning, and an application that could not be taken in, each get an owner."""
    desk, reasons = Desk(shop, at), {row.number: row.reason for row in outcomes if row.result == "rejected"}
    for number, state in enumerate(states, start=1):
        if not state.unmapped and number not in reasons:
            continue
        case = Case.objects.filter(shop=shop, refund_id=state.refund_id).select_related("owner").first()
        said = not_taken(reasons[number]) if number in reasons else (case.get_phase_display() if case else "")
        desk.open(Finding.Kind.UNMAPPED, state, case, desk=said)


def hear(connection: Connection, *, at: datetime) -> int:
    """The marketplace's messages, where it sends them, as hints: each refund named is read, then they are confirmed.

    They come at least once and in any order, so nothing but the reading counts. Returns how many refunds were read.
    """
    try:
        client = connections.client_of(connection)
        return _heard(client, connection.shop, at) if isinstance(client, Taobao) else 0
    except (MarketplaceError, vault.Sealed) as error:
        logger.warning("messages of shop %s could not be read: %s", connection.shop.code, error)
        return 0


def _heard(client: Taobao, shop: Shop, at: datetime) -> int:
    hints = client.messages()
    known = dict(Case.objects.filter(shop=shop, refund_id__in={hint.refund_id for hint in hints})
                 .values_list("refund_id", "modified"))  # fmt: skip
    named = list(dict.fromkeys(hint.refund_id for hint in hints if hint.refund_id and not _has(known, hint)))
    for refund_id in named:
        try:
            take([client.read(refund_id)], shop=shop, at=at)
        except Refused:
            # An app's messages are of all its shops; another shop's refund comes with its own pull.
            logger.info("the message about refund %s is not of shop %s", refund_id, shop.code)
    if hints:
        client.confirm([hint.id for hint in hints])
    return len(named)


def _has(known: Mapping[str, datetime | None], hint: Hint) -> bool:
    """Whether the pull has brought what the message is about already; a second change in that second is the pull's."""
    said, kept = hint.modified, known.get(hint.refund_id)
    return said is not None and kept is not None and kept >= said


def rows_of(states: Iterable[State], *, shop: Shop) -> list[Row | Reject]:
    read = jd_api.row if shop.marketplace == Shop.Marketplace.JD else top.row
    return [read(dict(state.raw), number) for number, state in enumerate(states, start=1)]


def pull(connection: Connection, *, at: datetime) -> int:
    """What changed since the last pull, at most a window of it. The cursor moves on only after all of it is stored.

    Windows overlap, and what the one before has brought is not read again: that took a call each, and with five
    minutes of 11.11 in the overlap every pull more time than the last.

    Returns how many applications were read. A failure is kept on the connection, for the supervisor to see.
    """
    begun = connection.pulled_until or at - FIRST
    since, until = begun - OVERLAP, min(begun + WINDOW, at)
    count = 0
    try:
        waiting: list[State] = []
        for state in connections.client_of(connection).pull(since, until, unread=partial(_unread, connection, begun)):
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


def _unread(connection: Connection, begun: datetime, listed: Sequence[State]) -> set[str]:
    """Of what is listed, all that the pull before `begun` cannot have brought as it is now.

    The marketplace's stamps are whole seconds, so what changed just before it was read may have changed once more.
    """
    old = [state for state in listed if state.modified is not None and state.modified <= begun - SAME_SECOND]
    rows = Case.objects.filter(shop=connection.shop, refund_id__in=[state.refund_id for state in old])
    known = set(rows.values_list("refund_id", "modified", "marketplace_status", "amount"))
    as_known = {s.refund_id for s in old if (s.refund_id, s.modified, s.status, s.amount) in known}
    return {state.refund_id for state in listed} - as_known


def _failing(connection: Connection, said: str, *, at: datetime) -> None:
    since = connection.failing_since or at
    Connection.objects.filter(pk=connection.pk).update(pull_error=said[:255], failing_since=since)
