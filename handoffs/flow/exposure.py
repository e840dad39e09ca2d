"""Exposure: refunds confirmed whose goods are neither back, nor stopped, nor claimed, nor waived.

Source: domain.md section 8.
"""

from decimal import Decimal

from django.db.models import Count, DateTimeField, F, OuterRef, Q, QuerySet, Subquery, Sum
from django.db.models.functions import Coalesce
from django.utils.translation import gettext as _

from accounts.models import User
from handoffs import permissions
from handoffs.flow.errors import NotAllowed
from handoffs.models import Case, RefundOrder

# The flow keeps exactly these as “goods open”; refunds that were history when the desk first saw them are not.
EXPOSED = Q(status=Case.Status.GOODS_OPEN, money=Case.Money.CONFIRMED)


def exposed(shops: frozenset[int] | set[int]) -> QuerySet[Case]:
    """The cases of these shops whose money has gone and whose goods are not secured."""
    return Case.objects.filter(EXPOSED, shop__in=shops)


def seen_by(user: User) -> QuerySet[Case]:
    """The exposed cases a person may see, oldest money first, with the moment it was known to be gone as `gone_at`."""
    shops = frozenset(pk for pk in user.shops_as() if permissions.may(user, "see_exposure", shop_id=pk))
    if not shops:
        raise NotAllowed(_("Your role does not see amounts."))
    settled = RefundOrder.objects.filter(case=OuterRef("pk"), status="confirmed").order_by("-settled_at")
    moment = Coalesce(Subquery(settled.values("settled_at")[:1]), F("ended_at"), F("modified"), F("changed_at"),
                      output_field=DateTimeField())  # fmt: skip
    return exposed(shops).annotate(gone_at=moment).order_by("gone_at", "pk")


def total(cases: QuerySet[Case]) -> tuple[int, Decimal]:
    """How many, and how much in yuan. One statement."""
    found = cases.order_by().aggregate(n=Count("pk"), amount=Sum("amount"))
    return found["n"], (found["amount"] or Decimal(0)).quantize(Decimal("0.01"))
