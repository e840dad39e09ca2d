"""Nothing keeps people with a screen reader, a keyboard or weak eyes from working: axe on every page, both themes."""

from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone
from playwright.sync_api import Browser
from pytest_django.live_server_helper import LiveServer

from handoffs import sweep
from handoffs.flow import decision, handoff, receiving
from handoffs.flow.proposal import Proposal
from handoffs.models import Case, Handoff
from handoffs.seeds.load import load
from tests import factories
from tests.browser.test_screens import log_in
from tests.factories import World

AXE = (Path(__file__).parent / "axe" / "axe-4.14.1.min.js").read_text(encoding="utf-8")
RULES = """axe.run(document, {runOnly: ["wcag2a", "wcag2aa"]}).then((found) => found.violations
  .filter((one) => ["serious", "critical"].includes(one.impact))
  .map((one) => [one.id, one.nodes[0].html.slice(0, 200)]))"""


@pytest.fixture
def world(transactional_db: None) -> World:
    load()
    made, at = factories.world(), timezone.now() - timedelta(minutes=40)
    case = factories.case(made.shop, path=2, at=at, amount=250, total_fee=250)
    for kind in ("recall_parcel", "check_shipped", "ask_quality"):
        handoff.ask(case.pk, handoff.Question(kind, note="请看"), by=made.support, at=at)
    decision.propose(case.pk, Proposal("full_refund", "同意退款"), by=made.support, at=at)
    factories.case(made.shop, path=4, at=at, return_waybill="YT5550001", return_carrier="圆通速递", quantity=1)
    receiving.receive(receiving.Receipt("key-of-an-orphan", "XX99001", shop_id=made.shop.pk), by=made.warehouse, at=at)
    sweep.run(at=timezone.now())
    return made


def addresses(world: World) -> dict[str, list[str]]:
    case, asked = Case.objects.order_by("pk")[0].pk, Handoff.objects.get(kind="ask_quality").pk
    return {
        "manager": ["/", f"/handoffs/case/{case}/change/", f"/cases/{case}/do/respond/", "/approvals/", "/board/",
                    "/reports/", "/scan/?waybill=YT5550001", "/stops/", "/orphans/", "/exposure/", "/claims/",
                    "/connections/", "/connections/warehouses/new/", "/import/", "/messages/", "/me/",
                    "/channels/", "/channels/new/", "/me/channels/new/", "/playbook/", "/start/", "/guide/qc/",
                    "/me/digest/",
                    "/duty/hand-over/",
                    "/handoffs/case/", "/accounts/shop/", "/handoffs/case/?path=2&late=yes", "/?path=9", "/questions/",
                    "/views/", "/board/rejected/",
                    "/me/second-factor/", "/me/tokens/", "/people/second-factors/", "/audit/"],
        "qc": ["/", f"/questions/{asked}/"],
    }  # fmt: skip


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.slow
def test_axe_finds_nothing_serious(browser: Browser, live_server: LiveServer, world: World, theme: str) -> None:
    context = browser.new_context(bypass_csp=True, color_scheme=theme)  # type: ignore[arg-type]
    page, found = context.new_page(), {}
    for role, pages in addresses(world).items():
        log_in(page, live_server, world.people[role])
        for address in pages:
            page.goto(f"{live_server.url}{address}")
            page.evaluate(AXE)
            if wrong := page.evaluate(RULES):
                found[f"{role} {address}"] = wrong
    context.close()
    assert not found
