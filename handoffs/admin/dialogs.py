"""The verbs of a case, each a form of its own: opening one changes nothing, sending it calls the flow."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import duty
from accounts.models import User
from accounts.models.people import Role
from handoffs import notices, permissions, writing
from handoffs.admin import at_the_marketplace, deciding, shown
from handoffs.admin import forms as make
from handoffs.admin.page import draw, page, person, seen_case
from handoffs.admin.replies import filled, first_of, templates_for
from handoffs.admin.uploads import Sent, sent
from handoffs.flow import acts, handoff, kinds, response
from handoffs.flow.clock import ours_to_act
from handoffs.flow.errors import Invalid, NotAllowed, Stale
from handoffs.models import Case, Decision

DIFFICULT = ("check_shipped", "stop_parcel", "receive_return")


@dataclass(frozen=True)
class Dialog:
    """A form and what it does. `facts` are lines shown above the fields, `warning` one that stands out."""

    title: Any
    fields: dict[str, forms.Field]
    run: Callable[[Sent], Any]
    facts: list[str]
    done: Any
    templates: list[dict[str, str]] = field(default_factory=list)
    template: str = ""
    warning: str = ""


@page("GET", "POST")
def dialog(request: HttpRequest, case_id: int, code: str) -> HttpResponse:
    """Show the form of a verb, or carry it out. What the flow declines is said at the field, the input kept."""
    case = seen_case(request, case_id)
    made = _dialog(case, code, person(request))
    form = make.form_of(made.fields, *((request.POST, request.FILES) if request.method == "POST" else ()))
    status, given = (400 if request.method == "POST" else 200), sent(request)
    if request.method == "POST" and form.is_valid():
        given.values = dict(form.cleaned_data)
        try:
            made.run(given)
        except (Invalid, Stale) as error:
            form.add_error(*shown.field_errors(error, form.fields))
            status = error.status
        else:
            messages.success(request, made.done)
            return redirect("admin:handoffs_case_change", case_id)
    context = {"case": case, "form": form, "dialog": made, "code": code, "kept": given.proofs,
               "chosen": request.POST.get("template", ""),
               "first": first_of(made.templates, case, made.template)}  # fmt: skip
    return draw(request, "handoffs/dialog.html", title=made.title, status=status, **context)


def _dialog(case: Case, code: str, user: User) -> Dialog:
    """The dialog of a code, if the person's role has it. Raises Http404 for a code that is none."""
    if code == "respond":
        _need(user, "respond", case)
        return _respond(case, user)
    if code in kinds.KINDS and code not in kinds.APPROVALS:
        if not permissions.may_open_handoff(user, case, from_roles=kinds.KINDS[code].from_roles):
            raise NotAllowed(_("Your role does not ask this question."))
        return _ask(case, kinds.KINDS[code])
    if code in Decision.Kind.values:
        _need(user, "propose", case)
        label = Decision.Kind(code).label
        fields, facts = deciding.fields_of(case, code), deciding.facts_of(case, code, user)
        facts = [*facts, *at_the_marketplace.not_allowed(case)]
        return Dialog(label, fields, lambda given: deciding.propose(case, code, given), facts, _("Decision recorded."))
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
        "channel": make.choice(_("sent by"), _channels(case)),
        "sent_at": make.moment(_("sent at"), required=False, help_text=_("Empty: now.")),
    }  # fmt: skip

    def run(given: Sent) -> None:
        template = given.request.POST.get("template", "")[:40]
        if given.values["channel"] == at_the_marketplace.GATEWAY:
            at_the_marketplace.send_message(case, given, template)
            return
        reply = response.Reply(given.values["message"], given.values["channel"], given.values["sent_at"], template)
        response.respond(case.pk, reply, by=given.by, at=given.at)

    said = [line for line in (case.reason, case.description) if line]
    return Dialog(_("Respond to the buyer"), fields, run, said, _("Response recorded."), templates_for(case, user))


