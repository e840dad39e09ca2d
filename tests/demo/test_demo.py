"""The demo shop: two days of an invented shop's life, made through the flow, with everything there is to see."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.db import transaction
from django.db.models import F

from accounts import duty, tokens
from accounts.models import Carrier, Contact, Limit, Membership, Shop, User, Warehouse
from accounts.models.people import Role
from handoffs import reports, sweep, worklist
from handoffs.demo import people, play
from handoffs.models import (
    CarrierClaim,
    Case,
    Clock,
    Decision,
    Handoff,
    OutboxMessage,
    Parcel,
    ParcelEvent,
    Receipt,
    RefundOrder,
    Response,
    TimelineEntry,
)
from handoffs.models.handoff import HandoffKind
from handoffs.reports import Span
from tests.factories import NOON


@pytest.fixture(scope="module", autouse=True)
def _demo(django_db_setup: None, django_db_blocker: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """One demo for all tests of this file, taken back at the end."""
    with django_db_blocker.unblock(), transaction.atomic(), time_machine.travel(NOON, tick=False):
        play.build(at=NOON)
        yield
        transaction.set_rollback(True)


pytestmark = [pytest.mark.django_db, pytest.mark.slow]


def found(model: Any, *fields: str) -> set[Any]:
    return set(model.objects.values_list(*fields, flat=len(fields) == 1))


def test_some_150_cases_stand_on_every_path_and_in_every_status() -> None:
    assert 140 <= Case.objects.count() <= 190
    assert found(Case, "path") == {1, 2, 3, 4, None}
    assert found(Case, "status") == set(Case.Status.values)
    assert found(Case, "source_kind") == {"refund", "service", "cancel"}
    for path in (1, 2, 3, 4):
        assert Case.objects.filter(path=path).values("status").distinct().count() >= 5


def test_every_question_and_nearly_every_outcome_can_be_seen() -> None:
    assert found(Handoff, "kind") == set(HandoffKind.values)
    assert found(Handoff, "status") == set(Handoff.Status.values)
    assert found(Decision, "status") == set(Decision.Status.values)
    assert found(Decision, "kind") >= set(Decision.Kind.values) - {"exchange"}
    assert found(RefundOrder, "status") == {"acknowledged", "confirmed"}
    assert Handoff.objects.exclude(joined=None).count() == 2
    assert Response.objects.filter(bulk=True).exists()


def test_some_are_late_and_some_are_about_to_be() -> None:
    open_clocks = Clock.objects.filter(ended_at=None)
    assert open_clocks.filter(state="late").values("kind").distinct().count() >= 4
    for kind in ("first_response", "handoff", "carry_out", "marketplace"):
        assert open_clocks.filter(kind=kind, due_at__gt=NOON, due_at__lte=NOON + timedelta(hours=1)).exists(), kind
    assert found(TimelineEntry, "kind") >= {"reminded", "late", "escalated", "responded", "counted_lost", "voided"}


def test_it_went_through_the_flow_and_the_engine_kept_up() -> None:
    assert Case.objects.exclude(timeline__kind="arrived").count() == 0
    assert Handoff.objects.filter(status="answered").exclude(case__timeline__kind="answered").count() == 0
    assert Decision.objects.filter(approved_by=F("by")).count() == 0
    assert Clock.objects.exclude(failed="").count() == 0
    assert sweep.due(NOON).count() == 0
    assert TimelineEntry.objects.filter(at__gt=NOON).count() == 0
    late = Clock.objects.filter(state="late", handoff__isnull=False).exclude(cause="arrived_late")
    noted = TimelineEntry.objects.filter(kind="late").values_list("data__handoff", flat=True)
    assert set(late.values_list("handoff", flat=True)) <= set(noted)


def test_there_is_one_login_in_each_role_who_belongs_to_both_shops_and_is_on_duty() -> None:
    logins = people.logins()
    assert [shop["marketplace"] for shop in logins["shops"]] == ["taobao", "jd"]
    assert [user["role"] for user in logins["users"]] == [
        "support", "supervisor", "warehouse", "qc", "logistics", "manager"
    ]  # fmt: skip
    for login in logins["users"]:
        user = User.objects.get(email=login["email"])
        assert user.check_password(login["password"])
        assert user.tokens.get().digest == tokens.digest(login["token"])
        assert user.roles == {login["role"]}
        assert user.shops_as(login["role"]) == set(Shop.objects.values_list("pk", flat=True))
        assert user.pk in duty.on_duty_ids(NOON)
        assert Membership.objects.filter(user=user, lead=True).count() == 2


def test_contacts_deputies_and_limits_are_complete() -> None:
    assert Carrier.objects.filter(active=True).count() == 3
    assert Carrier.objects.filter(agreement=None).count() == 0
    assert Contact.objects.filter(role=Role.LOGISTICS, user__name="物流小马").count() == 3
    for role in (Role.WAREHOUSE, Role.QC):
        assert Contact.objects.filter(role=role, warehouse__in=Warehouse.objects.all()).count() == 1
    assert Contact.objects.filter(role=Role.SUPERVISOR, shop__in=Shop.objects.all()).count() == 2
    assert dict(Limit.objects.values_list("role", "amount")) == {"support": 100, "supervisor": 5000, "manager": None}
    assert not Handoff.objects.filter(reached="no_contact").exists()


def test_everybody_has_work_waiting() -> None:
    yesterday = Span(NOON - timedelta(hours=36), NOON - timedelta(hours=12))
    for role in Role.values:
        user = User.objects.get(email=f"{role}@{people.DOMAIN}")
        listed = worklist.of(user, at=NOON, noon=NOON, yesterday=yesterday)
        assert listed.due or listed.waiting, role


def test_no_mail_goes_out_for_what_happened_in_the_demo() -> None:
    assert found(OutboxMessage, "mail") == {"none"}
    assert User.objects.filter(wants_mail=True).count() == 6
    assert OutboxMessage.objects.filter(read_at=None, created_at__lt=NOON - timedelta(hours=2)).count() == 0
    assert OutboxMessage.objects.filter(read_at=None).exists()


def test_the_measures_have_something_to_show() -> None:
    shops = list(Shop.objects.values_list("pk", flat=True))
    days = Span(NOON - timedelta(days=2), NOON)
    assert 80 <= (reports.first_response_rate(shops, days).percent or 0) < 100
    assert reports.completion_time(shops, days).count > 20
    assert len(reports.on_time_by_lane(shops, days)) >= 4
    assert len(reports.on_time_by_carrier(shops, days)) >= 2
    assert reports.exposure(shops).count >= 3


def test_nothing_in_it_belongs_to_a_real_person() -> None:
    assert not User.objects.exclude(email__endswith=".test").exists()
    assert not Case.objects.exclude(source__buyer_name__startswith="演示买家").exists()
    assert not Case.objects.exclude(source__buyer_phone__startswith="000-").exists()


def test_parcels_have_traces_and_two_of_them_belong_to_nobody() -> None:
    states = found(Parcel, "state")
    assert {"in_transit", "out_for_delivery"} <= states
    assert not ParcelEvent.objects.filter(at__gt=NOON).exists()
    assert Receipt.objects.filter(state="orphan", attachments__isnull=False).count() == 2
    assert CarrierClaim.objects.filter(status="claimed").exists()
