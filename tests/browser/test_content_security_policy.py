"""The browser is told what may run, and the console still works under it."""

import pytest
from playwright.sync_api import Page
from pytest_django.live_server_helper import LiveServer

from accounts.models import User

ADDRESSES = ("/", "/password_change/", "/api/docs/")


@pytest.fixture
def refusals(page: Page) -> set[str]:
    """What the browser refused on the pages opened, in its own words (they name the hash that would allow it)."""
    found: set[str] = set()
    page.on("console", lambda message: found.add(message.text) if "Content Security" in message.text else None)
    return found


def log_in(page: Page, live_server: LiveServer) -> None:
    User.objects.create_superuser("root@desk.test", "pass-word-1", name="Root", language="en")
    page.goto(live_server.url)
    page.fill("[name=username]", "root@desk.test")
    page.fill("[name=password]", "pass-word-1")
    page.click("[type=submit]")
    page.wait_for_url(f"{live_server.url}/start/**")


def test_the_policy_refuses_nothing_the_console_needs(page: Page, live_server: LiveServer, refusals: set[str]) -> None:
    log_in(page, live_server)
    for address in ADDRESSES:
        page.goto(f"{live_server.url}{address}", wait_until="networkidle")
    assert refusals == set()
