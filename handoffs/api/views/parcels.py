"""Parcel events pushed by a program: an ERP, a WMS, a script. One row, one event, each answered for by itself."""

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
from handoffs.carriers import rows
from handoffs.carriers.base import State, Unreadable
from handoffs.flow import tracking
from handoffs.flow.errors import Invalid
from handoffs.models import ParcelEvent

MOST = 1000
EVENT = {
    "type": "object",
    "required": ["shop", "waybill", "at"],
    "properties": {
        "shop": {"type": "string", "description": "The shop's code."},
        "waybill": {"type": "string"},
        "carrier": {"type": "string"},
        "at": {"type": "string", "description": "A time without a zone is Beijing's."},
        "state": {"type": "string", "enum": [state.value for state in State]},
        "text": {"type": "string", "description": "The carrier's words. They tell the state where none is given."},
        "place": {"type": "string"},
        "leg": {"type": "string", "enum": ["outbound", "return"]},
        "order_id": {"type": "string", "description": "Links a parcel nobody knows yet to the cases of its order."},
        "kuaidi100": {"type": "object", "description": "A whole trace as Kuaidi100 gives it, instead of one event."},
        "kdniao": {"type": "object", "description": "A whole trace as Kdniao gives it, instead of one event."},
    },
}  # fmt: skip
BODY = {"application/json": {"oneOf": [EVENT, {"type": "array", "maxItems": MOST, "items": EVENT}]}}


class HeardRow(serializers.Serializer[Any]):
    """What became of one event."""

    waybill = serializers.CharField()
    result = serializers.ChoiceField(("created", "unchanged", "rejected"))
    reason = serializers.CharField(help_text="Why it was rejected.")


class HeardRows(serializers.Serializer[Any]):
    results = HeardRow(many=True)


class ParcelEvents(DeskView):
    """Push events. The same one again changes nothing; a rejected row stops no other."""

    scope = Scope.EVENTS

    @described("parcel_events_push", takes=BODY, gives=HeardRows)
    def post(self, request: Request) -> Response:
        if not permissions.may(self.me, "import"):
            not_allowed()
        if not isinstance(request.data, list | dict):
            raise Invalid(_("Send one object, or a list of them."))
        pushed = request.data if isinstance(request.data, list) else [request.data]
        if len(pushed) > MOST:
            raise Invalid(_("At most %(most)d events at once.") % {"most": MOST}, code="too_many")
        taken = self.taken(pushed)
        results = [{"waybill": row.waybill, "result": row.result, "reason": str(row.reason)} for row in taken]
        return Response({"results": results})

    def taken(self, pushed: list[Any]) -> list[tracking.Outcome]:
        shops = self.shops()
        by_shop: dict[str, list[tracking.Heard]] = defaultdict(list)
        outcomes: dict[int, tracking.Outcome] = {}
        for number, row in enumerate(pushed, start=1):
            try:
                code, read = _read(row, shops)
            except Unreadable as error:
                waybill = str(row.get("waybill") or "")[:64] if isinstance(row, dict) else ""
                outcomes[number] = tracking.Outcome(number, waybill, "rejected", error.message)
            else:
                by_shop[code].append(tracking.Heard(number, read.track, read.leg, read.order_id))
        for code, heard in by_shop.items():
            origin = tracking.Origin(ParcelEvent.Source.API, shops[code], self.me)
            outcomes.update((done.number, done) for done in tracking.take(heard, origin, at=self.now))
        return [outcomes[number] for number in sorted(outcomes)]

    def shops(self) -> dict[str, Shop]:
        mine = [shop_id for shop_id in self.me.shops_as() if permissions.may(self.me, "import", shop_id=shop_id)]
        return {shop.code: shop for shop in Shop.objects.filter(pk__in=mine)}


def _read(row: Any, shops: dict[str, Shop]) -> tuple[str, rows.RowRead]:
    """The shop's code and the event. Raises Unreadable, in words its sender can act on."""
    if not isinstance(row, dict):
        raise Unreadable(_("This is not an object with the fields of an event."))
    if "\x00" in repr(row) or "\\x00" in repr(row):
        raise Unreadable(_("A text holds a character that is none (NUL)."))
    code = row.get("shop")
    if not isinstance(code, str) or code not in shops:
        raise Unreadable(_("There is no shop “%(code)s” you may import for.") % {"code": str(code)[:40]})
    return code, rows.read({name: value for name, value in row.items() if name != "shop"})
