"""Making, checking and ending the API's tokens."""

import hashlib
import secrets
from collections.abc import Collection
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q

from accounts import audit
from accounts.models import ApiToken, User
from accounts.models.token import Scope

DAYS = (30, 90, 365)
NOTED = timedelta(minutes=1)
# In a colleague's name a manager makes tokens for programs that read and bring data, never ones that decide as them.
FOR_OTHERS = frozenset({Scope.READ, Scope.IMPORT, Scope.EVENTS})


def digest(key: str) -> str:
    """What is kept of a token. It is 256 random bits, so one round of a plain digest cannot be guessed back."""
    return hashlib.sha256(key.encode()).hexdigest()


def make(
    user: User, name: str, scopes: Collection[str], *, by: User, at: datetime, days: int | None = 90, key: str = ""
) -> tuple[ApiToken, str]:
    """A token, and what to send, which is known this once."""
    key = key or f"rd_{secrets.token_urlsafe(32)}"
    with transaction.atomic():
        made = ApiToken.objects.create(
            user=user, name=name, prefix=key[:8], digest=digest(key), scopes=sorted(set(scopes)), made_at=at,
            made_by=by, expires_at=at + timedelta(days=days) if days else None,
        )  # fmt: skip
        said = f"{made} · {', '.join(made.scopes)}"
        audit.note(audit.Kind.TOKEN_MADE, by=by, about=user, at=at, text=said)
    return made, key


def end(token: ApiToken, *, by: User, at: datetime) -> None:
    """From now on the token opens nothing. Ending it again changes nothing."""
    with transaction.atomic():
        if ApiToken.objects.filter(pk=token.pk, revoked_at=None).update(revoked_at=at):
            audit.note(audit.Kind.TOKEN_ENDED, by=by, about=token.user, at=at, text=str(token))


def find(key: str, *, at: datetime) -> ApiToken | None:
    """The token in force that this is; its use is noted at most once a minute."""
    rows = ApiToken.objects.in_force(at).select_related("user").filter(digest=digest(key), user__is_active=True)
    found = rows.first()
    if found is not None and (found.last_used_at is None or at - found.last_used_at >= NOTED):
        unnoted = Q(last_used_at=None) | Q(last_used_at__lte=at - NOTED)
        ApiToken.objects.filter(unnoted, pk=found.pk).update(last_used_at=at)
    return found
