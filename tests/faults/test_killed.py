"""Workers killed with -9 in the middle, and two at once."""

from collections.abc import Callable

import pytest

from tests.delivery.mailserver import MailServer
from tests.faults.conftest import AT, DUE, LATER, Desk

pytestmark = pytest.mark.faults
AGAIN = "2026-11-11T04:30:00+00:00"
NOTED = "FROM handoffs_timelineentry WHERE kind = 'reminded'"
TIMELINE, ONCE = (f"SELECT count({what}) {NOTED}" for what in ("*", "DISTINCT (case_id, data->>'percent')"))
MESSAGES = "SELECT count(*) FROM handoffs_outboxmessage WHERE kind = 'reminded'"
STILL, GIVEN_UP, REMINDED = "it stands still", "Mails given up", "Reminded: "


def of_the_sweep(desk: Desk) -> tuple[int, int, int]:
    """Reminders noted and told; clocks of which nobody was told; reminders noted twice."""
    told, noted, once = desk.ask(MESSAGES), desk.ask(TIMELINE), desk.ask(ONCE)
    return told, DUE - told, noted - once


def board_and_case(desk: Desk, at: str) -> list[str]:
    """What the supervisor reads on the board and on the page of a case."""
    case = desk.ask("SELECT min(id) FROM handoffs_case")
    return desk.screens("/board/", f"/handoffs/case/{case}/change/", AT=at)


def test_worker_killed_in_the_middle_of_a_sweep(waiting: Desk, counted: Callable[..., None]) -> None:
    """The board says that the engine stands still, and afterwards the case that its owner was reminded, once."""
    assert waiting.act("sweep", "killed-in-the-sweep=3", AT=AT) is None
    assert waiting.ask(TIMELINE) == waiting.ask(MESSAGES) == 0
    assert "never: is the worker running?" in waiting.screens("/board/", AT=LATER)[0]
    waiting.act("sweep", AT=LATER)
    counted(*of_the_sweep(waiting))
    assert of_the_sweep(waiting) == (DUE, 0, 0)
    board, case = board_and_case(waiting, LATER)
    assert "11-11 12:21:00" in board
    assert STILL not in board
    assert case.count(REMINDED) == 1
    assert STILL in waiting.screens("/board/", AT=AGAIN)[0]


def test_worker_killed_in_the_middle_of_a_sweep_control(waiting: Desk, counted: Callable[..., None]) -> None:
    assert waiting.act("sweep", "without-transactions", "killed-in-the-sweep=3", AT=AT) is None
    waiting.act("sweep", AT=LATER)
    counted(*of_the_sweep(waiting), guard="one transaction for clock, timeline and message")
    assert of_the_sweep(waiting)[1] > 0


@pytest.mark.slow
def test_two_sweep_at_once(waiting: Desk, counted: Callable[..., None]) -> None:
    counts = waiting.both("sweep", AT=AT)
    counted(*of_the_sweep(waiting))
    assert of_the_sweep(waiting) == (DUE, 0, 0)
    assert sum(each["reminded"] for each in counts) == DUE
    assert board_and_case(waiting, AT)[1].count(REMINDED) == 1


@pytest.mark.slow
def test_two_sweep_at_once_control(waiting: Desk, counted: Callable[..., None]) -> None:
    waiting.both("sweep", "without-locks", AT=AT)
    counted(*of_the_sweep(waiting), guard="the lock on claimed clocks")
    assert of_the_sweep(waiting)[2] > 0
    assert board_and_case(waiting, AT)[1].count(REMINDED) == 2


def of_the_mails(server: MailServer, people: int = 10) -> tuple[int, int, int]:
    """Letters taken by the server; people who got none; letters more than there are Message-IDs, known as the same."""
    ids = [mail["Message-ID"] for mail in server.mails]
    return len(ids), people - len({mail["To"] for mail in server.mails}), len(ids) - len(set(ids))


AFTER, BEFORE = "killed-in-the-delivery=4", "killed-before-the-delivery=4"
KILLED = [
    pytest.param(AFTER, (), "", (11, 0, 1), id="after"),
    pytest.param(
        AFTER, ("without-message-ids",), "Message-IDs by what is told", (11, 0, 0), id="after-control"
    ),  # one letter more than people, and no reader can tell
    pytest.param(BEFORE, (), "", (10, 0, 0), id="before"),
    pytest.param(BEFORE, ("without-a-claim",), "the claim before sending", (9, 1, 0), id="before-control"),
]


@pytest.mark.slow
@pytest.mark.parametrize(("kill", "harms", "guard", "wanted"), KILLED)
def test_worker_killed_in_the_middle_of_a_delivery(
    mailing: Desk,
    kill: str,
    harms: tuple[str, ...],
    guard: str,
    wanted: tuple[int, int, int],
    counted: Callable[..., None],
) -> None:
    """At the fourth of ten letters, which goes out again, the others once. A letter the server had taken already goes
    out under the same Message-ID; one that counts as sent before it is would be lost.
    """
    with MailServer() as server:
        url = {"EMAIL_URL": f"smtp://127.0.0.1:{server.port}"}
        assert mailing.act("deliver", *harms, kill, AT=AT, **url) is None
        mailing.act("deliver", *harms, AT=AGAIN, **url)
    counted(*of_the_mails(server), guard=guard)
    assert of_the_mails(server) == wanted
    assert mailing.ask("SELECT count(*) FROM handoffs_outboxmessage WHERE mail <> 'sent'") == 0
    if not harms:
        assert GIVEN_UP not in mailing.screens("/board/", AT=AGAIN)[0]
        assert mailing.screens("/messages/", person="p0@example.test", AT=AGAIN)[0].count("Due 12:30") > 0
