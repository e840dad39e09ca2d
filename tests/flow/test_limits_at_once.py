"""A limit remembers what anyone granted on the order, also at the same moment and on another of its cases."""

from datetime import timedelta
from decimal import Decimal

import pytest

from accounts.models import Limit
from handoffs.flow import decision
from handoffs.flow.approve_many import Wish, approve_many
from handoffs.flow.decision import Proposal
from handoffs.models import Case, Decision
from tests import factories
from tests.factories import NOON, World
from tests.races import DOUBLED, exactly, race, together

pytestmark = pytest.mark.django_db(transaction=True)
LATER = NOON + timedelta(minutes=5)
NOBODY_HOLDS = {"handoffs.flow.grant.hold_order": lambda _case: None}


@pytest.fixture
def world(transactional_db: None) -> World:
    from handoffs.seeds.load import load

    load()
    return factories.world()


def cases_of_one_order(world: World, number: int) -> list[Case]:
    made = {"path": 3, "amount": Decimal(90), "total_fee": Decimal(90), "order_id": "2900"}
    return [factories.case(world.shop, **made, line_id=str(line)) for line in range(number)]


def granted() -> int:
    return Decision.objects.filter(status="approved").count()


@race("handoffs.flow.grant.granted_before", ends=DOUBLED, off=NOBODY_HOLDS)
def test_three_times_ninety_at_once_do_not_pass_a_limit_of_a_hundred(world: World) -> None:
    Limit.objects.create(user=world.support, amount=Decimal(100))
    wanted = Proposal("compensation", "商品破损，买家已提供照片", Decimal(90))
    together(*(
        lambda case=case: decision.propose(case.pk, wanted, by=world.support, at=LATER)
        for case in cases_of_one_order(world, 3)
    ))  # fmt: skip
    exactly(granted(), 1)


@race("handoffs.flow.grant.granted_before", ends=DOUBLED, off=NOBODY_HOLDS)
def test_two_supervisors_approving_at_once_keep_to_the_limit_of_each(world: World) -> None:
    Limit.objects.create(user=world.supervisor, amount=Decimal(100))
    Limit.objects.create(user=world.manager, amount=Decimal(100))
    wanted = Proposal("compensation", "商品破损，买家已提供照片", Decimal(90), ask=True)
    made = [
        decision.propose(case.pk, wanted, by=world.support, at=NOON) for case in cases_of_one_order(world, 2)
    ]  # fmt: skip
    together(*(
        lambda each=each, by=by: decision.approve(each.pk, by=by, at=LATER)
        for each, by in zip(made, (world.supervisor, world.manager), strict=True)
    ))  # fmt: skip
    exactly(granted(), 1)


def test_many_approved_at_once_keep_to_it_too(world: World) -> None:
    Limit.objects.create(user=world.supervisor, amount=Decimal(100))
    Limit.objects.create(user=world.manager, amount=Decimal(100))
    wanted = Proposal("compensation", "商品破损，买家已提供照片", Decimal(90), ask=True)
    made = [decision.propose(case.pk, wanted, by=world.support, at=NOON) for case in cases_of_one_order(world, 2)]
    together(*(
        lambda each=each, by=by: approve_many({each.pk: Wish()}, by=by, at=LATER)
        for each, by in zip(made, (world.supervisor, world.manager), strict=True)
    ))  # fmt: skip
    exactly(granted(), 1)
