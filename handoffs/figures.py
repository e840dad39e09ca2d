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
from django.db.models import Q, QuerySet

from accounts.models.people import Role
from handoffs.models import (
    CarrierAccount,
    Case,
    Channel,
    ChannelPost,
    Clock,
    Connection,
    Handoff,
    MarketCall,
    OutboxMessage,
    RefundBatch,
    RefundOrder,
    RejectedRow,
    Tick,
    WarehouseSystem,
)

BOUND = 10_000
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
    """Every periodic job: its last pass, and all it has done."""
    ticks = list(Tick.objects.order_by("name")[:BOUND])
    ages = [((tick.name,), _age(tick.at, at)) for tick in ticks]
    yield Figure("job_age_seconds", "Time since the last pass of a job ended well", ages, ("job",))
    lasted = [((tick.name,), float(tick.data["seconds"])) for tick in ticks if "seconds" in tick.data]
    yield Figure("job_duration_seconds", "How long the last pass of a job took", lasted, ("job",))
    passes = [((tick.name,), float(tick.totals.get("passes", 0))) for tick in ticks]
    yield Figure("job_passes", "Passes of a job", passes, ("job",), grows=True)
    done = [((tick.name, key), float(value)) for tick in ticks for key, value in sorted(tick.totals.items())
            if key != "passes"]  # fmt: skip
    about = "What the passes of a job did: reminders, mails sent, given up, ..."
    yield Figure("job_rows", about, done, ("job", "what"), grows=True)


def messages(at: datetime) -> Iterator[Figure]:
    """The outbox and the chat bots."""
    waiting = OutboxMessage.objects.filter(mail__in=(Mail.QUEUED, Mail.RETRY, Mail.INFLIGHT))
    posts = ChannelPost.objects.filter(state__in=ChannelPost.WAITING)
    about = "Messages that wait to be sent, to 10000"
    yield Figure("messages_waiting", about, [(("mail",), _counted(waiting.order_by("next_try_at", "id"))),
                 (("chat",), _counted(posts.order_by("next_try_at", "id")))], ("by",))  # fmt: skip
    # A try that waits is pushed out, so the first row is the one longest due; how old it is says its own birth.
    oldest = [min(rows.order_by("next_try_at", "id").values_list("created_at", flat=True)[:BOUND], default=None)
              for rows in (waiting, posts)]  # fmt: skip
    about = "Age of the oldest message that waits to be sent"
    ages = [((by,), _age(moment, at)) for by, moment in zip(("mail", "chat"), oldest, strict=True)]
    yield Figure("message_oldest_seconds", about, ages, ("by",))
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
    shops = Connection.objects.filter(active=True).values_list("shop__code", "failing_since").order_by("shop__code")
    about = "How long a connected shop's marketplace could not be read; 0 when it can"
    yield Figure("shop_failing_seconds", about, [((code,), _age(since, at)) for code, since in shops], ("shop",))
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
    running = RefundBatch.objects.filter(status=RefundBatch.Status.RUNNING, lease__lte=at)
    yield _one("batches_without_worker", "Batch refunds that run and that no worker has in hand", _counted(running))


def files(_at: datetime) -> Iterator[Figure]:
    """What came in as files, and where files are kept."""
    rows = RejectedRow.objects.filter(settled_at=None).order_by("run", "number")
    yield _one("rejected_rows", "Rows of imports that wait to be fixed, to 10000", _counted(rows))
    if settings.ATTACHMENT_DIR.is_dir():
        free = shutil.disk_usage(settings.ATTACHMENT_DIR).free
        yield _one("attachment_free_bytes", "Free space where evidence is kept", free)


GROUPS: tuple[Callable[[datetime], Iterator[Figure]], ...] = (
    cases, questions, clocks, jobs, messages, services, money, files,
)  # fmt: skip
