"""Settings come from the environment; a value that cannot be right stops the desk with one clear line."""

import runpy
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as active
from django.core.exceptions import ImproperlyConfigured

FILE = active.BASE_DIR / "refunddesk" / "settings.py"
VARIABLES = ("DATABASE_URL", "REDIS_URL", "EMAIL_URL", "SECRET_KEY", "ALLOWED_HOSTS", "DEBUG", "BASE_URL",
             "ATTACHMENT_DIR", "DEFAULT_FROM_EMAIL", "CSRF_TRUSTED_ORIGINS", "TLS", "LOG_LEVEL", "VAR_DIR",
             "METRICS_TOKEN", "LOG_FORMAT", "SESSION_IDLE_MINUTES", "SESSION_HOURS", "API_PER_MINUTE",
             "HOOKS_PER_MINUTE", "LOGINS_PER_MINUTE", "REVEALS_PER_MINUTE", "CLIENT_ADDRESS_HEADER",
             "SECOND_FACTOR_ROLES")  # fmt: skip
PRODUCTION = {
    "DATABASE_URL": "postgres://desk:p%40ss@db.example.com:5433/refunds?sslmode=require",
    "REDIS_URL": "redis://cache.example.com:6379/2",
    "SECRET_KEY": "k" * 60,
    "ALLOWED_HOSTS": "desk.example.com, www.example.com",
}


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("VAR_DIR", str(tmp_path / "var"))


def read(monkeypatch: pytest.MonkeyPatch, **environment: str) -> dict[str, Any]:
    """The settings as a process with this environment sees them."""
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    return runpy.run_path(str(FILE))


def test_with_no_environment_the_desk_is_embedded(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    found = read(monkeypatch)
    assert found["DATABASES"]["default"] == {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": tmp_path / "var" / "db.sqlite3",
        "TEST": {"NAME": str(tmp_path / "var" / "test.sqlite3")},
        "OPTIONS": {
            "transaction_mode": "IMMEDIATE",
            "timeout": 20,
            "init_command": "PRAGMA journal_mode=WAL;PRAGMA synchronous=NORMAL;",
        },
    }
    assert found["CELERY_BROKER_URL"].startswith("filesystem:")
    assert found["CELERY_WORKER_ENABLE_REMOTE_CONTROL"] is False
    assert found["ALLOWED_HOSTS"] == ["127.0.0.1", "localhost"]
    assert (found["DEBUG"], found["TLS"], found["BASE_URL"]) == (False, False, "http://127.0.0.1:8000")
    assert found["EMAIL_FILE_PATH"] == str(tmp_path / "var" / "mail")


def test_the_embedded_key_is_made_once_and_only_its_owner_may_read_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    first = read(monkeypatch)["SECRET_KEY"]
    assert len(first) >= 50
    assert read(monkeypatch)["SECRET_KEY"] == first
    assert (tmp_path / "var" / "secret_key").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in (tmp_path / "var").glob("secret_key*")] == ["secret_key"]


def test_production_takes_every_part_of_the_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    found = read(monkeypatch, **PRODUCTION)
    assert found["DATABASES"]["default"] == {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": "refunds",
        "USER": "desk",
        "PASSWORD": "p@ss",
        "HOST": "db.example.com",
        "PORT": "5433",
        "OPTIONS": {"sslmode": "require", "options": "-c jit=off -c random_page_cost=1.1"},
        "CONN_MAX_AGE": 60,
        "CONN_HEALTH_CHECKS": True,
    }
    assert found["CELERY_BROKER_URL"] == found["CACHES"]["default"]["LOCATION"] == PRODUCTION["REDIS_URL"]
    assert found["ALLOWED_HOSTS"] == ["desk.example.com", "www.example.com"]


def test_a_public_desk_is_behind_tls_unless_it_says_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    found = read(monkeypatch, **PRODUCTION)
    assert found["BASE_URL"] == "https://desk.example.com"
    assert found["SESSION_COOKIE_SECURE"] is found["CSRF_COOKIE_SECURE"] is found["SECURE_SSL_REDIRECT"] is True
    assert found["SECURE_HSTS_SECONDS"] > 0
    plain = read(monkeypatch, **PRODUCTION, TLS="off")
    assert (plain["SESSION_COOKIE_SECURE"], plain["BASE_URL"]) == (False, "http://desk.example.com:8000")
    assert "SECURE_HSTS_SECONDS" not in plain


