"""A report that picking began comes while the application is taken in: people are asked, whoever is first."""

from datetime import timedelta

import pytest

from handoffs.flow import reported
from handoffs.models import Handoff, WarehouseOrder, WarehouseSystem
from handoffs.warehouses.base import Progress, Report
from tests import factories
from tests.factories import NOON, World
from tests.races import LOST, exactly, race, together

pytestmark = pytest.mark.django_db(transaction=True)
LATER = NOON + timedelta(minutes=1)


@pytest.fixture
def world(transactional_db: None) -> World:
    return factories.world()


@race("handoffs.flow.unpicked._waiting", "handoffs.flow.unpicked._place", ends=LOST)
def test_picking_that_begins_while_the_row_is_taken_in_is_not_missed(world: World) -> None:
    system = WarehouseSystem.objects.create(code="wms", shop=world.shop, app_key="123")
    WarehouseOrder.objects.create(system=system, code="2711", progress=Progress.WAITING, at=NOON)
    row = factories.row(order_id="2711")
    together(
        lambda: factories.take(world.shop, row, at=LATER),
        lambda: reported.step(system, Report("2711", Progress.PICKING, "PICK", LATER), at=LATER),
    )
    exactly(Handoff.objects.filter(kind="stop_parcel", status="open").count(), 1)
