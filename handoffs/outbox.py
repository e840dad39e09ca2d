"""The only way a message leaves the desk: a row written in the same transaction as what it tells of."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, NamedTuple

from accounts.models import User
from handoffs.models import Case, OutboxMessage, bulk


class Message(NamedTuple):
    """A row of the outbox before it is stored; the names are its columns."""

    key: str
    kind: str
    to: int
    case: int | None
    data: dict[str, Any]
    created_at: datetime
    mail: str
    next_try_at: datetime | None
    attempts: int = 0
    error: str = ""


def message(
    kind: str, /, *, to: User, key: str, at: datetime, case: Case | int | None = None, mail: bool = True, **data: Any
) -> Message:
    """What one person is to be told. `key` names the thing told; the person is added to it."""
    case_id = case.pk if isinstance(case, Case) else case
    wanted = mail and to.wants_mail and to.is_active
    queued = OutboxMessage.Mail.QUEUED if wanted else OutboxMessage.Mail.NONE
    return Message(f"{key}:{to.pk}", kind, to.pk, case_id, data, at, queued.value, at if wanted else None)


def put(messages: Iterable[Message]) -> None:
    """Store rows; those whose key is there already insert nothing."""
    bulk.insert_new(OutboxMessage, Message._fields, list(messages))


def tell(
    kind: str, /, *, to: Iterable[User | None], key: str, at: datetime, case: Case | int | None = None, **data: Any
) -> None:
    """Tell each person once."""
    people = {user.pk: user for user in to if user is not None}
    put(message(kind, to=user, key=key, at=at, case=case, **data) for user in people.values())
