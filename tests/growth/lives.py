"""A buyer's whole life with a shop, and all that the desk then says of it."""

import gzip
import json
from dataclasses import fields, is_dataclass
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.apps import apps
from django.db.models import QuerySet

from handoffs import archiving, reports, sweep
from handoffs.flow import handoff, response
from handoffs.flow.handoff import Question
from handoffs.flow.response import Reply
from handoffs.models import Attachment, Case, ImportRun, ParcelEvent, RejectedRow
from handoffs.reports import Span
from tests import factories, photos
from tests.factories import NOON, World

DAY, YEAR = timedelta(days=1), timedelta(days=365)
NICK, NAME, PHONE, ADDRESS = "月光下的买家", "王小明", "13900001111", "测试省某市某路1号"
PERSONAL = (NICK, NAME, PHONE, ADDRESS)


def a_life(world: World, refund_id: str = "900001", **more: Any) -> Case:
    """An application with everything people write the buyer's name into, refused, reopened and closed."""
    said = {
        "buyer_nick": NICK, "buyer_name": NAME, "buyer_phone": PHONE, "buyer_address": ADDRESS,
        "description": f"我是{NAME}，电话{PHONE}", "order_id": f"8{refund_id}", "line_id": f"7{refund_id}", **more,
    }  # fmt: skip
    where = {**factories.ON_PATH[2], "outbound": [("中通快递", f"ZT{refund_id}")]}
    case = factories.case(world.shop, path=2, refund_id=refund_id, **{**where, **said})
    response.respond(case.pk, Reply(f"{NICK}您好，已收到您的申请，正在核实", channel="chat"), by=world.support, at=NOON)
    handoff.ask(case.pk, Question("check_shipped", note=f"收件人{NAME}"), by=world.support, at=NOON)
    sweep.run(at=NOON + DAY)
    for hour, phase, status in ((1, "refused", "SELLER_REFUSE_BUYER"), (2, "wait_seller", "WAIT_SELLER_AGREE"),
                                (3, "closed", "CLOSED")):  # fmt: skip
        again = factories.row(refund_id, **{**where, **said, "phase": phase, "marketplace_status": status})
        factories.take(world.shop, again, at=NOON + timedelta(hours=hour), as_of=NOON + timedelta(hours=hour))
    case.refresh_from_db()
    for asked in case.handoffs.filter(status__in=("open", "claimed")):
        handoff.withdraw(asked.pk, by=world.support, at=NOON + timedelta(hours=4))
    case.refresh_from_db()
    assert case.status == Case.Status.CLOSED
    return case


def event(case: Case, hours: int, words: str) -> None:
    parcel = case.parcels.get()
    ParcelEvent.objects.create(parcel=parcel, at=NOON + timedelta(hours=hours), state="in_transit", text=words,
                               source="push", received_at=NOON, digest=f"{hours}")  # fmt: skip


def figures(world: World) -> Any:
    shops = [world.shop.pk, world.other_shop.pk]
    return _plain(reports.overview(shops, Span(NOON - DAY, NOON + DAY), zone=ZoneInfo("Asia/Shanghai")))


def _plain(told: Any) -> Any:
    """What a report says, with its cases as their keys in order: the database may give them in any."""
    if isinstance(told, QuerySet):
        return sorted(told.values_list("pk", flat=True))
    if is_dataclass(told):
        return {field.name: _plain(getattr(told, field.name)) for field in fields(told)}
    return [_plain(each) for each in told] if isinstance(told, list) else told


def archived(kind: str) -> list[dict[str, Any]]:
    lines: list[dict[str, Any]] = []
    for path in archiving.folder().glob(f"*-{kind}.jsonl.gz"):
        assert path.stat().st_mode & 0o077 == 0
        with gzip.open(path, "rt") as file:
            lines += [json.loads(line) for line in file]
    return lines


def everything_told() -> str:
    """All that the database says, but for the people who work here."""
    models = [m for m in apps.get_app_config("handoffs").get_models(include_auto_created=True)]
    return "\n".join(str(row) for model in models for row in model._default_manager.values_list())


def photo(world: World, case: Case | None = None, **more: Any) -> Attachment:
    about = {"name": "聊天.png", "content_type": "image/png", "size": 1, "sha256": "0", "by": world.support, "at": NOON}
    return Attachment.objects.create(case=case, **{"file": photos.file(), **about, **more})


def turned_down(world: World, **raw: str) -> RejectedRow:
    """A row of a file of the shop that could not be taken."""
    run = ImportRun.objects.create(shop=world.shop, file_name="f.csv", as_of=NOON, started_at=NOON)
    return RejectedRow.objects.create(run=run, number=1, code="x", message="m", raw=raw)


def closed(world: World, refund_id: str, **more: Any) -> Case:
    """An application that the marketplace closed."""
    return close(factories.case(world.shop, path=3, refund_id=refund_id, **more), **more)


def close(case: Case, **more: Any) -> Case:
    said = {**factories.ON_PATH[3], "phase": "closed", "marketplace_status": "CLOSED", **more}
    factories.take(case.shop, factories.row(case.refund_id, **said), at=NOON, as_of=NOON + timedelta(hours=1))
    case.refresh_from_db()
    assert case.status == Case.Status.CLOSED
    return case
