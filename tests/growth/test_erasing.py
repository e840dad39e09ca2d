"""Erasing a buyer takes every word for the buyer with it, wherever it stands, and nothing of anybody else."""

from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from django.db.models import Model

from accounts.models import AuditEntry, DutyShift
from handoffs import archiving
from handoffs.flow import erasure, evidence, receiving, response
from handoffs.flow.response import Reply
from handoffs.models import (
    Attachment,
    BatchRow,
    CarrierClaim,
    Case,
    CaseSource,
    ChannelPost,
    Clock,
    Compensation,
    Decision,
    Finding,
    Handoff,
    ImportRun,
    Interception,
    MarketCall,
    OutboxMessage,
    Parcel,
    ParcelEvent,
    Receipt,
    RefundBatch,
    RefundOrder,
    RejectedRow,
    Response,
    SavedView,
    TimelineEntry,
)
from handoffs.models.channel import Channel
from tests import factories, photos
from tests.factories import NOON, World
from tests.growth.lives import (
    DAY,
    NAME,
    NICK,
    PHONE,
    a_life,
    close,
    closed,
    event,
    everything_told,
    figures,
    photo,
    turned_down,
)

ASKED = "买家要求删除"


def erased(world: World, *cases: Case, reason: str = ASKED) -> erasure.Erased:
    return erasure.on_request([case.pk for case in cases], reason=reason, by=world.manager, at=NOON + DAY)


# Photos ---------------------------------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_a_file_that_proves_another_case_too_stays() -> None:
    world = factories.world()
    gone, other = closed(world, "900101", buyer_nick=NICK), closed(world, "900102", buyer_nick="别的买家")
    first = evidence.upload(photos.file(), by=world.warehouse, at=NOON)
    (second,) = evidence.again([first.pk], by=world.warehouse)
    alone = photo(world, gone)
    Attachment.objects.filter(pk=first.pk).update(case=gone)
    Attachment.objects.filter(pk=second).update(case=other)
    assert erased(world, gone).erased == [gone.pk]
    assert not Path(alone.file.path).exists()
    with evidence.readable(second, by=world.manager).file.open() as kept:
        assert kept.read() == photos.file().read()
    assert erased(world, other).erased == [other.pk]
    assert not Path(first.file.path).exists()


def test_photos_of_a_receipt_alone_go_with_the_last_case_of_its_parcel(world: World) -> None:
    parcels = {"outbound": [("中通快递", "ZT9200")]}
    one = closed(world, "900103", buyer_nick=NICK, **parcels)
    two = closed(world, "900104", buyer_nick="别的买家", **parcels)
    assert set(one.parcels.get().cases.all()) == {one, two}
    receipt = Receipt.objects.create(key="receipt-1", state="matched", shop=world.shop, parcel=one.parcels.get(),
                                     waybill="ZT9200", note=f"面单：{NAME}", at=NOON)  # fmt: skip
    label = photo(world, receipt=receipt, name=f"面单{NICK}.png")
    erased(world, one)
    label.refresh_from_db()
    assert label.name == "面单***.png"
    erased(world, two)
    assert not Attachment.objects.filter(pk=label.pk).exists()


# Words ----------------------------------------------------------------------------------------------------------------


def test_a_nickname_the_buyer_had_before_is_found_too(world: World) -> None:
    case = factories.case(world.shop, path=3, refund_id="900110", buyer_nick="旧昵称小鱼")
    response.respond(case.pk, Reply("旧昵称小鱼您好，已收到您的申请，正在核实"), by=world.support, at=NOON)
    for hour, nick in ((1, "中间昵称"), (2, NICK)):
        said = {**factories.ON_PATH[3], "phase": "closed", "marketplace_status": "CLOSED", "buyer_nick": nick}
        when = NOON + timedelta(hours=hour)
        factories.take(world.shop, factories.row("900110", **said), at=when, as_of=when)
    erasure.note(case, "note", at=NOON, by=world.support, text="中间昵称又来电")
    assert erased(world, case).erased == [case.pk]
    left = everything_told()
    assert [nick for nick in ("旧昵称小鱼", "中间昵称", NICK) if nick in left] == []


