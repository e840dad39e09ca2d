"""The shift hand-over: once a shift, to whoever follows, with what is open; silence where nothing is."""

from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.test import Client
from django.urls import reverse

from accounts import duty
from accounts.models import DutyShift, User
from handoffs import delivery, handover
from handoffs.flow import acts, handoff, response
from handoffs.models import Case, OutboxMessage
from tests import factories
from tests.digests.test_digests import SAID
from tests.factories import NOON, World

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


@pytest.fixture
def leaving(world: World) -> User:
    """A support agent with two open cases, who goes off duty an hour after noon; the world's support stays."""
    User.objects.update(language="en")
    made = factories.person("support", world.shop, name="阿青")
    DutyShift.objects.filter(user=made).delete()
    DutyShift.objects.create(user=made, starts_at=NOON - HOUR)
    due = factories.case(world.shop, path=3)
    later = factories.case(world.shop, path=4)
    Case.objects.filter(pk__in=[due.pk, later.pk]).update(owner=made)
    response.respond(later.pk, SAID, by=made, at=NOON)
    acts.perform(later.pk, "agree_return", {"freight": "seller", "message": "请您把商品寄回来"}, by=made, at=NOON)
    return made


def off(user: User, at: Any = NOON + HOUR) -> None:
    duty.switch_off(user, at=at)


def run(at: Any = NOON + HOUR + 11 * MINUTE) -> int:
    written: int = handover.prepare(at=at)["written"]
    delivery.run(at=at)
    return written


def letters() -> list[Any]:
    return [m for m in mail.outbox if "hands over" in m.subject]


def test_whoever_follows_hears_what_is_late_due_and_promised(world: World, leaving: User) -> None:
    off(leaving)
    run()
    (letter,) = [m for m in letters() if m.to == [world.support.email]]
    assert letter.subject == "阿青 hands over 2 open things"
    body = letter.body
    assert "Late already" in body
    assert "first response" in body
    assert "Promised" in body
    assert "return number" in body
    assert reverse("admin:handoffs_case_change", args=[Case.objects.filter(owner=leaving).first().pk]) in body


def test_once_a_shift_even_when_run_twice(world: World, leaving: User) -> None:
    off(leaving)
    first = run()
    assert (first, run(), run(NOON + 2 * HOUR)) == (first, 0, 0)
    assert first == OutboxMessage.objects.filter(kind="handover").count() > 0


def test_a_short_break_is_no_end(world: World, leaving: User) -> None:
    off(leaving)
    assert run(NOON + HOUR + 9 * MINUTE) == 0
    duty.switch_on(leaving, at=NOON + HOUR + 9 * MINUTE)
    assert run() == 0


def test_the_role_s_lead_hears_it_where_nobody_follows(world: World, leaving: User) -> None:
    DutyShift.objects.exclude(user=leaving).delete()
    off(leaving)
    run()
    assert {address for m in letters() for address in m.to} == {world.support.email}  # support's lead


def test_nothing_open_is_silence_and_a_note_is_not(world: World, leaving: User) -> None:
    Case.objects.update(owner=None)
    off(leaving)
    assert run() == 0
    DutyShift.objects.filter(user=leaving).update(note="钥匙在抽屉里")
    assert run(NOON + HOUR + 12 * MINUTE) > 0
    assert "钥匙在抽屉里" in letters()[0].body


def test_only_what_the_follower_may_see_and_no_amounts_or_buyer(world: World, leaving: User) -> None:
    elsewhere = factories.person("support", world.other_shop)
    off(leaving)
    run()
    assert elsewhere.email not in {address for m in letters() for address in m.to}
    for letter in letters():
        assert "50.00" not in letter.body
        assert "buyer1" not in letter.body


def test_an_old_end_is_not_told_after_an_outage(world: World, leaving: User) -> None:
    off(leaving)
    assert run(NOON + 5 * HOUR) == 0


def test_questions_are_handed_over_too(world: World) -> None:
    User.objects.update(language="en")
    second = factories.person("warehouse", world.shop)
    case = factories.case(world.shop, path=2)
    asked = handoff.ask(case.pk, handoff.Question("check_shipped"), by=world.support, at=NOON)
    off(world.warehouse)
    run()
    (letter,) = [m for m in letters() if m.to == [second.email]]
    assert asked.get_kind_display() in letter.body


# The screens ----------------------------------------------------------------------------------------------------------


def as_(user: User) -> Client:
    client = Client()
    client.force_login(user, backend="accounts.backends.RoleBackend")
    return client


def test_one_sees_the_own_hand_over_and_leaves_a_note(world: World, leaving: User) -> None:
    where = reverse("admin:handoffs_handing_over")
    body = as_(leaving).get(where).content.decode()
    assert world.support.name in body
    assert "first response" in body
    as_(leaving).post(where, {"note": "  钥匙在抽屉里 "})
    assert DutyShift.objects.get(user=leaving).note == "钥匙在抽屉里"


def test_off_duty_there_is_no_shift_to_note_on(world: World, leaving: User) -> None:
    DutyShift.objects.filter(user=leaving).update(ends_at=NOON - MINUTE * 11)
    page = as_(leaving).post(reverse("admin:handoffs_handing_over"), {"note": "x"}, follow=True)
    assert "not on duty" in page.content.decode()


def test_the_digest_is_shown_as_it_would_go_and_sent_by_a_button(world: World) -> None:
    User.objects.update(language="en")
    case = factories.case(world.shop, path=3)
    where = reverse("admin:handoffs_digest")
    body = as_(world.support).get(where).content.decode()
    assert case.refund_id in body
    assert "sandbox srcdoc=" in body
    as_(world.support).post(where)
    as_(world.support).post(where)
    row = OutboxMessage.objects.get(kind="digest", to=world.support)
    assert case.refund_id in row.data["html"]
    delivery.run(at=NOON)
    assert [m.to for m in mail.outbox if case.refund_id in m.body] == [[world.support.email]]


def test_a_manager_looks_at_anothers_with_that_ones_rights(world: World) -> None:
    User.objects.update(language="en")
    factories.case(world.shop, path=1)
    where = reverse("admin:handoffs_digest")
    body = as_(world.manager).get(where, {"person": world.warehouse.pk}).content.decode()
    assert "stop" in body.lower()
    assert "50.00" not in body
    elsewhere = factories.person("manager", world.other_shop)
    apart = factories.person("support", world.shop)
    assert as_(elsewhere).get(where, {"person": apart.pk}).status_code == 404
    assert as_(world.support).get(where, {"person": world.manager.pk}).status_code == 404
    as_(world.manager).post(f"{where}?person={world.warehouse.pk}")
    assert not OutboxMessage.objects.filter(kind="digest").exists()


def test_with_nothing_to_say_the_preview_says_so(world: World) -> None:
    User.objects.update(language="en")
    body = as_(world.qc).get(reverse("admin:handoffs_digest")).content.decode()
    assert "no mail would be sent" in body
