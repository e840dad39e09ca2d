"""A password alone opens nothing to whoever needs a second factor, and no code is good twice."""

import re
from binascii import unhexlify
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.conf import LazySettings
from django.core.cache import cache
from django.test import Client
from django.urls import reverse
from django_otp.oath import totp
from django_otp.plugins.otp_static.models import StaticToken
from django_otp.plugins.otp_totp.models import TOTPDevice

from accounts import second_factor
from accounts.models import AuditEntry, User
from handoffs import notices
from handoffs.models import OutboxMessage
from tests.factories import World

PASSWORD = "pass-word-1"
OWN = "/me/second-factor/"


@pytest.fixture(autouse=True)
def enforced(settings: LazySettings) -> Iterator[None]:
    settings.SECOND_FACTOR_ROLES = frozenset({"manager", "supervisor"})
    settings.AXES_ENABLED = True
    cache.clear()
    return


def code(user: User) -> str:
    return f"{totp(unhexlify(TOTPDevice.objects.get(user=user).key), t0=0, step=30):06d}"


def enrolled(user: User) -> list[str]:
    key = second_factor.fresh_key()
    done = second_factor.enrol(user, key, f"{totp(unhexlify(key)):06d}", by=user, at=user.date_joined)
    assert done
    return done[1]


def log_in(user: User, given: str = "", password: str = PASSWORD) -> tuple[Client, Any]:
    client = Client()
    return client, client.post("/login/", {"username": user.email, "password": password, "code": given})


def test_enforcement_leads_to_enrolment_and_to_nothing_else(world: World) -> None:
    client, answer = log_in(world.manager)
    assert answer.status_code == 302
    for where in ("/", "/board/", "/handoffs/case/", "/me/", "/accounts/user/", "/attachments/1/", "/api/docs/x"):
        got = client.get(where)
        assert (got.status_code, got.get("Location", OWN)) in ((302, OWN), (403, OWN)), where
    refused = client.get("/api/v1/me/")
    assert (refused.status_code, refused.json()["code"]) == (403, "second_factor")
    page = client.get(OWN).content.decode()
    assert "data:image/svg+xml;base64," in page
    key = re.search(r"<code>([A-Z2-7 ]+)</code>", page)
    assert key
    assert key[1] == second_factor.spelled(client.session["second_factor_key"])
    assert client.post(OWN, {"code": "000000"}).status_code == 200
    assert not TOTPDevice.objects.exists()
    done = client.post(OWN, {"code": f"{totp(unhexlify(client.session['second_factor_key'])):06d}"})
    assert len(done.context["codes"]) == len(set(done.context["codes"])) == 10
    assert [client.get(where).status_code for where in ("/", "/api/v1/me/")] == [200, 200]
    assert "codes" not in client.get(OWN).context
    assert client.post(reverse("admin:logout")).status_code == 200
    assert AuditEntry.objects.filter(kind="factor_added", by=world.manager).count() == 1


def test_who_is_enrolled_needs_a_code_that_is_good_once(world: World, clock: time_machine.Traveller) -> None:
    enrolled(world.supervisor)
    assert log_in(world.supervisor, code(world.supervisor))[1].status_code == 200, "the code that enrolled"
    clock.shift(timedelta(seconds=60))
    good = code(world.supervisor)
    assert log_in(world.supervisor)[1].status_code == 200
    client, answer = log_in(world.supervisor, good)
    assert (answer.status_code, client.get("/").status_code) == (302, 200)
    assert log_in(world.supervisor, good)[1].status_code == 200
    clock.shift(timedelta(seconds=60))
    assert log_in(world.supervisor, code(world.supervisor))[1].status_code == 302


def test_a_recovery_code_works_once_and_is_not_stored(world: World, clock: time_machine.Traveller) -> None:
    codes = enrolled(world.manager)
    kept = set(StaticToken.objects.values_list("token", flat=True))
    assert not kept & {each.replace("-", "") for each in codes}
    client, answer = log_in(world.manager, codes[3].upper())
    assert (answer.status_code, client.get("/").status_code) == (302, 200)
    assert log_in(world.manager, codes[3])[1].status_code == 200
    clock.shift(timedelta(minutes=1))
    assert log_in(world.manager, codes[4])[1].status_code == 302
    assert second_factor.codes_left(world.manager) == 8
    assert AuditEntry.objects.filter(kind="factor_used", by=world.manager).count() == 2


