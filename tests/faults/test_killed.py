"""Workers killed with -9 in the middle, and two at once."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.delivery.mailserver import MailServer
from tests.faults.conftest import Desk

pytestmark = pytest.mark.faults
DUE = 1000
AT, LATER = "2026-11-11T04:20:00+00:00", "2026-11-11T04:21:00+00:00"
APPLICATIONS = """
from datetime import datetime, UTC, timedelta
from decimal import Decimal
from accounts.models import *
from handoffs.flow import intake
from handoffs.intake.rows import Row
at = datetime(2026, 11, 11, 4, 0, tzinfo=UTC)
shop, _new = Shop.objects.get_or_create(code="s", defaults=dict(name="s", marketplace="taobao"))
for n in range(10):
    user, _new = User.objects.get_or_create(email=f"p{{n}}@example.test", defaults=dict(name=f"p{{n}}"))
    Membership.objects.get_or_create(user=user, role="support", shop=shop)
    DutyShift.objects.get_or_create(user=user, defaults=dict(starts_at=at - timedelta(hours=1)))
said = dict(title="商品", amount=Decimal(50), total_fee=Decimal(50), dispute_type="refund_only", phase="wait_seller",
            marketplace_status="WAIT_SELLER_AGREE", good_status="BUYER_RECEIVED", has_good_return=False,
            order_status="WAIT_BUYER_CONFIRM_GOODS", reason="协商一致退款", applied_at=at)
