"""Retention: what goes, what stays, and that every figure stays as it was. Erasure: nothing of the buyer is left."""

import json
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.core.management import call_command
from django.db import DatabaseError, connection, transaction
from django.test import Client

from handoffs import archiving
from handoffs.carriers.base import State
from handoffs.flow import buyer, erasure
from handoffs.flow.errors import Invalid, NotAllowed
from handoffs.models import (
    Attachment,
    Case,
    CaseSource,
    ImportRun,
    OutboxMessage,
    ParcelEvent,
    RejectedRow,
    Retention,
    TimelineEntry,
)
from tests import factories, photos
from tests.factories import NOON, World
from tests.goods import telling
from tests.growth.lives import DAY, NAME, NICK, PERSONAL, YEAR, a_life, archived, event, everything_told, figures

# Retention ------------------------------------------------------------------------------------------------------------


def test_nothing_goes_before_its_time(world: World) -> None:
    a_life(world)
    before = everything_told()
    counts = archiving.run(at=NOON + 300 * DAY)
    assert [counts[name] for name in ("messages", "events", "timeline", "erased")] == [0, 0, 0, 0]
    assert everything_told() == before


def test_what_had_its_time_goes_and_the_figures_stay(world: World) -> None:
    case = a_life(world)
    for hours in range(5):
        event(case, hours, f"第{hours}站")
    Retention.objects.update_or_create(pk=1, defaults={"timeline": 1095})
    rows, before = case.timeline.count(), figures(world)
    told = OutboxMessage.objects.exclude(mail__in=("queued", "retry")).count()
    counts = archiving.run(at=NOON + 4 * YEAR)
    assert (counts["messages"], counts["events"], counts["erased"]) == (told, 4, 1)
    assert counts["timeline"] == len(archived("timeline")) > 0
    assert {row["of_refund_id"] for row in archived("timeline")} == {case.refund_id}
    assert [row["text"] for row in archived("events")] == ["第0站", "第1站", "第2站", "第3站"]
    assert figures(world) == before
    left = list(case.timeline.values_list("kind", flat=True))
    assert rows - counts["timeline"] == len([kind for kind in left if kind not in ("archived", "erased")])
    assert left.count("changed") == 3  # refused, reopened, closed: what the reports count
    again = archiving.run(at=NOON + 4 * YEAR + DAY)
    assert [again[name] for name in ("messages", "events", "timeline", "erased")] == [0, 0, 0, 0]


def test_what_is_open_or_not_yet_sent_stays(world: World) -> None:
    kept = factories.case(world.shop, path=2, outbound=[("中通快递", "ZT77")], buyer_nick=NICK)
    for hours in range(3):
        event(kept, hours, "在路上")
    OutboxMessage.objects.create(key="k", kind="late", to=world.support, case=kept, created_at=NOON, mail="retry")
    Retention.objects.update_or_create(pk=1, defaults={"timeline": 1095, "personal": None})
    archiving.run(at=NOON + 4 * YEAR)
    assert (ParcelEvent.objects.count(), OutboxMessage.objects.filter(key="k").count()) == (3, 1)
    assert Case.objects.get(pk=kept.pk).buyer_nick == NICK


def test_a_dry_run_counts_the_same_and_changes_nothing(world: World, capsys: Any) -> None:
    case = a_life(world)
    event(case, 1, "一"), event(case, 2, "二")
    Retention.objects.update_or_create(pk=1, defaults={"timeline": 30})
    before = everything_told()
    tried = archiving.run(at=NOON + 4 * YEAR, dry_run=True)
    assert everything_told() == before
    assert not archiving.folder().exists()
    with time_machine.travel(NOON + 4 * YEAR, tick=False):
        call_command("archive", "--json")
    assert json.loads(capsys.readouterr().out) == tried
    assert tried["timeline"] > 0


