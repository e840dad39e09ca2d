"""What a person proposes to do for the buyer."""

from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class Proposal:
    """What is proposed. `amount` in yuan; a full refund without one means the amount applied for."""

    kind: str
    reason: str
    amount: Decimal | None = None
    reason_id: str = ""
    attachments: tuple[int, ...] = ()
    small_payment: bool = False
    ask: bool = False  # a supervisor is asked even where the own limit would do
