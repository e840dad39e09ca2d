"""What a password must be, and who must set a new one: longer for those who approve money and set the desk up."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.models import Membership, User
from accounts.models.people import Role

LENGTH = 10
LENGTH_OF_APPROVERS = 12
APPROVERS = frozenset({Role.SUPERVISOR, Role.MANAGER})


class LengthByRole:
    """At least ten characters, twelve for who is or will be supervisor or manager, or stands above all roles."""

    def validate(self, password: str, user: Any = None) -> None:
        least = self.least(user)
        if len(password) < least:
            raise ValidationError(self._words(least), code="password_too_short")

    def get_help_text(self) -> str:
        return _("A password has at least 10 characters, 12 for supervisors and managers.")

    def least(self, user: Any) -> int:
        if isinstance(user, User) and (user.is_superuser or user.roles & APPROVERS or _approves(user)):
            return LENGTH_OF_APPROVERS
        return LENGTH

    def _words(self, least: int) -> str:
        return ngettext(
            "A password has at least %(n)d character.", "A password has at least %(n)d characters.", least
        ) % {"n": least}


class AnotherPassword:
    """A new password is another one, else who must set a new one would keep what a colleague knows."""

    def validate(self, password: str, user: Any = None) -> None:
        if isinstance(user, User) and user.pk and user.has_usable_password() and user.check_password(password):
            raise ValidationError(_("This is the password you have. Choose another one."), code="password_same")

    def get_help_text(self) -> str:
        return _("A new password is another one than before.")


@contextmanager
def longer_for_approvers(user: User) -> Iterator[None]:
    """Who comes to approve within keeps no password that was made under the shorter rule."""
    before = _approves(user)
    yield
    if not before and not user.is_superuser and _approves(user):
        User.objects.filter(pk=user.pk).update(new_password_due=True)


def _approves(user: User) -> bool:
    """Today or on a day to come: a password of today is there then, and nothing measures it again."""
    over = Q(valid_to__lt=timezone.localdate())
    return user.pk is not None and Membership.objects.filter(user=user, role__in=APPROVERS).exclude(over).exists()
