"""Settings out of the environment. A bad value is one clear line that names the variable and what is accepted."""

import os
import secrets
from collections.abc import Collection
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured

YES = ("1", "true", "yes", "on")
ROLES = ("support", "supervisor", "warehouse", "qc", "logistics", "manager")
NO = ("0", "false", "no", "off")
# What psycopg takes in a connection address and a desk may need; a misspelt option would otherwise fail late.
DATABASE_OPTIONS = (
    "sslmode", "sslrootcert", "sslcert", "sslkey", "connect_timeout", "target_session_attrs", "options",
    "application_name",
)  # fmt: skip
# Scheme → (Django's backend, port, further settings).
MAIL: dict[str, tuple[str, int, dict[str, bool]]] = {
    "smtp": ("smtp", 25, {}),
    "smtp+tls": ("smtp", 587, {"EMAIL_USE_TLS": True}),
    "smtp+ssl": ("smtp", 465, {"EMAIL_USE_SSL": True}),
    "smtps": ("smtp", 465, {"EMAIL_USE_SSL": True}),
    "console": ("console", 0, {}),
    "file": ("filebased", 0, {}),
}


def bad(name: str, accepted: str) -> NoReturn:
    """Refuse a variable. The value is never repeated: it may be a password."""
    raise ImproperlyConfigured(f"{name} has a value that is not accepted. Accepted: {accepted}.")


def missing(name: str, accepted: str) -> NoReturn:
    raise ImproperlyConfigured(f"{name} is not set. It is required when DATABASE_URL is set: {accepted}.")


def text(name: str, default: str = "") -> str:
    """The variable without surrounding blanks; set but empty counts as not set."""
    return os.environ.get(name, "").strip() or default


def switch(name: str, default: bool = False) -> bool:  # noqa: FBT001, FBT002
    value = text(name).lower()
    if not value:
        return default
    if value not in YES + NO:
        bad(name, "on or off (also 1/0, true/false, yes/no)")
    return value in YES


def choice(name: str, accepted: Collection[str], default: str) -> str:
    value = text(name, default).upper()
    if value not in accepted:
        bad(name, ", ".join(accepted))
    return value


def number(name: str, default: int, *, least: int, most: int) -> int:
    """A whole number within bounds."""
    value = text(name, str(default))
    if not value.isascii() or not value.isdigit() or not least <= int(value[:9]) <= most:
        bad(name, f"a whole number from {least} to {most}")
    return int(value)


def words(name: str) -> list[str]:
    """A list separated by commas."""
    return [word for part in text(name).split(",") if (word := part.strip())]


def roles(name: str, default: Collection[str]) -> frozenset[str]:
    """Roles by their code, or `none`."""
    found = words(name) or list(default)
    if not set(found) <= {*ROLES, "none"}:
        bad(name, f"roles separated by commas ({', '.join(ROLES)}), or none")
    return frozenset(found) - {"none"}


def hosts(name: str) -> list[str]:
    names = words(name)
    if any(set(host) & set("/ @?#") for host in names):
        bad(name, "host names separated by commas, without http:// and path, for example desk.example.com")
    return names


def origins(name: str) -> list[str]:
    accepted = "origins separated by commas, for example https://desk.example.com"
    found = [_split(name, origin, accepted) for origin in words(name)]
    if any(url.scheme not in ("http", "https") or not url.hostname or url.path not in ("", "/") for url in found):
        bad(name, accepted)
    return [f"{url.scheme}://{url.netloc}" for url in found]


def address(name: str, default: str) -> str:
    """A web address without the slash at its end."""
    accepted = "a web address, for example https://desk.example.com"
    url = _split(name, text(name, default), accepted)
    if url.scheme not in ("http", "https") or not url.hostname or url.query or url.fragment:
        bad(name, accepted)
    return url.geturl().rstrip("/")


