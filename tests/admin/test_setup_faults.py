"""What is missing in the set-up is named, where it is put right is linked, and nothing is named that is there."""

from datetime import time, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import Agreement, Carrier, Contact, DutyShift, Membership, Shop, User, Warehouse
from handoffs.admin.setup_faults import faults
from handoffs.models import Calendar, CalendarDay, CalendarWindow
from tests import factories
from tests.admin.conftest import LogIn
from tests.factories import NOON, World


def texts(*topics: str) -> list[str]:
    return [fault.text for fault in faults(*topics, at=NOON)]


def test_a_whole_set_up_has_no_faults(world: World) -> None:
    assert texts() == []


def test_a_carrier_without_a_contact_is_a_fault_with_the_place_to_mend_it(world: World) -> None:
    Contact.objects.filter(carrier=world.carriers["sf"]).delete()
    (fault,) = faults(at=NOON)
    assert fault.text == "SF has no logistics contact: its questions go to the open queue."
    assert fault.link == reverse("admin:accounts_contact_add")


def test_a_carrier_that_is_switched_off_needs_none(world: World) -> None:
    Contact.objects.filter(carrier=world.carriers["sf"]).delete()
    Carrier.objects.filter(code="sf").update(active=False)
    assert texts() == []


def test_a_warehouse_without_contacts_names_the_counterparts(world: World) -> None:
    Warehouse.objects.create(code="second", name="Second")
    assert texts("contacts") == ["Second has no contact for: warehouse, quality control."]


def test_contacts_of_every_shop_a_warehouse_serves_will_do(world: World) -> None:
    Contact.objects.filter(role="qc").delete()
    Contact.objects.create(role="qc", shop=world.shop, user=world.qc)
    assert texts() == ["Main warehouse has no contact for: quality control."]
    Contact.objects.create(role="qc", shop=world.other_shop, user=world.qc)
    assert texts() == []


def test_a_shop_without_warehouse_needs_contacts_of_its_own(world: World) -> None:
    Shop.objects.filter(pk=world.shop.pk).update(warehouse=None)
    assert texts() == ["Taobao shop has no contact for: warehouse, quality control."]


def test_a_contact_who_lost_the_role_or_was_switched_off_is_named(world: World) -> None:
    Membership.objects.filter(user=world.qc).update(valid_to=NOON - timedelta(days=2))
    assert (
        "Qc (Main warehouse) is a contact but may not answer: switched off, or without the role quality control."
        in (texts("contacts"))
    )


def test_a_shop_without_people_without_lead_and_without_duty_is_named(world: World) -> None:
    Membership.objects.filter(role="support", shop=world.shop).update(lead=False)
    DutyShift.objects.filter(user=world.support).delete()
    User.objects.filter(pk=world.manager.pk).update(is_active=False)
    assert sorted(texts("people", "leads", "duty")) == [
        "JD shop has no support on duty: new cases go to the open queue.",
        "JD shop has nobody as: manager.",
        "Taobao shop has no lead among: support agent.",
        "Taobao shop has no support on duty: new cases go to the open queue.",
        "Taobao shop has nobody as: manager.",
    ]


def test_a_carrier_without_agreement_is_named(world: World) -> None:
    Agreement.objects.filter(carrier=world.carriers["zto"]).delete()
    assert texts() == ["ZTO has no agreement."]


@pytest.mark.parametrize("holidays", [True, False])
def test_a_year_without_holidays_matters_to_calendars_that_follow_them(world: World, holidays: bool) -> None:  # noqa: FBT001
    calendar = Calendar.objects.create(name="Office", holidays=holidays)
    CalendarWindow.objects.create(calendar=calendar, weekday=0, start=time(9), end=time(18))
    CalendarDay.objects.all().delete()
    CalendarDay.objects.create(day="2026-10-01", kind="rest")
    assert len(texts()) == holidays
    assert all("2027" in text for text in texts())


def test_supervisors_read_the_faults_and_managers_are_led_to_mend_them(world: World, log_in: LogIn) -> None:
    Contact.objects.filter(carrier=world.carriers["sf"]).delete()
    where = reverse("admin:accounts_contact_changelist")
    read, mend = (log_in(person).get(where).content.decode() for person in (world.supervisor, world.manager))
    assert "SF has no logistics contact" in read
    assert "SF has no logistics contact" in mend
    assert ("Mend" in read, "Mend" in mend) == (False, True)


def test_looking_for_faults_costs_the_same_whatever_the_size(world: World) -> None:
    def cost() -> int:
        with CaptureQueriesContext(connection) as found:
            faults(at=NOON)
        return len(found)

    first = cost()
    for number in range(12):
        carrier = Carrier.objects.create(code=f"c{number}", name=f"C{number}")
        Contact.objects.create(role="logistics", carrier=carrier, user=factories.person("logistics", world.shop))
        Warehouse.objects.create(code=f"w{number}", name=f"W{number}")
        Shop.objects.create(code=f"s{number}", name=f"S{number}", marketplace="jd")
    assert cost() == first
