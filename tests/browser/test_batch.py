"""Many refunds at once, in a browser: planned, one left out, the sum typed, watched while they go through a gateway."""

import threading
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection as database
from django.utils import timezone
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from handoffs import payments
from handoffs.flow import answer
from handoffs.flow.answer import Given
from handoffs.gateway import Gateway
from handoffs.management.commands.gateway import connect, hold
from handoffs.marketplaces.taobao import limit
from handoffs.models import Case, Handoff, RefundBatch
from handoffs.seeds.load import load
from tests import factories
from tests.browser.test_screens import PHONE, log_in
from tests.factories import World

COUNT = 45


@pytest.fixture
def world(transactional_db: None) -> World:
    load()
    return factories.world()


@pytest.fixture
def cases(world: World) -> list[Case]:
    """Path 1 cases whose parcels the warehouse has stopped."""
    now = timezone.now()
    for _number in range(COUNT):
        factories.case(world.shop, at=now, amount=Decimal("50.00"))
    for asked in Handoff.objects.filter(kind="stop_parcel"):
        answer.answer(asked.pk, Given("stopped"), by=world.warehouse, at=now)
    return list(Case.objects.order_by("pk"))


@pytest.fixture
def gateway(world: World, cases: list[Case], monkeypatch: pytest.MonkeyPatch) -> Iterator[Gateway]:
    monkeypatch.setattr(limit, "CALLS_A_SECOND", 10_000.0)
    monkeypatch.setattr(limit, "_buckets", {"12345678": limit.Bucket(10_000.0)})
    with Gateway() as made:
        hold(made, world.shop)
        connect(made, world.shop)
        yield made


def work(batch_id: int) -> threading.Thread:
    """A worker of its own, as beside the web process."""

    def run() -> None:
        try:
            while payments.run(batch_id):
                pass
        finally:
            database.close()

    thread = threading.Thread(target=run)
    thread.start()
    return thread


@pytest.mark.slow
def test_a_batch_is_planned_confirmed_and_watched(
    page: Page, live_server: LiveServer, world: World, gateway: Gateway, cases: list[Case]
) -> None:
    page.set_default_timeout(15_000)
    factories.case(world.shop, at=timezone.now())  # its parcel may still leave
    log_in(page, live_server, world.support)
    page.goto(f"{live_server.url}/batches/")
    page.get_by_role("button", name="Plan all that can be refunded").click()
    page.wait_for_url("**/batches/*/")
    main = page.locator("main")
    expect(main).to_contain_text(f"{COUNT} refunds, ¥2250.00")
    expect(main).to_contain_text("3 calls to the marketplace")
    page.locator("input[name=row]").first.uncheck()
    expect(page.locator("[data-rd-sum]")).to_have_text("2200.00")
    page.fill("[name=typed]", "2250")
    page.get_by_role("button", name="Refund them now").click()
    expect(page.locator("[role=alert]")).to_contain_text("2200.00")
    page.fill("[name=typed]", "2200")
    page.get_by_role("button", name="Refund them now").click()
    expect(main).to_contain_text("running")
    worker = work(RefundBatch.objects.get().pk)
    expect(page.locator(".rd-strip")).to_contain_text(f"{COUNT - 1}paid and confirmed", timeout=60_000)
    expect(page.locator("main .rd-chip").first).to_have_text("done")  # without anybody loading the page again
    worker.join(60)
    assert RefundBatch.objects.get().status == "done"
    assert {len(fens) for fens in gateway.paid.values()} == {1}
    assert len(gateway.paid) == COUNT - 1
    page.reload()
    expect(page.locator("tbody tr")).to_have_count(COUNT - 1)


@pytest.mark.slow
def test_the_screens_of_money_fit_a_phone(
    page: Page, live_server: LiveServer, world: World, gateway: Gateway, cases: list[Case]
) -> None:
    page.set_viewport_size(PHONE)
    log_in(page, live_server, world.manager)
    page.goto(f"{live_server.url}/batches/")
    page.locator("main button.rd-main").click()
    page.wait_for_url("**/batches/*/")
    screens: list[Any] = [page.url, *(f"{live_server.url}{at}" for at in ("/batches/", "/unsettled/", "/connections/"))]
    for address in [*screens, f"{live_server.url}/connections/{world.shop.pk}/"]:
        page.goto(address)
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"], address
