"""Evidence through the API: checked by content, seen by who may see the case, served as nothing but a file."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from handoffs.flow import answer, evidence, handoff
from handoffs.flow.answer import Given
from handoffs.flow.handoff import Question
from handoffs.models import Attachment
from tests import factories, photos
from tests.api.conftest import Caller
from tests.factories import NOON, World

ADDRESS = "/api/v1/attachments/"
PDF = b"%PDF-1.4\n1 0 obj<<>>endobj\ntrailer<<>>\n%%EOF"


def test_an_upload_gives_an_id_and_an_address(world: World, call: Caller) -> None:
    answered = call(world.warehouse).post(ADDRESS, {"file": photos.file()}, format="multipart")
    assert answered.status_code == 201
    shown = answered.json()
    assert (shown["name"], shown["content_type"], shown["size"]) == ("photo.png", "image/png", len(photos.png()))
    assert shown["url"] == f"{ADDRESS}{shown['id']}/"
    assert Attachment.objects.get(pk=shown["id"]).by == world.warehouse


def test_a_file_is_served_with_headers_that_let_it_do_nothing(world: World, call: Caller) -> None:
    made = photos.uploaded(world.qc, at=NOON)
    served = call(world.qc).get(f"{ADDRESS}{made.pk}/")
    assert b"".join(served.streaming_content) == photos.png()  # type: ignore[attr-defined]
    assert served.headers["Content-Type"] == "image/png"
    assert served.headers["X-Content-Type-Options"] == "nosniff"
    assert served.headers["Content-Security-Policy"] == "default-src 'none'; sandbox"
    assert "no-store" in served.headers["Cache-Control"]
    assert served.headers["Content-Disposition"].startswith("inline")


def test_a_document_is_downloaded_not_shown(world: World, call: Caller) -> None:
    file = SimpleUploadedFile('证明"\r\nX-Evil: 1.pdf', PDF, content_type="text/html")
    shown = call(world.logistics).post(ADDRESS, {"file": file}, format="multipart").json()
    assert shown["content_type"] == "application/pdf"
    served = call(world.logistics).get(shown["url"])
    assert b"".join(served.streaming_content) == PDF  # type: ignore[attr-defined]
    assert served.headers["Content-Disposition"].startswith("attachment")
    assert "X-Evil" not in served.headers


@pytest.mark.parametrize(
    "content", [b"", b"<html><script>alert(1)</script>", b"MZ\x90\x00", b"\x89PNG\r\n\x1a\nbroken"]
)
def test_what_is_neither_photo_nor_pdf_is_400(world: World, call: Caller, content: bytes) -> None:
    file = SimpleUploadedFile("photo.png", content, content_type="image/png")
    answered = call(world.qc).post(ADDRESS, {"file": file}, format="multipart")
    assert answered.status_code == 400
    assert answered.json()["field"] == "file"
    assert not Attachment.objects.exists()


def test_no_file_is_400_and_a_huge_one_413(world: World, call: Caller) -> None:
    client = call(world.qc)
    assert client.post(ADDRESS, {"other": "x"}, format="multipart").json()["field"] == "file"
    assert client.post(ADDRESS, {"file": "text"}, format="multipart").json()["field"] == "file"
    huge = SimpleUploadedFile("photo.png", b"x" * (evidence.MAX_BYTES + 1))
    assert client.post(ADDRESS, {"file": huge}, format="multipart").status_code == 413
    broken = client.generic("POST", ADDRESS, "nonsense", content_type="multipart/form-data; boundary=x")
    assert broken.status_code == 400
    nameless = client.generic("POST", ADDRESS, "nonsense", content_type="multipart/form-data")
    assert nameless.status_code == 400


def test_evidence_is_seen_by_who_sees_the_case_and_by_nobody_else(world: World, call: Caller) -> None:
    case = factories.case(world.shop, path=2)
    asked = handoff.ask(case.pk, Question("check_shipped"), by=world.support, at=NOON)
    made = photos.uploaded(world.warehouse, at=NOON)
    assert call(world.support).get(f"{ADDRESS}{made.pk}/").status_code == 404
    given = Given("facts", note="已发出", attachments=[made.pk])
    answer.answer(asked.pk, given, by=world.warehouse, at=NOON)
    for person, status in ((world.support, 200), (world.warehouse, 200), (world.qc, 404)):
        served = call(person).get(f"{ADDRESS}{made.pk}/")
        b"".join(getattr(served, "streaming_content", ()))
        assert served.status_code == status
    outsider = factories.person("manager", world.other_shop)
    assert call(outsider).get(f"{ADDRESS}{made.pk}/").status_code == 404


def test_anothers_upload_cannot_be_used_as_ones_own_proof(world: World, call: Caller) -> None:
    case = factories.case(world.shop, path=2)
    asked = handoff.ask(case.pk, Question("check_shipped"), by=world.support, at=NOON)
    made = photos.uploaded(world.qc, at=NOON)
    body = {"answer": "facts", "note": "已发出", "attachments": [made.pk]}
    answered = call(world.warehouse).post(f"/api/v1/handoffs/{asked.pk}/answer/", body)
    assert (answered.status_code, answered.json()["field"]) == (400, "attachments")


def test_a_file_that_is_gone_from_the_disk_is_404(world: World, call: Caller) -> None:
    made = photos.uploaded(world.qc, at=NOON)
    made.file.storage.delete(str(made.file.name))
    assert call(world.qc).get(f"{ADDRESS}{made.pk}/").status_code == 404


def test_evidence_of_a_proposal_is_there_for_the_supervisor(world: World, call: Caller) -> None:
    case = factories.case(world.shop, path=3)
    made = photos.uploaded(world.support, at=NOON)
    body = {"kind": "compensation", "amount": "300", "reason": "商品破损补偿", "attachments": [made.pk]}
    assert call(world.support).post(f"/api/v1/cases/{case.pk}/decisions/", body).status_code == 201
    shown = call(world.supervisor).get(f"/api/v1/cases/{case.pk}/").json()
    assert [each["id"] for each in shown["attachments"]] == [made.pk]
