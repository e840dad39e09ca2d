"""The jobs around the queue, done in a real browser: in both languages, at a desk and on a phone."""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from accounts.models import DutyShift, User
from handoffs import bots
from handoffs.flow import decision, response
from handoffs.models import Channel, Clock, ClockPolicy, Decision
from handoffs.seeds.load import load
from tests import factories
from tests.browser.test_screens import PHONE, log_in
from tests.factories import World

DESK = {"width": 1280, "height": 800}
MINUTE = timedelta(minutes=1)


@pytest.fixture
def world(transactional_db: None) -> World:
    load()
    made = factories.world()
    DutyShift.objects.update(starts_at=timezone.now() - timedelta(days=1))
    return made


@pytest.fixture(params=["zh-hans-desk", pytest.param("en-phone", marks=pytest.mark.slow)])
def go(request: Any, page: Page, live_server: LiveServer, world: World) -> Callable[[str, str], Page]:
    """Log in as a role and open a place; whatever is opened must fit, and speak one language."""
    language, _, size = request.param.rpartition("-")
    User.objects.update(language=language)
    width = (PHONE if size == "phone" else DESK)["width"]

    def opened(role: str, place: str) -> Page:
        page.set_viewport_size(PHONE if size == "phone" else DESK)  # type: ignore[arg-type]
        log_in(page, live_server, world.people[role])
        page.goto(f"{live_server.url}{place}")
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert page.locator("html").get_attribute("lang") == language
        return page

    return opened


@pytest.mark.slow
def test_a_chat_channel_is_made_and_tried(
    go: Callable[[str, str], Page], world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[tuple[str, ...]] = []
    monkeypatch.setattr(bots, "send", lambda *words: told.append(words))
    page = go("support", "/me/channels/new/")
    page.fill("#id_label", "我的群")
    page.fill("#id_address", "dingtalk://token98765")
    page.click("button[value=save]")
    page.wait_for_url("**/me/channels/*/")
    page.click("button[value=test]")
    expect(page.locator("body")).to_contain_text(
        "Look into the chat" if told and "test" in told[0][2] else "请到群里查看"
    )
    assert Channel.objects.get().told_at is not None
    assert [address for address, *_words in told] == ["dingtalk://token98765"]


@pytest.mark.slow
def test_a_rule_shows_its_effect_and_moves_what_is_open(go: Callable[[str, str], Page], world: World) -> None:
    factories.case(world.shop, path=3, at=timezone.now() - 20 * MINUTE)
    policy = ClockPolicy.objects.get(clock="first_response", shop=None)
    page = go("manager", f"/handoffs/clockpolicy/{policy.pk}/change/")
    page.fill("#id_minutes", "15")
    page.locator("[name=_save]").first.click()
    expect(page.locator(".rd-strip b").nth(2)).to_have_text("1")
    page.check("input[name=_apply][value=open]")
    page.click("main button.rd-main")
    page.wait_for_url("**/handoffs/clockpolicy/**")
    assert Clock.objects.get(kind="first_response").terms.data["minutes"] == 15


def test_whoever_leaves_writes_a_note_for_who_follows(go: Callable[[str, str], Page], world: World) -> None:
    page = go("support", "/duty/hand-over/")
    page.fill("[name=note]", "顺丰那单下午回电话")
    page.click("main button.rd-main")
    expect(page.locator("[name=note]")).to_have_value("顺丰那单下午回电话")
    assert DutyShift.objects.get(user=world.support).note == "顺丰那单下午回电话"


@pytest.mark.slow
def test_the_digest_is_read_before_it_goes(go: Callable[[str, str], Page], world: World) -> None:
    case = factories.case(world.shop, path=3, at=timezone.now() - 40 * MINUTE)
    page = go("support", "/me/digest/")
    letter = page.frame_locator("iframe.rd-letter")
    expect(letter.locator("body")).to_contain_text(case.refund_id)
    page.click("main button.rd-main")
    page.wait_for_load_state()
    assert world.support.messages.filter(kind="digest").exists()


def test_several_approvals_are_decided_at_once(go: Callable[[str, str], Page], world: World) -> None:
    for _number in range(2):
        case = factories.case(world.shop, path=3, at=timezone.now(), amount=Decimal(500), total_fee=Decimal(500))
        wanted = decision.Proposal("full_refund", "商品有质量问题，照片已看")
        decision.propose(case.pk, wanted, by=world.support, at=timezone.now())
    page = go("supervisor", "/approvals/")
    for box in page.locator("input[name=decision]").all():
        box.check()
    page.locator("button[name=verb][value=approve]").click()
    page.wait_for_load_state("networkidle")
    assert set(Decision.objects.values_list("status", flat=True)) == {"approved"}


def test_a_figure_of_the_reports_opens_the_cases_behind_it(go: Callable[[str, str], Page], world: World) -> None:
    late = factories.case(world.shop, path=3, at=timezone.now() - 40 * MINUTE)
    said = response.Reply("您好，已收到您的申请，正在核实")
    response.respond(late.pk, said, by=world.support, at=timezone.now())
    page = go("supervisor", "/reports/")
    page.locator("main a[href*='of=first'][href*='missed=1']").first.click()
    page.wait_for_load_state()
    expect(page.locator("main")).to_contain_text(late.refund_id)


def test_a_number_of_the_board_opens_its_list(go: Callable[[str, str], Page], world: World) -> None:
    late = factories.case(world.shop, path=3, at=timezone.now() - 40 * MINUTE)
    page = go("supervisor", "/board/")
    page.locator("main a.rd-card:has(.rd-late)").first.click()
    page.wait_for_load_state()
    expect(page.locator("main")).to_contain_text(late.refund_id)


@pytest.mark.slow
def test_the_guide_of_the_role_and_its_pictures(go: Callable[[str, str], Page], world: World) -> None:
    page = go("warehouse", "/guide/")
    page.wait_for_url("**/guide/warehouse/")
    pictures = page.locator("main img")
    assert pictures.count() >= 2
    for picture in pictures.all():
        picture.scroll_into_view_if_needed()
        expect(picture).to_have_js_property("complete", value=True)
        assert picture.evaluate("image => image.naturalWidth") > 0
        assert picture.get_attribute("alt")
