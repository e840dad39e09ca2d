"""Refund applications pushed by a program: TOP refund objects, one or up to a thousand, each answered for by itself."""

from collections import defaultdict
from typing import Any

from django.utils.translation import gettext as _
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import Shop
from accounts.models.token import Scope
from handoffs import permissions
from handoffs.api.views.base import DeskView, described, not_allowed
from handoffs.flow import intake
from handoffs.flow.errors import Invalid
from handoffs.flow.intake import Origin, Outcome
from handoffs.intake import top
from handoffs.intake.rows import Reject, Row

MOST = 1000
APPLICATION = {
    "type": "object",
    "required": ["shop", "refund_id", "status", "refund_fee", "created"],
    "properties": {
        "shop": {"type": "string", "description": "The shop's code."},
        "refund_id": {"oneOf": [{"type": "string"}, {"type": "integer"}]},
    },
    "additionalProperties": True,
    "description": "The fields of TOP's refund object as they are, and the shop beside them.",
}
BODY = {"application/json": {"oneOf": [APPLICATION, {"type": "array", "maxItems": MOST, "items": APPLICATION}]}}
RESULTS = ("created", "updated", "unchanged", "rejected")


class PushedRow(serializers.Serializer[Any]):
    """What became of one application."""

    refund_id = serializers.CharField()
    result = serializers.ChoiceField(RESULTS)
    reason = serializers.CharField(help_text="Why it was rejected.")


class Pushed(serializers.Serializer[Any]):
    results = PushedRow(many=True)


class RefundApplications(DeskView):
    """Push applications. The same one again changes nothing; a rejected row stops no other."""

    scope = Scope.IMPORT

    @described("refund_applications_push", takes=BODY, gives=Pushed)
    def post(self, request: Request) -> Response:
        if not permissions.may(self.me, "import"):
            not_allowed()
        if not isinstance(request.data, list | dict):
            raise Invalid(_("Send one object, or a list of them."))
        pushed = request.data if isinstance(request.data, list) else [request.data]
        if len(pushed) > MOST:
            raise Invalid(_("At most %(most)d applications at once.") % {"most": MOST}, code="too_many")
        results = self.taken(pushed)
        return Response({"results": [_shown(outcome) for outcome in results]})

    def taken(self, pushed: list[Any]) -> list[Outcome]:
        """What became of each row, in the order of the request; the rows of a shop are taken together."""
        shops = self.shops()
        by_shop: dict[str, list[Row | Reject]] = defaultdict(list)
        outcomes: dict[int, Outcome] = {}
        for number, application in enumerate(pushed, start=1):
            application = _unwrapped(application)
            problem = _problem(application, shops)
            if problem:
                outcomes[number] = Outcome(number, _refund_id(application), "rejected", problem)
            else:
                by_shop[application["shop"]].append(_row(application, number))
        for code, rows in by_shop.items():
            at = self.now
            origin = Origin(as_of=at, name="api", key=f"api:{shops[code].pk}:{at.isoformat()}")
            taken = intake.take(rows, shop=shops[code], origin=origin, by=self.me, at=at)
            outcomes.update((outcome.number, outcome) for outcome in taken)
        return [outcomes[number] for number in sorted(outcomes)]

    def shops(self) -> dict[str, Shop]:
        """The shops the person may import for, by code."""
        mine = [shop_id for shop_id in self.me.shops_as() if permissions.may(self.me, "import", shop_id=shop_id)]
        return {shop.code: shop for shop in Shop.objects.filter(pk__in=mine)}


def _unwrapped(application: Any) -> Any:
    """A row of the push database holds the refund as text; the shop stands beside it."""
    if not isinstance(application, dict) or not isinstance(application.get("jdp_response"), str):
        return application
    found = top.refunds_in(application)
    return {**found[0], "shop": application.get("shop")} if found else application


def _problem(application: Any, shops: dict[str, Shop]) -> str:
    if not isinstance(application, dict):
        return _("This is not an object with the fields of a refund.")
    if any("\x00" in value for value in application.values() if isinstance(value, str)):
        return _("A text holds a character that is none (NUL).")
    if not application.get("shop"):
        return _("Name the shop by its code, as “shop”.")
    code = application["shop"]
    if not isinstance(code, str) or code not in shops:
        return _("There is no shop “%(code)s” you may import for.") % {"code": str(code)[:40]}
    return ""


def _row(application: dict[str, Any], number: int) -> Row | Reject:
    return top.row({name: value for name, value in application.items() if name != "shop"}, number)


def _refund_id(application: Any) -> str:
    value = application.get("refund_id") if isinstance(application, dict) else None
    return str(value)[:64].replace("\x00", "") if isinstance(value, str | int) else ""


def _shown(outcome: Outcome) -> dict[str, str]:
    return {"refund_id": outcome.refund_id, "result": outcome.result, "reason": str(outcome.reason)}
