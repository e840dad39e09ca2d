"""The sweep with 10,000 clocks due among 1,000,000, against one SQL statement a batch that writes the same three rows;
two sweepers against one.

Each due clock is moved on to its next step and leaves a timeline row and an outbox row. The bare statement knows what
the sweep has to find out: that every clock has the same steps, no pauses, and an owner who wants no mail.
"""

import argparse
import threading
from datetime import UTC, datetime, timedelta
from time import perf_counter
from typing import Any

from benchmarks.bench import desk, in_turn, table

AT = datetime(2026, 11, 11, 4, 0, tzinfo=UTC)
LATER = AT + timedelta(hours=20)
PER_CASE = 100
BARE = """
WITH taken AS MATERIALIZED (
  SELECT c.id, c.case_id, c.kind, c.version, c.step, c.started_at, c.due_at FROM handoffs_clock c
  WHERE c.next_action_at <= %(at)s ORDER BY c.next_action_at, c.id LIMIT 500 FOR NO KEY UPDATE SKIP LOCKED),
moved AS (
  UPDATE handoffs_clock c SET step = c.step + 1, failed = '',
    next_action_at = t.started_at + (t.due_at - t.started_at) * 0.8 FROM taken t WHERE c.id = t.id),
noted AS (
  INSERT INTO handoffs_timelineentry (case_id, at, kind, data)
  SELECT case_id, %(at)s, 'reminded', jsonb_build_object('clock', kind, 'version', version, 'percent', 50) FROM taken),
told AS (
  INSERT INTO handoffs_outboxmessage (key, kind, to_id, case_id, data, created_at, mail, attempts, error)
  SELECT 'remind:' || t.id || ':' || t.version || ':' || (t.step + 1) || ':' || k.owner_id, 'reminded', k.owner_id,
    t.case_id, jsonb_build_object('clock', t.kind, 'handoff', NULL, 'due', t.due_at), %(at)s, 'none', 0, ''
  FROM taken t JOIN handoffs_case k ON k.id = t.case_id ON CONFLICT DO NOTHING)
SELECT count(*) FROM taken"""


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--clocks", type=int, default=1_000_000)
    options.add_argument("--due", type=int, default=10_000)
    options.add_argument("--rounds", type=int, default=5)
    given = options.parse_args()
    desk()
    shop, owner = people()
    grow(shop, owner, given.clocks)
    took = in_turn(
        {
            "sweep": lambda: sweep(given.due),
            "bare SQL": lambda: _bare(given.due),
            "two sweepers": lambda: _two(given.due),
        },
        rounds=given.rounds,
    )
    table(
        f"{given.due:,} clocks due among {given.clocks:,}",
        [
            ("clocks a second", f"{given.due / took['sweep']:,.0f}"),
            ("one SQL statement a batch, clocks a second", f"{given.due / took['bare SQL']:,.0f}"),
            ("time ÷ time of the bare statement", f"{took['sweep'] / took['bare SQL']:.2f}"),
            ("two sweepers ÷ one", f"{took['two sweepers'] / took['sweep']:.2f}"),
        ],
    )


def _cursor() -> Any:
    from django.db import connection

    return connection.cursor()


def people() -> tuple[int, int]:
    from accounts.models import Membership, Shop, User

    shop, _new = Shop.objects.get_or_create(code="bench", defaults={"name": "bench", "marketplace": "taobao"})
    owner, _new = User.objects.get_or_create(email="bench@example.test", defaults={"name": "b", "wants_mail": False})
    Membership.objects.get_or_create(user=owner, role="support", shop=shop)
    return shop.pk, owner.pk


