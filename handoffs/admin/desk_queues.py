"""The queues of a home page, by the roles a person holds: what each is called, its rows, what it says when empty."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Count, QuerySet
from django.utils.translation import gettext as _

from accounts.models import User
from accounts.models.people import Role
from handoffs import permissions
from handoffs.admin import queues
from handoffs.admin.narrowing import Narrowing

DECIDES = frozenset({Role.SUPERVISOR, Role.MANAGER})
ANSWERS = frozenset({Role.WAREHOUSE, Role.QC, Role.LOGISTICS, Role.SUPERVISOR})
FEW = {"approve": 6, "late": 20}
TOLD = {"cases": ("pk", "version"), "questions": ("pk", "status", "version", "assignee_id"), "approvals": ("pk",)}


@dataclass(frozen=True)
class Queue:
    """One queue, everything in it. `kind` says what its rows are: cases, questions or approvals; `more` lists all."""

    key: str
    title: Any
    kind: str
    rows: QuerySet[Any]
    empty: Any = ""
    more: str = ""

    @property
    def shown(self) -> int:
        return FEW.get(self.key, queues.SHOWN)

    def narrowed(self, only: Narrowing) -> QuerySet[Any]:
        """The rows that the filters keep."""
        return self.rows.filter(only.q(self.kind)) if only else self.rows

    def without_each(self, only: Narrowing) -> dict[str, int]:
        """How many rows there would be without each of the filters; in one statement."""
        wanted = {f"without_{name}": Count("pk", filter=less.q(self.kind)) for name, less in only.each_off.items()}
        found = self.rows.order_by().aggregate(**wanted)
        return {name: found[f"without_{name}"] for name in only.each_off}

    def told(self, only: Narrowing) -> QuerySet[Any, Any]:
        """As few columns of its rows as tell one state of the queue from another."""
        return self.narrowed(only).values_list(*TOLD[self.kind])[: self.shown]


def of(user: User, *, at: datetime) -> list[Queue]:
    """What the person's roles have to do, the most pressing first."""
    found: list[Queue] = []
    if user.roles & DECIDES:
        rows = queues.waiting_decisions(user)
        found.append(Queue("approve", _("To approve"), "approvals", rows, more="admin:handoffs_approvals"))
    if user.roles & ANSWERS:
        only_answers = not user.roles & permissions.DESK
        empty = _("No question is open. New ones appear here, the most urgent first.") if only_answers else ""
        found.append(Queue("asked", _("Questions for me"), "questions", queues.my_handoffs(user), empty,
                           more="admin:handoffs_questions"))  # fmt: skip
    if user.roles & permissions.DESK:
        found += _desk(user, at)
    return found


def _desk(user: User, at: datetime) -> list[Queue]:
    """The desk's cases: answered ones first, then one's own, then what is late or without an owner."""
    nothing = _("You own no open case. Take one from the open queue, or go on duty so that new ones are dealt to you.")
    mine = [
        Queue("answered", _("A colleague has answered"), "cases", queues.answered_cases(user)),
        Queue("mine", _("My cases"), "cases", queues.my_cases(user), nothing if Role.SUPPORT in user.roles else ""),
    ]
    unowned = Queue("open", _("Open queue"), "cases", queues.open_queue(user), _("Every case has an owner."))
    if not user.roles & DECIDES:
        return [*mine, unowned]
    others = queues.late_cases(user, at=at).exclude(owner=user).exclude(owner=None)
    late = Queue(
        "late", _("Late now"), "cases", others, _("Nothing is late at the others."), more="admin:handoffs_board"
    )
    return [*mine, late, unowned]
