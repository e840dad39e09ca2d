"""Set-up of places and people: what a manager may store, what is refused at which field, what nobody may delete."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import Agreement, Carrier, Contact, DutyShift, User, Warehouse
from tests import factories, snapshot
from tests.admin.conftest import LogIn
from tests.admin.setup_pages import complaints, formset, page
from tests.factories import World


@pytest.fixture
def manager(world: World, log_in: LogIn) -> Client:
    return log_in(world.manager)


# Places --------------------------------------------------------------------------------------------------------------

AGREEMENT = {"answer_minutes": 120, "lost_after_days": 5, "no_first_event_days": 2, "undelivered_risk": "carrier",
             "claim_follow_up_days": 7, "certificate_on_request": "on"}  # fmt: skip


def test_a_new_carrier_gets_its_agreement_and_its_names_line_by_line(manager: Client) -> None:
    body = {"code": "jt", "name": "JT", "names": "极兔速递\n 极兔 \n\n极兔", "active": "on"}
    assert complaints(manager, page("accounts_carrier", "add"), body | formset("agreement", AGREEMENT)) == {}
    carrier = Carrier.objects.get(code="jt")
    assert (carrier.names, carrier.agreement.answer_minutes) == (["极兔速递", "极兔"], 120)


def test_a_name_means_one_carrier_only(manager: Client) -> None:
    body = {"code": "jt", "name": "JT", "names": "圆通速递", "active": "on"}
    found = complaints(manager, page("accounts_carrier", "add"), body | formset("agreement", AGREEMENT))
    assert found == {"names": ["“圆通速递” already means YTO."]}


def test_a_shop_needs_a_time_zone_that_exists(manager: Client, world: World) -> None:
    body = {"code": "x", "name": "X", "marketplace": "jd", "time_zone": "Mars/Base", "return_policy": "on_signature"}
    assert set(complaints(manager, page("accounts_shop", "add"), body)) == {"time_zone"}
    assert complaints(manager, page("accounts_shop", "add"), body | {"time_zone": "Europe/Berlin"}) == {}


@pytest.mark.parametrize("name", ["shop", "carrier", "warehouse", "user"])
def test_what_is_in_use_is_not_deleted_and_the_reason_is_said(manager: Client, world: World, name: str) -> None:
    factories.case(world.shop)
    found = {"shop": world.shop, "carrier": world.carriers["zto"], "warehouse": world.store, "user": world.support}[
        name
    ]
    before = snapshot.of_the_desk()
    for send in (manager.get, manager.post):
        answer = send(page(f"accounts_{name}", "delete", found.pk), {"post": "yes"}, follow=True)
        (message,) = [str(each) for each in answer.context["messages"]]
        assert "is in use" in message
        assert answer.redirect_chain[0][0] == page(f"accounts_{name}", "change", found.pk)
    assert snapshot.of_the_desk() == before


def test_what_nothing_refers_to_is_deleted(manager: Client) -> None:
    store = Warehouse.objects.create(code="old", name="Old")
    carrier = Carrier.objects.create(code="old", name="Old")
    Agreement.objects.create(carrier=carrier)
    manager.post(page("accounts_warehouse", "delete", store.pk), {"post": "yes"})
    manager.post(page("accounts_carrier", "delete", carrier.pk), {"post": "yes"})
    assert not Warehouse.objects.filter(code="old").exists()
    assert not Carrier.objects.filter(code="old").exists()


# People --------------------------------------------------------------------------------------------------------------


def person_body(world: World, **changes: Any) -> dict[str, Any]:
    body = {"email": "New@desk.test", "name": "新人", "language": "zh-hans", "time_zone": "Asia/Shanghai",
            "password1": "a-long-pass-word", "password2": "a-long-pass-word"}  # fmt: skip
    row = {"role": "support", "shop": world.shop.pk, "lead": "on"}
    return body | formset("memberships", row) | changes


def test_a_person_is_made_with_password_and_memberships_at_once(manager: Client, world: World) -> None:
    assert complaints(manager, page("accounts_user", "add"), person_body(world)) == {}
    person = User.objects.get(email="new@desk.test")
    assert person.check_password("a-long-pass-word")
    assert person.places == (("support", world.shop.pk, True),)


def test_an_email_belongs_to_one_person_however_it_is_written(manager: Client, world: World) -> None:
    body = person_body(world, email=world.support.email.upper())
    assert "email" in complaints(manager, page("accounts_user", "add"), body)


def change_body(person: User, **changes: Any) -> dict[str, Any]:
    body = {"email": person.email, "name": person.name, "language": "en", "time_zone": "Asia/Shanghai",
            "wants_mail": "on", "wants_digest": "on", "digest_at": "08:00", "is_active": "on"}  # fmt: skip
    rows = [
        {"id": row.pk, "user": person.pk, "role": row.role, "shop": row.shop_id, "lead": "on"}
        for row in person.memberships.order_by("pk")
    ]
    return body | formset("memberships", *rows, initial=len(rows)) | changes


def test_a_person_is_switched_off_but_nobody_switches_oneself_off(manager: Client, world: World) -> None:
    off = {"is_active": ""}
    other, own = (page("accounts_user", "change", each.pk) for each in (world.support, world.manager))
    assert complaints(manager, other, change_body(world.support, **off)) == {}
    assert set(complaints(manager, own, change_body(world.manager, **off))) == {"is_active"}
    world.support.refresh_from_db()
    assert not world.support.is_active


def test_the_same_membership_twice_is_refused(manager: Client, world: World) -> None:
    body = {"user": world.support.pk, "role": "support", "shop": world.shop.pk}
    assert complaints(manager, page("accounts_membership", "add"), body) != {}
    late = {"user": world.support.pk, "role": "qc", "shop": world.shop.pk, "valid_from": "2026-11-20",
            "valid_to": "2026-11-19"}  # fmt: skip
    assert set(complaints(manager, page("accounts_membership", "add"), late)) == {"valid_to"}


def test_a_manager_cannot_take_over_whoever_set_up_the_desk(manager: Client, world: World) -> None:
    root = User.objects.create_superuser("root@desk.test", "pass-word-1", name="Root")
    before = snapshot.of_the_desk()
    password = reverse("admin:auth_user_password_change", args=[root.pk])
    body = {"password1": "taken-over-now", "password2": "taken-over-now", "set-password": "1"}
    assert manager.post(password, body).status_code == 403
    assert manager.post(page("accounts_user", "change", root.pk), change_body(root)).status_code == 403
    assert manager.post(page("accounts_user", "delete", root.pk), {"post": "yes"}).status_code == 403
    assert snapshot.of_the_desk() == before


# Contacts and duty ---------------------------------------------------------------------------------------------------


def test_a_contact_has_one_place_that_fits_and_a_role_to_answer_in(manager: Client, world: World) -> None:
    add, carrier, store = page("accounts_contact", "add"), world.carriers["zto"], world.store
    Contact.objects.all().delete()
    good = {"role": "logistics", "carrier": carrier.pk, "user": world.logistics.pk}
    assert set(complaints(manager, add, good | {"user": world.support.pk})) == {"user"}
    assert set(complaints(manager, add, good | {"deputy": world.support.pk})) == {"deputy"}
    assert set(complaints(manager, add, good | {"deputy": world.logistics.pk})) == {"deputy"}
    assert set(complaints(manager, add, {"role": "qc", "carrier": carrier.pk, "user": world.qc.pk})) == {"carrier"}
    assert set(complaints(manager, add, good | {"warehouse": store.pk})) == {""}
    assert set(complaints(manager, add, {"role": "qc", "user": world.qc.pk})) == {""}
    assert Contact.objects.count() == 0
    assert complaints(manager, add, good | {"deputy": world.manager.pk}) == {}
    assert complaints(manager, add, good) == {"carrier": ["There is already a contact for this. Change that one."]}


def test_a_shift_ends_after_it_starts_and_a_stand_in_can_stand_in(manager: Client, world: World) -> None:
    add = page("accounts_dutyshift", "add")
    good = {"user": world.support.pk, "starts_at_0": "2026-11-20", "starts_at_1": "09:00"}
    early = {"ends_at_0": "2026-11-20", "ends_at_1": "08:00"}
    assert set(complaints(manager, add, good | early)) == {"ends_at"}
    assert set(complaints(manager, add, good | {"stand_in": world.support.pk})) == {"stand_in"}
    assert set(complaints(manager, add, good | {"stand_in": world.qc.pk})) == {"stand_in"}
    assert complaints(manager, add, good) == {}
    assert DutyShift.objects.latest("pk").starts_at.isoformat() == "2026-11-20T01:00:00+00:00"
