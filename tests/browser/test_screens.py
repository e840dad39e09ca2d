"""What screens do by themselves: fit a phone, count down, fetch themselves anew, show the fields an answer needs."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from accounts.models import DutyShift, User
from handoffs.models import Case, Handoff
from handoffs.seeds.load import load
from tests import factories
from tests.factories import World

PHONE = {"width": 360, "height": 740}


@pytest.fixture
def world(transactional_db: None) -> World:
    load()
    made = factories.world()
    DutyShift.objects.update(starts_at=timezone.now() - timedelta(days=1))
    return made


@pytest.fixture
def case(world: World) -> Case:
    return factories.case(world.shop, at=timezone.now() - timedelta(minutes=10), refund_id="9" * 18)


def log_in(page: Page, server: LiveServer, user: User) -> None:
    client = Client()
    client.force_login(user, backend="accounts.backends.RoleBackend")
    cookie = client.cookies["sessionid"].value
    page.context.add_cookies([{"name": "sessionid", "value": cookie, "url": server.url}])


@pytest.mark.slow
def test_every_screen_fits_a_phone(page: Page, live_server: LiveServer, world: World, case: Case) -> None:
    page.set_viewport_size(PHONE)
    asked = Handoff.objects.get(kind="stop_parcel")
    screens = {
        "support": ["/", f"/handoffs/case/{case.pk}/change/", f"/cases/{case.pk}/do/respond/",
                    f"/cases/{case.pk}/do/full_refund/", "/messages/", "/me/"],
        "warehouse": ["/", f"/questions/{asked.pk}/", f"/handoffs/case/{case.pk}/change/"],
        "supervisor": ["/", "/approvals/"],
        "manager": ["/", "/start/", "/guide/support/", "/guide/qc/", "/accounts/shop/add/"],
    }  # fmt: skip
    for role, addresses in screens.items():
        log_in(page, live_server, world.people[role])
        for address in addresses:
            page.goto(f"{live_server.url}{address}")
            assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"], (role, address)


def test_an_answer_shows_the_fields_it_needs(page: Page, live_server: LiveServer, world: World, case: Case) -> None:
    log_in(page, live_server, world.warehouse)
    page.goto(f"{live_server.url}/questions/{Handoff.objects.get(case=case).pk}/")
    waybill = page.locator("[name=waybill]")
    expect(waybill).to_be_hidden()
    page.check("input[value=left]")
    expect(waybill).to_be_visible()
    page.check("input[value=stopped]")
    expect(waybill).to_be_hidden()


def test_a_chosen_template_fills_the_message(page: Page, live_server: LiveServer, world: World, case: Case) -> None:
    log_in(page, live_server, world.support)
    page.goto(f"{live_server.url}/cases/{case.pk}/do/respond/")
    page.select_option("[name=template]", index=1)
    expect(page.locator("[name=message]")).not_to_have_value("")


def test_a_bar_turns_late_by_itself(page: Page, live_server: LiveServer, world: World, case: Case) -> None:
    page.clock.install(time=timezone.now())
    log_in(page, live_server, world.support)
    page.goto(live_server.url)
    row = page.locator("[data-rd-words]").first
    expect(row).to_contain_text("left")
    page.clock.fast_forward("30:00")
    expect(row).to_contain_text("late by")


def test_a_queue_fetches_itself_anew(page: Page, live_server: LiveServer, world: World, case: Case) -> None:
    page.clock.install(time=timezone.now())
    log_in(page, live_server, world.support)
    page.goto(live_server.url)
    expect(page.get_by_text("9" * 18)).to_be_visible()
    factories.case(world.shop, at=timezone.now(), refund_id="8" * 18)
    page.clock.fast_forward("00:31")
    expect(page.get_by_text("8" * 18)).to_be_visible()


def test_the_scanner_types_into_the_box_at_once(page: Page, live_server: LiveServer, world: World, case: Case) -> None:
    log_in(page, live_server, world.warehouse)
    page.goto(live_server.url)
    expect(page.locator("[name=q]")).to_be_focused()
    page.keyboard.type("9" * 18)
    page.keyboard.press("Enter")
    page.wait_for_url(f"{live_server.url}/questions/*/")
