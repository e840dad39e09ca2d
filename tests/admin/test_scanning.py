"""What the scan page asks and sends: look-ups, photos, receipts, what is declined and what is sent twice."""

import json
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from handoffs.flow import receiving
from handoffs.models import Attachment, Case, Receipt
from tests import factories, photos, snapshot
from tests.admin.conftest import LogIn
from tests.factories import World

LOOK, PHOTO, RECEIPT = (f"admin:handoffs_scan_{name}" for name in ("look", "photo", "receipt"))


def returning(world: World, waybill: str = "YT555", **fields: Any) -> Case:
    return factories.case(world.shop, path=4, return_waybill=waybill, return_carrier="圆通速递", quantity=2, **fields)


def send(client: Client, body: Any) -> HttpResponse:
    text = body if isinstance(body, str) else json.dumps(body)
    return client.post(reverse(RECEIPT), text, content_type="application/json")


def body(case: Case, **changes: Any) -> dict[str, Any]:
    line = {"case": case.pk, "line": "", "actual": 2, "condition": "good"}
    return {"key": "a" * 32, "waybill": "YT555", "weight_grams": 480, "lines": [line], "attachments": []} | changes


def test_a_number_brings_up_the_lines_and_what_they_should_be(world: World, log_in: LogIn) -> None:
    case = returning(world)
    found = log_in(world.warehouse).get(reverse(LOOK), {"waybill": "yt 555"}).json()
    assert (found["waybill"], found["lines"][0]["case_id"], found["lines"][0]["planned"]) == ("YT555", case.pk, 2)
    assert "amount" not in json.dumps(found)


def test_a_receipt_with_its_photo_answers_the_question_and_is_taken_once(world: World, log_in: LogIn) -> None:
    case, client = returning(world), log_in(world.warehouse)
    photo = client.post(reverse(PHOTO), {"file": photos.file()})
    assert photo.status_code == 201
    sent = body(case, attachments=[photo.json()["id"]], lines=[
        {"case": case.pk, "line": "", "actual": 1, "condition": "damaged"}])  # fmt: skip
    assert (send(client, sent).status_code, send(client, sent).status_code) == (201, 200)
    asked = case.handoffs.get(kind="receive_return")
    assert (asked.status, asked.data["condition"], asked.data["differs"]) == ("answered", "damaged", True)
    assert (asked.attachments.count(), Receipt.objects.count()) == (1, 1)


def test_photos_may_come_after_their_receipt(world: World, log_in: LogIn) -> None:
    case, client = returning(world), log_in(world.warehouse)
    send(client, body(case))
    photo = client.post(reverse(PHOTO), {"file": photos.file()}).json()["id"]
    where = reverse("admin:handoffs_scan_later", args=["a" * 32])
    done = client.post(where, json.dumps({"attachments": [photo]}), content_type="application/json")
    assert done.json() == {"attached": 1}
    assert Attachment.objects.get().receipt == Receipt.objects.get()
    assert Attachment.objects.get().case == case
    nobody = client.post(where.replace("a" * 32, "b" * 32), "{}", content_type="application/json")
    assert nobody.status_code == 404


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"lines": [{"actual": 1}]}, "condition"),
        ({"lines": ["x"]}, "lines"),
        ({"lines": [{"case": 1, "actual": -1, "condition": "good"}]}, "actual"),
        ({"lines": [{"case": 1, "actual": "2", "condition": "good"}]}, "actual"),
        ({"weight_grams": None}, "weight"),
        ({"weight_grams": "480"}, "weight"),
        ({"waybill": {"a": 1}}, "waybill"),
        ({"key": "short"}, "key"),
        ({"attachments": [10**30, "7"]}, ""),
    ],
)
def test_a_body_that_cannot_be_taken_names_the_field(
    world: World, log_in: LogIn, changes: dict[str, Any], field: str
) -> None:
    case, client = returning(world), log_in(world.warehouse)
    before = snapshot.of_the_desk()
    got = send(client, body(case, **changes))
    if not field:  # what is no id of a photo is left out
        assert got.status_code == 201
        return
    assert (got.status_code, got.json()["field"]) == (400, field)
    assert got.json()["message"]
    assert snapshot.of_the_desk() == before


@pytest.mark.parametrize("text", ["", "[]", "nonsense", '"a"', "[" * 100_000, '{"key":"' + "a" * 300_000 + '"}'])
def test_what_is_no_receipt_is_declined_with_a_sentence(world: World, log_in: LogIn, text: str) -> None:
    got = send(log_in(world.warehouse), text)
    assert (got.status_code, bool(got.json()["message"])) == (400, True)


def test_what_is_no_photo_is_declined(world: World, log_in: LogIn) -> None:
    client = log_in(world.warehouse)
    assert client.post(reverse(PHOTO), {"file": photos.file(b"<svg/>", "a.svg")}).status_code == 400
    assert client.post(reverse(PHOTO), {}).json()["field"] == "file"
    assert not Attachment.objects.exists()


def test_quality_control_looks_and_does_not_receive(world: World, log_in: LogIn) -> None:
    case, client = returning(world), log_in(world.qc)
    assert client.get(reverse(LOOK), {"waybill": "YT555"}).json()["lines"] == []  # nothing of it is theirs to inspect
    assert send(client, body(case)).status_code == 403
    given = receiving.Receipt("k" * 20, "YT555", weight_grams=480, lines=(receiving.Counted(case.pk, "", 2, "good"),))
    receiving.receive(given, by=world.warehouse, at=timezone.now())
    assert client.get(reverse(LOOK), {"waybill": "YT555"}).json()["lines"][0]["received"]


@pytest.mark.parametrize("role", ["support", "supervisor", "logistics"])
def test_others_do_not_come_in(world: World, log_in: LogIn, role: str) -> None:
    client = log_in(world.people[role])
    assert client.get(reverse(LOOK), {"waybill": "YT555"}).status_code == 403
    assert send(client, {}).status_code == 403


def test_the_parcels_of_another_shop_are_not_found(world: World, log_in: LogIn) -> None:
    factories.case(world.other_shop, path=4, return_waybill="YT777", return_carrier="圆通速递")
    only_here = factories.person("warehouse", world.shop)
    found = log_in(only_here).get(reverse(LOOK), {"waybill": "YT777"}).json()
    assert (found["lines"], found["parcel_id"]) == ([], None)


@pytest.mark.parametrize(("language", "words"), [("zh-hans", "用摄像头扫码"), ("en", "Scan with the camera")])
def test_the_page_speaks_the_reader_s_language(world: World, log_in: LogIn, language: str, words: str) -> None:
    User.objects.filter(pk=world.warehouse.pk).update(language=language)
    page = log_in(world.warehouse).get(reverse("admin:handoffs_scan")).content.decode()
    assert words in page
