"""What goes when: cases nobody closes, cases that must wait, and more of them than one night has time for."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.contrib.sessions.models import Session

from accounts.models import DutyShift
from handoffs import archiving
from handoffs.flow import decision, erasure
from handoffs.flow.decision import Proposal
from handoffs.models import Attachment, CarrierClaim, Case, CaseSource, ParcelEvent, Retention
from tests import factories
from tests.factories import NOON, World
from tests.growth.lives import DAY, NAME, NICK, YEAR, a_life, archived, closed, event, photo

LATER = NOON + 4 * YEAR


def gone() -> set[str]:
    return set(CaseSource.objects.exclude(erased_at=None).values_list("case__refund_id", flat=True))


def claim(case: Case) -> CarrierClaim:
    return CarrierClaim.objects.create(case=case, parcel=case.parcels.get(), amount=5, opened_at=NOON)


def test_cases_that_must_wait_do_not_stand_in_the_way_of_those_behind_them(world: World, monkeypatch: Any) -> None:
    monkeypatch.setattr(archiving, "BATCH", 2)
    for number in range(3):
        claim(closed(world, f"90030{number}", buyer_nick=NICK, outbound=[("中通快递", f"ZT30{number}")]))
    for number in range(3, 8):
        closed(world, f"90030{number}", buyer_nick=NICK)
    assert archiving.run(at=LATER, dry_run=True)["erased"] == 5
    assert archiving.run(at=LATER)["erased"] == 5
    assert gone() == {f"90030{number}" for number in range(3, 8)}
    CarrierClaim.objects.update(status="paid")
    assert archiving.run(at=LATER + DAY)["erased"] == 3


def test_buyers_are_erased_night_after_night_until_none_is_left(world: World, monkeypatch: Any) -> None:
    for number in range(5):
        closed(world, f"90031{number}", buyer_nick=NICK)
    monkeypatch.setattr(archiving, "BATCH", 2)
    found, left = archiving.Pass.batches, [1]

    def one_batch(self: Any, rows: Any) -> Any:
        for ids in found(self, rows):
            if not left[0]:
                return  # the night is over
            left[0] -= 1
            yield ids

    monkeypatch.setattr(archiving.Pass, "batches", one_batch)
    done = []
    for night in range(4):
        left[0] = 1
        done.append(archiving.run(at=LATER + night * DAY)["erased"])
    assert done == [2, 2, 1, 0]


def test_a_case_nobody_ever_closed_keeps_its_buyer_no_longer_than_others(world: World) -> None:
    open_one = factories.case(world.shop, path=3, refund_id="900320", buyer_nick=NICK)
    goods_open = factories.case(world.shop, path=2, refund_id="900321", buyer_nick=NICK)
    Case.objects.filter(pk=goods_open.pk).update(status=Case.Status.GOODS_OPEN, money="confirmed", phase="success")
    young = factories.case(world.shop, path=3, refund_id="900322", buyer_nick=NICK)
    Case.objects.filter(pk=young.pk).update(changed_at=LATER - 100 * DAY)
    assert archiving.run(at=NOON + 1000 * DAY)["erased"] == 0
    assert archiving.run(at=LATER)["erased"] == 2
    assert gone() == {open_one.refund_id, goods_open.refund_id}
    assert archiving.run(at=LATER, dry_run=True)["erased"] == 0


def test_while_money_or_a_claim_is_open_nothing_goes(world: World) -> None:
    proposed = factories.case(world.shop, path=3, refund_id="900330", buyer_nick=NICK, amount=Decimal(300),
                              total_fee=Decimal(300))  # fmt: skip
    decision.propose(proposed.pk, Proposal("full_refund", "商品破损，买家已提供照片"), by=world.support, at=NOON)
    claimed = factories.case(world.shop, path=2, refund_id="900331", buyer_nick=NICK)
    claim(claimed)
    assert archiving.run(at=LATER)["erased"] == 0
    CarrierClaim.objects.update(status="refused")
    assert archiving.run(at=LATER)["erased"] == 1
    assert gone() == {claimed.refund_id}


def test_a_case_that_moves_before_its_turn_is_left_alone(world: World, monkeypatch: Any) -> None:
    case = closed(world, "900340", buyer_nick=NICK)
    locked = erasure.locked_case

    def moving(pk: int) -> Case:
        Case.objects.filter(pk=pk).update(changed_at=LATER)
        return locked(pk)

    monkeypatch.setattr(archiving, "locked_case", moving)
    assert archiving.run(at=LATER)["erased"] == 0
    assert Case.objects.get(pk=case.pk).buyer_nick == NICK


def aged(world: World, at: datetime, name: str) -> Attachment:
    return photo(world, name=name, at=at)


def test_notes_of_duty_and_photos_of_no_case_go_by_their_own_age(world: World) -> None:
    aged(world, NOON, "old.png"), aged(world, LATER - DAY, "young.png")
    for start in (NOON, LATER - 2 * DAY):
        DutyShift.objects.create(user=world.support, starts_at=start, ends_at=start + timedelta(hours=1), note=NICK)
    assert archiving.run(at=LATER, dry_run=True)["files"] == 1
    assert archiving.run(at=LATER)["files"] == 1
    assert list(Attachment.objects.values_list("name", flat=True)) == ["young.png"]
    assert DutyShift.objects.filter(note=NICK).get().starts_at == LATER - 2 * DAY


def counted(at: datetime) -> tuple[int, int]:
    """Events and timeline rows that go, as a dry run says beforehand."""
    tried, done = archiving.run(at=at, dry_run=True), archiving.run(at=at)
    assert tried == done
    return done["events"], done["timeline"]


def with_events(world: World, refund_id: str, **more: Any) -> Case:
    case = a_life(world, refund_id, **more)
    for hours in range(2):
        event(case, hours, f"签收人{NAME}")
    return case


def test_events_and_timelines_wait_for_their_buyer_however_short_their_own_time_is(world: World) -> None:
    with_events(world, "900350")
    Retention.objects.update_or_create(pk=1, defaults={"events": 30, "timeline": 30, "personal": 400})
    assert counted(NOON + 300 * DAY) == (0, 0)
    assert archived("events") == []
    events, rows = counted(NOON + 500 * DAY)
    assert events == 1
    assert rows > 0
    assert [word for word in (NAME, NICK) if word in repr(archived("events") + archived("timeline"))] == []


def test_a_parcel_of_two_buyers_waits_for_both(world: World) -> None:
    parcels = {"outbound": [("中通快递", "ZT9400")]}
    first, second = with_events(world, "900351", **parcels), a_life(world, "900352", **parcels)
    assert first.parcels.get() == second.parcels.get()
    Retention.objects.update_or_create(pk=1, defaults={"events": 30})
    asked = {"reason": "买家要求删除", "by": world.manager, "at": NOON + DAY}
    erasure.on_request([first.pk], **asked)
    assert counted(NOON + 300 * DAY)[0] == 0
    erasure.on_request([second.pk], **asked)
    assert counted(NOON + 300 * DAY)[0] == 1


def test_with_buyers_kept_for_ever_all_goes_by_its_own_age_but_of_one_who_asked_to_be_erased(world: World) -> None:
    with_events(world, "900353")
    asked = with_events(world, "900354")
    claim(asked)
    Retention.objects.update_or_create(pk=1, defaults={"events": 30, "timeline": 30, "personal": None})
    assert erasure.on_request([asked.pk], reason="买家要求", by=world.manager, at=NOON).waiting == [asked.pk]
    events, rows = counted(NOON + 300 * DAY)
    assert events == 1
    assert rows > 0
    assert {row["of_refund_id"] for row in archived("timeline")} == {"900353"}
    CarrierClaim.objects.update(status="paid")
    assert counted(NOON + 301 * DAY)[0] == 1


def test_sessions_that_are_over_go_and_no_others(world: World) -> None:
    for key, expires in (("over", NOON - DAY), ("alive", NOON + DAY)):
        Session.objects.create(session_key=key, session_data="", expire_date=expires)
    archiving.run(at=NOON, dry_run=True)
    assert Session.objects.count() == 2
    archiving.run(at=NOON)
    assert list(Session.objects.values_list("session_key", flat=True)) == ["alive"]


def test_what_goes_into_the_archive_names_nobody_whose_time_is_over(world: World) -> None:
    case = a_life(world)
    for hours in range(2):
        event(case, hours, f"签收人{NAME}")
    Retention.objects.update_or_create(pk=1, defaults={"timeline": 1095})
    archiving.run(at=LATER)
    rows = repr(archived("events") + archived("timeline"))
    assert rows
    assert [word for word in (NAME, NICK) if word in rows] == []
    assert ParcelEvent.objects.count() == 1
