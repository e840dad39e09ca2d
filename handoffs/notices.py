"""What a message says: title, text and place to go, in the reader's language. The bell and the mails both ask here.

No notice carries an amount or a buyer's data, so each may be read by whoever it was sent to.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.urls import reverse
from django.utils import dateformat, timezone
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from handoffs.flow.kinds import KINDS
from handoffs.models import Decision, Handoff, OutboxMessage
from handoffs.models.clock import ClockKind
from handoffs.models.handoff import HandoffKind


@dataclass(frozen=True, slots=True)
class Notice:
    """One message in words. `path` is a place in the console; `link` is the same for use outside of it."""

    title: str
    text: str
    path: str
    at: datetime
    urgent: bool = False

    @property
    def link(self) -> str:
        return f"{settings.BASE_URL}{self.path}"


@dataclass(frozen=True, slots=True)
class Subject:
    """A message with the labels of what it speaks of, looked up beforehand for a whole list."""

    message: OutboxMessage
    asked: str = ""
    answer: str = ""
    decision: str = ""

    @property
    def data(self) -> Mapping[str, Any]:
        data: Mapping[str, Any] = self.message.data
        return data

    @property
    def obligation(self) -> str:
        """What is owed: the question where the clock is a question's, else the kind of clock."""
        return self.asked or label_of(ClockKind, self.data.get("clock"))

    @property
    def due(self) -> str:
        moment = parse_datetime(self.data.get("due") or "")
        return when(moment) if moment else "–"


def of(messages: Iterable[OutboxMessage]) -> list[Notice]:
    """The notices in the active language and zone. A few statements however many; fetch `case__shop` with the rows."""
    return [_notice(subject) for subject in _subjects(list(messages))]


def when(moment: datetime) -> str:
    """A moment in the reader's zone, short; with the day unless it is today."""
    local, today = timezone.localtime(moment), timezone.localdate()
    return dateformat.format(local, "H:i" if local.date() == today else "m-d H:i")


def case_path(case_id: int) -> str:
    """The case's page in the console."""
    return reverse("admin:handoffs_case_change", args=[case_id])


def label_of(choices: Any, code: Any) -> str:
    """The word for a stored code; an unknown one is shown as it is."""
    return str(dict(choices.choices).get(code, code or ""))


def _subjects(messages: list[OutboxMessage]) -> list[Subject]:
    questions = dict(Handoff.objects.filter(pk__in=_ids(messages, "handoff")).values_list("pk", "kind"))
    decisions = dict(Decision.objects.filter(pk__in=_ids(messages, "decision")).values_list("pk", "kind"))
    return [_subject(message, questions, decisions) for message in messages]


def _ids(messages: Iterable[OutboxMessage], name: str) -> set[int]:
    return {message.data[name] for message in messages if message.data.get(name)}


def _subject(message: OutboxMessage, questions: Mapping[int, str], decisions: Mapping[int, str]) -> Subject:
    data = message.data
    kind = questions.get(data.get("handoff", 0)) or data.get("kind_asked", "")
    answer = KINDS[kind].answer(data["answer"]) if kind in KINDS and data.get("answer") else None
    return Subject(
        message,
        asked=label_of(HandoffKind, kind),
        answer=str(answer.label) if answer else data.get("answer", ""),
        decision=label_of(Decision.Kind, decisions.get(data.get("decision", 0))),
    )


def _notice(subject: Subject) -> Notice:
    message = subject.message
    words = TITLES.get(message.kind)
    title = words(subject) if words else message.kind
    path = _place(message)
    urgent = message.kind in ("late", "escalated", "nobody_on_duty")
    return Notice(title, _about(message), path, message.created_at, urgent)


def _place(message: OutboxMessage) -> str:
    if message.case_id:
        return case_path(message.case_id)
    if batch := message.data.get("batch"):
        return reverse("admin:handoffs_batch", args=[batch])
    return reverse("admin:index")


def _about(message: OutboxMessage) -> str:
    """Which case, in which shop; and the reason given where there is one."""
    parts = [str(message.data.get("reason") or "").strip()]
    if message.case is not None:
        parts += [message.case.shop.name, message.case.refund_id, message.case.title]
    else:
        parts.append(str(message.data.get("shop") or ""))
    return " · ".join(part for part in parts if part)


def _many_questions(s: Subject) -> str:
    count = s.data.get("count", 1)
    words = ngettext("%(count)d new question: %(kind)s", "%(count)d new questions: %(kind)s", count)
    return words % {"count": count, "kind": s.asked}


def _arrived_late(s: Subject) -> str:
    count = s.data.get("count", 1)
    words = ngettext(
        "%(count)d application was past due when it arrived", "%(count)d applications were past due when they arrived",
        count,
    )  # fmt: skip
    return words % {"count": count}


def _nobody(s: Subject) -> str:
    count = s.data.get("count", 1)
    words = ngettext(
        "Nobody on duty: %(count)d application has no owner", "Nobody on duty: %(count)d applications have no owner",
        count,
    )  # fmt: skip
    return words % {"count": count}


TITLES: Mapping[str, Callable[[Subject], str]] = {
    "handed_off": lambda s: _("A question for you: %(kind)s") % {"kind": s.asked},
    "handed_off_many": _many_questions,
    "reassigned": lambda s: _("Passed on to you: %(kind)s") % {"kind": s.asked},
    "answered": lambda s: _("Answered: %(kind)s – %(answer)s") % {"kind": s.asked, "answer": s.answer},
    "returned": lambda s: _("Sent back to you: %(kind)s") % {"kind": s.asked},
    "withdrawn": lambda s: _("No longer needed: %(kind)s") % {"kind": s.asked},
    "case_assigned": lambda _s: _("A case was passed on to you"),
    "batch_to_approve": lambda _s: _("A batch of refunds waits for your approval"),
    "approved": lambda s: _("Approved: %(kind)s") % {"kind": s.decision},
    "refused": lambda s: _("Turned down: %(kind)s") % {"kind": s.decision},
    "voided": lambda s: _("Void, decide again: %(kind)s") % {"kind": s.decision},
    "closed": lambda _s: _("Closed on the marketplace"),
    "counted_lost": lambda _s: _("The parcel counts as lost"),
    "found_again": lambda s: (
        _("Counted lost, and heard of again: %(waybill)s") % {"waybill": s.data.get("waybill", "")}
    ),
    "left_after_all": lambda s: (
        _("Refunded as not sent, and the carrier has it: %(waybill)s") % {"waybill": s.data.get("waybill", "")}
    ),
    "promise_broken": lambda s: (
        _("Promised to come back, and delivered: %(waybill)s") % {"waybill": s.data.get("waybill", "")}
    ),
    "arrived_late": _arrived_late,
    "nobody_on_duty": _nobody,
    "reminded": lambda s: _("Due %(when)s: %(what)s") % {"when": s.due, "what": s.obligation},
    "late": lambda s: _("Late, was due %(when)s: %(what)s") % {"when": s.due, "what": s.obligation},
    "escalated": lambda s: _("Still not done, was due %(when)s: %(what)s") % {"when": s.due, "what": s.obligation},
    "password_reset": lambda s: _("%(person)s set a new password for you") % {"person": s.data.get("person", "")},
    "factor_removed": lambda s: _("%(person)s removed your second factor") % {"person": s.data.get("person", "")},
    "handover": lambda s: s.data.get("subject") or "",
    "digest": lambda s: s.data.get("subject") or _("Nothing was waiting this morning"),
}
