"""Who and what the demo shop consists of. Everything here is set-up, so its rows are written directly."""

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from decimal import Decimal
from typing import Any

from django.utils.crypto import salted_hmac

from accounts import tokens
from accounts.models import Agreement, Carrier, Contact, DutyShift, Limit, Membership, Shop, User, Warehouse
from accounts.models.people import Role
from accounts.models.token import Scope

PASSWORD = "refunddesk-demo"  # noqa: S105  printed with the logins; the demo is no place for secrets
DOMAIN = "demo.refunddesk.test"
SHOPS = (("demo-taobao", "青禾家居演示店", "taobao"), ("demo-jd", "青禾家居京东演示店", "jd"))
CODES = tuple(code for code, _name, _marketplace in SHOPS)
# The order in which the logins are printed.
NAMES = {
    Role.SUPPORT: "客服小青",
    Role.SUPERVISOR: "主管老李",
    Role.WAREHOUSE: "仓库阿强",
    Role.QC: "质检小美",
    Role.LOGISTICS: "物流小马",
    Role.MANAGER: "店长大海",
}
DEPUTIES = {Role.WAREHOUSE: "仓库替班小丁", Role.LOGISTICS: "物流替班小方"}
CARRIERS: tuple[tuple[str, str, list[str], dict[str, Any]], ...] = (
    ("zto", "中通快递", ["中通", "ZTO", "中通速递"], {}),
    ("yto", "圆通速递", ["圆通", "YTO", "圆通快递"], {"note": "拦截请在群内登记，以接口人回复为准。"}),
    ("sf", "顺丰速运", ["顺丰", "SF", "顺丰快递"], {"answer_minutes": 90, "lost_after_days": 4}),
)  # fmt: skip
LIMITS: tuple[tuple[str, Decimal | None], ...] = (
    (Role.SUPPORT, Decimal(100)),
    (Role.SUPERVISOR, Decimal(5000)),
    (Role.MANAGER, None),
)


@dataclass(frozen=True, slots=True)
class Company:
    """The demo's shops and people, by code and by role."""

    shops: dict[str, Shop]
    people: dict[str, User]

    @property
    def taobao(self) -> Shop:
        return self.shops[CODES[0]]

    @property
    def jd(self) -> Shop:
        return self.shops[CODES[1]]


def found(*, at: datetime) -> Company:
    """Set the company up as it has stood since well before `at`: shops, people, contacts, limits, duty."""
    shops = _shops(_warehouse())
    carriers = _carriers()
    people = {str(role): _person(f"{role}@{DOMAIN}", name, role, shops, lead=True) for role, name in NAMES.items()}
    deputies = {str(role): _person(f"{role}-deputy@{DOMAIN}", name, role, shops) for role, name in DEPUTIES.items()}
    for user in people.values():
        user.set_password(PASSWORD)
        user.save(update_fields=["password"])
        tokens.make(user, "demo", Scope.values, by=user, at=at, days=None, key=token_of(user.email))
        DutyShift.objects.create(user=user, starts_at=at)
    _contacts(shops, carriers, people, deputies)
    for role, amount in LIMITS:
        Limit.objects.create(role=role, amount=amount)
    return Company({shop.code: shop for shop in shops}, people)


def _warehouse() -> Warehouse:
    return Warehouse.objects.create(code="demo-main", name="演示一号仓", address="演示省样例市虚构路1号")


def _shops(warehouse: Warehouse) -> list[Shop]:
    """The second shop refunds on signature, so that both policies can be seen."""
    policies = (Shop.ReturnPolicy.AFTER_INSPECTION, Shop.ReturnPolicy.ON_SIGNATURE)
    return [
        Shop.objects.create(
            code=code, name=name, marketplace=marketplace, warehouse=warehouse, return_policy=policy,
            return_address=f"{warehouse.address} 退货组", compensation_cap=Decimal(500),
        )
        for (code, name, marketplace), policy in zip(SHOPS, policies, strict=True)
    ]  # fmt: skip


def _carriers() -> list[Carrier]:
    made = []
    for code, name, names, agreed in CARRIERS:
        carrier = Carrier.objects.create(code=code, name=name, names=names)
        Agreement.objects.create(carrier=carrier, **agreed)
        made.append(carrier)
    return made


def _person(email: str, name: str, role: str, shops: list[Shop], *, lead: bool = False) -> User:
    """A person of every demo shop. Told of nothing by mail while the two days are played; see `announce`."""
    user = User.objects.create_user(email, None, name=name, wants_mail=False, wants_digest=lead, digest_at=time(8))
    Membership.objects.bulk_create(Membership(user=user, role=role, shop=shop, lead=lead) for shop in shops)
    return user


def _contacts(
    shops: list[Shop], carriers: list[Carrier], people: dict[Any, User], deputies: dict[Any, User]
) -> None:  # fmt: skip
    for carrier in carriers:
        _contact(Role.LOGISTICS, people, deputies, carrier=carrier)
    for role in (Role.WAREHOUSE, Role.QC):
        _contact(role, people, deputies, warehouse=shops[0].warehouse)
    for shop in shops:
        _contact(Role.SUPERVISOR, people, {Role.SUPERVISOR: people[Role.MANAGER]}, shop=shop)


def _contact(role: str, people: dict[Any, User], deputies: dict[Any, User], **place: Any) -> None:
    Contact.objects.create(role=role, user=people[role], deputy=deputies.get(role), **place)


def announce(*, at: datetime) -> None:
    """The two days are over: from now on people are mailed; what is older than two hours has been read."""
    from handoffs.models import OutboxMessage

    users = User.objects.filter(email__endswith=f"@{DOMAIN}")
    users.exclude(email__contains="-deputy@").update(wants_mail=True, looked_at=at - timedelta(hours=2))
    old = OutboxMessage.objects.filter(to__in=users, created_at__lt=at - timedelta(hours=2), read_at=None)
    old.update(read_at=at - timedelta(hours=2))


def token_of(email: str) -> str:
    """The demo's tokens can be printed again, so they follow from the desk's key; real ones are kept nowhere."""
    return salted_hmac("handoffs.demo", email, algorithm="sha256").hexdigest()[:40]


def logins() -> dict[str, list[dict[str, str]]]:
    """What is printed: the shops, and per role the email, password and API token. Empty where there is no demo."""
    shops = {shop.code: shop for shop in Shop.objects.filter(code__in=CODES)}
    known = set(User.objects.filter(tokens__name="demo", tokens__revoked_at=None).values_list("email", flat=True))
    emails = {role: f"{role}@{DOMAIN}" for role in NAMES}
    return {
        "shops": [
            {"code": code, "name": shops[code].name, "marketplace": shops[code].marketplace}
            for code in CODES
            if code in shops
        ],
        "users": [
            {"role": str(role.value), "email": email, "password": PASSWORD, "token": token_of(email)}
            for role, email in emails.items()
            if email in known
        ],
    }
