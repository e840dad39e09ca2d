"""Users, who log in by email, and the memberships that say what each may do in which shop."""

from datetime import date, datetime, time
from functools import cached_property
from typing import Any, ClassVar
from zoneinfo import ZoneInfo

from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy
from simple_history.models import HistoricalRecords

from accounts.models.places import Shop, check_zone

CHINA = ZoneInfo("Asia/Shanghai")


class Role(models.TextChoices):
    """The six roles of domain.md section 6."""

    SUPPORT = "support", _("support agent")
    SUPERVISOR = "supervisor", _("supervisor")
    WAREHOUSE = "warehouse", _("warehouse")
    QC = "qc", _("quality control")
    LOGISTICS = "logistics", _("logistics contact")
    MANAGER = "manager", _("manager")


class UserManager(BaseUserManager["User"]):
    """Creates users; every user of the desk enters the console, so all are staff in Django's sense."""

    use_in_migrations = True

    def create_user(self, email: str, password: str | None = None, **extra: Any) -> "User":
        if not email:
            raise ValueError("A user needs an email address.")
        user = self.model(email=self.normalize_email(email).lower(), **extra)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **extra: Any) -> "User":
        return self.create_user(email, password, is_superuser=True, **extra)

    def get_by_natural_key(self, username: str | None) -> "User":
        return self.get(email__iexact=username)


class User(AbstractBaseUser, PermissionsMixin):
    """A person of the team. Language and time zone are theirs; mail and screens follow them."""

    email = models.EmailField(_("email"), unique=True)
    name = models.CharField(pgettext_lazy("of a person", "name"), max_length=80)
    time_zone = models.CharField(_("time zone"), max_length=64, default="Asia/Shanghai", validators=[check_zone])
    language = models.CharField(_("language"), max_length=10, choices=settings.LANGUAGES, default="zh-hans")
    wants_digest = models.BooleanField(_("daily digest by email"), default=True)
    digest_at = models.TimeField(_("digest at"), default=time(8, 0), help_text=_("In the person's own time zone."))
    wants_mail = models.BooleanField(_("reminders by email"), default=True)
    is_active = models.BooleanField(_("active"), default=True)
    new_password_due = models.BooleanField(_("must set a new password"), default=False, editable=False)
    seen_at = models.DateTimeField(_("last seen"), null=True, blank=True, editable=False)
    looked_at = models.DateTimeField(null=True, blank=True, editable=False)
    date_joined = models.DateTimeField(_("joined"), default=timezone.now, editable=False)

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = ["name"]
    objects: ClassVar[UserManager] = UserManager()

    class Meta:
        verbose_name = _("user")
        verbose_name_plural = _("users")
        ordering = ("name", "pk")

    def __str__(self) -> str:
        return self.name or self.email

    @property
    def is_staff(self) -> bool:
        return self.is_active

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.time_zone)

    def get_full_name(self) -> str:
        return self.name

    def get_short_name(self) -> str:
        return self.name

    @cached_property
    def places(self) -> tuple[tuple[str, int, bool], ...]:
        """(role, shop id, lead) of every membership in force today; read once per request."""
        if self._state.adding or not self.is_active:
            return ()
        day, rows = day_of(timezone.now()), Membership.objects.filter(user=self)
        held = rows.values_list("role", "shop_id", "lead", "valid_from", "valid_to")  # few: told apart here, not there
        return tuple((role, shop, lead) for role, shop, lead, begins, ends in held if in_force(day, begins, ends))

    @property
    def roles(self) -> frozenset[str]:
        return frozenset(role for role, _shop, _lead in self.places)

    def shops_as(self, *roles: str) -> frozenset[int]:
        """Ids of the shops in which this person holds one of the roles (any role where none is named)."""
        return frozenset(shop for role, shop, _lead in self.places if not roles or role in roles)

    def roles_in(self, shop_id: int) -> frozenset[str]:
        return frozenset(role for role, shop, _lead in self.places if shop == shop_id)


def day_of(at: datetime) -> date:
    """The day by which memberships begin and end: that of the shops, in China, wherever the desk or the reader is."""
    return at.astimezone(CHINA).date()


def in_force(day: date, begins: date | None, ends: date | None) -> bool:
    """Whether a stretch of days, open at either end, has this day in it."""
    return (begins is None or begins <= day) and (ends is None or day <= ends)


class MembershipQuerySet(models.QuerySet["Membership"]):
    def in_force(self, at: datetime) -> "MembershipQuerySet":
        day = day_of(at)
        begun = Q(valid_from__isnull=True) | Q(valid_from__lte=day)
        not_over = Q(valid_to__isnull=True) | Q(valid_to__gte=day)
        return self.filter(begun, not_over, user__is_active=True)


class Membership(models.Model):
    """One person in one role in one shop, with the lead flag, optionally for a time only."""

    user = models.ForeignKey(User, models.CASCADE, related_name="memberships", verbose_name=_("user"))
    role = models.CharField(_("role"), max_length=12, choices=Role)
    shop = models.ForeignKey(Shop, models.CASCADE, related_name="memberships", verbose_name=_("shop"))
    lead = models.BooleanField(_("lead"), default=False, help_text=_("Gets what nobody else of the role can take."))
    valid_from = models.DateField(_("from"), null=True, blank=True)
    valid_to = models.DateField(_("to"), null=True, blank=True)
    history = HistoricalRecords()
    objects = MembershipQuerySet.as_manager()

    class Meta:
        verbose_name = _("membership")
        verbose_name_plural = _("memberships")
        constraints = (
            models.UniqueConstraint(fields=("user", "role", "shop"), name="one_membership_per_role_and_shop"),
        )
        indexes = (models.Index(fields=("shop", "role")),)

    def __str__(self) -> str:
        return f"{self.user} · {self.get_role_display()} · {self.shop}"
