"""A letter of unknown fate goes out again as it was: the same rows, the same Message-ID, whatever is due beside it."""

from datetime import timedelta
from typing import Any

import pytest

from accounts.models import User
from handoffs import delivery, outbox
from handoffs.models import Case, OutboxMessage
from tests.delivery.mailserver import MailServer
from tests.factories import NOON, World

MINUTE = timedelta(minutes=1)


def told(case: Case, to: User, key: str) -> OutboxMessage:
    outbox.tell("reminded", to=[to], key=key, at=NOON, case=case, clock="first_response", due="2026-11-11T04:30:00Z")
    return OutboxMessage.objects.get(key=f"{key}:{to.pk}")


def dark(world: World, case: Case, server: MailServer, *keys: str, at: Any = NOON) -> list[OutboxMessage]:
    """Rows that went out as one letter whose answer was lost."""
    rows = [told(case, world.support, key) for key in keys]
    server.mood = "cut"
    delivery.run(at=at)
    server.mood = "accept"
    return rows


def ids(server: MailServer) -> list[str]:
    return [mail["Message-ID"] for mail in server.mails]


def id_of(*rows: OutboxMessage) -> str:
    return delivery.message_id(row.pk for row in rows)


def test_a_worker_that_dies_with_two_letters_of_a_person_in_hand_mixes_them_up_neither(
    world: World, case: Case, server: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = dark(world, case, server, "a1", "a2")
    new = told(case, world.support, "b")
    with monkeypatch.context() as patch:
        patch.setattr(delivery, "_mark", lambda *_args, **_values: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            delivery.run(at=NOON + MINUTE)
    assert ids(server) == [id_of(*first)] * 2
    delivery.run(at=NOON + 6 * MINUTE)
    assert ids(server) == [*[id_of(*first)] * 3, id_of(new)]


def test_two_letters_that_fail_in_one_pass_stay_two(world: World, case: Case, server: MailServer) -> None:
    first = dark(world, case, server, "a")
    second = dark(world, case, server, "b", at=NOON + MINUTE / 2)
    server.mood = "cut"
    assert delivery.run(at=NOON + 2 * MINUTE)["retried"] == 2
    server.mood = "accept"
    delivery.run(at=NOON + 7 * MINUTE)
    assert ids(server) == [id_of(*first), id_of(*second)] * 2 + [id_of(*first), id_of(*second)]


def test_two_letters_given_back_in_one_pass_stay_two(
    world: World, case: Case, server: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = dark(world, case, server, "a")
    second = dark(world, case, server, "b", at=NOON + MINUTE / 2)
    with monkeypatch.context() as patch:
        patch.setattr(delivery, "PASS_SECONDS", 1e-9)
        patch.setattr(delivery, "_send", lambda *_args: 1 / 0)
        delivery._send_all(delivery._claim(NOON + 2 * MINUTE, None), delivery.Counts(), NOON + 2 * MINUTE, 0.0)
    delivery.run(at=NOON + 3 * MINUTE)
    assert ids(server) == [id_of(*first), id_of(*second)] * 2


def test_a_letter_that_may_have_arrived_stays_that_letter_when_it_is_refused_the_next_time(
    world: World, case: Case, server: MailServer
) -> None:
    first = dark(world, case, server, "a")
    server.mood = "refuse"
    delivery.run(at=NOON + MINUTE)
    server.mood = "accept"
    new = told(case, world.support, "b")
    delivery.run(at=NOON + 6 * MINUTE)
    assert sorted(ids(server)) == sorted([id_of(*first)] * 2 + [id_of(new)])


def test_a_letter_whose_rows_were_tried_unequally_often_is_given_up_whole(
    world: World, case: Case, server: MailServer
) -> None:
    rows = [told(case, world.support, key) for key in ("a", "b")]
    OutboxMessage.objects.filter(pk=rows[0].pk).update(mail="retry", attempts=4)
    server.mood, at = "cut", NOON
    for _try in range(delivery.ATTEMPTS):
        delivery.run(at=at)
        at += 60 * MINUTE
    assert set(ids(server)) == {id_of(*rows)}
    assert len(server.mails) == delivery.ATTEMPTS
    assert set(OutboxMessage.objects.values_list("mail", flat=True)) == {"dead"}
