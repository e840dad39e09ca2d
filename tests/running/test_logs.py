"""A log line says whose request or task it belongs to and which case it is about, and no more than that."""

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import time_machine
from celery import shared_task
from django.conf import LazySettings
from django.db import IntegrityError, connection, transaction
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory

from accounts import trail
from accounts.models import User
from handoffs.flow import owner
from handoffs.models import Case
from refunddesk.logs import Json, Line, Trail, clean
from refunddesk.requests import RequestMiddleware
from tests import factories
from tests.api.conftest import token_of
from tests.factories import NOON, World

ACCESS = "refunddesk.access"


class Lines:
    """What the desk's own handler writes."""

    def __init__(self, formatter: logging.Formatter) -> None:
        self.stream = io.StringIO()
        self.handler = logging.StreamHandler(self.stream)
        self.handler.addFilter(Trail())
        self.handler.setFormatter(formatter)

    @property
    def text(self) -> str:
        return self.stream.getvalue()

    @property
    def all(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.text.splitlines()]

    def of(self, logger: str) -> list[dict[str, Any]]:
        return [line for line in self.all if line["logger"] == logger]


@pytest.fixture
def lines() -> Iterator[Lines]:
    """Everything, at every level, as a production desk writes it."""
    found, loggers = Lines(Json()), [logging.getLogger(name) for name in (None, "handoffs", "refunddesk", ACCESS)]
    levels = [logger.level for logger in loggers]
    loggers[0].addHandler(found.handler)
    for logger in loggers:
        logger.setLevel(logging.DEBUG)
    yield found
    loggers[0].removeHandler(found.handler)
    for logger, level in zip(loggers, levels, strict=True):
        logger.setLevel(level)


@pytest.fixture
def world(db: None) -> Iterator[World]:
    with time_machine.travel(NOON, tick=False):
        yield factories.world()


def logged_in(user: User) -> Client:
    client = Client()
    client.force_login(user, backend="accounts.backends.RoleBackend")
    return client


def test_a_request_leaves_one_line_with_person_case_status_and_time(world: World, lines: Lines) -> None:
    case = factories.case(world.shop)
    response = logged_in(world.support).get(
        f"/handoffs/case/{case.pk}/change/?q=13912345678", HTTP_X_REQUEST_ID="proxy-0042"
    )
    assert response.status_code == 200
    (line,) = lines.of(ACCESS)
    assert (line["level"], line["request_id"], line["person"], line["case"]) == (
        "INFO", "proxy-0042", world.support.pk, case.pk,
    )  # fmt: skip
    assert (line["method"], line["status"]) == ("GET", 200)
    assert line["ms"] >= 0
    assert "13912345678" not in lines.text
    assert response["X-Request-ID"] == "proxy-0042"


def test_the_api_names_person_and_case_too(world: World, lines: Lines) -> None:
    case = factories.case(world.shop)
    Client().get(f"/api/v1/cases/{case.pk}/", HTTP_AUTHORIZATION=f"Token {token_of(world.support)}")
    (line,) = lines.of(ACCESS)
    assert (line["person"], line["case"], line["route"]) == (world.support.pk, case.pk, "api/v1/cases/<int:pk>/")
    assert token_of(world.support) not in lines.text


@pytest.mark.parametrize(
    "given", ["", "short", "x" * 65, "two words here", "line\nbreak-in-it", '{"a":"json"}', "号码号码号码号码"]
)
def test_a_number_that_is_not_sane_is_replaced(client: Client, lines: Lines, given: str) -> None:
    response = client.get("/healthz", HTTP_X_REQUEST_ID=given)
    made = response["X-Request-ID"]
    assert made != given
    assert len(made) == 32
    assert lines.of(ACCESS)[0]["request_id"] == made


def test_two_requests_have_two_numbers(client: Client) -> None:
    assert client.get("/healthz")["X-Request-ID"] != client.get("/healthz")["X-Request-ID"]


@pytest.mark.parametrize(("status", "level"), [(200, "INFO"), (304, "DEBUG"), (404, "INFO"), (500, "INFO")])
def test_a_poll_that_found_nothing_new_is_quiet(lines: Lines, status: int, level: str) -> None:
    RequestMiddleware(lambda _request: HttpResponse(status=status))(RequestFactory().get("/cases/"))
    assert lines.of(ACCESS)[0]["level"] == level


