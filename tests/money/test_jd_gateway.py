"""JD the whole way against the local gateway: its finance pays later, and nothing is asked for twice meanwhile."""

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from handoffs import connections, payments, reading, reconcile
from handoffs.flow import answer, batch
from handoffs.flow.answer import Given
from handoffs.gateway import Gateway
from handoffs.gateway.jd import BROKEN_DOWN, PATH, JdBackOffice
from handoffs.models import Case, Connection, Handoff, RefundBatch
from tests.factories import World
from tests.money.conftest import Hands, connect

NOW = datetime(2026, 11, 11, 4, 0, tzinfo=UTC)
REPLY = "jingdong.pop.afs.soa.refundapply.replyRefund"


@pytest.fixture
def at(hands: Hands) -> Hands:
    hands.at = NOW
    return hands


@pytest.fixture
def gateway(at: Hands) -> Iterator[Gateway]:
    with Gateway(now=lambda: at.at) as made:
        made.broken_down[PATH] = BROKEN_DOWN
        yield made


@pytest.fixture
def office(gateway: Gateway, at: Hands) -> JdBackOffice:
    """JD pays whatever it is asked, so that its ledger shows who asked twice; its finance takes its time."""
    made = JdBackOffice(now=lambda: at.at, lock=gateway.lock, trusting=True, finance_at_once=False)
    gateway.routes[PATH] = lambda request: made.handle(request.form)
    return made


@pytest.fixture
def connection(
    world: World, gateway: Gateway, office: JdBackOffice, at: Hands, monkeypatch: pytest.MonkeyPatch
) -> Connection:
    world.shop.marketplace = "jd"
    world.shop.save()
    key = office.vender
    made = connect(world.shop, operator="客服一号", gateway=f"{gateway.url}{PATH}", pulled_until=NOW)
    made.app_key = key.app_key
    made.keep(secret=key.app_secret, session=key.access_token)
    made.save()
    real = connections.client_of

    def with_our_clock(connection: Connection) -> Any:
        client: Any = real(connection)
        client._now = client.wire._now = lambda: at.at
        return client

    monkeypatch.setattr(connections, "client_of", with_our_clock)
    return made


def running(world: World, office: JdBackOffice, connection: Connection, at: Hands, count: int = 3) -> RefundBatch:
    """So many cancelled orders pulled, their parcels stopped, what was paid for them known, and a batch confirmed."""
    for number in range(count):
        office.add_cancel(applyRefundSum=2000 + number)
    office.add_service()
    at.on(minutes=1)
    reading.pull(connection, at=at.at)
    cases = list(Case.objects.filter(source_kind="cancel").order_by("pk"))
    assert (len(cases), Case.objects.filter(source_kind="service").count()) == (count, 1)
    for asked in Handoff.objects.filter(kind="stop_parcel", status="open", case__in=cases).order_by("pk"):
        answer.answer(asked.pk, Given("stopped"), by=world.warehouse, at=at.at)
    Case.objects.update(total_fee=Decimal(50))
    made = batch.plan([case.pk for case in cases], by=world.support, at=at.at)
    assert made.rows_planned == count, list(made.rows.values_list("why", flat=True))
    return batch.confirm(made.pk, typed=made.total, reason="批量退款", by=world.support, at=at.at)


def states(made: RefundBatch) -> Counter[str]:
    return Counter(made.rows.values_list("state", flat=True))


def test_what_is_agreed_is_paid_when_jds_finance_says_so(
    world: World, office: JdBackOffice, connection: Connection, at: Hands
) -> None:
    made = running(world, office, connection, at)
    payments.run(made.pk, now=at)
    assert states(made) == Counter(accepted=3)
    for cancel_id in list(office.paid):
        office.finance(cancel_id)
    at.on(minutes=2)
    reconcile.read_due(at=at.at)
    assert states(made) == Counter(paid=3)
    assert office.paid == {str(row["id"]): [row["applyRefundSum"]] for row in office.cancels.values()}


def test_agreed_and_cut_off_is_not_taken_for_no_effect_while_finance_waits(
    world: World, gateway: Gateway, office: JdBackOffice, connection: Connection, at: Hands
) -> None:
    made = running(world, office, connection, at, 1)
    gateway.faults.add(REPLY, "cut_after")
    payments.run(made.pk, now=at)
    for minutes in (2, 11, 30, 90):
        at.on(minutes=minutes)
        reconcile.read_due(at=at.at)
        assert states(made) == Counter(unknown=1)
    (cancel_id,) = office.paid
    office.finance(cancel_id)
    at.on(minutes=90)
    reconcile.read_due(at=at.at)
    assert states(made) == Counter(paid=1)
    assert [len(fens) for fens in office.paid.values()] == [1]


@pytest.mark.parametrize("fault", ["cut_before", "http_500", "isp"])
def test_what_had_no_effect_fails_for_certain_and_may_be_paid_again(
    world: World, gateway: Gateway, office: JdBackOffice, connection: Connection, at: Hands, fault: str
) -> None:
    made = running(world, office, connection, at, 1)
    gateway.faults.add(REPLY, fault)
    payments.run(made.pk, now=at)
    assert states(made) == Counter(unknown=1)
    at.on(minutes=11)
    reconcile.read_due(at=at.at)
    assert states(made) == Counter(failed=1)
    again = batch.what_is_left(made.pk, by=world.support, at=at.at)
    batch.confirm(again.pk, typed=again.total, reason="再次批量退款", by=world.support, at=at.at)
    payments.run(again.pk, now=at)
    assert states(again) == Counter(accepted=1)
    assert [len(fens) for fens in office.paid.values()] == [1]
