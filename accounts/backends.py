"""Who logs in; and Django permissions, which follow the memberships, not a list somebody has to keep beside them."""

import unicodedata
from typing import Any

from django.conf import settings
from django.contrib.auth.backends import ModelBackend
from django.http import HttpRequest

from accounts.models import User
from accounts.roles import codenames

NAME_LENGTH = 254


def login_name(request: HttpRequest, credentials: dict[str, Any] | None) -> str:
    """Whom a login is for, in one spelling: a person is found however the email is written, so tries count alike.

    By way of capitals, as a database compares: of some letters only those are the same.
    """
    told = credentials if credentials is not None else request.POST
    name = unicodedata.normalize("NFKC", str(told.get(settings.AXES_USERNAME_FORM_FIELD) or "")[:NAME_LENGTH])
    return name.strip().upper().lower()[:NAME_LENGTH]


class RoleBackend(ModelBackend):
    """Logs in by email and gives a user the permissions of the roles held today."""

    def get_group_permissions(self, user_obj: Any, obj: Any = None) -> set[str]:
        if not isinstance(user_obj, User) or not user_obj.is_active or obj is not None:
            return set()
        if user_obj.is_superuser:
            return super().get_group_permissions(user_obj, obj)
        return {f"{app}.{name}" for role in user_obj.roles for app, name in codenames(role)}

    def get_all_permissions(self, user_obj: Any, obj: Any = None) -> set[str]:
        return self.get_group_permissions(user_obj, obj) if obj is None else set()
