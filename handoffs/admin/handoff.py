"""One question, big: what is asked, what one may know, the fixed answers, photos from the phone."""

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import User
from handoffs import permissions
from handoffs.admin import forms as make
from handoffs.admin import shown
from handoffs.admin.page import draw, page, person
from handoffs.flow import answer, evidence, handoff
from handoffs.flow.errors import Invalid, NotAllowed, Stale
from handoffs.flow.kinds import APPROVALS, KINDS, Need
from handoffs.models import Handoff

IN_DATA = ("position", "signed_at", "condition", "planned", "actual", "weight")


def seen_handoff(request: HttpRequest, handoff_id: int) -> Handoff:
    """The question, for those whom it reaches or who asked; for others it does not exist."""
    rows = permissions.visible_handoffs(person(request))
    related = ("case__shop", "assignee", "asker", "parcel__carrier")
    found = rows.select_related(*related).filter(pk=handoff_id).first()
    if found is None:
        raise Http404
    return found


@page("GET", "POST")
def question(request: HttpRequest, handoff_id: int) -> HttpResponse:
    """Show the question with its answers, or take the answer."""
    asked, user = seen_handoff(request, handoff_id), person(request)
    if asked.kind in APPROVALS:
        return redirect("admin:handoffs_approvals")
    may_answer = asked.is_live and permissions.may_answer(user, asked)
    if request.method == "POST" and not permissions.may_answer(user, asked):
        raise NotAllowed(_("This question was not put to you."))
    kind = KINDS[asked.kind]
    form = make.form_of(make.of_answer(kind), *((request.POST, request.FILES) if request.method == "POST" else ()))
    status = 200
    if request.method == "POST" and form.is_valid():
        try:
            _answer(asked, form.cleaned_data, user)
        except (Invalid, Stale) as error:
            names = {"attachments": "files", "data": "note"}
            field, text = shown.field_errors(error, (*form.fields, *names))
            form.add_error(names.get(field or "", field), text)
            status = error.status
        else:
            messages.success(request, _("Answered. Thank you."))
            return redirect("admin:index")
    context = {
        "asked": asked,
        "case": asked.case,
        "question": kind.question,
        "answers": [{"code": a.code, "label": a.label, "needs": " ".join(_fields_of(a.needs))} for a in kind.answers],
        "form": form,
        "left": shown.time_left(asked.created_at, asked.due_at, at=timezone.now()),
        "may_answer": may_answer,
        "colleagues": _colleagues(asked),
        "lines": list(asked.case.lines.all()),
    }
    return draw(request, "handoffs/question.html", title=asked.get_kind_display(), status=status, **context)


def _fields_of(needs: tuple[Need, ...]) -> list[str]:
    """The form fields an answer must bring, for the screen to point at."""
    names = {Need.PHOTO: "files", Need.DOCUMENT: "files", Need.LINES: "note"}
    extra = {Need.WAYBILL: ["carrier"], Need.CONDITION: ["planned", "actual"]}
    return [name for need in needs for name in (names.get(need, need.value), *extra.get(need, []))]


def _answer(asked: Handoff, values: dict[str, Any], user: User) -> None:
    at = timezone.now()
    stored = [evidence.upload(file, by=user, at=at).pk for file in values.get("files") or ()]
    data = {name: _plain(values[name]) for name in IN_DATA if values.get(name)}
    given = answer.Given(
        values["answer"], note=values.get("note", ""), waybill=values.get("waybill", ""),
        carrier=values.get("carrier", ""),
        by=values.get("by", ""), attachments=stored, data=data,
    )  # fmt: skip
    answer.answer(asked.pk, given, by=user, at=at)


def _plain(value: Any) -> str:
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


def _colleagues(asked: Handoff) -> list[User]:
    """Who else could answer it."""
    rows = User.objects.filter(memberships__shop=asked.case.shop_id, memberships__role=asked.to_role, is_active=True)
    return list(rows.exclude(pk=asked.assignee_id).distinct())


@page("POST")
def act(request: HttpRequest, handoff_id: int, code: str) -> HttpResponse:
    """Claim, return, reassign, withdraw, send again."""
    asked, by, at = seen_handoff(request, handoff_id), person(request), timezone.now()
    text = request.POST.get("reason", "")
    try:
        if code == "claim":
            handoff.claim(asked.pk, by=by, at=at)
        elif code == "return":
            handoff.send_back(asked.pk, reason=text, by=by, at=at)
        elif code == "reassign":
            to = User.objects.filter(pk=request.POST.get("user") or 0).first()
            if to is None:
                raise Invalid(_("Choose a person."), field="user")
            handoff.reassign(asked.pk, to=to, by=by, at=at)
        elif code == "withdraw":
            handoff.withdraw(asked.pk, by=by, at=at)
        elif code == "send_again":
            handoff.send_again(asked.pk, note_text=text, by=by, at=at)
        else:
            raise Http404
    except (Invalid, Stale) as error:
        messages.error(request, str(error))
    else:
        messages.success(request, _("Done."))
    back_to_case = request.POST.get("back") == "case"
    if back_to_case:
        return redirect("admin:handoffs_case_change", asked.case_id)
    return redirect("admin:handoffs_handoff_page", asked.pk) if code == "claim" else redirect("admin:index")


PAGES = (
    ("questions/<int:handoff_id>/", question, "handoffs_handoff_page"),
    ("questions/<int:handoff_id>/<slug:code>/", act, "handoffs_handoff_act"),
)
