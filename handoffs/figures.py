"""What a monitor asks of the desk every few seconds: how much waits, how late it is, how the jobs do.

No figure costs more on a big desk than on a small one: each is read through a partial index, in the order of that index
and to a bound, and whatever only grows is added up by the jobs themselves (`Tick.totals`). A figure that stands at the
bound means "this many or more".
"""

import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db.models import Model, Q, QuerySet

from accounts.models.people import Role
from handoffs.models import (
    CarrierAccount,
    Case,
    Channel,
    ChannelPost,
    Clock,
    Connection,
    Handoff,
    ImportRun,
    MarketCall,
    OutboxMessage,
    RefundBatch,
    RefundOrder,
    RejectedRow,
    Tick,
    WarehouseSystem,
)

BOUND = 10_000
# Imports and batches are few and ended within the day: those that run are among the newest of their table.
NEWEST = 1_000
Mail = OutboxMessage.Mail
Value = tuple[tuple[str, ...], float]


@dataclass(frozen=True, slots=True)
class Figure:
    """One measure: its name and meaning, the names of its labels, and a value for each set of labels."""

    name: str
    about: str
    values: Sequence[Value]
    labels: tuple[str, ...] = ()
    grows: bool = False


def read(*, at: datetime) -> Iterator[Figure]:
    """Every figure as it stands at `at`."""
    for group in GROUPS:
        yield from group(at)


def _one(name: str, about: str, value: float) -> Figure:
    return Figure(name, about, [((), float(value))])


def _counted(rows: QuerySet[Any]) -> int:
    """How many there are, to the bound, in the order of the index that finds them."""
    return len(rows.values_list("id", flat=True)[:BOUND])


def _by_role(rows: QuerySet[Any], column: str) -> list[Value]:
    """To the bound, for every role: one with nothing to do stands at 0, so that a graph has no holes."""
    found = Counter(rows.values_list(column, flat=True)[:BOUND])
    return [((str(role),), float(found[role])) for role in Role.values]


def _newest(model: type[Model], *columns: str) -> list[Any]:
    """Found by number, so that it takes no index of its own, whatever the table has grown to."""
    return list(model._default_manager.order_by("-pk").values_list(*columns)[:NEWEST])


def _age(moment: datetime | None, at: datetime) -> float:
    return max((at - moment).total_seconds(), 0.0) if moment else 0.0


def cases(at: datetime) -> Iterator[Figure]:
    """The desk's queues of cases."""
    still_open = Case.objects.exclude(status=Case.Status.CLOSED).order_by("due_at", "id")
    late = still_open.filter(due_at__lte=at)
    yield Figure(
        "cases",
        "Cases not closed, to 10000: all of them, those nobody owns, those with a deadline that has passed",
        [(("open",), _counted(still_open)), (("unowned",), _counted(still_open.filter(owner=None))),
         (("late",), _counted(late))],
        ("queue",),
    )  # fmt: skip
    first = late.values_list("due_at", flat=True).first()
    yield _one("case_most_late_seconds", "How long ago the first deadline of an open case passed", _age(first, at))


def questions(at: datetime) -> Iterator[Figure]:
    """The colleagues' queues."""
    live = Handoff.objects.filter(status__in=Handoff.LIVE, joined=None).order_by("first_at", "id")
    about = "Questions that wait for an answer, by the role asked, to 10000 in all"
    yield Figure("questions", about, _by_role(live, "to_role"), ("role",))
    about = "Questions whose deadline has passed, by the role asked, to 10000 in all"
    # What is lost first is at or before the deadline, so the index ends the search.
    late = live.filter(first_at__lte=at, due_at__lte=at)
    yield Figure("questions_late", about, _by_role(late, "to_role"), ("role",))


def clocks(at: datetime) -> Iterator[Figure]:
    """The sweep's own work: what is due and not yet done."""
    due = Clock.objects.filter(next_action_at__lte=at).order_by("next_action_at", "id")
    yield _one("clocks_due", "Clocks with a step that is due and not yet swept, to 10000", _counted(due))
    first = due.values_list("next_action_at", flat=True).first()
    yield _one("clock_most_due_seconds", "How long the first of them has been due", _age(first, at))
    failed = Clock.objects.exclude(failed="").order_by("id")
    yield _one("clocks_failed", "Clocks that could not be swept, to 10000", _counted(failed))


def jobs(at: datetime) -> Iterator[Figure]:
    """Every periodic job: its last pass, and all it has done. A pass in the future has an age below 0."""
    ticks = list(Tick.objects.order_by("name")[:BOUND])
    ages = [((tick.name,), (at - tick.at).total_seconds()) for tick in ticks]
    about = "Time since the last pass of a job ended well; below 0 when the clock was put back"
    yield Figure("job_age_seconds", about, ages, ("task",))
    lasted = [((tick.name,), float(tick.data["seconds"])) for tick in ticks if "seconds" in tick.data]
    yield Figure("job_duration_seconds", "How long the last pass of a job took", lasted, ("task",))
    passes = [((tick.name,), float(tick.totals.get("passes", 0))) for tick in ticks]
    yield Figure("job_passes", "Passes of a job", passes, ("task",), grows=True)
    done = [((tick.name, key), float(value)) for tick in ticks for key, value in sorted(tick.totals.items())
            if key != "passes"]  # fmt: skip
    about = "What the passes of a job did: reminders, mails sent, given up, ..."
    yield Figure("job_rows", about, done, ("task", "what"), grows=True)


