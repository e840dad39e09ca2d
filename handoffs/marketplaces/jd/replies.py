"""Reviewing an application to cancel an order (formats.md 2.1, replyRefund), checked before it is sent."""

from dataclasses import dataclass
from enum import IntEnum

from django.utils.translation import gettext as _

from handoffs.marketplaces.jd.wire import Params


class Review(IntEnum):
    """What the shop says."""

    AGREE = 1
    REFUSE = 2
    AGREE_AND_INTERCEPT = 6
    CLOSE_AND_REFUND = 9
    FOLLOW_UP = 10


class Reject(IntEnum):
    """Why it is refused."""

    ON_THE_WAY_MAY_BE_REFUSED = 1
    SIGNED_FOR = 2
    AT_CUSTOMS = 3
    BUYER_WILL_ACCEPT = 4
    OTHER = 5
    ON_THE_WAY = 6


@dataclass(frozen=True)
class Reply:
    """One review. `shipped`: whether the parcel has really left; None leaves it unsaid."""

    refund_id: str
    review: Review
    remark: str = ""
    reject: Reject | None = None
    shipped: bool | None = None

    def params(self, operator: str) -> Params:
        """What goes over the wire. Raises ValueError, in words for people, where JD would not take it."""
        if not (self.refund_id.isascii() and self.refund_id.isdigit()):
            raise ValueError(_("This is no application to cancel an order."))
        if not operator.strip():
            raise ValueError(_("JD wants the name of who reviews it: enter the operator in the shop's connection."))
        if self.review != Review.CLOSE_AND_REFUND and not self.remark.strip():
            raise ValueError(_("JD wants a remark."))
        if self.review == Review.REFUSE and self.reject is None:
            raise ValueError(_("JD wants to know why it is refused."))
        if self.review != Review.REFUSE and self.reject is not None:
            raise ValueError(_("A reason to refuse belongs to a refusal only."))
        return {
            "id": int(self.refund_id),
            "status": int(self.review),
            "checkUserName": operator.strip(),
            "remark": self.remark.strip() or None,
            "rejectType": None if self.reject is None else int(self.reject),
            "outWareStatus": None if self.shipped is None else 1 if self.shipped else 2,
        }
