"""A mail server that refuses, is slow or hangs up; a disk that is full."""

from collections.abc import Callable

import pytest

from tests.delivery.mailserver import MailServer
from tests.faults.conftest import AT, Desk
from tests.faults.test_killed import GIVEN_UP, of_the_mails

pytestmark = pytest.mark.faults
SOON, LATER = "2026-11-11T04:27:00+00:00", "2026-11-11T04:40:00+00:00"
ONCE, IDS = ("without-trying-again", "trying again"), ("without-message-ids", "Message-IDs by what is told")
PLAIN = ("", "")
WAIT = "Mails that the mail server has not taken yet are tried again by themselves"
# (mood, what the guard is that is taken away; letters the server has in the end, people without one, known as doubled;
# what the board says of it)
MOODS = [
    ("refuse", PLAIN, (10, 0, 0), "not today"),
    ("refuse", ONCE, (0, 10, 0), "not today"),
    ("refuse_recipient", PLAIN, (10, 0, 0), "no such person"),
    ("refuse_recipient", ONCE, (0, 10, 0), "no such person"),
    ("slow", PLAIN, (10, 0, 0), "timed out"),
    ("slow", ONCE, (0, 10, 0), "timed out"),
    ("cut", PLAIN, (20, 0, 10), "closed"),
    ("cut", IDS, (20, 0, 0), "closed"),
]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("mood", "off", "wanted", "why"),
    [pytest.param(mood, off, *more, id=f"{mood}{'-control' * bool(off[0])}") for mood, off, *more in MOODS],
)
def test_mail_server_in_a_bad_mood(
    mailing: Desk, mood: str, off: tuple[str, str], wanted: tuple[int, int, int], why: str,
    counted: Callable[..., None],
) -> None:  # fmt: skip
    """Refused for certain: told later, once. In the dark: told again under the same Message-ID. Never not at all.

    Given up at once nobody hears; told again under a new Message-ID the reader takes it for something new.
    """
    harm, guard = off
    harms = (harm,) if harm else ()
    with MailServer() as server:
        url = {"EMAIL_URL": f"smtp://127.0.0.1:{server.port}"}
        server.mood = mood
        mailing.act("deliver", *harms, "impatient=0.3", AT=AT, **url)
        (board,) = mailing.screens("/board/", AT=AT)
        server.mood = "accept"
        for at in (SOON, LATER):
            mailing.act("deliver", *harms, AT=at, **url)
    counted(*of_the_mails(server), guard=guard)
    assert of_the_mails(server) == wanted
    assert (GIVEN_UP if off == ONCE else WAIT) in board
    assert why in board
    left = mailing.ask("SELECT count(*) FROM handoffs_outboxmessage WHERE mail <> 'sent'")
    assert left > 0 if off == ONCE else left == 0


FULL = "The desk's disk takes no more files"
KEPT = "SELECT count(*) FROM handoffs_attachment"


def test_disk_full_for_uploads(desk: Desk, counted: Callable[..., None]) -> None:
    """A clear word, no row without its file, and as soon as there is room again all is as before."""
    photo, export = desk.act("upload", "full-disk=4096")
    assert FULL in photo
    assert FULL in export
    assert desk.ask(KEPT) == desk.ask("SELECT count(*) FROM handoffs_importrun") == 0
    photo, export = desk.act("upload")
    assert '"id":' in photo
    assert "What the import would do" in export
    stored = desk.ask(KEPT)
    counted(stored, 1 - stored, 0)
    assert stored == desk.ask("SELECT count(*) FROM handoffs_importrun") == 1


def test_disk_full_for_uploads_control(desk: Desk, counted: Callable[..., None]) -> None:
    desk.act("upload", "without-looking-at-the-disk", "full-disk=4096")
    rows = desk.ask(KEPT)
    counted(0, rows, 0, guard="the file is stored before its row")
    assert rows == 1, "evidence nobody can open"
