"""How long a password must be: longer for those who approve money and set the desk up."""

from typing import Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.models import User
from accounts.models.people import Role

LENGTH = 10
LENGTH_OF_APPROVERS = 12
APPROVERS = frozenset({Role.SUPERVISOR, Role.MANAGER})


class LengthByRole:
    """At least ten characters, twelve for supervisors, managers and whoever stands above all roles."""

    def validate(self, password: str, user: Any = None) -> None:
        least = self.least(user)
        if len(password) < least:
            raise ValidationError(self._words(least), code="password_too_short")

    def get_help_text(self) -> str:
        return _("A password has at least 10 characters, 12 for supervisors and managers.")

    def least(self, user: Any) -> int:
        """A person who is not kept yet has no role: the shorter one, and the second factor comes with the role."""
        if isinstance(user, User) and (user.is_superuser or (user.pk and user.roles & APPROVERS)):
            return LENGTH_OF_APPROVERS
        return LENGTH

    def _words(self, least: int) -> str:
        return ngettext(
            "A password has at least %(n)d character.", "A password has at least %(n)d characters.", least
        ) % {"n": least}
