"""Queues that live: news without a reload, nothing lost that one is doing; and the desk by keyboard."""

import re
from datetime import timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import Browser, Page, expect
from pytest_django.live_server_helper import LiveServer

from accounts.models import DutyShift, User
from handoffs import outbox
from handoffs.admin import bell
from handoffs.flow import owner
from handoffs.models import Case, Response
from handoffs.seeds.load import load
from tests import factories
from tests.browser.test_screens import log_in
from tests.factories import World


@pytest.fixture
def world(transactional_db: None) -> World:
    load()
    made = factories.world()
    DutyShift.objects.update(starts_at=timezone.now() - timedelta(days=1))
    return made


def loose(world: World, number: int) -> Case:
    """A case that nobody owns."""
    made = factories.case(world.shop, at=timezone.now() - timedelta(minutes=10), refund_id=f"77000{number}")
    owner.put_back(made.pk, by=world.manager, at=timezone.now())
    return made


@pytest.fixture
def desk(page: Page, live_server: LiveServer, world: World) -> Page:
    for number in range(3):
        loose(world, number)
    page.clock.install(time=timezone.now())
    log_in(page, live_server, world.support)
    page.goto(live_server.url)
    return page


def ticked(page: Page) -> int:
    return page.locator("input[name=case]:checked").count()


@pytest.mark.slow
def test_news_comes_by_itself_and_ticks_and_words_stay(desk: Page, world: World) -> None:
    desk.locator("input[name=case]").nth(1).check()
    desk.fill("[name=q]", "half a num")
    loose(world, 8)
    desk.clock.fast_forward("00:09")
    expect(desk.get_by_text("770008")).to_be_visible()
    assert (ticked(desk), desk.input_value("[name=q]")) == (1, "half a num")
    expect(desk.locator("[data-rd-ticks-count]").first).to_have_text("1")


def test_an_unchanged_queue_answers_304(desk: Page) -> None:
    statuses: list[int] = []
    desk.on("response", lambda response: statuses.append(response.status))
    for _time in range(3):
        with desk.expect_response(lambda response: response.request.headers.get("x-live") == "1"):
            desk.clock.fast_forward("00:08")
    assert statuses[-1] == 304


@pytest.mark.slow
def test_ticked_cases_are_taken_by_mouse(desk: Page, world: World) -> None:
    expect(desk.locator("#many button[data-key=t]")).to_be_disabled()
    desk.locator("input[name=case]").nth(0).check()
    desk.locator("input[name=case]").nth(2).check()
    desk.locator("#many button[data-key=t]").click()
    expect(desk.locator("#queue-mine tbody tr")).to_have_count(2)
    assert Case.objects.filter(owner=world.support).count() == 2


def test_the_desk_by_keyboard(desk: Page, live_server: LiveServer, world: World) -> None:
    keys = desk.keyboard
    keys.press("j")
    keys.press("j")
    keys.press("k")
    expect(desk.locator(".rd-current")).to_have_count(1)
    keys.press("x")
    keys.press("j")
    keys.press("x")
    assert ticked(desk) == 2
    keys.press("t")
    expect(desk.locator("#queue-mine tbody tr")).to_have_count(2)
    keys.press("j")
    keys.press("r")
    desk.wait_for_url("**/do/respond/")
    desk.go_back()
    keys.press("?")
    expect(desk.locator("#rd-keys")).to_be_visible()
    keys.press("Escape")
    expect(desk.locator("#rd-keys")).to_be_hidden()
    keys.press("/")
    expect(desk.locator("[name=q]")).to_be_focused()
    keys.type("jkx")  # typing is typing
    expect(desk.locator("[name=q]")).to_have_value("jkx")


def test_keys_on_the_case_itself(desk: Page, live_server: LiveServer, world: World) -> None:
    case = Case.objects.get(refund_id="770001")
    desk.goto(f"{live_server.url}/handoffs/case/{case.pk}/change/")
    desk.keyboard.press("h")
    expect(desk.locator("#everything")).to_have_attribute("open", "")
    desk.locator("body").press("c")
    desk.wait_for_load_state()
    case.refresh_from_db()
    assert case.owner == world.support
    desk.keyboard.press("n")
    desk.wait_for_url("**/do/**")


@pytest.mark.parametrize("language", [pytest.param("en", marks=pytest.mark.slow), "zh-hans"])
def test_the_keys_are_named_in_the_reader_s_language(desk: Page, live_server: LiveServer, language: str) -> None:
    User.objects.update(language=language)
    desk.goto(live_server.url)
    desk.keyboard.press("?")
    expect(desk.locator("#rd-keys")).to_contain_text({"en": "next and previous row", "zh-hans": "下一行"}[language])


def test_one_answer_to_the_ticked_ones_is_previewed_and_sent(desk: Page, world: World) -> None:
    boxes = desk.locator("#queue-open input[name=case]")
    boxes.nth(0).check()
    boxes.nth(1).check()
    desk.keyboard.press("b")
    desk.wait_for_url("**/cases/respond/")
    desk.fill("[name=body]", "您好，订单{order_id}正在为您核实，请稍候")
    desk.click("button[value=preview]")
    expect(desk.locator("tbody tr")).to_have_count(2)
    desk.click("button[value=send]")
    expect(desk.locator("tbody .rd-fine")).to_have_count(2)
    assert Response.objects.filter(bulk=True).count() == 2


@pytest.mark.slow
def test_the_composer_counts_what_is_written(desk: Page, live_server: LiveServer) -> None:
    desk.goto(f"{live_server.url}/cases/{Case.objects.order_by('pk')[0].pk}/do/respond/")
    desk.fill("#id_message", "您好，正在核实")
    expect(desk.get_by_text("7 characters")).to_be_visible()


def test_two_people_on_one_case_see_each_other(
    desk: Page, browser: Browser, live_server: LiveServer, world: World
) -> None:
    case = Case.objects.order_by("pk")[0]
    desk.goto(f"{live_server.url}/handoffs/case/{case.pk}/change/")
    context = browser.new_context()
    other = context.new_page()
    log_in(other, live_server, world.supervisor)
    other.goto(f"{live_server.url}/cases/{case.pk}/do/note/")
    expect(other.locator("#rd-here")).to_contain_text("is looking at this too")
    desk.clock.fast_forward("00:09")
    expect(desk.locator("#rd-here")).to_contain_text("Supervisor is looking")
    other.fill("#id_text", "看过了")
    other.locator("main form button").first.click()
    other.wait_for_load_state()
    desk.clock.fast_forward("00:09")
    expect(desk.locator("#rd-here")).to_contain_text("The case has changed")
    context.close()


def test_the_tab_counts_unread_messages(desk: Page, world: World) -> None:
    assert not desk.title().startswith("(")
    outbox.tell("closed", to=[world.support], key="told", at=timezone.now(), case=Case.objects.order_by("pk")[0])
    bell.forget(world.support)  # counts are kept for five seconds of the server's clock
    desk.clock.fast_forward("00:09")
    expect(desk).to_have_title(re.compile(r"^\(1\) "))
    expect(desk.locator(".rd-bell b")).to_have_text("1")
