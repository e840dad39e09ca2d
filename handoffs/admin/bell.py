"""The bell: what one was told, unread first; and one's own page with language, zone and mail."""

from typing import Any

from django import forms
from django.contrib import messages
from django.core.cache import cache
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget, UnfoldBooleanWidget

from accounts.models import User
from handoffs import notices
from handoffs.admin.page import draw, page, person

KEPT = 5
SHOWN = 100


def unread(user: User) -> int:
    """How many messages are unread, counted to 100, kept for seconds."""
    key = f"unread:{user.pk}"
    count = cache.get(key)
    if count is None:
        count = len(user.messages.filter(read_at=None).values_list("pk")[:100])
        cache.set(key, count, KEPT)
    return int(count)


@page("GET", "POST")
def bell(request: HttpRequest) -> HttpResponse:
    """The last messages; POST marks all as read."""
    user = person(request)
    if request.method == "POST":
        user.messages.filter(read_at=None).update(read_at=timezone.now())
        cache.delete(f"unread:{user.pk}")
        return redirect("admin:handoffs_bell")
    rows = list(user.messages.select_related("case__shop").order_by("-created_at", "-pk")[:SHOWN])
    shown = [
        {"notice": notice, "unread": row.read_at is None} for row, notice in zip(rows, notices.of(rows), strict=True)
    ]
    return draw(request, "handoffs/bell.html", title=_("Messages"), rows=shown)


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
        messages.success(request, _("Saved."))
        return redirect("admin:handoffs_myself")
    return draw(request, "handoffs/myself.html", title=_("My settings"), form=form)


PAGES = (("messages/", bell, "handoffs_bell"), ("me/", myself, "handoffs_myself"))
