"""From an empty desk to the first cases with nothing but the browser; rules with foresight; guides: wide and narrow."""

import re
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from accounts.models import Carrier, Contact, Limit, Membership, User
from handoffs import imports
from handoffs.models import Case, Clock, ClockPolicy, ImportRun
from handoffs.seeds.load import load
from tests import factories
from tests.browser.test_screens import PHONE, log_in
from tests.factories import World
from tests.intake import files
from tests.intake.test_exports import table

MINUTE = timedelta(minutes=1)
DESK = {"width": 1280, "height": 900}
WIDE_OR_NARROW = pytest.mark.parametrize(
    "size", [pytest.param(DESK, id="desk", marks=pytest.mark.slow), pytest.param(PHONE, id="phone")]
)


@pytest.fixture
def boss(transactional_db: None) -> User:
    load()
    return User.objects.create_superuser("boss@desk.test", "a-long-pass-word-1", name="Boss", language="en")


@pytest.fixture
def world(transactional_db: None) -> World:
    load()
    return factories.world()


def at_the_steps(page: Page, next_step: str) -> None:
    expect(page).to_have_url(re.compile(r"/start/(#next)?$"))
    expect(page.locator(".rd-next-step h2")).to_contain_text(next_step)


def save(page: Page) -> None:
    page.locator("[name=_save]").click()


def choose(page: Page, field: str, words: str) -> None:
    """Pick in a select that is searched by typing."""
    page.locator(f"#id_{field} + .select2 .select2-selection").click()
    page.locator(".select2-search__field").last.fill(words)
    page.locator(".select2-results__option", has_text=words).first.click()


@WIDE_OR_NARROW
@pytest.mark.slow
def test_from_an_empty_desk_to_the_first_case(
    page: Page, live_server: LiveServer, boss: User, tmp_path: Path, size: dict[str, int]
) -> None:
    page.set_viewport_size(size)  # type: ignore[arg-type]
    page.goto(live_server.url)
    page.fill("[name=username]", "boss@desk.test")
    page.fill("[name=password]", "a-long-pass-word-1")
    page.locator("#login-form [type=submit]").click()
    at_the_steps(page, "Shop")
    page.get_by_role("link", name="Add a shop").click()
    page.fill("#id_name", "First shop")
    page.fill("#id_code", "first")
    save(page)
    at_the_steps(page, "People")
    page.get_by_role("button", name="Make me manager of the shop").click()
    for role in ("support", "supervisor", "warehouse", "qc", "logistics"):
        page.get_by_role("link", name="Give a role").click()
        choose(page, "user", "Boss")
        page.select_option("#id_role", role)
        choose(page, "shop", "First shop")
        page.check("#id_lead")
        save(page)
    at_the_steps(page, "Carriers and contacts")
    page.get_by_role("link", name="Add a carrier").click()
    page.fill("#id_code", "zto")
    page.fill("#id_name", "ZTO")
    save(page)
    for role, place in (("logistics", "carrier"), ("supervisor", "shop"), ("warehouse", "shop"), ("qc", "shop")):
        page.get_by_role("link", name="Add a contact").click()
        page.select_option("#id_role", role)
        page.select_option(f"#id_{place}", index=1)
        choose(page, "user", "Boss")
        save(page)
    at_the_steps(page, "Limits")
    for role, amount in (("support", "100"), ("supervisor", "5000")):
        page.get_by_role("link", name="Add a limit").click()
        page.select_option("#id_role", role)
        page.fill("#id_amount", amount)
        save(page)
    at_the_steps(page, "First import")
    assert (Membership.objects.count(), Contact.objects.count(), Limit.objects.count()) == (6, 4, 2)
    assert Carrier.objects.get().agreement.answer_minutes == 120
    page.get_by_role("link", name="Import a file").click()
    files.as_csv(tmp_path / "refunds.csv", table("b"))
    page.set_input_files("input[type=file]", tmp_path / "refunds.csv")
    page.get_by_role("button", name="Preview").click()
    page.get_by_role("button", name="Import now").click()
    expect(page.locator("[data-rd-progress]")).to_be_attached()
    imports.run(ImportRun.objects.get().pk, at=timezone.now())  # as the worker does
    page.goto(f"{live_server.url}/start/")
    expect(page.get_by_text("5 of 5 steps done")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= size["width"]
    assert Case.objects.count() == 1


@WIDE_OR_NARROW
def test_a_deadline_is_saved_after_its_effect_was_seen(
    page: Page, live_server: LiveServer, world: World, size: dict[str, int]
) -> None:
    page.set_viewport_size(size)  # type: ignore[arg-type]
    started = timezone.now().replace(microsecond=0) - 20 * MINUTE
    factories.case(world.shop, path=3, at=started)
    policy = ClockPolicy.objects.get(clock="first_response", shop=None)
    log_in(page, live_server, world.manager)
    page.goto(f"{live_server.url}/handoffs/clockpolicy/{policy.pk}/change/")
    page.fill("#id_minutes", "15")
    save(page)
    expect(page.get_by_text("would be late at once")).to_be_visible()
    expect(page.get_by_text("1", exact=True).first).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= size["width"]
    page.get_by_role("button", name="Back to the form").click()
    expect(page.locator("#id_minutes")).to_be_visible()
    policy.refresh_from_db()
    assert policy.minutes == 30
    page.fill("#id_minutes", "45")
    save(page)
    page.check("input[name=_apply][value=open]")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("1 open deadline moved.")).to_be_visible()
    policy.refresh_from_db()
    assert policy.minutes == 45
    due_at = Clock.objects.get(kind="first_response").due_at
    assert due_at == started + 45 * MINUTE


@pytest.mark.parametrize(
    ("language", "heading"),
    [pytest.param("en", "Guide: warehouse", marks=pytest.mark.slow), ("zh-hans", "使用指南：仓库")],
)
@WIDE_OR_NARROW
def test_the_guide_shows_its_pictures_in_the_reader_s_language(
    page: Page, live_server: LiveServer, world: World, size: dict[str, int], language: str, heading: str
) -> None:
    page.set_viewport_size(size)  # type: ignore[arg-type]
    User.objects.update(language=language)
    log_in(page, live_server, world.warehouse)
    page.goto(live_server.url)
    page.locator("header a[href='/guide/'], a.rd-bell[href='/guide/']").first.click()
    expect(page.get_by_text(heading).first).to_be_visible()
    for picture in page.locator(".rd-picture img").all():
        picture.scroll_into_view_if_needed()
        expect(picture).to_have_js_property("complete", True)  # noqa: FBT003
        assert picture.evaluate("picture => picture.naturalWidth") > 300
        assert f".{language}.png" in (picture.get_attribute("src") or "")
    assert page.evaluate("document.documentElement.scrollWidth") <= size["width"]


def test_goods_and_money_stay_in_their_column_beside_the_next_step(
    page: Page, live_server: LiveServer, world: World
) -> None:
    page.set_viewport_size({"width": 1000, "height": 700})
    case = factories.case(world.shop, path=3, at=timezone.now(), amount=123456, total_fee=123456)
    log_in(page, live_server, world.support)
    page.goto(f"{live_server.url}/handoffs/case/{case.pk}/change/")
    money, step = page.locator(".rd-half > section").last.bounding_box(), page.locator(".rd-next").bounding_box()
    assert money
    assert step
    assert money["x"] + money["width"] <= step["x"]
    assert page.evaluate("[...document.querySelectorAll('.rd-half p')].every(p => p.scrollWidth <= p.clientWidth)")
