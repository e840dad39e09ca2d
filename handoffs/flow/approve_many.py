"""Many proposals approved in one act (domain.md section 5): on PostgreSQL, what is alike in one statement.

Alike are proposals approved as they were asked, each the only open decision of a case that the marketplace still waits
for. Whatever else there is (less than was asked, an offer to the buyer, a sum above the limit, a proposal that somebody
settled meanwhile) takes the way of `decision.approve`, one by one, which also says why something cannot be approved.
That way is the rule; `approve_many.sql` writes the same and `tests/flow/test_approve_many.py` holds it to that.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from django.db import connection, transaction

from accounts import limits
from accounts.models import User
from accounts.models.people import Role, day_of
from handoffs import permissions
from handoffs.flow import decision
from handoffs.flow.errors import FlowError
from handoffs.flow.terms import Asked, data_for, digest_of, due, moment_of_step
from handoffs.models import Clock, Decision, Terms
from handoffs.models.clock import ClockKind
from handoffs.models.prepared import Statement

AT_ONCE, KEPT = 500, 200  # cases locked at once; rules kept in mind
HERE = Path(__file__)
LOCK, APPROVE = Statement(HERE.with_name("approve_lock.sql")), Statement(HERE.with_suffix(".sql"))


@dataclass(frozen=True, slots=True)
class Wish:
    """How one proposal is to be approved. `amount` in yuan; None for what was asked."""

    amount: Decimal | None = None
    note: str = ""


def approve_many(wishes: Mapping[int, Wish], *, by: User, at: datetime) -> dict[int, FlowError | None]:
    """Approve each as its wish says: why it could not be, or None, by decision. One that fails stops no other."""
    ids, done = list(wishes), set[int]()
    for first in range(0, len(ids), AT_ONCE):
        done |= _together({pk: wishes[pk] for pk in ids[first : first + AT_ONCE]}, by=by, at=at).keys()
    return {pk: None if pk in done else _refused(pk, wishes[pk], by=by, at=at) for pk in ids}


def approve_one(pk: int, wish: Wish, *, by: User, at: datetime) -> Decision:
    """The same for one, raising why it could not be: a plain approval costs a tenth of the time this way."""
    if (row := _together({pk: wish}, by=by, at=at).get(pk)) is None:
        return _alone(pk, wish, by=by, at=at)
    proposer = User(pk=row["by_id"], name=row.pop("by_name"), email=row.pop("by_email"))
    return Decision(**row | {"by": proposer, "approved_by": by})


def _refused(pk: int, wish: Wish, *, by: User, at: datetime) -> FlowError | None:
    try:
        _alone(pk, wish, by=by, at=at)
    except FlowError as error:
        return error
    return None


def _alone(pk: int, wish: Wish, *, by: User, at: datetime) -> Decision:
    return decision.approve(pk, by=by, at=at, amount=wish.amount, note=wish.note)


def _together(wishes: Mapping[int, Wish], *, by: User, at: datetime) -> dict[int, dict[str, Any]]:
    """Approve those that are alike, where the database does it; their rows. Nothing is done to the others."""
    if connection.vendor != "postgresql":
        return {}
    with transaction.atomic():
        (locked,) = LOCK.rows(ids=list(wishes), by=by.pk, day=day_of(at))
        by.places = tuple(map(tuple, locked["places"] or ()))  # as they are now, whatever was read before
        shops = frozenset(shop_id for shop_id in locked["shops"] or () if _may_approve(by, shop_id))
        if not shops:
            return {}
        rules = _rules(locked["stamp"], by, shops)
        told = {
            "wishes": [{"id": pk, "amount": wish.amount, "note": wish.note.strip()} for pk, wish in wishes.items()],
            "shops": [_shop(shop_id, rules.terms[shop_id], by, at) for shop_id in shops],
            "tops": rules.tops,
        }
        given = {name: json.dumps(rows, default=str) for name, rows in told.items()}
        return {row["id"]: row for row in APPROVE.rows(**given, by=by.pk, at=at)}


def _may_approve(by: User, shop_id: int) -> bool:
    return all(permissions.may(by, verb, shop_id=shop_id) for verb in ("approve", "see_amounts"))


@dataclass(frozen=True, slots=True)
class Rules:
    """What one person may grant in some shops, and the terms under which it is then carried out there."""

    tops: list[dict[str, Any]]
    terms: dict[int, Terms]


_known: dict[tuple[Any, ...], Rules] = {}


def _rules(stamp: str, by: User, shops: frozenset[int]) -> Rules:
    """As they are now: those of before, as long as the stamp of all that they follow from is the same."""
    key = stamp, by.pk, by.places, shops
    if (found := _known.get(key)) is not None:
        return found
    asked = {shop_id: data_for(Asked(ClockKind.CARRY_OUT, shop_id)) for shop_id in shops}
    rules = Rules(limits.ceilings(by, shops, Decision.MONEY), {
        shop_id: Terms(data=data, digest=digest_of(data)) for shop_id, data in asked.items()
    })  # fmt: skip
    if not any(data["calendar"] for data in asked.values()):  # windows and holidays are not in the stamp
        if len(_known) >= KEPT:
            _known.clear()
        _known[key] = rules
    return rules


def _shop(shop_id: int, terms: Terms, by: User, at: datetime) -> dict[str, Any]:
    """What is the same for all cases of a shop: as whom one answers, and the clock to carry it out."""
    clock = Clock(terms=terms, started_at=at)
    clock.due_at = due(terms, at)
    return {
        "id": shop_id, "as_manager": Role.SUPERVISOR not in by.roles_in(shop_id), "terms": terms.digest,
        "due_at": clock.due_at, "next_action_at": moment_of_step(clock, 0),
    }  # fmt: skip
