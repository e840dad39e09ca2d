"""What each verb takes. Types and lengths are checked here; whether it makes sense is the flow's to say."""

from typing import Any

from rest_framework import serializers

from handoffs.api.fields import Amount, Details, Moment, Promise, Words, YesNo, YesOrReason
from handoffs.flow.acts import Act, Field

LONG = 2000


def optional(**kwargs: Any) -> dict[str, Any]:
    return {"required": False, "allow_null": True, **kwargs}


class Asked(serializers.Serializer[Any]):
    """A body. A field that is null counts as one that is not given."""

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, dict):
            data = {name: value for name, value in data.items() if value is not None}
        return super().to_internal_value(data)


class Nothing(Asked):
    """No fields."""


class ReplyIn(Asked):
    """What was said to the buyer. Without `channel` in the chat, without `sent_at` now."""

    message = Words(max_length=LONG)
    channel = serializers.ChoiceField(("message", "chat", "phone"), **optional())
    sent_at = Moment(**optional())
    template = Words(max_length=40, **optional(allow_blank=True))


class PersonIn(Asked):
    """To whom: `user` is a colleague's id or email."""

    user = serializers.CharField(max_length=254)

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, dict) and "user" not in data and "to" in data:
            data = {**data, "user": data["to"]}
        return super().to_internal_value(data)


class QuestionIn(Asked):
    """A question to a colleague. `difficult` is true (then the note says why) or the reason itself."""

    kind = Words(max_length=24)
    note = Words(max_length=LONG, **optional(allow_blank=True))
    amount = Amount(**optional())
    difficult = YesOrReason(**optional())
    to_role = Words(max_length=12, **optional())
    waybill = Words(max_length=64, **optional(help_text="Of one of the case's parcels."))
    parcel = serializers.IntegerField(min_value=1, max_value=2**63 - 1, **optional())
    line = Words(max_length=40, **optional(help_text="Merchant code of one line."))


class AnswerIn(Asked):
    """A structured answer; `handoffs/{id}/` lists the answers a question takes and what each needs."""

    answer = Words(max_length=40)
    note = Words(max_length=LONG, **optional(allow_blank=True))
    amount = Amount(**optional())
    waybill = Words(max_length=64, **optional(allow_blank=True))
    carrier = Words(max_length=80, **optional(allow_blank=True))
    by = Promise(**optional(help_text="The promised or expected day or time."))
    attachments = serializers.ListField(
        child=serializers.IntegerField(min_value=1, max_value=2**63 - 1), max_length=50, **optional()
    )
    data = Details(**optional())  # type: ignore[assignment]


class ReturnIn(Asked):
    """Why the question cannot be answered as it is."""

    reason = Words(max_length=LONG)


class WithdrawIn(Asked):
    reason = Words(max_length=200, **optional(allow_blank=True))


class SendAgainIn(Asked):
    """The mended question; without a note the old one stands."""

    note = Words(max_length=LONG, **optional(allow_blank=True))


class ProposalIn(Asked):
    """A decision. A full refund needs no amount: it is the amount applied for."""

    kind = Words(max_length=20)
    amount = Amount(**optional())
    reason = Words(max_length=LONG)
    reason_id = Words(max_length=40, **optional(allow_blank=True))
    attachments = serializers.ListField(
        child=serializers.IntegerField(min_value=1, max_value=2**63 - 1), max_length=50, **optional()
    )
    small_payment = YesNo(**optional())


class ApprovalIn(Asked):
    """Without an amount the whole is approved, with one that much."""

    amount = Amount(**optional())
    note = Words(max_length=LONG, **optional(allow_blank=True))


class ApprovalOfOneIn(ApprovalIn):
    """One of many."""

    id = serializers.IntegerField(min_value=1, max_value=2**63 - 1)


class ApprovalsIn(Asked):
    """Proposals to approve together."""

    decisions = ApprovalOfOneIn(many=True, min_length=1, max_length=500)


class RefusalIn(Asked):
    reason = Words(max_length=LONG)


class CarryOutIn(Asked):
    """What the seller back office gave for it."""

    reference = Words(max_length=120, **optional(allow_blank=True))
    small_payment = YesNo(**optional())
    payer = Words(max_length=12, **optional(allow_blank=True))


# Words of an act land in columns of these lengths.
LENGTHS = {"waybill": 64, "carrier": 80, "reference": 120}


def act_in(act: Act, data: Any) -> dict[str, Any]:
    """The checked fields of one act. What is missing is left for the flow to name."""
    fields = {field.name: _of_act(field) for field in act.fields}
    if act.code == "carry_out":
        fields["decision"] = serializers.IntegerField(min_value=1, max_value=2**63 - 1, **optional())
    body = type("ActIn", (Asked,), fields)(data=data)
    body.is_valid(raise_exception=True)
    return dict(body.validated_data)


def _of_act(field: Field) -> serializers.Field[Any, Any, Any, Any]:
    if field.type == "amount":
        return Amount(**optional())
    if field.type == "date":
        return Promise(**optional())
    if field.type == "yesno":
        return YesNo(**optional())
    if field.type == "choice":
        return serializers.ChoiceField([code for code, _label in field.choices], **optional())
    return Words(max_length=LENGTHS.get(field.name, LONG), **optional(allow_blank=True))
