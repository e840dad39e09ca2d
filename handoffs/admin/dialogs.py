"""The verbs of a case, each a form of its own: opening one changes nothing, sending it calls the flow."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import duty, limits
from accounts.models import User
from accounts.models.people import Role
from handoffs import permissions
from handoffs.admin import forms as make
from handoffs.admin import shown
from handoffs.admin.page import draw, page, person, seen_case
from handoffs.admin.replies import filled, templates_for
from handoffs.flow import acts, buyer, decision, evidence, grant, handoff, kinds, owner, response
from handoffs.flow.errors import Invalid, NotAllowed, Stale
from handoffs.flow.proposal import Proposal
from handoffs.models import Case, Decision

Values = dict[str, Any]


@dataclass(frozen=True)
class Dialog:
    """A form and what it does. `facts` are lines shown above the fields."""

    title: Any
    fields: dict[str, forms.Field]
    run: Callable[[Values, HttpRequest], Any]
    facts: list[str]
    done: Any
    templates: list[dict[str, str]]


@page("GET", "POST")
def dialog(request: HttpRequest, case_id: int, code: str) -> HttpResponse:
    """Show the form of a verb, or carry it out. What the flow declines is said at the field, the input kept."""
    case = seen_case(request, case_id)
    made = _dialog(case, code, person(request))
    form = make.form_of(made.fields, *((request.POST, request.FILES) if request.method == "POST" else ()))
    status = 200
    if request.method == "POST" and form.is_valid():
        try:
            made.run(form.cleaned_data, request)
        except (Invalid, Stale) as error:
            form.add_error(*shown.field_errors(error, form.fields))
            status = error.status
        else:
            messages.success(request, made.done)
            return redirect("admin:handoffs_case_change", case_id)
    context = {"case": case, "form": form, "facts": made.facts, "templates": made.templates, "code": code}
    return draw(request, "handoffs/dialog.html", title=made.title, status=status, **context)


def _dialog(case: Case, code: str, user: User) -> Dialog:
    """The dialog of a code, if the person's role has it. Raises Http404 for a code that is none."""
    if code == "respond":
        _need(user, "respond", case)
        return _respond(case, user)
    if code in kinds.KINDS and code not in kinds.APPROVALS:
        if not permissions.may_open_handoff(user, case, from_roles=kinds.KINDS[code].from_roles):
            raise NotAllowed(_("Your role does not ask this question."))
        return _ask(case, code)
    if code in Decision.Kind.values:
        _need(user, "propose", case)
        return _decide(case, code, user)
    if code in acts.ACTS:
        _need(user, acts.ACTS[code].verb, case)
        return _act(case, code, user)
    raise Http404


def _need(user: User, verb: str, case: Case) -> None:
    if not permissions.may(user, verb, shop_id=case.shop_id):
        raise NotAllowed(_("Your role does not do this."))


def _respond(case: Case, user: User) -> Dialog:
    fields: dict[str, forms.Field] = {
        "message": make.words(_("message to the buyer"), long=True, help_text=_(
            "What the buyer needs, in words. This records what you sent; it stops the 30-minute clock.")),
        "channel": make.choice(_("sent by"), [("chat", _("chat (旺旺 / 咚咚)")), ("message", _("marketplace message")),
                                              ("phone", _("phone"))]),
        "sent_at": make.moment(_("sent at"), required=False, help_text=_("Empty: now.")),
    }  # fmt: skip

    def run(values: Values, request: HttpRequest) -> None:
        reply = response.Reply(values["message"], values["channel"], values["sent_at"])
        response.respond(case.pk, reply, by=person(request), at=timezone.now())

    return Dialog(_("Respond to the buyer"), fields, run, _words_of_buyer(case), _("Response recorded."),
                  templates_for(case, user))  # fmt: skip


def _words_of_buyer(case: Case) -> list[str]:
    return [line for line in (case.reason, case.description) if line]


def _ask(case: Case, code: str) -> Dialog:
    kind = kinds.KINDS[code]
    fields: dict[str, forms.Field] = {"note": make.words(_("note"), required=False, long=True)}
    if kind.also_to:
        roles = [(role, Role(role).label) for role in (kind.to_role, *kind.also_to)]
        fields["to_role"] = make.choice(_("to"), roles)
    if code in ("check_shipped", "stop_parcel", "receive_return"):
        fields["difficult"] = make.yes_no(_("difficult"), _("Lengthens the deadline to 2 hours; say why."))
        fields["difficult_reason"] = make.words(_("why difficult"), required=False)

    def run(values: Values, request: HttpRequest) -> None:
        question = handoff.Question(code, values["note"], difficult=bool(values.get("difficult")),
                                    difficult_reason=values.get("difficult_reason", ""),
                                    to_role=values.get("to_role", ""))  # fmt: skip
        asked = handoff.ask(case.pk, question, by=person(request), at=timezone.now())
        if handoff.beyond_marketplace(case, asked):
            messages.warning(request, _("Mind: the answer is due after the marketplace's own deadline."))

    return Dialog(str(kind.question), fields, run, _who(case, kind), _("Question sent."), [])


