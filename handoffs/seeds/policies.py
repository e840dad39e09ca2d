"""The deadlines and steps the desk starts with (domain.md sections 3 and 4); a manager edits the rows made of them."""

from handoffs.models.clock import ClockKind
from handoffs.models.handoff import HandoffKind as K

CLOCK_MINUTES: dict[str, int] = {
    ClockKind.FIRST_RESPONSE: 30,
    ClockKind.DECIDE: 30,
    ClockKind.CARRY_OUT: 30,
    ClockKind.RETURN_NUMBER: 12 * 60,
    ClockKind.RETURN_PROMISED: 5 * 24 * 60,
    ClockKind.PARCEL_SILENCE: 5 * 24 * 60,
    ClockKind.CLAIM: 7 * 24 * 60,
    ClockKind.BUYER_EDIT: 24 * 60,
    ClockKind.TRANSPORT: 24 * 60,
    ClockKind.MARKETPLACE: 48 * 60,
}
# kind: (minutes, when difficult, when external)
HANDOFF_MINUTES: dict[str, tuple[int, int | None, int | None]] = {
    K.TRACE_DELIVERY: (120, None, None),
    K.TRACE_RETURN: (120, None, None),
    K.CHECK_NOT_RECEIVED: (120, None, None),
    K.RECALL_PARCEL: (120, None, None),
    K.APPROVE_REFUND: (720, None, None),
    K.APPROVE_COMPENSATION: (240, None, None),
    K.SPECIAL_REQUEST: (240, None, None),
    K.CHECK_SHIPPED: (30, 120, None),
    K.STOP_PARCEL: (30, 120, None),
    K.RECEIVE_RETURN: (30, 120, None),
    K.RECHECK_WEIGHT: (120, None, None),
    K.INSPECT_RETURN: (720, None, 2880),
    K.ASK_QUALITY: (120, None, None),
    K.FOLLOW_UP_PARCEL: (120, None, None),
    K.INSPECT_AT_DOOR: (120, None, None),
    K.ISSUE_CERTIFICATE: (120, None, None),
}
DEFAULT_STEPS = (
    {"act": "remind", "percent": 50, "to": "holder"},
    {"act": "remind", "percent": 80, "to": "holder"},
    {"act": "late", "percent": 100, "to": "asker_and_lead"},
    {"act": "escalate", "percent": 150, "to": "manager"},
)
