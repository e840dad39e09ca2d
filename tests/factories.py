"""The smallest world the flow needs: two shops, a person in each role, carriers, a warehouse, contacts, limits.

Cases come in through intake, as they do in life.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import count
from typing import Any

from accounts.models import Agreement, Carrier, Contact, DutyShift, Limit, Membership, Shop, User, Warehouse
from accounts.models.people import Role
from handoffs.flow import intake
from handoffs.intake.rows import Row
from handoffs.models import Case

NOON = datetime(2026, 11, 11, 4, 0, tzinfo=UTC)
ON_DUTY_SINCE = NOON - timedelta(days=400)
_numbers = count(1)


@dataclass
class World:
    """Everything a test talks about by name; a person by role, as in `world.support`."""

    shop: Shop
    other_shop: Shop
    carriers: dict[str, Carrier]
    store: Warehouse
    people: dict[str, User] = field(default_factory=dict)

    def __getattr__(self, role: str) -> User:
        try:
            return self.__dict__["people"][role]
        except KeyError as error:
            raise AttributeError(role) from error


def person(role: str, *shops: Shop, name: str = "", lead: bool = False, on_duty: bool = True) -> User:
    """A user with the role in the shops, on duty since the day before NOON."""
    user = _unsaved(role, name)
    user.save()
    for shop in shops:
        Membership.objects.create(user=user, role=role, shop=shop, lead=lead)
    if on_duty:
        DutyShift.objects.create(user=user, starts_at=ON_DUTY_SINCE)
    return user


def _unsaved(role: str, name: str) -> User:
    number = next(_numbers)
    user = User(email=f"{role}{number}@desk.test", name=name or f"{role} {number}", language="en")
    user.set_password("pass-word-1")
    return user


def world() -> World:
    """Two shops, six people (all leads, in both shops), three carriers with contacts, limits as in the demo.

    Written table by table: nearly every test begins with it.
    """
    warehouse = Warehouse.objects.create(code="main", name="Main warehouse")
    both = [
        Shop(code="tb", name="Taobao shop", marketplace="taobao", warehouse=warehouse),
        Shop(code="jd", name="JD shop", marketplace="jd", warehouse=warehouse),
    ]
    Shop.objects.bulk_create(both)
    names = {"zto": ("ZTO", ["中通快递"]), "yto": ("YTO", ["圆通速递"]), "sf": ("SF", ["顺丰速运"])}
    carriers = {code: Carrier(code=code, name=name, names=aliases) for code, (name, aliases) in names.items()}
    Carrier.objects.bulk_create(carriers.values())
    Agreement.objects.bulk_create(Agreement(carrier=carrier) for carrier in carriers.values())
    people = {role: _unsaved(role, role.title()) for role in Role.values}
    User.objects.bulk_create(people.values())
    Membership.objects.bulk_create(
        Membership(user=user, role=role, shop=shop, lead=True) for role, user in people.items() for shop in both
    )
    DutyShift.objects.bulk_create(DutyShift(user=user, starts_at=ON_DUTY_SINCE) for user in people.values())
    in_place = [Contact(role=role, warehouse=warehouse, user=people[role]) for role in (Role.WAREHOUSE, Role.QC)]
    Contact.objects.bulk_create([
        *(Contact(role=Role.LOGISTICS, carrier=carrier, user=people["logistics"]) for carrier in carriers.values()),
        *in_place,
        *(Contact(role=Role.SUPERVISOR, shop=shop, user=people["supervisor"]) for shop in both),
    ])  # fmt: skip
    limits = (("support", Decimal(100)), ("supervisor", Decimal(5000)), ("manager", None))
    Limit.objects.bulk_create(Limit(role=role, amount=amount) for role, amount in limits)
    return World(*both, carriers, warehouse, people)


def row(refund_id: str = "", **fields: Any) -> Row:
    """A Taobao application as a reader would yield it: not shipped, 50 yuan, waiting for the seller."""
    modified = fields.pop("modified", None)
    source_kind = fields.pop("source_kind", "refund")
    number = next(_numbers)
    base: dict[str, Any] = {
        "order_id": f"27{number:08d}",
        "line_id": f"28{number:08d}",
        "title": "测试水杯",
        "amount": Decimal("50.00"),
        "total_fee": Decimal("50.00"),
        "dispute_type": "refund_only",
        "marketplace_status": "WAIT_SELLER_AGREE",
        "phase": "wait_seller",
        "good_status": "BUYER_NOT_RECEIVED",
        "order_status": "WAIT_SELLER_SEND_GOODS",
        "has_good_return": False,
        "reason": "协商一致退款",
        "applied_at": NOON,
        "buyer_nick": f"buyer{number}",
    }
    fields = {**base, **fields}
    return Row(number, source_kind, refund_id or f"14{number:08d}", fields, {"refund_id": refund_id}, modified)


ON_PATH: dict[Any, dict[str, Any]] = {
    1: {},
    2: {"order_status": "WAIT_BUYER_CONFIRM_GOODS", "outbound": [("中通快递", "ZTO0001")]},
    3: {"order_status": "WAIT_BUYER_CONFIRM_GOODS", "good_status": "BUYER_RECEIVED"},
    4: {"order_status": "WAIT_BUYER_CONFIRM_GOODS", "good_status": "BUYER_RECEIVED", "has_good_return": True,
        "dispute_type": "return_refund"},
    None: {"dispute_type": "exchange"},
}  # fmt: skip


def take(shop: Shop, *rows: Row, at: datetime = NOON, as_of: datetime | None = None) -> list[intake.Outcome]:
    """Run rows through intake; returns what became of each."""
    origin = intake.Origin(as_of=as_of or at, name="test", key=f"test{next(_numbers)}")
    return list(intake.take(rows, shop=shop, origin=origin, by=None, at=at))


def case(shop: Shop, *, path: int | None = 1, at: datetime = NOON, **fields: Any) -> Case:
    """One case on a path, applied for at `at` and taken in at `at`."""
    made = row(**{"applied_at": at, **ON_PATH[path], **fields})
    (outcome,) = take(shop, made, at=at)
    assert outcome.result == "created", outcome.reason
    return Case.objects.get(shop=shop, source_kind=made.source_kind, refund_id=made.refund_id)