def test_a_value_of_the_row_that_a_later_row_replaced_is_found_too(world: World) -> None:
    case = closed(world, "900111", buyer_nick=NICK)
    for hour, receiver in ((2, "赵前收货"), (3, "孙后收货")):
        when = NOON + timedelta(hours=hour)
        row = factories.row("900111", **factories.ON_PATH[3], buyer_nick=NICK, phase="closed", reason=f"质量{hour}")
        row.raw.update({"refund_id": "900111", "收货人姓名": receiver})
        factories.take(world.shop, row, at=when, as_of=when)
    assert CaseSource.objects.get(case=case).former == {"buyer_name": ["赵前收货"]}
    erasure.note(case, "note", at=NOON, by=world.support, text="赵前收货和孙后收货都打过电话")
    erased(world, case)
    assert [name for name in ("赵前收货", "孙后收货") if name in everything_told()] == []


def test_names_and_numbers_that_stand_in_the_raw_row_alone_are_found(world: World) -> None:
    case = closed(world, "900112", buyer_nick=NICK)
    raw = {"收货人姓名": "钱多多", "卖家手机": "13777777777", "买家退款说明": "打我另一个号 138-1111-2222",
           "sameOrderServiceBill": {"customerPin": "jd_qian", "customerMobilePhone": "+86 13900001111"}}  # fmt: skip
    CaseSource.objects.filter(case=case).update(raw=raw)
    erasure.note(case, "changed", at=NOON, by=None, changes={"buyer_name": ["周早先", "钱多多"]})
    text = "钱多多/jd_qian/周早先 139 0000 1111、139-0000-1111、１３９００００１１１１、8613900001111、13811112222；"
    noted = erasure.note(case, "note", at=NOON, by=world.support, text=f"{text}我方13777777777")
    erased(world, case)
    noted.refresh_from_db()
    assert noted.data["text"] == "***/***/*** ***、***、***、***、***；我方13777777777"


def test_a_short_name_and_the_desk_s_own_codes_are_told_apart(world: World) -> None:
    case = closed(world, "900113", buyer_nick="closed", buyer_name="ab")
    said = erasure.note(case, "note", at=NOON, by=world.support, text="ab and about", order="closed", amount="5.00")
    moves = list(case.timeline.filter(kind="status").values_list("data", flat=True))
    erased(world, case)
    said.refresh_from_db()
    assert said.data == {"text": "*** and about", "order": "***", "amount": "5.00"}
    assert list(case.timeline.filter(kind="status").values_list("data", flat=True)) == moves
    assert moves[-1]["to"] == "closed"


def test_a_reason_that_names_the_buyer_is_starred_out(world: World) -> None:
    case = a_life(world)
    erased(world, case, reason=f"{NAME}（{PHONE}）来电要求删除")
    assert case.timeline.get(kind="erased").data["reason"] == "***（***）来电要求删除"


