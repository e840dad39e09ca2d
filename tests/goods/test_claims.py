"""The ledger of claims: evidence kept with them, and the month with each carrier."""

import io
from datetime import date, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from django.test import Client
from django.urls import reverse
from openpyxl import load_workbook

from handoffs import sweep
from handoffs.carriers.base import State
from handoffs.flow import answer, claims, handoff, statement
from handoffs.flow.errors import Invalid, NotAllowed, Stale
from handoffs.models import CarrierClaim, Case
from tests import factories, photos
from tests.factories import NOON, World
from tests.goods.telling import event, told

CHINA = ZoneInfo("Asia/Shanghai")
LOST = NOON + timedelta(days=5)
NOVEMBER, DECEMBER = date(2026, 11, 3), date(2026, 12, 31)


def lost(world: World, waybill: str, amount: str, carrier: str = "中通快递") -> CarrierClaim:
    money = {"amount": Decimal(amount), "total_fee": Decimal(amount)}
    case = factories.case(world.shop, path=2, outbound=[(carrier, waybill)], **money)
    told(case, event(State.IN_TRANSIT, NOON, waybill=waybill), at=NOON, waybill=waybill)
    sweep.run(at=LOST)
    return case.claims.get()


def as_(world: World, role: str) -> Client:
    client = Client()
    client.force_login(world.people[role], backend="accounts.backends.RoleBackend")
    return client


def test_certificates_and_photos_are_kept_with_the_claim_and_shown(world: World) -> None:
    claim = lost(world, "ZTO0001", "88")
    where = reverse("admin:handoffs_claims")
    body = {"row": claim.pk, "verb": "evidence", "files": [photos.file(), photos.file(name="b.png")]}
    assert as_(world, "logistics").post(where, body).status_code == 302
    kept = claims.evidence_of([claim])[claim.pk]
    assert len(kept) == 2
    assert f"/attachments/{kept[0].pk}/" in as_(world, "support").get(where).content.decode()
    shown = as_(world, "logistics").get(f"/attachments/{kept[0].pk}/")
    assert b"".join(shown.streaming_content) == photos.png()  # type: ignore[attr-defined]


def test_the_carrier_s_certificate_serves_the_claim_without_being_sent_twice(world: World) -> None:
    claim = lost(world, "ZTO0001", "88")
    asked = handoff.ask(claim.case_id, handoff.Question("issue_certificate"), by=world.manager, at=LOST)
    proof = photos.uploaded(world.logistics, at=LOST)
    answer.answer(asked.pk, answer.Given("document", attachments=(proof.pk,)), by=world.logistics, at=LOST)
    assert claims.evidence_of([claim])[claim.pk] == [proof]


def test_evidence_without_a_file_or_for_a_settled_claim_is_declined(world: World) -> None:
    claim = lost(world, "ZTO0001", "88")
    with pytest.raises(Invalid):
        claims.add_evidence(claim.pk, [], by=world.logistics, at=LOST)
    claims.refuse(claim.pk, reason="快递认为已经签收", by=world.support, at=LOST)
    proof = photos.uploaded(world.logistics, at=LOST)
    with pytest.raises(Stale):
        claims.add_evidence(claim.pk, [proof.pk], by=world.logistics, at=LOST)


def test_the_month_counts_what_was_opened_and_what_was_settled_in_it(world: World) -> None:
    first, second, third = (
        lost(world, "ZTO0001", "88"),
        lost(world, "ZTO0002", "12"),
        lost(world, "YTO0003", "7", "圆通速递"),
    )
    claims.accept(first.pk, amount=Decimal(80), by=world.manager, at=LOST)
    claims.paid(first.pk, amount=Decimal("79.50"), by=world.manager, at=LOST + timedelta(days=2))
    claims.refuse(second.pk, reason="快递拒赔，证据不足", by=world.manager, at=LOST + timedelta(days=30))
    Case.objects.filter(pk=first.case_id).update(money=Case.Money.CONFIRMED)
    november = {account.carrier: account for account in statement.of_month(NOVEMBER, by=world.manager, zone=CHINA)}
    zto, yto = november[world.carriers["zto"]], november[world.carriers["yto"]]
    assert (zto.claimed, zto.paid_out, zto.recovered, zto.still_open) == (100, 88, Decimal("79.50"), 12)
    assert (yto.claimed, yto.still_open, [line.claim for line in yto.lines]) == (7, 7, [third])
    december = {account.carrier: account for account in statement.of_month(DECEMBER, by=world.manager, zone=CHINA)}
    zto = december[world.carriers["zto"]]
    assert (zto.claimed, zto.refused, zto.still_open, [line.claim for line in zto.lines]) == (0, 12, 0, [second])


def test_the_month_ends_at_midnight_where_the_reader_is(world: World) -> None:
    start, end = statement.span(date(2026, 12, 5), CHINA)
    assert (start.isoformat(), end.isoformat()) == ("2026-12-01T00:00:00+08:00", "2027-01-01T00:00:00+08:00")


def test_the_workbook_has_a_sheet_a_carrier_and_no_amounts_for_logistics(world: World) -> None:
    claim = lost(world, "ZTO0001", "88")
    CarrierClaim.objects.filter(pk=claim.pk).update(reference="=1+1", note="+cmd")
    where = reverse("admin:handoffs_claims_month") + "?month=2026-11"
    book = load_workbook(io.BytesIO(as_(world, "manager").get(where).content))
    summary, sheet = book.worksheets
    assert [cell.value for cell in summary[2]][1:] == [0, 0, 88, 0, 0, 0, 0, 88]
    line = [cell.value for cell in sheet[2]]
    assert (line[0], line[6], line[11], line[12]) == ("ZTO0001", 88, "'=1+1", "'+cmd")
    theirs = load_workbook(io.BytesIO(as_(world, "logistics").get(where).content))
    assert "paid to buyers (yuan)" not in [cell.value for cell in theirs.worksheets[1][1]]


@pytest.mark.parametrize("month", ["", "2026-13", "nonsense", "2026-11-01", "9999-12"])
def test_a_month_that_cannot_be_read_is_this_month(world: World, month: str) -> None:
    assert as_(world, "manager").get(reverse("admin:handoffs_claims"), {"month": month}).status_code == 200


def test_the_warehouse_has_no_account_with_carriers(world: World) -> None:
    assert as_(world, "warehouse").get(reverse("admin:handoffs_claims_month")).status_code == 403
    with pytest.raises(NotAllowed):
        statement.of_month(NOVEMBER, by=world.warehouse, zone=CHINA)
