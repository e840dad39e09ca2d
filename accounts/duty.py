"""Who is on duty, who stands in, and whom a question reaches (domain.md section 3, designated contacts)."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Exists, OuterRef, Q, QuerySet

from accounts.models import Contact, DutyShift, Membership, User
from accounts.models.people import Role

ONLINE = timedelta(minutes=5)
SEEN_EVERY = timedelta(minutes=1)


@dataclass(frozen=True)
class Reached:
    """Whom a question goes to. `user` None is the role's open queue; `how` says why, in one word."""

    user: User | None
    how: str  # contact, stand_in, deputy, lead, open_queue, no_contact


def shifts_at(at: datetime) -> QuerySet[DutyShift]:
    return DutyShift.objects.filter(Q(ends_at=None) | Q(ends_at__gt=at), starts_at__lte=at)


def on_duty_ids(at: datetime) -> set[int]:
    """Everyone on duty at that moment, stand-ins included, those who are stood in for left out."""
    present: set[int] = set()
    replaced: set[int] = set()
    for user_id, stand_in_id in shifts_at(at).values_list("user_id", "stand_in_id"):
        if stand_in_id:
            replaced.add(user_id)
            present.add(stand_in_id)
        else:
            present.add(user_id)
    return present - replaced


def stand_in_for(user_id: int, at: datetime) -> User | None:
    shift = shifts_at(at).filter(user_id=user_id, stand_in__isnull=False).select_related("stand_in").first()
    return shift.stand_in if shift else None


def members(role: str, shop_id: int, at: datetime) -> QuerySet[User]:
    rows = Membership.objects.in_force(at).filter(role=role, shop_id=shop_id)
    return User.objects.filter(pk__in=rows.values("user_id"), is_active=True)


def leads(role: str, shop_id: int, at: datetime) -> QuerySet[User]:
    rows = Membership.objects.in_force(at).filter(role=role, shop_id=shop_id, lead=True)
    return User.objects.filter(pk__in=rows.values("user_id"), is_active=True)


def is_online(user: User, at: datetime) -> bool:
    """Seen within the last five minutes."""
    return user.seen_at is not None and at - user.seen_at <= ONLINE


def note_seen(user: User, *, at: datetime) -> None:
    """The person made a request, through whichever door; written at most once a minute."""
    if user.seen_at is None or at - user.seen_at >= SEEN_EVERY:
        User.objects.filter(pk=user.pk).update(seen_at=at)


def find_contact(
    role: str, *, shop_id: int, carrier_id: int | None = None, warehouse_id: int | None = None
) -> Contact | None:
    """The designated contact: of the carrier for logistics; of the warehouse, else of the shop, for the others."""
    rows = Contact.objects.filter(role=role).select_related("user", "deputy")
    if carrier_id is not None:
        return rows.filter(carrier_id=carrier_id).first()
    if warehouse_id is not None and (found := rows.filter(warehouse_id=warehouse_id).first()):
        return found
    return rows.filter(shop_id=shop_id).first()


def reach(
    role: str, *, shop_id: int, at: datetime, carrier_id: int | None = None, warehouse_id: int | None = None
) -> Reached:
    """Contact, else who stands in, else the deputy, else the role's lead; the open queue where nobody is on duty."""
    contact = find_contact(role, shop_id=shop_id, carrier_id=carrier_id, warehouse_id=warehouse_id)
    if contact is None:
        return Reached(None, "no_contact")
    present = on_duty_ids(at)
    if contact.user.is_active and contact.user_id in present:
        return Reached(contact.user, "contact")
    stand_in = stand_in_for(contact.user_id, at)
    if stand_in is not None and stand_in.is_active:
        return Reached(stand_in, "stand_in")
    if contact.deputy is not None and contact.deputy.is_active and contact.deputy_id in present:
        return Reached(contact.deputy, "deputy")
    lead = leads(role, shop_id, at).filter(pk__in=present).order_by("pk").first()
    return Reached(lead, "lead") if lead else Reached(None, "open_queue")


def followers(user: User, at: datetime) -> dict[int, set[int]]:
    """Who takes over from a person, and in which shops: colleagues of the role on duty, else the role's leads."""
    present, found = on_duty_ids(at), dict[int, set[int]]()
    for role, shop_id, _lead in user.places:
        if role == Role.MANAGER:
            continue
        colleagues = members(role, shop_id, at).filter(pk__in=present).exclude(pk=user.pk)
        for pk in colleagues.values_list("pk", flat=True) or leads(role, shop_id, at).exclude(pk=user.pk).values_list(
            "pk", flat=True
        ):
            found.setdefault(pk, set()).add(shop_id)
    return found


def ending(at: datetime, *, within: timedelta, after: timedelta) -> QuerySet[DutyShift]:
    """Shifts that ended a while ago and were not gone on with: a short break is no hand-over."""
    gone_on = shifts_at(at).filter(user=OuterRef("user"))
    rows = DutyShift.objects.filter(
        ends_at__gt=at - within, ends_at__lte=at - after, stand_in=None, user__is_active=True
    )
    return rows.exclude(Exists(gone_on)).select_related("user").order_by("ends_at", "pk")


def last_shift(user: User, at: datetime, *, within: timedelta) -> DutyShift | None:
    """The shift a person is on, or one that has just ended."""
    rows = DutyShift.objects.filter(user=user, stand_in=None, starts_at__lte=at)
    return rows.filter(Q(ends_at=None) | Q(ends_at__gt=at - within)).order_by("-starts_at", "-pk").first()


def switch_on(user: User, *, at: datetime) -> None:
    """Begin open-ended duty; nothing happens when the person is already on."""
    shifts = shifts_at(at).filter(user=user)
    shifts.filter(stand_in__isnull=False).update(ends_at=at)
    if not shifts.filter(stand_in=None).exists():
        DutyShift.objects.create(user=user, starts_at=at)


def switch_off(user: User, *, at: datetime, stand_in: User | None = None) -> None:
    """End duty now; with a stand-in, open the stretch in which they take over."""
    shifts_at(at).filter(user=user, starts_at=at).delete()
    shifts_at(at).filter(user=user).update(ends_at=at)
    if stand_in is not None:
        DutyShift.objects.create(user=user, starts_at=at, stand_in=stand_in)
