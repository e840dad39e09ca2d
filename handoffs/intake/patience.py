"""How long reading a file may work: whoever waits for a page waits for no file, however it is made."""

from collections.abc import Iterator
from time import thread_time
from typing import TypeVar

from django.utils.translation import gettext as _

from handoffs.intake.rows import Unreadable

# Seconds of work that reading a file may cost; whoever lets a person wait allows fewer.
PATIENCE = 600
EVERY = 256  # records between two looks at the clock
Read = TypeVar("Read")


def complaint() -> str:
    return _("Reading this file takes too long. Split it into smaller files.")


class Watch:
    """Counts the work of this thread while it reads, without what whoever takes the rows does with them."""

    def __init__(self, seconds: int) -> None:
        self._seconds, self._since = seconds, thread_time()

    def records(self, records: Iterator[Read]) -> Iterator[Read]:
        """What is read, looked at in time. Raises Unreadable once it has cost too much."""
        for count, record in enumerate(records):
            if not count % EVERY and thread_time() - self._since > self._seconds:
                raise Unreadable(complaint())
            yield record

    def rows(self, rows: Iterator[Read]) -> Iterator[Read]:
        """What is made of it. The watch stands still while a row is out."""
        for row in rows:
            out = thread_time()
            yield row
            self._since += thread_time() - out
