"""A table of parcel events, one a row, as an ERP or a carrier's site exports it."""

from collections.abc import Iterator

from handoffs.carriers import rows as events
from handoffs.carriers.base import Unreadable
from handoffs.intake import headers
from handoffs.intake.rows import Reject, Row

ALIASES = events.COLUMNS
REQUIRED = ("waybill", "at")
KIND = "parcel_event"


def rows(header: headers.Header, records: headers.Records) -> Iterator[Row | Reject]:
    """Each row as an event under “heard”, its waybill in the place of the number; or turned down."""
    for number, record in records:
        if headers.is_blank(record):
            continue
        raw = header.cells(record)
        try:
            heard = events.read(raw)
        except Unreadable as error:
            yield Reject(number, "", "not_an_event", error.message, raw)
            continue
        event = heard.track.events[0]
        shown = {"order_id": heard.order_id, "applied_at": event.at, "reason": event.text or event.raw_state}
        yield Row(number, KIND, heard.track.waybill, {**shown, "heard": heard}, raw)
