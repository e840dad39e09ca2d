"""500 proposals approved in one act, against one SQL statement with the same writes; one approved by API, against a
bare endpoint that checks the token and updates one row.

Each approval settles the decision, answers the supervisor's question and ends its clock, starts the clock to carry it
out, moves the case on, leaves three timeline rows and tells the proposer. The bare statement knows what the approval
has to find out: that nobody settled it before, that the limit covers it, that nothing is paused or late.
"""

import argparse
import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from time import perf_counter
from typing import Any

from benchmarks.bench import desk, in_turn, table

AT = datetime.now(tz=UTC).replace(microsecond=0)
WHEN = AT + timedelta(minutes=20)
CALLS = 100
KEY = "bench-" + "k" * 40
BARE = """
WITH chosen AS MATERIALIZED (
  SELECT d.id, d.kind, d.amount, d.by_id, d.case_id, d.handoff_id, h.kind AS asked, k.status AS was
  FROM handoffs_decision d JOIN handoffs_case k ON k.id = d.case_id JOIN handoffs_handoff h ON h.id = d.handoff_id
  WHERE d.id = ANY(%(ids)s) ORDER BY k.id FOR NO KEY UPDATE OF k),
decided AS (
  UPDATE handoffs_decision d SET status = 'approved', approved_by_id = %(by)s, settled_at = %(at)s, note = '',
    offer = false FROM chosen c WHERE d.id = c.id),
answered AS (
  UPDATE handoffs_handoff h SET status = 'answered', answer = 'approve', answer_note = '', answered_by_id = %(by)s,
    answered_at = %(at)s, data = jsonb_build_object('amount', c.amount::text), assignee_id = %(by)s
  FROM chosen c WHERE h.id = c.handoff_id),
ended AS (
  UPDATE handoffs_clock k SET state = 'met', next_action_at = NULL, ended_at = %(at)s, failed = ''
  FROM chosen c WHERE k.handoff_id = c.handoff_id AND k.ended_at IS NULL),
started AS (
  INSERT INTO handoffs_clock (case_id, kind, owner_role, version, state, cause, step, terms_id, started_at, due_at,
    next_action_at, failed)
  SELECT case_id, 'carry_out', 'support', 1, 'running', '', 0, %(terms)s, %(at)s, %(due)s, %(next)s, '' FROM chosen),
moved AS (
  UPDATE handoffs_case k SET status = 'to_pay', money = 'approved', version = k.version + 1, changed_at = %(at)s,
    due_at = %(due)s FROM chosen c WHERE k.id = c.case_id),
noted AS (
  INSERT INTO handoffs_timelineentry (case_id, kind, at, by_id, data)
  SELECT c.case_id, n.kind, %(at)s, %(by)s, CASE n.kind
    WHEN 'answered' THEN jsonb_build_object('handoff', handoff_id, 'kind', asked, 'answer', 'approve', 'note', '')
    WHEN 'approved' THEN jsonb_build_object('decision', id, 'kind', c.kind, 'amount', amount::text)
    ELSE jsonb_build_object('status', 'to_pay', 'from', was, 'to', 'to_pay') END
  FROM chosen c, (VALUES ('answered'), ('approved'), ('status')) n(kind)),
told AS (
  INSERT INTO handoffs_outboxmessage (key, kind, to_id, case_id, data, created_at, mail, attempts, error)
  SELECT 'approved:' || id || ':' || by_id, 'approved', by_id, case_id, jsonb_build_object('decision', id), %(at)s,
    'none', 0, '' FROM chosen ON CONFLICT DO NOTHING)
SELECT count(*) FROM chosen"""
urlpatterns: list[Any] = []


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--proposals", type=int, default=500)
    options.add_argument("--rounds", type=int, default=9)
    given = options.parse_args()
    desk()
    from django.test.utils import override_settings

    logging.getLogger("refunddesk.access").setLevel(logging.WARNING)
    with override_settings(ALLOWED_HOSTS=["*"], DEBUG=False, ROOT_URLCONF="benchmarks.approval"):
        _with_a_bare_endpoint()
        waiting = Waiting(given.proposals)
        for act in (waiting.together, waiting.bare):
            act()  # what is read once and kept is read now
        took = in_turn(
            {"many": waiting.together, "bare SQL": waiting.bare, "alone": waiting.alone, "api": waiting.api,
             "api many": waiting.api_many, "endpoint": waiting.endpoint}, rounds=given.rounds,
        )  # fmt: skip
    each = took["endpoint"] / CALLS * given.proposals
    table(
        f"{given.proposals} proposals approved",
        [
            ("in one act", f"{took['many'] * 1000:.0f} ms"),
            ("time ÷ time of one SQL statement with the same writes", f"{took['many'] / took['bare SQL']:.2f}"),
            ("one by one ÷ in one act", f"{took['alone'] / CALLS * given.proposals / took['many']:.1f}"),
            ("by API, one a call: rate ÷ rate of a bare endpoint that checks the token and updates a row",
             f"{took['endpoint'] / took['api']:.2f} ({CALLS / took['api']:.0f} a second)"),
            ("by API, all in one call: rate ÷ rate of the bare endpoint, one a call",
             f"{each / took['api many']:.1f} ({given.proposals / took['api many']:.0f} a second)"),
        ],
    )  # fmt: skip


