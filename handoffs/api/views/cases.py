"""Cases: the list, one case, and the verbs of its owner and of whoever answers the buyer."""

from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext as _
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from handoffs.api import reading
from handoffs.api.asked import Nothing, PersonIn, ReplyIn
from handoffs.api.pagination import PageIn, page
from handoffs.api.shown.case import BuyerOut, CaseOut
from handoffs.api.shown.people import all_shown
from handoffs.api.throttles import PerCaller, Reveals
from handoffs.api.views.base import DeskView, described
from handoffs.exact import whole
from handoffs.flow import buyer, numbers, owner, response
from handoffs.flow.errors import Invalid
from handoffs.flow.response import Reply
from handoffs.models import Case

PATHS = ("1", "2", "3", "4", "none")


class CasePage(serializers.Serializer[Any]):
    results = CaseOut(many=True)
    next = serializers.URLField(allow_null=True)


class CaseQuery(PageIn):
    """Which cases. `q` finds a refund, order or waybill number exactly."""

    shop = serializers.CharField(max_length=40, required=False, help_text="Code.")
    refund_id = serializers.CharField(max_length=64, required=False)
    order_id = serializers.CharField(max_length=64, required=False)
    status = serializers.ChoiceField(Case.Status.choices, required=False)
    path = serializers.ChoiceField(PATHS, required=False, help_text="“none”: a person decides.")
    owner = serializers.CharField(max_length=20, required=False, help_text="“me”, “none” or the id of a colleague.")
    q = serializers.CharField(max_length=64, required=False)


class Cases(DeskView):
    """The cases I may see, newest first."""

    @described("cases_list", gives=CasePage, parameters=[CaseQuery])
    def get(self, request: Request) -> Response:
        asked = self.query(CaseQuery)
        rows = self.chosen(reading.cases(self.me), asked)
        return page(request, rows, asked, lambda found: all_shown(CaseOut, found, user=self.me), newest=True)

    def chosen(self, rows: "QuerySet[Case]", asked: dict[str, Any]) -> "QuerySet[Case]":
        plain = {"shop": "shop__code", "refund_id": "refund_id", "order_id": "order_id", "status": "status"}
        rows = rows.filter(**{column: asked[name] for name, column in plain.items() if name in asked})
        if "path" in asked:
            rows = rows.filter(path=None if asked["path"] == "none" else int(asked["path"]))
        if "owner" in asked:
            rows = rows.filter(owner=self.owner_of(asked["owner"]))
        if text := asked.get("q", "").strip():
            rows = rows.filter(pk__in=numbers.cases_with(text))
        return rows

    def owner_of(self, text: str) -> int | None:
        if text in ("me", "none"):
            return self.me.pk if text == "me" else None
        if owner := whole(text):
            return owner
        raise Invalid(_("Say “me”, “none” or the id of a colleague."), field="owner")


class OneCase(DeskView):
    """A case, whole."""

    @described("cases_read", gives=CaseOut)
    def get(self, _request: Request, pk: int) -> Response:
        return self.show_case(pk)


class Respond(DeskView):
    """Record a response to the buyer; it stops the first-response clock at `sent_at`."""

    @described("cases_respond", takes=ReplyIn, gives=CaseOut)
    def post(self, _request: Request, pk: int) -> Response:
        self.must("respond", self.case(pk))
        response.respond(pk, Reply(**self.body(ReplyIn)), by=self.me, at=self.now)
        return self.show_case(pk)


class Claim(DeskView):
    """Take a case that nobody has."""

    @described("cases_claim", takes=Nothing, gives=CaseOut)
    def post(self, _request: Request, pk: int) -> Response:
        self.must("own", self.case(pk))
        owner.claim(pk, by=self.me, at=self.now)
        return self.show_case(pk)


class Assign(DeskView):
    """Pass a case on to a colleague who may own cases in its shop."""

    @described("cases_assign", takes=PersonIn, gives=CaseOut)
    def post(self, _request: Request, pk: int) -> Response:
        self.must("own", self.case(pk))
        to = self.colleague(self.body(PersonIn)["user"])
        owner.assign(pk, to=to, by=self.me, at=self.now)
        return self.show_case(pk)


class PutBack(DeskView):
    """Return a case to the open queue."""

    @described("cases_put_back", takes=Nothing, gives=CaseOut)
    def post(self, _request: Request, pk: int) -> Response:
        self.must("own", self.case(pk))
        owner.put_back(pk, by=self.me, at=self.now)
        return self.show_case(pk)


class RevealBuyer(DeskView):
    """The buyer's data in full; who looked is noted in the timeline."""

    throttle_classes = (PerCaller, Reveals)

    @described("cases_reveal_buyer", takes=Nothing, gives=BuyerOut)
    def post(self, _request: Request, pk: int) -> Response:
        self.must("reveal_buyer", self.case(pk))
        return Response(BuyerOut(buyer.reveal(pk, by=self.me, at=self.now)).data)
