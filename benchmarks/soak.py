"""An hour of 11.11 in short: two web processes, two workers and beat on services of their own, then the books.

Applications arrive by the API, from a marketplace and in files, some twice; the carriers' service pushes with its
signature, some pushes twice; agents look at their queue and answer, the warehouse stops parcels, refunds are paid in
batches at a gateway that now and then loses an answer; clocks come due all the while and mails go out. At the end
what the desk holds is compared with what was sent to it and with the marketplace's ledger. Exits with 1 when anything
is wrong.
"""

import argparse
import hashlib
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from pathlib import Path

import psycopg

from benchmarks.crowd import AGENTS, PASSWORD, Crowd, together
from handoffs.gateway import Gateway
from tests import services
from tests.delivery.mailserver import MailServer
from tests.faults.conftest import ROOT, Desk, env_of

CELERY = [sys.executable, "-m", "celery", "-A", "tests.faults.worker"]
WORKER = [*CELERY, "worker", "--pool", "prefork", "--concurrency", "2", "--without-gossip", "--without-mingle"]
PATIENCE = 90
SETTLED = "late clocks, letters, files and payments at rest"
SHOP = """
from datetime import datetime, UTC, timedelta
from accounts.models import *
from handoffs.models import CarrierAccount, Connection
from handoffs.seeds.load import load
from django.utils import timezone
from accounts import tokens
from accounts.models.token import Scope
load()
codes = ("soak", "market", "files")
shops = {{code: Shop.objects.create(code=code, name=code, marketplace="taobao") for code in codes}}
result = {{"shop of files": shops["files"].pk}}
def person(name, role, *codes):
    user = User(email=f"{{name}}@example.test", name=name)
    user.set_password({password!r})
    user.save()
    for code in codes:
        Membership.objects.create(user=user, role=role, shop=shops[code])
    DutyShift.objects.create(user=user, starts_at=datetime.now(UTC) - timedelta(hours=1))
    result[name] = tokens.make(user, 'soak', Scope.values, by=user, at=timezone.now())[1]
for n in range({agents}):
    person(f"agent{{n}}", "support", "soak", "market")
for n in range(2):
    person(f"warehouse{{n}}", "warehouse", "soak", "market")
person("cashier", "support", "market")
person("importer", "support", "files")
account = CarrierAccount(code="soak", shop=shops["soak"], customer="soak", subscribes=False)
account.keep(salt="salt-of-a-test")
account.save()
connection = Connection(shop=shops["market"], app_key={key!r}, gateway={gateway!r}, operator={operator!r},
                        pulled_until=timezone.now())
connection.keep(secret={secret!r}, session={session!r})
connection.save()
"""


def reconcile(desk: Desk, crowd: Crowd, server: MailServer) -> list[tuple[str, int, int]]:
    """What was checked, how many there are, and how many of them are wrong."""
    return [*_of_cases(desk, crowd), *_of_clocks(desk), *_of_work(desk, crowd), *_of_money(desk, crowd.market),
            *_of_letters(desk, server), *_of_calls(crowd)]  # fmt: skip


def _of_cases(desk: Desk, crowd: Crowd) -> list[tuple[str, int, int]]:
    ask, cases = desk.ask, desk.ask("SELECT count(*) FROM handoffs_case")
    known = crowd.arrived | set(crowd.market.taobao.refunds.held) | crowd.in_files
    twice = ask("SELECT count(*) - count(DISTINCT (shop_id, refund_id)) FROM handoffs_case")
    noted = ask("SELECT count(*) FROM handoffs_timelineentry WHERE kind = 'arrived'")
    parcels = ask("SELECT count(*) FROM handoffs_parcel WHERE waybill LIKE '71%'")
    rejects = ask("SELECT count(*) FROM handoffs_rejectedrow")
    return [
        ("applications taken by API, marketplace and file: a case each", cases, abs(cases - len(known))),
        ("cases: none twice", cases, twice),
        ("cases: arrival noted once", cases, abs(cases - noted)),
        ("rows of files that cannot be read: kept with their reason", rejects, abs(rejects - crowd.bad_rows)),
        ("parcels pushed: one each", len(crowd.pushed), abs(len(crowd.pushed) - parcels)),
        ("pushes: none turned down", len(crowd.pushed), crowd.said["turned down"]),
    ]


def _of_clocks(desk: Desk) -> list[tuple[str, int, int]]:
    wrong = desk.ask(
        "SELECT count(*) FROM handoffs_clock WHERE (state = 'running' AND (ended_at IS NOT NULL OR due_at < now()"
        " - interval '1 minute')) OR (state IN ('met', 'cancelled') AND ended_at IS NULL)"
        " OR (state = 'met' AND ended_at > due_at) OR (state = 'late' AND due_at > now()) OR failed <> ''"
    )
    late = desk.ask("SELECT count(*) FROM handoffs_clock WHERE state = 'late'")
    noted = desk.ask("SELECT count(*) FROM handoffs_timelineentry WHERE kind = 'late'")
    return [
        ("clocks: state, end and deadline agree", desk.ask("SELECT count(*) FROM handoffs_clock"), wrong),
        ("late clocks: noted", late, abs(late - noted)),
    ]


