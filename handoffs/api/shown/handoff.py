"""A handoff and a decision as the API shows them. What the reader may not see is null."""

from typing import Any

from rest_framework import serializers

from accounts.models import User
from accounts.models.people import Role
from handoffs import permissions
from handoffs.api.fields import Amount, Moment
from handoffs.api.shown.people import MONEY_KEYS, AttachmentOut, PersonOut, without
from handoffs.flow.kinds import KINDS
from handoffs.models import Decision, Handoff, Parcel
from handoffs.models.handoff import HandoffKind


class ParcelOut(serializers.Serializer[Parcel]):
    """A waybill of the case."""

    id = serializers.IntegerField()
    leg = serializers.ChoiceField(Parcel.Leg.choices)
    waybill = serializers.CharField()
    carrier = serializers.SerializerMethodField()

    def get_carrier(self, parcel: Parcel) -> str:
        return str(parcel.carrier) if parcel.carrier else parcel.carrier_text


class AnswerOffered(serializers.Serializer[Any]):
    """One of the answers a question takes, and what it must bring."""

    code = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]
    needs = serializers.ListField(child=serializers.CharField())


class HandoffOut(serializers.Serializer[Handoff]):
    """One question to one colleague, with its deadline and its structured answer."""

    id = serializers.IntegerField()
    case = serializers.IntegerField(source="case_id")
    shop = serializers.CharField(source="case.shop.code")
    refund_id = serializers.CharField(source="case.refund_id")
    order_id = serializers.CharField(source="case.order_id")
    title = serializers.CharField(source="case.title")
    kind = serializers.ChoiceField(HandoffKind.choices)
    question = serializers.SerializerMethodField()
    answers = serializers.SerializerMethodField()
    from_role = serializers.ChoiceField(Role.choices)
    to_role = serializers.ChoiceField(Role.choices)
    asker = PersonOut(allow_null=True, help_text="null: the desk itself asked.")
    assignee = PersonOut(allow_null=True, help_text="null: the role's open queue.")
    reached = serializers.CharField()
    status = serializers.ChoiceField(Handoff.Status.choices)
    parcel = ParcelOut(allow_null=True)
    joined = serializers.IntegerField(source="joined_id", allow_null=True)
    note = serializers.CharField()
    amount = Amount(allow_null=True)
    difficult = serializers.BooleanField()
    difficult_reason = serializers.CharField()
    version = serializers.IntegerField()
    created_at = Moment()
    due_at = Moment(allow_null=True)
    answer = serializers.CharField(allow_null=True)
    answer_note = serializers.CharField()
    data = serializers.DictField()  # type: ignore[assignment]
    answered_by = PersonOut(allow_null=True)
    answered_at = Moment(allow_null=True)
    decision = serializers.SerializerMethodField()
    attachments = AttachmentOut(many=True)

    def get_question(self, handoff: Handoff) -> str:
        return str(KINDS[handoff.kind].asks(handoff.to_role))

    def get_answers(self, handoff: Handoff) -> list[dict[str, Any]]:
        return [
            {"code": answer.code, "label": str(answer.label), "needs": [need.value for need in answer.needs]}
            for answer in KINDS[handoff.kind].offered(handoff.to_role)
        ]

    def get_decision(self, handoff: Handoff) -> int | None:
        """The decision that waits for this answer."""
        found: Decision | None = getattr(handoff, "decision", None)
        return found.pk if found else None

    def to_representation(self, instance: Handoff) -> dict[str, Any]:
        shown = super().to_representation(instance)
        shown["answer"] = shown["answer"] or None
        user: User = self.context["user"]
        if not permissions.sees_amounts(user, instance.case):
            shown |= {"amount": None, "decision": None, "data": without(shown["data"], MONEY_KEYS)}
        return shown


class DecisionOut(serializers.Serializer[Decision]):
    """What is to be done for the buyer, who proposed it and who approved it. Shown to those who see amounts."""

    id = serializers.IntegerField()
    case = serializers.IntegerField(source="case_id")
    kind = serializers.ChoiceField(Decision.Kind.choices)
    amount = Amount(allow_null=True)
    asked_amount = Amount(allow_null=True)
    granted_before = Amount(help_text="Granted before on the same order.")
    reason = serializers.CharField()
    reason_id = serializers.CharField()
    status = serializers.ChoiceField(Decision.Status.choices)
    offer = serializers.BooleanField(help_text="Waits for the buyer to enter this amount.")
    by = PersonOut()
    at = Moment()
    approved_by = PersonOut(
        allow_null=True, help_text="Also who refused it; null where the proposer's limit covers it."
    )
    settled_at = Moment(allow_null=True)
    note = serializers.CharField()
    handoff = serializers.IntegerField(source="handoff_id", allow_null=True)
