"""The lines of a JD service (domain.md section 5: its SKUs are lines of one case), as they come and as they change.

A line that a row names is taken as it is there. One that it does not name stays: JD's interface names one of them, and
a long export may carry a service's rows in two files. An empty value wipes nothing.
"""

import hashlib
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from handoffs.models import Case, CaseLine, Decision, bulk
from handoffs.models.rewrite import rewrite

Told = Mapping[str, Any]
VALUES = ("title", "quantity", "amount")
COUNTS = frozenset({"quantity", "amount"})  # what a decision was taken on, beside the goods themselves
EMPTY = (None, "")


def built(case: Case, told: Iterable[Told]) -> list[CaseLine]:
    """New lines of a case, unsaved; of one named twice the last counts."""
    named = {_sku(line): line for line in told if line.get("sku")}
    return [
        CaseLine(case=case, sku=sku, title=line.get("title", "")[:255], quantity=line.get("quantity"),
                 amount=line.get("amount"))
        for sku, line in named.items()
    ]  # fmt: skip


def differ(case: Case, told: Iterable[Told]) -> bool:
    """Whether a row says of the lines what is not known yet. Reads the case's lines; prefetch them for many."""
    kept = _kept(case)
    return any(new.sku not in kept or _newer(kept[new.sku], new) for new in built(case, told))


def take(told: Mapping[Case, Iterable[Told]]) -> set[int]:
    """Write the lines of locked cases. Returns the ids of those whose decisions were taken on other goods than now.

    What was not known and now is (a price, or the lines at all) changes nothing that was decided on.
    """
    added: list[CaseLine] = []
    rewritten: list[CaseLine] = []
    moved: set[int] = set()
    learned: dict[int, tuple[str, str]] = {}
    for case, lines in told.items():
        kept = _kept(case)
        before, first = digest(kept.values()), not kept
        for new in built(case, lines):
            old = kept.get(new.sku)
            values = _newer(old, new) if old else {}
            if old is None:
                kept[new.sku] = new
                added.append(new)
            elif values:
                rewritten.append(old)
            another = old is None and not first
            if another or any(getattr(old, name) is not None for name in COUNTS & values.keys()):
                moved.add(case.pk)
            for name, value in values.items():
                setattr(old, name, value)
        learned[case.pk] = before, digest(kept.values())
    bulk.create(added)
    rewrite(rewritten, VALUES)
    _decided_on_as_much({pk: both for pk, both in learned.items() if pk not in moved and both[0] != both[1]})
    return moved


def _decided_on_as_much(learned: Mapping[int, tuple[str, str]]) -> None:
    """Live decisions keep up with what was learned of the lines they were taken on."""
    live = Decision.objects.filter(case__in=learned, status__in=Decision.LIVE) if learned else ()
    same = [each for each in live if each.case_lines == learned[each.case_id][0]]
    for each in same:
        each.case_lines = learned[each.case_id][1]
    rewrite(same, ["case_lines"])


def digest(lines: Iterable[CaseLine]) -> str:
    """What tells other goods, numbers or prices apart; empty where there are no lines."""
    named = sorted(lines, key=lambda line: line.sku)
    text = "|".join(f"{line.sku}:{line.quantity}:{_yuan(line.amount)}" for line in named)
    return hashlib.sha256(text.encode()).hexdigest() if text else ""


def _yuan(amount: Decimal | None) -> str:
    return "None" if amount is None else f"{amount:.2f}"


def _kept(case: Case) -> dict[str, CaseLine]:
    return {line.sku: line for line in case.lines.all()}


def _newer(old: CaseLine, new: CaseLine) -> dict[str, Any]:
    """The values of a known line that are told and differ."""
    told = {name: getattr(new, name) for name in VALUES}
    return {name: value for name, value in told.items() if value not in EMPTY and value != getattr(old, name)}


def _sku(line: Told) -> str:
    return str(line["sku"])[:120]
