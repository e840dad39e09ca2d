"""Returns received on a phone: typed, by camera, with photos, not as expected, orphans, with and without connection."""

import io
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from PIL import Image
from playwright.sync_api import Browser, BrowserType, Page, expect
from pytest_django.live_server_helper import LiveServer

from accounts.models import DutyShift, User
from handoffs.models import Attachment, Case, Receipt
from handoffs.seeds.load import load
from tests import barcodes, chromium, factories, photos
from tests.factories import World

PHONE = {"width": 360, "height": 740}


@pytest.fixture
def world(transactional_db: None) -> World:
    load()
    made = factories.world()
    DutyShift.objects.update(starts_at=timezone.now() - timedelta(days=1))
    return made


@pytest.fixture(params=[pytest.param("en", marks=pytest.mark.slow), "zh-hans"])
def phone(request: pytest.FixtureRequest, browser: Browser, world: World) -> Iterator[Page]:
    User.objects.update(language=request.param)
    context = browser.new_context(viewport=PHONE)  # type: ignore[arg-type]
    page = context.new_page()
    page.set_default_timeout(10_000)
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    yield page
    assert not faults
    context.close()


def returning(world: World, waybill: str, **fields: Any) -> Case:
    now = timezone.now() - timedelta(minutes=5)
    return factories.case(world.shop, path=4, at=now, return_waybill=waybill, return_carrier="圆通速递",
                          quantity=2, **fields)  # fmt: skip


def at_the_page(page: Page, server: LiveServer, user: User) -> Page:
    client = Client()
    client.force_login(user, backend="accounts.backends.RoleBackend")
    page.context.add_cookies([{"name": "sessionid", "value": client.cookies["sessionid"].value, "url": server.url}])
    page.goto(f"{server.url}/scan/")
    page.wait_for_selector("#scan[data-ready]")
    return page


def scan(page: Page, waybill: str) -> None:
    """As a hand scanner does: it types, then Enter."""
    page.locator("#scan-number").press_sequentially(waybill)
    page.locator("#scan-number").press("Enter")
    expect(page.locator("#scan-form")).to_be_visible()


def take_photos(page: Page, count: int, size: tuple[int, int] = (2400, 1800)) -> None:
    files = [{"name": f"{n}.png", "mimeType": "image/png", "buffer": photos.png(size, colour)}
             for n, colour in zip(range(count), ("red", "green", "blue"), strict=False)]  # fmt: skip
    page.set_input_files("#scan-photos", files)  # type: ignore[arg-type]
    expect(page.locator("#scan-thumbs img")).to_have_count(count)


def test_a_return_that_is_not_as_expected_is_received_with_three_photos(
    phone: Page, live_server: LiveServer, world: World
) -> None:
    case = returning(world, "YT5550001")
    page = at_the_page(phone, live_server, world.warehouse)
    scan(page, "yt5550001")
    expect(page.locator(".scan-count")).to_have_value("2")
    page.locator(".scan-step").first.click()
    page.locator(".scan-conditions label").nth(2).click()
    page.fill("#scan-weight", "0.48")
    page.click("#scan-send")
    expect(page.locator("#scan-said")).to_have_class("scan-said rd-error")  # a photo is wanted
    assert not Receipt.objects.exists()
    take_photos(page, 3)
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    page.click("#scan-send")
    expect(page.locator("#scan-done li")).to_have_count(1)
    expect(page.locator("#scan-number")).to_be_focused()
    asked = case.handoffs.get(kind="receive_return")
    assert (asked.answer, asked.data["condition"], asked.data["weight"]) == ("received", "damaged", "0.48")
    assert [asked.data["counted"][0][name] for name in ("planned", "actual")] == [2, 1]
    stored = list(asked.attachments.all())
    sizes = {Image.open(io.BytesIO(Path(each.file.path).read_bytes())).size for each in stored}
    assert (len(stored), sizes) == (3, {(1600, 1200)})


@pytest.mark.slow
def test_a_parcel_nobody_expects_is_kept_or_given_to_a_likely_case(
    phone: Page, live_server: LiveServer, world: World
) -> None:
    owed = {"marketplace_status": "WAIT_BUYER_RETURN_GOODS", "phase": "wait_buyer_return"}
    factories.case(world.shop, path=4, title="珊瑚绒毛巾", quantity=1, **owed)
    page = at_the_page(phone, live_server, world.warehouse)
    scan(page, "NOBODY0001")
    page.fill("#scan-weight", "1,2")
    page.fill("#scan-note", "盒子上没有姓名")
    take_photos(page, 1)
    page.click("#scan-keep")
    expect(page.locator("#scan-done li")).to_have_count(1)
    kept = Receipt.objects.get()
    assert (kept.state, kept.grams, kept.attachments.count(), kept.note) == ("orphan", 1200, 1, "盒子上没有姓名")

    scan(page, "NOBODY0002")
    page.locator(".scan-suggestion", has_text="珊瑚绒毛巾").click()
    page.fill("#scan-weight", "0.3")
    page.click("#scan-send")
    expect(page.locator("#scan-done li")).to_have_count(2)
    assert Receipt.objects.get(waybill="NOBODY0002").state == "matched"


