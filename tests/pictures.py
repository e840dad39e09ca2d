"""Makes the pictures of the guides anew: `python -m tests.pictures` plays the demo shop and photographs its screens.

The names are those of `handoffs/admin/guide_words.py`; a test says when one is missing or too large.
"""

import io
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

from tests import chromium

ROOT = Path(__file__).parent.parent
FOLDER = ROOT / "handoffs" / "static" / "handoffs" / "guide"
MOST_BYTES = 80 * 1024
PASSWORD = "refunddesk-demo"  # noqa: S105  the demo's own, printed with its logins
PATIENCE_SECONDS = 60
DESK, PHONE = {"width": 1100, "height": 680}, {"width": 390, "height": 780}
LANGUAGES = {"en": "button.rd-bare[lang=en]", "zh-hans": "button.rd-bare[lang=zh-hans]"}


@dataclass(frozen=True)
class Shot:
    """A screen as a role sees it; `reach` goes on from the address to what is to be seen."""

    name: str
    role: str
    address: str
    reach: Callable[[Page], None] = lambda _page: None
    phone: bool = False


def _first(selector: str) -> Callable[[Page], None]:
    """Open the first link of this kind, where there is one."""

    def follow(page: Page) -> None:
        page.locator(selector).first.click()
        page.wait_for_load_state("networkidle")

    return follow


def _question(words: str) -> Callable[[Page], None]:
    """Open the first question of this kind."""

    def follow(page: Page) -> None:
        page.locator(".rd-cards a[href*='/questions/']", has_text=re.compile(words)).first.click()
        page.wait_for_load_state("networkidle")

    return follow


def _shorter_deadline(page: Page) -> None:
    page.locator("#result_list a", has_text=re.compile("first response|首次响应")).first.click()
    page.fill("#id_minutes", "10")
    page.locator("[name=_save]").click()
    page.wait_for_load_state("networkidle")


SHOTS = (
    Shot("support-queue", "support", "/"),
    Shot("support-case", "support", "/", _first(".rd a[href*='/change/']")),
    Shot("supervisor-approvals", "supervisor", "/approvals/"),
    Shot("supervisor-board", "supervisor", "/board/"),
    Shot("warehouse-queue", "warehouse", "/", phone=True),
    Shot("warehouse-question", "warehouse", "/", _question("stop the parcel|截单"), phone=True),
    Shot("qc-queue", "qc", "/", phone=True),
    Shot("qc-question", "qc", "/", _question("inspect the return|退货质检"), phone=True),
    Shot("logistics-queue", "logistics", "/"),
    Shot("logistics-question", "logistics", "/", _question("recall the parcel|追件")),
    Shot("manager-foresight", "manager", "/handoffs/clockpolicy/", _shorter_deadline),
    Shot("manager-reports", "manager", "/reports/"),
)


def main(arguments: list[str]) -> int:
    """Photograph a demo desk of its own, or the running one whose address is given."""
    FOLDER.mkdir(exist_ok=True)
    if arguments:
        return _photograph(arguments[0])
    with _demo() as url:
        return _photograph(url)


def _photograph(url: str) -> int:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(**chromium.launch_arguments())
        for role in dict.fromkeys(shot.role for shot in SHOTS):
            _all_of(browser, url, role)
        browser.close()
    return 0


def _all_of(browser: Browser, url: str, role: str) -> None:
    page = browser.new_context(viewport=DESK).new_page()  # type: ignore[arg-type]
    page.goto(url)
    page.fill("[name=username]", f"{role}@demo.refunddesk.test")
    page.fill("[name=password]", PASSWORD)
    page.locator("#login-form [type=submit]").click()
    for language, button in LANGUAGES.items():
        page.set_viewport_size(DESK)  # type: ignore[arg-type]
        page.goto(url)
        if page.locator(button).count():
            page.locator(button).click()
        for shot in (each for each in SHOTS if each.role == role):
            _take(page, url, shot, language)


def _take(page: Page, url: str, shot: Shot, language: str) -> None:
    page.set_viewport_size(PHONE if shot.phone else DESK)  # type: ignore[arg-type]
    page.goto(f"{url}{shot.address}")
    page.wait_for_load_state("networkidle")
    shot.reach(page)
    if not shot.phone and page.locator("#nav-sidebar").is_visible():
        page.evaluate("document.querySelector('#nav-sidebar').remove()")
    size = _save(page.screenshot(animations="disabled"), FOLDER / f"{shot.name}.{language}.png")
    print(f"{shot.name}.{language}.png {size // 1024} kB")  # noqa: T201


def _save(shot: bytes, path: Path) -> int:
    """As few colours as it takes to stay small; screens have few."""
    picture = Image.open(io.BytesIO(shot)).convert("RGB")
    for colours in (128, 64, 32, 16):
        picture.quantize(colours, dither=Image.Dither.NONE).save(path, optimize=True)
        if path.stat().st_size <= MOST_BYTES:
            break
    return path.stat().st_size


@contextmanager
def _demo() -> Iterator[str]:
    """A desk with the demo shop, in a folder that is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="refunddesk-pictures-") as folder, socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
        probe.close()
        environment = {**os.environ, "VAR_DIR": folder}
        for command in (["migrate", "--verbosity", "0"], ["demo"], ["sweep"]):
            subprocess.run([sys.executable, "manage.py", *command], cwd=ROOT, env=environment, check=True)  # noqa: S603
        serve = ["-m", "gunicorn", "refunddesk.wsgi", "--bind", f"127.0.0.1:{port}", "--threads", "4",
                 "--no-control-socket", "--log-level", "warning"]  # fmt: skip
        server = subprocess.Popen([sys.executable, *serve], cwd=ROOT, env=environment)  # noqa: S603
        try:
            _wait_for(f"http://127.0.0.1:{port}/healthz")
            yield f"http://127.0.0.1:{port}"
        finally:
            server.send_signal(signal.SIGTERM)
            server.wait(PATIENCE_SECONDS)


def _wait_for(address: str) -> None:
    until = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < until:
        try:
            with urlopen(address, timeout=5):  # noqa: S310
                return
        except URLError:
            time.sleep(0.2)
    raise TimeoutError(address)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
