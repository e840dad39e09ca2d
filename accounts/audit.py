"""Noting what happens to access; logins are noted by themselves."""

from datetime import datetime
from typing import Any

from axes.signals import user_locked_out
from django.contrib.auth.signals import user_logged_in, user_login_failed
from django.http import HttpRequest
from django.utils import timezone
from simple_history.signals import post_create_historical_record

from accounts import rates
from accounts.models import AuditEntry, User

Kind = AuditEntry.Kind
LENGTH = 400


def note(
    kind: str, *, by: User | None, at: datetime, about: User | None = None, address: str = "", text: str = ""
) -> None:
    """One line of the audit, in the transaction of what it tells of."""
    AuditEntry.objects.create(kind=kind, by=by, about=about, at=at, address=address, text=text[:LENGTH])


def _logged_in(*, request: HttpRequest, user: User, **_kwargs: Any) -> None:
    note(Kind.LOGIN, by=user, at=timezone.now(), address=rates.address(request))


def _failed(*, credentials: dict[str, Any], request: HttpRequest | None = None, **_kwargs: Any) -> None:
    """The name that was tried is kept, for it tells who was meant; what was typed as password never is."""
    _strange(Kind.LOGIN_FAILED, str(credentials.get("username", "")), request)


def _locked(*, request: HttpRequest, username: str | None, **_kwargs: Any) -> None:
    _strange(Kind.LOCKED_OUT, username or "", request)


def _strange(kind: str, tried: str, request: HttpRequest | None) -> None:
    tried = tried.replace("\0", "")[:254]
    meant = User.objects.filter(email__iexact=tried).first() if tried else None
    address = rates.address(request) if request is not None else ""
    note(kind, by=None, about=meant, at=timezone.now(), address=address, text=tried)


def _kept_in_history(*, instance: Any, history_instance: Any, **_kwargs: Any) -> None:
    """A policy, limit, role, contact or the like was changed. What shipped tables are filled with is no change."""
    by, kind = history_instance.history_user, history_instance.history_type
    if by is None and kind == "+":
        return
    said = f"{instance._meta.label_lower} {instance} {_SIGNS[kind]}{_differing(history_instance)}"
    about = User.objects.filter(pk=getattr(instance, "user_id", None) or 0).first()
    note(Kind.CHANGED, by=by, at=timezone.now(), about=about, text=said)


_SIGNS = {"+": "(+)", "~": "(~)", "-": "(–)"}


def _differing(now: Any) -> str:
    """What it was and what it is. The record before is found by number: two may bear the same moment."""
    rows = type(now).objects.filter(id=now.id, history_id__lt=now.history_id).order_by("-history_id")
    before = rows.first() if now.history_type == "~" else None
    if before is None:
        return ""
    changes = now.diff_against(before, foreign_keys_are_objs=False).changes
    return " " + "; ".join(f"{change.field}: {change.old} → {change.new}" for change in changes)


def listen() -> None:
    user_logged_in.connect(_logged_in, dispatch_uid="accounts.audit.logged_in")
    user_login_failed.connect(_failed, dispatch_uid="accounts.audit.failed")
    user_locked_out.connect(_locked, dispatch_uid="accounts.audit.locked")
    post_create_historical_record.connect(_kept_in_history, dispatch_uid="accounts.audit.changed")
