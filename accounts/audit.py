"""Noting what happens to access and to the set-up; logins and changes are noted by themselves."""

from datetime import datetime
from typing import Any

from axes.signals import user_locked_out
from django.contrib.auth.signals import user_logged_in, user_login_failed
from django.http import HttpRequest
from django.utils import timezone

from accounts import rates, trail
from accounts.models import ApiToken, AuditEntry, User

Kind = AuditEntry.Kind
LENGTH = 20_000


def note(
    kind: str, *, by: User | None, at: datetime, about: User | None = None, address: str = "", text: str = ""
) -> None:
    """One line of the audit, in the transaction of what it tells of; with the caller's address, and the token's name
    where a program called.
    """
    request = trail.known().get("request")
    if request is not None:
        address = address or rates.address(request)
        if isinstance(token := getattr(request, "auth", None), ApiToken):
            text = f"{text} · token {token}".removeprefix(" · ")
    AuditEntry.objects.create(kind=kind, by=by, about=about, at=at, address=address, text=text[:LENGTH])


def _logged_in(*, request: HttpRequest, user: User, **_kwargs: Any) -> None:
    note(Kind.LOGIN, by=user, at=timezone.now(), address=rates.address(request))


def _failed(
    *, credentials: dict[str, Any], request: HttpRequest | None = None, kind: str = Kind.LOGIN_FAILED, place: str = "",
    **_kwargs: Any,
) -> None:  # fmt: skip
    """The name that was tried is kept, for it tells who was meant; what was typed as password never is. `place` tells
    where it was tried, unless at the login.
    """
    _strange(kind, str(credentials.get("username", "")), request, place)


def _locked(*, request: HttpRequest, username: str | None, **_kwargs: Any) -> None:
    _strange(Kind.LOCKED_OUT, username or "", request)


def _strange(kind: str, tried: str, request: HttpRequest | None, place: str = "") -> None:
    tried = tried.replace("\0", "")[:254]
    meant = User.objects.filter(email__iexact=tried).first() if tried else None
    address = rates.address(request) if request is not None else ""
    note(kind, by=None, about=meant, at=timezone.now(), address=address, text=f"{tried} · {place}" if place else tried)


def listen() -> None:
    user_logged_in.connect(_logged_in, dispatch_uid="accounts.audit.logged_in")
    user_login_failed.connect(_failed, dispatch_uid="accounts.audit.failed")
    user_locked_out.connect(_locked, dispatch_uid="accounts.audit.locked")
