"""What happens to access is noted, once, with who did it; a manager finds it again."""

from datetime import timedelta

import time_machine
from django.conf import LazySettings
from django.test import Client
from django.urls import reverse

from accounts.models import AuditEntry, Contact, Limit, Membership, User
from handoffs.flow import buyer
from handoffs.models import ClockPolicy
from tests import factories
from tests.factories import NOON, World

AUDIT = "/audit/"


def browser(user: User) -> Client:
    client = Client()
    client.force_login(user, backend="accounts.backends.RoleBackend")
    return client


def said(kind: str) -> list[str]:
    return list(AuditEntry.objects.filter(kind=kind).order_by("pk").values_list("text", flat=True))


def test_logins_and_failures_are_noted_without_what_was_typed(world: World, settings: LazySettings) -> None:
    settings.AXES_ENABLED = True
    for password in [f"secret-guess-{number}" for number in range(10)]:
        Client().post("/login/", {"username": world.support.email, "password": password}, REMOTE_ADDR="192.0.2.9")
    Client().post("/login/", {"username": "nobody@desk.test", "password": "x"})
    Client().post("/login/", {"username": world.qc.email, "password": "pass-word-1"})
    kinds = list(AuditEntry.objects.order_by("pk").values_list("kind", flat=True))
    assert (kinds.count("login_failed"), kinds.count("locked_out"), kinds.count("login")) == (11, 1, 1)
    failed = AuditEntry.objects.filter(kind="login_failed").order_by("pk")
    assert (failed[0].about, failed[0].address, failed[10].about) == (world.support, "192.0.2.9", None)
    assert failed[10].text == "nobody@desk.test"
    assert "secret-guess" not in str(list(AuditEntry.objects.values()))
    assert AuditEntry.objects.get(kind="login").by == world.qc


def test_a_look_at_a_buyers_data_is_noted(world: World) -> None:
    case = factories.case(world.shop)
    buyer.reveal(case.pk, by=world.support, at=NOON)
    found = AuditEntry.objects.get(kind="revealed")
    assert (found.by, found.at, found.text) == (world.support, NOON, case.refund_id)


def test_a_change_of_limit_role_contact_and_policy_is_noted_with_what_it_was(world: World) -> None:
    manager = browser(world.manager)
    limit = Limit.objects.get(role="support")
    limit.save()  # what it was is known from the row kept then
    where = reverse("admin:accounts_limit_change", args=[limit.pk])
    assert manager.post(where, {"role": "support", "amount": "150", "_apply": "new"}).status_code in (200, 302)
    membership = Membership.objects.filter(user=world.qc).first()
    assert membership
    membership.save()
    where = reverse("admin:accounts_membership_change", args=[membership.pk])
    body = {"user": world.qc.pk, "role": "warehouse", "shop": membership.shop_id}
    assert manager.post(where, body).status_code == 302
    noted = "\n".join(said("changed"))
    assert "role: qc → warehouse" in noted
    assert AuditEntry.objects.filter(kind="changed", by=world.manager, about=world.qc).exists()
    assert "amount: 100.00 → 150" in noted
    contact = Contact.objects.filter(role="qc").first()
    assert contact
    contact.save()
    contact.deputy = world.support
    contact.save()
    policy = ClockPolicy.objects.create(clock="decide", shop=world.shop, minutes=30)
    policy.minutes = 45
    policy.save()
    noted = "\n".join(said("changed"))
    assert f"deputy: None → {world.support.pk}" in noted
    assert "minutes: 30 → 45" in noted


def test_a_person_switched_off_is_noted_and_no_password_is(world: World) -> None:
    manager = browser(world.manager)
    where = reverse("admin:auth_user_password_change", args=[world.qc.pk])
    phrase = "kX7-wood-Lamp-22"
    got = manager.post(where, {"password1": phrase, "password2": phrase, "usable_password": "true"})
    assert got.status_code == 302
    found = AuditEntry.objects.get(kind="changed", about=world.qc)
    assert found.by == world.manager
    assert phrase not in found.text


def test_ones_own_password_is_noted_when_it_changed(world: World) -> None:
    world.support.set_password("pass-word-1")
    world.support.save()
    own, where, phrase = browser(world.support), reverse("admin:password_change"), "kX7-wood-Lamp-22"
    words = {"old_password": "pass-word-1", "new_password1": phrase}
    assert own.post(where, words | {"new_password2": "another"}, REMOTE_ADDR="192.0.2.9").status_code == 200
    assert said("password") == []
    assert own.post(where, words | {"new_password2": phrase}, REMOTE_ADDR="192.0.2.9").status_code == 302
    found = AuditEntry.objects.get(kind="password")
    assert (found.by, found.about, found.address, found.text) == (world.support, world.support, "192.0.2.9", "")


def test_the_list_is_narrowed_and_turned_by_key(world: World, clock: time_machine.Traveller) -> None:
    manager = browser(world.manager)
    for number in range(120):
        by = world.support if number % 2 else world.qc
        AuditEntry.objects.create(kind="revealed", by=by, at=NOON - timedelta(hours=number // 3), text=f"n{number}")
    seen, where = [], "?kind=revealed"
    while where:
        page = manager.get(AUDIT + where)
        seen += [row["text"] for row in page.context["rows"]]
        where = f"?{page.context['more']}" if page.context["more"] else ""
    assert len(seen) == len(set(seen)) == 120
    own = manager.get(f"{AUDIT}?person={world.qc.pk}&kind=revealed").context["rows"]
    assert {row["entry"].by for row in own} == {world.qc}
    day = manager.get(f"{AUDIT}?kind=revealed&day=2026-11-10").context["rows"]
    assert {row["entry"].at.astimezone(world.manager.zone).date().isoformat() for row in day} == {"2026-11-10"}
    assert manager.get(f"{AUDIT}?day=2026-13-45&person=x&before=9&kind=z").status_code == 200


def test_no_page_counts_all_rows(world: World) -> None:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    manager = browser(world.manager)
    with CaptureQueriesContext(connection) as asked:
        manager.get(AUDIT)
    assert not [each for each in asked.captured_queries if "COUNT(" in each["sql"] and "auditentry" in each["sql"]]


def test_the_table_carries_no_formula(world: World) -> None:
    Client().post("/login/", {"username": "=cmd|'/c calc'!A1", "password": "x"})
    answer = browser(world.manager).get("/audit/audit.csv?kind=login_failed")
    text = b"".join(answer.streaming_content).decode()  # type: ignore[attr-defined]
    assert "'=cmd" in text
    assert ",=cmd" not in text
