"""A real SMTP server that can be told to refuse, to cut the line and to be slow."""

import asyncio
from email import message_from_bytes, policy
from email.message import EmailMessage
from types import TracebackType
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from tests.services import free_port


class MailServer:
    """`mails` are those accepted for good; `mood` says what happens to the next ones.

    accept · refuse (550 after the text) · refuse_recipient (550 at once) · cut (takes the text, then hangs up without a
    word) · slow (answers after the client's patience is over).
    """

    def __init__(self) -> None:
        self.port = free_port()
        self.mood = "accept"
        self.mails: list[EmailMessage] = []
        self.tries = 0
        self._controller = Controller(self, hostname="127.0.0.1", port=self.port)

    def __enter__(self) -> "MailServer":
        self._controller.start()
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        if self._controller.server is not None:
            self._controller.stop()

    def to(self, email: str) -> list[EmailMessage]:
        return [mail for mail in self.mails if mail["To"] == email]

    async def handle_RCPT(  # noqa: N802
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[Any]
    ) -> str:
        if self.mood == "refuse_recipient":
            return "550 no such person"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        self.tries += 1
        if self.mood == "refuse":
            return "550 not today"
        if self.mood == "slow":
            await asyncio.sleep(2)
        content = envelope.content
        assert isinstance(content, bytes)
        mail = message_from_bytes(content, policy=policy.default)
        assert isinstance(mail, EmailMessage)
        self.mails.append(mail)
        if self.mood == "cut":
            assert server.transport is not None
            server.transport.abort()  # type: ignore[attr-defined]
        return "250 OK"
