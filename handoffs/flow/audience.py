"""Who is told of a step: the holder, the asker and the lead, or the shop's manager. Looked up once per pass."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime

from accounts.models import Membership, User
from accounts.models.people import Role
from handoffs.models import Clock


class Audience:
    """Memberships of the shops at hand, read in one statement and asked many times."""

    def __init__(self, shop_ids: Iterable[int], *, at: datetime) -> None:
        self.members: dict[tuple[str, int], list[User]] = defaultdict(list)
        self.leads: dict[tuple[str, int], list[User]] = defaultdict(list)
        rows = Membership.objects.in_force(at.date()).filter(shop_id__in=set(shop_ids)).select_related("user")
        for row in rows.order_by("pk"):
            self.members[row.role, row.shop_id].append(row.user)
            if row.lead:
                self.leads[row.role, row.shop_id].append(row.user)

    def lead_of(self, role: str, shop_id: int) -> list[User]:
        """The role's leads; where it has none its members; where it has none either the shop's managers."""
        return self.leads[role, shop_id] or self.members[role, shop_id] or self.managers(shop_id)

    def managers(self, shop_id: int) -> list[User]:
        return self.leads[Role.MANAGER, shop_id] or self.members[Role.MANAGER, shop_id]

    def holder(self, clock: Clock) -> list[User]:
        """Whoever has to act: the assignee of the handoff or the owner of the case, else the role's lead."""
        person = clock.handoff.assignee if clock.handoff else clock.case.owner
        if person is not None and person.is_active:
            return [person]
        return self.lead_of(clock.owner_role, clock.case.shop_id)

    def people(self, clock: Clock, to: str) -> list[User]:
        """Everyone a step with this audience tells."""
        shop_id = clock.case.shop_id
        if to == "manager":
            return self.managers(shop_id)
        if to == "asker_and_lead":
            asker = clock.handoff.asker if clock.handoff else clock.case.owner
            holder = self.holder(clock)
            return [*([asker] if asker else []), *self.lead_of(clock.owner_role, shop_id), *holder]
        return self.holder(clock)
