"""Who I am to the desk, and the words I can send."""

from collections.abc import Iterable
from typing import Any

from django.db.models import Q
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import duty
from accounts.models import Shop, User
from accounts.models.people import Role
from handoffs.api.views.base import DeskView, described
from handoffs.flow import wording
from handoffs.flow.buyer import masked
from handoffs.models import Case, Parcel, ReplyTemplate


class PlaceOut(serializers.Serializer[Any]):
    """A role in a shop."""

    shop = serializers.CharField()
    role = serializers.ChoiceField(Role.choices)
    lead = serializers.BooleanField()


class MeOut(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    email = serializers.EmailField()
    name = serializers.CharField()
    language = serializers.CharField()
    time_zone = serializers.CharField()
    on_duty = serializers.BooleanField()
    roles = PlaceOut(many=True)


class Me(DeskView):
    """The person behind the token, with roles and shops."""

    @described("me", gives=MeOut)
    def get(self, _request: Request) -> Response:
        me = self.me
        codes = dict(Shop.objects.filter(pk__in=me.shops_as()).values_list("pk", "code"))
        places = [{"shop": codes[shop], "role": role, "lead": lead} for role, shop, lead in me.places]
        shown = {name: getattr(me, name) for name in ("id", "email", "name", "language", "time_zone")}
        places.sort(key=lambda place: (place["shop"], place["role"]))
        return Response({**shown, "on_duty": me.pk in duty.on_duty_ids(self.now), "roles": places})


class TemplateQuery(serializers.Serializer[Any]):
    """For which case."""

    case = serializers.IntegerField(min_value=1, max_value=2**63 - 1)
    language = serializers.CharField(max_length=10, required=False)


class TemplateOut(serializers.Serializer[Any]):
    """A text to the buyer, filled as far as the case goes; `missing` names the variables left to the agent."""

    code = serializers.CharField()
    language = serializers.CharField()
    title = serializers.CharField()
    text = serializers.CharField()
    missing = serializers.ListField(child=serializers.CharField())


class TemplateList(serializers.Serializer[Any]):
    results = TemplateOut(many=True)


class Templates(DeskView):
    """The reply templates for a case; the shop's own go before the ones for all shops."""

    @described("templates", gives=TemplateList, parameters=[TemplateQuery])
    def get(self, _request: Request) -> Response:
        asked = self.query(TemplateQuery)
        case = self.case(asked["case"])
        self.must("respond", case)
        values = values_for(case, agent=self.me)
        rows = ReplyTemplate.objects.filter(Q(shop=None) | Q(shop=case.shop_id))
        if "language" in asked:
            rows = rows.filter(language=asked["language"])
        return Response({"results": [_filled(row, values) for row in _particular(rows)]})


def _particular(rows: Iterable[ReplyTemplate]) -> list[ReplyTemplate]:
    """One row per code and language, the shop's own where it has one."""
    chosen: dict[tuple[str, str], ReplyTemplate] = {}
    for row in rows:
        key = (row.code, row.language)
        if key not in chosen or row.shop_id is not None:
            chosen[key] = row
    return [chosen[key] for key in sorted(chosen)]


def values_for(case: Case, *, agent: User) -> dict[str, str]:
    """What the case itself says, the buyer masked; coupon, date and the reason of a refusal are the agent's to give."""
    parcel = case.parcels.filter(leg=Parcel.Leg.OUTBOUND).select_related("carrier").order_by("pk").first()
    known = {
        "buyer": masked(case.buyer_nick),
        "order_id": case.order_id,
        "refund_id": case.refund_id,
        "amount": str(case.amount),
        "title": case.title,
        "shop": case.shop.name,
        "agent": agent.name,
        "waybill": parcel.waybill if parcel else "",
        "carrier": str(parcel.carrier or parcel.carrier_text) if parcel else "",
        "address": case.shop.return_address,
    }
    return {name: value for name, value in known.items() if value.strip()}


def _filled(row: ReplyTemplate, values: dict[str, str]) -> dict[str, Any]:
    names = wording.variables(row.body)
    missing = [name for name in names if name not in values]
    try:
        text = wording.fill(row.body, {**{name: f"{{{name}}}" for name in missing}, **values})
    except wording.CannotFill:
        text = row.body
    return {"code": row.code, "language": row.language, "title": row.title, "text": text, "missing": missing}