def _with_a_bare_endpoint() -> None:
    """As little as an endpoint can be that knows who calls and writes what it is told."""
    from django.urls import include, path
    from rest_framework.request import Request
    from rest_framework.response import Response
    from rest_framework.views import APIView

    from benchmarks import approval  # as the settings name it, which is not the module that was started
    from handoffs.models import Decision

    class Bare(APIView):
        def post(self, _request: Request, pk: int) -> Response:
            Decision.objects.filter(pk=pk, status="proposed").update(status="approved", settled_at=WHEN)
            return Response({"id": pk})

    approval.urlpatterns[:] = [path("bench/<int:pk>/", Bare.as_view()), path("", include("refunddesk.urls"))]


class Waiting:
    """Proposals of one supporter that wait for one supervisor, and what became of them taken back."""

    def __init__(self, number: int) -> None:
        from accounts import tokens
        from accounts.models import Limit, Membership, Shop, User
        from accounts.models.token import Scope

        self.number = number
        shop = Shop.objects.create(code="bench", name="bench", marketplace="taobao")
        people = [User.objects.create(email=f"{r}@example.test", name=r, wants_mail=False) for r in ("support", "lead")]
        for user, role in zip(people, ("support", "supervisor"), strict=True):
            Membership.objects.create(user=user, role=role, shop=shop)
        Limit.objects.create(role="supervisor", amount=Decimal(5000))
        self.proposer, self.by = people
        tokens.make(self.by, "bench", Scope.values, by=self.by, at=AT, days=1, key=KEY)
        self._propose(shop)

    def _propose(self, shop: Any) -> None:
        from handoffs.flow import decision
        from handoffs.flow.proposal import Proposal
        from handoffs.models import Case, Decision

        cases = Case.objects.bulk_create(
            [Case(shop=shop, refund_id=str(n), order_id=str(n), line_id="1", applied_at=AT, created_at=AT,
                  changed_at=AT, path=3, amount=Decimal(250), total_fee=Decimal(250), owner=self.proposer,
                  status="in_progress", phase="wait_seller", marketplace_status="WAIT_SELLER_AGREE")
             for n in range(self.number)]
        )  # fmt: skip
        wanted = Proposal("full_refund", "商品破损，同意退款")
        for case in cases:
            decision.propose(case.pk, wanted, by=self.proposer, at=AT)
        self.ids = list(Decision.objects.order_by("pk").values_list("pk", flat=True))
        with _cursor() as cursor:
            for name in ("case", "decision", "handoff", "clock"):
                cursor.execute(f"CREATE TABLE bench_{name} AS SELECT * FROM handoffs_{name}")

    def _anew(self) -> None:
        """Everything as it was before the first approval."""
        with _cursor() as cursor:
            cursor.execute("TRUNCATE handoffs_outboxmessage, handoffs_timelineentry CASCADE")
            cursor.execute("DELETE FROM handoffs_clock WHERE kind = 'carry_out'")
            for name, columns in RESET.items():
                setting = ", ".join(f"{column} = b.{column}" for column in columns)
                cursor.execute(f"UPDATE handoffs_{name} t SET {setting} FROM bench_{name} b WHERE t.id = b.id")
                cursor.execute(f"VACUUM ANALYZE handoffs_{name}")
            cursor.execute("CHECKPOINT")

    def _timed(self, act: Callable[[], Any]) -> float:
        self._anew()
        start = perf_counter()
        act()
        return perf_counter() - start

    def together(self) -> float:
        from handoffs.flow.approve_many import Wish, approve_many

        took = self._timed(lambda: approve_many({pk: Wish() for pk in self.ids}, by=self.by, at=WHEN))
        self._check()
        return took

    def alone(self) -> float:
        from handoffs.flow import decision

        def act() -> None:
            for pk in self.ids[:CALLS]:
                decision.approve(pk, by=self.by, at=WHEN)

        return self._timed(act)

    def bare(self) -> float:
        from handoffs.flow.terms import Asked, due, terms_for
        from handoffs.models import Case

        terms = terms_for(Asked("carry_out", Case.objects.values_list("shop_id", flat=True)[0]))
        until = due(terms, WHEN)
        given = {"ids": self.ids, "by": self.by.pk, "at": WHEN, "terms": terms.pk, "due": until, "next": until}

        def act() -> None:
            with _cursor() as cursor:
                cursor.execute(BARE, given)

        took = self._timed(act)
        self._check()
        return took

    def api(self) -> float:
        return self._calls("/api/v1/decisions/{}/approve/")

    def endpoint(self) -> float:
        return self._calls("/bench/{}/")

    def api_many(self) -> float:
        body, client = {"decisions": [{"id": pk} for pk in self.ids]}, self._client()
        took = self._timed(lambda: client.post("/api/v1/decisions/approve/", body))
        self._check()
        return took

    def _client(self) -> Any:
        from rest_framework.test import APIClient

        client = APIClient()
        client.credentials(HTTP_AUTHORIZATION=f"Token {KEY}")
        client.get("/api/v1/me/")
        return client

    def _calls(self, address: str) -> float:
        client = self._client()

        def act() -> None:
            codes = {client.post(address.format(pk)).status_code for pk in self.ids[:CALLS]}
            if codes != {200}:
                raise SystemExit(f"{address}: {codes}")

        return self._timed(act)

    def _check(self) -> None:
        """The same writes, whoever made them."""
        from handoffs.models import Case, Clock, Decision, Handoff, OutboxMessage, TimelineEntry

        found = (
            Decision.objects.filter(status="approved", approved_by=self.by).count(),
            Handoff.objects.filter(answer="approve").count(),
            Clock.objects.filter(state="met", handoff__isnull=False).count(),
            Clock.objects.filter(kind="carry_out", state="running").count(),
            Case.objects.filter(status="to_pay", money="approved").count(),
            TimelineEntry.objects.count() // 3,
            OutboxMessage.objects.count(),
        )
        if set(found) != {self.number}:
            raise SystemExit(f"wrote {found} where {self.number} were approved")


RESET = {
    "case": ("status", "money", "version", "changed_at", "due_at"),
    "decision": ("status", "approved_by_id", "settled_at", "note", "offer", "amount"),
    "handoff": ("status", "answer", "answer_note", "answered_by_id", "answered_at", "data", "assignee_id"),
    "clock": ("state", "cause", "step", "next_action_at", "ended_at"),
}


def _cursor() -> Any:
    from django.db import connection

    return connection.cursor()


if __name__ == "__main__":
    main()
