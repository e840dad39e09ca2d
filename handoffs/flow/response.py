"""The first response: contact with the buyer that deals with what the buyer needs (domain.md section 1)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from accounts.models import User
from handoffs import permissions
from handoffs.flow import clock, wording
from handoffs.flow.case import refresh
from handoffs.flow.errors import Invalid, NotAllowed, NotYours, Stale
from handoffs.flow.moves import locked_case, note
from handoffs.models import Case, Response
from handoffs.models.clock import ClockKind

Channel = Response.Channel
BY_HAND = (Channel.MESSAGE, Channel.CHAT, Channel.PHONE)


@dataclass(frozen=True, slots=True)
class Reply:
    """What was said. `sent_at` empty means now; `channel` empty means by hand in the chat."""

    message: str
    channel: str = Channel.CHAT
    sent_at: datetime | None = None
    template: str = ""
    bulk: bool = False


def respond(case_id: int, reply: Reply, *, by: User, at: datetime) -> Response:
    """Record a response the agent declares sent, and stop the first-response clock at `sent_at`.

    Raises Invalid for a message that says nothing, an unknown channel or an impossible time.
    """
    with transaction.atomic():
        case = locked_case(case_id)
        if not permissions.can_see(by, case):
            raise NotYours(_("There is no such case."))
        if not permissions.may(by, "respond", shop_id=case.shop_id):
            raise NotAllowed(_("Your role does not answer buyers."))
        if reply.channel not in BY_HAND:
            raise Invalid(_("Choose message, chat or phone."), field="channel")
        if case.status == Case.Status.CLOSED:
            raise Stale(_("This case is closed."))
        checked(reply.message, field="message")
        response = record(case, reply, by=by, at=at)
        refresh(case, at=at, by=by)
    return response


def record(case: Case, reply: Reply, *, by: User, at: datetime) -> Response:
    """Store a response on a locked case and stop the clock; agreeing and refusing come this way too."""
    sent_at = reply.sent_at or at
    if sent_at > at:
        raise Invalid(_("The time of sending lies in the future."), field="sent_at")
    if sent_at < case.applied_at:
        raise Invalid(_("The time of sending lies before the application."), field="sent_at")
    response = Response.objects.create(
        case=case,
        channel=reply.channel,
        message=reply.message.strip(),
        template=reply.template,
        bulk=reply.bulk,
        sent_at=sent_at,
        by=by,
    )
    note(case, "responded", at=at, by=by, channel=reply.channel, message=response.message, sent_at=sent_at.isoformat())
    for running in clock.running(case, ClockKind.FIRST_RESPONSE):
        if sent_at >= running.started_at:  # what was sent before the buyer's edit does not answer it
            clock.end(running, at=sent_at)
    if case.owner_id is None:
        Case.objects.filter(pk=case.pk, owner=None).update(owner=by)
        case.owner = by
    return response


def checked(text: str, *, field: str) -> str:
    """The text, if it says something to a person; raises Invalid with what is wanted."""
    try:
        wording.require_meaningful(text, field)
    except ValueError as error:
        raise Invalid(str(error), field=field, code="says_nothing") from error
    return text


def respond_many(replies: Mapping[int, Reply], *, by: User, at: datetime) -> list[tuple[int, str]]:
    """Respond to each case by itself; returns (case id, error or empty) per row. One failure stops no other."""
    from handoffs.flow.errors import FlowError

    results: list[tuple[int, str]] = []
    for case_id, reply in replies.items():
        try:
            respond(case_id, reply, by=by, at=at)
        except FlowError as error:
            results.append((case_id, str(error)))
        else:
            results.append((case_id, ""))
    return results