def every_table(world: World, case: Case) -> list[tuple[Model, str]]:
    """A row in each table that people or services write into, with a column that names the buyer."""
    parcel, at, by = case.parcels.get(), NOON, world.support
    event(case, 1, "签收")
    text = f"{NAME}本人"
    decision = Decision.objects.create(case=case, kind="compensation", reason="r", status="carried_out", case_amount=5,
                                       by=by, at=at, amount=5)  # fmt: skip
    batch = RefundBatch.objects.create(by=by, at=at, reason=text)
    channel = Channel.objects.create(user=by, label="bot", sealed_address="x", kind="feishu")
    made: list[tuple[Model, str]] = [
        (ParcelEvent.objects.filter(parcel=parcel).latest("pk"), "place"),
        (OutboxMessage.objects.create(key="k1", kind="late", to=by, case=case, created_at=at, mail="none"), "data"),
        (ChannelPost.objects.create(channel=channel, event="e", kind="late", case=case, created_at=at), "data"),
        (BatchRow.objects.create(batch=batch, case=case, amount=5), "message"),
        (batch, "reason"),
        (Finding.objects.create(shop=case.shop, case=case, refund_id=case.refund_id, kind="amount", found_at=at,
                                seen_at=at, settled_at=at), "market"),
        (Finding.objects.create(shop=case.shop, refund_id=case.refund_id, kind="missed", found_at=at, seen_at=at,
                                settled_at=at), "note"),
        (Interception.objects.create(key="i1", case=case, parcel=parcel, via="people", state="failed", at=at), "said"),
        (Receipt.objects.create(key="r1", state="matched", shop=case.shop, parcel=parcel, waybill=parcel.waybill,
                                at=at), "settled_as"),
        (Compensation.objects.create(case=case, decision=decision, order_id=case.order_id, amount=5, by=by, at=at),
         "reference"),
        (CarrierClaim.objects.create(case=case, parcel=parcel, amount=5, status="refused", opened_at=at), "reference"),
        (RefundOrder.objects.create(case=case, decision=decision, key="o1", amount=5, status="failed", by=by, at=at),
         "answer"),
        (RefundOrder.objects.create(case=case, decision=decision, key="o2", amount=5, status="failed", by=by, at=at),
         "reference"),
        (MarketCall.objects.create(case=case, operation="message", key="c1", status="done", by=by, at=at), "answer"),
        (DutyShift.objects.create(user=by, starts_at=at), "note"),
        (ImportRun.objects.create(shop=case.shop, as_of=at, started_at=at, status="failed"), "file_name"),
        (Clock.objects.filter(case=case)[0], "failed"),
        (Parcel.objects.get(pk=parcel.pk), "raw_state"),
        (Handoff.objects.filter(case=case)[0], "difficult_reason"),
        (Response.objects.filter(case=case)[0], "message"),
        (CaseSource.objects.get(case=case), "imported_from"),
    ]  # fmt: skip
    for row, column in made:
        setattr(row, column, {"text": text} if column == "data" else text)
        row.save(update_fields=[column])
    return made


def test_no_table_keeps_a_word_for_the_buyer_and_the_figures_stay(world: World) -> None:
    case = a_life(world)
    written = every_table(world, case)
    before = figures(world)
    assert erased(world, case).erased == [case.pk]
    for row, column in written:
        row.refresh_from_db()
        value = getattr(row, column)
        assert (value["text"] if column == "data" else value) == "***本人", (type(row).__name__, column)
    left = everything_told() + "".join(DutyShift.objects.values_list("note", flat=True))
    assert [word for word in (NICK, NAME, PHONE) if word in left] == []
    assert figures(world) == before


def test_three_stars_fit_where_two_letters_stood(world: World) -> None:
    case = closed(world, "900114", buyer_name="小明")
    made = OutboxMessage.objects.create(key="k2", kind="late", to=world.support, case=case, created_at=NOON,
                                        error="小明" + "x" * 253)  # fmt: skip
    erased(world, case)
    made.refresh_from_db()
    assert made.error == "***" + "x" * 252


# What belongs to no case ----------------------------------------------------------------------------------------------


def test_rows_that_were_turned_down_go_by_number_nickname_and_phone_but_not_by_name(world: World) -> None:
    case = a_life(world)
    theirs = [
        turned_down(world, 退款编号=case.refund_id),
        turned_down(world, 买家会员名称=NICK),
        turned_down(world, 备注="电话139-0000-1111"),
    ]
    others = [
        turned_down(world, 收货人=NAME, 退款编号=f"{case.refund_id}7"),
        turned_down(world, 卖家手机=PHONE, 买家会员名称="别的买家"),
    ]
    erased(world, case)
    assert set(RejectedRow.objects.values_list("pk", flat=True)) == {row.pk for row in others}
    assert len(theirs) == 3


