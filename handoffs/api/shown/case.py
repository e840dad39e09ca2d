"""The case as the API shows it. What the reader's role may not see is null or left out (domain.md section 6)."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from accounts.models import User
from accounts.models.people import Role
from handoffs import permissions
from handoffs.api.fields import Amount, Moment
from handoffs.api.shown.handoff import DecisionOut, HandoffOut, ParcelOut
from handoffs.api.shown.people import BUYER_KEYS, MONEY_KEYS, AttachmentOut, PersonOut, all_shown, shown, without
from handoffs.flow import next_step, path
from handoffs.flow.buyer import seen_by
from handoffs.flow.kinds import APPROVALS
from handoffs.flow.terms import why_due
from handoffs.models import Case, CaseLine, Clock, Pause, TimelineEntry
from handoffs.models.clock import ClockKind


class BuyerOut(serializers.Serializer[Any]):
    """The buyer's data: masked in a case, in full only where it was asked for and noted."""

    nick = serializers.CharField()
    name = serializers.CharField()
    phone = serializers.CharField()
    address = serializers.CharField()


class PauseOut(serializers.Serializer[Pause]):
    started_at = Moment()
    ended_at = Moment(allow_null=True)
    reason = serializers.CharField()


class ClockOut(serializers.Serializer[Clock]):
    """An obligation with its deadline; `why` says in sentences why it is due then."""

    kind = serializers.ChoiceField(ClockKind.choices)
    owner_role = serializers.ChoiceField(Role.choices)
    handoff = serializers.IntegerField(source="handoff_id", allow_null=True)
    version = serializers.IntegerField()
    started_at = Moment()
    due_at = Moment(allow_null=True, help_text="null while paused.")
    ended_at = Moment(allow_null=True)
    state = serializers.ChoiceField(Clock.State.choices)
    cause = serializers.CharField()
    pauses = PauseOut(many=True)
    why = serializers.SerializerMethodField()

    def get_why(self, clock: Clock) -> list[str]:
        return why_due(clock, clock.pauses.all(), days=self.context["days"])


class EntryOut(serializers.Serializer[TimelineEntry]):
    """One event. `by` null: the desk itself."""

    at = Moment()
    kind = serializers.CharField()
    by = PersonOut(allow_null=True)
    data = serializers.DictField()  # type: ignore[assignment]


class LineOut(serializers.Serializer[CaseLine]):
    """One article of a JD service."""

    sku = serializers.CharField()
    title = serializers.CharField()
    quantity = serializers.IntegerField(allow_null=True)
    amount = Amount(allow_null=True)


class ClaimOut(serializers.Serializer[Any]):
    """What is claimed from the carrier; its value is shown to logistics too."""

    id = serializers.IntegerField()
    parcel = ParcelOut()
    amount = Amount(allow_null=True)
    status = serializers.CharField()
    opened_at = Moment()


class StepOut(serializers.Serializer[next_step.Step]):
    """A button. `how`: respond, handoff, decision, act, or wait where nothing is to be done."""

    code = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]
    how = serializers.CharField()


class ContradictionOut(serializers.Serializer[Any]):
    code = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]


