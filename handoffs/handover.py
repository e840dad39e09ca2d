"""The shift hand-over: when somebody's duty ends, whoever follows hears what is open with them and when it is due.

Once a shift and follower: the outbox row's unique key is `handover:{shift}:{person}`. Nothing open, no note: silence.
A break shorter than `BREAK` is no end of a shift.
"""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Q
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts import duty
from accounts.models import DutyShift, User
from handoffs import letters, notices, permissions
from handoffs.models import Case, Clock, Handoff, OutboxMessage
from handoffs.models.clock import ClockKind
from handoffs.outbox import Message, put

BREAK = timedelta(minutes=10)
LATEST = timedelta(hours=3)  # after an outage an old hand-over helps nobody
NEXT = timedelta(hours=8)
SHOWN = 40
PROMISES = (ClockKind.RETURN_PROMISED, ClockKind.BUYER_EDIT, ClockKind.RETURN_NUMBER, ClockKind.CLAIM)


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that is open with the person who leaves."""

    when: str
    what: str
    about: str
    link: str
    late: bool


@dataclass
class Open:
    """What a person leaves behind, by urgency; `rest` are open cases without a deadline before long."""

    late: list[Line] = field(default_factory=list)
    soon: list[Line] = field(default_factory=list)
    promised: list[Line] = field(default_factory=list)
    rest: int = 0

    @property
    def count(self) -> int:
        return len(self.late) + len(self.soon) + len(self.promised) + self.rest

    @property
    def sections(self) -> list[tuple[str, list[Line]]]:
        titled = ((_("Late already"), self.late), (_("Due in the next eight hours"), self.soon),
                  (_("Promised"), self.promised))  # fmt: skip
        return [(title, lines[:SHOWN]) for title, lines in titled if lines]


def left_by(user: User, *, seen_by: User, shops: Collection[int], at: datetime) -> Open:
    """What is open with a person in these shops, as far as another may see it; labels in the active language."""
    visible = permissions.visible_cases(seen_by).filter(shop__in=shops)
    held = Q(handoff__assignee=user, handoff__status__in=Handoff.LIVE) | Q(handoff=None, case__owner=user)
    clocks = Clock.objects.filter(held, ended_at=None, due_at__isnull=False, case__in=visible).order_by("due_at", "pk")
    found, listed = Open(), set[int]()
    for clock in clocks.select_related("case__shop", "handoff"):
        if clock.due_at is None or clock.case_id in listed and clock.handoff_id is None:
            continue
        promise = clock.kind in PROMISES
        if clock.due_at > at + NEXT and not promise:
            continue
        bucket = found.late if clock.due_at <= at else found.promised if promise else found.soon
        bucket.append(_line(clock, late=clock.due_at <= at))
        listed.add(clock.case_id)
    owned = visible.filter(owner=user).exclude(status=Case.Status.CLOSED)
    found.rest = owned.exclude(pk__in=listed).count()
    return found


def _line(clock: Clock, *, late: bool) -> Line:
    case = clock.case
    what = clock.handoff.get_kind_display() if clock.handoff else clock.get_kind_display()
    about = " · ".join(part for part in (case.refund_id, case.title, case.shop.name) if part)
    when = notices.when(clock.due_at) if clock.due_at else "–"
    return Line(when, str(what), about, letters.link(notices.case_path(case.pk)), late)


def letter(shift: DutyShift, reader: User, shops: Collection[int], *, at: datetime) -> letters.Letter | None:
    """The hand-over as one follower reads it; None when there is nothing to say."""
    with letters.read_by(reader):
        found = left_by(shift.user, seen_by=reader, shops=shops, at=at)
        if not found.count and not shift.note.strip():
            return None
        words = ngettext("%(name)s hands over %(count)d open thing", "%(name)s hands over %(count)d open things",
                         found.count)  # fmt: skip
        subject = words % {"name": shift.user.name, "count": found.count}
        values = {"open": found, "note": shift.note.strip(), "who": shift.user.name,
                  "ended": notices.when(shift.ends_at) if shift.ends_at else ""}  # fmt: skip
        return letters.write("handover", subject, values)


def prepare(*, at: datetime) -> dict[str, Any]:
    """Queue the hand-overs of shifts that have ended; delivery sends them."""
    made = 0
    for shift in duty.ending(at, within=LATEST, after=BREAK):
        rows = []
        followers = duty.followers(shift.user, at)
        keys = [_key(shift, pk) for pk in followers]
        told = set(OutboxMessage.objects.filter(key__in=keys).values_list("key", flat=True))
        for reader in User.objects.filter(pk__in=followers).order_by("pk"):
            if _key(shift, reader.pk) in told:
                continue
            written = letter(shift, reader, followers[reader.pk], at=at)
            if written is not None:
                rows.append(_row(shift, reader, written, at))
        put(rows)
        made += len(rows)
    return {"at": at.isoformat(), "written": made}


def _key(shift: DutyShift, reader_id: int) -> str:
    return f"handover:{shift.pk}:{reader_id}"


def _row(shift: DutyShift, reader: User, written: letters.Letter, at: datetime) -> Message:
    said = {"subject": written.subject, "text": written.text, "html": written.html}
    mail = OutboxMessage.Mail.QUEUED if reader.wants_mail else OutboxMessage.Mail.NONE
    return Message(_key(shift, reader.pk), "handover", reader.pk, None, said, at, mail.value,
                   at if reader.wants_mail else None)  # fmt: skip
