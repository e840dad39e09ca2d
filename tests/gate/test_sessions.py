"""A session ends by itself, and what a role, a password or an account may do ends at once."""

from datetime import date, timedelta

import pytest
import time_machine
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.test import Client
from django.urls import reverse

from accounts.models import Limit, Membership, User
from handoffs import notices
from handoffs.models import OutboxMessage
from tests import factories
from tests.admin.setup_pages import formset
from tests.factories import World

Clock = time_machine.Traveller


def browser(user: User) -> Client:
    client = Client()
    client.force_login(user, backend="accounts.backends.RoleBackend")
    return client


def test_a_session_ends_after_four_hours_without_a_click(world: World, clock: Clock) -> None:
    client = browser(world.support)
    for _each in range(2):
        clock.shift(timedelta(minutes=239))
        assert client.get("/").status_code == 200
    clock.shift(timedelta(minutes=240))
    assert client.get("/")["Location"].startswith("/login/")


def test_what_a_page_fetches_by_itself_does_not_keep_a_session_alive(world: World, clock: Clock) -> None:
    case = factories.case(world.shop)
    client, here = browser(world.support), reverse("admin:handoffs_here", args=[case.pk])
    for _each in range(3):
        clock.shift(timedelta(minutes=79))
        assert client.get("/", headers={"X-Live": "1"}).status_code in (200, 304)
        assert client.post(here, headers={"X-Poll": "1"}).status_code == 200
    clock.shift(timedelta(minutes=3))
    assert client.get("/", headers={"X-Live": "1"}).status_code == 302
    assert client.get("/").status_code == 302


def test_a_session_ends_fourteen_hours_after_the_login_however_busy(world: World, clock: Clock) -> None:
    client = browser(world.support)
    for _each in range(13):
        clock.shift(timedelta(hours=1))
        assert client.get("/").status_code == 200
    clock.shift(timedelta(hours=1))
    assert client.get("/").status_code == 302


def test_a_changed_role_takes_effect_at_the_next_click(world: World) -> None:
    client, board = browser(world.supervisor), reverse("admin:handoffs_board")
    assert client.get(board).status_code == 200
    Membership.objects.filter(user=world.supervisor).update(role="support")
    assert client.get(board).status_code == 403
    Membership.objects.filter(user=world.supervisor).update(role="manager")
    assert client.get(board).status_code == 200


def test_who_is_switched_off_or_changes_the_password_elsewhere_is_out_at_once(world: World) -> None:
    clients = [browser(world.support), browser(world.qc)]
    assert [client.get("/").status_code for client in clients] == [200, 200]
    User.objects.filter(pk=world.support.pk).update(is_active=False)
    world.qc.set_password("another-pass-word-2")
    world.qc.save()
    assert [client.get("/").status_code for client in clients] == [302, 302]
    assert clients[0].get("/api/v1/me/").status_code == 401


@pytest.mark.parametrize(("role", "least"), [("support", 10), ("supervisor", 12), ("manager", 12)])
def test_who_approves_needs_a_longer_password(world: World, role: str, least: int) -> None:
    phrase, user = "kX7-wood-Lamp-22", world.people[role]
    validate_password(phrase[:least], user)
    with pytest.raises(ValidationError, match=f"at least {least}"):
        validate_password(phrase[: least - 1], user)
    with pytest.raises(ValidationError, match="common"):
        validate_password("1234567890", user)


def test_a_superuser_needs_the_longer_one_and_nobody_one_like_the_own_name(world: World) -> None:
    root = User(email="root@desk.test", name="Rosamunde Pilcher", is_superuser=True)
    with pytest.raises(ValidationError, match="at least 12"):
        validate_password("kX7-wood-La", root)
    validate_password("kX7-wood-Lam", root)
    for phrase in ("rosamunde-pilcher", "root@desk.test1"):
        with pytest.raises(ValidationError, match="too similar"):
            validate_password(phrase, root)


@pytest.mark.parametrize(("role", "length", "made"), [
    ("supervisor", 11, False), ("supervisor", 12, True), ("support", 10, True), ("support", 9, False),
])  # fmt: skip
def test_a_new_persons_password_is_as_long_as_the_roles_of_the_form_ask(
    world: World, role: str, length: int, *, made: bool
) -> None:
    phrase = "kX7-wood-Lamp-22"[:length]
    body = {"email": "new@desk.test", "name": "New", "language": "en", "time_zone": "Asia/Shanghai",
            "usable_password": "true", "password1": phrase, "password2": phrase}  # fmt: skip
    body |= formset("memberships", {"role": role, "shop": world.shop.pk})
    browser(world.manager).post(reverse("admin:accounts_user_add"), body)
    assert User.objects.filter(email="new@desk.test").exists() == made


