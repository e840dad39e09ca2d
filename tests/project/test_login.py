"""Nobody guesses passwords for long, and guessing at one person does not lock out another."""

import pytest
from django.conf import LazySettings
from django.http import HttpRequest
from django.test import Client

from accounts.backends import login_name
from accounts.models import User

LOCKED = 429


@pytest.fixture
def person(db: None, settings: LazySettings) -> User:
    settings.AXES_ENABLED = True
    return User.objects.create_superuser("support@desk.test", "pass-word-1", name="Support")


def try_password(client: Client, password: str, *, email: str = "support@desk.test") -> int:
    return client.post("/login/", {"username": email, "password": password}).status_code


@pytest.mark.usefixtures("person")
def test_the_right_password_opens_the_console(client: Client) -> None:
    assert try_password(client, "pass-word-1") == 302
    assert client.get("/", follow=True).status_code == 200


@pytest.mark.usefixtures("person")
def test_after_ten_wrong_passwords_the_right_one_does_not_help(client: Client, settings: LazySettings) -> None:
    wrong = [try_password(client, f"guess-{number}") for number in range(settings.AXES_FAILURE_LIMIT)]
    assert wrong == [200] * (settings.AXES_FAILURE_LIMIT - 1) + [LOCKED]
    assert try_password(client, "pass-word-1") == LOCKED


SPELLINGS = ("support@desk.test", "Support@desk.test", "SUPPORT@DESK.TEST", " support@desk.test ", "ſupport@desk.test")


@pytest.mark.usefixtures("person")
def test_however_the_email_is_written_it_is_one_person(client: Client, settings: LazySettings) -> None:
    limit = settings.AXES_FAILURE_LIMIT
    tries = [try_password(client, f"x{n}", email=SPELLINGS[n % len(SPELLINGS)]) for n in range(limit)]
    assert tries == [200] * (limit - 1) + [LOCKED]
    assert {try_password(client, "pass-word-1", email=email) for email in SPELLINGS} == {LOCKED}


@pytest.mark.parametrize(
    ("typed", "one"), [("Kı@Desk.test", "ki@desk.test"), ("\uff21\u212a@desk.test", "ak@desk.test")]
)
def test_letters_that_a_database_takes_for_the_same_count_as_the_same(typed: str, one: str) -> None:
    assert login_name(HttpRequest(), {"username": typed}) == one


@pytest.mark.usefixtures("person")
def test_a_name_too_long_to_be_one_is_refused_with_words(client: Client) -> None:
    answer = client.post("/login/", {"username": "a" * 60_000, "password": "x"})
    assert (answer.status_code, list(answer.context["form"].errors)) == (200, ["username"])


@pytest.mark.usefixtures("person")
def test_guessing_at_one_person_leaves_the_others_alone(client: Client, settings: LazySettings) -> None:
    User.objects.create_superuser("qc@desk.test", "pass-word-2", name="QC")
    for number in range(settings.AXES_FAILURE_LIMIT):
        try_password(client, f"guess-{number}")
    assert try_password(client, "pass-word-2", email="qc@desk.test") == 302