def _channels(case: Case) -> make.Choices:
    """How it was sent by hand; and first, where the shop can, that the desk sends it."""
    by_hand = [("chat", _("chat (旺旺 / 咚咚)")), ("message", _("marketplace message")), ("phone", _("phone"))]
    if not writing.can_write(case.shop):
        return by_hand
    return [(at_the_marketplace.GATEWAY, _("send it through the marketplace now")), *by_hand]


def _ask(case: Case, kind: kinds.Kind) -> Dialog:
    fields: dict[str, forms.Field] = {"note": make.words(_("note"), required=False, long=True)}
    if kind.also_to:
        roles = [(role, Role(role).label) for role in (kind.to_role, *kind.also_to)]
        fields["to_role"] = make.choice(_("to"), roles)
    if kind.code in DIFFICULT:
        fields["difficult"] = make.yes_no(_("difficult"), _("Lengthens the deadline to 2 hours; say why."))
        fields["difficult_reason"] = make.words(_("why difficult"), required=False)

    def run(given: Sent) -> None:
        question = handoff.Question(kind.code, given.values["note"], difficult=bool(given.values.get("difficult")),
                                    difficult_reason=given.values.get("difficult_reason", ""),
                                    to_role=given.values.get("to_role", ""))  # fmt: skip
        asked = handoff.ask(case.pk, question, by=given.by, at=given.at)
        if handoff.beyond_marketplace(case, asked):
            messages.warning(given.request, _("Mind: the answer is due after the marketplace's own deadline."))

    facts, warning = _before_asking(case, kind)
    return Dialog(str(kind.question), fields, run, facts, _("Question sent."), warning=warning)


def _before_asking(case: Case, kind: kinds.Kind) -> tuple[list[str], str]:
    """Who will get the question, whether they are online, when it will be due; and a warning where that is too late."""
    now = timezone.now()
    parcel = handoff.parcel_of(case, kind) if kind.about_parcel else None
    due = handoff.expected_due(case, kind, parcel=parcel, at=now)
    lines = [_("Parcel: %(parcel)s") % {"parcel": parcel}] if parcel else []
    lines.append(_who(case, kind, parcel))
    if due is not None:
        lines.append(_("The answer will be due at %(when)s.") % {"when": notices.when(due)})
    deadline = case.marketplace_deadline
    too_late = due is not None and deadline is not None and due > deadline and ours_to_act(case)
    return lines, _("Mind: the answer is due after the marketplace's own deadline.") if too_late else ""


def _who(case: Case, kind: kinds.Kind, parcel: Any) -> str:
    now = timezone.now()
    reached = handoff.route(case, kind.to_role, parcel=parcel, at=now)
    if reached.user is None:
        return _("Goes to the open queue of the role: no contact is on duty or set up.")
    online = _("online") if duty.is_online(reached.user, now) else _("not seen in the last minutes")
    return _("Goes to %(name)s (%(online)s).") % {"name": reached.user, "online": online}


def _act(case: Case, code: str, user: User) -> Dialog:
    act = acts.ACTS[code]
    prepared = filled(case, act.template, user) if act.template else ""
    fields, facts = make.of_act(act, prepared), []
    if code == "carry_out":
        due = deciding.to_carry_out(case)
        facts = [label for _pk, label in due]
        if not deciding.pays_compensation(case):
            fields = {name: field for name, field in fields.items() if name not in ("small_payment", "payer")}
        fields = {"decision": make.choice(_("decision"), due)} | fields if len(due) > 1 else fields
        fields |= at_the_marketplace.refusal(case)
        facts += at_the_marketplace.not_allowed(case)
    elif code == "agree_return":
        fields |= at_the_marketplace.through(case)
        facts += at_the_marketplace.not_allowed(case)

    def run(given: Sent) -> None:
        if given.values.pop("through", "") == at_the_marketplace.GATEWAY:
            send = at_the_marketplace.send_return if code == "agree_return" else at_the_marketplace.send_refusal
            send(case, given)
            return
        acts.perform(case.pk, code, given.values, by=given.by, at=given.at)

    templates = templates_for(case, user) if act.template else []
    return Dialog(act.label, fields, run, facts, _("Recorded."), templates, act.template)


PAGES = (("cases/<int:case_id>/do/<slug:code>/", dialog, "handoffs_dialog"),)
