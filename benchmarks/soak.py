"""An hour of 11.11 in short: two web processes, two workers and beat on services of their own, then the books.

Applications arrive by the API, some twice; the carriers' service pushes with its signature, some pushes twice; agents
look at their queue and answer; clocks come due all the while and mails go out. At the end what the desk holds is
compared with what was sent to it. Exits with 1 when anything is wrong.
"""

import argparse
import hashlib
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import requests

from tests import services
from tests.carriers.samples import posted
from tests.delivery.mailserver import MailServer
from tests.faults.conftest import ROOT, Desk, _env

CELERY = [sys.executable, "-m", "celery", "-A", "tests.faults.worker"]
WORKER = [*CELERY, "worker", "--pool", "solo", "--without-gossip", "--without-mingle"]
AGENTS, PATIENCE = 4, 60
SETTLED = "late clocks, letters and timetable at rest"
SHOP = """
from datetime import datetime, UTC, timedelta
from accounts.models import *
from handoffs.models import CarrierAccount
from handoffs.seeds.load import load
from django.utils import timezone
from accounts import tokens
from accounts.models.token import Scope
load()
shop = Shop.objects.create(code="soak", name="soak", marketplace="taobao")
result = []
for n in range(4):
    user = User.objects.create(email=f"p{n}@example.test", name=f"p{n}")
    Membership.objects.create(user=user, role="support", shop=shop)
    DutyShift.objects.create(user=user, starts_at=datetime.now(UTC) - timedelta(hours=1))
    result.append(tokens.make(user, 'soak', Scope.values, by=user, at=timezone.now())[1])
account = CarrierAccount(code="soak", shop=shop, customer="soak", subscribes=False)
account.keep(salt="salt-of-a-test")
account.save()
"""
ZONE = timedelta(hours=8)


class Crowd:
    """Everybody who talks to the desk. `said` counts what it answered; `arrived` are the numbers it took."""

    def __init__(self, address: str, tokens: list[str], until: float) -> None:
        self.address, self.tokens, self.until = address, tokens, until
        self.said: Counter[str] = Counter()
        self.arrived: set[str] = set()
        self.answered: Counter[int] = Counter()
        self.pushed: set[str] = set()
        self.lock = threading.Lock()

    def call(self, method: str, path: str, agent: int, **body: Any) -> requests.Response | None:
        headers = {"Authorization": f"Token {self.tokens[agent]}"}
        try:
            answer = requests.request(method, self.address + path, headers=headers, timeout=30, **body)
        except requests.RequestException:
            return self._note("no answer")
        self._note(f"{answer.status_code // 100}xx")
        return answer

    def _note(self, what: str) -> None:
        with self.lock:
            self.said[what] += 1

    def arrive(self, seed: int) -> None:
        """Batches of ten, applied for up to half an hour ago, so that reminders and deadlines come due; some again."""
        dice, number = random.Random(seed), seed * 1_000_000  # noqa: S311
        while time.monotonic() < self.until:
            batch = [application(number + n, dice) for n in range(10)]
            for _time in range(dice.choice((1, 1, 2))):
                answer = self.call("POST", "/api/v1/refund-applications/", seed % AGENTS, json=batch)
                if answer is not None and answer.ok:
                    self.arrived |= {
                        row["refund_id"] for row in answer.json()["results"] if row["result"] != "rejected"
                    }
            number += 10
            time.sleep(0.3)

    def push(self, seed: int) -> None:
        """Parcels under way, told by the carriers' service; every third push comes twice."""
        number = 0
        while time.monotonic() < self.until:
            number += 1
            waybill = f"7{seed}{number:08d}"
            body = posted(track(waybill))
            for _time in range(2 if number % 3 == 0 else 1):
                answer = self.call("POST", "/hooks/kuaidi100/soak/", 0, data=body)
                if answer is not None and answer.ok and answer.json().get("returnCode") == "200":
                    self.pushed.add(waybill)
                elif answer is not None:
                    self._note("turned down")
            time.sleep(0.2)

    def work(self, agent: int) -> None:
        """Look at the queue, open a case, answer the buyer."""
        dice = random.Random(agent)  # noqa: S311
        while time.monotonic() < self.until:
            seen = self.call("GET", "/api/v1/cases/", agent)
            rows = seen.json().get("results", []) if seen is not None and seen.ok else []
            for row in dice.sample(rows, min(3, len(rows))):
                self.call("GET", f"/api/v1/cases/{row['id']}/", agent)
                told = self.call(
                    "POST", f"/api/v1/cases/{row['id']}/respond/", agent, json={"message": "你好，正在为你处理"}
                )
                if told is not None and told.ok:
                    with self.lock:
                        self.answered[row["id"]] += 1
            time.sleep(0.1)


