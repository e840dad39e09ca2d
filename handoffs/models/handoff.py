"""The handoff: one question to one colleague, one deadline, one structured answer (domain.md section 3)."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from accounts.models import User
from accounts.models.people import Role
from handoffs.models.case import Case
from handoffs.models.parcel import Parcel


class HandoffKind(models.TextChoices):
    """The fixed questions. What each asks and accepts stands in `flow.kinds`."""

    TRACE_DELIVERY = "trace_delivery", _("trace the delivery")
    TRACE_RETURN = "trace_return", _("trace the return")
    CHECK_NOT_RECEIVED = "check_not_received", _("check “not received”")
    RECALL_PARCEL = "recall_parcel", _("recall the parcel")
    APPROVE_REFUND = "approve_refund", _("approve a refund")
    APPROVE_COMPENSATION = "approve_compensation", _("approve compensation")
    SPECIAL_REQUEST = "special_request", _("special request")
    CHECK_SHIPPED = "check_shipped", _("check whether it left")
    STOP_PARCEL = "stop_parcel", _("stop the parcel")
    RECEIVE_RETURN = "receive_return", _("receive the return")
    RECHECK_WEIGHT = "recheck_weight", _("recheck the weight")
    INSPECT_RETURN = "inspect_return", _("inspect the return")
    ASK_QUALITY = "ask_quality", _("ask about quality")
    FOLLOW_UP_PARCEL = "follow_up_parcel", _("follow up an abnormal parcel")
    INSPECT_AT_DOOR = "inspect_at_door", _("inspect at the door")
    ISSUE_CERTIFICATE = "issue_certificate", _("issue a certificate")


class Handoff(models.Model):
    """A question on a case. `assignee` empty means the role's open queue.

    `subject` tells questions of one kind on one case apart (``parcel:7``, ``line:…`` or nothing). `joined` points
    to the question on the same waybill whose answer serves this case too.
    """

    class Status(models.TextChoices):
        OPEN = "open", _("open")
        CLAIMED = "claimed", _("claimed")
        ANSWERED = "answered", _("answered")
        RETURNED = "returned", _("returned")
        WITHDRAWN = "withdrawn", _("withdrawn")

    LIVE = (Status.OPEN, Status.CLAIMED)

    case = models.ForeignKey(Case, models.PROTECT, related_name="handoffs", verbose_name=_("case"))
    kind = models.CharField(_("kind"), max_length=24, choices=HandoffKind)
    from_role = models.CharField(pgettext_lazy("asking side", "from"), max_length=12, choices=Role)
    to_role = models.CharField(pgettext_lazy("answering side", "to"), max_length=12, choices=Role)
    asker = models.ForeignKey(
        User, models.PROTECT, null=True, blank=True, related_name="asked", verbose_name=_("asked by")
    )
    assignee = models.ForeignKey(
        User, models.PROTECT, null=True, blank=True, related_name="handoffs", verbose_name=_("assigned to")
    )
    reached = models.CharField(_("reached through"), max_length=12, default="open_queue")
    status = models.CharField(_("status"), max_length=10, choices=Status, default=Status.OPEN)
    subject = models.CharField(max_length=80, blank=True)
    parcel = models.ForeignKey(
        Parcel, models.PROTECT, null=True, blank=True, related_name="handoffs", verbose_name=_("parcel")
    )
    joined = models.ForeignKey("self", models.PROTECT, null=True, blank=True, related_name="followers")
    note = models.TextField(_("note"), blank=True)
    amount = models.DecimalField(_("amount (yuan)"), max_digits=12, decimal_places=2, null=True, blank=True)
    difficult = models.BooleanField(_("difficult"), default=False)
    difficult_reason = models.CharField(_("why difficult"), max_length=255, blank=True)
    version = models.PositiveSmallIntegerField(default=1)
    due_at = models.DateTimeField(_("due"), null=True, blank=True)
    # What is lost first, the promise or the money: `due_at`, or the marketplace's deadline where we must act before it.
    first_at = models.DateTimeField(null=True, blank=True)
    answer = models.CharField(_("answer"), max_length=20, blank=True)
    answer_note = models.TextField(_("answer note"), blank=True)
    data = models.JSONField(_("details"), default=dict, blank=True)
    answered_by = models.ForeignKey(
        User, models.PROTECT, null=True, blank=True, related_name="answered", verbose_name=_("answered by")
    )
    answered_at = models.DateTimeField(_("answered at"), null=True, blank=True)
    created_at = models.DateTimeField(_("asked at"))

    class Meta:
        verbose_name = _("handoff")
        verbose_name_plural = _("handoffs")
        constraints = (
            models.UniqueConstraint(
                fields=("case", "kind", "subject"),
                condition=Q(status__in=("open", "claimed")),
                name="one_open_handoff_per_case_kind_and_subject",
            ),
            models.CheckConstraint(condition=Q(amount__isnull=True) | Q(amount__gt=0), name="handoff_amount_positive"),
        )
        indexes = (
            models.Index(
                fields=("first_at", "id"),
                condition=Q(status__in=("open", "claimed"), joined=None),
                name="live_handoffs_by_first",
            ),
            models.Index(
                fields=("assignee", "due_at"),
                condition=Q(status__in=("open", "claimed")),
                name="live_handoffs_by_person",
            ),
            models.Index(fields=("parcel", "kind"), condition=Q(status__in=("open", "claimed")), name="live_by_parcel"),
        )

    def __str__(self) -> str:
        return f"{self.get_kind_display()} · {self.case_id}"

    @property
    def is_live(self) -> bool:
        return self.status in self.LIVE