def messages(at: datetime) -> Iterator[Figure]:
    """The outbox and the chat bots."""
    mails = OutboxMessage.objects.filter(mail__in=(Mail.QUEUED, Mail.RETRY, Mail.INFLIGHT))
    posts = ChannelPost.objects.filter(state__in=ChannelPost.WAITING)
    waiting = {"mail": mails.order_by("next_try_at", "id"), "chat": posts.order_by("next_try_at", "id")}
    about = "Messages that wait to be sent, to 10000"
    yield Figure("messages_waiting", about, [((by,), _counted(rows)) for by, rows in waiting.items()], ("by",))
    # One that was refused and waits for its next try is not due: it says nothing of those who can be told.
    due = {by: rows.filter(next_try_at__lte=at).values_list("next_try_at", flat=True).first()
           for by, rows in waiting.items()}  # fmt: skip
    about = "How long the message that is longest due has been due"
    yield Figure("message_most_due_seconds", about, [((by,), _age(first, at)) for by, first in due.items()], ("by",))
    dead = OutboxMessage.objects.filter(mail=Mail.DEAD).order_by("id")
    dead_posts = ChannelPost.objects.filter(state=ChannelPost.State.DEAD).order_by("id")
    about = "Messages given up that nobody has sent again, to 10000"
    yield Figure("messages_given_up", about, [(("mail",), _counted(dead)), (("chat",), _counted(dead_posts))], ("by",))


def services(at: datetime) -> Iterator[Figure]:
    """Whom the desk speaks to. Small tables: a row for each shop, account or bot."""
    failing = {
        "channel": Channel.objects.filter(active=True).exclude(error=""),
        "carrier": CarrierAccount.objects.filter(active=True).exclude(error=""),
        "warehouse": WarehouseSystem.objects.filter(active=True).exclude(error=""),
        "marketplace": Connection.objects.filter(active=True).exclude(pull_error=""),
    }
    about = "Chat channels, carriers' accounts, warehouse systems and shops whose last call failed"
    yield Figure("services_failing", about, [((kind,), _counted(rows)) for kind, rows in failing.items()], ("kind",))
    shops = Connection.objects.filter(active=True).order_by("shop__code")[:BOUND]
    about = "How long a connected shop's marketplace could not be read; 0 when it can"
    ages = [((code,), _age(since, at)) for code, since in shops.values_list("shop__code", "failing_since")]
    yield Figure("shop_failing_seconds", about, ages, ("shop",))
    open_calls = MarketCall.objects.filter(status__in=(MarketCall.Status.SENT, MarketCall.Status.UNKNOWN))
    about = "Acts at a marketplace without an answer, to 10000"
    yield _one("market_calls_open", about, _counted(open_calls.order_by("at")))


def money(at: datetime) -> Iterator[Figure]:
    """Payments on their way, and those nobody knows the fate of."""
    status = RefundOrder.Status
    to_read = Q(status__in=(status.ORDERED, status.ACKNOWLEDGED, status.UNKNOWN))
    found = Counter(RefundOrder.objects.filter(to_read).order_by("read_at").values_list("status", flat=True)[:BOUND])
    values = [((str(each),), float(found[each])) for each in (status.ORDERED, status.ACKNOWLEDGED, status.UNKNOWN)]
    yield Figure("payments", "Payments that are not settled, by their state, to 10000 in all", values, ("state",))
    batches = _newest(RefundBatch, "status", "lease")
    alone = sum(status == RefundBatch.Status.RUNNING and not (lease and lease > at) for status, lease in batches)
    about = "Batch refunds that run and that no worker has in hand, of the newest 1000"
    yield _one("batches_without_worker", about, alone)


def files(at: datetime) -> Iterator[Figure]:
    """What came in as files, and where files are kept."""
    running = [begun for status, begun in _newest(ImportRun, "status", "started_at")
               if status == ImportRun.Status.RUNNING]  # fmt: skip
    about = "How long ago the import that has run longest was started, of the newest 1000"
    yield _one("import_longest_seconds", about, _age(min(running, default=None), at))
    rows = RejectedRow.objects.filter(settled_at=None).order_by("run", "number")
    yield _one("rejected_rows", "Rows of imports that wait to be fixed, to 10000", _counted(rows))
    about = "Free space where evidence is kept (attachments) and where the desk writes all else (var)"
    kept = {"attachments": settings.ATTACHMENT_DIR, "var": settings.VAR_DIR}
    free = [((name,), float(shutil.disk_usage(folder).free)) for name, folder in kept.items() if folder.is_dir()]
    yield Figure("free_bytes", about, free, ("folder",))


GROUPS: tuple[Callable[[datetime], Iterator[Figure]], ...] = (
    cases, questions, clocks, jobs, messages, services, money, files,
)  # fmt: skip
