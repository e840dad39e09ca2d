"""A disk that takes no more, met while the form is still coming in: words, not an error, and all else of the form."""

from html import unescape
from pathlib import Path
from typing import Any

import pytest
from django.conf import LazySettings
from django.core.files import uploadedfile
from django.test import Client
from django.urls import reverse

from accounts.models import User
from handoffs.flow import handoff
from handoffs.flow.handoff import Question
from handoffs.models import Attachment, ImportRun
from tests import factories, photos
from tests.api.conftest import Caller
from tests.factories import World

FULL = "The desk's disk takes no more files. Nothing was kept; tell whoever runs the desk."
LARGE = photos.png() + b"\0" * 3_000_000


class Full:
    """A temporary file on a device on which there is never room."""

    def __init__(self, *_args: Any, **_kwargs: Any) -> None:
        self.held = Path("/dev/full").open("wb")  # noqa: SIM115
        self.name = self.held.name

    def __getattr__(self, name: str) -> Any:
        return getattr(self.held, name)


def no_folder(settings: LazySettings, _monkeypatch: pytest.MonkeyPatch) -> None:
    settings.FILE_UPLOAD_TEMP_DIR = "/nowhere/that/is"


def no_room(_settings: LazySettings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploadedfile.tempfile, "NamedTemporaryFile", Full)


@pytest.fixture(params=[no_folder, no_room], autouse=True)
def _full(request: pytest.FixtureRequest, settings: LazySettings, monkeypatch: pytest.MonkeyPatch) -> None:
    request.param(settings, monkeypatch)


def browser(user: User) -> Client:
    client = Client()
    client.force_login(user, backend="accounts.backends.RoleBackend")
    return client


def test_the_api_says_so(world: World, call: Caller) -> None:
    answer = call(world.qc).post("/api/v1/attachments/", {"file": photos.file(LARGE)}, format="multipart")
    assert answer.status_code == 400
    assert answer.json() == {"code": "disk_full", "message": FULL, "field": "file"}
    assert not Attachment.objects.exists()


def test_the_scanner_says_so(world: World) -> None:
    answer = browser(world.warehouse).post(reverse("admin:handoffs_scan_photo"), {"file": photos.file(LARGE)})
    assert (answer.status_code, answer.json()["message"]) == (400, FULL)
    assert not Attachment.objects.exists()


def test_an_import_says_so(world: World) -> None:
    body = {"shop": world.shop.pk, "format": "auto", "file": photos.file(LARGE, "export.csv")}
    answer = browser(world.support).post("/import/", body)
    assert answer.context["form"].errors["file"] == [FULL]
    assert not ImportRun.objects.exists()


@pytest.mark.parametrize("contents", [[LARGE], [LARGE, photos.png()], [photos.png(), LARGE]])
def test_an_answer_is_shown_again_with_what_was_typed(world: World, contents: list[bytes]) -> None:
    asked = handoff.ask(
        factories.case(world.shop, path=4).pk, Question("inspect_return"), by=world.manager, at=factories.NOON
    )
    body = {"answer": "damaged", "note": "the corner", "photo": [photos.file(each) for each in contents]}
    answer = browser(world.qc).post(reverse("admin:handoffs_handoff_page", args=[asked.pk]), body)
    assert (answer.status_code, FULL in unescape(answer.content.decode())) == (400, True)
    assert "the corner" in answer.content.decode()
    assert not Attachment.objects.exists()


def test_a_small_photo_needs_no_disk_for_its_way(world: World, call: Caller) -> None:
    answer = call(world.qc).post("/api/v1/attachments/", {"file": photos.file()}, format="multipart")
    assert answer.status_code == 201
