"""A pass of the sweep with nothing due at 10,000, 100,000, 1,000,000 and 5,000,000 clocks, and after ten busy sweeps.

Each size is a database of its own on one server, made as a copy of the one that grows; they are asked in turn. The
table's clocks are some hundred a case, none due.
"""

import argparse
import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from statistics import median
from time import perf_counter

from benchmarks import sweep as busy
from benchmarks.bench import desk, in_turn, table

PASSES, WARM = 200, 20
BUSY = 1_000_000


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--sizes", type=int, nargs="*", default=[10_000, 100_000, 1_000_000, 5_000_000])
    options.add_argument("--sweeps", type=int, default=10)
    options.add_argument("--rounds", type=int, default=5)
    given = options.parse_args()
    desk()
    shop, owner = busy.people()
    sizes = sorted(given.sizes)
    for size in sizes:
        busy.grow(shop, owner, size)
        _copied(f"idle_{size}")
    swept = max(size for size in sizes if size <= BUSY)
    _copied("idle_swept", of=f"idle_{swept}")
    with _entered("idle_swept"):
        for _sweep in range(given.sweeps):
            busy.sweep(min(10_000, swept))
        busy.put_off()
    names = {f"idle_{size}": f"{size:,} clocks" for size in sizes}
    names["idle_swept"] = f"{swept:,} clocks after {given.sweeps} busy sweeps and a vacuum"
    took = in_turn({name: lambda name=name: _pass(name) for name in names}, rounds=given.rounds)  # type: ignore[misc]
    first = took[f"idle_{sizes[0]}"]
    table(
        "An idle pass",
        [
            (f"{said}: time ÷ time at {sizes[0]:,}; buffers read",
             f"{took[name] / first:.2f} ({took[name] * 1000:.2f} ms); {_buffers(name)}")
            for name, said in names.items()
        ],
    )  # fmt: skip


def _pass(name: str) -> float:
    """The median of many passes."""
    from handoffs import sweep

    with _entered(name):
        took = []
        for _pass in range(WARM + PASSES):
            start = perf_counter()
            sweep.run(at=busy.AT)
            took.append(perf_counter() - start)
    return median(took[WARM:])


def _buffers(name: str) -> int:
    """What the one statement of an idle pass reads."""
    from handoffs import sweep

    with _entered(name):
        said = (
            sweep.due(busy.AT + timedelta(minutes=1))
            .values("pk")[:1]
            .explain(format="json", analyze=True, buffers=True)
        )
    plan = json.loads(said)[0]["Plan"]
    return int(plan["Shared Hit Blocks"]) + int(plan["Shared Read Blocks"])


def _copied(name: str, of: str = "") -> None:
    """A database like the one that grows, or like another."""
    from django.db import connection

    home = connection.settings_dict["NAME"]
    with _entered("template1"), connection.cursor() as cursor:
        cursor.execute(f'CREATE DATABASE "{name}" TEMPLATE "{of or home}"')


@contextmanager
def _entered(database: str) -> Iterator[None]:
    from django.db import connection

    connection.close()
    home, connection.settings_dict["NAME"] = connection.settings_dict["NAME"], database
    try:
        yield
    finally:
        connection.close()
        connection.settings_dict["NAME"] = home


if __name__ == "__main__":
    main()
