"""Chat bots that are told what the bell tells: of one person, or of a team in a shop (domain.md section 7)."""

from typing import Any

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts import vault
from accounts.models import Shop, User
from accounts.models.people import Role
from handoffs.models.case import Case


class Channel(models.Model):
    """One bot's address, sealed at rest and never shown again in full. It belongs to a person, or to a role in a shop.

    A team hears of each event once, however many of its members the bell tells.
    """

    user = models.ForeignKey(
        User, models.CASCADE, null=True, blank=True, related_name="channels", verbose_name=_("person")
    )
    shop = models.ForeignKey(Shop, models.CASCADE, null=True, blank=True, related_name="+", verbose_name=_("shop"))
    role = models.CharField(_("role"), max_length=12, choices=Role, blank=True)
    label = models.CharField(_("name of the channel"), max_length=60)
    sealed_address = models.TextField(editable=False)
    kind = models.CharField(_("kind of bot"), max_length=12, editable=False)
    urgent_only = models.BooleanField(
        _("urgent only"), default=False, help_text=_("Only what is late, escalated or has nobody on duty.")
    )
    follows_duty = models.BooleanField(
        _("only on duty"), default=True, help_text=_("Outside duty it waits and comes as one message when duty begins.")
    )
    quiet_from = models.TimeField(_("quiet from"), null=True, blank=True)
    quiet_to = models.TimeField(_("quiet until"), null=True, blank=True)
    active = models.BooleanField(_("in use"), default=True)
    created_at = models.DateTimeField(auto_now_add=True)
    told_at = models.DateTimeField(_("last message"), null=True, blank=True, editable=False)
    error = models.CharField(_("last error"), max_length=255, blank=True, editable=False)

    class Meta:
        verbose_name = _("chat channel")
        verbose_name_plural = _("chat channels")
        ordering = ("label", "pk")
        constraints = (
            models.CheckConstraint(
                condition=Q(user__isnull=False, shop=None, role="") | (Q(user=None, shop__isnull=False) & ~Q(role="")),
                name="channel_of_a_person_or_a_team",
            ),
            models.CheckConstraint(
                condition=Q(quiet_from=None, quiet_to=None) | Q(quiet_from__isnull=False, quiet_to__isnull=False),
                name="channel_quiet_from_and_until",
            ),
        )

    def __str__(self) -> str:
        return self.label

    def keep(self, address: str, kind: str) -> None:
        self.sealed_address, self.kind = vault.seal(address), kind

    @property
    def address(self) -> str:
        """In plain. Raises vault.Sealed with the wrong key at hand."""
        return vault.unseal(self.sealed_address)


class ChannelPost(models.Model):
    """One event to be told on one channel, once: `event` is the outbox key without the person."""

    class State(models.TextChoices):
        QUEUED = "queued", _("queued")
        INFLIGHT = "inflight", _("being sent")
        SENT = "sent", _("sent")
        RETRY = "retry", _("will be tried again")
        DEAD = "dead", _("given up")

    WAITING = (State.QUEUED, State.INFLIGHT, State.RETRY)

    channel = models.ForeignKey(Channel, models.CASCADE, related_name="posts")
    event = models.CharField(max_length=160)
    kind = models.CharField(max_length=32)
    case = models.ForeignKey(Case, models.CASCADE, null=True, blank=True, related_name="+")
    data: Any = models.JSONField(default=dict, blank=True)
    created_at = models.DateTimeField()
    state = models.CharField(max_length=8, choices=State, default=State.QUEUED)
    attempts = models.PositiveSmallIntegerField(default=0)
    next_try_at = models.DateTimeField(null=True, blank=True)
    error = models.CharField(max_length=255, blank=True)

    class Meta:
        constraints = (models.UniqueConstraint(fields=("channel", "event"), name="each_event_once_a_channel"),)
        indexes = (
            models.Index(
                fields=("next_try_at", "id"),
                condition=Q(state__in=("queued", "inflight", "retry")),
                name="posts_to_send",
            ),
            models.Index(fields=("id",), condition=Q(state="dead"), name="posts_given_up"),
        )

    def __str__(self) -> str:
        return self.event