def grow(shop: int, owner: int, clocks: int) -> None:
    """As many clocks as wanted, none due, a hundred a case, all under the same terms."""
    from handoffs.models import Case, Clock, Terms

    there = Clock.objects.count()
    if there >= clocks:
        return
    steps = [{"act": "remind", "percent": p, "to": "holder"} for p in (50, 80)]
    steps += [
        {"act": "late", "percent": 100, "to": "asker_and_lead"},
        {"act": "escalate", "percent": 150, "to": "manager"},
    ]
    terms, _new = Terms.objects.get_or_create(
        digest="bench", defaults={"data": {"minutes": 600, "calendar": None, "steps": steps}}
    )
    known = Case.objects.count()
    Case.objects.bulk_create(
        [Case(shop_id=shop, refund_id=str(n), order_id=str(n), applied_at=AT, created_at=AT, changed_at=AT, amount=1,
              owner_id=owner, source_kind="refund") for n in range(known, -(-clocks // PER_CASE))], batch_size=5000,
    )  # fmt: skip
    with _cursor() as cursor:
        cursor.execute(
            "INSERT INTO handoffs_clock (case_id, kind, owner_role, version, state, cause, step, terms_id, started_at,"
            " due_at, next_action_at, failed)"
            " SELECT k.id, 'decide', 'support', v, 'running', '', 0, %s, %s, %s, %s, ''"
            " FROM (SELECT id FROM handoffs_case ORDER BY id OFFSET %s) k, generate_series(1, %s) v",
            [terms.pk, AT, AT + timedelta(hours=10), LATER, known, PER_CASE],
        )
        cursor.execute("VACUUM ANALYZE handoffs_clock")
        cursor.execute("VACUUM ANALYZE handoffs_case")


def make_due(clocks: int) -> None:
    """Some clocks, spread over all cases, have their first reminder due; what the last round wrote is gone."""
    with _cursor() as cursor:
        cursor.execute("TRUNCATE handoffs_outboxmessage, handoffs_timelineentry CASCADE")
    put_off()
    with _cursor() as cursor:
        cursor.execute(
            "UPDATE handoffs_clock SET next_action_at = %s"
            " WHERE id IN (SELECT id FROM handoffs_clock ORDER BY version, id LIMIT %s)",
            [AT + timedelta(hours=5), clocks],
        )
        cursor.execute("VACUUM handoffs_clock")
        cursor.execute("CHECKPOINT")


def put_off() -> None:
    """No clock is due any more, and none has taken a step."""
    with _cursor() as cursor:
        cursor.execute("UPDATE handoffs_clock SET step = 0, next_action_at = %s WHERE step > 0 OR next_action_at < %s",
                       [LATER, LATER])  # fmt: skip
        cursor.execute("VACUUM ANALYZE handoffs_clock")


def _timed(act: Any) -> float:
    start = perf_counter()
    act()
    return perf_counter() - start


def sweep(clocks: int) -> float:
    from handoffs import sweep as engine

    make_due(clocks)
    took = _timed(lambda: engine.run(at=AT + timedelta(hours=5, minutes=1)))
    _check(clocks)
    return took


def _bare(clocks: int) -> float:
    make_due(clocks)

    def act() -> None:
        with _cursor() as cursor:
            while True:
                cursor.execute(BARE, {"at": AT + timedelta(hours=5, minutes=1)})
                if not cursor.fetchone()[0]:
                    return

    took = _timed(act)
    _check(clocks)
    return took


def _two(clocks: int) -> float:
    from django.db import connection

    from handoffs import sweep as engine

    def one() -> None:
        engine.run(at=AT + timedelta(hours=5, minutes=1))
        connection.close()

    make_due(clocks)
    threads = [threading.Thread(target=one) for _number in range(2)]

    def act() -> None:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    took = _timed(act)
    _check(clocks)
    return took


def _check(clocks: int) -> None:
    """Every step once, whoever did it."""
    from handoffs.models import Clock, OutboxMessage, TimelineEntry

    counts = OutboxMessage.objects.count(), TimelineEntry.objects.count(), Clock.objects.filter(step=1).count()
    if counts != (clocks,) * 3:
        raise SystemExit(f"wrote {counts} where {clocks} were due")


if __name__ == "__main__":
    main()
