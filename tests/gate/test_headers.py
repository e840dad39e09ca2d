"""Whatever the desk answers, the browser is told what may run, who may frame it and what may be kept."""

from typing import Any
from unittest.mock import patch

import pytest
from django.conf import LazySettings
from django.test import Client
from django.urls import reverse

from accounts import tokens
from accounts.models import User
from tests import factories
from tests.factories import NOON, World

STATIC = "/static/handoffs/setup.css"


def browser(user: User) -> Client:
    client = Client(raise_request_exception=False)
    client.force_login(user, backend="accounts.backends.RoleBackend")
    return client


def answers(world: World, settings: LazySettings) -> dict[str, Any]:
    """One answer of each kind, over TLS, by what it is."""
    case = factories.case(world.shop)
    support, manager, stranger = browser(world.support), browser(world.manager), Client()
    _made, key = tokens.make(world.support, "reads", ["read"], by=world.support, at=NOON)
    reader = Client(headers={"Authorization": f"Token {key}"})
    found = {
        "page": support.get("/", secure=True),
        "login": stranger.get("/login/", secure=True),
        "page 403": support.get("/audit/", secure=True),
        "page 404": support.get("/nowhere/", secure=True),
        "api 200": support.get("/api/v1/me/", secure=True),
        "api 401": stranger.get("/api/v1/me/", secure=True),
        "api 403": reader.post(f"/api/v1/cases/{case.pk}/reveal_buyer/", secure=True),
        "api 404": support.get("/api/v1/cases/99999/", secure=True),
        "schema": support.get("/api/schema/", secure=True),
        "docs": support.get("/api/docs/", secure=True),
        "csv": manager.get("/audit/audit.csv", secure=True),
        "xes": manager.get(reverse("admin:handoffs_reports_xes"), secure=True),
        "hook": stranger.post("/hooks/kdniao/unknown/", secure=True),
        "static": stranger.get(STATIC, secure=True),
    }
    assert b"".join(found["static"].streaming_content)  # type: ignore[attr-defined]
    with patch("handoffs.admin.home.home", side_effect=RuntimeError("broken")):
        found["page 500"] = browser(world.support).get("/", secure=True)
    settings.API_PER_MINUTE = 1
    found["api 429"] = [support.get("/api/v1/me/", secure=True) for _each in range(2)][-1]
    return found


@pytest.fixture
def answered(world: World, settings: LazySettings) -> dict[str, Any]:
    settings.SECURE_HSTS_SECONDS, settings.DEBUG = 3600, False
    found = answers(world, settings)
    for name, answer in found.items():
        _word, _blank, status = name.partition(" ")
        assert answer.status_code == int(status or 404 * (name == "hook") or 200), name
    return found


def test_every_answer_says_what_may_run_and_who_may_frame_it(answered: dict[str, Any]) -> None:
    for name, answer in answered.items():
        policy = answer.headers.get("Content-Security-Policy", "")
        for directive in ("default-src 'self'", "frame-ancestors 'none'", "base-uri 'none'", "object-src 'none'"):
            assert directive in policy, (name, directive)
        assert "'unsafe-inline'" not in policy.partition("script-src")[2].partition(";")[0], name
        assert answer.headers.get("X-Frame-Options") == "DENY", name
        assert answer.headers.get("X-Content-Type-Options") == "nosniff", name
        assert answer.headers.get("Referrer-Policy") == "same-origin", name
        assert answer.headers.get("Strict-Transport-Security") == "max-age=3600", name
        device = answer.headers.get("Permissions-Policy", "")
        assert device.startswith("camera=(self), microphone=(), geolocation=()"), name


def test_nothing_of_the_desk_is_kept_by_a_browser_but_its_style(answered: dict[str, Any]) -> None:
    kept = {name: answer.headers.get("Cache-Control", "") for name, answer in answered.items()}
    assert {name for name, said in kept.items() if "no-store" not in said} == {"static"}


@pytest.mark.parametrize("where", ["/api/schema/", "/api/docs/"])
def test_what_the_api_can_do_is_shown_to_those_who_are_logged_in(world: World, where: str) -> None:
    assert Client().get(where).status_code == 401
    assert browser(world.qc).get(where).status_code == 200
