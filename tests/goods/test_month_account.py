"""A month's account of parcels and claims: every fen is somewhere, and a month that is over stays as it was."""

from datetime import timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from handoffs.flow import acts, claims, statement
from tests import factories
from tests.factories import NOON, World
from tests.goods.test_nothing_slips import TWO, paid

DAY, HOUR = timedelta(days=1), timedelta(hours=1)


def month(world: World, at: Any = NOON) -> statement.Account:
    (account,) = statement.of_month(at.date(), by=world.manager, zone=ZoneInfo("Asia/Shanghai"))
    return account


def balanced(account: statement.Account) -> bool:
    out = account.recovered + account.given_up + account.refused + account.withdrawn + account.still_open
    return account.open_before + account.claimed == out


def test_one_refund_with_two_claims_was_paid_once(world: World) -> None:
    case = factories.case(world.shop, path=2, outbound=TWO)
    paid(case, NOON + HOUR)
    for waybill in ("ZTO0001", "ZTO0002"):
        acts.perform(case.pk, "open_claim", {"waybill": waybill, "amount": "25"}, by=world.support, at=NOON + 2 * HOUR)
    assert (month(world).paid_out, month(world).claimed) == (50, 50)


def test_every_fen_claimed_is_somewhere(world: World) -> None:
    made = []
    for number in range(4):
        case = factories.case(world.shop, path=2, outbound=[("中通快递", f"ZTO000{number}")])
        made.append(claims.open_claim(case, case.parcels.get(), Decimal(50), "lost", by=world.support, at=NOON))
    claims.withdraw(made[0].pk, reason="包裹已经找到", by=world.manager, at=NOON + HOUR)
    claims.accept(made[1].pk, amount=Decimal(20), by=world.manager, at=NOON + HOUR)
    claims.accept(made[2].pk, amount=Decimal(40), by=world.manager, at=NOON + HOUR)
    claims.paid(made[2].pk, amount=Decimal(39), by=world.manager, at=NOON + 2 * HOUR)
    november = month(world)
    assert (november.withdrawn, november.still_open, november.recovered, november.given_up) == (50, 70, 39, 41)
    assert balanced(november)
    claims.paid(made[1].pk, amount=Decimal(15), by=world.manager, at=NOON + 30 * DAY)
    claims.refuse(made[3].pk, reason="快递拒赔，证据不足", by=world.manager, at=NOON + 30 * DAY)
    december = month(world, NOON + 30 * DAY)
    assert (december.open_before, december.recovered, december.given_up, december.refused) == (70, 15, 5, 50)
    assert balanced(december)
    again = month(world)
    assert (again.still_open, again.given_up) == (november.still_open, november.given_up)


def test_a_month_that_is_over_is_not_changed_by_what_comes_later(world: World) -> None:
    case = factories.case(world.shop, path=2)
    acts.perform(case.pk, "open_claim", {"waybill": "ZTO0001", "amount": "50"}, by=world.support, at=NOON)
    before = month(world)
    claims.accept(case.claims.get().pk, amount=Decimal(20), by=world.manager, at=NOON + 40 * DAY)
    paid(case, NOON + 40 * DAY)
    after, december = month(world), month(world, NOON + 40 * DAY)
    assert (before.paid_out, before.still_open) == (after.paid_out, after.still_open) == (0, 50)
    assert (december.paid_out, december.open_before, december.given_up, december.still_open) == (50, 50, 30, 20)
