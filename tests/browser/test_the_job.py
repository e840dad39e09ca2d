"""The job as people do it, in a real browser: each logs in, sees only what is theirs, and the case moves on."""

from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from accounts.models import DutyShift
from handoffs.models import Case
from handoffs.seeds.load import load
from tests import factories, photos
from tests.factories import World


@pytest.fixture
def world(transactional_db: None) -> World:
    load()
    made = factories.world()
    for user in made.people.values():
        user.set_password("pass-word-1")
        user.save()
    DutyShift.objects.update(starts_at=timezone.now() - timedelta(days=1))
    return made


class Desk:
    """One browser in which people take turns."""

    def __init__(self, page: Page, server: LiveServer, world: World) -> None:
        self.page, self.server, self.world = page, server, world

    def become(self, role: str) -> None:
        self.page.context.clear_cookies()
        self.page.goto(self.server.url)
        self.page.fill("[name=username]", self.world.people[role].email)
        self.page.fill("[name=password]", "pass-word-1")
        self.page.click("[type=submit]")
        self.page.wait_for_url(f"{self.server.url}/")

    def open(self, case: Case) -> None:
        self.page.goto(f"{self.server.url}/handoffs/case/{case.pk}/change/")

    def do(self, case: Case, code: str) -> None:
        """The verb's form, by its own address."""
        self.page.goto(f"{self.server.url}/cases/{case.pk}/do/{code}/")

    def send(self) -> None:
        self.page.locator("main form").first.locator("button.rd-main").last.click()
        self.page.wait_for_load_state()

    def status_of(self, address: str) -> int:
        response = self.page.goto(f"{self.server.url}{address}")
        assert response is not None
        return response.status


@pytest.fixture
def desk(page: Page, live_server: LiveServer, world: World) -> Desk:
    page.set_default_timeout(15_000)
    return Desk(page, live_server, world)


def fresh(world: World, path: int, **fields: object) -> Case:
    now = timezone.now() - timedelta(minutes=1)
    return factories.case(world.shop, path=path, at=now, **fields)


def test_support_answers_and_the_supervisor_approves_less(desk: Desk, world: World) -> None:
    money = {"amount": Decimal("260.00"), "total_fee": Decimal("260.00")}
    case = fresh(world, 3, reason="商品破损/瑕疵", **money)
    desk.become("support")
    expect(desk.page.locator("main")).to_contain_text(case.refund_id)
    desk.page.get_by_role("link", name="商品破损/瑕疵").first.click()
    desk.page.get_by_role("link", name="Respond to the buyer").first.click()
    desk.page.fill("#id_message", "(*￣︶￣)")
    desk.send()
    expect(desk.page.locator("main [role=alert]").first).to_be_visible()
    desk.page.fill("#id_message", "您好，已看到破损照片，正在为您申请退款")
    desk.send()
    assert case.clocks.get(kind="first_response").state == "met"
    desk.do(case, "full_refund")
    desk.page.fill("#id_reason", "照片清楚显示破损，建议全额退款")
    desk.send()
    expect(desk.page.locator("body")).to_contain_text("a supervisor was asked")

    desk.become("supervisor")
    desk.page.goto(f"{desk.server.url}/approvals/")
    row = desk.page.locator("article", has_text=case.refund_id)
    expect(row).to_contain_text("260.00")
    made = case.decisions.get()
    row.locator("input[type=checkbox]").check()
    desk.page.fill(f"[name=amount-{made.pk}]", "120")
    desk.page.fill(f"[name=reason-{made.pk}]", "先补偿一半")
    desk.page.locator("button[name=verb][value=approve]").click()
    desk.page.wait_for_load_state()
    made.refresh_from_db()
    assert (made.status, made.amount, made.offer, made.approved_by) == (
        "approved",
        Decimal("120.00"),
        True,
        world.supervisor,
    )


def test_already_left_turns_the_case_to_path_2_and_a_recall_stands_in_the_logistics_queue(
    desk: Desk, world: World
) -> None:
    case = fresh(world, 1)
    desk.become("warehouse")
    desk.page.locator("main a.rd-card").first.click()
    expect(desk.page.locator("main")).not_to_contain_text("¥")
    desk.page.locator("input[name=answer][value=left]").check()
    desk.page.fill("#id_waybill", "YT6530000000099")
    desk.page.fill("#id_carrier", "圆通速递")
    desk.page.get_by_role("button", name="Send the answer").click()
    desk.page.wait_for_load_state()
    case.refresh_from_db()
    assert case.path == 2

    desk.become("logistics")
    expect(desk.page.locator("main a.rd-card").first).to_contain_text("YT6530000000099")
    desk.page.locator("main a.rd-card").first.click()
    expect(desk.page.locator("main")).to_contain_text("bring the parcel back")


def test_qc_files_an_inspection_with_a_photo_on_a_phone(desk: Desk, world: World, tmp_path: Path) -> None:
    from handoffs.flow import answer, handoff

    case, now = fresh(world, 4), timezone.now()
    received = handoff.ask(case.pk, handoff.Question("receive_return"), by=world.support, at=now)
    given = answer.Given("received", data={"condition": "fine", "weight": "0.5"})
    answer.answer(received.pk, given, by=world.warehouse, at=now)
    (tmp_path / "photo.png").write_bytes(photos.png((640, 480)))

    desk.page.set_viewport_size({"width": 360, "height": 740})
    desk.become("qc")
    desk.page.locator("main a.rd-card").first.click()
    desk.page.locator("input[name=answer][value=damaged]").check()
    desk.page.get_by_role("button", name="Send the answer").click()
    expect(desk.page.locator("main [role=alert]").first).to_contain_text("photo")
    desk.page.locator("input[name=answer][value=damaged]").check()
    desk.page.set_input_files("#id_files", str(tmp_path / "photo.png"))
    desk.page.get_by_role("button", name="Send the answer").click()
    desk.page.wait_for_load_state()
    inspected = case.handoffs.get(kind="inspect_return")
    assert (inspected.answer, inspected.attachments.count()) == ("damaged", 1)

    desk.page.set_viewport_size({"width": 1280, "height": 900})
    desk.become("support")
    desk.open(case)
    expect(desk.page.locator("main img.rd-photo").first).to_be_visible()


@pytest.mark.parametrize(
    "role", ["warehouse", *(pytest.param(role, marks=pytest.mark.slow) for role in ("qc", "logistics"))]
)
def test_each_sees_only_what_is_theirs(desk: Desk, world: World, role: str) -> None:
    case = fresh(world, 3)
    desk.become(role)
    expect(desk.page.locator("main")).not_to_contain_text(case.refund_id)
    assert desk.status_of(f"/handoffs/case/{case.pk}/change/") == 404
    assert desk.status_of(f"/cases/{case.pk}/do/respond/") == 404
    for address in ("/approvals/", "/board/", "/import/", "/accounts/limit/"):
        assert desk.status_of(address) == 403, address


def test_the_same_screens_in_chinese(desk: Desk, world: World) -> None:
    world.support.language = "zh-hans"
    world.support.save()
    case = fresh(world, 3)
    desk.become("support")
    expect(desk.page.locator("main")).to_contain_text("回复买家")
    desk.open(case)
    expect(desk.page.locator("main")).to_contain_text("时间线")
