"""What happens to access is noted, once, with who did it; a manager finds it again."""

from datetime import timedelta

import pytest
import time_machine
from axes.models import AccessLog
from django.conf import LazySettings
from django.db import DatabaseError, connection, transaction
from django.test import Client
from django.urls import reverse

from accounts import tokens
from accounts.models import AuditEntry, Contact, Limit, Membership, User
from handoffs.flow import buyer
from handoffs.models import ClockPolicy, ImportRun
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
    assert not AccessLog.objects.exists()  # it would say the same and grow for ever


def test_a_look_at_a_buyers_data_is_noted(world: World) -> None:
    case = factories.case(world.shop)
    buyer.reveal(case.pk, by=world.support, at=NOON)
    found = AuditEntry.objects.get(kind="revealed")
    assert (found.by, found.at, found.text) == (world.support, NOON, case.refund_id)


def test_a_change_of_limit_role_contact_and_policy_is_noted_with_what_it_was(world: World) -> None:
    manager = browser(world.manager)
    limit = Limit.objects.get(role="support")
    where = reverse("admin:accounts_limit_change", args=[limit.pk])
    assert manager.post(where, {"role": "support", "amount": "150", "_apply": "new"}).status_code in (200, 302)
    membership = Membership.objects.filter(user=world.qc).first()
    assert membership
    where = reverse("admin:accounts_membership_change", args=[membership.pk])
    body = {"user": world.qc.pk, "role": "warehouse", "shop": membership.shop_id}
    assert manager.post(where, body).status_code == 302
    noted = "\n".join(said("changed"))
    assert "role: qc → warehouse" in noted
    assert AuditEntry.objects.filter(kind="changed", by=world.manager, about=world.qc).exists()
    assert "amount: 100.00 → 150" in noted
    contact = Contact.objects.filter(role="qc").first()
    assert contact
    contact.deputy = world.support
    contact.save()
    policy = ClockPolicy.objects.get(clock="decide", shop=None)
    policy.minutes = 45
    policy.save()
    noted = "\n".join(said("changed"))
    assert f"deputy: None → {world.support.pk}" in noted
    assert "minutes: 30 → 45" in noted


def test_a_look_through_the_api_says_from_where_and_with_which_token(world: World) -> None:
    case = factories.case(world.shop)
    made, key = tokens.make(world.support, "our ERP", ["read", "act"], by=world.support, at=NOON)
    reveal = f"/api/v1/cases/{case.pk}/reveal_buyer/"
    got = Client().post(reveal, headers={"Authorization": f"Token {key}"}, REMOTE_ADDR="192.0.2.9")
    assert got.status_code == 200, got.content
    found = AuditEntry.objects.get(kind="revealed")
    assert (found.by, found.address) == (world.support, "192.0.2.9")
    assert found.text == f"{case.refund_id} · token our ERP ({made.prefix}…)"


def test_rejected_rows_are_buyers_data_too(world: World) -> None:
    run = ImportRun.objects.create(shop=world.shop, by=world.support, file_name="a.csv", as_of=NOON, started_at=NOON)
    run.rejects.create(number=2, code="number", message="no number", raw={"收货人姓名": "王秘密"})
    got = browser(world.support).get(reverse("admin:handoffs_import_rejects", args=[run.pk]))
    assert b"".join(got.streaming_content)  # type: ignore[attr-defined]
    assert got.status_code == 200
    found = AuditEntry.objects.get(kind="revealed")
    assert (found.by, found.text) == (world.support, f"rejects of import {run.pk}: 1 rows")


def test_who_takes_the_audit_and_who_erases_a_buyer_is_noted(world: World) -> None:
    case = factories.case(world.shop)
    manager = browser(world.manager)
    manager.get("/audit/audit.csv?kind=login")
    words = {"q": case.refund_id, "case": case.pk, "reason": "the buyer asked for it"}
    assert manager.post(reverse("admin:handoffs_erase"), words).status_code == 302
    assert said("taken") == ["kind=login"]
    assert said("erased") == [f"asked for: [{case.pk}]", f"erased: []; when closed: [{case.pk}]"]


@pytest.mark.skipif(connection.vendor != "postgresql", reason="PostgreSQL guards the table")
@pytest.mark.parametrize("harm", ["UPDATE {0} SET text = ''", "UPDATE {0} SET by_id = 1", "DELETE FROM {0}"])
def test_no_entry_is_changed_or_deleted(world: World, harm: str) -> None:
    AuditEntry.objects.create(kind="revealed", at=NOON, text="x")
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(harm.format(AuditEntry._meta.db_table))


def test_an_entry_outlives_its_person(world: World) -> None:
    gone = factories.person("support", world.shop)
    AuditEntry.objects.create(kind="revealed", at=NOON, by=gone, about=gone, text="x")
    gone.delete()
    assert said("revealed") == ["x"]


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
    assert '"=cmd' not in text
