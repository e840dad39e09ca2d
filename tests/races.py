"""Several at the same moment, with the desk's guards and, as the negative control, without them.

Without locks and transactions everybody has read before anybody writes, which is the worst that can happen by chance.
A race that still ends well then proves nothing.
"""

import functools
import inspect
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pkgutil import resolve_name
from typing import Any
from uuid import uuid4

import pytest
from django.core.management import call_command
from django.db import IntegrityError, connection, transaction
from django.db.models import Model, QuerySet
from django.db.models.lookups import Exact

from handoffs.flow.errors import FlowError, Stale
from handoffs.models import RefundOrder, bulk

PATIENCE = 60.0
READ_WITHIN = 2.0  # seconds: whoever reads nothing to be locked does not come to the meeting
STAGGER = 0.05  # seconds between the writers, the last act first
# How a race may end badly: the first words of the assertion that then fails.
DOUBLED, LOST, LET_THROUGH, GOES_ON = "doubled", "lost", "let through", "goes on"
Act = Callable[..., Any]
Constraint = tuple[type[Model], str]
this = threading.local()
# What keeps a second order of an application out when everything else has failed: its key, its case, its line's sum.
ORDERED_ONCE: dict[str, Act] = {
    "handoffs.flow.refund.key_of": lambda *_of: str(uuid4()),
    "handoffs.flow.refund.book": lambda _case: None,
}
ONE_ALIVE: Constraint = (RefundOrder, "one_refund_order_alive_per_case")


def together(*acts: Act) -> list[Any]:
    """Every act in a thread of its own, let go at one moment. What they returned, or the flow's error."""
    gate, readers = threading.Barrier(len(acts)), threading.Barrier(len(acts))
    results: list[Any] = [None] * len(acts)
    broken: list[Exception] = []

    def run(place: int, act: Act) -> None:
        this.readers, this.pause = readers, STAGGER * (len(acts) - 1 - place)
        try:
            gate.wait(10)
            results[place] = act()
        except FlowError as error:
            results[place] = error
        except Exception as error:
            broken.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(place, act)) for place, act in enumerate(acts)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    for error in broken:
        raise error
    return results


def exactly(found: int, wanted: int) -> None:
    """So many, none twice and none missing."""
    assert found <= wanted, f"{DOUBLED}: {found}, not {wanted}"
    assert found >= wanted, f"{LOST}: {found}, not {wanted}"


def turned_away(results: list[Any], wanted: int) -> None:
    """So many came too late and were told."""
    found = sum(isinstance(result, Stale) for result in results)
    assert found == wanted, f"{LET_THROUGH}: only {found} of {wanted} came too late"


def race(
    *reads: str,
    ends: str,
    refused: str = "",
    off: Mapping[str, Act] | None = None,
    constraint: Constraint | None = None,
) -> Callable[[Callable[..., None]], Any]:
    """The test as it is, and as its own control without locks, transactions and conditions of an update.

    `reads`: functions after which an act has read what it goes by. `ends`: how the control must end. `refused`: what
    the database says where its own constraint keeps the second row out. `off`: what other guards are replaced with, by
    module and function. `constraint`: one of the database's that is dropped as well.
    """

    def twice(test: Callable[..., None]) -> Any:
        @functools.wraps(test)
        def run(*, guarded: bool, **given: Any) -> None:
            if guarded:
                test(**given)
                return
            with _unconstrained(constraint), pytest.MonkeyPatch.context() as patch:
                _take_away(patch, reads, off or {})
                with pytest.raises((AssertionError, IntegrityError)) as ended:
                    test(**given)
            assert _as_named(ended.value, ends, refused), f"It ended otherwise: {ended.value!r}"

        del run.__wrapped__  # type: ignore[attr-defined]
        signature = inspect.signature(test)
        added = inspect.Parameter("guarded", inspect.Parameter.KEYWORD_ONLY)
        run.__signature__ = signature.replace(parameters=[*signature.parameters.values(), added])  # type: ignore[attr-defined]
        return pytest.mark.parametrize("guarded", [True, pytest.param(False, marks=pytest.mark.slow)],
                                       ids=["", "control"])(run)  # fmt: skip

    return twice


def _as_named(error: BaseException, ends: str, refused: str) -> bool:
    if isinstance(error, IntegrityError):
        return bool(refused and re.search(refused, str(error)))
    return str(error).startswith(ends)


def _take_away(patch: pytest.MonkeyPatch, reads: tuple[str, ...], off: Mapping[str, Act]) -> None:
    update = QuerySet.update

    def unconditional(rows: QuerySet[Any], **values: Any) -> int:
        keys = [each.rhs for each in rows.query.where.children if _names_the_key(each)]
        return update(rows.model._base_manager.filter(pk=keys[0]) if keys else rows, **values)

    patch.setattr(QuerySet, "select_for_update", lambda rows, **_options: rows)
    patch.setattr(QuerySet, "update", unconditional)
    patch.setattr(transaction, "atomic", _each_for_itself)
    patch.setattr(bulk, "unawaited", _each_for_itself)
    for name in reads:
        patch.setattr(name, _then_meet(resolve_name(name)))
    for name, harmless in off.items():
        patch.setattr(name, harmless)


@contextmanager
def _unconstrained(constraint: Constraint | None) -> Iterator[None]:
    """Without this constraint, which comes back once everything is deleted."""
    if constraint is None:
        yield
        return
    model, name = constraint
    (dropped,) = (each for each in model._meta.constraints if each.name == name)
    with connection.schema_editor() as editor:
        editor.remove_constraint(model, dropped)
    try:
        yield
    finally:
        call_command("flush", interactive=False, verbosity=0)
        with connection.schema_editor() as editor:
            editor.add_constraint(model, dropped)


def _names_the_key(condition: Any) -> bool:
    return isinstance(condition, Exact) and condition.lhs.target.primary_key


def _then_meet(read: Act) -> Act:
    @functools.wraps(read)
    def reading(*args: Any, **kwargs: Any) -> Any:
        found = read(*args, **kwargs)
        _meet()
        return found

    return reading


def _meet() -> None:
    """Wait, once in an act, until everybody has read."""
    readers = getattr(this, "readers", None)
    if readers is None:
        return
    this.readers = None
    with suppress(threading.BrokenBarrierError):
        readers.wait(READ_WITHIN)
    threading.Event().wait(this.pause)


@contextmanager
def _each_for_itself(*_args: Any, **_kwargs: Any) -> Iterator[None]:
    yield