def _of_work(desk: Desk, crowd: Crowd) -> list[tuple[str, int, int]]:
    answers, stopped = sum(crowd.answered.values()), len(crowd.stopped)
    said = desk.ask("SELECT count(*) FROM handoffs_response")
    held = desk.ask("SELECT count(*) FROM handoffs_handoff WHERE kind = 'stop_parcel' AND status = 'answered'")
    facts = desk.ask("SELECT count(*) FROM handoffs_fact WHERE what = 'stopped'")
    return [
        ("answers to buyers: a response each", answers, abs(answers - said)),
        ("parcels stopped by two people: a handoff answered once each", stopped, abs(stopped - held)),
        ("parcels stopped: none by both", stopped, crowd.said["answered twice"] + abs(facts - held)),
    ]


def _of_money(desk: Desk, market: Gateway) -> list[tuple[str, int, int]]:
    """The marketplace's ledger beside the desk's refund orders. One whose answer was lost may still be unknown."""
    with psycopg.connect(desk.database) as connection:
        orders = connection.execute(
            "SELECT c.refund_id, o.amount, o.status, EXISTS (SELECT 1 FROM handoffs_fact f WHERE f.case_id = c.id"
            " AND f.what = 'stopped' AND f.at <= o.at) FROM handoffs_refundorder o"
            " JOIN handoffs_case c ON c.id = o.case_id WHERE o.status <> 'failed'"
        ).fetchall()
    paid = {refund_id: [Decimal(fen) / 100 for fen in fens] for refund_id, fens in market.paid.items()}
    kept = {refund_id: amount for refund_id, amount, _status, _stopped in orders}
    certain = {refund_id for refund_id, _amount, status, _stopped in orders if status != "unknown"}
    unlike = sum(fens != [kept.get(refund_id)] for refund_id, fens in paid.items())
    return [
        ("paid at the marketplace: once, as the desk's order says", len(paid), unlike),
        ("refund orders: none twice for a case", len(orders), len(orders) - len(kept)),
        ("refund orders known as paid: in the marketplace's ledger", len(certain), len(certain - paid.keys())),
        ("refund orders: the parcel was stopped before", len(orders), sum(not stopped for *_row, stopped in orders)),
        ("marketplace: no mistakes of its own", len(market.calls), len(market.broken)),
    ]


def _of_letters(desk: Desk, server: MailServer) -> list[tuple[str, int, int]]:
    sent = desk.ask("SELECT count(*) FROM handoffs_outboxmessage WHERE mail = 'sent'")
    unsent = "SELECT count(*) FROM handoffs_outboxmessage WHERE mail NOT IN ('sent', 'none') OR error <> ''"
    ids = [mail["Message-ID"].strip().lstrip("<").partition("@")[0] for mail in server.mails]
    covered, strange = letters_told(desk, set(ids))
    return [
        ("messages sent: each in one letter the server has", sent, sent - covered),
        (
            "messages: none unsent or in error",
            desk.ask("SELECT count(*) FROM handoffs_outboxmessage"),
            desk.ask(unsent),
        ),
        ("letters: each of messages the desk sent", len(set(ids)), strange),
        ("letters: none twice", len(ids), len(ids) - len(set(ids))),
    ]


def _of_calls(crowd: Crowd) -> list[tuple[str, int, int]]:
    calls = sum(crowd.said[answer] for answer in ("2xx", "3xx", "4xx", "5xx", "no answer"))
    return [("calls and pages: no 5xx, none unanswered", calls, crowd.said["5xx"] + crowd.said["no answer"])]


def letters_told(desk: Desk, letters: set[str]) -> tuple[int, int]:
    """Messages found in a letter by its Message-ID, and letters found in no messages.

    A letter tells one person rows that were claimed together: neighbours among those of the same pass, or neighbours
    once the letters in between are taken out.
    """
    with psycopg.connect(desk.database) as connection:
        rows = connection.execute(
            "SELECT array_agg(id ORDER BY id) FROM handoffs_outboxmessage WHERE mail = 'sent' GROUP BY to_id, sent_at"
        ).fetchall()
    untold, left = 0, set(letters)
    for (ids,) in rows:
        rest, before = ids, None
        while rest != before:
            rest, before = _without_letters(rest, left), rest
        untold += len(rest)
    return sum(len(ids) for (ids,) in rows) - untold, len(left)


