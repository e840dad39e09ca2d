"""What the flow says when it declines. Doors turn it into a 400, 403, 404 or 409, or into a message on the screen."""

from typing import Any


class FlowError(Exception):
    """Declined, with a code for programs, a sentence for people and the field it concerns."""

    status = 400

    def __init__(self, message: Any, *, code: str = "", field: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.code = code or self.default_code
        self.field = field

    default_code = "invalid"

    def __str__(self) -> str:
        return str(self.message)


class Invalid(FlowError):
    """The input is not acceptable; the sentence says what would be."""


class NotAllowed(FlowError):
    """The person may see this but not do that."""

    status = 403
    default_code = "not_allowed"


class NotYours(FlowError):
    """The person may not even see it; for them it does not exist."""

    status = 404
    default_code = "not_found"


class Stale(FlowError):
    """Somebody else, or the same person, settled it meanwhile. The sentence gives the new state."""

    status = 409
    default_code = "changed_meanwhile"
