"""Taobao and Tmall for the desk: reading applications, agreeing to pay (formats.md 1.4), messages as hints."""

import time
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _

from handoffs.marketplaces.base import CAPS, Credentials, Later, Paid, Payment, Refused, State, Unread
from handoffs.marketplaces.http import Http
from handoffs.marketplaces.taobao.acts import Acts
from handoffs.marketplaces.taobao.limit import Bucket
from handoffs.marketplaces.taobao.messages import Messages
from handoffs.marketplaces.taobao.pay import Till
from handoffs.marketplaces.taobao.states import FIELDS, LIST_FIELDS, state_of
from handoffs.marketplaces.taobao.wire import GMT8, Params, Wire, listed, said, truth

PAGE = 100
PASSES = 3  # a list longer than a page is read again until nothing new shows
MOST_PAGES = 1000


class Taobao:
    """A shop on Taobao, or on Tmall, whose calls differ. See base.Marketplace for the promises."""

    def __init__(
        self,
        credentials: Credentials,
        *,
        tmall: bool,
        http: Http | None = None,
        bucket: Bucket | None = None,
        now: Callable[[], datetime] = timezone.now,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self.tmall, self._now = tmall, now
        self.caps = CAPS["tmall" if tmall else "taobao"]
        self.wire = Wire(credentials, http=http, bucket=bucket, now=now)
        self.acts = Acts(self.wire, self.read, tmall=tmall)
        self._till = Till(self.wire, self.caps, operator=credentials.operator, tmall=tmall, clock=clock)
        self._messages = Messages(self.wire)
        self.messages, self.confirm = self._messages.consume, self._messages.confirm

    def test(self) -> str:
        """Ask for today's applications, one at most."""
        now = self._now()
        found, _more = self._page(now - timedelta(days=1), now, number=1, size=1)
        if not found:
            return _("The marketplace answered: no application changed in the last day.")
        return _("The marketplace answered. Last application: %(id)s.") % {"id": found[0].get("refund_id")}

    def read(self, refund_id: str) -> State:
        content = self.wire.read("taobao.refund.get", {"refund_id": refund_id, "fields": FIELDS})
        refund = content.get("refund")
        if not isinstance(refund, dict):
            raise Later(_("The answer is not one to this call."))
        state = state_of(refund)
        if state.refund_id != refund_id:
            raise Later(_("The marketplace answered for another application."))
        return state

    def pull(self, since: datetime, until: datetime, *, unread: Unread | None = None) -> Iterator[State]:
        with self.wire.http.kept():
            found = self._changed(since, until)
            wanted = unread([state_of(row) for row in found.values()]) if unread else found
            for refund_id, row in sorted(found.items(), key=lambda item: str(item[1].get("modified") or "")):
                if refund_id in wanted:
                    yield self._whole(refund_id, row)

    def _whole(self, refund_id: str, row: dict[str, Any]) -> State:
        """The application with all its fields. The list's own row stands in where the marketplace will not show it:
        one odd application must not hold up all the others.
        """
        try:
            state = self.read(refund_id)
        except Refused:
            return state_of(row)
        return state_of({**row, **state.raw})

    def _changed(self, since: datetime, until: datetime) -> dict[str, dict[str, Any]]:
        """The rows of the list by id. What changes while we turn pages leaves the window and moves the rest up, past
        us; so a list of several pages is read until a whole pass shows nothing new.
        """
        found: dict[str, dict[str, Any]] = {}
        for _pass in range(PASSES):
            before, pages = len(found), 0
            for number in range(1, MOST_PAGES + 1):
                rows, more = self._page(since, until, number=number, size=PAGE)
                found |= {str(row["refund_id"]): row for row in rows if row.get("refund_id")}
                pages = number
                if not more:
                    break
            if pages == 1 or len(found) == before:
                break
        return found

    def _page(self, since: datetime, until: datetime, *, number: int, size: int) -> tuple[list[dict[str, Any]], bool]:
        params: Params = {
            "fields": LIST_FIELDS,
            "start_modified": said(since),
            "end_modified": said(_second_after(until)),
            "page_no": number,
            "page_size": size,
            "use_has_next": True,
        }
        content = self.wire.read("taobao.refunds.receive.get", params)
        return listed(content, "refunds", "refund"), truth(content.get("has_next")) is True

    def pay(self, payments: Sequence[Payment], code: str = "") -> list[Paid]:
        return self._till.pay(payments, code)


def _second_after(moment: datetime) -> datetime:
    """TOP's times have no fractions: what changed within the last second of the window must not fall out of it."""
    whole = moment.astimezone(GMT8).replace(microsecond=0)
    return whole if whole == moment else whole + timedelta(seconds=1)
