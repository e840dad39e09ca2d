"""Finds the header of an export and says which column is what: one alias table per marketplace."""

import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

from django.utils.translation import gettext as _

from handoffs.intake.rows import Unreadable
from handoffs.intake.values import text

LOOK_AT = 12
LONGEST = 64  # characters; no column that is known has a name of half as many
OWN_COLUMNS = ("行号", "未导入原因")
Record = tuple[int, list[Any]]
Records = Iterator[Record]


@dataclass(frozen=True, slots=True)
class Header:
    """The columns of a file, in order. `place` maps our name of a column to its positions, the preferred one first."""

    row: int
    names: tuple[str, ...]
    place: Mapping[str, tuple[int, ...]]
    unknown: tuple[str, ...]

    @property
    def recognised(self) -> tuple[str, ...]:
        """The columns we know, in the file's order."""
        known = sorted(index for places in self.place.values() for index in places)
        return tuple(self.names[index] for index in known)

    def cells(self, record: list[Any]) -> dict[str, Any]:
        """Column name → cell of one record, as received; a second column of the same name gets a number."""
        return {name: record[i] if i < len(record) else "" for i, name in enumerate(self.names) if name}


def plain(name: Any) -> str:
    """A column's name without width, space, case and padding; what is too long for one stays as it is."""
    written = text(name)
    return written if len(written) > LONGEST else "".join(unicodedata.normalize("NFKC", written).split()).lower()


def look(records: Records) -> tuple[list[Record], Records]:
    """The first rows, among which the header is, and an iterator over the rest."""
    return list(islice(records, LOOK_AT)), records


def find(
    first: list[Record],
    written: list[list[str]],
    aliases: Mapping[str, tuple[str, ...]],
    required: tuple[str, ...],
) -> tuple[Header, list[Record]]:
    """The header among the first rows, whose cells are `written` plainly, and those after it.

    Raises Unreadable naming the columns that are missing.
    Two header rows are understood: group titles first, names below; where the lower is empty the upper counts.
    """
    known = {plain(name): (ours, rank) for ours, names in aliases.items() for rank, name in enumerate(names)}
    scored = [sum(name in known for name in names) for names in written]
    if not scored or max(scored) < 2:
        raise Unreadable(_("No header was found. The first rows must name the columns: %(names)s.")
                         % {"names": ", ".join(aliases[name][0] for name in required)})  # fmt: skip
    at = scored.index(max(scored))
    above = first[at - 1][1] if at else []
    header = _header(first[at][0], first[at][1], above, known)
    missing = [aliases[name][0] for name in required if name not in header.place]
    if missing:
        raise Unreadable(_("These columns are missing: %(names)s. Export the file with all its columns.")
                         % {"names": ", ".join(missing)})  # fmt: skip
    return header, first[at + 1 :]


def _header(row: int, cells: list[Any], above: list[Any], known: Mapping[str, tuple[str, int]]) -> Header:
    names: list[str] = []
    taken: Counter[str] = Counter()
    places: dict[str, list[tuple[int, int]]] = {}
    unknown: list[str] = []
    for index in range(max(len(cells), len(above))):
        name = _name(cells, index) or _name(above, index)
        found = known.get(plain(name))
        name = _unlike(name, taken)
        names.append(name)
        if found is not None:
            places.setdefault(found[0], []).append((found[1], index))
        elif name and name not in OWN_COLUMNS:
            unknown.append(name)
    place = {ours: tuple(index for _rank, index in sorted(ranked)) for ours, ranked in places.items()}
    return Header(row, tuple(names), place, tuple(unknown))


def _unlike(name: str, taken: Counter[str]) -> str:
    """The name, with a number where another column has it; `taken` says how often each was wanted so far."""
    own = name
    while name and own in taken:
        taken[name] += 1
        own = f"{name} ({taken[name]})"
    taken[own] += 1
    return own


def _name(cells: list[Any], index: int) -> str:
    return text(cells[index]) if index < len(cells) else ""


def is_blank(record: list[Any]) -> bool:
    """Whether a row holds nothing at all."""
    return all(not text(cell) for cell in record)
