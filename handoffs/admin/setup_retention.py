"""How long what grows is kept; and the page on which a manager erases a buyer who asks for it."""

from datetime import datetime
from typing import Any

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from handoffs import archiving, permissions
from handoffs.admin.page import draw, page, person
from handoffs.admin.search import cleaned
from handoffs.admin.setup_base import KeptAdmin
from handoffs.admin.site import desk
from handoffs.exact import wholes
from handoffs.flow import erasure
from handoffs.flow.errors import FlowError
from handoffs.models import Case, Retention, Tick


@admin.register(Retention, site=desk)
class RetentionAdmin(KeptAdmin):
    """One row: its list opens it."""

    change_form_outer_after_template = "handoffs/setup/retention.html"

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        answer = super().changelist_view(request, extra_context)  # for its guard
        if answer.status_code != 200:
            return answer
        only, _made = Retention.objects.get_or_create(pk=1)
        return redirect("admin:handoffs_retention_change", only.pk)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        found = {"tick": Tick.objects.filter(name="archive").first(), "folder": archiving.folder(),
                 "erases": permissions.may(person(request), "erase")}  # fmt: skip
        return super().change_view(request, object_id, form_url, {**found, **(extra_context or {})})

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@page("GET", "POST", verb="erase")
def erase(request: HttpRequest) -> HttpResponse:
    """Whose data: by nickname or any number. Then every case it would touch; POST erases those that are ticked."""
    user, asked = person(request), request.POST or request.GET
    text, reason, error = cleaned(asked.get("q", "")), request.POST.get("reason", ""), ""
    if request.method == "POST":
        ids = wholes(request.POST.getlist("case"))
        try:
            return _erased(request, ids, reason, at=timezone.now())
        except FlowError as declined:
            error = str(declined)
    found = list(erasure.cases_of(text, by=user)[: erasure.MOST]) if text else []
    context = {
        "text": text,
        "rows": [{"case": case, "now": erasure.may_go(case), "gone": _gone(case)} for case in found],
        "reason": reason,
        "error": error,
        "most": erasure.MOST,
    }
    return draw(
        request, "handoffs/erase.html", title=_("Erase a buyer's data"), status=400 if error else 200, **context
    )


def _gone(case: Case) -> bool:
    return case.buyer_nick.startswith(erasure.GONE)


def _erased(request: HttpRequest, ids: list[int], reason: str, *, at: datetime) -> HttpResponse:
    done = erasure.on_request(ids, reason=reason, by=person(request), at=at)
    if not ids:
        messages.warning(request, _("Choose at least one row."))
    if n := len(done.erased):
        messages.success(request, ngettext("Erased from %(n)d case.", "Erased from %(n)d cases.", n) % {"n": n})
    if n := len(done.waiting):
        words = ngettext("%(n)d case is still open; it follows in the night after it is closed.",
                         "%(n)d cases are still open; each follows in the night after it is closed.", n)  # fmt: skip
        messages.info(request, words % {"n": n})
    return redirect(reverse("admin:handoffs_erase"))


PAGES = (("erase/", erase, "handoffs_erase"),)