class CaseOut(serializers.Serializer[Case]):
    """One refund application and where the desk stands with it."""

    id = serializers.IntegerField()
    shop = serializers.CharField(source="shop.code")
    source_kind = serializers.ChoiceField(Case.Source.choices)
    refund_id = serializers.CharField()
    order_id = serializers.CharField()
    line_id = serializers.CharField()
    title = serializers.CharField()
    sku = serializers.CharField()
    quantity = serializers.IntegerField(allow_null=True)
    path = serializers.IntegerField(allow_null=True, help_text="1 to 4; null: a person decides.")
    path_rule = serializers.CharField()
    path_why = serializers.SerializerMethodField()
    contradiction = serializers.SerializerMethodField()
    status = serializers.ChoiceField(Case.Status.choices)
    goods = serializers.ChoiceField(Case.Goods.choices)
    money = serializers.ChoiceField(Case.Money.choices)
    owner = PersonOut(allow_null=True, help_text="null: the open queue.")
    marketplace_status = serializers.CharField()
    phase = serializers.ChoiceField(Case.Phase.choices)
    dispute_type = serializers.CharField()
    good_status = serializers.CharField()
    order_status = serializers.CharField()
    reason = serializers.CharField()
    description = serializers.CharField(allow_null=True)
    amount = Amount(allow_null=True, help_text="Applied for; yuan.")
    total_fee = Amount(allow_null=True)
    paid = Amount(allow_null=True)
    claims_compensation = serializers.BooleanField(allow_null=True)
    compensation_stands = serializers.BooleanField(allow_null=True)
    shown_publicly = serializers.BooleanField(
        allow_null=True, help_text="Whether buyers see the reason in the shop's record; null: the reason is not known."
    )
    applied_at = Moment()
    modified = Moment(allow_null=True)
    marketplace_deadline = Moment(allow_null=True, help_text="null: unknown.")
    ended_at = Moment(allow_null=True)
    due_at = Moment(allow_null=True, help_text="The earliest open deadline.")
    created_at = Moment()
    changed_at = Moment()
    version = serializers.IntegerField()
    buyer = serializers.SerializerMethodField()
    next_step = serializers.SerializerMethodField()
    steps = serializers.SerializerMethodField()
    clocks = ClockOut(many=True)
    handoffs = HandoffOut(many=True, source="shown_handoffs")
    decisions = serializers.SerializerMethodField()
    lines = LineOut(many=True)
    parcels = ParcelOut(many=True)
    claims = ClaimOut(many=True)
    attachments = AttachmentOut(many=True)
    timeline = serializers.SerializerMethodField()

    @property
    def reader(self) -> User:
        user: User = self.context["user"]
        return user

    def get_path_why(self, case: Case) -> str:
        return path.why(case)

    @extend_schema_field(ContradictionOut(allow_null=True))
    def get_contradiction(self, case: Case) -> dict[str, str] | None:
        label = path.CONTRADICTIONS.get(case.contradiction)
        return {"code": case.contradiction, "label": str(label)} if label else None

    @extend_schema_field(BuyerOut(allow_null=True))
    def get_buyer(self, case: Case) -> Any:
        buyer = seen_by(self.reader, case, source=getattr(case, "source", None))
        return shown(BuyerOut, buyer, user=self.reader) if buyer else None

    @extend_schema_field(StepOut)
    def get_next_step(self, case: Case) -> Any:
        return shown(StepOut, next_step.next_step(case), user=self.reader)

    @extend_schema_field(StepOut(many=True))
    def get_steps(self, case: Case) -> Any:
        return all_shown(StepOut, next_step.steps(case), user=self.reader)

    @extend_schema_field(DecisionOut(many=True))
    def get_decisions(self, case: Case) -> Any:
        rows = case.decisions.all() if permissions.sees_amounts(self.reader, case) else []
        return all_shown(DecisionOut, rows, user=self.reader)

    @extend_schema_field(EntryOut(many=True))
    def get_timeline(self, case: Case) -> Any:
        """As `permissions.visible_timeline`, over rows that were read for many cases at once."""
        amounts = permissions.sees_amounts(self.reader, case)
        buyer = permissions.sees_buyer(self.reader, case)
        rows = [
            entry
            for entry in case.timeline.all()
            if (amounts or not _about_money(entry)) and (buyer or entry.kind not in permissions.TO_THE_BUYER)
        ]
        entries = all_shown(EntryOut, rows, user=self.reader)
        hidden = (frozenset() if amounts else MONEY_KEYS) | (frozenset() if buyer else BUYER_KEYS)
        return [{**entry, "data": without(entry["data"], hidden)} for entry in entries] if hidden else entries

    def to_representation(self, instance: Case) -> dict[str, Any]:
        for handoff in instance.shown_handoffs:  # type: ignore[attr-defined]
            handoff.case = instance
        row = super().to_representation(instance)
        if not permissions.sees_amounts(self.reader, instance):
            row |= {"amount": None, "total_fee": None, "paid": None}
            row["lines"] = [{**line, "amount": None} for line in row["lines"]]
            if Role.LOGISTICS not in self.reader.roles_in(instance.shop_id):
                row["claims"] = [{**claim, "amount": None} for claim in row["claims"]]
        if not permissions.sees_buyer(self.reader, instance):
            row["description"] = None
        return row


def _about_money(entry: TimelineEntry) -> bool:
    """Amounts, and the decisions and approvals that are about amounts: their reasons may quote them."""
    return "amount" in entry.data or "decision" in entry.data or entry.data.get("kind") in APPROVALS