def test_cut_off_between_the_archive_and_the_database_nothing_is_lost(world: World, monkeypatch: Any) -> None:
    case = a_life(world)
    for hours in range(3):
        event(case, hours, f"第{hours}站")
    monkeypatch.setattr(archiving.Pass, "messages", lambda *_: None)
    written = archiving.Pass._write

    def die(self: Any, kind: str, rows: Any) -> None:
        written(self, kind, rows)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(archiving.Pass, "_write", die)
        with pytest.raises(KeyboardInterrupt):
            archiving.run(at=NOON + 4 * YEAR)
    assert ParcelEvent.objects.count() == 3
    archiving.run(at=NOON + 4 * YEAR + DAY)
    assert ParcelEvent.objects.count() == 1
    assert {row["text"] for row in archived("events")} == {"第0站", "第1站"}


def test_a_trace_told_again_after_the_archive_leaves_the_case_closed(world: World) -> None:
    case = a_life(world)
    trace = [telling.event(State.PICKED_UP, NOON, waybill=f"ZT{case.refund_id}"),
             telling.event(State.SIGNED, NOON + 2 * DAY, waybill=f"ZT{case.refund_id}")]  # fmt: skip
    telling.told(case, *trace, waybill=f"ZT{case.refund_id}")
    archiving.run(at=NOON + 4 * YEAR)
    assert ParcelEvent.objects.count() == 1
    telling.told(case, *trace, waybill=f"ZT{case.refund_id}", at=NOON + 4 * YEAR + DAY)
    assert (case.status, case.parcels.get().state) == (Case.Status.CLOSED, State.SIGNED)


@pytest.mark.skipif(connection.vendor != "postgresql", reason="the guard is PostgreSQL's")
def test_the_timeline_s_guard_holds_for_everybody_else(world: World) -> None:
    a_life(world)
    with transaction.atomic(), erasure.timeline_open():
        pass
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("DELETE FROM handoffs_timelineentry")
    assert TimelineEntry.objects.exists()


# Erasure --------------------------------------------------------------------------------------------------------------


def test_nothing_of_an_erased_buyer_is_left_and_the_figures_stay(world: World) -> None:
    case = a_life(world)
    other = factories.case(world.shop, path=3, refund_id="900002", buyer_nick="别的买家", buyer_name="李四")
    event(case, 1, f"已签收，签收人{NAME}")
    photo = Attachment.objects.create(case=case, file=photos.file(), name="聊天.png", content_type="image/png", size=1,
                                      sha256="0", by=world.support, at=NOON)  # fmt: skip
    run = ImportRun.objects.create(shop=world.shop, file_name="f.csv", stored="", as_of=NOON, started_at=NOON)
    RejectedRow.objects.create(run=run, number=1, code="x", message="m", raw={"退款编号": case.refund_id, "n": NAME})
    before, stored = figures(world), Path(photo.file.path)
    done = erasure.on_request([case.pk], reason="买家要求删除", by=world.manager, at=NOON + DAY)
    assert (done.erased, done.waiting) == ([case.pk], [])
    left = everything_told()
    assert [word for word in PERSONAL if word in left] == []
    assert "李四" in left
    assert figures(world) == before
    case.refresh_from_db()
    assert (case.amount, case.reason, case.description) == (50, "协商一致退款", "")
    assert case.timeline.get(kind="erased").data == {"photos": 1, "reason": "买家要求删除"}
    assert not Attachment.objects.filter(pk=photo.pk).exists()
    assert stored.exists()  # the file goes when the transaction is certain, which a test's never is
    assert Case.objects.get(pk=other.pk).buyer_nick == "别的买家"


@pytest.mark.django_db(transaction=True)
def test_the_photos_of_an_erased_buyer_are_gone_from_the_disk() -> None:
    world = factories.world()
    case = a_life(world)
    photo = Attachment.objects.create(case=case, file=photos.file(), name="p.png", content_type="image/png", size=1,
                                      sha256="0", by=world.support, at=NOON)  # fmt: skip
    stored = Path(photo.file.path)
    assert stored.exists()
    erasure.on_request([case.pk], reason="买家要求删除", by=world.manager, at=NOON + DAY)
    assert not stored.exists()


def test_the_same_buyer_is_counted_as_one_afterwards(world: World) -> None:
    first, second = a_life(world), a_life(world, "900002")
    erasure.on_request([first.pk, second.pk], reason="买家要求删除", by=world.manager, at=NOON + DAY)
    nicks = set(Case.objects.filter(pk__in=(first.pk, second.pk)).values_list("buyer_nick", flat=True))
    (nick,) = nicks
    assert nick.startswith(erasure.GONE)
    assert erasure.cases_of(NICK, by=world.manager).count() == 0


