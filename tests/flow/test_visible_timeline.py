"""What of a case's timeline a role sees: all but money, and what names the buyer."""

import pytest

from handoffs import permissions
from handoffs.models import TimelineEntry
from tests import factories
from tests.factories import NOON, World

ROWS = (
    ("status", {"from": "new", "to": "in_progress"}),
    ("archived", {}),
    ("handed_off", {"handoff": 1, "kind": "stop_parcel"}),
    ("handed_off", {"handoff": 2, "kind": "approve_refund"}),
    ("late", {"handoff": 3, "kind": "approve_compensation"}),
    ("goods_moved", {"amount": "5.00"}),
    ("note", {"decision": 4}),
    ("approved", {}),
    ("responded", {"message": "您好"}),
)


@pytest.mark.parametrize(
    ("role", "seen"),
    [("supervisor", len(ROWS)), ("support", len(ROWS)), ("warehouse", 3), ("qc", 3), ("logistics", 3)],
)
def test_a_row_is_seen_whether_it_names_a_kind_or_not(world: World, role: str, seen: int) -> None:
    case = factories.case(world.shop, path=3)
    for kind, data in ROWS:
        TimelineEntry.objects.create(case=case, kind=kind, at=NOON, data=data)
    rows = permissions.visible_timeline(world.people[role], case).filter(kind__in={kind for kind, _data in ROWS})
    assert len(rows) == seen
