"""Whatever people, workers and the marketplace do, in whatever order: the sums hold and nothing is paid undecided."""

from collections import Counter
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from handoffs import connections, payments, reading, reconcile
from handoffs.flow import batch, decision, unsettled
from handoffs.flow.errors import FlowError
from handoffs.flow.proposal import Proposal
from handoffs.models import Case, Connection, Decision, OrderLine, RefundOrder
from tests import factories
from tests.effort import THOROUGH
from tests.factories import NOON, World
from tests.money.conftest import connect, stopped
from tests.money.market import Market

PAID = Decimal(50)
ROLES = st.sampled_from(["support", "supervisor", "manager"])
AMOUNTS = st.sampled_from([Decimal("0.01"), Decimal(20), Decimal("49.99"), PAID, Decimal("50.01")])
WHICH = st.integers(0, 2)
KINDS = st.sampled_from(["full_refund", "partial_refund", "compensation"])


class Acts(RuleBasedStateMachine):
    """Three applications, two of them on one order line, at a connected shop."""

    def __init__(self) -> None:
        super().__init__()
        self.block = transaction.atomic()
        self.block.__enter__()
        self.world: World = factories.world()
        self.at, self.market = NOON, Market()
        Connection.objects.all().delete()
        connect(self.world.shop)
        line = {"order_id": "770001", "line_id": "770002"}
        self.cases = [stopped(self.world, **line), factories.case(self.world.shop, path=3, **line),
                      stopped(self.world)]  # fmt: skip
        for case in self.cases:
            self.market.hold(case)
        connections.client_of = lambda _connection: self.market  # type: ignore[assignment,return-value]

    def teardown(self) -> None:
        transaction.set_rollback(True)
        self.block.__exit__(None, None, None)

    def now(self) -> Any:
        return self.at

    def _try(self, act: Any, *args: Any, **values: Any) -> Any:
        """An act that the desk may decline."""
        try:
            return act(*args, **values)
        except FlowError:
            return None

    @rule(
        which=WHICH, role=ROLES, kind=st.sampled_from(["full_refund", "partial_refund", "compensation"]), amount=AMOUNTS
    )
    def propose(self, which: int, role: str, kind: str, amount: Decimal) -> None:
        wanted = Proposal(kind, "按约定退款", amount=None if kind == "full_refund" else amount)
        self._try(decision.propose, self.cases[which].pk, wanted, by=self.world.people[role], at=self.at)

    @rule(role=ROLES, amount=AMOUNTS, verb=st.sampled_from(["approve", "less", "refuse", "withdraw", "carry_out"]))
    def settle_a_decision(self, role: str, amount: Decimal, verb: str) -> None:
        made = Decision.objects.filter(status__in=Decision.LIVE).order_by("pk").first()
        if made is None:
            return
        by = self.world.people[role]
        if verb == "refuse":
            self._try(decision.refuse, made.pk, reason="证据不足", by=by, at=self.at)
        elif verb == "withdraw":
            self._try(decision.withdraw, made.pk, by=by, at=self.at)
        elif verb == "carry_out":
            self._try(decision.carry_out, made.pk, by=by, at=self.at, reference="后台")
        else:
            self._try(decision.approve, made.pk, by=by, at=self.at, amount=amount if verb == "less" else None)

    @rule(role=ROLES, fault=st.sampled_from(["", "cut_before", "cut_after", "later", "refuse", "code"]))
    def run_a_batch(self, role: str, fault: str) -> None:
        by = self.world.people[role]
        made = self._try(batch.plan, None, by=by, at=self.at)
        if made is None or not self._try(
            batch.confirm, made.pk, typed=made.total, reason="批量退款", by=by, at=self.at
        ):
            return
        self.market.faults = [fault]
        payments.run(made.pk, now=self.now)

    @rule(which=WHICH, amount=AMOUNTS)
    def the_buyer_edits(self, which: int, amount: Decimal) -> None:
        one = self.market.held[self.cases[which].refund_id]
        if one.status == "WAIT_SELLER_AGREE" and amount <= PAID:
            self.market.change(one.refund_id, amount=amount)
            self._pull()

    @rule(which=WHICH, status=st.sampled_from(["CLOSED", "SELLER_REFUSE_BUYER", "WAIT_SELLER_AGREE"]))
    def the_marketplace_moves(self, which: int, status: str) -> None:
        one = self.market.held[self.cases[which].refund_id]
        if one.status not in ("SUCCESS", "CLOSED"):
            self.market.change(one.refund_id, status=status)
            self._pull()

    def _pull(self) -> None:
        reading.pull(Connection.objects.select_related("shop").get(), at=self.at)

    @rule(minutes=st.sampled_from([1, 5, 20]))
    def time_passes(self, minutes: int) -> None:
        self.at += timedelta(minutes=minutes)
        reconcile.read_due(at=self.at)
        for batch_id in payments.waiting(self.at):
            payments.run(batch_id, now=self.now)

    @rule(role=ROLES)
    def settle_an_unknown_one_as_it_is(self, role: str) -> None:
        order = RefundOrder.objects.filter(status="unknown").select_related("case").first()
        if order is not None:
            paid = any(refund_id == order.case.refund_id for refund_id, _amount in self.market.left)
            by = self.world.people[role]
            self._try(unsettled.settle, order.pk, paid=paid, reason="后台已查看", by=by, at=self.at)

    @invariant()
    def no_refund_left_twice(self) -> None:
        assert max(Counter(refund_id for refund_id, _amount in self.market.left).values(), default=0) <= 1

    @invariant()
    def no_line_gives_back_more_than_was_paid(self) -> None:
        for line in OrderLine.objects.all():
            own = RefundOrder.objects.filter(line=line).exclude(status="failed")
            total = sum((order.amount for order in own), Decimal(0))
            assert total <= PAID
            assert line.refunded <= PAID

    @invariant()
    def nothing_left_without_a_decision(self) -> None:
        for refund_id, amount in self.market.left:
            order = (
                RefundOrder.objects.exclude(status="failed").select_related("decision").get(case__refund_id=refund_id)
            )
            assert (order.amount, order.decision.amount) == (amount, amount)
            assert order.decision.status in ("approved", "carried_out")

    @invariant()
    def nobody_approved_their_own(self) -> None:
        for made in Decision.objects.exclude(approved_by=None):
            assert made.approved_by_id != made.by_id

    @invariant()
    def every_case_has_a_state(self) -> None:
        assert Case.objects.filter(pk__in=[case.pk for case in self.cases]).count() == 3


@pytest.mark.django_db
def test_whatever_the_order_of_acts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "client_of", connections.client_of)  # put back after the machine has set its own
    run_state_machine_as_test(
        Acts,
        settings=settings(max_examples=25 if THOROUGH else 5, stateful_step_count=18, deadline=None, derandomize=True,
                          suppress_health_check=list(HealthCheck)),
    )  # fmt: skip
