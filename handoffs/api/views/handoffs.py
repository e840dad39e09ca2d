"""Handoffs: the list, one question, and its life."""

from typing import Any

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models.people import Role
from handoffs import permissions
from handoffs.api import reading
from handoffs.api.asked import AnswerIn, Nothing, PersonIn, ReturnIn, SendAgainIn, WithdrawIn
from handoffs.api.pagination import PageIn, page
from handoffs.api.shown.handoff import HandoffOut
from handoffs.api.shown.people import all_shown, shown
from handoffs.api.views.base import DeskView, described, not_allowed
from handoffs.flow import answer, handoff
from handoffs.flow.answer import Given
from handoffs.flow.kinds import APPROVALS
from handoffs.models import Handoff
from handoffs.models.handoff import HandoffKind


class HandoffPage(serializers.Serializer[Any]):
    results = HandoffOut(many=True)
    next = serializers.URLField(allow_null=True)


class HandoffQuery(PageIn):
    """Which handoffs."""

    shop = serializers.CharField(max_length=40, required=False, help_text="Code.")
    case = serializers.IntegerField(min_value=1, max_value=2**63 - 1, required=False)
    kind = serializers.ChoiceField(HandoffKind.choices, required=False)
    to_role = serializers.ChoiceField(Role.choices, required=False)
    status = serializers.ChoiceField(Handoff.Status.choices, required=False)
    live = serializers.BooleanField(required=False, default=False, help_text="Open or claimed only.")


class Handoffs(DeskView):
    """The handoffs I may see, oldest first."""

    @described("handoffs_list", gives=HandoffPage, parameters=[HandoffQuery])
    def get(self, request: Request) -> Response:
        asked = self.query(HandoffQuery)
        columns = {"shop": "case__shop__code", "case": "case", "kind": "kind", "to_role": "to_role", "status": "status"}
        rows = reading.handoffs(self.me)
        rows = rows.filter(**{column: asked[name] for name, column in columns.items() if name in asked})
        if asked["live"]:
            rows = rows.filter(status__in=Handoff.LIVE)
        return page(request, rows, asked, lambda found: all_shown(HandoffOut, found, user=self.me), newest=False)


class OneHandoff(DeskView):
    """A question with the answers it takes."""

    @described("handoffs_read", gives=HandoffOut)
    def get(self, _request: Request, pk: int) -> Response:
        return self.show_handoff(pk)


class Answering(DeskView):
    """For whom the question was put to."""

    def mine(self, pk: int) -> None:
        asked = self.handoff(pk)
        if not permissions.may_answer(self.me, asked):
            not_allowed()
        if asked.kind in APPROVALS:
            self.must("approve", asked.case)


class Claim(Answering):
    """Take a question from the queue. Claiming is not needed in order to answer."""

    @described("handoffs_claim", takes=Nothing, gives=HandoffOut)
    def post(self, _request: Request, pk: int) -> Response:
        self.mine(pk)
        handoff.claim(pk, by=self.me, at=self.now)
        return self.show_handoff(pk)


class Answer(Answering):
    """Answer, for every case that joined the question."""

    @described("handoffs_answer", takes=AnswerIn, gives=HandoffOut)
    def post(self, _request: Request, pk: int) -> Response:
        self.mine(pk)
        answer.answer(pk, Given(**self.body(AnswerIn)), by=self.me, at=self.now)
        return self.show_handoff(pk)


class Return(Answering):
    """Send a question back that cannot be answered as it is."""

    @described("handoffs_return", takes=ReturnIn, gives=HandoffOut)
    def post(self, _request: Request, pk: int) -> Response:
        self.mine(pk)
        handoff.send_back(pk, reason=self.body(ReturnIn)["reason"], by=self.me, at=self.now)
        return self.show_handoff(pk)


class Reassign(DeskView):
    """Give a live question to another person of the asked role. The clock runs on."""

    @described("handoffs_reassign", takes=PersonIn, gives=HandoffOut)
    def post(self, _request: Request, pk: int) -> Response:
        asked = self.handoff(pk)
        if not (permissions.may_steer(self.me, asked) or permissions.may_answer(self.me, asked)):
            not_allowed()
        handoff.reassign(pk, to=self.colleague(self.body(PersonIn)["user"]), by=self.me, at=self.now)
        # Shown once more as it now stands, also to somebody whom it no longer reaches.
        given = reading.whole(Handoff.objects.filter(pk=pk)).get()
        return Response(shown(HandoffOut, given, user=self.me))


class OfTheAsker(DeskView):
    """For the asking side and the manager."""

    def mine(self, pk: int) -> Handoff:
        asked = self.handoff(pk)
        return asked if permissions.may_withdraw(self.me, asked) else not_allowed()


class Withdraw(OfTheAsker):
    """Take a question back; a decision that waited for it is withdrawn with it."""

    @described("handoffs_withdraw", takes=WithdrawIn, gives=HandoffOut)
    def post(self, _request: Request, pk: int) -> Response:
        self.mine(pk)
        handoff.withdraw(pk, reason=self.body(WithdrawIn).get("reason", ""), by=self.me, at=self.now)
        return self.show_handoff(pk)


class SendAgain(OfTheAsker):
    """Ask a returned question again: a new version with a new clock."""

    @described("handoffs_send_again", takes=SendAgainIn, gives=HandoffOut)
    def post(self, _request: Request, pk: int) -> Response:
        self.mine(pk)
        handoff.send_again(pk, note_text=self.body(SendAgainIn).get("note", ""), by=self.me, at=self.now)
        return self.show_handoff(pk)
