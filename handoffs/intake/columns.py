"""Which columns an export could have brought and did not."""

from handoffs.intake import reading
from handoffs.intake.headers import plain


def missing(found: reading.Description) -> tuple[str, ...]:
    """Columns of an export that the desk would use and that are not there; none of them is required."""
    if found.format not in reading.EXPORTS:
        return ()
    (reader,) = reading.READERS[found.format]
    there = {plain(name) for name in found.recognised}
    wanted = (names for ours, names in reader.ALIASES.items() if not ours.startswith("_"))
    return tuple(names[0] for names in wanted if not there & {plain(name) for name in names})
