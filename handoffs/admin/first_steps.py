"""The five steps from an empty installation to the first cases, and what is missing in each."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _

from accounts.models import Limit, Membership, Shop, User
from accounts.models.people import Role
from handoffs import permissions
from handoffs.admin import setup_faults
from handoffs.admin.returning import BACK
from handoffs.admin.setup_faults import Setup
from handoffs.models import Case, ImportRun

LIMITED = (Role.SUPPORT, Role.SUPERVISOR)


@dataclass(frozen=True, slots=True)
class Way:
    """A form that brings the step on."""

    label: str
    link: str


@dataclass(frozen=True)
class Step:
    """One of the five. It is done when nothing is missing; `ways` are its forms, the first is the usual one."""

    title: str
    why: str
    missing: list[str]
    ways: list[Way] = field(default_factory=list)
    found: str = ""

    @property
    def done(self) -> bool:
        return not self.missing


def begun() -> bool:
    """Whether the desk has taken anything in; from then on nobody is led any more."""
    return Case.objects.exists()


def steps(user: User, *, at: datetime) -> list[Step]:
    """The five steps in their order, as they stand."""
    setup = setup_faults.read(at)
    return [_shop(setup), _people(setup), _carriers(setup), _limits(), _first_import(user)]


def next_of(all_steps: list[Step]) -> int:
    """The number of the first step in which something is missing; 0 when all is done."""
    return next((number for number, step in enumerate(all_steps, 1) if not step.done), 0)


def other_faults(*, at: datetime) -> list[setup_faults.Fault]:
    """What is missing beside the steps; nothing while there is no shop."""
    return setup_faults.faults(setup_faults.LEADS, setup_faults.DUTY, setup_faults.DAYS, at=at)


def unmanaged(user: User) -> list[Shop]:
    """The shops a superuser could take as manager."""
    if not user.is_superuser:
        return []
    return list(Shop.objects.filter(active=True).exclude(pk__in=user.shops_as(Role.MANAGER)))


def manage_all(user: User) -> int:
    """Make the superuser manager and lead of every shop without them. Returns of how many."""
    shops = unmanaged(user)
    for shop in shops:
        Membership.objects.create(user=user, shop=shop, role=Role.MANAGER, lead=True)
    return len(shops)


def _way(label: str, place: str) -> Way:
    return Way(label, f"{reverse(f'admin:{place}')}?{BACK}")


def _shop(setup: Setup) -> Step:
    missing = [] if setup.shops else [_("There is no shop yet.")]
    ways = [_way(_("Add a shop"), "accounts_shop_add"), _way(_("Add a warehouse"), "accounts_warehouse_add")]
    why = _("One entry for each store on a marketplace. Every case, role and file belongs to a shop.")
    return Step(_("Shop"), why, missing, ways, _named(setup.shops))


def _people(setup: Setup) -> Step:
    missing = [fault.text for fault in setup_faults.faults_of(setup, setup_faults.PEOPLE)]
    if not setup.shops:
        missing = [_("First comes the shop: roles are held in a shop.")]
    ways = [_way(_("Add a person"), "accounts_user_add"), _way(_("Give a role"), "accounts_membership_add")]
    why = _("Who works at the desk, and as what. A small shop's people may hold several roles.")
    names = {role: len(setup.holders(role)) for role in Role.values if setup.holders(role)}
    return Step(_("People"), why, missing, ways,
                " · ".join(f"{Role(role).label} {count}" for role, count in names.items()))  # fmt: skip


def _carriers(setup: Setup) -> Step:
    missing = list(_carriers_missing(setup))
    ways = [_way(_("Add a carrier"), "accounts_carrier_add"), _way(_("Add a contact"), "accounts_contact_add")]
    why = _("Who brings the parcels, and which colleague answers for each carrier, warehouse and shop.")
    return Step(_("Carriers and contacts"), why, missing, ways, _named(setup.carriers))


def _carriers_missing(setup: Setup) -> Iterator[str]:
    if not setup.carriers:
        yield _("There is no carrier yet.")
    for fault in setup_faults.faults_of(setup, setup_faults.AGREEMENTS, setup_faults.CONTACTS):
        yield fault.text


def _limits() -> Step:
    held = set(Limit.objects.exclude(role="").values_list("role", flat=True))
    without = [role for role in LIMITED if role not in held]
    says = _("No limit for the role %(role)s: what it proposes waits for approval.")
    ways = [_way(_("Add a limit"), "accounts_limit_add"), _way(_("Look at the deadlines"),
                                                               "handoffs_clockpolicy_changelist")]  # fmt: skip
    why = _("What each role may grant alone, in one step. Deadlines and their steps are there from the start.")
    found = " · ".join(str(Role(role).label) for role in LIMITED if role in held)
    return Step(_("Limits"), why, [says % {"role": Role(role).label} for role in without], ways, found)


def _first_import(user: User) -> Step:
    """Done when a case is there. Importing needs a role in a shop, the superuser's own too."""
    missing, ways = [], []
    if permissions.may(user, "import"):
        ways = [_way(_("Import a file"), "handoffs_import")]
    elif user.is_superuser:
        missing.append(_("You hold no role in a shop yet, so you cannot import. Step 2 gives you one."))
    if not begun():
        tried = ImportRun.objects.exists()
        missing.append(_("A file was chosen, but no case came of it yet.") if tried else _("Nothing was imported yet."))
    why = _(
        "Download the refund export from the seller back office. The desk shows what it would do before it does it."
    )
    return Step(_("First import"), why, missing if not begun() else [], ways)


def _named(rows: list[Any]) -> str:
    """The first of them by name."""
    return "、".join(str(row) for row in rows[:5]) + ("…" if len(rows) > 5 else "")  # noqa: PLR2004
