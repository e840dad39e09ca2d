"""Delivery: takes the mails that are due out of the outbox and sends them, at least once.

A person gets one mail a pass, whatever happened. A row is claimed (inflight, attempt counted, next try pushed out) in
a short transaction before anything is sent, so no lock is held while the mail server is spoken to and a crash loses
nothing. Refused for certain: tried again with what is new by then. Outcome unknown (cut off, too slow, crashed): the
same rows go out again as the same letter under the same Message-ID, by which a duplicate is known. What makes them one
letter is the moment of their next try, which no other letter of the person has (`_moment`).
"""

import hashlib
import logging
import smtplib
import time
from collections.abc import Collection, Iterable
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.mail import EmailMultiAlternatives, get_connection
from django.core.mail.backends.base import BaseEmailBackend
from django.db import transaction
from django.db.models import F, Min, QuerySet

from accounts.models import User
from handoffs import notices
from handoffs.letters import Letter, read_by, write
from handoffs.models import OutboxMessage

PEOPLE = 10  # a claim is short: what it holds back must be sent before STUCK is over
PASS_SECONDS = 20.0  # a slow mail server must not keep a worker from the sweep
STUCK = timedelta(minutes=5)
BACKOFF = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 15, 60))
ATTEMPTS = 5
SHOWN = 50
Mail = OutboxMessage.Mail
TO_SEND = (Mail.QUEUED, Mail.RETRY, Mail.INFLIGHT)
# The server answered and said no, or was never reached: nothing was delivered.
REFUSED = (smtplib.SMTPResponseException, smtplib.SMTPRecipientsRefused, smtplib.SMTPNotSupportedError)
logger = logging.getLogger(__name__)


@dataclass
class Counts:
    """Mails sent, and outbox rows by what became of them."""

    mails: int = 0
    sent: int = 0
    retried: int = 0
    dead: int = 0


class Unreachable(Exception):
    """The mail server could not be opened: no mail of this pass can go."""


@dataclass
class Group:
    """The rows that go to one person in one letter."""

    to: User
    rows: list[OutboxMessage]

    @property
    def ids(self) -> list[int]:
        return [row.pk for row in self.rows]

    @property
    def dark(self) -> bool:
        """Whether the try before this one ended in the dark: the letter may have arrived."""
        return self.rows[0].mail == Mail.INFLIGHT

    @property
    def worn_out(self) -> bool:
        """Whether every row was tried often enough. A letter is given up whole, or what is left of it is another."""
        return all(row.attempts >= ATTEMPTS for row in self.rows)


def run(*, at: datetime, only: Collection[int] | None = None) -> dict[str, Any]:
    """Send what is due at `at`, or of it only the rows named. Returns the counts with the time."""
    counts, until = Counts(), time.monotonic() + PASS_SECONDS
    try:
        while time.monotonic() < until and (groups := _claim(at, only)):
            _send_all(groups, counts, at, until)
    except Unreachable as error:
        logger.warning("the mail server cannot be reached: %s", error)
    return {"at": at.isoformat(), **asdict(counts)}


def due(at: datetime) -> QuerySet[OutboxMessage]:
    """The rows whose mail is to be tried, those that got stuck included."""
    return OutboxMessage.objects.filter(mail__in=TO_SEND, next_try_at__lte=at)


def resend(ids: Iterable[int], *, at: datetime) -> int:
    """By hand: queue given-up or waiting mails anew, with all their attempts. Returns how many."""
    rows = OutboxMessage.objects.filter(pk__in=list(ids), mail__in=(Mail.DEAD, Mail.RETRY))
    return rows.update(mail=Mail.QUEUED, attempts=0, next_try_at=at, error="")


def _claim(at: datetime, only: Collection[int] | None) -> list[Group]:
    """Take the rows of the people who waited longest; all rows of a person together."""
    wanted = due(at) if only is None else due(at).filter(pk__in=only)
    with transaction.atomic():
        groups = _groups(_locked(wanted))
        worn_out = [pk for group in groups if group.worn_out for pk in group.ids]
        OutboxMessage.objects.filter(pk__in=worn_out).update(mail=Mail.DEAD, next_try_at=None)  # each try crashed
        groups = [group for group in groups if not group.worn_out]
        for group in groups:
            OutboxMessage.objects.filter(pk__in=group.ids).update(
                mail=Mail.INFLIGHT, attempts=F("attempts") + 1, next_try_at=_moment(group, at + STUCK)
            )
            for row in group.rows:
                row.attempts += 1
    return groups


def _locked(wanted: QuerySet[OutboxMessage]) -> list[OutboxMessage]:
    """The person is locked before the rows: two deliverers that locked rows alone could each get half of a letter."""
    people = wanted.values("to").annotate(first=Min("next_try_at")).order_by("first", "to").values_list("to", flat=True)
    free = User.objects.filter(pk__in=list(people[:PEOPLE])).select_for_update(skip_locked=True, no_key=True)
    locked = wanted.filter(to__in=[person.pk for person in free]).select_for_update(of=("self",), no_key=True)
    return list(locked.select_related("to", "case__shop").order_by("created_at", "pk"))


def _groups(rows: Iterable[OutboxMessage]) -> list[Group]:
    """One letter a person; a ready-made letter, and rows whose last try ended in the dark, stay as they were."""
    found: dict[tuple[Any, ...], Group] = {}
    for row in rows:
        ready, dark = "html" in row.data, row.mail == Mail.INFLIGHT
        key = (row.to_id, row.pk if ready else None, row.next_try_at if dark else None)
        found.setdefault(key, Group(row.to, [])).rows.append(row)
    return list(found.values())


