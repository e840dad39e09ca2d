"""The marketplace's list against the desk: every difference is found once and owned until it is settled."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from accounts import vault
from handoffs import connections, payments, reading, reconcile
from handoffs.flow import decision, findings
from handoffs.flow.proposal import Proposal
from handoffs.marketplaces.base import Later, State
from handoffs.models import Case, Connection, Finding, Handoff, RefundOrder
from tests import factories
from tests.factories import NOON, World
from tests.money.conftest import Hands, connect, stopped
from tests.money.market import Market
from tests.money.test_run import running

LATER = NOON + timedelta(hours=1)


def compare(world: World) -> list[tuple[str, str]]:
    reconcile.run(Connection.objects.select_related("shop").get(shop=world.shop), at=LATER)
    return list(Finding.objects.order_by("pk").values_list("kind", "refund_id"))


def test_where_both_say_the_same_nothing_is_found(world: World, market: Market) -> None:
    market.hold(factories.case(world.shop))
    assert compare(world) == []


def test_a_refund_the_marketplace_paid_by_itself_is_found_and_its_parcel_stopped(world: World, market: Market) -> None:
    case = factories.case(world.shop)
    market.hold(case)
    market.change(case.refund_id, status="SUCCESS")
    assert compare(world) == [("paid_elsewhere", case.refund_id)]
    case.refresh_from_db()
    assert (case.phase, case.money, case.status) == ("success", "confirmed", "goods_open")
    assert Handoff.objects.filter(case=case, kind="stop_parcel", status__in=("open", "claimed")).exists()
    found = Finding.objects.get()
    assert found.owner == case.owner
    assert compare(world) == [("paid_elsewhere", case.refund_id)]  # seen again, it stays one


def test_an_application_the_desk_never_heard_of_is_found_and_taken_in(world: World, market: Market) -> None:
    case = factories.case(world.shop)
    market.hold(case)
    market.held["990001"] = market.held.pop(case.refund_id)
    market.held["990001"].refund_id = "990001"
    market.held["990001"].raw |= {"refund_id": "990001", "oid": "990002", "tid": "990003"}
    assert compare(world) == [("missed", "990001")]
    assert Case.objects.filter(refund_id="990001", path=1).exists()


def test_a_payment_recorded_by_hand_that_never_came_is_found(world: World, market: Market) -> None:
    case = stopped(world)
    market.hold(case)
    made = decision.propose(case.pk, Proposal("full_refund", "同意退款"), by=world.support, at=NOON)
    decision.carry_out(made.pk, by=world.support, at=NOON, reference="后台")
    assert compare(world) == [("not_paid", case.refund_id)]


def test_closed_though_a_payment_was_recorded_is_found_and_the_order_unknown(world: World, market: Market) -> None:
    case = stopped(world)
    market.hold(case)
    made = decision.propose(case.pk, Proposal("full_refund", "同意退款"), by=world.support, at=NOON)
    decision.carry_out(made.pk, by=world.support, at=NOON, reference="后台")
    market.change(case.refund_id, status="CLOSED")
    assert compare(world) == [("closed_elsewhere", case.refund_id)]
    assert RefundOrder.objects.get().status == "unknown"


def test_another_amount_than_was_ordered_is_found(world: World, market: Market, hands: Hands) -> None:
    made = running(world, market, 1)
    payments.run(made.pk, now=hands)
    (refund_id,) = market.held
    market.held[refund_id].amount = Decimal("49.00")
    assert compare(world) == [("amount", refund_id)]


def test_a_status_without_a_meaning_is_queued_with_its_raw_code(
    world: World, market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = factories.case(world.shop)
    market.hold(case)
    market.change(case.refund_id, status="WAIT_FOR_THE_MOON")
    known = Market._state

    def unmapped(self: Market, one: Any) -> State:
        state = known(self, one)
        return State(**{**state.__dict__, "unmapped": True})

    monkeypatch.setattr(Market, "_state", unmapped)
    assert compare(world) == [("unmapped", case.refund_id)]
    found = Finding.objects.get()
    assert found.market == "WAIT_FOR_THE_MOON ¥50.00"
    case.refresh_from_db()
    assert (case.marketplace_status, case.phase) == ("WAIT_FOR_THE_MOON", "unknown")


def test_a_settled_finding_stays_settled_until_something_new_is_said(world: World, market: Market) -> None:
    case = stopped(world)
    market.hold(case)
    made = decision.propose(case.pk, Proposal("full_refund", "同意退款"), by=world.support, at=NOON)
    decision.carry_out(made.pk, by=world.support, at=NOON, reference="后台")
    compare(world)
    found = Finding.objects.get()
    assert findings.settle(found.pk, note="已在后台核对", by=world.support, at=LATER)
    assert not findings.settle(found.pk, note="已在后台核对", by=world.supervisor, at=LATER)
    compare(world)
    assert Finding.objects.count() == 1


def test_a_marketplace_that_cannot_be_reached_is_said_and_nothing_is_lost(world: World, market: Market) -> None:
    market.down = True
    counts = reconcile.run(Connection.objects.select_related("shop").get(), at=LATER)
    assert counts["failed"] == "cannot be reached"


# Reading what changed -------------------------------------------------------------------------------------------------


def test_the_cursor_moves_on_only_after_all_was_stored(
    world: World, market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection = Connection.objects.select_related("shop").get()
    connection.pulled_until = NOON - timedelta(hours=1)
    asked: list[tuple[Any, Any]] = []

    def pull(since: Any, until: Any, **_how: Any) -> Any:
        asked.append((since, until))
        if len(asked) == 2:
            raise Later("down")
        yield from ()

    monkeypatch.setattr(market, "pull", pull)
    reading.pull(connection, at=NOON)
    connection.refresh_from_db()
    assert (connection.pulled_until, asked[0]) == (NOON, (NOON - timedelta(minutes=65), NOON))
    reading.pull(connection, at=LATER)
    connection.refresh_from_db()
    assert (connection.pulled_until, connection.pull_error, connection.failing_since) == (NOON, "down", LATER)
    reading.pull(connection, at=LATER + timedelta(minutes=1))
    connection.refresh_from_db()
    assert asked[2][0] == NOON - timedelta(minutes=5)
    assert (connection.pull_error, connection.failing_since) == ("", None)


def test_a_long_absence_is_made_up_for_in_steps(world: World, market: Market, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []
    monkeypatch.setattr(market, "pull", lambda _since, until, **_how: iter(asked.append(until) or ()))
    connection = Connection.objects.select_related("shop").get()
    while connection.pulled_until != NOON:
        reading.pull(connection, at=NOON)
        connection.refresh_from_db()
    assert asked == [NOON - timedelta(hours=hours) for hours in range(66, -1, -6)]


def test_what_is_pulled_becomes_cases(world: World, market: Market) -> None:
    case = factories.case(world.shop)
    market.hold(case)
    market.change(case.refund_id, amount=Decimal("12.30"))
    assert reading.pull(Connection.objects.select_related("shop").get(), at=LATER) == 1
    case.refresh_from_db()
    assert (case.amount, case.refund_version) == (Decimal("12.30"), "2")


# Secrets --------------------------------------------------------------------------------------------------------------


def test_secrets_are_sealed_at_rest(world: World) -> None:
    made = connect(world.other_shop)
    row = Connection.objects.values().get(pk=made.pk)
    assert "test-secret" not in str(row)
    assert "test-session" not in str(row)
    assert vault.unseal(row["sealed_secret"]) == "test-secret"


def test_a_changed_key_opens_what_an_older_one_sealed(settings: Any) -> None:
    settings.CREDENTIALS_KEY = "older" * 10
    token = vault.seal("a secret")
    settings.CREDENTIALS_KEY = "newer" * 10 + "," + "older" * 10
    assert vault.unseal(token) == "a secret"
    settings.CREDENTIALS_KEY = "another" * 10
    with pytest.raises(vault.Sealed):
        vault.unseal(token)


def test_a_lost_key_is_said_and_a_batch_waits(world: World, settings: Any) -> None:
    made = connect(world.shop)
    settings.CREDENTIALS_KEY = "another" * 10
    connections.test(made, at=NOON)
    assert made.test_ok is False
    reading.pull(made, at=NOON)
    made.refresh_from_db()
    assert made.failing_since == NOON
