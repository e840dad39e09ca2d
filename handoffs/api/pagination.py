"""Pages by key: as quick on the last page as on the first, and no count of all."""

from collections.abc import Callable
from typing import Any

from django.db.models import QuerySet
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import replace_query_param

DEFAULT, MOST = 50, 200


class PageIn(serializers.Serializer[Any]):
    """Where to go on and how much to give."""

    cursor = serializers.IntegerField(min_value=0, max_value=2**63 - 1, required=False, help_text="As `next` has it.")
    limit = serializers.IntegerField(min_value=1, max_value=MOST, default=DEFAULT)


def page(
    request: Request, rows: "QuerySet[Any]", asked: dict[str, Any], show: Callable[[list[Any]], Any], *, newest: bool
) -> Response:
    """One page in the order of arrival, newest or oldest first; `next` is the address of the one after it, or null."""
    limit, cursor = asked["limit"], asked.get("cursor")
    if cursor is not None:
        rows = rows.filter(pk__lt=cursor) if newest else rows.filter(pk__gt=cursor)
    found = list(rows.order_by("-pk" if newest else "pk")[: limit + 1])
    shown, more = found[:limit], len(found) > limit
    here = request.build_absolute_uri()
    following = replace_query_param(here, "cursor", str(shown[-1].pk)) if more else None
    return Response({"results": show(shown), "next": following})
