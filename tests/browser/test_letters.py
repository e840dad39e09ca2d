"""Letters as a mail program shows them: taken from a real mail server and drawn, at a desk's and a phone's width."""

from collections.abc import Iterator
from datetime import timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.core.management import call_command
from django.utils import timezone
from playwright.sync_api import Page

from accounts.models import DutyShift, User
from handoffs import delivery, sweep
from handoffs.flow import owner
from handoffs.seeds.load import load
from tests import factories
from tests.delivery.mailserver import MailServer
from tests.factories import NOON, World

WIDTHS = (640, 360)


@pytest.fixture
def mails(settings: Any) -> Iterator[MailServer]:
    with MailServer() as server:
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT, settings.EMAIL_TIMEOUT = "127.0.0.1", server.port, 5
        settings.EMAIL_USE_TLS = settings.EMAIL_USE_SSL = False
        settings.EMAIL_HOST_USER = settings.EMAIL_HOST_PASSWORD = ""
        yield server


@pytest.fixture
def world(transactional_db: None) -> Iterator[World]:
    """At noon of a day, so that no midnight comes between the cases and the digest of them."""
    with time_machine.travel(NOON, tick=True):
        load()
        made = factories.world()
        DutyShift.objects.update(starts_at=timezone.now() - timedelta(days=3))
        yield made


def three_late(world: World) -> None:
    """Three applications of yesterday that nobody answered."""
    yesterday = timezone.now() - timedelta(days=1)
    for title in ("羊毛围巾 灰色", "手冲咖啡壶 600ml", "儿童雨衣 很长很长的名字用来看看会不会换行 " * 2):
        case = factories.case(world.shop, path=3, at=yesterday, title=title)
        owner.claim(case.pk, by=world.support, at=yesterday)
    sweep.run(at=timezone.now())


def html_of(mail: EmailMessage) -> str:
    part = mail.get_body(("html",))
    assert part is not None
    return str(part.get_content())


def text_of(mail: EmailMessage) -> str:
    part = mail.get_body(("plain",))
    assert part is not None
    return str(part.get_content())


def drawn(page: Page, html: str, width: int, picture: Path) -> None:
    """What a mail program would draw; nothing is fetched for it, and it fits."""
    fetched: list[str] = []
    page.on("request", lambda request: fetched.append(request.url))
    page.set_viewport_size({"width": width, "height": 800})
    page.set_content(html)
    page.screenshot(path=picture, full_page=True)
    assert not [url for url in fetched if url.startswith("http")]
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.locator("script, link[rel=stylesheet], img").count() == 0


@pytest.mark.parametrize("language", [pytest.param("en", marks=pytest.mark.slow), "zh-hans"])
@pytest.mark.parametrize("role", ["support", "manager"])
def test_the_digest_with_three_late_cases(
    page: Page, mails: MailServer, world: World, tmp_path: Path, role: str, language: str
) -> None:
    User.objects.update(language=language)
    three_late(world)
    call_command("send_digests")
    delivery.run(at=timezone.now())
    (mail,) = [each for each in mails.to(world.people[role].email) if each["Subject"][:2].isdigit()]
    html, text = html_of(mail), text_of(mail)
    for width in WIDTHS:
        drawn(page, html, width, tmp_path / f"digest-{role}-{language}-{width}.png")
        late = page.locator("td.when[style*=color]")
        assert late.count() >= (3 if role == "support" else 0)
    for title in ("羊毛围巾", "手冲咖啡壶"):
        assert (title in html) == (title in text)
    assert "羊毛围巾" in html
    if role == "manager":
        assert page.locator("table.bar, table[role=presentation] table").count() > 0
    assert not page.locator("style").count()


def test_with_none_late_and_nothing_waiting_no_mail_comes(mails: MailServer, world: World) -> None:
    call_command("send_digests")
    delivery.run(at=timezone.now())
    assert not mails.mails