def application(number: int, dice: random.Random) -> dict[str, Any]:
    at = datetime.now(tz=UTC) + ZONE - timedelta(seconds=dice.choice((60, 600, 880, 1420, 1780)))
    return {
        "shop": "soak", "refund_id": str(number), "tid": str(number), "oid": str(number), "status": "WAIT_SELLER_AGREE",
        "order_status": dice.choice(("WAIT_SELLER_SEND_GOODS", "WAIT_BUYER_CONFIRM_GOODS")),
        "good_status": "BUYER_NOT_RECEIVED", "has_good_return": False, "refund_fee": "52.77", "total_fee": "52.77",
        "reason": "协商一致退款", "title": "水杯", "buyer_nick": "buyer", "created": f"{at:%Y-%m-%d %H:%M:%S}",
        "modified": f"{at:%Y-%m-%d %H:%M:%S}",
    }  # fmt: skip


def track(waybill: str) -> dict[str, Any]:
    at = f"{datetime.now(tz=UTC) + ZONE:%Y-%m-%d %H:%M:%S}"
    line = {"time": at, "ftime": at, "context": "快件已揽收", "status": "揽收"}
    return {"status": "polling", "lastResult": {"nu": waybill, "com": "zhongtong", "state": "1", "data": [line]}}


def reconcile(desk: Desk, crowd: Crowd, server: MailServer) -> list[tuple[str, int, int]]:
    """What was checked, how many there are, and how many of them are wrong."""
    ask, cases = desk.ask, desk.ask("SELECT count(*) FROM handoffs_case")
    with_ids = [mail["Message-ID"].strip().lstrip("<").partition("@")[0] for mail in server.mails]
    sent = desk.ask("SELECT count(*) FROM handoffs_outboxmessage WHERE mail = 'sent'")
    covered, strange = letters_told(desk, set(with_ids))
    wrong_clocks = ask(
        "SELECT count(*) FROM handoffs_clock WHERE (state = 'running' AND (ended_at IS NOT NULL OR due_at < now()"
        " - interval '1 minute')) OR (state IN ('met', 'cancelled') AND ended_at IS NULL)"
        " OR (state = 'met' AND ended_at > due_at) OR (state = 'late' AND due_at > now())"
    )
    twice = "SELECT count(*) - count(DISTINCT ({what})) FROM handoffs_{table} {where}"
    late = "WHERE kind = 'late'"
    return [
        ("applications taken: a case each", cases, abs(cases - len(crowd.arrived))),
        ("cases: none twice", cases, ask(twice.format(what="shop_id, refund_id", table="case", where=""))),
        ("cases: arrival noted once", cases, abs(
            cases - ask("SELECT count(*) FROM handoffs_timelineentry WHERE kind = 'arrived'"))),
        ("clocks: state, end and deadline agree", ask("SELECT count(*) FROM handoffs_clock"), wrong_clocks),
        ("late clocks: noted", ask("SELECT count(*) FROM handoffs_clock WHERE state = 'late'"), abs(
            ask("SELECT count(*) FROM handoffs_clock WHERE state = 'late'")
            - ask(f"SELECT count(*) FROM handoffs_timelineentry {late}"))),
        ("answers: a response each", sum(crowd.answered.values()), abs(
            sum(crowd.answered.values()) - ask("SELECT count(*) FROM handoffs_response"))),
        ("parcels pushed: one each", len(crowd.pushed), abs(
            len(crowd.pushed) - ask("SELECT count(*) FROM handoffs_parcel WHERE waybill LIKE '7%'"))),
        ("messages sent: each in one letter the server has", sent, sent - covered),
        ("letters: each of messages the desk sent", len(set(with_ids)), strange),
        ("letters: none twice", len(with_ids), len(with_ids) - len(set(with_ids))),
        ("messages: none unsent or in error", ask("SELECT count(*) FROM handoffs_outboxmessage"), ask(
            "SELECT count(*) FROM handoffs_outboxmessage WHERE mail NOT IN ('sent', 'none') OR error <> ''")),
        ("refund orders: none twice for a case", ask("SELECT count(*) FROM handoffs_refundorder"), ask(
            twice.format(what="case_id", table="refundorder", where=""))),
        ("pushes: none turned down", len(crowd.pushed), crowd.said["turned down"]),
        ("calls: no 5xx, none unanswered", sum(crowd.said.values()), crowd.said["5xx"] + crowd.said["no answer"]),
    ]  # fmt: skip


