"""The bell: what one was told, unread first; and one's own page with language, zone and mail."""

from typing import Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone, translation
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget, UnfoldBooleanWidget

from accounts import kept
from accounts.models import User
from handoffs import notices
from handoffs.admin import queues
from handoffs.admin.page import draw, page, person
from handoffs.exact import whole

KEPT = 5
SHOWN = 100
Counts = dict[str, int]


def counts(user: User) -> Counts:
    """Unread messages and waiting approvals, each counted to 100, kept for seconds: every page of the console asks."""
    found: Counts | None = kept.get(_key(user))
    if found is None:
        found = {
            "unread": len(user.messages.filter(read_at=None).values_list("pk")[:SHOWN]),
            "to_settle": len(queues.to_settle(user)),
            "approvals": len(queues.waiting_decisions(user).values_list("pk")[:SHOWN]),
        }
        kept.keep(_key(user), found, KEPT)
    return found


def forget(user: User) -> None:
    """Count anew at the next page."""
    kept.forget(_key(user))


def _key(user: User) -> str:
    return f"counts:{user.pk}"


@page("GET", "POST")
def bell(request: HttpRequest) -> HttpResponse:
    """The last messages; POST marks one or all as read."""
    user = person(request)
    unread = user.messages.filter(read_at=None)
    if request.method == "POST":
        one = request.POST.get("message", "")
        (unread.filter(pk=whole(one)) if one else unread).update(read_at=timezone.now())
        forget(user)
        return redirect("admin:handoffs_bell")
    rows = list(user.messages.select_related("case__shop").order_by("-created_at", "-pk")[:SHOWN])
    shown = [
        {"notice": notice, "message": row, "unread": row.read_at is None}
        for row, notice in zip(rows, notices.of(rows), strict=True)
    ]
    any_unread = any(row["unread"] for row in shown) or unread.exists()
    return draw(request, "handoffs/bell.html", title=_("Messages"), rows=shown, any_unread=any_unread)


class MyselfForm(forms.ModelForm):
    class Meta:
        model = User
        fields = ("name", "language", "time_zone", "wants_mail", "wants_digest", "digest_at")
        widgets = {
            "name": UnfoldAdminTextInputWidget(),
            "language": UnfoldAdminSelectWidget(),
            "time_zone": UnfoldAdminTextInputWidget(),
            "wants_mail": UnfoldBooleanWidget(),
            "wants_digest": UnfoldBooleanWidget(),
            "digest_at": UnfoldAdminTextInputWidget(attrs={"type": "time"}),
        }


@page("GET", "POST")
def myself(request: HttpRequest) -> HttpResponse:
    """Language, time zone, mail."""
    user = person(request)
    data: Any = request.POST if request.method == "POST" else None
    form = MyselfForm(data, instance=User.objects.get(pk=user.pk))
    if request.method == "POST" and form.is_valid():
        form.save()
        with translation.override(form.cleaned_data["language"]):
            messages.success(request, _("Saved."))
        return redirect("admin:handoffs_myself")
    return _my_page(request, form, status=400 if data else 200)


def _my_page(request: HttpRequest, form: MyselfForm, *, status: int = 200) -> HttpResponse:
    return draw(request, "handoffs/myself.html", title=_("My settings"), status=status, form=form)


@page("POST")
def language(request: HttpRequest) -> HttpResponse:
    """Switch the person's language, and come back to the same page."""
    chosen, back = request.POST.get("language"), request.POST.get("next", "")
    if chosen in dict(settings.LANGUAGES):
        User.objects.filter(pk=person(request).pk).update(language=chosen)
    safe = url_has_allowed_host_and_scheme(back, allowed_hosts={request.get_host()}, require_https=request.is_secure())
    return redirect(back if safe else "admin:index")


PAGES = (
    ("messages/", bell, "handoffs_bell"),
    ("me/", myself, "handoffs_myself"),
    ("me/language/", language, "handoffs_language"),
)