def _who(case: Case, kind: kinds.Kind) -> list[str]:
    """Who will get the question, and whether they are on duty and online."""
    now = timezone.now()
    parcel = handoff.parcel_of(case, kind) if kind.about_parcel else None
    reached = handoff.route(case, kind.to_role, parcel=parcel, at=now)
    lines = [_("Parcel: %(parcel)s") % {"parcel": parcel}] if parcel else []
    if reached.user is None:
        return [*lines, _("Goes to the open queue of the role: no contact is on duty or set up.")]
    online = _("online") if duty.is_online(reached.user, now) else _("not seen in the last minutes")
    return [*lines, _("Goes to %(name)s (%(online)s).") % {"name": reached.user, "online": online}]


def _decide(case: Case, code: str, user: User) -> Dialog:
    fields: dict[str, forms.Field] = {}
    if code in Decision.MONEY:
        initial = case.amount if code == Decision.Kind.FULL_REFUND and case.amount else None
        fields["amount"] = make.amount(_("amount (yuan)"), initial=initial)
    fields["reason"] = make.words(_("reason"), long=True, help_text=_("Sent to the buyer when refusing: 2 to 200 characters.")
                                  if code == "refuse" else "")  # fmt: skip
    if code == "refuse":
        fields["files"] = make.photos(_("Tmall wants a proof image of at most 130,000 bytes."))

    def run(values: Values, request: HttpRequest) -> None:
        by, at = person(request), timezone.now()
        proofs = tuple(evidence.upload(file, by=by, at=at).pk for file in values.get("files") or ())
        proposal = Proposal(code, values["reason"], values.get("amount"), attachments=proofs)
        made = decision.propose(case.pk, proposal, by=by, at=at)
        if made.status == Decision.Status.PROPOSED:
            messages.info(request, _("Above your limit: a supervisor was asked."))

    return Dialog(Decision.Kind(code).label, fields, run, _limits(case, code, user), _("Decision recorded."), [])


def _limits(case: Case, code: str, user: User) -> list[str]:
    if code not in Decision.MONEY:
        return _words_of_buyer(case)
    top = limits.ceiling(user, shop_id=case.shop_id, kind=code)
    return [
        _("Applied for: ¥%(amount)s") % {"amount": case.amount},
        _("Your limit: %(limit)s") % {"limit": _("no limit") if top is None else f"¥{top}"},
        _("Granted before on this order: ¥%(amount)s") % {"amount": grant.granted_before(case)},
    ]


def _act(case: Case, code: str, user: User) -> Dialog:
    act = acts.ACTS[code]
    prepared = filled(case, act.template, user) if act.template else ""

    def run(values: Values, request: HttpRequest) -> None:
        acts.perform(case.pk, code, values, by=person(request), at=timezone.now())

    facts = _due_decisions(case) if code == "carry_out" else []
    templates = templates_for(case, user) if act.template else []
    return Dialog(act.label, make.of_act(act, prepared), run, facts, _("Recorded."), templates)


def _due_decisions(case: Case) -> list[str]:
    rows = case.decisions.filter(status=Decision.Status.APPROVED)
    return [f"{row.get_kind_display()} {'¥' + str(row.amount) if row.amount is not None else ''}" for row in rows]


@page("POST")
def verb(request: HttpRequest, case_id: int, code: str) -> HttpResponse:
    """Verbs without a form: claim, put back, reveal, take back."""
    case, by, at = seen_case(request, case_id), person(request), timezone.now()
    try:
        done = _verbs(case, code, request, by, at)
    except (Invalid, Stale) as error:
        messages.error(request, str(error))
    else:
        messages.success(request, done)
    return redirect("admin:handoffs_case_change", case_id)


def _verbs(case: Case, code: str, request: HttpRequest, by: User, at: Any) -> str:
    if code == "claim":
        owner.claim(case.pk, by=by, at=at)
        return _("The case is yours.")
    if code == "put_back":
        owner.put_back(case.pk, by=by, at=at)
        return _("Put back into the open queue.")
    if code == "assign":
        to = User.objects.filter(pk=request.POST.get("user") or 0).first()
        if to is None:
            raise Invalid(_("Choose a person."), field="user")
        owner.assign(case.pk, to=to, by=by, at=at)
        return _("Passed on.")
    if code == "reveal":
        seen = buyer.reveal(case.pk, by=by, at=at)
        return " · ".join(part for part in (seen.nick, seen.name, seen.phone, seen.address) if part) or _(
            "Nothing is known."
        )
    if code == "withdraw_decision":
        decision.withdraw(int(request.POST.get("decision") or 0), by=by, at=at)
        return _("Decision withdrawn.")
    raise Http404


PAGES = (
    ("cases/<int:case_id>/do/<slug:code>/", dialog, "handoffs_dialog"),
    ("cases/<int:case_id>/verb/<slug:code>/", verb, "handoffs_verb"),
)
