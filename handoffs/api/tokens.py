"""How a program shows who it is, and what its token lets it do."""

from typing import Any

from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from rest_framework.authentication import TokenAuthentication
from rest_framework.exceptions import AuthenticationFailed, Throttled
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request

from accounts import rates, tokens
from accounts.models import ApiToken, User
from accounts.models.token import Scope


class KeptToken(TokenAuthentication):
    """`Authorization: Token …`. Unknown, ended, expired or somebody's who left: all the same 401."""

    def authenticate(self, request: Request) -> tuple[User, ApiToken] | None:
        try:
            return super().authenticate(request)  # type: ignore[return-value]
        except AuthenticationFailed:
            most = settings.LOGINS_PER_MINUTE
            if left := rates.wait("token", rates.caller(request), most):  # type: ignore[arg-type]
                raise Throttled(wait=left) from None
            raise

    def authenticate_credentials(self, key: str) -> tuple[User, ApiToken]:
        found = tokens.find(key, at=timezone.now())
        if found is None:
            raise AuthenticationFailed(_("This token is not known, or has ended."))
        return found.user, found


class InScope(BasePermission):
    """A token does what it was made for. A view says its scope; reading is always `read`."""

    message = _("This token was not made for that.")

    def has_permission(self, request: Request, view: Any) -> bool:
        if not isinstance(request.auth, ApiToken):
            return True
        wanted = Scope.READ if request.method in SAFE_METHODS else getattr(view, "scope", Scope.ACT)
        return wanted in request.auth.scopes
