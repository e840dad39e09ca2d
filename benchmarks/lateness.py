"""How late reminders leave when 10,000, 50,000 and 100,000 come due in the same minute, with one worker and with two.

Each worker is a process that sweeps as beat has it do. What counts is when the last reminder's rows (clock, timeline,
message under the bell) are committed; then the mails: one a person and pass, however many clocks they tell of.
"""

import argparse
import multiprocessing
from datetime import timedelta
from time import perf_counter
from typing import Any

from benchmarks import sweep as due
from benchmarks.bench import desk, table

MOMENT = due.AT + timedelta(hours=5, minutes=1)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--clocks", type=int, default=1_000_000)
    options.add_argument("--sizes", type=int, nargs="*", default=[10_000, 50_000, 100_000])
    options.add_argument("--rounds", type=int, default=3)
    given = options.parse_args()
    desk()
    shop, owner = due.people()
    _want_mail(owner)
    due.grow(shop, owner, given.clocks)
    from django.db import connections

    connections.close_all()
    rows: list[tuple[str, str]] = []
    spawn = multiprocessing.get_context("spawn")
    for workers in (1, 2):
        with spawn.Pool(workers, initializer=desk) as pool:
            pool.map(_ready, range(workers), chunksize=1)
            for size in given.sizes:
                name = f"{size:,} at once, {workers} at work: the last one after"
                rows.append((name, _told(pool, workers, size, given.rounds)))
    table(
        f"Reminders due in the same minute, among {given.clocks:,} clocks", [*rows, ("mails for all of them", _mails())]
    )


def _told(pool: Any, workers: int, size: int, rounds: int) -> str:
    took = sorted(_once(pool, workers, size) for _round in range(rounds))[rounds // 2]
    return f"{took:.1f} s ({size / took:,.0f} a second)"


def _once(pool: Any, workers: int, size: int) -> float:
    from django.db import connections

    due.make_due(size)
    connections.close_all()
    start = perf_counter()
    pool.map(_sweep, range(workers), chunksize=1)
    took = perf_counter() - start
    due._check(size)
    return took


def _ready(_number: int) -> None:
    """Every process has its connection before the time is taken."""
    from django.db import connection

    connection.ensure_connection()


def _sweep(_number: int) -> None:
    from handoffs import sweep

    sweep.run(at=MOMENT)


def _want_mail(owner: int) -> None:
    from accounts.models import User

    User.objects.filter(pk=owner).update(wants_mail=True)


def _mails() -> str:
    """What a delivery sends for the last round."""
    from django.core import mail
    from django.test.utils import override_settings

    from handoffs import delivery

    with override_settings(EMAIL_BACKEND="django.core.mail.backends.locmem.EmailBackend"):
        mail.outbox = []  # type: ignore[attr-defined]
        start = perf_counter()
        counts = delivery.run(at=MOMENT)
        took = perf_counter() - start
    return f"{len(mail.outbox)} in {took:.1f} s: {counts}"  # type: ignore[attr-defined]


if __name__ == "__main__":
    main()
