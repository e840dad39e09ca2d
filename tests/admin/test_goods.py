"""The screens of the goods: exposure with its sum, claims settled, orphans given to a case, parcels to stop."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.test import Client
from django.urls import reverse

from handoffs import sweep
from handoffs.carriers.base import State
from handoffs.flow import handoff, receiving
from handoffs.flow.handoff import Question
from handoffs.flow.receiving import Receipt
from handoffs.models import Case, Interception
from tests import factories
from tests.factories import NOON, World
from tests.goods.telling import event, told


@pytest.fixture
def world(db: None) -> World:
    return factories.world()


def as_(world: World, role: str) -> Client:
    client = Client()
    client.force_login(world.people[role], backend="accounts.backends.RoleBackend")
    return client


def lost(world: World) -> Case:
    case = factories.case(world.shop, path=2, amount=Decimal("88.00"), total_fee=Decimal("88.00"))
    told(case, event(State.IN_TRANSIT, NOON), at=NOON)
    sweep.run(at=NOON + timedelta(days=5))
    return case


def test_money_that_is_gone_without_its_goods_is_listed_with_its_sum(world: World) -> None:
    case = factories.case(world.shop, path=2, amount=Decimal("88.00"))
    paid = factories.ON_PATH[2] | {"order_id": case.order_id, "line_id": case.line_id, "amount": case.amount}
    done = factories.row(case.refund_id, **paid, phase="success", marketplace_status="SUCCESS", modified=NOON)
    factories.take(world.shop, done, at=NOON)
    page = as_(world, "support").get(reverse("admin:handoffs_exposure")).content.decode()
    assert case.refund_id in page
    assert "¥88.00" in page
    told(case, event(State.RETURNED_SIGNED, NOON + timedelta(hours=2)))
    page = as_(world, "support").get(reverse("admin:handoffs_exposure")).content.decode()
    assert case.refund_id not in page
    assert "No money is out without its goods." in page


def test_a_claim_is_followed_up_and_paid_from_its_row(world: World) -> None:
    claim = lost(world).claims.get()
    contact, client = as_(world, "logistics"), as_(world, "support")
    address = reverse("admin:handoffs_claims")
    assert "¥88.00" in contact.get(address).content.decode()
    said = {"row": claim.pk, "verb": "follow_up", "words": "网点称周三答复"}
    assert contact.post(address, said).status_code == 302
    for verb in ("paid", "accept", "refuse", "withdraw"):  # the carrier's contact does not settle our claim
        assert (
            contact.post(address, {"row": claim.pk, "verb": verb, "amount": "1", "words": "证据不足"}).status_code
            == 403
        )
    assert "¥88.00" in client.get(address).content.decode()
    turned_down = client.post(address, {"row": claim.pk, "verb": "refuse", "words": ""})
    assert turned_down.status_code == 400
    client.post(address, {"row": claim.pk, "verb": "paid", "amount": "80", "words": "LP1"})
    claim.refresh_from_db()
    assert (claim.status, claim.recovered, claim.reference) == ("paid", Decimal("80.00"), "LP1")
    assert client.post(address, {"row": claim.pk, "verb": "paid"}).status_code == 400


def test_an_orphan_is_given_to_the_case_that_is_named(world: World) -> None:
    kept = receiving.receive(
        Receipt("key-00001", "ZT12345678", shop_id=world.shop.pk), by=world.warehouse, at=NOON
    ).orphan_id
    case = factories.case(world.shop, path=4)
    client, address = as_(world, "support"), reverse("admin:handoffs_orphans")
    assert "ZT12345678" in client.get(address).content.decode()
    assert client.post(address, {"row": kept, "verb": "assign", "number": "no such"}).status_code == 400
    client.post(address, {"row": kept, "verb": "assign", "number": case.refund_id})
    assert case.handoffs.get(kind="receive_return").parcel.waybill == "ZT12345678"


def test_a_parcel_called_back_stands_on_the_board_with_its_fee(world: World) -> None:
    case = factories.case(world.shop, path=2)
    asked = handoff.ask(case.pk, Question("recall_parcel"), by=world.support, at=NOON)
    client, address = as_(world, "support"), reverse("admin:handoffs_stops")
    assert "ZTO0001" in client.get(address).content.decode()
    assert client.post(address, {"row": asked.pk, "verb": "fee", "fee": "-1", "payer": "shop"}).status_code == 400
    client.post(address, {"row": asked.pk, "verb": "fee", "fee": "4.5", "payer": "shop"})
    assert Interception.objects.get().fee == Decimal("4.50")
    assert "¥4.50" in client.get(address).content.decode()


def test_the_case_shows_the_trace_of_its_parcel(world: World) -> None:
    case = factories.case(world.shop, path=2)
    told(case, event(State.OUT_FOR_DELIVERY, NOON, "正在派件"))
    page = as_(world, "support").get(reverse("admin:handoffs_case_change", args=[case.pk])).content.decode()
    assert "正在派件" in page
    assert "out for delivery" in page