def test_what_is_done_without_a_connection_is_kept_and_sent_once(
    phone: Page, live_server: LiveServer, world: World
) -> None:
    case, other = returning(world, "YT5550002"), returning(world, "YT5550003")
    page = at_the_page(phone, live_server, world.warehouse)
    scan(page, "YT5550002")
    page.context.set_offline(True)
    take_photos(page, 2)
    page.fill("#scan-weight", "0.5")
    page.click("#scan-send")
    expect(page.locator("#scan-rows li[data-state=queued]")).to_have_count(1)
    scan(page, "YT5550003")  # cannot be looked up now
    page.fill("#scan-weight", "0.7")
    page.click("#scan-keep")
    expect(page.locator("#scan-rows li[data-state=toCount]")).to_have_count(1)
    assert not Receipt.objects.exists()

    page.context.set_offline(False)
    page.evaluate("dispatchEvent(new Event('online'))")
    expect(page.locator("#scan-rows li")).to_have_count(1)
    assert Receipt.objects.get().waybill == "YT5550002"
    assert case.handoffs.get(kind="receive_return").attachments.count() == 2
    page.reload()  # the device still has what was not counted
    page.wait_for_selector("#scan[data-ready]")
    page.locator("#scan-rows li button").first.click()
    expect(page.locator("#scan-weight")).to_have_value("0.7")
    page.click("#scan-send")
    expect(page.locator("#scan-done li")).to_have_count(1)
    expect(page.locator("#scan-waiting")).to_be_hidden()
    assert other.handoffs.get(kind="receive_return").answer == "received"
    assert (Receipt.objects.count(), Attachment.objects.count()) == (2, 2)


def test_an_answer_that_is_lost_on_the_way_does_not_double_the_receipt(
    phone: Page, live_server: LiveServer, world: World
) -> None:
    returning(world, "YT5550004")
    page = at_the_page(phone, live_server, world.warehouse)
    lost: list[int] = []

    def lose(route: Any) -> None:
        route.fetch()  # the desk takes it, and the browser never hears so
        lost.append(1)
        route.abort()

    page.route("**/scan/receipts/", lose, times=1)
    scan(page, "YT5550004")
    page.fill("#scan-weight", "0.5")
    page.click("#scan-send")
    expect(page.locator("#scan-rows li[data-state=queued]")).to_have_count(1)
    page.evaluate("dispatchEvent(new Event('online'))")
    expect(page.locator("#scan-waiting")).to_be_hidden()
    assert (len(lost), Receipt.objects.count()) == (1, 1)


@pytest.mark.slow
def test_what_the_desk_declines_stays_with_the_reason_and_can_be_mended_or_discarded(
    phone: Page, live_server: LiveServer, world: World
) -> None:
    case = returning(world, "YT5550005")
    page = at_the_page(phone, live_server, world.warehouse)
    scan(page, "YT5550005")
    page.fill("#scan-weight", "0.5")
    Case.objects.filter(pk=case.pk).update(quantity=3)  # somebody else learned that there are three
    page.click("#scan-send")
    declined = page.locator("#scan-rows li[data-state=declined]")
    expect(declined).to_have_count(1)
    declined.locator("button").first.click()
    expect(page.locator("#scan-weight")).to_have_value("0.5")
    take_photos(page, 1)
    page.click("#scan-send")
    expect(page.locator("#scan-done li")).to_have_count(1)
    assert Receipt.objects.count() == 1


def test_half_a_receipt_is_kept_over_a_reload_and_when_another_number_is_scanned(
    phone: Page, live_server: LiveServer, world: World
) -> None:
    returning(world, "YT5550006")
    page = at_the_page(phone, live_server, world.warehouse)
    scan(page, "YT5550006")
    page.fill("#scan-weight", "0.9")
    take_photos(page, 1)
    page.reload()
    page.wait_for_selector("#scan[data-ready]")
    expect(page.locator("#scan-weight")).to_have_value("0.9")
    expect(page.locator("#scan-thumbs img")).to_have_count(1)
    page.fill("#scan-number", "")
    scan(page, "NOBODY0003")
    expect(page.locator("#scan-rows li[data-state=toCount]")).to_have_count(1)
    page.on("dialog", lambda dialog: dialog.accept())
    page.locator("#scan-rows .rd-danger").click()
    expect(page.locator("#scan-rows li")).to_have_count(0)
    assert not Receipt.objects.exists()


def test_the_camera_reads_the_barcode(
    browser_type: BrowserType, live_server: LiveServer, world: World, tmp_path: Path
) -> None:
    returning(world, "YT5550007")
    film = barcodes.film(tmp_path / "label.y4m", barcodes.code128("YT5550007"))
    how = chromium.launch_arguments()
    how["args"] += ["--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream",
                    f"--use-file-for-fake-video-capture={film}"]  # fmt: skip
    browser = browser_type.launch(**how)
    try:
        context = browser.new_context(viewport=PHONE, permissions=["camera"])  # type: ignore[arg-type]
        page = at_the_page(context.new_page(), live_server, world.warehouse)
        page.click("#scan-open")
        expect(page.locator("#scan-form")).to_be_visible(timeout=20_000)
        expect(page.locator("#scan-number")).to_have_value("YT5550007")
        expect(page.locator("#scan-camera")).to_be_hidden()
        expect(page.locator(".scan-count")).to_have_value("2")
    finally:
        browser.close()


def test_where_no_camera_opens_the_page_says_so(phone: Page, live_server: LiveServer, world: World) -> None:
    page = at_the_page(phone, live_server, world.warehouse)
    page.evaluate("Object.defineProperty(navigator, 'mediaDevices', { value: undefined })")
    page.click("#scan-open")
    expect(page.locator("#scan-said")).to_contain_text("HTTPS")
    expect(page.locator("#scan-open")).to_be_visible()
