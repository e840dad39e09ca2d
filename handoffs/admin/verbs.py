"""Verbs of a case that need no form of their own: take, pass on, put back, reveal the buyer, take a decision back."""

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import rates
from accounts.models import User
from handoffs.admin.case import case_page
from handoffs.admin.often import too_often
from handoffs.admin.page import number, page, person, seen_case
from handoffs.admin.uploads import Sent
from handoffs.flow import buyer, decision, owner
from handoffs.flow.errors import Invalid, Stale
from handoffs.models import Case


@page("POST")
def verb(request: HttpRequest, case_id: int, code: str) -> HttpResponse:
    """Do it and go back to the case. The buyer's data is drawn at once and stored nowhere."""
    case = seen_case(request, case_id)
    given = Sent({}, request, person(request), timezone.now())
    if code == "reveal":
        if left := rates.wait("reveal", given.by.pk, settings.REVEALS_PER_MINUTE):
            return too_often(
                request, left, _("You have looked at many buyers' data within a minute. Go on in a minute.")
            )
        return case_page(request, case_id, revealed=buyer.reveal(case.pk, by=given.by, at=given.at))
    if code not in VERBS:
        raise Http404
    try:
        messages.success(request, VERBS[code](case, given))
    except (Invalid, Stale) as error:
        messages.error(request, str(error))
    return redirect("admin:handoffs_case_change", case_id)


def _claim(case: Case, given: Sent) -> str:
    owner.claim(case.pk, by=given.by, at=given.at)
    return _("The case is yours.")


def _put_back(case: Case, given: Sent) -> str:
    owner.put_back(case.pk, by=given.by, at=given.at)
    return _("Put back into the open queue.")


def _assign(case: Case, given: Sent) -> str:
    to = User.objects.filter(pk=number(given.request, "user")).first()
    if to is None:
        raise Invalid(_("Choose a person."), field="user")
    owner.assign(case.pk, to=to, by=given.by, at=given.at)
    return _("Passed on.")


def _withdraw_decision(case: Case, given: Sent) -> str:
    decision.withdraw(number(given.request, "decision"), by=given.by, at=given.at)
    return _("Decision withdrawn.")


VERBS = {"claim": _claim, "put_back": _put_back, "assign": _assign, "withdraw_decision": _withdraw_decision}
PAGES = (("cases/<int:case_id>/verb/<slug:code>/", verb, "handoffs_verb"),)
