"""JD for the desk (formats.md 2.1, 2.2): reading cancelled orders and services, and reviewing the former."""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta

from django.utils import timezone
from django.utils.translation import gettext as _

from handoffs.marketplaces.base import (
    CAPS,
    Credentials,
    Later,
    MarketplaceError,
    Paid,
    Payment,
    Refused,
    Result,
    State,
    Unknown,
    Unread,
)
from handoffs.marketplaces.http import Http
from handoffs.marketplaces.jd import states
from handoffs.marketplaces.jd.lists import BY_APPLICATION, Lists, windows
from handoffs.marketplaces.jd.replies import Reply, Review
from handoffs.marketplaces.jd.wire import Wire, listed, result_of
from handoffs.marketplaces.money import fen
from handoffs.marketplaces.taobao.limit import Bucket

QUERY_BY_ID = "jingdong.pop.afs.soa.refundapply.queryById"
REPLY = "jingdong.pop.afs.soa.refundapply.replyRefund"
AGREED = "同意退款"
RESULTS: tuple[tuple[type[MarketplaceError], Result], ...] = (
    (Refused, Result.REFUSED),
    (Later, Result.LATER),
    (Unknown, Result.UNKNOWN),
)


class Jd:
    """A shop on JD. See base.Marketplace for the promises; `State.phase` says which kind of object it is.

    A change that moves neither the time of application nor that of review (JD's finance pays, the buyer withdraws) is
    in no short pull: reading back and reconciliation, which goes over seven days, find it.
    """

    def __init__(
        self,
        credentials: Credentials,
        *,
        http: Http | None = None,
        bucket: Bucket | None = None,
        now: Callable[[], datetime] = timezone.now,
    ) -> None:
        self._now, self._operator, self.caps = now, credentials.operator, CAPS["jd"]
        self.wire = Wire(credentials, http=http, bucket=bucket, now=now)
        self._lists = Lists(self.wire)

    def test(self) -> str:
        """Ask for the last day's cancelled orders, one at most."""
        now = self._now()
        rows, total = self._lists.page(BY_APPLICATION, now - timedelta(days=1), now, size=1)
        if not rows:
            return _("The marketplace answered: no order was asked to be cancelled in the last day.")
        return _("The marketplace answered. Orders asked to be cancelled in the last day: %(count)s.") % {
            "count": total
        }

    def pull(
        self,
        since: datetime,
        until: datetime,
        *,
        unread: Unread | None = None,  # noqa: ARG002
    ) -> Iterator[State]:
        """What was applied for or reviewed in [since, until], day by day, oldest first; each once. JD's lists are
        whole: none is read again.
        """
        seen: set[tuple[str, str]] = set()
        with self.wire.http.kept():
            for begin, end in windows(since, until):
                for state in self._lists.window(begin, end):
                    if (state.phase, state.refund_id) not in seen:
                        seen.add((state.phase, state.refund_id))
                        yield state

    def read(self, refund_id: str) -> State:
        """An application to cancel an order, now. A service is not found here: see `read_service`."""
        if not (refund_id.isascii() and refund_id.isdigit()):
            raise Refused(_("This is no application to cancel an order."), code="not_cancel")
        content = self.wire.read(QUERY_BY_ID, {"id": int(refund_id)})
        rows = listed(result_of(content, "queryResult", write=False).get("result"))
        if not rows:
            raise Refused(_("JD has no application to cancel an order of this number."), code="not_found")
        state = states.cancel_state(rows[0])
        if state.refund_id != refund_id or len(rows) > 1:
            raise Later(_("The marketplace answered for another application."))
        return state

    def read_service(self, service_id: str, order_id: str) -> State:
        """An after-sale service, now. JD shows services by their order only."""
        found = [state for state in self._lists.services_of(order_id) if state.refund_id == service_id]
        if not found:
            raise Refused(_("JD has no such service for this order."), code="not_found")
        # A service refunded in parts has several rows; the one that tells of the money counts.
        return next((state for state in found if state.paid), found[-1])

    def pay(self, payments: Sequence[Payment], code: str = "") -> list[Paid]:  # noqa: ARG002  JD sends no SMS codes
        if len(payments) > self.caps.rows:
            raise ValueError(f"More than one call carries: {len(payments)} rows")
        return [self._pay(payment) for payment in payments]

    def _pay(self, payment: Payment) -> Paid:
        """The amount is not sent: JD pays what was applied for, which the caller has just read."""
        fen(payment.amount)
        if payment.phase != states.CANCEL:
            text = _("JD takes an agreement for cancelled orders only: refund a service in the back office.")
            return Paid(payment.refund_id, Result.REFUSED, text, "not_cancel")
        try:
            self.reply(Reply(payment.refund_id, Review.AGREE, AGREED))
        except ValueError as error:
            return Paid(payment.refund_id, Result.REFUSED, str(error), "incomplete")
        except MarketplaceError as error:
            result = next((result for kind, result in RESULTS if isinstance(error, kind)), Result.UNKNOWN)
            return Paid(payment.refund_id, result, error.message, error.code)
        return Paid(payment.refund_id, Result.ACCEPTED)

    def reply(self, reply: Reply) -> None:
        """Review one application, sent once. Raises ValueError before sending where JD's rules are not met."""
        params = reply.params(self._operator)
        result_of(self.wire.write(REPLY, params), "replyResult", write=True)
