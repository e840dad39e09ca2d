"""Forms of the set-up that are opened from the first steps lead back to them."""

from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

ASKED = "then"
STEPS = "start"
# What a link from the steps carries, so that the form comes back.
BACK = urlencode({ASKED: STEPS})
FOUND = 302


def to_steps() -> HttpResponse:
    """To the steps, at the one that comes next."""
    return redirect(f"{reverse('admin:handoffs_first_run')}#next")


def onward(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    """After such a form is saved: back to the steps, unless the next form was asked for."""
    asked = request.GET.get(ASKED) == STEPS and response.status_code == FOUND
    goes_on = "_continue" in request.POST or "_addanother" in request.POST  # the address keeps what it carries
    return to_steps() if asked and not goes_on else response
