"""Mails leave the outbox by SMTP, at least once, one a person and pass, and a failure is tried again."""

import re
from datetime import timedelta
from email.message import EmailMessage

import pytest

from accounts.models import User
from handoffs import delivery, outbox
from handoffs.models import Case, OutboxMessage
from tests.delivery.mailserver import MailServer
from tests.factories import NOON, World

MINUTE = timedelta(minutes=1)


def remind(case: Case, to: User, *, key: str = "remind:1", kind: str = "reminded") -> OutboxMessage:
    outbox.tell(kind, to=[to], key=key, at=NOON, case=case, clock="first_response", due="2026-11-11T04:30:00+00:00")
    return OutboxMessage.objects.get(key=f"{key}:{to.pk}")


def text_of(mail: EmailMessage, kind: str) -> str:
    part = mail.get_body((kind,))
    assert part is not None
    return str(part.get_content())


def rows() -> list[tuple[str, int]]:
    return list(OutboxMessage.objects.order_by("pk").values_list("mail", "attempts"))


def test_a_mail_says_what_is_due_and_links_to_the_case_in_html_and_text(
    world: World, case: Case, server: MailServer
) -> None:
    remind(case, world.support)
    assert delivery.run(at=NOON)["mails"] == 1
    (mail,) = server.mails
    link = f"https://desk.example.test/handoffs/case/{case.pk}/change/"
    assert mail["To"] == world.support.email
    assert "first response" in mail["Subject"]
    for kind in ("plain", "html"):
        assert link in text_of(mail, kind)
        assert case.refund_id in text_of(mail, kind)
    assert "<style" not in text_of(mail, "html")
    assert 'style="' in text_of(mail, "html")
    assert rows() == [("sent", 1)]


def test_the_mail_is_in_the_readers_language_and_zone(world: World, case: Case, server: MailServer) -> None:
    User.objects.filter(pk=world.support.pk).update(language="zh-hans", time_zone="Europe/Berlin")
    remind(case, world.support)
    delivery.run(at=NOON)
    html = text_of(server.mails[0], "html")
    assert 'lang="zh-hans"' in html
    assert "05:30" in html


def test_a_person_gets_one_mail_a_pass_however_many_clocks_there_are(
    world: World, case: Case, server: MailServer
) -> None:
    for number in range(60):
        remind(case, world.support, key=f"remind:{number}")
    remind(case, world.support, key="late:1", kind="late")
    remind(case, world.manager)
    assert delivery.run(at=NOON) == {"at": NOON.isoformat(), "mails": 2, "sent": 62, "retried": 0, "dead": 0}
    (mail,) = server.to(world.support.email)
    assert mail["Subject"].startswith("(61) Late")
    assert "11 more" in text_of(mail, "plain")


def test_what_was_sent_is_not_sent_again(world: World, case: Case, server: MailServer) -> None:
    remind(case, world.support)
    delivery.run(at=NOON)
    assert delivery.run(at=NOON + MINUTE)["mails"] == 0
    assert len(server.mails) == 1


def test_a_refused_mail_is_tried_again_after_1_5_15_and_60_minutes_and_then_given_up(
    world: World, case: Case, server: MailServer
) -> None:
    remind(case, world.support)
    server.mood, at, waits = "refuse", NOON, []
    for _ in range(5):
        delivery.run(at=at)
        row = OutboxMessage.objects.get()
        if row.next_try_at is not None:
            assert delivery.run(at=row.next_try_at - timedelta(seconds=1))["retried"] == 0
            waits.append(row.next_try_at - at)
            at = row.next_try_at
    assert waits == [MINUTE, 5 * MINUTE, 15 * MINUTE, 60 * MINUTE]
    row.refresh_from_db()
    assert (row.mail, row.attempts, row.next_try_at) == ("dead", 5, None)
    assert "550" in row.error
    assert "not today" in row.error
    assert server.tries == 5


def test_a_given_up_mail_can_be_sent_again_by_hand(world: World, case: Case, server: MailServer) -> None:
    row = remind(case, world.support)
    OutboxMessage.objects.update(mail="dead", attempts=5, next_try_at=None, error="550")
    assert delivery.resend([row.pk], at=NOON) == 1
    delivery.run(at=NOON)
    row.refresh_from_db()
    assert (row.mail, row.error) == ("sent", "")
    assert delivery.resend([row.pk], at=NOON) == 0


def test_one_refused_recipient_keeps_no_other_mail_back(world: World, case: Case, server: MailServer) -> None:
    remind(case, world.support)
    remind(case, world.manager)
    User.objects.filter(pk=world.support.pk).update(email="bad\naddress@desk.test")
    counts = delivery.run(at=NOON)
    assert (counts["mails"], counts["retried"]) == (1, 1)
    assert len(server.to(world.manager.email)) == 1