rows = [Row(n, "refund", str(n), {{**said, "order_id": str(n)}}, {{}}, None) for n in range({count})]
origin = intake.Origin(as_of=at, name="f", key="f")
result = sum(o.result == "created" for o in intake.take(rows, shop=shop, origin=origin, by=None, at=at))
"""
NOTED = "FROM handoffs_timelineentry WHERE kind = 'reminded'"
TIMELINE, ONCE = (f"SELECT count({what}) {NOTED}" for what in ("*", "DISTINCT (case_id, data->>'percent')"))
MESSAGES = "SELECT count(*) FROM handoffs_outboxmessage WHERE kind = 'reminded'"


def with_clocks_due(desk: Desk, count: int = DUE) -> None:
    assert desk.python(APPLICATIONS.format(count=count)) == count


def of_the_sweep(desk: Desk) -> tuple[int, int, int]:
    """Reminders noted and told; clocks of which nobody was told; reminders noted twice."""
    told, noted, once = desk.ask(MESSAGES), desk.ask(TIMELINE), desk.ask(ONCE)
    return told, DUE - told, noted - once


def test_worker_killed_in_the_middle_of_a_sweep(desk: Desk, counted: Callable[..., None]) -> None:
    with_clocks_due(desk)
    assert desk.act("sweep", "killed-in-the-sweep=3", AT=AT) is None
    assert desk.ask(TIMELINE) == desk.ask(MESSAGES) == 0
    desk.act("sweep", AT=LATER)
    counted(*of_the_sweep(desk))
    assert of_the_sweep(desk) == (DUE, 0, 0)


def test_worker_killed_in_the_middle_of_a_sweep_control(desk: Desk, counted: Callable[..., None]) -> None:
    with_clocks_due(desk)
    assert desk.act("sweep", "without-transactions", "killed-in-the-sweep=3", AT=AT) is None
    desk.act("sweep", AT=LATER)
    counted(*of_the_sweep(desk), guard="one transaction for clock, timeline and message")
    assert of_the_sweep(desk)[1] > 0


def test_two_sweep_at_once(desk: Desk, counted: Callable[..., None]) -> None:
    with_clocks_due(desk)
    counts = desk.both("sweep", AT=AT)
    counted(*of_the_sweep(desk))
    assert of_the_sweep(desk) == (DUE, 0, 0)
    assert sum(each["reminded"] for each in counts) == DUE


def test_two_sweep_at_once_control(desk: Desk, counted: Callable[..., None]) -> None:
    with_clocks_due(desk)
    desk.both("sweep", "without-locks", AT=AT)
    counted(*of_the_sweep(desk), guard="the lock on claimed clocks")
    assert of_the_sweep(desk)[2] > 0


def with_mails_due(desk: Desk) -> int:
    """One letter for each of ten people."""
    with_clocks_due(desk, 40)
    desk.act("sweep", AT=AT)
    return int(desk.ask("SELECT count(DISTINCT to_id) FROM handoffs_outboxmessage WHERE mail = 'queued'"))


def of_the_mails(desk: Desk, server: MailServer, people: int) -> tuple[int, int, int]:
    """Letters taken by the server; people who got none; letters more than there are Message-IDs, known as the same."""
    ids = [mail["Message-ID"] for mail in server.mails]
    return len(ids), people - len({mail["To"] for mail in server.mails}), len(ids) - len(set(ids))


@pytest.mark.parametrize(
    "harms", [(), ("without-a-claim",), ("without-message-ids",)], ids=["", "control-1", "control-2"]
)
def test_worker_killed_in_the_middle_of_a_delivery(desk: Desk, harms: Any, counted: Callable[..., None]) -> None:
    """The server had taken the fourth of ten letters: it goes out again under the same Message-ID, the others once."""
    people = with_mails_due(desk)
    assert people == 10
    with MailServer() as server:
        url = {"EMAIL_URL": f"smtp://127.0.0.1:{server.port}"}
        assert desk.act("deliver", *harms, "killed-in-the-delivery=4", AT=AT, **url) is None
        desk.act("deliver", *harms, AT="2026-11-11T04:30:00+00:00", **url)
        found = of_the_mails(desk, server, people)
        sent_twice = len(server.mails) - len({mail["To"] for mail in server.mails})
    guard = {"without-a-claim": "the claim before sending", "without-message-ids": "Message-IDs by what is told"}
    counted(*found, guard=guard.get("".join(harms), ""))
    if harms == ("without-a-claim",):
        assert sent_twice == 0, "counts as sent, so nobody would know had it been lost"
    elif harms:
        assert (sent_twice, found[2]) == (1, 0), "sent twice, and the reader cannot see it"
    else:
        assert found == (11, 0, 1)
        assert desk.ask("SELECT count(*) FROM handoffs_outboxmessage WHERE mail <> 'sent'") == 0


def test_worker_killed_in_the_middle_of_an_import(desk: Desk, counted: Callable[..., None], tmp_path: Any) -> None:
    found = _import_killed(desk, tmp_path)
    counted(*found)
    assert found == (1200, 0, 0)
    assert desk.ask("SELECT count(*) FROM handoffs_importrun WHERE status = 'done' AND rejected = 0") == 1


def test_worker_killed_in_the_middle_of_an_import_control(
    desk: Desk, counted: Callable[..., None], tmp_path: Any
) -> None:
    _import_killed(desk, tmp_path, "without-knowing")
    turned_down = desk.ask("SELECT rejected FROM handoffs_importrun")
    counted(desk.ask("SELECT count(*) FROM handoffs_case"), turned_down, 0, guard="looking whether a row is known")
    assert turned_down > 0


def _import_killed(desk: Desk, folder: Any, *harms: str) -> tuple[int, int, int]:
    """1,200 rows, killed in the second batch, started again: cases, rows without one, cases not noted just once."""
    with_clocks_due(desk, 1)
    path = folder / "export.csv"
    head = "退款编号,订单编号,买家退款金额,退款状态,退款的申请时间,货物状态,是否需要退货\n"
    row = "{0}\t,{0}\t,50.00,买家已经申请退款，等待卖家同意,2026-11-11 11:50:00,未发货,不需要退货\n"
    path.write_text(head + "".join(row.format(900000 + n) for n in range(1199)), encoding="utf-8")
    code = (
        "from accounts.models import Shop; from handoffs import imports\n"
        "from datetime import datetime, UTC; from pathlib import Path\n"
        "at = datetime(2026, 11, 11, 4, tzinfo=UTC)\n"
        f"run = imports.new_run(Shop.objects.get(), Path({str(path)!r}), name='f', as_of=at, at=at)\n"
        "run.save(); result = run.pk"
    )
    run = str(desk.python(code))
    assert desk.act("import", "killed-in-the-import=2", AT=AT, RUN=run) is None
    assert desk.ask("SELECT status FROM handoffs_importrun") == "running"
    assert desk.ask("SELECT count(*) FROM handoffs_case") == 501
    desk.act("import", *harms, AT=LATER, RUN=run)
    cases = desk.ask("SELECT count(*) FROM handoffs_case")
    arrived = desk.ask("SELECT count(*) FROM handoffs_timelineentry WHERE kind = 'arrived'")
    return cases, 1200 - cases, abs(arrived - cases)
