"""What is missing in the set-up, in words, with the place to mend it. A fixed number of statements, whatever the size.

Source: domain.md section 3: a carrier or warehouse without a designated contact is a fault of the set-up.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime

from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import duty
from accounts.models import Carrier, Contact, Membership, Shop, Warehouse
from accounts.models.people import Role
from handoffs.models import CalendarDay, CalendarWindow

CONTACTS, PEOPLE, LEADS, DUTY, AGREEMENTS, DAYS = "contacts", "people", "leads", "duty", "agreements", "days"
TOPICS = (CONTACTS, PEOPLE, LEADS, DUTY, AGREEMENTS, DAYS)
STORE_ROLES = (Role.WAREHOUSE, Role.QC)
LEADING = (Role.SUPPORT, Role.SUPERVISOR, Role.WAREHOUSE, Role.QC, Role.LOGISTICS)
NEXT_YEAR_FROM = 11  # the State Council publishes the next year's holidays in November


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is missing; `link` is where it is put right."""

    topic: str
    text: str
    link: str


@dataclass(frozen=True)
class Setup:
    """The small tables the faults are read from, each with one statement."""

    shops: list[Shop]
    warehouses: list[Warehouse]
    carriers: list[Carrier]
    contacts: list[Contact]
    members: list[tuple[int, str, int, bool]]  # user, role, shop, lead
    present: set[int]

    def contact(self, role: str, **place: int | None) -> bool:
        ((name, pk),) = place.items()
        return pk is not None and any(c.role == role and getattr(c, name) == pk for c in self.contacts)

    def holders(self, *roles: str) -> set[int]:
        return {user for user, held, _shop, _lead in self.members if held in roles}

    def of_shop(self, shop: Shop, role: str) -> list[tuple[int, bool]]:
        return [(user, lead) for user, held, where, lead in self.members if held == role and where == shop.pk]


def faults(*topics: str, at: datetime | None = None) -> list[Fault]:
    """Everything missing that belongs to the topics; to all of them where none is named."""
    now = at or timezone.now()
    return faults_of(read(now), *topics, today=timezone.localdate(now))


def faults_of(setup: Setup, *topics: str, today: date | None = None) -> list[Fault]:
    """The same of tables that are read already; without `today` nothing is said of holidays."""
    found = [*_contacts(setup), *_unfit(setup), *_people(setup), *_leads(setup), *_duty(setup), *_agreements(setup),
             *(_days(today) if today else ())]  # fmt: skip
    return [fault for fault in found if not topics or fault.topic in topics]


def read(at: datetime) -> Setup:
    """The tables as they stand, with who is on duty at the moment."""
    members = Membership.objects.in_force(at).values_list("user_id", "role", "shop_id", "lead")
    return Setup(
        shops=list(Shop.objects.filter(active=True)),
        warehouses=list(Warehouse.objects.filter(active=True)),
        carriers=list(Carrier.objects.filter(active=True).select_related("agreement")),
        contacts=list(Contact.objects.select_related("user", "deputy", "carrier", "warehouse", "shop")),
        members=list(members),
        present=duty.on_duty_ids(at),
    )


def _fault(topic: str, place: str, text: str, *, name: object, roles: Iterable[str] = ()) -> Fault:
    labels = ", ".join(str(Role(role).label) for role in roles)
    return Fault(topic, text % {"name": name, "role": labels}, reverse(f"admin:{place}"))


def _contacts(setup: Setup) -> Iterator[Fault]:
    add = "accounts_contact_add"
    for carrier in setup.carriers:
        if not setup.contact(Role.LOGISTICS, carrier_id=carrier.pk):
            text = _("%(name)s has no logistics contact: its questions go to the open queue.")
            yield _fault(CONTACTS, add, text, name=carrier)
    for store in setup.warehouses:
        if without := [role for role in STORE_ROLES if not _reached(setup, role, store)]:
            yield _fault(CONTACTS, add, _("%(name)s has no contact for: %(role)s."), name=store, roles=without)
    for shop in setup.shops:
        wanted = [Role.SUPERVISOR, *(STORE_ROLES if shop.warehouse_id is None else ())]
        if without := [role for role in wanted if not setup.contact(role, shop_id=shop.pk)]:
            yield _fault(CONTACTS, add, _("%(name)s has no contact for: %(role)s."), name=shop, roles=without)


def _reached(setup: Setup, role: str, store: Warehouse) -> bool:
    """A warehouse's own contact, or one of each shop that it serves."""
    served = [shop for shop in setup.shops if shop.warehouse_id == store.pk]
    by_shop = bool(served) and all(setup.contact(role, shop_id=shop.pk) for shop in served)
    return by_shop or setup.contact(role, warehouse_id=store.pk)


def _unfit(setup: Setup) -> Iterator[Fault]:
    """Contacts who cannot answer: switched off, or without the role."""
    for contact in setup.contacts:
        able = contact.user.is_active and contact.user_id in setup.holders(contact.role, Role.MANAGER)
        if not able:
            place = contact.carrier or contact.warehouse or contact.shop
            text = _("%(name)s is a contact but may not answer: switched off, or without the role %(role)s.")
            yield _fault(CONTACTS, "accounts_contact_changelist", text, name=f"{contact.user} ({place})",
                         roles=[contact.role])  # fmt: skip


def _people(setup: Setup) -> Iterator[Fault]:
    for shop in setup.shops:
        if without := [role for role in (Role.SUPPORT, Role.SUPERVISOR, Role.MANAGER) if not setup.of_shop(shop, role)]:
            yield _fault(PEOPLE, "accounts_membership_add", _("%(name)s has nobody as: %(role)s."), name=shop,
                         roles=without)  # fmt: skip


def _leads(setup: Setup) -> Iterator[Fault]:
    for shop in setup.shops:
        held = {role: setup.of_shop(shop, role) for role in LEADING}
        unled = [role for role, people in held.items() if people and not any(lead for _user, lead in people)]
        if unled:
            text = _("%(name)s has no lead among: %(role)s.")
            yield _fault(LEADS, "accounts_membership_changelist", text, name=shop, roles=unled)


def _duty(setup: Setup) -> Iterator[Fault]:
    for shop in setup.shops:
        people = setup.of_shop(shop, Role.SUPPORT)
        if people and not any(user in setup.present for user, _lead in people):
            text = _("%(name)s has no support on duty: new cases go to the open queue.")
            yield _fault(DUTY, "accounts_dutyshift_changelist", text, name=shop)


def _agreements(setup: Setup) -> Iterator[Fault]:
    for carrier in setup.carriers:
        if not hasattr(carrier, "agreement"):
            yield _fault(AGREEMENTS, "accounts_carrier_changelist", _("%(name)s has no agreement."), name=carrier)


def _days(today: date) -> Iterator[Fault]:
    """Working time that follows public holidays needs to know them."""
    if not CalendarWindow.objects.filter(calendar__holidays=True).exists():
        return
    wanted = [today.year, *([today.year + 1] if today.month >= NEXT_YEAR_FROM else ())]
    known = set(CalendarDay.objects.filter(day__year__in=wanted).values_list("day__year", flat=True).distinct())
    for year in wanted:
        if year not in known:
            text = _("The public holidays of %(name)s are not entered: working time counts its weekdays only.")
            yield _fault(DAYS, "handoffs_calendarday_changelist", text, name=year)
