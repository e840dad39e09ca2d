"""Telling chat bots what the bell tells: at least once, one message a channel and pass, silent while it is quiet.

What is told is a row a channel and event, claimed (inflight, attempt counted, next try pushed out) before anything is
sent; so no lock is held while a bot is spoken to, a crash loses nothing, and one bot's outage holds up no other. While
a channel is quiet its rows wait, and come as one message when it is not.
"""

import logging
import time as clock
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts import duty, vault
from accounts.models import Membership
from handoffs import bots, notices
from handoffs.models import Channel, ChannelPost, OutboxMessage, bulk

PASS_SECONDS = 20.0
LOOK_BACK = timedelta(hours=1)  # after an outage the bell serves better than an old chat message
STUCK = timedelta(minutes=5)
BACKOFF = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 15, 60))
ATTEMPTS = 5
LINES = 8
URGENT = ("late", "escalated", "nobody_on_duty")
TEAM_LANGUAGE = "zh-hans"
State = ChannelPost.State
COLUMNS = ("channel", "event", "kind", "case", "data", "created_at", "state", "next_try_at", "attempts", "error")
logger = logging.getLogger(__name__)


@dataclass
class Counts:
    """Messages sent, events they told of, and channels that failed."""

    messages: int = 0
    told: int = 0
    failed: int = 0


def run(*, at: datetime) -> dict[str, Any]:
    """Queue what is new and send what is due. Returns the counts with the time."""
    collect(at=at)
    counts, until = Counts(), clock.monotonic() + PASS_SECONDS
    for channel in _with_news(at):
        if clock.monotonic() > until:
            break
        if not is_quiet(channel, at):
            _tell(channel, counts, at=at)
    return {"at": at.isoformat(), **asdict(counts)}


# Queueing -------------------------------------------------------------------------------------------------------------


def collect(*, at: datetime) -> None:
    """A row for every event of the last hour that a channel has not got yet."""
    own = Channel.objects.filter(active=True, user__is_active=True)
    for channel in [*own, *Channel.objects.filter(active=True, user=None)]:
        rows = [_row(channel, message, at) for message in _news(channel, at)]
        bulk.insert_new(ChannelPost, COLUMNS, list({row[1]: row for row in rows}.values()))


def _news(channel: Channel, at: datetime) -> Iterable[OutboxMessage]:
    since = max(at - LOOK_BACK, channel.created_at)
    rows = OutboxMessage.objects.filter(created_at__gt=since, created_at__lte=at).exclude(kind="digest")
    if channel.urgent_only:
        rows = rows.filter(kind__in=URGENT)
    if channel.user_id is not None:
        rows = rows.filter(to=channel.user_id)
    else:
        team = Membership.objects.in_force(at).filter(role=channel.role, shop=channel.shop_id)
        rows = rows.filter(to__in=team.values("user"), case__shop=channel.shop_id)
    return rows.order_by("pk")


def _row(channel: Channel, message: OutboxMessage, at: datetime) -> tuple[Any, ...]:
    event = message.key.rpartition(":")[0]
    return (channel.pk, event, message.kind, message.case_id, message.data, message.created_at, State.QUEUED.value, at,
            0, "")  # fmt: skip


# Sending --------------------------------------------------------------------------------------------------------------


def due(at: datetime) -> QuerySet[ChannelPost]:
    """The rows to be tried, those that got stuck included."""
    return ChannelPost.objects.filter(state__in=ChannelPost.WAITING, next_try_at__lte=at)


def _with_news(at: datetime) -> list[Channel]:
    waiting = due(at).filter(channel=OuterRef("pk"))
    rows = Channel.objects.filter(Q(user=None) | Q(user__is_active=True), Exists(waiting), active=True)
    return list(rows.select_related("user", "shop").order_by("pk"))


def is_quiet(channel: Channel, at: datetime) -> bool:
    """Whether the channel is to be left alone now: by its hours, or because nobody it belongs to is on duty."""
    zone = channel.user.zone if channel.user else channel.shop.zone if channel.shop else timezone.get_default_timezone()
    local = at.astimezone(zone).time()
    start, end = channel.quiet_from, channel.quiet_to
    if start is not None and end is not None and start != end:
        inside = start <= local < end if start < end else local >= start or local < end
        if inside:
            return True
    return channel.follows_duty and not _on_duty(channel, at)


def _on_duty(channel: Channel, at: datetime) -> bool:
    present = duty.on_duty_ids(at)
    if channel.user_id is not None:
        return channel.user_id in present
    members = Membership.objects.in_force(at).filter(role=channel.role, shop=channel.shop_id)
    return members.filter(user__in=present).exists()


