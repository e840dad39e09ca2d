"""Filters, views and handing off many in a real browser: at a desk and on a phone, in both languages."""

import re
from datetime import timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from accounts.models import DutyShift, User
from handoffs.flow import owner, views
from handoffs.models import Case, Handoff, SavedView
from handoffs.seeds.load import load
from tests import factories
from tests.browser.test_screens import PHONE, log_in
from tests.factories import World

DESKTOP = {"width": 1280, "height": 900}
# Either language and either size; that a long word meets a narrow page is what the phone is for.
READERS = pytest.mark.parametrize(
    ("language", "size"),
    [
        pytest.param("en", PHONE, id="en-phone"),
        pytest.param("zh-hans", DESKTOP, id="zh-hans-desktop", marks=pytest.mark.slow),
    ],
)
WORDS = {
    "en": {"filters": "Filters", "late": "Late", "hidden": "No row fits all the filters."},
    "zh-hans": {"filters": "筛选", "late": "已超时", "hidden": "没有同时符合所有筛选条件的内容。"},
}


@pytest.fixture
def world(transactional_db: None) -> World:
    load()
    made = factories.world()
    DutyShift.objects.update(starts_at=timezone.now() - timedelta(days=1))
    return made


@pytest.fixture
def desk(page: Page, live_server: LiveServer, world: World) -> Page:
    """Two unowned cases on path 1, one of them late, and one on path 2."""
    now = timezone.now()
    loose(world, "late", at=now - timedelta(minutes=40))
    loose(world, "soon", at=now - timedelta(minutes=5))
    loose(world, "gone", at=now - timedelta(minutes=5), path=2)
    page.clock.install(time=now)
    log_in(page, live_server, world.support)
    return page


def loose(world: World, number: str, **fields: object) -> Case:
    made = factories.case(world.shop, refund_id=number, **fields)  # type: ignore[arg-type]
    owner.put_back(made.pk, by=world.manager, at=timezone.now())
    return made


def rows(page: Page) -> set[str]:
    return {text.rsplit("·", 1)[-1].strip() for text in page.locator("tr[data-rd-row] small").all_inner_texts()}


def fits(page: Page) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"))


@READERS
@pytest.mark.parametrize("where", ["/", pytest.param("/handoffs/case/", marks=pytest.mark.slow)])
def test_filters_are_chosen_and_stand_in_the_address(
    desk: Page, live_server: LiveServer, size: dict[str, int], language: str, where: str
) -> None:
    User.objects.update(language=language)
    desk.set_viewport_size(size)  # type: ignore[arg-type]
    desk.goto(f"{live_server.url}{where}")
    desk.locator("summary", has_text=WORDS[language]["filters"]).click()
    assert fits(desk)
    desk.select_option("[data-rd-filters] [name=path]", "1")
    desk.wait_for_url(f"**{where}?path=1")
    assert rows(desk) == {"late", "soon"}
    desk.get_by_role("link", name=WORDS[language]["late"], exact=True).click()
    desk.wait_for_url(f"**{where}?late=yes")
    assert rows(desk) == {"late"}
    assert fits(desk)
    desk.goto(f"{live_server.url}{where}?late=yes&path=2")
    expect(desk.locator("#hiding")).to_contain_text(WORDS[language]["hidden"])
    assert fits(desk)
    desk.locator("#hiding a").first.click()
    desk.wait_for_url(f"**{where}?path=2")
    assert rows(desk) == {"gone"}


@pytest.mark.parametrize("where", ["/", pytest.param("/handoffs/case/", marks=pytest.mark.slow)])
def test_news_that_come_by_themselves_keep_to_the_filters(
    desk: Page, live_server: LiveServer, world: World, where: str
) -> None:
    desk.goto(f"{live_server.url}{where}?path=1")
    assert rows(desk) == {"late", "soon"}
    loose(world, "newcomer", at=timezone.now())
    loose(world, "stranger", at=timezone.now(), path=2)
    with desk.expect_response(lambda response: response.request.headers.get("x-live") == "1") as asked:
        desk.clock.fast_forward("00:16")
    assert asked.value.url.endswith(f"{where}?path=1")
    expect(desk.get_by_text("newcomer")).to_be_visible()
    assert rows(desk) == {"late", "soon", "newcomer"}


def test_an_unchanged_narrowed_list_answers_304(desk: Page, live_server: LiveServer) -> None:
    desk.goto(f"{live_server.url}/handoffs/case/?path=1")
    statuses = []
    for _time in range(2):
        with desk.expect_response(lambda response: response.request.headers.get("x-live") == "1") as asked:
            desk.clock.fast_forward("00:15")
        statuses.append(asked.value.status)
    assert statuses[-1] == 304