def test_a_line_in_the_middle_of_an_act_names_the_case_that_the_act_locked(world: World, lines: Lines) -> None:
    case = factories.case(world.shop)
    with trail.about(request_id="proxy-0042"):
        owner.claim(case.pk, by=world.support, at=NOON)
        logging.getLogger("handoffs.flow").info("in the middle")
    logging.getLogger("handoffs.flow").info("afterwards")
    middle, after = lines.of("handoffs.flow")
    assert (middle["case"], middle["request_id"]) == (case.pk, "proxy-0042")
    assert not {"case", "request_id"} & after.keys()


@shared_task(name="tests.running.says")
def says() -> None:
    logging.getLogger("handoffs.tasks").info("at work")


def test_a_task_names_itself_and_the_request_that_asked_for_it(lines: Lines) -> None:
    says.apply(task_id="task-1", headers={"request_id": "proxy-0042"})
    (line,) = lines.of("handoffs.tasks")
    assert (line["task"], line["task_id"], line["request_id"]) == ("tests.running.says", "task-1", "proxy-0042")
    (ended,) = lines.of("refunddesk.tasks")
    assert (ended["level"], ended["status"], ended["task_id"]) == ("INFO", "SUCCESS", "task-1")
    assert trail.known() == {}


def test_a_task_of_the_timetable_is_quiet(lines: Lines) -> None:
    says.apply(task_id="task-2")
    assert [line["level"] for line in lines.of("refunddesk.tasks")] == ["DEBUG"]


