"""Two workers that deliver, or write digests, at the same moment: each mail goes out once."""

import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection

from handoffs import delivery, digests, outbox
from handoffs.models import OutboxMessage
from tests import factories
from tests.delivery.mailserver import MailServer
from tests.factories import NOON, World

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def world(transactional_db: None) -> World:
    from handoffs.seeds.load import load

    load()
    return factories.world()


def together(act: Callable[[], Any], times: int = 3) -> list[Any]:
    gate, results = threading.Barrier(times), []

    def run() -> None:
        try:
            gate.wait(10)
            results.append(act())
        finally:
            connection.close()

    threads = [threading.Thread(target=run) for _ in range(times)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return results


def test_three_deliverers_send_each_person_one_mail(world: World, server: MailServer) -> None:
    case = factories.case(world.shop, path=3)
    OutboxMessage.objects.all().delete()
    for number in range(20):
        outbox.tell("reminded", to=world.people.values(), key=f"remind:{number}", at=NOON, case=case)
    results = together(lambda: delivery.run(at=NOON))
    assert len(results) == 3
    assert sum(counts["sent"] for counts in results) == 120
    assert sorted(mail["To"] for mail in server.mails) == sorted(user.email for user in world.people.values())
    assert set(OutboxMessage.objects.values_list("mail", "attempts")) == {("sent", 1)}


def test_three_writers_write_each_person_one_digest(world: World) -> None:
    factories.case(world.shop, path=1)
    results = together(lambda: digests.prepare(at=NOON, by_hand=True).counts)
    assert len(results) == 3
    assert sum(counts["sent"] for counts in results) == 2
    assert OutboxMessage.objects.filter(kind="digest").count() == 2
