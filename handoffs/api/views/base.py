"""What every view of the API does: know the person, speak their language, find what they may see, answer in JSON."""

from collections.abc import Callable
from datetime import datetime
from typing import Any, NoReturn

from django.http import HttpRequest, HttpResponseBase
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.duty import note_seen
from accounts.models import User
from handoffs import permissions
from handoffs.api import reading
from handoffs.api.asked import Asked
from handoffs.api.parsers import ExactJSONParser
from handoffs.api.shown.case import CaseOut
from handoffs.api.shown.handoff import DecisionOut, HandoffOut
from handoffs.api.shown.people import shown
from handoffs.exact import whole
from handoffs.flow.errors import Invalid, NotAllowed, NotYours
from handoffs.models import Case, Decision, Handoff


class ComplaintOut(serializers.Serializer[Any]):
    code = serializers.CharField()
    message = serializers.CharField()
    field = serializers.CharField(allow_null=True)


class ErrorOut(ComplaintOut):
    """An error: a code for programs, a sentence for people, the field it concerns."""

    errors = ComplaintOut(  # type: ignore[assignment]
        many=True, required=False, help_text="Every complaint, where there are several."
    )


ERRORS = {400: "bad input", 401: "no token", 403: "not allowed", 404: "not yours to see", 409: "changed meanwhile",
          429: "too many calls"}  # fmt: skip


def described(operation: str, *, gives: Any, takes: Any = None, status: int = 200, **more: Any) -> Callable[..., Any]:
    """The entry of one method in the schema, its errors included."""
    good = gives if isinstance(gives, dict) else {status: gives}
    responses = {**good, **dict.fromkeys(ERRORS, ErrorOut)}
    return extend_schema(operation_id=operation, request=takes, responses=responses, **more)


class DeskView(APIView):
    """A door to the flow. Nothing is decided here; what the flow declines goes out as its error."""

    parser_classes = (ExactJSONParser,)

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        with timezone.override(timezone.get_current_timezone()), translation.override(translation.get_language()):
            return super().dispatch(request, *args, **kwargs)

    def perform_authentication(self, request: Request) -> None:
        """Answer in the person's language and zone, by whichever way they came in."""
        super().perform_authentication(request)
        if isinstance(request.user, User):
            translation.activate(request.user.language)
            timezone.activate(request.user.zone)
            note_seen(request.user, at=timezone.now())

    @property
    def me(self) -> User:
        user = self.request.user
        assert isinstance(user, User)  # noqa: S101 -- authentication ran before any method
        return user

    @property
    def now(self) -> datetime:
        return timezone.now()

    def body(self, kind: type[Asked]) -> dict[str, Any]:
        """The checked body, without the fields that were not given."""
        asked = kind(data=self.request.data)
        asked.is_valid(raise_exception=True)
        return dict(asked.validated_data)

    def query(self, kind: type[serializers.Serializer[Any]]) -> dict[str, Any]:
        asked = kind(data=self.request.query_params)
        asked.is_valid(raise_exception=True)
        return dict(asked.validated_data)

    def case(self, pk: int) -> Case:
        """The case, if the person may see it; the flow looks again under the lock."""
        found = permissions.visible_cases(self.me).select_related("shop").filter(pk=pk).first()
        return found or missing(_("There is no such case."))

    def handoff(self, pk: int) -> Handoff:
        rows = permissions.visible_handoffs(self.me).select_related("case", "parcel")
        return rows.filter(pk=pk).first() or missing(_("There is no such handoff."))

    def decision(self, pk: int) -> Decision:
        found = Decision.objects.select_related("case").filter(pk=pk).first()
        if found is None or not permissions.can_see(self.me, found.case):
            missing(_("There is no such decision."))
        if not permissions.sees_amounts(self.me, found.case):
            missing(_("There is no such decision."))
        return found

    def must(self, verb: str, case: Case) -> None:
        """Say “not allowed” before looking at the body: who may not do a thing need not know what it takes."""
        if not permissions.may(self.me, verb, shop_id=case.shop_id):
            not_allowed()

    def colleague(self, text: str) -> User:
        """Somebody of the own shops, by id or email."""
        shared = User.objects.filter(is_active=True, memberships__shop__in=self.me.shops_as()).distinct()
        by_id = whole(text)
        found = shared.filter(pk=by_id) if by_id else shared.filter(email__iexact=text)
        return found.first() or _nobody()

    def show_case(self, pk: int) -> Response:
        case = reading.cases(self.me).filter(pk=pk).first() or missing(_("There is no such case."))
        return Response(shown(CaseOut, case, user=self.me))

    def show_handoff(self, pk: int, *, status: int = 200) -> Response:
        found = reading.handoffs(self.me).filter(pk=pk).first() or missing(_("There is no such handoff."))
        return Response(shown(HandoffOut, found, user=self.me), status=status)

    def show_decision(self, pk: int, *, status: int = 200) -> Response:
        return Response(shown(DecisionOut, reading.decisions().get(pk=pk), user=self.me), status=status)


def missing(message: str) -> NoReturn:
    raise NotYours(message)


def not_allowed() -> NoReturn:
    raise NotAllowed(_("Your role does not do this."))


def _nobody() -> NoReturn:
    raise Invalid(_("There is no such colleague."), field="user")


class NoSuchPage(DeskView):
    """An address the API does not have answers as the API does, not as a web page."""

    schema = None

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        missing(_("There is no such page."))
