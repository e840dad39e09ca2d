"""Where marketplace and desk differ: one open finding of a kind for a refund, owned until somebody settles it."""

from datetime import datetime

from django.db.models import Q
from django.utils.translation import gettext as _

from accounts.models import Shop, User
from accounts.models.people import Role
from handoffs.flow.audience import Audience
from handoffs.marketplaces.base import State
from handoffs.models import Case, Finding


class Desk:
    """The findings of one shop at one moment, and who looks after them: the case's owner, else support's lead."""

    def __init__(self, shop: Shop, at: datetime) -> None:
        self.shop, self.at = shop, at
        self._lead: list[User] | None = None

    def owner_of(self, case: Case | None) -> User | None:
        if case is not None and case.owner is not None:
            return case.owner
        if self._lead is None:
            self._lead = Audience([self.shop.pk], at=self.at).lead_of(Role.SUPPORT, self.shop.pk)
        return self._lead[0] if self._lead else None

    def open(self, kind: str, state: State, case: Case | None, *, desk: str) -> bool:
        """Write it down, with what each side says. False when the same is known, open or settled already."""
        market = f"{state.status} ¥{state.amount}" if state.amount is not None else state.status
        market, desk = market[:255], desk[:255]
        same = Finding.objects.filter(shop=self.shop, refund_id=state.refund_id, kind=kind)
        if same.filter(Q(settled_at=None) | Q(market=market, desk=desk)).update(seen_at=self.at):
            return False
        Finding.objects.create(
            shop=self.shop, refund_id=state.refund_id, kind=kind, case=case, market=market, desk=desk,
            amount=state.amount, owner=self.owner_of(case), found_at=self.at, seen_at=self.at,
        )  # fmt: skip
        return True


def settle(finding_id: int, *, note: str, by: User, at: datetime) -> bool:
    """The owner says what was done about it. False when somebody was faster."""
    rows = Finding.objects.filter(pk=finding_id, settled_at=None)
    return rows.update(settled_at=at, settled_by=by, note=note.strip()) == 1


def not_taken(reason: str) -> str:
    """What the desk says of an application it could not take in."""
    return _("It could not be taken in: %(why)s") % {"why": reason}