def test_guessing_codes_locks_out_as_guessing_passwords_does(world: World, clock: time_machine.Traveller) -> None:
    enrolled(world.manager)
    got = []
    for number in range(10):
        clock.shift(timedelta(seconds=600) if number == 0 else timedelta(seconds=1))
        got.append(log_in(world.manager, f"{number:06d}")[1].status_code)
    assert got == [200] * 9 + [429]
    assert log_in(world.manager, code(world.manager))[1].status_code == 429
    assert AuditEntry.objects.filter(kind="locked_out", about=world.manager).exists()
    from axes.models import AccessAttempt

    assert "000003" not in AccessAttempt.objects.get().post_data


def test_the_right_password_without_the_code_is_noted_and_counts(world: World, clock: time_machine.Traveller) -> None:
    enrolled(world.manager)
    clock.shift(timedelta(minutes=10))
    assert [log_in(world.manager)[1].status_code for _each in range(10)] == [200] * 9 + [429]
    found = AuditEntry.objects.filter(kind="code_failed")
    assert [(entry.about, entry.text) for entry in found] == [(world.manager, world.manager.email)] * 10
    assert not AuditEntry.objects.filter(kind="login_failed").exists()
    assert log_in(world.manager, code(world.manager))[1].status_code == 429


def test_wrong_codes_on_ones_own_page_are_noted_and_lock_out_too(world: World, clock: time_machine.Traveller) -> None:
    client, _answer = log_in(world.support)
    enrolled(world.support)
    for _each in range(10):
        clock.shift(timedelta(seconds=1))
        last = client.post(OWN, {"code": "123456", "verb": "remove"})
    assert last.status_code == 429
    assert AuditEntry.objects.filter(kind="code_failed", about=world.support).count() == 10
    codes_then = client.post(OWN, {"code": code(world.support), "verb": "remove"})
    assert codes_then["Location"] == "/login/"
    assert second_factor.enrolled(world.support)


def test_a_session_that_came_without_the_second_factor_ends(world: World) -> None:
    before, _answer = log_in(world.manager)
    enrolled(world.manager)
    assert before.get("/")["Location"] == "/login/"
    assert before.get("/api/v1/me/").status_code == 401


def test_a_manager_resets_a_colleagues_and_nobody_else_does(world: World, clock: time_machine.Traveller) -> None:
    codes = enrolled(world.supervisor)
    enrolled(world.manager)
    held = log_in(world.supervisor, codes[0])[0]
    clock.shift(timedelta(minutes=1))
    where = reverse("admin:handoffs_second_factors")
    assert held.post(where, {"user": world.manager.pk}).status_code == 403
    manager, _answer = log_in(world.manager, code(world.manager))
    assert manager.post(where, {"user": world.manager.pk}).status_code == 403
    assert manager.post(where, {"user": world.supervisor.pk}).status_code == 302
    assert held.get("/")["Location"] == OWN
    assert AuditEntry.objects.filter(kind="factor_reset", by=world.manager, about=world.supervisor).count() == 1
    told = OutboxMessage.objects.get(to=world.supervisor, kind="factor_removed")
    assert (told.mail, notices.of([told])[0].title) == ("queued", "Manager removed your second factor")


def test_other_roles_may_have_one_and_need_none(world: World, clock: time_machine.Traveller) -> None:
    client, _answer = log_in(world.support)
    assert client.get("/").status_code == 200
    enrolled(world.support)
    assert log_in(world.support)[1].status_code == 200
    clock.shift(timedelta(seconds=60))
    client, answer = log_in(world.support, code(world.support))
    assert answer.status_code == 302
    clock.shift(timedelta(seconds=60))
    assert client.post(OWN, {"code": "1", "verb": "remove"}).status_code == 200
    clock.shift(timedelta(seconds=60))
    assert client.post(OWN, {"code": code(world.support), "verb": "remove"}).status_code == 302
    assert not second_factor.enrolled(world.support)