def test_an_open_case_follows_in_the_night_after_it_is_closed(world: World) -> None:
    case = factories.case(world.shop, path=3, refund_id="900003", buyer_nick=NICK, description=NAME)
    done = erasure.on_request([case.pk], reason="买家要求删除", by=world.manager, at=NOON)
    assert (done.erased, done.waiting) == ([], [case.pk])
    assert archiving.run(at=NOON + DAY)["erased"] == 0
    gone = factories.row("900003", **factories.ON_PATH[3], phase="closed", marketplace_status="CLOSED", buyer_nick=NICK)
    factories.take(world.shop, gone, at=NOON + DAY, as_of=NOON + DAY)
    assert Case.objects.get(pk=case.pk).status == Case.Status.CLOSED
    assert archiving.run(at=NOON + 2 * DAY)["erased"] == 1
    assert NICK not in everything_told()


def test_a_file_sent_again_does_not_bring_the_buyer_back(world: World) -> None:
    case = a_life(world)
    erasure.on_request([case.pk], reason="买家要求删除", by=world.manager, at=NOON + DAY)
    said = {"buyer_nick": NICK, "buyer_name": NAME, "description": f"我是{NAME}", "reason": "质量问题"}
    again = factories.row(
        case.refund_id, **{**factories.ON_PATH[2], **said}, phase="closed", marketplace_status="CLOSED"
    )
    (outcome,) = factories.take(world.shop, again, at=NOON + 2 * DAY, as_of=NOON + 2 * DAY)
    assert outcome.result == "updated"
    assert Case.objects.get(pk=case.pk).reason == "质量问题"
    assert [word for word in PERSONAL if word in everything_told()] == []
    source = CaseSource.objects.get(case=case)
    assert buyer.masked_buyer(Case.objects.get(pk=case.pk), source=source) == buyer.Buyer("erased", "", "", "")


def test_only_a_manager_erases_and_only_in_the_own_shops_with_a_reason(world: World) -> None:
    case = a_life(world)
    for person in (world.support, world.supervisor, world.warehouse):
        with pytest.raises(NotAllowed):
            erasure.on_request([case.pk], reason="买家要求删除", by=person, at=NOON)
    with pytest.raises(Invalid):
        erasure.on_request([case.pk], reason=" ", by=world.manager, at=NOON)
    stranger = factories.person("manager", world.other_shop)
    assert erasure.on_request([case.pk], reason="买家要求删除", by=stranger, at=NOON).erased == []
    assert not erasure.cases_of(NICK, by=stranger).exists()


def test_the_page_finds_all_cases_of_the_buyer_by_any_number_and_erases_the_ticked(world: World) -> None:
    first, second = a_life(world), a_life(world, "900002")
    client = Client()
    client.force_login(world.manager, backend="accounts.backends.RoleBackend")
    shown = client.get("/erase/", {"q": f"ZT{first.refund_id}"}).content.decode()
    assert first.refund_id in shown
    assert second.refund_id in shown
    answer = client.post("/erase/", {"q": NICK, "case": [second.pk], "reason": ""})
    assert answer.status_code == 400
    client.post("/erase/", {"q": NICK, "case": [second.pk], "reason": "买家要求删除"})
    assert Case.objects.get(pk=second.pk).buyer_nick.startswith(erasure.GONE)
    assert Case.objects.get(pk=first.pk).buyer_nick == NICK


def test_a_policy_under_a_month_is_refused(world: World) -> None:
    Retention.objects.get_or_create(pk=1)
    client = Client()
    client.force_login(world.manager, backend="accounts.backends.RoleBackend")
    assert client.get("/handoffs/retention/").headers["Location"].endswith("/handoffs/retention/1/change/")
    answer = client.post("/handoffs/retention/1/change/", {"messages": "3", "personal": "400"})
    assert answer.status_code == 200
    assert Retention.objects.get(pk=1).messages == 365
    client.post("/handoffs/retention/1/change/", {"messages": "90", "events": "", "timeline": "", "personal": "400"})
    assert Retention.objects.values_list("messages", "events", "personal").get() == (90, None, 400)
