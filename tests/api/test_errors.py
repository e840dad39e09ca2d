"""Every error speaks in one shape, whatever raised it."""

from typing import Any

import pytest
from django.conf import settings
from django.test import override_settings
from rest_framework.test import APIClient

from handoffs.models import Case
from tests import factories, photos
from tests.api.conftest import Caller, token_of
from tests.factories import World


def shape(answer: Any, status: int, code: str) -> dict[str, Any]:
    """The error, after looking that it has the one shape."""
    assert answer.status_code == status, answer.content
    assert answer.headers["Content-Type"] == "application/json"
    said: dict[str, Any] = answer.json()
    assert set(said) - {"errors"} == {"code", "message", "field"}
    assert said["code"] == code
    assert said["message"]
    return said


def test_no_token_and_a_wrong_one_are_401(world: World) -> None:
    client = APIClient()
    answer = client.get("/api/v1/cases/")
    shape(answer, 401, "not_authenticated")
    assert answer.headers["WWW-Authenticate"] == "Token"
    client.credentials(HTTP_AUTHORIZATION="Token wrong")
    shape(client.get("/api/v1/cases/"), 401, "not_authenticated")


def test_the_token_of_somebody_who_left_is_401(world: World, call: Caller) -> None:
    client = call(world.support)
    world.support.is_active = False
    world.support.save()
    shape(client.get("/api/v1/cases/"), 401, "not_authenticated")


def test_a_person_without_any_role_sees_nothing(world: World, call: Caller) -> None:
    factories.case(world.shop)
    nobody = factories.person("support")
    assert call(nobody).get("/api/v1/cases/").json() == {"results": [], "next": None}
    shape(call(nobody).post("/api/v1/refund-applications/", []), 403, "not_allowed")
    shape(call(nobody).post("/api/v1/attachments/", {"file": photos.file()}, format="multipart"), 403, "not_allowed")


@pytest.mark.parametrize("address", ["cases/999999/", "cases/99999999999999999999999/", "handoffs/0/", "decisions/7/",
                                     "attachments/7/", "nothing/", "cases/x/", "cases/1/acts/x/y/"])  # fmt: skip
def test_what_is_not_there_is_404(world: World, call: Caller, address: str) -> None:
    shape(call(world.support).get(f"/api/v1/{address}"), 404, "not_found")


def test_an_unknown_act_is_404(world: World, call: Caller) -> None:
    case = factories.case(world.shop)
    shape(call(world.support).post(f"/api/v1/cases/{case.pk}/acts/make_tea/"), 404, "not_found")


@pytest.mark.parametrize(
    ("method", "address"), [("delete", "cases/"), ("put", "queue/"), ("get", "refund-applications/")]
)
def test_a_method_that_is_not_there_is_405(world: World, call: Caller, method: str, address: str) -> None:
    answer = getattr(call(world.support), method)(f"/api/v1/{address}")
    shape(answer, 405, "method_not_allowed")


def test_another_media_type_is_415(world: World, call: Caller) -> None:
    case = factories.case(world.shop)
    answer = call(world.support).generic(
        "POST", f"/api/v1/cases/{case.pk}/respond/", "message=hello", content_type="application/x-www-form-urlencoded"
    )
    shape(answer, 415, "unsupported_media_type")
    answer = call(world.support).post("/api/v1/attachments/", {"file": "x"}, format="json")
    shape(answer, 415, "unsupported_media_type")


def test_a_body_too_large_is_413_before_it_is_read(world: World, call: Caller) -> None:
    text = "[" + " " * settings.DATA_UPLOAD_MAX_MEMORY_SIZE + "]"
    answer = call(world.support).generic("POST", "/api/v1/refund-applications/", text, content_type="application/json")
    shape(answer, 413, "too_large")


def test_input_that_cannot_stand_is_400_with_every_complaint(world: World, call: Caller) -> None:
    case = factories.case(world.shop, path=3)
    body = {"amount": "much", "reason": 5}
    answer = call(world.support).post(f"/api/v1/cases/{case.pk}/decisions/", body)
    said = shape(answer, 400, "required")
    assert said["field"] == "kind"
    assert [complaint["field"] for complaint in said["errors"]] == ["kind", "amount", "reason"]


def test_what_changed_meanwhile_is_409_and_says_how_it_stands(world: World, call: Caller) -> None:
    case = factories.case(world.shop)
    asked = case.handoffs.get()
    client = call(world.warehouse)
    assert client.post(f"/api/v1/handoffs/{asked.pk}/answer/", {"answer": "stopped"}).status_code == 200
    said = shape(client.post(f"/api/v1/handoffs/{asked.pk}/answer/", {"answer": "stopped"}), 409, "changed_meanwhile")
    assert "answered" in said["message"]


def test_a_closed_case_takes_no_response(world: World, call: Caller) -> None:
    case = factories.case(world.shop, marketplace_status="CLOSED", phase="closed")
    assert Case.objects.get(pk=case.pk).status == "closed"
    answer = call(world.support).post(f"/api/v1/cases/{case.pk}/respond/", {"message": "您好，已经关闭"})
    shape(answer, 409, "changed_meanwhile")


def test_errors_are_in_the_persons_language(world: World, call: Caller) -> None:
    world.support.language = "zh-hans"
    world.support.save()
    said = call(world.support).post("/api/v1/cases/1/respond/", {}).json()
    assert said["code"] == "not_found"
    case = factories.case(world.shop)
    said = call(world.support).post(f"/api/v1/cases/{case.pk}/respond/", {}).json()
    assert said["message"] == "该字段是必填项。"


def test_a_session_needs_its_csrf_token_to_change_anything(world: World) -> None:
    case = factories.case(world.shop)
    client = APIClient(enforce_csrf_checks=True)
    client.force_login(world.support)
    assert client.get(f"/api/v1/cases/{case.pk}/").status_code == 200
    shape(client.post(f"/api/v1/cases/{case.pk}/put_back/"), 403, "not_allowed")
    case.refresh_from_db()
    assert case.owner == world.support


@override_settings(DEBUG=False)
def test_a_token_needs_no_csrf_token(world: World) -> None:
    case = factories.case(world.shop)
    client = APIClient(enforce_csrf_checks=True)
    client.credentials(HTTP_AUTHORIZATION=f"Token {token_of(world.support)}")
    assert client.post(f"/api/v1/cases/{case.pk}/put_back/").status_code == 200
