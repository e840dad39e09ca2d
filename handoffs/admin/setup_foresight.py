"""Between a form of the rules and its saving: what it would do to what is open now, with the choice to let it.

The saving is done, looked at and taken back; so what is shown is what the rules themselves make of it. A posted form
that does not name exactly what was shown is shown again.
"""

import hashlib
import hmac
from datetime import datetime
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.messages import get_messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts import audit
from handoffs.admin.page import draw, person
from handoffs.flow import foresight
from handoffs.flow.foresight import Foresight, Shift
from handoffs.flow.hindsight import Hindsight

OURS = ("csrfmiddlewaretoken", "_foreseen", "_apply")
Seen = Foresight | Shift


class ForeseenAdmin:
    """Mixed into a set-up screen; `foresee` says what the rules as they stand now make of what is open."""

    def foresee(self, saved: Any, before: Any, *, at: datetime) -> Seen:
        raise NotImplementedError

    def as_it_was(self) -> Any:
        """What must be known from before the change; nothing for clocks, which remember their terms."""
        return None

    def look_back(self, saved: Any, *, at: datetime) -> Hindsight | None:
        """What the last week would have been under the changed rule, where that can be said."""
        return None

    def save_model(self, request: Any, obj: Any, form: Any, change: Any) -> None:
        super().save_model(request, obj, form, change)  # type: ignore[misc]
        request.rd_saved = obj

    def delete_model(self, request: Any, obj: Any) -> None:
        super().delete_model(request, obj)  # type: ignore[misc]
        request.rd_saved = obj

    def delete_view(self, request: Any, object_id: str, extra_context: Any = None) -> HttpResponse:
        def delete() -> HttpResponse:
            return super(ForeseenAdmin, self).delete_view(request, object_id, extra_context)  # type: ignore[misc,no-any-return]

        return _with_foresight(self, request, delete) if request.method == "POST" else delete()

    def changeform_view(
        self, request: Any, object_id: str | None = None, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        def save() -> HttpResponse:
            return super(ForeseenAdmin, self).changeform_view(request, object_id, form_url, extra_context)  # type: ignore[misc,no-any-return]

        return _with_foresight(self, request, save) if request.method == "POST" else save()


def _with_foresight(screen: ForeseenAdmin, request: Any, save: Any) -> HttpResponse:
    """Save, look, and take it back unless this very effect was shown before. `save` marks what it saved."""
    now, before = timezone.now(), screen.as_it_was()
    seen: Seen | None = None
    past: Hindsight | None = None
    with transaction.atomic():
        response: HttpResponse = save()
        saved = getattr(request, "rd_saved", None) if response.status_code == 302 else None
        if saved is not None:
            seen, past = screen.foresee(saved, before, at=now), screen.look_back(saved, at=now)
        shown = seen is None or not _matters(seen, past) or _is_what_was_shown(request, seen)
        transaction.set_rollback(not shown)
    if seen is None or shown and not _matters(seen, past):
        return response
    if not shown:
        _forget_messages(request)
        return _preview(request, seen, past)
    if isinstance(seen, Foresight) and request.POST.get("_apply") == "open":
        done = foresight.apply(seen, by=request.user, at=now)
        told = f"{saved._meta.label_lower} {saved} → open deadlines moved: {done}"
        audit.note(audit.Kind.CHANGED, by=person(request), at=now, text=told)
        moved = ngettext("%(count)d open deadline moved.", "%(count)d open deadlines moved.", done)
        messages.success(request, moved % {"count": done})
    return response


def _matters(seen: Seen, past: Hindsight | None) -> bool:
    if isinstance(seen, Foresight):
        return bool(seen.moves) or (past is not None and past.differs)
    return seen.matters


def _preview(request: HttpRequest, seen: Seen, past: Hindsight | None) -> HttpResponse:
    fields = [(name, value) for name in request.POST if name not in OURS for value in request.POST.getlist(name)]
    deleting = "post" in request.POST
    context = {
        "seen": seen,
        "clocks": isinstance(seen, Foresight),
        "past": past,
        "fields": fields,
        "again": "_foreseen" in request.POST,
        "deleting": deleting,
        "token": _token(request, seen),
    }
    title = _("Before it is deleted") if deleting else _("Before it is saved")
    return draw(request, "handoffs/setup/foresight.html", title=title, **context)


def _token(request: HttpRequest, seen: Seen) -> str:
    """The form and what was seen of it, sealed: only that very form, with that very effect, is saved by it."""
    posted = sorted((name, tuple(request.POST.getlist(name))) for name in request.POST if name not in OURS)
    told = f"{request.path}|{posted}|{seen.stamp}|{getattr(request.user, 'pk', '')}"
    return hmac.new(settings.SECRET_KEY.encode(), told.encode(), hashlib.sha256).hexdigest()


def _is_what_was_shown(request: HttpRequest, seen: Seen) -> bool:
    return hmac.compare_digest(request.POST.get("_foreseen", ""), _token(request, seen))


def _forget_messages(request: HttpRequest) -> None:
    """What the taken-back saving said."""
    storage = get_messages(request)
    storage._queued_messages.clear()  # type: ignore[attr-defined]
