"""What the benchmarks share: a desk on a throw-away database, rounds taken in turn, and the ratio of their medians."""

import os
import resource
import sys
from collections.abc import Callable, Mapping
from statistics import median
from time import perf_counter

NOISE = 0.15  # ratios nearer than this to 1 mean nothing


def desk() -> None:
    """Set Django up and bring the database, which must be an empty one, to the newest migration."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "refunddesk.settings")
    os.environ.update(API_PER_MINUTE="0", HOOKS_PER_MINUTE="0", SECOND_FACTOR_ROLES="none", LOG_LEVEL="WARNING")
    import django
    from django.core.management import call_command

    from refunddesk import collector

    django.setup()
    call_command("migrate", verbosity=0)
    collector.settle()  # as web processes and workers do


def in_turn(acts: Mapping[str, Callable[[], float | None]], *, rounds: int = 5) -> dict[str, float]:
    """The median seconds of each act; the acts are interleaved, so that a slow minute of the machine hits all alike.

    An act that prepares something first returns the seconds that count.
    """
    took: dict[str, list[float]] = {name: [] for name in acts}
    for number in range(rounds):
        for name, act in acts.items():
            start = perf_counter()
            counted = act()
            took[name].append(perf_counter() - start if counted is None else counted)
            print(f"  round {number + 1} {name}: {took[name][-1]:.3f} s", file=sys.stderr)
    return {name: median(values) for name, values in took.items()}


def peak_megabytes() -> float:
    """The most memory this process has had so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def table(title: str, rows: list[tuple[str, str]]) -> None:
    """Print a result as docs/performance.md keeps it."""
    print(f"\n## {title}\n")
    for name, value in rows:
        print(f"| {name} | {value} |")
