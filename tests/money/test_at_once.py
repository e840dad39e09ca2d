"""Several workers and several people at the same moment, and a worker that is killed: each refund leaves once."""

import multiprocessing
import os
import signal
import threading
import uuid
import warnings
from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connections, transaction

from handoffs import connections as desk_connections
from handoffs import payments, reconcile
from handoffs.flow import batch, decision, unsettled
from handoffs.flow.proposal import Proposal
from handoffs.gateway import Gateway
from handoffs.gateway.faults import Fault
from handoffs.management.commands.gateway import connect as connect_to
from handoffs.management.commands.gateway import hold
from handoffs.marketplaces.taobao import limit
from handoffs.models import Case, Decision, RefundBatch, RefundOrder
from tests import factories
from tests.factories import NOON, World
from tests.money.conftest import Hands, stopped
from tests.money.market import Market
from tests.races import DOUBLED, LET_THROUGH, ONE_ALIVE, ORDERED_ONCE, exactly, race, together, turned_away

pytestmark = pytest.mark.django_db(transaction=True)
AT_LEISURE = 60.0  # seconds: a busy machine must not end a pass before its rows
SAME = uuid.uuid4()
ONE_HOLDER = {**ORDERED_ONCE, "handoffs.payments.uuid.uuid4": lambda: SAME}


@pytest.fixture
def world(transactional_db: None) -> World:
    from handoffs.seeds.load import load

    load()
    return factories.world()


def running(world: World, market: Market, count: int) -> RefundBatch:
    cases = [stopped(world) for _ in range(count)]
    for case in cases:
        market.hold(case)
    made = batch.plan([case.pk for case in cases], by=world.support, at=NOON)
    return batch.confirm(made.pk, typed=made.total, reason="批量退款", by=world.support, at=NOON)


@race("handoffs.flow.refund.check_cap", ends=DOUBLED, off=ONE_HOLDER, constraint=ONE_ALIVE)
def test_three_workers_on_one_batch_pay_each_refund_once(world: World, market: Market, hands: Hands) -> None:
    made = running(world, market, 7)
    together(*[lambda: payments.run(made.pk, now=hands, seconds=AT_LEISURE)] * 3)
    exactly(RefundOrder.objects.count(), 7)
    exactly(len(market.left), 7)
    assert Counter(made.rows.values_list("state", flat=True)) == Counter(paid=7)


@race("handoffs.flow.refund.check_cap", ends=DOUBLED, off=ORDERED_ONCE, constraint=ONE_ALIVE)
def test_two_batches_over_the_same_cases_at_once_pay_each_refund_once(
    world: World, market: Market, hands: Hands
) -> None:
    made = running(world, market, 6)
    other = batch.plan(list(made.rows.values_list("case_id", flat=True)), by=world.supervisor, at=NOON)
    batch.confirm(other.pk, typed=other.total, reason="批量退款", by=world.supervisor, at=NOON)
    together(
        lambda: payments.run(made.pk, now=hands, seconds=AT_LEISURE),
        lambda: payments.run(other.pk, now=hands, seconds=AT_LEISURE),
    )
    exactly(RefundOrder.objects.count(), 6)
    assert Counter(refund_id for refund_id, _amount in market.left) == Counter(list(market.held))
    assert RefundOrder.objects.filter(status="confirmed").count() == 6


@race("handoffs.flow.batch.seen", ends=LET_THROUGH)
def test_two_people_confirm_one_batch_and_one_of_them_learns_that_it_runs(world: World, market: Market) -> None:
    cases = [stopped(world) for _ in range(2)]
    made = batch.plan([case.pk for case in cases], by=world.support, at=NOON)
    results = together(
        lambda: batch.confirm(made.pk, typed=made.total, reason="批量退款", by=world.support, at=NOON),
        lambda: batch.confirm(made.pk, typed=made.total, reason="批量退款", by=world.supervisor, at=NOON),
    )
    turned_away(results, 1)
    assert sum(isinstance(result, Exception) for result in results) == 1


@race("handoffs.flow.decision._locked", ends=LET_THROUGH, refused="kind.*version")
def test_twenty_clients_approve_one_decision_and_one_of_them_does(world: World) -> None:
    case = factories.case(world.shop, path=3, amount=Decimal(500), total_fee=Decimal(500))
    made = decision.propose(case.pk, Proposal("full_refund", "同意退款"), by=world.support, at=NOON)
    results = together(*[lambda: decision.approve(made.pk, by=world.supervisor, at=NOON)] * 20)
    turned_away(results, 19)
    exactly(sum(isinstance(result, Decision) for result in results), 1)


# Killed ---------------------------------------------------------------------------------------------------------------


def _work(batch_id: int, market: Market, hands: Hands, pipe: Any, recording: AbstractContextManager[Any]) -> None:
    """A worker process: says when it is about to pay for the second time, and when it has paid, then waits there."""
    connections.close_all()

    def report(_payments: Any) -> None:
        pipe.send(market.left)
        if market.calls == 2:
            signal.pause()

    market.after_paying = report
    with recording:
        payments.run(batch_id, now=hands, seconds=AT_LEISURE)


