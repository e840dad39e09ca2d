from handoffs.models.attachment import Attachment
from handoffs.models.batch import BatchRow, RefundBatch
from handoffs.models.case import Case, CaseLine, CaseSource, Fact
from handoffs.models.channel import Channel, ChannelPost
from handoffs.models.clock import Clock, Pause, Terms
from handoffs.models.connection import Connection
from handoffs.models.decision import Compensation, Decision, OrderLine, RefundOrder
from handoffs.models.finding import Finding
from handoffs.models.goods import CarrierClaim, Interception, Receipt
from handoffs.models.handoff import Handoff
from handoffs.models.imports import ImportRun, RejectedRow
from handoffs.models.market_call import MarketCall
from handoffs.models.outbox import OutboxMessage
from handoffs.models.parcel import CarrierAccount, Parcel, ParcelEvent, ParcelState
from handoffs.models.policy import Calendar, CalendarDay, CalendarWindow, ClockPolicy, PolicyStep, Reason, ReplyTemplate
from handoffs.models.response import Response
from handoffs.models.retention import Retention
from handoffs.models.tick import Tick
from handoffs.models.timeline import TimelineEntry
from handoffs.models.view import SavedView, StartView
from handoffs.models.warehouse_system import WarehouseOrder, WarehouseSystem

__all__ = [
    "Attachment",
    "BatchRow",
    "Calendar",
    "CalendarDay",
    "CalendarWindow",
    "CarrierAccount",
    "CarrierClaim",
    "Case",
    "CaseLine",
    "CaseSource",
    "Channel",
    "ChannelPost",
    "Clock",
    "ClockPolicy",
    "Compensation",
    "Connection",
    "Decision",
    "Fact",
    "Finding",
    "Handoff",
    "ImportRun",
    "Interception",
    "MarketCall",
    "OrderLine",
    "OutboxMessage",
    "Parcel",
    "ParcelEvent",
    "ParcelState",
    "Pause",
    "PolicyStep",
    "Reason",
    "Receipt",
    "RefundBatch",
    "RefundOrder",
    "RejectedRow",
    "ReplyTemplate",
    "Response",
    "Retention",
    "SavedView",
    "StartView",
    "Terms",
    "Tick",
    "TimelineEntry",
    "WarehouseOrder",
    "WarehouseSystem",
]
