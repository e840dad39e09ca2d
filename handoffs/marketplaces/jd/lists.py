"""JD's lists, read whole: windows of time, pages, and what moves between two pages (formats.md 2.1, 2.2)."""

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from handoffs.marketplaces.base import State
from handoffs.marketplaces.jd import states
from handoffs.marketplaces.jd.wire import Params, Wire, listed, moment_of, result_of, said, text

PAGE = 50
# The documents differ: pages to 100, or to 1000. A window with more is halved, so that both are obeyed.
MOST_PAGES = 100
PASSES = 3
# Services may be asked for by 7 days of their application or 10 of their approval; a day also keeps memory small.
WINDOW = timedelta(days=1)
SECOND = timedelta(seconds=1)
logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Listing:
    """One way to ask for rows by time: the method, where its rows stand, and its names for page, begin and end."""

    kind: str
    method: str
    result: str
    rows: str
    page: str
    begin: str
    end: str

    def state(self, row: Mapping[str, Any]) -> State:
        return states.cancel_state(row) if self.kind == states.CANCEL else states.service_state(row)


_CANCELS = (states.CANCEL, "jingdong.pop.afs.soa.refundapply.queryPageList", "queryResult", "result", "pageIndex")
_SERVICES = (states.SERVICE, "jingdong.asc.serviceAndRefund.view", "pageResult", "data", "pageNumber")
BY_APPLICATION = Listing(*_CANCELS, "applyTimeStart", "applyTimeEnd")
LISTINGS = (
    BY_APPLICATION,
    Listing(*_CANCELS, "checkTimeStart", "checkTimeEnd"),
    Listing(*_SERVICES, "applyTimeBegin", "applyTimeEnd"),
    Listing(*_SERVICES, "approveTimeBegin", "approveTimeEnd"),
)


def windows(since: datetime, until: datetime) -> Iterator[tuple[datetime, datetime]]:
    """[since, until] in pieces that every list of JD takes. JD's times have no fractions: the last piece ends a full
    second, so that nothing falls out of it.
    """
    begin, last = since.replace(microsecond=0), until.replace(microsecond=0)
    last += SECOND if last != until else timedelta(0)
    while begin + WINDOW < last:
        yield begin, begin + WINDOW
        begin += WINDOW
    yield begin, max(begin, last)


class Lists:
    """Reads lists for one shop. Raises Later or Refused."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    def window(self, since: datetime, until: datetime) -> list[State]:
        """What was applied for or reviewed in a window, both kinds, oldest first."""
        found: dict[tuple[str, str], State] = {}
        for listing in LISTINGS:
            for row in self._rows(listing, since, until):
                state = listing.state(row)
                if state.refund_id:
                    found[listing.kind, state.refund_id] = state
                else:
                    logger.warning("%s: a row without an id was left out", listing.method)
        return sorted(found.values(), key=_age)

    def page(
        self, listing: Listing, since: datetime, until: datetime, *, number: int = 1, size: int = PAGE
    ) -> tuple[list[dict[str, Any]], int]:
        """One page, and how many rows there are in all."""
        when: Params = {listing.begin: said(since), listing.end: said(until)}
        content = self._wire.read(listing.method, {**when, listing.page: number, "pageSize": size})
        result = result_of(content, listing.result, write=False)
        rows, total = listed(result.get(listing.rows)), text(result.get("totalCount"))
        return rows, int(total) if total.isascii() and total.isdigit() else len(rows)

    def services_of(self, order_id: str) -> list[State]:
        """The services of one order."""
        listing, found = LISTINGS[2], []
        for number in range(1, MOST_PAGES + 1):
            params: Params = {"orderId": order_id, listing.page: number, "pageSize": PAGE}
            result = result_of(self._wire.read(listing.method, params), listing.result, write=False)
            rows = listed(result.get(listing.rows))
            found += [listing.state(row) for row in rows]
            if len(rows) < PAGE:
                break
        return found

    def _rows(self, listing: Listing, since: datetime, until: datetime) -> list[dict[str, Any]]:
        """All rows of a window; one with more than the pages hold is read in halves."""
        first, total = self.page(listing, since, until)
        if total > PAGE * MOST_PAGES and until - since > SECOND:
            middle = (since + (until - since) / 2).replace(microsecond=0)
            return self._rows(listing, since, middle) + self._rows(listing, middle, until)
        return first if total <= len(first) else self._pages(listing, since, until, first, total)

    def _pages(
        self, listing: Listing, since: datetime, until: datetime, first: list[dict[str, Any]], total: int
    ) -> list[dict[str, Any]]:
        """All pages, again while rows seem to have slipped from one page to another between two calls."""
        found: dict[str, dict[str, Any]] = {}
        for _again in range(PASSES):
            found |= _by_id(listing, first)
            for number in range(2, min(-(-total // PAGE), MOST_PAGES) + 1):
                rows, total = self.page(listing, since, until, number=number)
                found |= _by_id(listing, rows)
                if not rows:
                    break
            if len(found) >= total:
                return list(found.values())
            first, total = self.page(listing, since, until)
        logger.warning("%s: the list would not hold still; %s rows of %s", listing.method, len(found), total)
        return list(found.values())


def _by_id(listing: Listing, rows: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {listing.state(row).refund_id: row for row in rows}


def _age(state: State) -> str:
    """Sorts by the last time the row tells of."""
    raw = state.raw
    bill = raw.get("sameOrderServiceBill")
    inside: Mapping[str, Any] = bill if isinstance(bill, Mapping) else raw
    times = (raw.get("modified"), raw.get("checkTime"), raw.get("completeTime"), raw.get("applyTime"),
             inside.get("approveDate"), inside.get("afsApplyTime"))  # fmt: skip
    known = [said(moment) for value in times if (moment := moment_of(value)) is not None]
    return max(known, default="")