@pytest.mark.parametrize("missing", ["REDIS_URL", "SECRET_KEY", "ALLOWED_HOSTS"])
def test_with_a_database_a_missing_variable_is_an_error(monkeypatch: pytest.MonkeyPatch, missing: str) -> None:
    given = {name: value for name, value in PRODUCTION.items() if name != missing}
    with pytest.raises(ImproperlyConfigured, match=f"^{missing} is not set. It is required when DATABASE_URL is set"):
        read(monkeypatch, **given)


@pytest.mark.parametrize(
    ("name", "value", "accepted"),
    [
        ("DATABASE_URL", "mysql://desk@db/refunds", "postgres://"),
        ("DATABASE_URL", "postgres://desk@db:none/refunds", "postgres://"),
        ("DATABASE_URL", "postgres://desk@db", "postgres://"),
        ("DATABASE_URL", "postgres://desk@db/refunds?sslmod=require", "sslmode"),
        ("REDIS_URL", "localhost:6379", "redis://"),
        ("REDIS_URL", "redis://cache/first", "redis://"),
        ("EMAIL_URL", "mail.example.com", "smtp://"),
        ("EMAIL_URL", "smtp://", "smtp://"),
        ("DEBUG", "maybe", "on or off"),
        ("TLS", "2", "on or off"),
        ("ALLOWED_HOSTS", "https://desk.example.com", "host names"),
        ("BASE_URL", "desk.example.com", "web address"),
        ("CSRF_TRUSTED_ORIGINS", "desk.example.com", "origins"),
        ("LOG_LEVEL", "loud", "DEBUG, INFO, WARNING, ERROR"),
        ("LOG_FORMAT", "xml", "JSON, LINE"),
        ("METRICS_TOKEN", "short", "16 characters"),
        ("VAR_DIR", __file__, "folder"),
        ("SESSION_IDLE_MINUTES", "0", "a whole number from 5"),
        ("SECOND_FACTOR_ROLES", "boss", "roles separated by commas"),
        ("API_PER_MINUTE", "many", "a whole number from 0"),
        ("ATTACHMENT_DIR", __file__, "folder"),
    ],
)
def test_a_bad_value_names_the_variable_and_what_is_accepted(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, accepted: str
) -> None:
    with pytest.raises(ImproperlyConfigured) as refusal:
        read(monkeypatch, **PRODUCTION | {name: value})
    line = str(refusal.value)
    assert line.startswith(f"{name} ")
    assert accepted in line
    assert "\n" not in line


def test_a_refusal_does_not_repeat_a_password(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ImproperlyConfigured) as refusal:
        read(monkeypatch, EMAIL_URL="smpt://desk:secret-word@mail.example.com")
    assert "secret-word" not in str(refusal.value)


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("smtp://mail.example.com", {"EMAIL_HOST": "mail.example.com", "EMAIL_PORT": 25, "EMAIL_HOST_USER": ""}),
        ("smtp+tls://desk:p%3Aw@mail.example.com", {"EMAIL_USE_TLS": True, "EMAIL_PORT": 587}),
        ("smtp+tls://desk:p%3Aw@mail.example.com", {"EMAIL_HOST_USER": "desk", "EMAIL_HOST_PASSWORD": "p:w"}),
        ("smtps://mail.example.com:4650", {"EMAIL_USE_SSL": True, "EMAIL_PORT": 4650}),
        ("console:", {"EMAIL_BACKEND": "django.core.mail.backends.console.EmailBackend"}),
        ("file:///srv/mail", {"EMAIL_FILE_PATH": "/srv/mail"}),
    ],
)
def test_mail_goes_where_the_address_says(
    monkeypatch: pytest.MonkeyPatch, address: str, expected: dict[str, Any]
) -> None:
    found = read(monkeypatch, EMAIL_URL=address)
    assert {name: found[name] for name in expected} == expected


def test_every_variable_is_documented() -> None:
    page = (active.BASE_DIR / "docs" / "settings.md").read_text()
    assert [name for name in VARIABLES if f"`{name}`" not in page] == []