def test_what_was_refused_goes_out_together_with_what_is_new(world: World, case: Case, server: MailServer) -> None:
    remind(case, world.support)
    server.mood = "refuse_recipient"
    delivery.run(at=NOON)
    server.mood = "accept"
    remind(case, world.support, key="remind:2")
    OutboxMessage.objects.filter(mail="queued").update(next_try_at=NOON + MINUTE)
    assert delivery.run(at=NOON + MINUTE)["mails"] == 1
    assert rows() == [("sent", 2), ("sent", 1)]


def test_a_letter_whose_fate_is_unknown_goes_out_again_under_the_same_message_id(
    world: World, case: Case, server: MailServer
) -> None:
    remind(case, world.support)
    server.mood = "cut"
    assert delivery.run(at=NOON)["retried"] == 1
    server.mood = "accept"
    remind(case, world.support, key="remind:2")
    delivery.run(at=NOON + MINUTE)
    known = [mail["Message-ID"] for mail in server.mails]
    assert (len(known), known.count(known[0])) == (3, 2)
    assert known[0].endswith("@desk.example.test>")
    assert {row[0] for row in rows()} == {"sent"}


def test_a_slow_server_costs_one_try_and_the_row_goes_out_later(world: World, case: Case, server: MailServer) -> None:
    remind(case, world.support)
    server.mood = "slow"
    assert delivery.run(at=NOON)["retried"] == 1
    row = OutboxMessage.objects.get()
    assert row.mail == "inflight"
    assert row.next_try_at is not None
    assert NOON + MINUTE - timedelta(seconds=2) < row.next_try_at < NOON + MINUTE
    assert "timed out" in row.error
    server.mood = "accept"
    assert delivery.run(at=NOON + MINUTE)["sent"] == 1


def test_when_the_server_is_away_everything_waits_and_only_the_first_counts_a_try(
    world: World, case: Case, server: MailServer
) -> None:
    remind(case, world.support)
    remind(case, world.manager)
    server.stop()
    assert delivery.run(at=NOON)["mails"] == 0
    assert rows() == [("retry", 1), ("queued", 0)]
    assert set(OutboxMessage.objects.values_list("next_try_at", flat=True)) == {NOON + MINUTE}


def test_a_row_whose_worker_died_is_taken_again_after_five_minutes(
    world: World, case: Case, server: MailServer
) -> None:
    remind(case, world.support)
    (group,) = delivery._claim(NOON, None)
    assert rows() == [("inflight", 1)]
    assert delivery.run(at=NOON + 4 * MINUTE)["mails"] == 0
    assert delivery.run(at=NOON + 5 * MINUTE)["mails"] == 1
    assert server.mails[0]["Message-ID"] == delivery.message_id(group.ids)


def test_a_message_that_kills_every_worker_is_given_up_too(world: World, case: Case, server: MailServer) -> None:
    remind(case, world.support)
    for number in range(6):
        delivery._claim(NOON + number * delivery.STUCK, None)
    assert rows() == [("dead", 5)]


def test_who_wants_no_mail_or_has_left_gets_none(world: World, case: Case, server: MailServer) -> None:
    User.objects.filter(pk=world.manager.pk).update(wants_mail=False)
    world.manager.refresh_from_db()
    assert remind(case, world.manager).mail == "none"
    remind(case, world.support)
    User.objects.filter(pk=world.support.pk).update(is_active=False)
    delivery.run(at=NOON)
    assert server.tries == 0
    assert set(OutboxMessage.objects.values_list("mail", flat=True)) == {"none"}


def test_no_lock_is_held_while_the_server_is_spoken_to(
    world: World, case: Case, server: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    from django.core.mail.backends import smtp
    from django.db import connection

    remind(case, world.support)
    nested: list[int] = []
    real = smtp.EmailBackend.open

    def watched(backend: smtp.EmailBackend) -> bool | None:
        nested.append(len(connection.savepoint_ids))
        return real(backend)

    before = len(connection.savepoint_ids)
    monkeypatch.setattr(smtp.EmailBackend, "open", watched)
    delivery.run(at=NOON)
    assert nested
    assert set(nested) == {before}


def test_two_deliverers_send_a_mail_once(world: World, case: Case, server: MailServer) -> None:
    remind(case, world.support)
    first = delivery._claim(NOON, None)
    second = delivery._claim(NOON, None)
    assert [len(first), len(second)] == [1, 0]


def test_no_mail_holds_an_amount_or_the_buyer(world: World, case: Case, server: MailServer) -> None:
    Case.objects.filter(pk=case.pk).update(amount="987.65", buyer_nick="某买家")
    remind(case, world.warehouse)
    delivery.run(at=NOON)
    for kind in ("plain", "html"):
        assert not re.search("987|某买家", text_of(server.mails[0], kind))
