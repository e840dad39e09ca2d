"""Who is told of a step: the holder, the asker and the lead, or the shop's manager. Looked up once per pass."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from accounts.models import Membership, User
from accounts.models.people import Role
from handoffs import outbox
from handoffs.models import Case


@dataclass(frozen=True, slots=True)
class Owed:
    """An obligation as far as people go: who owes it to whom, in which role and shop."""

    shop_id: int
    role: str
    by: User | None
    to: User | None


class Audience:
    """Memberships of the shops at hand, read in one statement and asked many times."""

    def __init__(self, shop_ids: Iterable[int], *, at: datetime) -> None:
        self.members: dict[tuple[str, int], list[User]] = defaultdict(list)
        self.leads: dict[tuple[str, int], list[User]] = defaultdict(list)
        rows = Membership.objects.in_force(at).filter(shop_id__in=set(shop_ids)).select_related("user")
        for row in rows.order_by("pk"):
            self.members[row.role, row.shop_id].append(row.user)
            if row.lead:
                self.leads[row.role, row.shop_id].append(row.user)

    def lead_of(self, role: str, shop_id: int) -> list[User]:
        """The role's leads; where it has none its members; where it has none either the shop's managers."""
        return self.leads[role, shop_id] or self.members[role, shop_id] or self.managers(shop_id)

    def managers(self, shop_id: int) -> list[User]:
        return self.leads[Role.MANAGER, shop_id] or self.members[Role.MANAGER, shop_id]

    def holder(self, owed: Owed) -> list[User]:
        """Whoever has to act: the assignee of the handoff or the owner of the case, else the role's lead."""
        if owed.by is not None and owed.by.is_active:
            return [owed.by]
        return self.lead_of(owed.role, owed.shop_id)

    def people(self, owed: Owed, to: str) -> list[User]:
        """Everyone a step with this audience tells."""
        if to == "manager":
            return self.managers(owed.shop_id)
        if to == "asker_and_lead":
            asker = [owed.to] if owed.to else []
            return [*asker, *self.lead_of(owed.role, owed.shop_id), *self.holder(owed)]
        return self.holder(owed)


def tell_desk(case: Case, kind: str, waybill: str, *, at: datetime) -> None:
    """Say what became of a parcel to the owner and to the leads of logistics and support."""
    audience = Audience([case.shop_id], at=at)
    leads = audience.lead_of(Role.LOGISTICS, case.shop_id) + audience.lead_of(Role.SUPPORT, case.shop_id)
    people = {user.pk: user for user in (case.owner, *leads) if user is not None}
    key = f"{kind}:{case.pk}:{at.timestamp()}"
    outbox.tell(kind, to=people.values(), key=key, at=at, case=case, waybill=waybill)
