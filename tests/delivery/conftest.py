from collections.abc import Iterator

import pytest

from handoffs.models import Case, OutboxMessage
from tests import factories
from tests.delivery.mailserver import MailServer


@pytest.fixture
def world(db: None) -> factories.World:
    return factories.world()


@pytest.fixture
def case(world: factories.World) -> Case:
    """A case nobody has been told of."""
    made = factories.case(world.shop, path=3, title="保温杯 500ml")
    OutboxMessage.objects.all().delete()
    return made


@pytest.fixture
def server(settings: object) -> Iterator[MailServer]:
    """A real SMTP server on this machine, and the desk set to use it."""
    with MailServer() as running:
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"  # type: ignore[attr-defined]
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", running.port  # type: ignore[attr-defined]
        settings.EMAIL_TIMEOUT = 1  # type: ignore[attr-defined]
        settings.BASE_URL = "https://desk.example.test"  # type: ignore[attr-defined]
        yield running