def token(name: str) -> str:
    """A shared secret, or nothing when not set; one that could be guessed is refused."""
    value = text(name)
    if value and (len(value) < 16 or any(letter.isspace() for letter in value)):
        bad(name, "a random text of 16 characters or more, without blanks")
    return value


def folder(name: str, default: Path) -> Path:
    """A folder by absolute path, or by path from the project's own folder; it need not exist yet."""
    path = (Path(__file__).parent.parent / Path(text(name, str(default))).expanduser()).resolve()
    if path.exists() and not path.is_dir():
        bad(name, "a folder the desk may write to")
    return path


def database(name: str) -> dict[str, Any]:
    """Django's settings for `postgres://user:password@host:port/name?sslmode=require`."""
    accepted = "postgres://user:password@host:5432/name"
    url = _split(name, text(name), accepted)
    options = dict(parse_qsl(url.query, keep_blank_values=True))
    if url.scheme not in ("postgres", "postgresql") or not url.path.strip("/"):
        bad(name, f"{accepted}; without DATABASE_URL the desk keeps its own SQLite file")
    host = options.pop("host", "")
    if unknown := sorted(set(options) - set(DATABASE_OPTIONS)):
        bad(name, f"{accepted} with the options {', '.join(DATABASE_OPTIONS)}, not {unknown[0]}")
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(url.path.strip("/")),
        "USER": unquote(url.username or ""),
        "PASSWORD": unquote(url.password or ""),
        "HOST": host or unquote(url.hostname or ""),
        "PORT": str(url.port or ""),
        "OPTIONS": options,
    }


def redis(name: str) -> str:
    """A Redis address, or nothing when not set."""
    value, accepted = text(name), "redis://host:6379/0 (rediss:// with TLS, redis://:password@host with a password)"
    if not value:
        return ""
    url = _split(name, value, accepted)
    number = url.path.strip("/") or "0"
    if url.scheme not in ("redis", "rediss") or not url.hostname or not number.isdigit():
        bad(name, accepted)
    return value


def mail(name: str, *, default: str) -> dict[str, Any]:
    """Django's EMAIL_ settings for `smtp://user:password@host:port`, `console:` or `file:///folder`."""
    accepted = (
        "smtp://user:password@host:25, smtp+tls:// (STARTTLS, 587), smtp+ssl:// (TLS from the start, 465), "
        "console: or file:///folder"
    )
    url = _split(name, text(name, default), accepted)
    if url.scheme not in MAIL:
        bad(name, accepted)
    backend, port, extra = MAIL[url.scheme]
    if (backend == "smtp" and not url.hostname) or (backend == "filebased" and not url.path):
        bad(name, accepted)
    found: dict[str, Any] = {"EMAIL_BACKEND": f"django.core.mail.backends.{backend}.EmailBackend", "EMAIL_TIMEOUT": 10}
    if backend == "filebased":
        return found | {"EMAIL_FILE_PATH": unquote(url.path)}
    if backend == "console":
        return found
    account = {"EMAIL_HOST_USER": unquote(url.username or ""), "EMAIL_HOST_PASSWORD": unquote(url.password or "")}
    return found | extra | account | {"EMAIL_HOST": url.hostname, "EMAIL_PORT": url.port or port}


def kept_secret(path: Path) -> str:
    """The key kept in a file only its owner may read; made at first use, also when two processes start at once."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    if not path.exists():
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_urlsafe(60))
        _link_if_first(draft, path)
    key = path.read_text().strip()
    if len(key) < 50:
        raise ImproperlyConfigured(f"{path} holds no key. Delete the file and a new key is made.")
    return key


def _link_if_first(draft: Path, path: Path) -> None:
    try:
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()


def _split(name: str, value: str, accepted: str) -> SplitResult:
    """The address in its parts, or a clear refusal."""
    try:
        url = urlsplit(value)
        _port = url.port  # read here, since it is only then that a bad one raises
    except ValueError:
        bad(name, accepted)
    return url
