"""Tokens for programs: made, shown once, ended. A manager sees everybody's."""

from typing import Any

from django import forms
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as L
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from accounts import tokens
from accounts.models import ApiToken, User
from accounts.models.token import Scope
from handoffs import permissions
from handoffs.admin.page import draw, number, page, person

SHOWN = 200


class TokenForm(forms.Form):
    name = forms.CharField(label=L("what for"), max_length=60, widget=UnfoldAdminTextInputWidget())
    user = forms.ModelChoiceField(label=L("person"), queryset=User.objects.none(), widget=UnfoldAdminSelectWidget())
    scopes = forms.MultipleChoiceField(label=L("may"), choices=Scope.choices, widget=forms.CheckboxSelectMultiple())
    days = forms.TypedChoiceField(
        label=L("days"), coerce=int, choices=[(n, str(n)) for n in tokens.DAYS], widget=UnfoldAdminSelectWidget()
    )

    def __init__(self, data: Any, *, editor: User) -> None:
        super().__init__(data, initial={"user": editor.pk, "scopes": [Scope.READ], "days": 90})
        self.editor = editor
        field: Any = self.fields["user"]
        field.queryset, field.empty_label = _people(editor), None

    def clean(self) -> dict[str, Any]:
        values: dict[str, Any] = super().clean() or {}
        user, scopes = values.get("user"), set(values.get("scopes", ()))
        if user is not None and user.pk != self.editor.pk and not scopes <= tokens.FOR_OTHERS:
            self.add_error("scopes", _("Only the person makes a token that acts in their name."))
        return values


@page("GET", "POST")
def own(request: HttpRequest) -> HttpResponse:
    """The tokens; POST makes one, and shows it this once, or ends one."""
    user, now, key = person(request), timezone.now(), ""
    if request.method == "POST" and request.POST.get("verb") == "end":
        tokens.end(get_object_or_404(_seen(user), pk=number(request, "token")), by=user, at=now)
        return redirect("admin:handoffs_token")
    form = TokenForm(request.POST if request.method == "POST" else None, editor=user)
    if form.is_bound and form.is_valid():
        told = form.cleaned_data
        _made, key = tokens.make(told["user"], told["name"], told["scopes"], by=user, at=now, days=told["days"])
        form = TokenForm(None, editor=user)
    rows = [{"token": row, "may": _words(row), "over": _over(row, now)} for row in _seen(user)[:SHOWN]]
    context = {"form": form, "token": key, "rows": rows, "status": 400 if form.errors else 200}
    answer = draw(request, "handoffs/tokens.html", title=_("Tokens for the API"), **context)
    answer.headers["Cache-Control"] = "no-store"
    return answer


def _manages(user: User) -> bool:
    return user.is_superuser or permissions.may(user, "edit_setup")


def _people(user: User) -> QuerySet[User]:
    if not _manages(user):
        return User.objects.filter(pk=user.pk)
    others = User.objects.filter(is_active=True)
    return others if user.is_superuser else others.filter(is_superuser=False)


def _seen(user: User) -> QuerySet[ApiToken]:
    rows = ApiToken.objects.select_related("user")
    return rows if _manages(user) else rows.filter(user=user)


def _words(row: ApiToken) -> str:
    return "; ".join(str(label) for value, label in Scope.choices if value in row.scopes)


def _over(row: ApiToken, now: Any) -> bool:
    return bool(row.revoked_at or (row.expires_at and row.expires_at <= now))


PAGES = (("me/tokens/", own, "handoffs_token"),)