def _moment(group: Group, at: datetime) -> datetime:
    """When to try a letter of unknown fate: within the two seconds before `at`, its first row's number as microseconds.

    A row is in one letter, so no two letters of a person share a moment, whichever pass claimed or failed them.
    """
    return at.replace(microsecond=min(group.ids) % 1_000_000) - timedelta(seconds=1)


def _send_all(groups: list[Group], counts: Counts, at: datetime, until: float) -> None:
    """Send over one connection. What the time or the server leaves no room for waits, at no cost of attempts."""
    connection: BaseEmailBackend = get_connection()
    try:
        for number, group in enumerate(groups):
            if time.monotonic() > until:
                _give_back(groups[number:], at)
                return
            try:
                _send(group, connection, counts, at)
            except Unreachable as error:
                _give_back(groups[number + 1 :], at)
                _failed(group, error.__cause__ or error, counts, at, dark=False)
                raise
    finally:
        _close(connection)


def _send(group: Group, connection: BaseEmailBackend, counts: Counts, at: datetime) -> None:
    if not group.to.is_active:
        _mark(group, mail=Mail.NONE, next_try_at=None)
        return
    try:
        mail = _mail(group, connection)
    except Exception as error:
        logger.exception("mail of messages %s could not be written", group.ids)
        _failed(group, error, counts, at, dark=False)
        return
    _open(connection)
    try:
        mail.send()
    except REFUSED as error:
        _close(connection)
        _failed(group, error, counts, at, dark=False)
    except (OSError, smtplib.SMTPException) as error:
        _close(connection)
        _failed(group, error, counts, at, dark=True)
    else:
        _mark(group, mail=Mail.SENT, sent_at=at, next_try_at=None, error="")
        counts.mails += 1
        counts.sent += len(group.rows)


def _open(connection: BaseEmailBackend) -> None:
    try:
        connection.open()
    except (OSError, smtplib.SMTPException) as error:
        _close(connection)
        raise Unreachable(str(error)) from error


def _close(connection: BaseEmailBackend) -> None:
    try:
        connection.close()
    except (OSError, smtplib.SMTPException) as error:
        logger.info("the mail server did not say goodbye: %s", error)


def _mail(group: Group, connection: BaseEmailBackend) -> EmailMultiAlternatives:
    letter = _letter(group)
    headers = {"Message-ID": message_id(group.ids), "Auto-Submitted": "auto-generated"}
    mail = EmailMultiAlternatives(
        letter.subject, letter.text, to=[group.to.email], connection=connection, headers=headers
    )
    mail.attach_alternative(letter.html, "text/html")
    mail.message()  # what cannot be put into a mail shows here, before the server is spoken to
    return mail


def _letter(group: Group) -> Letter:
    ready = group.rows[0].data
    if "html" in ready:
        return Letter(ready["subject"], ready["text"], ready["html"])
    with read_by(group.to):
        return notices_letter(group.rows)


def notices_letter(rows: list[OutboxMessage]) -> Letter:
    """All that happened since the last mail, what is urgent first; call it inside `letters.read_by`."""
    told = sorted(notices.of(rows), key=lambda notice: (not notice.urgent, notice.at))
    subject = told[0].title if len(told) == 1 else f"({len(told)}) {told[0].title}"
    return write("notices", subject, {"notices": told[:SHOWN], "more": max(len(told) - SHOWN, 0)})


def message_id(ids: Iterable[int]) -> str:
    """The same for the same rows, so that a letter that went out twice can be told."""
    digest = hashlib.sha256(",".join(map(str, sorted(ids))).encode()).hexdigest()[:32]
    return f"<{digest}@{urlsplit(settings.BASE_URL).hostname}>"


def _mark(group: Group, **values: Any) -> None:
    """Write what became of rows that are still ours to mark."""
    OutboxMessage.objects.filter(pk__in=group.ids, mail=Mail.INFLIGHT).update(**values)


def _failed(group: Group, error: BaseException, counts: Counts, at: datetime, *, dark: bool) -> None:
    """Try again after 1, 5, 15 and 60 minutes; after the fifth attempt give up and keep the error for people to see."""
    said = f"{type(error).__name__}: {error}"[:255]
    dark = dark or group.dark  # what may have arrived once stays that letter, whatever the server says the next time
    over = [row for row in group.rows if (group.worn_out if dark else row.attempts >= ATTEMPTS)]
    again = [row for row in group.rows if row not in over]
    if over:
        _mark(Group(group.to, over), mail=Mail.DEAD, next_try_at=None, error=said)
        logger.error("mail of messages %s is given up: %s", [row.pk for row in over], said)
    if again:
        wait = at + BACKOFF[min(row.attempts for row in again) - 1]
        when = {"next_try_at": _moment(group, wait)} if dark else {"next_try_at": wait, "mail": Mail.RETRY}
        _mark(Group(group.to, again), error=said, **when)
    counts.dead += len(over)
    counts.retried += len(again)


def _give_back(groups: list[Group], at: datetime) -> None:
    """Groups that were claimed and not tried: as they were, soon again, the attempt not counted."""
    soon = at + BACKOFF[0]
    for group in groups:
        again = _moment(group, soon) if group.dark else soon
        _mark(group, mail=group.rows[0].mail, attempts=F("attempts") - 1, next_try_at=again)
