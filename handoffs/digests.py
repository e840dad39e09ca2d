"""The daily digest: each morning in the person's zone, a worklist and not a report (domain.md section 7).

Once per person and day: the outbox row's unique key is `digest:{date}:{person}`. Nothing to say: no mail.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from django.utils import dateformat
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.models import Membership, User
from accounts.models.people import Role
from handoffs import letters, notices, permissions, reports, worklist
from handoffs.flow.why import duration
from handoffs.models import Case, OutboxMessage
from handoffs.reports import Span

# A mail that is hours late is no morning mail: after an outage the worklist on the screen serves better.
WINDOW = timedelta(hours=4)
SHOWN = 40
NAMED = 5
WEEK = timedelta(days=7)


@dataclass
class Prepared:
    """The digests queued in one run, by outbox id, and what became of everybody else."""

    day: date
    ids: list[int] = field(default_factory=list)
    written: list[tuple[User, letters.Letter]] = field(default_factory=list)
    skipped_empty: int = 0
    already: int = 0

    @property
    def counts(self) -> dict[str, Any]:
        return {
            "date": self.day.isoformat(),
            "sent": len(self.ids),
            "skipped_empty": self.skipped_empty,
            "already": self.already,
        }


def prepare(*, at: datetime, day: date | None = None, by_hand: bool = False, dry_run: bool = False) -> Prepared:
    """Queue the digests that are due at `at` and not yet written for the person's day; delivery sends them.

    By hand nobody's hour is waited for, and `day` may be another than today. A dry run only writes the letters.
    """
    prepared = Prepared(day or at.date())
    for user in readers():
        local = at.astimezone(user.zone)
        its_day = day or local.date()
        if not by_hand and not _is_morning(user, local):
            continue
        prepared.day = day or max(prepared.day, its_day)
        key = key_of(user, its_day)
        if OutboxMessage.objects.filter(key=key).exists():
            prepared.already += 1
            continue
        letter = digest_for(user, its_day, at=at)
        if letter is None:
            prepared.skipped_empty += 1
        else:
            prepared.written.append((user, letter))
        if not dry_run and (letter is not None or not by_hand):
            _queue(user, letter, prepared, key=key, at=at)
    return prepared


def readers() -> list[User]:
    """Active people with a role who want the digest."""
    employed = Membership.objects.filter(user__is_active=True).values("user_id")
    people = User.objects.filter(pk__in=employed, wants_digest=True).order_by("pk")
    return [user for user in people if user.places]


def key_of(user: User, day: date) -> str:
    return f"digest:{day.isoformat()}:{user.pk}"


def _is_morning(user: User, local: datetime) -> bool:
    begins = datetime.combine(local.date(), user.digest_at, tzinfo=user.zone)
    return begins <= local < begins + WINDOW


def send_now(user: User, letter: letters.Letter, *, at: datetime) -> bool:
    """By the person's own button, once a minute; the morning's goes out all the same."""
    prepared = Prepared(at.date())
    _queue(user, letter, prepared, key=f"digest:now:{at:%Y%m%d%H%M}:{user.pk}", at=at)
    return bool(prepared.ids)


def _queue(user: User, letter: letters.Letter | None, prepared: Prepared, *, key: str, at: datetime) -> None:
    """Write the row that makes the digest go out, or that keeps an empty morning from filling up later in the day."""
    said = {"subject": letter.subject, "text": letter.text, "html": letter.html} if letter else {}
    row, made = OutboxMessage.objects.get_or_create(
        key=key,
        defaults={
            "kind": "digest",
            "to": user,
            "data": said,
            "created_at": at,
            "read_at": at,
            "mail": OutboxMessage.Mail.QUEUED if letter else OutboxMessage.Mail.NONE,
            "next_try_at": at if letter else None,
        },
    )
    if letter is not None and made:
        prepared.ids.append(row.pk)
    elif letter is not None:
        prepared.already += 1


# What it says --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the worklist, in the reader's words, with the link to its case."""

    when: str
    what: str
    about: str
    link: str
    late: bool
    cause: str
    amount: Decimal | None


@dataclass(frozen=True, slots=True)
class Section:
    title: str
    lines: list[Line]
    more: int


@dataclass(frozen=True, slots=True)
class Bar:
    """A share as a bar of ten blocks in text and of table cells in HTML; the links lead to cases that missed it."""

    label: str
    percent: int
    met: int
    total: int
    missed: list[tuple[str, str]]

    @property
    def rest(self) -> int:
        return 100 - self.percent

    @property
    def blocks(self) -> str:
        full = round(self.percent / 10)
        return "█" * full + "░" * (10 - full)


@dataclass(frozen=True, slots=True)
class Figures:
    """The manager's numbers."""

    headlines: list[tuple[str, str, list[tuple[str, str]]]]
    groups: list[tuple[str, list[Bar]]]


def digest_for(user: User, day: date, *, at: datetime) -> letters.Letter | None:
    """The person's letter for a day, in their language; None when there is nothing to say.

    Another day than today is written as of the digest's hour on that day.
    """
    with letters.read_by(user):
        today = at.astimezone(user.zone).date() == day
        moment = at if today else datetime.combine(day, user.digest_at, tzinfo=user.zone)
        yesterday = Span(_midnight(user, day - timedelta(days=1)), _midnight(user, day))
        noon = datetime.combine(day, time(12), tzinfo=user.zone)
        listed = worklist.of(user, at=moment, noon=noon, yesterday=yesterday)
        figures = _figures(user, yesterday, moment)
        if listed.is_empty and figures is None:
            return None
        sections = [section for section in _sections(listed, user) if section.lines]
        values = {"sections": sections, "figures": figures, "day": _day(day), "name": user.name}
        return letters.write("digest", _subject(listed, day), values)