def test_they_go_too_when_the_case_is_erased_in_the_night_after_it_was_closed(world: World) -> None:
    case = factories.case(world.shop, path=3, refund_id="900120", buyer_nick=NICK)
    turned_down(world, 买家会员名称=NICK)
    assert erased(world, case).waiting == [case.pk]
    assert archiving.run(at=NOON + DAY)["erased"] == 0
    assert RejectedRow.objects.exists()
    close(case, buyer_nick=NICK)
    assert archiving.run(at=NOON + 2 * DAY)["erased"] == 1
    assert not RejectedRow.objects.exists()
    assert NICK not in everything_told()


def test_a_saved_search_for_the_buyer_goes_and_every_other_stays(world: World) -> None:
    case = a_life(world)
    for place, (name, query) in enumerate((("a", {"q": NICK}), (f"{NAME}的", {"status": "new"}), ("b", {"q": "水杯"}))):
        SavedView.objects.create(owner=world.support, page="cases", name=name, query=urlencode(query), created_at=NOON)
        assert SavedView.objects.count() == place + 1
    erased(world, case)
    assert list(SavedView.objects.values_list("name", flat=True)) == ["b"]


def noted_everywhere(world: World) -> dict[str, Model]:
    """What names the buyer and belongs to nobody who works for the shop today."""
    gone, chief = factories.person("support", world.other_shop), factories.person("support", world.other_shop)
    chief.memberships.all().delete()
    chief.is_superuser = True
    chief.save()
    bot = Channel.objects.create(user=chief, label="bot", sealed_address="x", kind="feishu", created_at=NOON)
    said = {"subject": f"{NAME}的包裹", "text": f"{NICK}等回电", "html": f"<p>{NICK}等回电</p>"}
    more = {"kind": "handover", "data": said, "created_at": NOON}
    return {
        "note": DutyShift.objects.create(user=gone, starts_at=NOON, note=f"{NICK}等回电"),
        "mail": OutboxMessage.objects.create(key="handover:1:1", to=chief, mail="sent", **more),
        "chat": ChannelPost.objects.create(channel=bot, event="handover:1", state="sent", **more),
        "view": SavedView.objects.create(owner=gone, page="cases", name="a", query=urlencode({"q": NICK}),
                                         created_at=NOON),
    }  # fmt: skip


def test_what_people_wrote_who_work_elsewhere_by_now_is_read_through_and_their_chat_too(world: World) -> None:
    case = a_life(world)
    rows = noted_everywhere(world)
    erased(world, case)
    left = everything_told() + "".join(DutyShift.objects.values_list("note", flat=True))
    assert [word for word in (NICK, NAME) if word in left] == []
    for name in ("mail", "chat"):
        rows[name].refresh_from_db()
        assert rows[name].data == {"subject": "***的包裹", "text": "***等回电", "html": "<p>***等回电</p>"}  # type: ignore[attr-defined]
    assert not SavedView.objects.exists()


# At once, and cut off ------------------------------------------------------------------------------------------------


def test_what_belongs_to_no_case_is_read_once_for_all_cases_of_a_request(world: World, monkeypatch: Any) -> None:
    cases = [closed(world, f"90016{number}", buyer_nick=NICK) for number in range(4)]
    theirs = [turned_down(world, 退款编号=case.refund_id).pk for case in cases]
    kept = turned_down(world, 买家会员名称="别的买家")
    real, read = erasure._look_wide, list[erasure.Sought]()
    monkeypatch.setattr(erasure, "_look_wide", lambda case, sought: (read.append(sought), real(case, sought)))
    erased(world, *cases)
    assert len(read) == 1
    assert len(theirs) == 4
    assert list(RejectedRow.objects.values_list("pk", flat=True)) == [kept.pk]


