"""Django permissions follow the memberships, not a list somebody has to keep beside them."""

from typing import Any

from django.contrib.auth.backends import ModelBackend

from accounts.models import User
from accounts.roles import codenames


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
