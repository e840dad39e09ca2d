"""The only way a message leaves the desk: a row written in the same transaction as what it tells of."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from accounts.models import User
from handoffs.models import Case, OutboxMessage


def message(
    kind: str, /, *, to: User, key: str, at: datetime, case: Case | int | None = None, mail: bool = True, **data: Any
) -> OutboxMessage:
    """An unsaved row. `key` names the thing told; the person is added to it."""
    case_id = case.pk if isinstance(case, Case) else case
    wanted = mail and to.wants_mail and to.is_active
    return OutboxMessage(
        key=f"{key}:{to.pk}",
        kind=kind,
        to=to,
        case_id=case_id,
        data=data,
        created_at=at,
        mail=OutboxMessage.Mail.QUEUED if wanted else OutboxMessage.Mail.NONE,
        next_try_at=at if wanted else None,
    )


def put(messages: Iterable[OutboxMessage]) -> None:
    """Store rows; those whose key is there already insert nothing."""
    OutboxMessage.objects.bulk_create(messages, ignore_conflicts=True, batch_size=500)


def tell(
    kind: str, /, *, to: Iterable[User | None], key: str, at: datetime, case: Case | int | None = None, **data: Any
) -> None:
    """Tell each person once."""
    people = {user.pk: user for user in to if user is not None}
    put(message(kind, to=user, key=key, at=at, case=case, **data) for user in people.values())