def test_what_is_told_of_the_buyer_only_meanwhile_is_looked_for_too(world: World, monkeypatch: Any) -> None:
    case = closed(world, "900165", buyer_nick=NICK)
    DutyShift.objects.create(user=world.support, starts_at=NOON, note="晚到昵称等回电")
    locked = erasure.locked_case

    def moving(pk: int) -> Case:
        CaseSource.objects.filter(case=pk).update(former={"buyer_nick": ["晚到昵称"]})
        return locked(pk)

    monkeypatch.setattr(erasure, "locked_case", moving)
    erased(world, case)
    assert DutyShift.objects.get(starts_at=NOON).note == "***等回电"


@pytest.mark.parametrize("at_case", [1, 2])
def test_the_audit_knows_of_an_erasure_that_was_cut_off(world: World, monkeypatch: Any, at_case: int) -> None:
    cases = [closed(world, f"90017{number}", buyer_nick=NICK) for number in range(2)]
    real, left = erasure.erase, [at_case]

    def dying(*args: Any, **more: Any) -> None:
        left[0] -= 1
        if not left[0]:
            raise KeyboardInterrupt
        real(*args, **more)

    with monkeypatch.context() as patch:
        patch.setattr(erasure, "erase", dying)
        with pytest.raises(KeyboardInterrupt):
            erased(world, *cases)
    asked = f"asked for: {[case.pk for case in cases]}"
    assert list(AuditEntry.objects.filter(kind="erased").values_list("by", "text")) == [(world.manager.pk, asked)]
    erased(world, *cases)
    said = AuditEntry.objects.filter(kind="erased").order_by("pk").values_list("text", flat=True)
    assert list(said)[1:] == [asked, f"erased: {[case.pk for case in cases]}; when closed: []"]


# Others ---------------------------------------------------------------------------------------------------------------


def test_who_shares_a_name_or_a_parcel_keeps_what_is_theirs(world: World) -> None:
    parcels = {"outbound": [("中通快递", "ZT9201")]}
    case = closed(world, "900130", buyer_nick=NICK, buyer_name=NAME, **parcels)
    other = closed(world, "900131", buyer_nick="同名买家", buyer_name=NAME, **parcels)
    erasure.note(other, "note", at=NOON, by=world.support, text=f"{NAME}（同名买家）")
    erased(world, case)
    source = CaseSource.objects.get(case=other)
    assert (source.buyer_name, source.case.buyer_nick) == (NAME, "同名买家")
    assert TimelineEntry.objects.get(case=other, kind="note").data["text"] == f"{NAME}（同名买家）"


def test_a_return_received_for_two_buyers_keeps_its_proof_for_the_second(world: World) -> None:
    """As the warehouse really takes it in: one photo, a copy of its row for each case."""
    one, two = (
        factories.case(world.shop, path=4, refund_id=number, buyer_nick=nick, amount=Decimal(50),
                       return_waybill="SF7700", return_carrier="顺丰", phase="wait_seller_confirm",
                       marketplace_status="WAIT_SELLER_CONFIRM_GOODS")
        for number, nick in (("900140", NICK), ("900141", "别的买家"))
    )  # fmt: skip
    proof = evidence.upload(photos.file(), by=world.warehouse, at=NOON)
    lines = tuple(receiving.Counted(each.case_id, each.line, each.planned or 1, "good")
                  for case in (one, two) for each in receiving.expected(case))  # fmt: skip
    receipt = receiving.Receipt(key="receipt-7700", waybill="SF7700", carrier="顺丰", weight_grams=400, lines=lines,
                                attachments=(proof.pk,))  # fmt: skip
    receiving.receive(receipt, by=world.warehouse, at=NOON)
    kept = Attachment.objects.get(case=two)
    assert kept.file.name == proof.file.name
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(erasure.transaction, "on_commit", lambda act: act())
        erasure.erase(Case.objects.get(pk=one.pk), by=world.manager, at=NOON + DAY)
    assert not Attachment.objects.filter(case=one).exists()
    assert Path(kept.file.path).exists()
