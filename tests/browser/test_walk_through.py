"""What a job costs, counted: from the queue to “responded”, “handed off”, “approved”, at most 3 clicks or 4 keys.

docs/walkthrough.md keeps the counts; this fails when it does not say what was counted.
"""

import re
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from django.conf import settings
from django.utils import timezone
from playwright.sync_api import Locator, Page
from pytest_django.live_server_helper import LiveServer

from accounts.models import DutyShift, User
from handoffs.flow import decision
from handoffs.models import Case, Decision, Response
from handoffs.seeds.load import load
from tests import factories
from tests.browser.test_screens import PHONE, log_in
from tests.factories import World

CLICKS, KEYS = 3, 4
DOC = Path(settings.BASE_DIR) / "docs" / "walkthrough.md"


class Hand:
    """A person at the desk: every click and every key is counted."""

    def __init__(self, page: Page) -> None:
        self.page, self.count = page, 0

    def click(self, target: Locator) -> None:
        self.count += 1
        target.click()
        self.page.wait_for_load_state()

    def press(self, *keys: str) -> None:
        for key in keys:
            self.count += 1
            self.page.keyboard.press(key)
            self.page.wait_for_load_state()


DESKTOP = {"width": 1280, "height": 800}


@pytest.fixture
def world(transactional_db: None) -> World:
    load()
    made = factories.world()
    DutyShift.objects.update(starts_at=timezone.now() - timedelta(days=1))
    return made


@pytest.fixture
def case(world: World) -> Case:
    made = factories.case(world.shop, path=2, at=timezone.now() - timedelta(minutes=10))
    Case.objects.filter(pk=made.pk).update(owner=world.support)
    return made


def home(page: Page, server: LiveServer, user: User) -> Hand:
    log_in(page, server, user)
    page.goto(server.url)
    return Hand(page)


def in_the_doc(job: str) -> tuple[int, int]:
    """(clicks, keys) as docs/walkthrough.md tells them."""
    found = re.search(rf"\| {job} \|[^|]*\| (\d) \|[^|]*\| (\d) \|", DOC.read_text())
    assert found, job
    return int(found[1]), int(found[2])


def check(job: str, hand: Hand, kind: str) -> None:
    clicks, keys = in_the_doc(job)
    most, told = (CLICKS, clicks) if kind == "mouse" else (KEYS, keys)
    assert hand.count == told <= most


Way = Callable[[Hand, Page], None]


def respond_by_mouse(hand: Hand, page: Page) -> None:
    hand.click(page.locator("#queue-mine a[data-key=n]").first)
    hand.click(page.locator("[data-rd-template]").first)
    hand.click(page.locator("form button.rd-main").last)


def respond_by_keys(hand: Hand, page: Page) -> None:
    hand.press("j", "r")
    page.wait_for_url("**/do/respond/")
    hand.press("1", "Control+Enter")


@pytest.mark.parametrize("size", [DESKTOP, pytest.param(PHONE, marks=pytest.mark.slow)], ids=["desktop", "phone"])
@pytest.mark.parametrize("language", [pytest.param("en", marks=pytest.mark.slow), "zh-hans"])
@pytest.mark.parametrize(("kind", "way"), [("mouse", respond_by_mouse), ("keys", respond_by_keys)])
def test_responded(
    page: Page,
    live_server: LiveServer,
    world: World,
    case: Case,
    kind: str,
    way: Way,
    language: str,
    size: dict[str, int],
) -> None:
    User.objects.update(language=language)
    page.set_viewport_size(size)  # type: ignore[arg-type]
    hand = home(page, live_server, world.support)
    way(hand, page)
    page.wait_for_url("**/change/")
    assert "{" not in Response.objects.get(case=case).message
    check("responded", hand, kind)


def hand_off_by_mouse(hand: Hand, page: Page) -> None:
    hand.click(page.locator("#queue-mine tbody td a.rd-link").first)
    hand.click(page.locator("a[href$='/do/recall_parcel/']").first)
    hand.click(page.locator("form button.rd-main").last)


def hand_off_by_keys(hand: Hand, page: Page) -> None:
    hand.press("j", "h")
    page.wait_for_url("**/change/#everything")
    hand.press("1")
    page.wait_for_url("**/do/*/")
    hand.press("Control+Enter")


@pytest.mark.parametrize(
    ("kind", "way"), [("mouse", hand_off_by_mouse), pytest.param("keys", hand_off_by_keys, marks=pytest.mark.slow)]
)
def test_handed_off(page: Page, live_server: LiveServer, world: World, case: Case, kind: str, way: Way) -> None:
    hand = home(page, live_server, world.support)
    way(hand, page)
    page.wait_for_url("**/change/")
    assert case.handoffs.get().asker == world.support
    check("handed off", hand, kind)


def approve_by_mouse(hand: Hand, page: Page) -> None:
    hand.click(page.locator("#queue-approve tbody a").first)
    hand.click(page.locator("button[data-key=a]").first)


def approve_by_keys(hand: Hand, page: Page) -> None:
    hand.press("j", "o")
    page.wait_for_url("**/approvals/#decision-*")
    hand.press("a")


@pytest.mark.parametrize(
    ("kind", "way"), [("mouse", approve_by_mouse), pytest.param("keys", approve_by_keys, marks=pytest.mark.slow)]
)
def test_approved(page: Page, live_server: LiveServer, world: World, kind: str, way: Way) -> None:
    costly = factories.case(world.shop, path=3, at=timezone.now(), amount=Decimal(500), total_fee=Decimal(500))
    wanted = decision.Proposal("full_refund", "商品有质量问题，照片已看")
    made = decision.propose(costly.pk, wanted, by=world.support, at=timezone.now())
    hand = home(page, live_server, world.supervisor)
    way(hand, page)
    page.wait_for_load_state("networkidle")
    assert Decision.objects.get(pk=made.pk).status == "approved"
    check("approved", hand, kind)
