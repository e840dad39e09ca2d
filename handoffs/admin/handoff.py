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
from handoffs.admin import shown, words
from handoffs.admin.page import draw, number, page, person
from handoffs.admin.uploads import Sent, sent
from handoffs.flow import answer, handoff, transport
from handoffs.flow.buyer import seen_by
from handoffs.flow.errors import Invalid, NotAllowed, Stale
from handoffs.flow.kinds import APPROVALS, KINDS, Kind, Need
from handoffs.models import CaseLine, CaseSource, Handoff

IN_DATA = ("position", "signed_at", "condition", "planned", "actual", "weight")
FIELD_OF = {Need.PHOTO: "photo", Need.DOCUMENT: "files"}
# Fields shown beside one that an answer must bring; they may stay empty.
BESIDE = {Need.WAYBILL: ("carrier",), Need.CONDITION: ("planned", "actual")}


def seen_handoff(request: HttpRequest, handoff_id: int) -> Handoff:
    """The question, for those whom it reaches or who asked; for others it does not exist."""
    rows = permissions.visible_handoffs(person(request))
    related = ("case__shop", "assignee", "asker", "answered_by", "parcel__carrier")
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
    if request.method == "POST" and not permissions.may_answer(user, asked):
        raise NotAllowed(_("This question was not put to you."))
    lines = list(asked.case.lines.all())
    kind = KINDS[asked.kind]
    fields = make.of_answer(kind, asked.to_role, lines)
    form = make.form_of(fields, *((request.POST, request.FILES) if request.method == "POST" else ()))
    status, given = (400 if request.method == "POST" else 200), sent(request)
    if request.method == "POST" and form.is_valid():
        given.values = dict(form.cleaned_data)
        try:
            _answer(asked, given, lines)
        except (Invalid, Stale) as error:
            form.add_error(*shown.field_errors(error, form.fields))
            status = error.status
        else:
            messages.success(request, _("Answered. Thank you."))
            return redirect("admin:index")
    context = _context(seen_handoff(request, handoff_id), kind, user, lines) | {"form": form, "kept": given.proofs}
    return draw(request, "handoffs/question.html", title=asked.get_kind_display(), status=status, **context)


def _context(asked: Handoff, kind: Kind, user: User, lines: list[CaseLine]) -> dict[str, Any]:
    may_answer = asked.is_live and permissions.may_answer(user, asked)
    may_pass_on = asked.is_live and (may_answer or permissions.may_steer(user, asked))
    return {
        "asked": asked,
        "case": asked.case,
        "question": kind.asks(asked.to_role),
        "answers": [
            {
                "code": each.code,
                "label": each.label,
                "needs": " ".join(_names(each.needs, len(lines))),
                "shows": " ".join(_beside(each.needs, len(lines))),
            }
            for each in make.answers_of(kind, lines, asked.to_role)
        ],
        "left": shown.time_left(asked.created_at, asked.due_at, at=timezone.now()),
        "may_answer": may_answer,
        "colleagues": _colleagues(asked) if may_pass_on else [],
        "lines": lines,
        "buyer": seen_by(user, asked.case, source=CaseSource.objects.filter(case=asked.case_id).first()),
        "given": words.answer_label(asked.kind, asked.answer),
        "leg": transport.leg_of(asked.case) if asked.kind == "inspect_return" else None,
        "may_inspect": permissions.may(user, "inspect", shop_id=asked.case.shop_id),
        "details": words.details(asked.data, amounts=permissions.sees_amounts(user, asked.case)),
        "files": list(asked.attachments.all()),
    }


def _names(needs: tuple[Need, ...], lines: int) -> list[str]:
    """The form fields an answer must bring, for the screen to point at."""
    per_line = [f"line_{index}" for index in range(lines)]
    return [name for need in needs for name in (per_line if need == Need.LINES else [FIELD_OF.get(need, need.value)])]


def _beside(needs: tuple[Need, ...], lines: int) -> list[str]:
    """The form fields that may stay empty."""
    photos = [f"line_{index}_photo" for index in range(lines)] if Need.LINES in needs else []
    return [name for need in needs for name in BESIDE.get(need, ())] + photos


def _answer(asked: Handoff, given: Sent, lines: list[CaseLine]) -> None:
    own = [given.kept_of(f"line_{index}_photo") for index in range(len(lines))]
    proofs, values = given.attachments(), given.values
    data: dict[str, Any] = {name: _plain(values[name]) for name in IN_DATA if values.get(name)}
    per_line = [values.get(f"line_{index}") for index in range(len(lines))]
    if values["answer"] == "outcome" and all(per_line):
        data["lines"] = [
            {"line": line.sku or line.title, "outcome": outcome} | ({"photos": photos} if photos else {})
            for line, outcome, photos in zip(lines, per_line, own, strict=True)
        ]
    plain = {name: values.get(name, "") for name in ("note", "waybill", "carrier", "by")}
    made = answer.Given(values["answer"], attachments=proofs, data=data, **plain)
    answer.answer(asked.pk, made, by=given.by, at=given.at)


def _plain(value: Any) -> str:
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


def _colleagues(asked: Handoff) -> list[User]:
    """Who else could answer it."""
    rows = User.objects.filter(memberships__shop=asked.case.shop_id, memberships__role=asked.to_role, is_active=True)
    others = rows.exclude(pk=asked.assignee_id).distinct().order_by("name")
    return [user for user in others if permissions.may_answer(user, asked)]


@page("POST")
def act(request: HttpRequest, handoff_id: int, code: str) -> HttpResponse:
    """Claim, return, reassign, withdraw, send again; on a refusal the question is shown with the reason."""
    asked = seen_handoff(request, handoff_id)
    if code not in ACTS:
        raise Http404
    try:
        ACTS[code](asked, Sent({}, request, person(request), timezone.now()))
    except (Invalid, Stale) as error:
        messages.error(request, str(error))
        stay = True
    else:
        messages.success(request, _("Done."))
        stay = code == "claim"
    if request.POST.get("back") == "case":
        return redirect("admin:handoffs_case_change", asked.case_id)
    return redirect("admin:handoffs_handoff_page", asked.pk) if stay else redirect("admin:index")


def _claim(asked: Handoff, given: Sent) -> None:
    handoff.claim(asked.pk, by=given.by, at=given.at)


def _return(asked: Handoff, given: Sent) -> None:
    handoff.send_back(asked.pk, reason=given.request.POST.get("reason", ""), by=given.by, at=given.at)


def _reassign(asked: Handoff, given: Sent) -> None:
    to = User.objects.filter(pk=number(given.request, "user")).first()
    if to is None:
        raise Invalid(_("Choose a person."), field="user")
    handoff.reassign(asked.pk, to=to, by=given.by, at=given.at)


def _withdraw(asked: Handoff, given: Sent) -> None:
    handoff.withdraw(asked.pk, reason=given.request.POST.get("reason", "").strip()[:200], by=given.by, at=given.at)


def _send_again(asked: Handoff, given: Sent) -> None:
    handoff.send_again(asked.pk, note_text=given.request.POST.get("reason", ""), by=given.by, at=given.at)


ACTS = {"claim": _claim, "return": _return, "reassign": _reassign, "withdraw": _withdraw, "send_again": _send_again}
PAGES = (
    ("questions/<int:handoff_id>/", question, "handoffs_handoff_page"),
    ("questions/<int:handoff_id>/<slug:code>/", act, "handoffs_handoff_act"),
)
