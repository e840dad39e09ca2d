"""The live queue and the case page in both languages, at a desk and on a phone."""

from collections.abc import Callable
from datetime import timedelta

from django.utils import timezone
from playwright.sync_api import Page, expect

from handoffs import sweep
from handoffs.flow import handoff, owner
from handoffs.models import Case
from tests import factories
from tests.browser.test_jobs_in_both_languages import MINUTE, go, world
from tests.factories import World

__all__ = ["go", "world"]
Go = Callable[[str, str], Page]


def loose(world: World, refund_id: str) -> Case:
    """A case that nobody owns."""
    made = factories.case(world.shop, at=timezone.now() - 10 * MINUTE, refund_id=refund_id)
    owner.put_back(made.pk, by=world.manager, at=timezone.now())
    return made


def test_news_comes_by_itself_and_a_tick_stays(page: Page, go: Go, world: World) -> None:
    page.clock.install(time=timezone.now())
    loose(world, "7700001")
    go("support", "/")
    box = page.locator("#queue-open input[name=case]").first
    box.check()
    loose(world, "7700002")
    page.clock.fast_forward("00:09")
    expect(page.get_by_text("7700002")).to_be_visible()
    assert page.locator("#queue-open input[name=case]:checked").count() == 1
    page.locator("#many button[data-key=t]").click()
    expect(page.locator("#queue-mine tbody tr")).to_have_count(1)
    assert Case.objects.get(refund_id="7700001").owner == world.support


def test_the_case_explains_itself(page: Page, go: Go, world: World) -> None:
    """Why this path, why due then, who held it for how long, what else the buyer asked for: each at most one click."""
    applied = timezone.now() - timedelta(hours=3)
    case = factories.case(world.shop, path=2, at=applied, buyer_nick="同一个买家")
    other = factories.case(world.shop, path=3, at=applied, buyer_nick="同一个买家")
    handoff.ask(case.pk, handoff.Question("recall_parcel"), by=world.support, at=applied + 40 * MINUTE)
    sweep.run(at=timezone.now())
    go("support", f"/handoffs/case/{case.pk}/change/")
    why_path, why_due = page.locator("details:has(dl.rd-facts)").first, page.locator("details:has(summary)")
    why_path.locator("summary").click()
    expect(why_path.locator("p").first).to_be_visible()
    assert why_due.count() >= 2
    expect(page.locator(".rd-fall")).to_be_visible()
    expect(page.get_by_text(other.refund_id).first).to_be_visible()
    expect(page.locator(".rd-next a.rd-main, .rd-next b").first).to_be_visible()


def test_the_composer_fills_and_counts(page: Page, go: Go, world: World) -> None:
    case = factories.case(world.shop, path=2, at=timezone.now())
    go("support", f"/cases/{case.pk}/do/respond/")
    page.locator("[data-rd-template]").first.click()
    written = page.input_value("#id_message")
    assert case.refund_id in written
    assert "{" not in written
    expect(page.locator("#id_message + small")).to_contain_text(str(len(written)))
