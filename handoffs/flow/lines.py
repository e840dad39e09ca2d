"""The lines of a JD service (domain.md section 5: its SKUs are lines of one case), as they come and as they change.

A line that a row names is taken as it is there. One that it does not name stays: JD's interface names one of them, and
a long export may carry a service's rows in two files. An empty value wipes nothing.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from handoffs.flow.grant import lines_of
from handoffs.models import Case, CaseLine, Decision, bulk
from handoffs.models.rewrite import rewrite

Told = Mapping[str, Any]
VALUES = ("title", "quantity", "amount")
COUNTS = ("quantity", "amount")  # what a decision was taken on, beside the goods themselves
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

    What was not known and now is (a price) changes nothing that was decided on.
    """
    added: list[CaseLine] = []
    rewritten: list[CaseLine] = []
    moved: set[int] = set()
    for case, lines in told.items():
        kept = _kept(case)
        for new in built(case, lines):
            if new.sku not in kept:
                added.append(new)
                moved.add(case.pk)
                continue
            old = kept[new.sku]
            values = _newer(old, new)
            if any(getattr(old, name) is not None for name in COUNTS if name in values):
                moved.add(case.pk)
            for name, value in values.items():
                setattr(old, name, value)
            if values:
                rewritten.append(old)
    filled = {line.case_id for line in rewritten} - moved
    decided = Decision.objects.filter(case__in=filled, status__in=Decision.LIVE).select_related("case")
    as_they_were = [each for each in decided if each.case_lines == lines_of(each.case)]
    bulk.create(added)
    rewrite(rewritten, VALUES)
    for each in as_they_were:
        Decision.objects.filter(pk=each.pk).update(case_lines=lines_of(each.case))
    return moved


def _kept(case: Case) -> dict[str, CaseLine]:
    return {line.sku: line for line in case.lines.all()}


def _newer(old: CaseLine, new: CaseLine) -> dict[str, Any]:
    """The values of a known line that are told and differ."""
    told = {name: getattr(new, name) for name in VALUES}
    return {name: value for name, value in told.items() if value not in EMPTY and value != getattr(old, name)}


def _sku(line: Told) -> str:
    return str(line["sku"])[:120]