def letters_told(desk: Desk, letters: set[str]) -> tuple[int, int]:
    """Messages found in a letter by its Message-ID, and letters found in no messages. A letter tells one person rows
    that were claimed together: neighbours among those of the same pass."""
    with psycopg.connect(desk.database) as connection:
        rows = connection.execute(
            "SELECT to_id, sent_at, array_agg(id ORDER BY id) FROM handoffs_outboxmessage WHERE mail = 'sent'"
            " GROUP BY to_id, sent_at"
        ).fetchall()
    covered, left = 0, set(letters)
    for _to, _at, ids in rows:
        start = 0
        while start < len(ids):
            ends = range(len(ids), start, -1)
            end = next((end for end in ends if letter_of(ids[start:end]) in left), None)
            if end is None:
                start += 1
                continue
            left.discard(letter_of(ids[start:end]))
            covered, start = covered + end - start, end
    return covered, len(left)


def letter_of(ids: list[int]) -> str:
    """The Message-ID the desk gives a letter of these messages, up to its host."""
    return hashlib.sha256(",".join(map(str, ids)).encode()).hexdigest()[:32]


def together(*acts: Callable[[], None]) -> None:
    threads = [threading.Thread(target=act, daemon=True) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def drained(desk: Desk) -> bool:
    unsent = "SELECT count(*) FROM handoffs_outboxmessage WHERE mail IN ('queued', 'inflight', 'retry')"
    due = "SELECT count(*) FROM handoffs_clock WHERE next_action_at < now() - interval '3 seconds'"
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        if desk.ask(unsent) == desk.ask(due) == 0:
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
        port = services.free_port()
        env = _env(database, broker, folder) | {"EMAIL_URL": f"smtp://127.0.0.1:{server.port}"}
        desk = Desk(database, broker, folder, env)
        subprocess.run([sys.executable, "manage.py", "migrate", "-v0"], cwd=ROOT, env=env, check=True)  # noqa: S603
        tokens = desk.python(SHOP)
        web = [sys.executable, "-m", "gunicorn", "refunddesk.wsgi", "--bind", f"127.0.0.1:{port}", "--workers", "2"]
        beat = [*CELERY, "beat", "--schedule", str(folder / "beat")]
        for command in (web, WORKER, WORKER, beat):
            running.enter_context(desk.kept(command))
        desk.until("SELECT count(*) FROM handoffs_tick WHERE name = 'sweep'", 1)
        crowd = Crowd(f"http://127.0.0.1:{port}", tokens, time.monotonic() + seconds)
        agents = [lambda n=n: crowd.work(n) for n in range(AGENTS)]
        together(lambda: crowd.arrive(1), lambda: crowd.arrive(2), lambda: crowd.push(1), *agents)
        rest = drained(desk)
        return told([*reconcile(desk, crowd, server), (SETTLED, 1, int(not rest))], crowd)


def told(rows: list[tuple[str, int, int]], crowd: Crowd) -> int:
    print("| checked | there are | wrong |\n|---|---|---|")
    for what, there, wrong in rows:
        print(f"| {what} | {there} | {wrong} |")
    print("answers:", dict(crowd.said))
    idle = not (crowd.arrived and crowd.pushed and crowd.answered)
    if idle:
        print("Nothing arrived, or nothing was pushed, or nobody answered: this proves nothing.")
    return int(idle or any(wrong for _what, _there, wrong in rows))


if __name__ == "__main__":
    sys.exit(main())
