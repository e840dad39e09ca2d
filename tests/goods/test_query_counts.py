"""The goods pages cost as many statements for six rows as for two."""

from decimal import Decimal

import pytest
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from handoffs.flow import handoff, receiving, stopping
from handoffs.models import CarrierClaim, Case, Fact, Interception
from tests import factories
from tests.factories import NOON, World


@pytest.fixture
def world(db: None) -> World:
    return factories.world()


def count(user: User, page: str) -> int:
    client = Client()
    client.force_login(user, backend="accounts.backends.RoleBackend")
    client.get(page)
    cache.clear()  # what is kept there for some seconds may be gone at any moment
    with CaptureQueriesContext(connection) as asked:
        assert client.get(page).status_code == 200
    return len(asked)


def add(world: World, number: int, start: int) -> None:
    """So many parcels to stop, exposed refunds, claims and orphans more."""
    for i in range(start, start + number):
        case = factories.case(
            world.shop, path=2, outbound=[("中通快递", f"ZTO9{i:05d}")], amount=Decimal(20), total_fee=Decimal(20)
        )
        handoff.ask(case.pk, handoff.Question("recall_parcel"), by=world.support, at=NOON)
        CarrierClaim.objects.create(case=case, parcel=case.parcels.get(), amount=5, opened_at=NOON)
        other = factories.case(world.shop, path=2, outbound=[("中通快递", f"ZTO8{i:05d}")])
        Case.objects.filter(pk=other.pk).update(status="goods_open", money="confirmed")
        receiving.receive(
            receiving.Receipt(f"key-orphan-{i}", f"XX{i:07d}", shop_id=world.shop.pk), by=world.warehouse, at=NOON
        )
        spared = factories.case(world.shop)
        Fact.objects.create(case=spared, what="not_picked", rank=Fact.Rank.ANSWER, at=NOON)
        Interception.objects.create(key=f"key-alone-{i}", case=spared, via="system", at=NOON)
        factories.case(world.shop, path=4, marketplace_status="WAIT_BUYER_RETURN_GOODS", phase="wait_buyer_return")


def test_six_rows_cost_no_more_statements_than_two(world: World) -> None:
    pages = ("/stops/", "/exposure/", "/claims/", "/orphans/")
    add(world, 2, 0)
    assert len(stopping.system_alone(world.manager)) == 2
    few = {page: count(world.manager, page) for page in pages}
    add(world, 4, 100)
    assert {page: count(world.manager, page) for page in pages} == few
