"""Carrying a batch out at the marketplace: re-read, record, call once, write the answer, read back.

The order of a row is committed before the call and its answer after it, so a worker may die anywhere: what it had not
sent is sent by the next one, what it had sent and not heard of is unknown and never sent again by itself.
"""

import logging
import time
import uuid
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import override

from accounts import vault
from accounts.models import Shop
from handoffs import connections, reading
from handoffs.flow import batch as batches
from handoffs.marketplaces.base import Later, Marketplace, MarketplaceError, Paid, Payment, Result, State
from handoffs.models import BatchRow, Connection, RefundBatch

PASS_SECONDS = 10.0  # a long batch must not keep a worker from the sweep
LEASE = timedelta(seconds=120)  # longer than any single call to a marketplace
Clock = Callable[[], datetime]
logger = logging.getLogger(__name__)


class TakenAway(Exception):
    """The batch was paused, or another worker has it."""


class OutOfTime(Exception):
    """Other work of the same worker must not wait any longer."""


class Wait(Exception):
    """The marketplace turns us away for now: go on after `seconds`."""

    def __init__(self, error: Later) -> None:
        super().__init__(error.message)
        self.seconds = max(error.wait, 1.0)


def waiting(at: datetime) -> list[int]:
    """Running batches that no living worker has in hand."""
    running = RefundBatch.objects.filter(status=RefundBatch.Status.RUNNING)
    return list(running.exclude(lease__gt=at).order_by("pk").values_list("pk", flat=True))


def run(batch_id: int, *, now: Clock = timezone.now, seconds: float = PASS_SECONDS) -> bool:
    """Carry out what is left of a running batch, for so many seconds. True: the time was over before the rows were.

    Harmless when another worker has it, or when it is done.
    """
    holder, until = uuid.uuid4().hex, time.monotonic() + seconds
    if not batches.take(batch_id, holder=holder, at=now(), until=now() + LEASE):
        return False
    batches.left_in_the_dark(batch_id, at=now())
    batch = RefundBatch.objects.select_related("confirmed_by").get(pk=batch_id)
    # What the run writes about its rows is read by the person who confirmed it.
    with override(batch.confirmed_by.language if batch.confirmed_by else "zh-hans"):
        try:
            for shop in Shop.objects.filter(cases__batch_rows__batch=batch_id).distinct().order_by("pk"):
                Till(batch, shop, holder, now).empty(until)
        except TakenAway:
            batches.let_go(batch_id, holder=holder)
            return False
        except OutOfTime:
            batches.let_go(batch_id, holder=holder)
            return True
        except Wait as error:
            logger.warning("batch %s waits for the marketplace: %s", batch_id, error)
            later = {"lease": now() + timedelta(seconds=error.seconds), "error": str(error)[:255]}
            RefundBatch.objects.filter(pk=batch_id, holder=holder).update(**later)
            return False
    RefundBatch.objects.filter(pk=batch_id, holder=holder).update(error="")
    batches.finish(batch_id, holder=holder, at=now())
    return False


class Till:
    """The rows of one shop, paid call by call."""

    def __init__(self, batch: RefundBatch, shop: Shop, holder: str, now: Clock) -> None:
        self.batch, self.shop, self.holder, self.now = batch, shop, holder, now
        connection = connections.connected(shop)
        self.client = self._client(connection) if connection else None

    def _client(self, connection: Connection) -> Marketplace:
        try:
            return connections.client_of(connection)
        except vault.Sealed as error:
            text = _("The secrets cannot be opened with the key at hand. Enter them again.")
            raise Wait(Later(text, wait=600)) from error

    def empty(self, until: float) -> None:
        rows = self.batch.rows.filter(state=BatchRow.State.WAITING, case__shop=self.shop).select_related("case")
        for chunk in batches.chunks(rows, self.shop.marketplace):
            if time.monotonic() > until:
                raise OutOfTime
            self._pay(chunk)

    def _pay(self, chunk: list[BatchRow]) -> None:
        """One call: every row re-read, then recorded, then the marketplace told once, then each answer written.

        All are read before the first is recorded: an order that is recorded is always sent.
        """
        if self.client is None:
            self._leave_to_staff(chunk)
            return
        self._leave_to_staff([row for row in chunk if not connections.pays(row.case)])
        read = [(row, state) for row in chunk if connections.pays(row.case) and (state := self._again(row)) is not None]
        ordered = [made for row, state in read if (made := self._order(row, state)) is not None]
        if not ordered:
            return
        self._hold(even_paused=True)
        answers = self.client.pay([payment for _order_id, payment in ordered], self.batch.sms_code)
        self._learn(sum((payment.amount for _order_id, payment in ordered), Decimal(0)), answers)
        for (order_id, _payment), answer in zip(ordered, answers, strict=True):
            batches.settle(order_id, self._doubted(answer), at=self.now())
        for answer in answers:
            if answer.result in (Result.ACCEPTED, Result.REFUSED):
                self._read(answer.refund_id)
        if answers and all(answer.result == Result.LATER for answer in answers):
            raise Wait(Later(answers[0].message))

    def _learn(self, total: Decimal, answers: list[Paid]) -> None:
        """Remember the smallest sum for which the marketplace wanted a code, so that the next plan can say so."""
        asked = Connection.objects.filter(shop=self.shop)
        if any(answer.result == Result.NEEDS_CODE for answer in answers):
            asked.filter(Q(code_from=None) | Q(code_from__gt=total)).update(code_from=total)
        elif not self.batch.sms_code and any(answer.result == Result.ACCEPTED for answer in answers):
            asked.filter(code_from__lte=total).update(code_from=None)

    def _leave_to_staff(self, chunk: list[BatchRow]) -> None:
        for row in chunk:
            self._hold()
            batches.order(row.pk, holder=self.holder, gateway=False, at=self.now())

    def _again(self, row: BatchRow) -> State | None:
        """The application just before acting; a row that cannot be read is not paid now."""
        self._hold()
        state = self._read(row.case.refund_id)
        if state is None:
            text = _("The marketplace does not show this application now.")
            batches.decline(row.pk, why="not_read", message=text, at=self.now())
        return state

    def _doubted(self, answer: Paid) -> Paid:
        """A refusal of what reads as paid by now may be the answer to our own call, delivered a second time."""
        if answer.result != Result.REFUSED or self.client is None:
            return answer
        try:
            paid = self.client.read(answer.refund_id).paid
        except MarketplaceError:
            return answer
        return replace(answer, result=Result.UNKNOWN) if paid else answer

    def _order(self, row: BatchRow, state: State) -> tuple[int, Payment] | None:
        """Record the order; None where nothing is to be sent."""
        made = batches.order(row.pk, holder=self.holder, gateway=True, amount=state.amount or None, at=self.now())
        if made.order is None:
            return None
        return made.order.pk, Payment(row.case.refund_id, made.order.amount, state.version, state.phase)

    def _read(self, refund_id: str) -> State | None:
        """The application as it is now, taken in like any other news. What cannot be read is not paid now."""
        if self.client is None:
            return None
        try:
            state = self.client.read(refund_id)
        except Later as error:
            raise Wait(error) from error
        except MarketplaceError as error:
            logger.warning("refund %s could not be read: %s", refund_id, error)
            return None
        reading.take([state], shop=self.shop, at=self.now())
        return state

    def _hold(self, *, even_paused: bool = False) -> None:
        until = self.now() + LEASE
        if not batches.hold(self.batch.pk, holder=self.holder, until=until, even_paused=even_paused):
            raise TakenAway