@READERS
def test_a_view_is_saved_started_with_renamed_and_deleted(
    desk: Page, live_server: LiveServer, size: dict[str, int], language: str
) -> None:
    User.objects.update(language=language)
    desk.set_viewport_size(size)  # type: ignore[arg-type]
    desk.goto(f"{live_server.url}/?path=1&late=1")
    desk.locator(".rd-narrow-by details").nth(1).locator("summary").click()
    desk.fill("[name=name]", "Path 1 soon")
    desk.check("[name=start]")
    assert fits(desk)
    desk.locator(".rd-narrow-by details").nth(1).locator("button").click()
    chosen = desk.locator(".rd-views [aria-current]")
    expect(chosen).to_contain_text("Path 1 soon")
    desk.goto(live_server.url)
    desk.wait_for_url("**/?late=1&path=1")
    desk.goto(f"{live_server.url}/views/")
    assert fits(desk)
    desk.fill("input[name=name]", "Soon")
    desk.locator("form:has(input[value=rename]) button").click()
    expect(desk.get_by_role("link", name="Soon", exact=True)).to_be_visible()
    desk.locator("form:has(input[value=delete]) button").click()
    desk.wait_for_load_state()
    assert not SavedView.objects.exists()


@READERS
def test_many_are_handed_off_from_the_narrowed_queue(
    desk: Page, live_server: LiveServer, world: World, size: dict[str, int], language: str
) -> None:
    User.objects.update(language=language)
    desk.set_viewport_size(size)  # type: ignore[arg-type]
    desk.goto(f"{live_server.url}/?path=1")
    for box in desk.locator("#queue-open input[name=case]").all():
        box.check()
    desk.locator("#many button[data-key=g]").click()
    desk.wait_for_url("**/cases/ask/")
    assert fits(desk)
    desk.click("button[value=check_shipped]")
    desk.fill("[name=note]", "请核对是否已发货")
    desk.click("button[value=preview]")
    expect(desk.locator("tbody tr")).to_have_count(2)
    assert fits(desk)
    desk.click("button[value=send]")
    expect(desk.locator("tbody .rd-fine")).to_have_count(2)
    made = Handoff.objects.filter(kind="check_shipped")
    assert {(row.case.refund_id, row.note) for row in made} == {(n, "请核对是否已发货") for n in ("late", "soon")}
    desk.locator(".rd-back a").click()
    desk.wait_for_url("**/?path=1")


def test_the_keys_tick_hand_off_and_open_the_filters(desk: Page, live_server: LiveServer) -> None:
    desk.goto(f"{live_server.url}/handoffs/case/?status=open")
    keys = desk.keyboard
    keys.press("j")
    keys.press("x")
    keys.press("g")
    desk.wait_for_url("**/cases/ask/")
    desk.go_back()
    desk.locator("body").press("f")
    expect(desk.locator("[data-rd-filters]")).to_be_visible()


def test_h_in_the_queue_opens_everything_that_can_be_asked(desk: Page, live_server: LiveServer) -> None:
    desk.goto(live_server.url)
    desk.keyboard.press("j")
    desk.keyboard.press("h")
    desk.wait_for_url(re.compile("/change/#everything"))
    expect(desk.locator("#everything")).to_have_attribute("open", "")
    expect(desk.get_by_role("link", name="check whether it left")).to_be_visible()


@READERS
def test_the_board_fits_and_its_numbers_open_their_lists(
    desk: Page, live_server: LiveServer, world: World, size: dict[str, int], language: str
) -> None:
    User.objects.update(language=language)
    DutyShift.objects.filter(user=world.qc).delete()
    log_in(desk, live_server, world.manager)
    desk.set_viewport_size(size)  # type: ignore[arg-type]
    desk.goto(f"{live_server.url}/board/")
    assert fits(desk)
    expect(desk.locator("#empty-shifts li")).to_have_count(1)
    number = desk.locator("a.rd-card[href*='late=yes'] .rd-big-number").inner_text()
    desk.locator("a.rd-card[href*='late=yes']").click()
    expect(desk.locator("#total")).to_have_text(number)
    expect(desk.locator("tr[data-rd-row]")).to_have_count(int(number))
    assert fits(desk)


@pytest.mark.slow
def test_a_role_s_view_is_offered_to_the_role(desk: Page, live_server: LiveServer, world: World) -> None:
    views.save(views.Draft("home", "Unshipped first", "path=1", "support"), by=world.manager, at=timezone.now())
    desk.goto(live_server.url)
    desk.get_by_role("link", name="Unshipped first").click()
    desk.wait_for_url("**/?path=1")
    assert rows(desk) == {"late", "soon"}
