"""What a case weighs: bytes a case in each table, indexes and large values included, on cases as the desk makes them.

Each case has its row as the marketplace sends it, a clock, three timeline rows and two messages; every second a parcel
with ten events.
"""

import argparse
from datetime import UTC, datetime
from typing import Any

from benchmarks import grown
from benchmarks.bench import desk, table

EVENTS, MESSAGES = 10, 2
# As long as the marketplaces' own answers (about a kilobyte), and different in every row, so that it packs no better.
SENT = "jsonb_build_object('refund_id', k.refund_id, 'sent', (SELECT string_agg(md5(k.id::text || i), ' ')" \
       " FROM generate_series(1, 28) i))"  # fmt: skip
TRACE = "'【' || md5(p.id::text || i) || '】快件已到达转运中心，正发往下一站，请耐心等待'"


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--cases", type=int, default=200_000)
    given = options.parse_args()
    desk()
    at = datetime.now(tz=UTC)
    grown.people(at)
    grown.cases(given.cases, every=20, at=at)
    _and_what_grows()
    weights = {name: size / given.cases for name, size in _sizes() if size >= 10 * given.cases}
    rows = [(name.removeprefix("handoffs_"), f"{size:,.0f}") for name, size in weights.items()]
    table("Bytes a case", [*rows, ("all", f"{sum(weights.values()):,.0f}")])


def _and_what_grows() -> None:
    from django.db import connection

    from handoffs.models import OutboxMessage, ParcelEvent

    with connection.cursor() as cursor:
        cursor.execute(f"UPDATE handoffs_casesource s SET raw = {SENT} FROM handoffs_case k WHERE k.id = s.case_id")
        cursor.execute("VACUUM FULL handoffs_casesource")
    grown.fill(ParcelEvent, {
        "parcel_id": "p.id", "at": "p.created_at + i * interval '1 hour'", "state": "'in_transit'", "text": TRACE,
        "raw_state": "'1002'", "place": "'上海转运中心'", "source": "'push'",
        "received_at": "p.created_at + i * interval '1 hour'", "digest": "md5(p.id::text || i)",
    }, f"handoffs_parcel p, generate_series(1, {EVENTS}) i")  # fmt: skip
    grown.fill(OutboxMessage, {
        "key": "'remind:' || k.id || ':1:' || i", "kind": "'reminded'", "to_id": "u.id", "case_id": "k.id",
        "data": "jsonb_build_object('clock', 'first_response', 'handoff', NULL, 'due', k.applied_at)",
        "created_at": "k.created_at", "mail": "'sent'", "sent_at": "k.created_at",
    }, f"handoffs_case k, generate_series(1, {MESSAGES}) i, (SELECT min(id) AS id FROM accounts_user) u")  # fmt: skip


def _sizes() -> list[tuple[str, Any]]:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")
        cursor.execute(
            "SELECT relname, pg_total_relation_size(oid) FROM pg_class"
            " WHERE relkind = 'r' AND relname LIKE 'handoffs_%' ORDER BY 2 DESC"
        )
        return list(cursor.fetchall())


if __name__ == "__main__":
    main()
