"""The bell, one's own settings, and the language."""

import re
from decimal import Decimal

from django.core.cache import cache
from django.urls import reverse

from accounts.models import User
from handoffs.admin.bell import counts
from handoffs.flow import decision, handoff
from handoffs.flow.handoff import Question
from handoffs.flow.proposal import Proposal
from handoffs.models import OutboxMessage
from tests import factories
from tests.admin.conftest import LogIn
from tests.factories import NOON, World

BELL, ME, LANGUAGE = "/messages/", "/me/", "/me/language/"


def told(world: World) -> None:
    """Two messages for the warehouse."""
    case = factories.case(world.shop, path=2)
    for kind in ("check_shipped", "recheck_weight"):
        handoff.ask(case.pk, Question(kind), by=world.support, at=NOON)


def test_every_page_shows_how_many_are_unread(world: World, log_in: LogIn) -> None:
    told(world)
    browser = log_in(world.warehouse)
    for where in ("/", BELL, "/handoffs/case/", ME):
        assert "<b data-rd-unread>2</b>" in browser.get(where).content.decode(), where


def test_the_menu_counts_what_waits_and_says_nothing_of_none(world: World, log_in: LogIn) -> None:
    def counted() -> list[str]:
        cache.clear()
        page = log_in(world.manager).get(ME).content.decode()
        return re.findall(r'<span class="font-semibold h-\[18px\][^>]*>(\d+)</span>', page)

    assert counted() == []
    case = factories.case(world.shop, path=3, amount=Decimal(250), total_fee=Decimal(250))
    decision.propose(case.pk, Proposal("full_refund", "同意退款"), by=world.support, at=NOON)
    assert counted() == ["1"]


def test_messages_are_in_words_and_lead_to_their_case(world: World, log_in: LogIn) -> None:
    told(world)
    page = log_in(world.warehouse).get(BELL).content.decode()
    assert "A question for you: check whether it left" in page
    assert reverse("admin:handoffs_case_change", args=[OutboxMessage.objects.earliest("pk").case_id]) in page


def test_looking_at_them_marks_nothing_as_read(world: World, log_in: LogIn) -> None:
    told(world)
    log_in(world.warehouse).get(BELL)
    assert OutboxMessage.objects.filter(read_at=None, to=world.warehouse).count() == 2


def test_one_or_all_of_ones_own_are_marked_as_read(world: World, log_in: LogIn) -> None:
    told(world)
    browser = log_in(world.warehouse)
    first = OutboxMessage.objects.filter(to=world.warehouse).earliest("pk")
    log_in(world.qc).post(BELL, {"message": first.pk})
    log_in(world.qc).post(BELL)
    browser.post(BELL, {"message": first.pk})
    assert list(OutboxMessage.objects.filter(to=world.warehouse, read_at=None).values_list("pk")) != [(first.pk,)]
    assert counts(world.warehouse)["unread"] == 1
    browser.post(BELL)
    assert counts(world.warehouse)["unread"] == 0


def test_the_language_is_switched_for_good_on_the_page_one_is_on(world: World, log_in: LogIn) -> None:
    browser = log_in(world.support)
    got = browser.post(LANGUAGE, {"language": "zh-hans", "next": BELL})
    assert got["Location"] == BELL
    assert User.objects.get(pk=world.support.pk).language == "zh-hans"
    assert "我的" in browser.get("/").content.decode()


def test_neither_an_unknown_language_nor_another_site_is_followed(world: World, log_in: LogIn) -> None:
    got = log_in(world.support).post(LANGUAGE, {"language": "xx", "next": "https://evil.example/"})
    assert got["Location"] == "/"
    assert User.objects.get(pk=world.support.pk).language == "en"


def test_one_changes_ones_own_settings_and_nobody_elses(world: World, log_in: LogIn) -> None:
    sent = {"name": "New Name", "language": "en", "time_zone": "Europe/Berlin", "digest_at": "07:30",
            "email": "x@desk.test", "is_superuser": "on"}  # fmt: skip
    assert log_in(world.support).post(ME, sent).status_code == 302
    found = User.objects.get(pk=world.support.pk)
    assert (found.name, found.time_zone, found.wants_mail) == ("New Name", "Europe/Berlin", False)
    assert (found.email, found.is_superuser) == (world.support.email, False)


def test_a_zone_that_is_none_is_declined_at_its_field(world: World, log_in: LogIn) -> None:
    sent = {"name": "N", "language": "en", "time_zone": "Mars/Olympus", "digest_at": "07:30"}
    got = log_in(world.support).post(ME, sent)
    assert (got.status_code, list(got.context["form"].errors)) == (400, ["time_zone"])