def _without_letters(ids: list[int], letters: set[str]) -> list[int]:
    """The rows that no letter tells; the letters found are taken out of the set."""
    untold, start = [], 0
    while start < len(ids):
        ends = range(len(ids), start, -1)
        end = next((end for end in ends if letter_of(ids[start:end]) in letters), None)
        if end is None:
            untold.append(ids[start])
        else:
            letters.discard(letter_of(ids[start:end]))
        start = end or start + 1
    return untold


def letter_of(ids: list[int]) -> str:
    """The Message-ID the desk gives a letter of these messages, up to its host."""
    return hashlib.sha256(",".join(map(str, ids)).encode()).hexdigest()[:32]


def drained(desk: Desk, crowd: Crowd) -> bool:
    """Nothing due, nothing on its way, everything the marketplace has read."""
    nothing = (
        "SELECT count(*) FROM handoffs_outboxmessage WHERE mail IN ('queued', 'inflight', 'retry')",
        "SELECT count(*) FROM handoffs_clock WHERE next_action_at < now() - interval '3 seconds'",
        "SELECT count(*) FROM handoffs_importrun WHERE status IN ('waiting', 'running')",
        "SELECT count(*) FROM handoffs_refundbatch WHERE status = 'running'",
    )
    read = "SELECT count(*) FROM handoffs_case c JOIN accounts_shop s ON s.id = c.shop_id WHERE s.code = 'market'"
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        if desk.ask(read) == len(crowd.market.taobao.refunds.held) and not any(map(desk.ask, nothing)):
            return True
        time.sleep(0.5)
    return False


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=60)
    seconds = parser.parse_args().seconds
    with ExitStack() as running:
        folder = Path(running.enter_context(tempfile.TemporaryDirectory(prefix="refunddesk-soak-")))
        database = running.enter_context(services.postgresql(folder))
        broker, server = running.enter_context(services.redis(folder)), running.enter_context(MailServer())
        market, port = running.enter_context(Gateway()), services.free_port()
        env = env_of(database, broker, folder) | {"EMAIL_URL": f"smtp://127.0.0.1:{server.port}"}
        desk = Desk(database, broker, folder, env)
        subprocess.run([sys.executable, "manage.py", "migrate", "-v0"], cwd=ROOT, env=env, check=True)  # noqa: S603
        tokens = desk.python(set_up(market))
        web = [sys.executable, "-m", "gunicorn", "refunddesk.wsgi", "--bind", f"127.0.0.1:{port}", "--workers", "2"]
        beat = [*CELERY, "beat", "--schedule", str(folder / "beat")]
        with ExitStack() as at_work:
            at_work.enter_context(desk.kept(web))
            workers = [at_work.enter_context(desk.kept(WORKER)) for _number in range(2)]
            with desk.kept(beat):
                desk.until("SELECT count(*) FROM handoffs_tick WHERE name = 'sweep'", 1)
                crowd = Crowd(f"http://127.0.0.1:{port}", tokens, market, time.monotonic() + seconds)
                died = together(*everybody(crowd))
                rest = drained(desk, crowd)
            for worker in workers:  # what is in hand is done first
                worker.terminate()
                worker.wait(PATIENCE)
        desk.act("deliver", AT=datetime.now(tz=UTC).isoformat())  # what the last sweep put out
        return told([*reconcile(desk, crowd, server), (SETTLED, 1, int(not rest))], crowd, died)


def set_up(market: Gateway) -> str:
    """Three shops, of which the marketplace knows one; people with tokens and passwords."""
    seller = market.seller()
    return SHOP.format(
        password=PASSWORD, agents=AGENTS, key=seller.app_key, gateway=f"{market.url}/router/rest",
        operator=seller.operator, secret=seller.app_secret, session=seller.session,
    )  # fmt: skip


def everybody(crowd: Crowd) -> list[Callable[[], None]]:
    programs = [crowd.apply_at_the_marketplace, crowd.push_parcels, crowd.refund, crowd.bring_files]
    programs += [partial(crowd.push_applications, seed) for seed in (1, 2)]
    programs += [partial(crowd.answer_buyers, agent) for agent in range(AGENTS)]
    return programs + [partial(act, number) for act in (crowd.stop_parcels, crowd.watch) for number in (0, 1)]


def told(rows: list[tuple[str, int, int]], crowd: Crowd, died: list[BaseException]) -> int:
    print("| checked | there are | wrong |\n|---|---|---|")
    for what, there, wrong in rows:
        print(f"| {what} | {there} | {wrong} |")
    print("answers:", dict(crowd.said), "pages opened:", crowd.pages)
    for error in died:
        print(f"Somebody could not go on: {error!r}")
    acts = (crowd.arrived, crowd.pushed, crowd.answered, crowd.stopped, crowd.in_files, crowd.market.paid, crowd.pages)
    if not all(acts):
        print("Something of it never happened: this proves nothing.")
    return int(bool(died) or not all(acts) or any(wrong for _what, _there, wrong in rows))


if __name__ == "__main__":
    sys.exit(main())
