"""TMC messages (formats.md 1.7): at least once and out of order, so a hint to read the refund and never news itself."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from handoffs.marketplaces.taobao.states import text
from handoffs.marketplaces.taobao.wire import Wire, insist, listed, moment_of

AT_ONCE = 200
FEWEST = 10


@dataclass(frozen=True)
class Hint:
    """A refund worth reading. `id` is what is confirmed; an app's messages are of all its shops, told apart by nick.

    `refund_id` is empty where the message is about something else or cannot be read: confirm it all the same.
    """

    id: str
    topic: str
    refund_id: str
    seller_nick: str
    at: datetime | None
    content: dict[str, Any] = field(repr=False)

    @property
    def modified(self) -> datetime | None:
        """When the refund changed, where the message says so."""
        return moment_of(self.content.get("modified"))


class Messages:
    """The messages of an app. Taking and confirming them again does no harm, so both count as reads."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    def consume(self, quantity: int = 100) -> list[Hint]:
        """Up to so many messages not yet confirmed; any of them may have come before."""
        params = {"quantity": min(max(quantity, FEWEST), AT_ONCE)}
        content = self._wire.read("taobao.tmc.messages.consume", params, session=False)
        return [_hint(message) for message in listed(content, "messages", "tmc_message")]

    def confirm(self, ids: Sequence[str]) -> None:
        """These need not come again. Raises ValueError for more than 200."""
        if len(ids) > AT_ONCE:
            raise ValueError(f"At most {AT_ONCE} messages are confirmed at once.")
        if ids:
            params = {"s_message_ids": ",".join(ids)}
            insist(self._wire.read("taobao.tmc.messages.confirm", params, session=False), "is_success")


def _hint(message: dict[str, Any]) -> Hint:
    try:
        content = json.loads(str(message.get("content") or ""), parse_float=str)
    except (ValueError, RecursionError):
        content = None
    content = content if isinstance(content, dict) else {}
    return Hint(
        id=text(message.get("id")),
        topic=text(message.get("topic")),
        refund_id=text(content.get("refund_id") or content.get("rid")),
        seller_nick=text(content.get("seller_nick") or message.get("user_nick")),
        at=moment_of(message.get("pub_time")),
        content=content,
    )
