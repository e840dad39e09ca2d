"""The measures, as the reports page shows them."""

from datetime import timedelta
from typing import Any

from drf_spectacular.utils import OpenApiParameter
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import Shop
from accounts.models.people import Role
from handoffs import permissions, reports
from handoffs.api.views.base import DeskView, described, not_allowed
from handoffs.reports import Part, Share, Span

DAYS = (1, 7, 30)


class ReportQuery(serializers.Serializer[Any]):
    days = serializers.ChoiceField([(days, days) for days in DAYS], default=7)
    shop = serializers.CharField(default="", allow_blank=True, help_text="The shop's code; empty: all of one's own.")


class ShareOut(serializers.Serializer[Any]):
    met = serializers.IntegerField()
    total = serializers.IntegerField()
    percent = serializers.IntegerField(allow_null=True)


class PartOut(ShareOut):
    label = serializers.CharField()


class ReportOut(serializers.Serializer[Any]):
    """The measures of domain section 8 from `start` up to `end`; times in seconds."""

    start = serializers.DateTimeField()
    end = serializers.DateTimeField()
    first_response = ShareOut()
    bulk = serializers.IntegerField(help_text="Of the first responses in time, those sent to many alike.")
    completed = serializers.IntegerField()
    median = serializers.IntegerField(allow_null=True)
    p90 = serializers.IntegerField(allow_null=True)
    lanes = PartOut(many=True)
    carriers = PartOut(many=True)
    people = PartOut(many=True)


class Reports(DeskView):
    """First responses, completion, on-time shares, of the last days."""

    @described("reports", gives=ReportOut, parameters=[
        OpenApiParameter("days", int, enum=DAYS), OpenApiParameter("shop", str)])  # fmt: skip
    def get(self, _request: Request) -> Response:
        if not permissions.may(self.me, "see_board"):
            not_allowed()
        asked = self.query(ReportQuery)
        shops = Shop.objects.filter(pk__in=self.me.shops_as(Role.SUPERVISOR, Role.MANAGER))
        if code := asked["shop"]:
            shops = shops.filter(code=code)
        span = Span(self.now - timedelta(days=int(asked["days"])), self.now)
        found = reports.overview(list(shops.values_list("pk", flat=True)), span, zone=self.me.zone)
        took = found.completion
        return Response({
            "start": span.start, "end": span.end, "first_response": _share(found.first_response),
            "bulk": found.first_response.marked, "completed": took.count, "median": _seconds(took.median),
            "p90": _seconds(took.p90), "lanes": _parts(found.lanes), "carriers": _parts(found.carriers),
            "people": _parts(found.people),
        })  # fmt: skip


def _share(share: Share) -> dict[str, Any]:
    return {"met": share.met, "total": share.total, "percent": share.percent}


def _parts(parts: list[Part]) -> list[dict[str, Any]]:
    return [{"label": part.label, **_share(part.share)} for part in parts]


def _seconds(span: timedelta | None) -> int | None:
    return int(span.total_seconds()) if span else None
