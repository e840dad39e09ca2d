"""Nobody guesses passwords for long, and guessing at one person does not lock out another."""

import pytest
from axes.models import AccessAttempt
from django.conf import LazySettings
from django.http import HttpRequest
from django.test import Client

from accounts.backends import login_name
from accounts.models import AuditEntry, User

LOCKED = 429


@pytest.fixture
def person(db: None, settings: LazySettings) -> User:
    settings.AXES_ENABLED = True
    return User.objects.create_superuser("support@desk.test", "pass-word-1", name="Support", language="en")


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


PHRASE = "kX7-wood-Lamp-22"


def change(client: Client, old: str, *, new: str = PHRASE, **more: str) -> int:
    body = {"old_password": old, "new_password1": new, "new_password2": new}
    return client.post("/password_change/", body, **more).status_code


def test_guesses_at_the_old_password_count_as_logins(client: Client, person: User, settings: LazySettings) -> None:
    try_password(client, "pass-word-1")
    limit = settings.AXES_FAILURE_LIMIT
    wrong = [change(client, f"secret-guess-{number}") for number in range(limit)]
    assert wrong == [200] * (limit - 1) + [LOCKED]
    refused = client.post("/password_change/", {"old_password": "pass-word-1"})
    assert (refused.status_code, refused["Retry-After"]) == (LOCKED, "900")
    assert "too many login attempts" in refused.content.decode()
    failed = AuditEntry.objects.filter(kind="login_failed")
    assert set(failed.values_list("about", "text")) == {(person.pk, "support@desk.test · old password")}
    assert (failed.count(), AuditEntry.objects.filter(kind="locked_out").count()) == (limit, 1)
    kept = "".join(str(row) for row in AccessAttempt.objects.values())
    assert not [word for word in ("secret-guess", PHRASE) if word in kept]
    assert try_password(Client(), "pass-word-1") == LOCKED
    assert change(client, "pass-word-1", REMOTE_ADDR="192.0.2.9") == 302


@pytest.mark.usefixtures("person")
def test_a_slip_at_ones_own_password_locks_nobody_out(client: Client, settings: LazySettings) -> None:
    try_password(client, "pass-word-1")
    slips = settings.AXES_FAILURE_LIMIT - 1
    assert {change(client, "slip") for _each in range(slips)} == {200}
    assert change(client, "pass-word-1") == 302
    assert {change(client, "slip") for _each in range(slips)} == {200}
    assert {change(client, PHRASE, new="1") for _each in range(slips)} == {200}  # the old one is right
    assert try_password(Client(), PHRASE) == 302


@pytest.mark.usefixtures("person")
def test_an_old_password_is_tried_so_often_a_minute_from_wherever(client: Client, settings: LazySettings) -> None:
    settings.LOGINS_PER_MINUTE = 3
    try_password(client, "pass-word-1")
    tries = [change(client, "slip", REMOTE_ADDR=f"192.0.2.{number}") for number in range(4)]
    assert tries == [200, 200, 200, 429]
