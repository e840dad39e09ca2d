"""Nobody guesses passwords for long, and guessing at one person does not lock out another."""

import pytest
from django.conf import LazySettings
from django.test import Client

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


@pytest.mark.usefixtures("person")
def test_guessing_at_one_person_leaves_the_others_alone(client: Client, settings: LazySettings) -> None:
    User.objects.create_superuser("qc@desk.test", "pass-word-2", name="QC")
    for number in range(settings.AXES_FAILURE_LIMIT):
        try_password(client, f"guess-{number}")
    assert try_password(client, "pass-word-2", email="qc@desk.test") == 302
