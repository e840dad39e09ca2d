"""A mail server that refuses, is slow or hangs up; a disk that is full; a clock that is put back and forward."""

from collections.abc import Callable

import pytest

from tests.delivery.mailserver import MailServer
from tests.faults.conftest import Desk
from tests.faults.test_killed import AT, DUE, of_the_mails, of_the_sweep, with_clocks_due, with_mails_due

pytestmark = pytest.mark.faults
SOON, LATER = "2026-11-11T04:27:00+00:00", "2026-11-11T04:40:00+00:00"
# (mood, letters the server has in the end, of them known as doubled by their Message-ID)
MOODS = [("refuse", 10, 0), ("refuse_recipient", 10, 0), ("slow", 10, 0), ("cut", 20, 10)]


@pytest.mark.parametrize(("mood", "letters", "doubled"), MOODS)
def test_mail_server_in_a_bad_mood(
    desk: Desk, mood: str, letters: int, doubled: int, counted: Callable[..., None]
) -> None:
    """Refused for certain: told later, once. In the dark: told again under the same Message-ID. Never not at all."""
    people = with_mails_due(desk)
    with MailServer() as server:
        url = {"EMAIL_URL": f"smtp://127.0.0.1:{server.port}"}
        server.mood = mood
        desk.act("deliver", "impatient=0.5", AT=AT, **url)
        assert desk.ask("SELECT count(*) FROM handoffs_outboxmessage WHERE error <> ''") > 0, "the console says so"
        server.mood = "accept"
        desk.act("deliver", AT=SOON, **url)
        desk.act("deliver", AT=LATER, **url)
        found = of_the_mails(desk, server, people)
    counted(*found)
    assert found == (letters, 0, doubled)
    assert desk.ask("SELECT count(*) FROM handoffs_outboxmessage WHERE mail <> 'sent'") == 0


CONTROLS = [
    ("refuse", "without-trying-again", "trying again", (0, 10, 0)),
    ("cut", "without-message-ids", "Message-IDs by what is told", (20, 0, 0)),
]


@pytest.mark.parametrize(("mood", "harm", "guard", "wanted"), CONTROLS)
def test_mail_server_in_a_bad_mood_control(
    desk: Desk, mood: str, harm: str, guard: str, wanted: tuple[int, int, int], counted: Callable[..., None]
) -> None:
    """Given up at once nobody hears; told again under a new Message-ID the reader takes it for something new."""
    people = with_mails_due(desk)
    with MailServer() as server:
        url = {"EMAIL_URL": f"smtp://127.0.0.1:{server.port}"}
        server.mood = mood
        desk.act("deliver", harm, "impatient=0.5", AT=AT, **url)
        server.mood = "accept"
        for at in (SOON, LATER):
            desk.act("deliver", harm, AT=at, **url)
        found = of_the_mails(desk, server, people)
    counted(*found, guard=guard)
    assert found == wanted


def test_disk_full_for_uploads(desk: Desk, counted: Callable[..., None]) -> None:
    """A clear word, no row without its file, and as soon as there is room again all is as before."""
    with_clocks_due(desk, 1)
    refused = desk.act("upload", "full-disk=4096", AT=AT)
    assert refused == {"said": ["disk_full", "unreadable"], "left": False}
    assert desk.ask("SELECT count(*) FROM handoffs_attachment") == 0
    assert desk.act("upload", AT=AT) == {"said": [], "left": True}
    stored = desk.ask("SELECT count(*) FROM handoffs_attachment")
    counted(stored, 1 - stored, 0)
    assert stored == 1


def test_disk_full_for_uploads_control(desk: Desk, counted: Callable[..., None]) -> None:
    with_clocks_due(desk, 1)
    desk.act("upload", "without-looking-at-the-disk", "full-disk=4096", AT=AT)
    rows = desk.ask("SELECT count(*) FROM handoffs_attachment")
    counted(0, rows, 0, guard="the file is stored before its row")
    assert rows == 1, "evidence nobody can open"


def test_clock_put_back_and_forward_an_hour(desk: Desk, counted: Callable[..., None]) -> None:
    """Reminded at 4:20; at 3:20 again nothing happens; at 5:20 what is due is done, and nothing a second time."""
    with_clocks_due(desk)
    desk.act("sweep", AT=AT)
    for at in ("2026-11-11T03:20:00+00:00", "2026-11-11T03:21:00+00:00"):
        done = desk.act("sweep", AT=at)
        assert done is not None
        assert done["claimed"] == 0
    desk.act("sweep", AT="2026-11-11T05:20:00+00:00")
    desk.act("sweep", AT=AT)
    late = desk.ask("SELECT count(*) FROM handoffs_timelineentry WHERE kind = 'late'")
    assert late == desk.ask("SELECT count(*) FROM handoffs_clock WHERE state = 'late'") == DUE
    told = of_the_sweep(desk)[0]
    counted(told, DUE - told, late - DUE)
    assert told == DUE


def test_clock_put_forward_control(desk: Desk, counted: Callable[..., None]) -> None:
    with_clocks_due(desk)
    desk.act("sweep", "without-looking-back", AT="2026-11-11T05:20:00+00:00")
    told = of_the_sweep(desk)[0]
    counted(told, DUE - told, 0, guard="looking for all that is due, however long ago")
    assert told == 0