def test_a_new_person_sets_another_password_than_the_manager_typed_before_anything_else(world: World) -> None:
    phrase, another = "kX7-wood-Lamp-22", "zQ4-iron-Door-31"
    body = {"email": "new@desk.test", "name": "New", "language": "en", "time_zone": "Asia/Shanghai",
            "usable_password": "true", "password1": phrase, "password2": phrase}  # fmt: skip
    body |= formset("memberships", {"role": "support", "shop": world.shop.pk})
    browser(world.manager).post(reverse("admin:accounts_user_add"), body)
    client, own = Client(), reverse("admin:password_change")
    assert client.post("/login/", {"username": "new@desk.test", "password": phrase}).status_code == 302
    assert client.get("/")["Location"] == own
    set_to = {"old_password": phrase, "new_password1": phrase, "new_password2": phrase}
    assert client.post(own, set_to).status_code == 200
    assert client.post(own, set_to | dict.fromkeys(("new_password1", "new_password2"), another)).status_code == 302
    assert client.get("/").status_code == 200
    who = User.objects.get(email="new@desk.test")
    edited = {"email": who.email, "name": "Newer", "language": "en", "time_zone": "Asia/Shanghai", "is_active": "on",
              "digest_at": "08:00"}  # fmt: skip
    where = reverse("admin:accounts_user_change", args=[who.pk])
    row = {"id": who.memberships.get().pk, "user": who.pk, "role": "support", "shop": world.shop.pk}
    browser(world.manager).post(where, edited | formset("memberships", row, initial=1))
    who.refresh_from_db()
    assert (who.name, who.new_password_due) == ("Newer", False)


def test_who_comes_to_approve_sets_a_new_password_and_does_nothing_before(world: World) -> None:
    client, own = browser(world.support), reverse("admin:password_change")
    body = {"user": world.support.pk, "role": "supervisor", "shop": world.shop.pk}
    assert browser(world.manager).post(reverse("admin:accounts_membership_add"), body).status_code == 302
    assert client.get("/")["Location"] == own
    refused = client.get("/api/v1/me/")
    assert (refused.status_code, refused.json()["code"]) == (403, "new_password")
    assert b"only you are to know it" in client.get(own).content
    set_to = {"old_password": "pass-word-1", "new_password1": "pass-word-1", "new_password2": "pass-word-1"}
    assert client.post(own, set_to).status_code == 200
    assert (
        client.post(own, set_to | dict.fromkeys(("new_password1", "new_password2"), "kX7-wood-La")).status_code == 200
    )
    assert (
        client.post(own, set_to | dict.fromkeys(("new_password1", "new_password2"), "kX7-wood-Lam")).status_code == 302
    )
    assert client.get("/").status_code == 200


def test_who_will_approve_from_monday_sets_the_longer_password_today(world: World, clock: Clock) -> None:
    client, own = browser(world.support), reverse("admin:password_change")
    body = {"user": world.support.pk, "role": "supervisor", "shop": world.shop.pk, "valid_from": "2026-11-16"}
    assert browser(world.manager).post(reverse("admin:accounts_membership_add"), body).status_code == 302
    assert client.get("/")["Location"] == own
    for phrase, status in (("kX7-wood-La", 200), ("kX7-wood-Lam", 302)):
        words = {"old_password": "pass-word-1", "new_password1": phrase, "new_password2": phrase}
        assert client.post(own, words).status_code == status
    assert client.get("/").status_code == 200
    clock.move_to("2026-11-16T04:00:00Z")
    assert "supervisor" in User.objects.get(pk=world.support.pk).roles


@pytest.mark.parametrize("inline", [True, False])
def test_a_role_that_was_over_and_comes_back_asks_for_a_new_password(world: World, *, inline: bool) -> None:
    row = Membership.objects.create(user=world.qc, role="supervisor", shop=world.shop, valid_to=date(2026, 11, 9))
    manager, others = browser(world.manager), Membership.objects.filter(user=world.qc).exclude(pk=row.pk)
    validate_password("kX7-wood-L", world.qc)  # it is over
    for day, due in (("2026-11-08", False), ("2026-12-31", True)):
        body = {"id": row.pk, "user": world.qc.pk, "role": "supervisor", "shop": world.shop.pk, "valid_to": day}
        where = reverse("admin:accounts_membership_change", args=[row.pk])
        if inline:
            kept = [{"id": e.pk, "user": e.user_id, "role": e.role, "shop": e.shop_id} for e in others]
            body = formset("memberships", body, *kept, initial=1 + len(kept)) | {
                "email": world.qc.email, "name": "Q", "language": "en", "time_zone": "Asia/Shanghai", "is_active": "on",
                "digest_at": "08:00"}  # fmt: skip
            where = reverse("admin:accounts_user_change", args=[world.qc.pk])
        assert manager.post(where, body).status_code == 302
        row.refresh_from_db()
        assert (str(row.valid_to), User.objects.get(pk=world.qc.pk).new_password_due) == (day, due)