def _tell(channel: Channel, counts: Counts, *, at: datetime) -> None:
    posts = _claimed(channel, at=at)
    if not posts:
        return
    try:
        title, body = written(channel, posts)
        bots.send(channel.address, title, body)
    except vault.Sealed:
        _failed(
            channel, posts, _("The secrets cannot be opened with the key at hand. Enter them again."), counts, at=at
        )
    except bots.BotError as error:
        _failed(channel, posts, error.message, counts, at=at)
    else:
        ids = [post.pk for post in posts]
        ChannelPost.objects.filter(pk__in=ids).update(state=State.SENT, next_try_at=None, error="")
        Channel.objects.filter(pk=channel.pk).update(told_at=at, error="")
        counts.messages, counts.told = counts.messages + 1, counts.told + len(posts)


def _claimed(channel: Channel, *, at: datetime) -> list[ChannelPost]:
    """Take all that is due on a channel; another worker that has it in hand leaves nothing to take."""
    with transaction.atomic():
        rows = due(at).filter(channel=channel).select_related("case__shop").order_by("pk")
        posts = list(rows.select_for_update(of=("self",), skip_locked=True, no_key=True))
        ids = [post.pk for post in posts]
        ChannelPost.objects.filter(pk__in=ids).update(
            state=State.INFLIGHT, attempts=F("attempts") + 1, next_try_at=at + STUCK
        )
    for post in posts:
        post.attempts += 1
    return posts


def _failed(channel: Channel, posts: list[ChannelPost], why: str, counts: Counts, *, at: datetime) -> None:
    logger.warning("chat channel %s: %s", channel.pk, why)
    counts.failed += 1
    Channel.objects.filter(pk=channel.pk).update(error=why[:255])
    for post in posts:
        worn_out = post.attempts >= ATTEMPTS
        state, wait = (State.DEAD, None) if worn_out else (State.RETRY, at + BACKOFF[min(post.attempts, 4) - 1])
        ChannelPost.objects.filter(pk=post.pk).update(state=state, next_try_at=wait, error=why[:255])


def try_again(channel: Channel, *, at: datetime) -> int:
    """By hand: what was given up or waits is tried anew, with all its attempts. Returns how many."""
    rows = channel.posts.filter(Q(state=State.DEAD) | Q(state=State.RETRY))
    return rows.update(state=State.QUEUED, attempts=0, next_try_at=at, error="")


# What it says ---------------------------------------------------------------------------------------------------------


def written(channel: Channel, posts: list[ChannelPost]) -> tuple[str, str]:
    """Title and text of one message about these events: what, which case, the link; nothing of the buyer, no amount."""
    language = channel.user.language if channel.user else TEAM_LANGUAGE
    zone = channel.user.zone if channel.user else channel.shop.zone if channel.shop else None
    with translation.override(language), timezone.override(zone):
        told_of = [
            OutboxMessage(kind=post.kind, case=post.case, data=post.data, created_at=post.created_at) for post in posts
        ]
        told = list(zip(notices.of(told_of), map(_number, posts), strict=True))
        told.sort(key=lambda each: (not each[0].urgent, each[0].at))
        lines = _fitting([f"{notice.title}\n{number} {notice.link}".strip() for notice, number in told[:LINES]])
        if (rest := len(told) - len(lines)) > 0:
            words = ngettext("and %(count)d more under the bell", "and %(count)d more under the bell", rest)
            lines.append(words % {"count": rest})
        title = told[0][0].title if len(told) == 1 else _heading(len(told))
        return f"refunddesk · {title}", "\n\n".join(lines)


def _fitting(lines: list[str]) -> list[str]:
    """As many as the narrowest bot takes, with room for the heading and for how many are left."""
    room = bots.MOST - 250
    taken: list[str] = []
    for line in lines:
        room -= len(line.encode()) + 2
        if taken and room < 0:
            break
        taken.append(line)
    return taken


def _heading(count: int) -> str:
    return ngettext("%(count)d message", "%(count)d messages", count) % {"count": count}


def _number(post: ChannelPost) -> str:
    return f"{post.case.refund_id} · {post.case.shop.name}" if post.case else ""


def test(channel: Channel, *, at: datetime) -> str:
    """Send a test message now, whatever the hours. Returns an empty text, or what went wrong."""
    language = channel.user.language if channel.user else TEAM_LANGUAGE
    with translation.override(language):
        title = "refunddesk"
        body = _("This is a test. Messages of the refund desk will come here.") + f"\n{settings.BASE_URL}"
    try:
        bots.send(channel.address, title, body)
    except vault.Sealed:
        error = _("The secrets cannot be opened with the key at hand. Enter them again.")
    except bots.BotError as failure:
        error = failure.message
    else:
        error = ""
    changed: dict[str, Any] = {"error": error[:255]} if error else {"error": "", "told_at": at}
    Channel.objects.filter(pk=channel.pk).update(**changed)
    return error
