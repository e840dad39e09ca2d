"""The ceiling of a person. What was granted before on the order is counted in `flow.decision`."""

from collections.abc import Collection, Iterable
from decimal import Decimal
from typing import Any

from django.db.models import Q

from accounts.models import Limit, User

NOTHING = Decimal(0)


def ceiling(user: User, *, shop_id: int, kind: str) -> Decimal | None:
    """What `user` may grant alone in this shop for this kind, in yuan; None means no ceiling.

    A person's own row goes before the role's; among roles the highest counts, since the person holds all of them.
    Nobody without a row may grant anything.
    """
    roles = user.roles_in(shop_id)
    rows = Limit.objects.filter(Q(user=user) | Q(role__in=roles), Q(shop=None) | Q(shop_id=shop_id))
    return _highest(list(rows.filter(kind__in=("", kind))))


def ceilings(user: User, shop_ids: Collection[int], kinds: Collection[str]) -> list[dict[str, Any]]:
    """The ceilings in all these shops for all these kinds, in one statement: rows of shop_id, kind, top."""
    roles = {shop_id: user.roles_in(shop_id) for shop_id in shop_ids}
    everywhere = Q(user=user) | Q(role__in=frozenset[str]().union(*roles.values()))
    rows = list(Limit.objects.filter(everywhere, Q(shop=None) | Q(shop_id__in=shop_ids), kind__in=("", *kinds)))

    def top(shop_id: int, kind: str) -> Decimal | None:
        here = [row for row in rows if row.shop_id in (None, shop_id) and row.kind in ("", kind)]
        return _highest([row for row in here if row.user_id or row.role in roles[shop_id]])

    return [{"shop_id": shop_id, "kind": kind, "top": top(shop_id, kind)} for shop_id in shop_ids for kind in kinds]


def _highest(rows: Collection[Limit]) -> Decimal | None:
    own = [row for row in rows if row.user_id]
    if own:
        return _most_particular(own).amount
    best = [_most_particular(r for r in rows if r.role == role).amount for role in {r.role for r in rows}]
    if not best:
        return NOTHING
    return None if None in best else max(amount for amount in best if amount is not None)


def covers(user: User, total: Decimal, *, shop_id: int, kind: str) -> bool:
    """Whether the person's own ceiling reaches `total` yuan."""
    top = ceiling(user, shop_id=shop_id, kind=kind)
    return top is None or total <= top


def covers_batch(user: User, total: Decimal, *, shop_id: int) -> bool:
    """Whether one batch of refunds of `total` yuan may run on this person's word. Without a limit of the kind: yes."""
    found = Limit.objects.filter(Q(user=user) | Q(role__in=user.roles_in(shop_id)), kind=Limit.BATCH)
    if not found.filter(Q(shop=None) | Q(shop_id=shop_id)).exists():
        return True
    return covers(user, total, shop_id=shop_id, kind=Limit.BATCH)


def _most_particular(rows: Iterable[Limit]) -> Limit:
    return max(rows, key=lambda row: (row.shop_id is not None, bool(row.kind)))