@pytest.mark.parametrize("before_the_call", [True, False], ids=["", "control"])
@pytest.mark.slow
def test_a_worker_killed_in_the_middle_pays_none_twice(
    world: World, market: Market, hands: Hands, *, before_the_call: bool
) -> None:
    """Control: what is recorded and the call are one transaction, and nobody knows of what was paid."""
    made = running(world, market, 10)
    recording = nullcontext() if before_the_call else transaction.atomic()
    ours, theirs = multiprocessing.Pipe()
    connections.close_all()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # forking beside threads; the child only works and dies
        child = multiprocessing.get_context("fork").Process(
            target=_work, args=(made.pk, market, hands, theirs, recording)
        )
        child.start()
    assert ours.poll(60)
    ours.recv()
    assert ours.poll(60)
    market.left = ours.recv()  # the ledger as the marketplace holds it: the worker's memory dies with it
    os.kill(child.pid or 0, signal.SIGKILL)
    child.join(10)
    assert child.exitcode == -signal.SIGKILL
    for refund_id, _amount in market.left:
        market.change(refund_id, status="SUCCESS")
    assert len(market.left) == 10
    known = Counter(paid=5, sent=5) if before_the_call else Counter(waiting=10)
    assert Counter(made.rows.values_list("state", flat=True)) == known
    if not before_the_call:
        return
    hands.on(minutes=3)
    payments.run(made.pk, now=hands, seconds=AT_LEISURE)
    assert Counter(made.rows.values_list("state", flat=True)) == Counter(paid=5, unknown=5)
    hands.at += timedelta(minutes=2)
    reconcile.read_due(at=hands.at)
    assert Counter(made.rows.values_list("state", flat=True)) == Counter(paid=10)
    assert market.calls == 0  # this process never paid anything
    assert Case.objects.filter(money="confirmed").count() == 10


@pytest.mark.slow
@pytest.mark.parametrize("before_the_call", [True, False], ids=["", "control"])
def test_a_worker_killed_beside_a_real_gateway_leaves_two_ledgers_that_agree(
    world: World, hands: Hands, monkeypatch: pytest.MonkeyPatch, *, before_the_call: bool
) -> None:
    recording = nullcontext() if before_the_call else transaction.atomic()
    monkeypatch.setattr(limit, "_buckets", {"12345678": limit.Bucket(10_000.0)})
    gateway = Gateway(now=hands)
    gateway.taobao.till.trusting = True
    cases = [stopped(world, at=NOON) for _ in range(40)]
    real = desk_connections.client_of

    def with_our_clock(connection: Any) -> Any:
        client: Any = real(connection)
        client._now = client.wire._now = hands
        return client

    monkeypatch.setattr(desk_connections, "client_of", with_our_clock)
    with gateway:
        hold(gateway, world.shop)
        connect_to(gateway, world.shop)
        made = batch.plan([case.pk for case in cases], by=world.support, at=NOON)
        batch.confirm(made.pk, typed=made.total, reason="批量退款", by=world.support, at=NOON)
        agree = "taobao.rp.refunds.agree"
        gateway.faults.append((agree, Fault("slow", 0.0)))
        gateway.faults.append((agree, Fault("slow", 30.0)))  # the second call takes effect, its answer never comes
        connections.close_all()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            child = multiprocessing.get_context("fork").Process(target=_run, args=(made.pk, hands, recording))
            child.start()
        wait_for(lambda: len(gateway.paid) == 40)
        os.kill(child.pid or 0, signal.SIGKILL)
        child.join(10)
        assert child.exitcode == -signal.SIGKILL
        known = Counter(paid=20, sent=20) if before_the_call else Counter(waiting=40)
        assert Counter(made.rows.values_list("state", flat=True)) == known
        if not before_the_call:
            return
        hands.on(minutes=3)
        payments.run(made.pk, now=hands, seconds=AT_LEISURE)
        assert Counter(made.rows.values_list("state", flat=True)) == Counter(paid=20, unknown=20)
        assert unsettled.unknown(world.support).count() == 20
        hands.on(minutes=2)
        reconcile.read_due(at=hands.at)
        assert Counter(made.rows.values_list("state", flat=True)) == Counter(paid=40)
        assert {refund_id: fens for refund_id, fens in gateway.paid.items() if fens != [5000]} == {}
        assert len(gateway.called(agree)) == 2


def _run(batch_id: int, hands: Hands, recording: AbstractContextManager[Any]) -> None:
    connections.close_all()
    with recording:
        payments.run(batch_id, now=hands, seconds=AT_LEISURE)


def wait_for(true: Callable[[], bool]) -> None:
    """Until it is so, for a minute at most."""
    gate = threading.Event()
    for _turn in range(600):
        if true():
            return
        gate.wait(0.1)
    raise AssertionError("it did not come to pass")