def test_a_failing_page_leaves_its_error_without_the_row_and_the_query(
    world: World, lines: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused = "duplicate\nDETAIL:  Failing row contains (7, 王秘密,\n13912345678, 杭州市).\n"

    def fail(_request: HttpRequest, case_id: int) -> HttpResponse:
        raise IntegrityError(refused)

    case = factories.case(world.shop)
    monkeypatch.setattr("handoffs.admin.case.seen_case", fail)
    client = logged_in(world.support)
    client.raise_request_exception = False
    assert client.get(f"/handoffs/case/{case.pk}/change/?q=13912345678").status_code == 500
    (line,) = lines.of("django.request")
    assert "IntegrityError: duplicate" in line["exc_info"]
    assert line["message"] == "Internal Server Error: handoffs/case/<path:object_id>/change/"
    assert (line["case"], line["person"]) == (case.pk, world.support.pk)
    assert not [word for word in ("王秘密", "13912345678", "杭州市", "sessionid") if word in lines.text]


def test_an_error_of_the_database_does_not_repeat_the_row(world: World, lines: Lines) -> None:
    case = factories.case(world.shop, buyer_nick="buyer-of-the-cup", description="王秘密")
    try:
        with transaction.atomic():
            Case.objects.filter(pk=case.pk).update(amount=-1)
    except IntegrityError as error:
        said = str(error)
        logging.getLogger("handoffs").exception("it could not be written: %s", error)
    assert "buyer-of-the-cup" in said or connection.vendor == "sqlite"
    assert "buyer-of-the-cup" not in lines.text
    assert "case_amount_not_negative" in lines.text


def test_a_whole_session_leaves_no_password_no_token_and_nothing_of_the_buyer(world: World, lines: Lines) -> None:
    secret = {"buyer_nick": "buyer-of-the-cup", "buyer_name": "王秘密", "buyer_phone": "13912345678",
              "buyer_address": "杭州市某路"}  # fmt: skip
    case = factories.case(world.shop, **secret)
    client = Client()
    client.post("/login/", {"username": world.support.email, "password": "a-wrong-password"})
    client.post("/login/", {"username": world.support.email, "password": "pass-word-1"})
    client.get("/search/?q=13912345678")
    client.get("/nowhere/13912345678/?q=buyer-of-the-cup")
    key = token_of(world.support)
    api = {"HTTP_AUTHORIZATION": f"Token {key}"}
    client.post(f"/api/v1/cases/{case.pk}/reveal_buyer/", **api)
    client.get("/api/v1/cases/?q=13912345678", **api)
    client.get("/api/v1/me/", HTTP_AUTHORIZATION="Token 0123456789abcdef0123456789abcdef01234567")
    kept = [*secret.values(), "a-wrong-password", "pass-word-1", key, "0123456789abcdef", world.support.email,
            client.cookies["sessionid"].value if "sessionid" in client.cookies else "sessionid"]  # fmt: skip
    told = [line for line in lines.all if not line["logger"].startswith(("django.db", "django.template"))]
    assert len(lines.of(ACCESS)) == 7
    assert [word for word in kept if word in json.dumps(told, ensure_ascii=False)] == []


def test_a_number_that_holds_eleven_digits_like_a_phone_stays_whole(client: Client, lines: Lines) -> None:
    number = "e5f57e483fe13912345678f071f15a90"
    client.get("/healthz", HTTP_X_REQUEST_ID=number)
    assert lines.of(ACCESS)[0]["request_id"] == number
    client.get("/healthz", HTTP_X_REQUEST_ID="req-13912345678")
    assert lines.of(ACCESS)[1]["request_id"] == "req-13912345678"
    assert clean(f"task {number} was received") == f"task {number} was received"


@pytest.mark.parametrize(
    "text",
    ["13912345678", "电话13912345678，", "tel:13912345678.", "+8613912345678", "008613912345678", "phone=13912345678&"],
)
def test_a_phone_is_taken_out_wherever_it_stands(text: str) -> None:
    assert "391234567" not in clean(text)


@pytest.mark.parametrize(
    "text",
    [
        "POST https://oapi.example.test/robot/send?access_token=SECRETWORD failed",
        "redis://:SECRETWORD@cache:6379/0 refused",
        "smtp said no to {'SECRETWORD.person@example.test': (550, b'no')}",
        "Authorization: Bearer SECRETWORD-0123456789",
        "{'app_secret': 'SECRETWORD'}",
        "GET /search/?q=SECRETWORD HTTP/1.1",
        "UniqueViolation: no\nDETAIL:  Key (buyer_nick)=(SECRETWORD\n\nSECRETWORD) already exists.",
    ],
)
def test_what_an_error_may_carry_is_taken_out(text: str) -> None:
    assert "SECRETWORD" not in clean(text)


@pytest.mark.parametrize(
    "text",
    ["the secret of tb cannot be opened with the key at hand", "mail of messages [13, 14] is given up: timed out",
     "refund 145678901234567890 could not be read", "session expired, why? because"],
)  # fmt: skip
def test_what_the_desk_says_itself_stays(text: str) -> None:
    assert clean(text) == text


def test_only_named_fields_leave(lines: Lines) -> None:
    logging.getLogger("handoffs").warning("said", extra={"request": "SECRETWORD", "data": {"args": "SECRETWORD"}})
    assert lines.all[-1].keys() == {"time", "level", "logger", "message"}


def test_a_line_for_reading_ends_with_what_is_known() -> None:
    found, logger = Lines(Line()), logging.getLogger("handoffs.reading")
    logger.addHandler(found.handler)
    with trail.about(request_id="proxy-0042", case=7):
        logger.warning("shop %s could not be read", "tb")
    logger.removeHandler(found.handler)
    assert found.text.endswith("WARNING handoffs.reading shop tb could not be read [request_id=proxy-0042 case=7]\n")


def test_a_line_for_reading_is_found_by_its_number_and_cleaned_all_the_same() -> None:
    found, logger = Lines(Line()), logging.getLogger("handoffs.reading")
    logger.addHandler(found.handler)
    with trail.about(request_id="req-13912345678", task="of 13912345678"):
        try:
            raise ValueError("SECRETWORD@example.test of 13912345678")
        except ValueError:
            logger.exception("13912345678 could not be read")
    logger.removeHandler(found.handler)
    assert "[request_id=req-13912345678 task=of (phone)]" in found.text
    assert found.text.count("13912345678") == 1
    assert "SECRETWORD" not in found.text


def test_the_embedded_desk_writes_for_reading(settings: LazySettings) -> None:
    assert ("json" if settings.PRODUCTION else "line") == settings.LOG_FORMAT