def test_whose_password_a_colleague_set_is_told_and_sets_another(world: World) -> None:
    world.qc.wants_mail = False
    world.qc.save()
    phrase = "kX7-wood-Lamp-22"
    where = reverse("admin:auth_user_password_change", args=[world.qc.pk])
    body = {"password1": phrase, "password2": phrase, "usable_password": "true"}
    assert browser(world.manager).post(where, body).status_code == 302
    told = OutboxMessage.objects.get(to=world.qc)
    assert (told.mail, notices.of([told])[0].title) == ("queued", "Manager set a new password for you")
    assert browser(User.objects.get(pk=world.qc.pk)).get("/")["Location"] == reverse("admin:password_change")


@pytest.mark.parametrize("spelled", ["{}", "0{}", "+{}", "%20{}"])
def test_however_the_address_writes_the_person_the_rules_hold(world: World, spelled: str) -> None:
    phrase = "kX7-wood-Lamp-22"
    body = {"password1": phrase, "password2": phrase, "usable_password": "true"}
    manager, where, before = browser(world.manager), f"/accounts/user/{spelled}/password/", world.manager.password
    for verb in (manager.get, manager.post):
        answer = verb(where.format(world.manager.pk), body)
        assert (answer.status_code, answer["Location"]) == (302, reverse("admin:password_change"))
    world.manager.refresh_from_db()
    assert world.manager.password == before
    assert manager.post(where.format(world.qc.pk), body).status_code == 302
    world.qc.refresh_from_db()
    assert (world.qc.check_password(phrase), world.qc.new_password_due) == (True, True)
    assert OutboxMessage.objects.filter(to=world.qc).count() == 1


def test_nobody_edits_the_own_memberships(world: World) -> None:
    manager = browser(world.manager)
    before = list(Membership.objects.order_by("pk").values())
    role = {"role": "support", "shop": world.shop.pk}
    added = manager.post(reverse("admin:accounts_membership_add"), role | {"user": world.manager.pk})
    assert "Nobody edits the own memberships. Ask another manager." in added.content.decode()
    own = Membership.objects.filter(user=world.manager)[0]
    for verb, body in (("change", role | {"user": world.manager.pk}), ("delete", {"post": "yes"})):
        assert manager.post(reverse(f"admin:accounts_membership_{verb}", args=[own.pk]), body).status_code == 403
    colleague = Membership.objects.filter(user=world.qc)[0]
    where = reverse("admin:accounts_membership_change", args=[colleague.pk])
    assert manager.post(where, role | {"user": world.manager.pk}).status_code == 200
    for row in (role, {"id": own.pk, "user": world.manager.pk, "role": own.role, "shop": own.shop_id, "DELETE": "on"}):
        body = {"email": world.manager.email, "name": "M", "language": "en", "time_zone": "Asia/Shanghai",
                "is_active": "on", "digest_at": "08:00"}  # fmt: skip
        body |= formset("memberships", row, initial=int("id" in row))
        answer = manager.post(reverse("admin:accounts_user_change", args=[world.manager.pk]), body)
        assert answer.status_code == 200
        assert "Nobody edits the own memberships" in answer.content.decode()
    assert list(Membership.objects.order_by("pk").values()) == before
    root = User.objects.create_superuser("root@desk.test", "pass-word-1", name="Root")
    body = {"user": root.pk, "role": "manager", "shop": world.shop.pk}
    assert browser(root).post(reverse("admin:accounts_membership_add"), body).status_code == 302


def test_the_limit_of_a_role_that_begins_tomorrow_is_the_own_already(world: World) -> None:
    Membership.objects.create(user=world.manager, role="support", shop=world.shop, valid_from=date(2027, 1, 1))
    limit = Limit.objects.get(role="support")
    where = reverse("admin:accounts_limit_change", args=[limit.pk])
    assert browser(world.manager).post(where, {"role": "support", "amount": ""}).status_code == 403
