"""Two workers that deliver, or write digests, at the same moment: each mail goes out once."""

from uuid import uuid4

import pytest

from handoffs import delivery, digests, outbox
from handoffs.models import OutboxMessage
from tests import factories
from tests.delivery.mailserver import MailServer
from tests.factories import NOON, World
from tests.races import DOUBLED, exactly, race, together

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def world(transactional_db: None) -> World:
    from handoffs.seeds.load import load

    load()
    return factories.world()


@race("handoffs.delivery._locked", ends=DOUBLED)
def test_three_deliverers_send_each_person_one_mail(world: World, server: MailServer) -> None:
    case = factories.case(world.shop, path=3)
    OutboxMessage.objects.all().delete()
    for number in range(20):
        outbox.tell("reminded", to=world.people.values(), key=f"remind:{number}", at=NOON, case=case)
    results = together(*[lambda: delivery.run(at=NOON)] * 3)
    assert len(results) == 3
    exactly(sum(counts["sent"] for counts in results), 120)
    assert sorted(mail["To"] for mail in server.mails) == sorted(user.email for user in world.people.values())
    assert set(OutboxMessage.objects.values_list("mail", "attempts")) == {("sent", 1)}


@race("handoffs.digests.digest_for", ends=DOUBLED, off={"handoffs.digests.key_of": lambda *_of: str(uuid4())})
def test_three_writers_write_each_person_one_digest(world: World) -> None:
    factories.case(world.shop, path=1)
    results = together(*[lambda: digests.prepare(at=NOON, by_hand=True).counts] * 3)
    assert len(results) == 3
    exactly(sum(counts["sent"] for counts in results), 2)
    exactly(OutboxMessage.objects.filter(kind="digest").count(), 2)