def _midnight(user: User, day: date) -> datetime:
    return datetime.combine(day, time(0), tzinfo=user.zone)


def _day(day: date) -> str:
    return dateformat.format(day, "Y-m-d l")


def _subject(listed: worklist.Worklist, day: date) -> str:
    due, waiting = len(listed.due), len(listed.waiting)
    shown = {"day": dateformat.format(day, "m-d"), "due": due, "waiting": waiting}
    if due:
        words = ngettext(
            "%(day)s: %(due)d thing due before noon", "%(day)s: %(due)d things due before noon", due
        )  # fmt: skip
    elif waiting:
        words = ngettext(
            "%(day)s: %(waiting)d thing waits for you", "%(day)s: %(waiting)d things wait for you", waiting
        )
    else:
        words = _("%(day)s: a look back at yesterday")
    return words % shown


def _sections(listed: worklist.Worklist, user: User) -> Iterator[Section]:
    for title, entries in (
        (_("Due before noon"), listed.due),
        (_("Waiting for you"), listed.waiting),
        (_("Late yesterday"), listed.late),
    ):
        yield Section(title, [_line(entry, user) for entry in entries[:SHOWN]], max(len(entries) - SHOWN, 0))


def _line(entry: worklist.Entry, user: User) -> Line:
    """No amount for those who see none, and never anything of the buyer."""
    case = entry.case
    amount = None
    if permissions.sees_amounts(user, case):
        amount = entry.handoff.amount if entry.handoff and entry.handoff.amount else case.amount
    return Line(
        when=notices.when(entry.due_at) if entry.due_at else "–",
        what=str(entry.what),
        about=" · ".join(part for part in (case.refund_id, case.title, case.shop.name) if part),
        link=_link(case),
        late=entry.late and not entry.cause,
        cause=entry.cause,
        amount=amount,
    )


def _link(case: Case) -> str:
    return letters.link(notices.case_path(case.pk))


# The manager's figures -----------------------------------------------------------------------------------------------


def _figures(user: User, yesterday: Span, moment: datetime) -> Figures | None:
    """First-response rate, completion time, exposure, and the on-time shares; None for others, or with nothing yet."""
    shops = user.shops_as(Role.MANAGER)
    if not shops:
        return None
    week = Span(moment - WEEK, moment)
    headlines = [*_rates(shops, yesterday, week), *_times(shops, week), *_exposed(shops)]
    groups = [
        (_("On time by lane, last 7 days"), _bars(reports.on_time_by_lane(shops, week))),
        (_("On time by carrier, last 7 days"), _bars(reports.on_time_by_carrier(shops, week))),
        (_("On time by person, last 7 days"), _bars(reports.on_time_by_person(shops, week))),
    ]
    groups = [(title, bars) for title, bars in groups if bars]
    return Figures(headlines, groups) if headlines or groups else None


def _rates(shops: frozenset[int], yesterday: Span, week: Span) -> Iterator[tuple[str, str, list[tuple[str, str]]]]:
    for title, span in ((_("First response, yesterday"), yesterday), (_("First response, last 7 days"), week)):
        share = reports.first_response_rate(shops, span)
        if share.percent is None:
            continue
        text = _("%(percent)d %% (%(met)d of %(total)d)") % {
            "percent": share.percent, "met": share.met, "total": share.total
        }  # fmt: skip
        if share.marked:
            text += _(", %(count)d of them with one text sent to many") % {"count": share.marked}
        yield title, text, _named(share.missed)


def _times(shops: frozenset[int], week: Span) -> Iterator[tuple[str, str, list[tuple[str, str]]]]:
    took = reports.completion_time(shops, week)
    if took.median is None or took.p90 is None:
        return
    shown = {"median": _rough(took.median), "p90": _rough(took.p90), "count": took.count}
    text = _("half within %(median)s, nine of ten within %(p90)s (refunds: %(count)d)") % shown
    yield _("From application to confirmed refund, last 7 days"), text, []


def _exposed(shops: frozenset[int]) -> Iterator[tuple[str, str, list[tuple[str, str]]]]:
    out = reports.exposure(shops)
    if out.count:
        text = ngettext("%(amount)s yuan in %(count)d case", "%(amount)s yuan in %(count)d cases", out.count)
        yield _("Money gone, goods not secured"), text % {"amount": out.amount, "count": out.count}, _named(out.cases)


def _rough(length: timedelta) -> str:
    """To the minute."""
    minutes = int(length.total_seconds()) // 60
    return duration(timedelta(minutes=minutes), days=True)


def _bars(parts: Sequence[reports.Part]) -> list[Bar]:
    return [
        Bar(part.label, part.share.percent or 0, part.share.met, part.share.total, _named(part.share.missed))
        for part in parts[:20]
    ]


def _named(cases: Any) -> list[tuple[str, str]]:
    """Number and link of the first few cases behind a figure."""
    return [(case.refund_id, _link(case)) for case in cases.only("pk", "refund_id").order_by("pk")[:NAMED]]
