"""The playbook as a page: what to do on each path. New staff learn the job from it."""

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from handoffs.admin.page import draw, page
from handoffs.flow import kinds, next_step, playbook
from handoffs.models import ClockPolicy, PolicyStep
from handoffs.models.clock import ClockKind
from handoffs.models.handoff import HandoffKind


@page("GET")
def show(request: HttpRequest) -> HttpResponse:
    """Paths, events and questions, straight from the tables that drive the flow."""
    minutes = {row.handoff_kind: row for row in ClockPolicy.objects.filter(clock=ClockKind.HANDOFF, shop=None)}
    first = ClockPolicy.objects.filter(clock=ClockKind.FIRST_RESPONSE, shop=None).first()
    labels = dict(HandoffKind.choices)
    cards = [
        {
            "card": card,
            "plays": [
                {
                    "play": play,
                    "opens": [labels[kind] for kind in play.opens],
                    "steps": [next_step.step(code).label for code in play.steps],
                    "clock": dict(ClockKind.choices).get(play.clock, ""),
                }
                for play in playbook.PLAYS
                if play.path == card.path
            ],
        }
        for card in playbook.PATHS
    ]
    asked = [
        {"kind": kind, "label": labels[kind.code], "policy": minutes.get(kind.code)} for kind in kinds.KINDS.values()
    ]
    context = {"cards": cards, "asked": asked, "first": first, "steps": list(PolicyStep.objects.filter(clock=""))}
    return draw(request, "handoffs/playbook.html", title=_("Playbook"), **context)


PAGES = (("playbook/", show, "handoffs_playbook"),)
