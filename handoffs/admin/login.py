"""The login: email, password, and the code of whoever has a second factor."""

from typing import Any

from django import forms
from django.contrib.auth.signals import user_login_failed
from django.core.exceptions import ValidationError
from django.core.validators import MaxLengthValidator
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from unfold.forms import AuthenticationForm
from unfold.widgets import BASE_INPUT_CLASSES

from accounts import audit, second_factor
from accounts.backends import NAME_LENGTH
from accounts.models import User


class LoginForm(AuthenticationForm):
    """A missing or wrong code counts as a failed login, so that guessing codes locks out as guessing passwords does."""

    code = forms.CharField(label=_("Code of the second factor"), required=False, max_length=20)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["username"].validators.append(MaxLengthValidator(NAME_LENGTH))
        self.fields["code"].widget.attrs.update(
            {"autocomplete": "one-time-code", "class": " ".join(BASE_INPUT_CLASSES)}
        )
        if not second_factor.anybody():
            del self.fields["code"]

    def clean(self) -> dict[str, Any]:
        values: dict[str, Any] = super().clean()
        user = self.get_user()
        if isinstance(user, User) and second_factor.enrolled(user):
            user.otp_device = self._device(user, values.get("code", ""))  # type: ignore[attr-defined]
        return values

    def _device(self, user: User, code: str) -> Any:
        """The device that knows the code. Who has the password and no code is noted: it may be a stranger."""
        if not code:
            self._failed()
            raise ValidationError(_("Give the code from your telephone too, or a recovery code."), code="code")
        found = second_factor.check(user, code, at=timezone.now())
        if found is None:
            self._failed()
            raise ValidationError(_("This code is wrong, or was used already. Wait for the next one."), code="code")
        return found

    def _failed(self) -> None:
        tried, kind = {"username": self.cleaned_data["username"]}, audit.Kind.CODE_FAILED
        user_login_failed.send(sender=__name__, credentials=tried, request=self.request, kind=kind)
