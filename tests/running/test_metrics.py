"""The monitor reads the desk's figures, nobody else does, and they cost no more on a big desk than on a small one."""

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.conf import LazySettings
from django.core.cache import cache
from django.db import OperationalError, connection
from django.http import HttpResponse
from django.test import Client, RequestFactory
from django.test.utils import CaptureQueriesContext
from django.urls import resolve
from prometheus_client.parser import text_string_to_metric_families
from redis import RedisError

from handoffs import figures, sweep, tasks
from handoffs.flow import handoff
from handoffs.models import Channel, Clock, OutboxMessage, RefundBatch, RejectedRow, Tick
from handoffs.models.imports import ImportRun
from refunddesk.metrics import answers
from refunddesk.requests import RequestMiddleware
from tests import factories
from tests.factories import NOON

TOKEN = "a-token-for-the-monitor"
Samples = dict[tuple[str, ...], float]


@pytest.fixture
def clock(db: None) -> Iterator[time_machine.Traveller]:
    with time_machine.travel(NOON, tick=False) as traveller:
        yield traveller


@pytest.fixture
def world(clock: time_machine.Traveller) -> factories.World:
    return factories.world()


def samples(client: Client) -> Samples:
    """What Prometheus itself makes of the page: name and labels' values, to the value."""
    cache.clear()
    response = client.get("/metrics")
    assert response.status_code == 200, response.content
    families = text_string_to_metric_families(response.content.decode())
    return {(each.name, *each.labels.values()): each.value for family in families for each in family.samples}


def test_queues_are_counted_and_what_is_late(
    client: Client, world: factories.World, clock: time_machine.Traveller
) -> None:
    first = factories.case(world.shop, path=2)
    factories.case(world.other_shop)
    question = handoff.Question("trace_delivery", parcel=first.parcels.get())
    handoff.ask(first.pk, question, by=world.support, at=NOON)
    found = samples(client)
    assert found["refunddesk_cases", "open"] == 2
    assert found["refunddesk_cases", "late"] == 0
    assert found["refunddesk_questions", "logistics"] == 1
    assert found["refunddesk_questions", "qc"] == 0
    clock.shift(timedelta(days=30))
    found = samples(client)
    assert found["refunddesk_cases", "late"] == 2
    assert found["refunddesk_case_most_late_seconds",] > 24 * 3600
    assert found["refunddesk_questions_late", "logistics"] == 1
    assert found["refunddesk_clocks_due",] == Clock.objects.filter(next_action_at__isnull=False).count() > 0
    assert found["refunddesk_clock_most_due_seconds",] > 24 * 3600


def test_a_pass_of_a_job_leaves_its_age_its_length_and_what_it_did(
    client: Client, world: factories.World, clock: time_machine.Traveller
) -> None:
    factories.case(world.shop)
    clock.shift(timedelta(days=2))
    tasks.sweep()
    tasks.deliver()
    clock.shift(timedelta(seconds=40))
    tasks.deliver()
    found = samples(client)
    assert found["refunddesk_job_age_seconds", "sweep"] == 40
    assert found["refunddesk_job_age_seconds", "deliver"] == 0
    assert found["refunddesk_job_duration_seconds", "sweep"] >= 0
    assert found["refunddesk_job_passes_total", "deliver"] == 2
    swept = Tick.objects.get(name="sweep")
    assert found["refunddesk_job_rows_total", "sweep", "late"] == swept.data["late"] > 0
    sent = OutboxMessage.objects.filter(mail="sent").count()
    assert found["refunddesk_job_rows_total", "deliver", "sent"] == sent > 0


def test_what_jobs_did_is_added_up_over_their_passes(db: None) -> None:
    for number in (3, 4):
        sweep.tick({"at": NOON.isoformat(), "late": number}, at=NOON)
    tick = Tick.objects.get(name="sweep")
    assert (tick.data["late"], tick.totals) == (4, {"late": 7, "passes": 2})


def test_a_job_of_a_shop_with_a_long_code_leaves_its_tick(db: None) -> None:
    name = f"reconcile:{'s' * 40}"
    Tick.note(name, {"compared": 1}, at=NOON)
    assert Tick.objects.get(name=name).totals["compared"] == 1


def test_the_outbox_shows_its_depth_its_age_and_what_was_given_up(
    client: Client, world: factories.World, clock: time_machine.Traveller
) -> None:
    base = {"kind": "late", "to": world.support, "created_at": NOON}
    OutboxMessage.objects.create(key="a", mail="queued", next_try_at=NOON, **base)
    OutboxMessage.objects.create(key="d", mail="inflight", next_try_at=NOON - timedelta(minutes=1), **base)
    OutboxMessage.objects.create(key="b", mail="dead", **base)
    OutboxMessage.objects.create(key="c", mail="sent", **base)
    clock.shift(timedelta(minutes=10))
    found = samples(client)
    assert found["refunddesk_messages_waiting", "mail"] == 2
    assert found["refunddesk_message_most_due_seconds", "mail"] == 660
    assert found["refunddesk_messages_given_up", "mail"] == 1
    assert found["refunddesk_messages_given_up", "chat"] == 0


def test_one_address_that_refuses_is_not_mail_that_stands_still(
    client: Client, world: factories.World, clock: time_machine.Traveller
) -> None:
    again = {"mail": "retry", "next_try_at": NOON + timedelta(hours=2), "created_at": NOON - timedelta(days=1)}
    OutboxMessage.objects.create(key="a", kind="late", to=world.support, **again)
    found = samples(client)
    assert found["refunddesk_messages_waiting", "mail"] == 1
    assert found["refunddesk_message_most_due_seconds", "mail"] == 0


def test_a_clock_that_was_put_back_shows_as_an_age_below_nothing(client: Client, clock: time_machine.Traveller) -> None:
    Tick.note("sweep", {}, at=NOON)
    clock.shift(timedelta(hours=-1))
    assert samples(client)["refunddesk_job_age_seconds", "sweep"] == -3600


def test_imports_and_batches_that_lie_still_are_seen(
    client: Client, world: factories.World, clock: time_machine.Traveller
) -> None:
    for name, status, hours in (("a", "done", 9), ("b", "running", 2), ("c", "running", 3), ("d", "waiting", 8)):
        at = NOON - timedelta(hours=hours)
        ImportRun.objects.create(shop=world.shop, file_name=name, status=status, as_of=NOON, started_at=at)
    batch = {"status": "running", "by": world.support, "at": NOON}
    RefundBatch.objects.create(**batch, lease=NOON - timedelta(minutes=1))
    RefundBatch.objects.create(**batch, lease=None)
    RefundBatch.objects.create(**batch, lease=NOON + timedelta(minutes=1))
    RefundBatch.objects.create(**{**batch, "status": "done"})
    found = samples(client)
    assert found["refunddesk_import_longest_seconds",] == 3 * 3600
    assert found["refunddesk_batches_without_worker",] == 2


def test_room_on_the_disk_is_told_for_evidence_and_for_all_else(
    client: Client, db: None, settings: LazySettings, tmp_path: Path
) -> None:
    settings.VAR_DIR, settings.ATTACHMENT_DIR = tmp_path, tmp_path / "attachments"
    found = samples(client)
    assert found["refunddesk_free_bytes", "var"] > 0
    assert ("refunddesk_free_bytes", "attachments") not in found
    settings.ATTACHMENT_DIR.mkdir()
    assert samples(client)["refunddesk_free_bytes", "attachments"] > 0


def test_answers_of_500_and_more_are_counted_but_for_those_to_whoever_watches(
    db: None, rf: RequestFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    for status, path in ((500, "/cases/"), (503, "/cases/"), (404, "/cases/"), (503, "/readyz")):
        request = rf.get(path)
        request.resolver_match = resolve(path)
        RequestMiddleware(lambda _request, status=status: HttpResponse(status=status))(request)
    assert _failed() == [2]

    def away(*_args: Any, **_kwargs: Any) -> None:
        raise RedisError("away")

    monkeypatch.setattr(cache, "get", away)
    assert _failed() == []  # a 0 would look like two new ones when the cache is back


def _failed() -> list[float]:
    return [sample.value for family in answers() for sample in family.samples]


def test_services_that_fail_and_rows_that_wait_are_counted(client: Client, world: factories.World) -> None:
    channel = Channel(user=world.support, label="bot", error="refused")
    channel.keep("json://chat.example.test/x", "json")
    channel.save()
    run = ImportRun.objects.create(shop=world.shop, file_name="a.csv", as_of=NOON, started_at=NOON)
    RejectedRow.objects.create(run=run, number=1, code="x", message="y")
    RejectedRow.objects.create(run=run, number=2, code="x", message="y", settled_at=NOON)
    found = samples(client)
    assert found["refunddesk_services_failing", "channel"] == 1
    assert found["refunddesk_services_failing", "marketplace"] == 0
    assert found["refunddesk_rejected_rows",] == 1
    assert found["refunddesk_payments", "unknown"] == 0
    assert found["refunddesk_broker_up",] == 1


def test_a_bigger_desk_takes_no_more_statements_and_no_statement_counts_a_table(
    client: Client, world: factories.World, monkeypatch: pytest.MonkeyPatch
) -> None:
    with CaptureQueriesContext(
        connection,
    ) as small:
        samples(client)
    for _number in range(5):
        factories.case(world.shop)
    monkeypatch.setattr(figures, "BOUND", 3)
    with CaptureQueriesContext(connection) as big:
        found = samples(client)
    assert len(small) == len(big) <= 30
    statements = [each["sql"] for each in big if each["sql"].startswith("SELECT")]
    assert [sql for sql in statements if "COUNT(" in sql or "LIMIT" not in sql] == []
    assert found["refunddesk_cases", "open"] == 3


INDEX = {
    "cases": "open_cases_due|unowned_cases_due",
    "questions": "live_handoffs_by_first",
    "clocks": "clocks_to_act_on|clocks_that_failed",
    "messages": "mail_to_send|posts_to_send|mails_given_up|posts_given_up",
    "files": "rows_to_fix|handoffs_importrun_pkey",
    "jobs": "handoffs_tick_name",
    "money": "orders_to_read|handoffs_refundbatch_pkey",
    "services": "open_market_calls",
}
# A row for each shop, account or bot; read to a bound all the same.
SMALL = ("handoffs_connection", "handoffs_channel", "handoffs_carrieraccount", "handoffs_warehousesystem")


def test_every_group_of_figures_is_looked_at() -> None:
    assert {each.__name__ for each in figures.GROUPS} == set(INDEX)


# SQLite plans before it knows the values, so it cannot see that a partial index holds; its desks are small.
@pytest.mark.skipif(connection.vendor != "postgresql", reason="the plans of the database of big desks")
@pytest.mark.parametrize("group", sorted(INDEX))
def test_every_big_table_is_read_by_its_index(world: factories.World, group: str) -> None:
    read = next(each for each in figures.GROUPS if each.__name__ == group)
    with CaptureQueriesContext(connection) as queries:
        list(read(NOON))
    asked = [each["sql"] for each in queries if not any(f'FROM "{table}"' in each["sql"] for table in SMALL)]
    assert asked
    with connection.cursor() as cursor:
        for table in {found for sql in asked for found in re.findall('FROM "([a-z_]+)"', sql)}:
            cursor.execute(f'REINDEX TABLE "{table}"')  # what earlier tests left in an index makes it look dear
    for sql in asked:
        assert any(index in _plan(sql) for index in INDEX[group].split("|")), sql


def _plan(sql: str) -> str:
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")  # the tables of a test are small
        cursor.execute("SET LOCAL enable_bitmapscan = off")
        cursor.execute("SET LOCAL enable_sort = off")
        cursor.execute(f"EXPLAIN {sql}")
        return "\n".join(str(row) for row in cursor.fetchall())


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("token", "caller", "answer"),
    [
        ("", {"REMOTE_ADDR": "127.0.0.1"}, 200),
        ("", {"REMOTE_ADDR": "::1"}, 200),
        ("", {"REMOTE_ADDR": "10.0.0.7"}, 403),
        ("", {"REMOTE_ADDR": ""}, 403),
        ("", {"REMOTE_ADDR": "127.0.0.1", "HTTP_X_FORWARDED_FOR": "127.0.0.1"}, 403),
        ("", {"REMOTE_ADDR": "127.0.0.1", "HTTP_X_FORWARDED_PROTO": "https"}, 403),
        (TOKEN, {"REMOTE_ADDR": "127.0.0.1"}, 403),
        (TOKEN, {"HTTP_AUTHORIZATION": f"Bearer {TOKEN}x"}, 403),
        (TOKEN, {"HTTP_AUTHORIZATION": f"Token {TOKEN}"}, 403),
        (TOKEN, {"HTTP_AUTHORIZATION": "Bearer ключ"}, 403),
        (TOKEN, {"HTTP_AUTHORIZATION": f"Bearer {TOKEN}", "REMOTE_ADDR": "10.0.0.7"}, 200),
    ],
)
def test_only_the_monitor_gets_an_answer(
    client: Client, settings: LazySettings, token: str, caller: dict[str, Any], answer: int
) -> None:
    settings.METRICS_TOKEN = token
    response = client.get("/metrics", **caller)
    assert response.status_code == answer
    assert "no-store" in response["Cache-Control"]
    assert (b"refunddesk_" in response.content) is (answer == 200)


@pytest.mark.django_db
def test_the_figures_name_no_person_and_no_case(client: Client, world: factories.World) -> None:
    case = factories.case(world.shop, buyer_nick="buyer-of-the-cup")
    text = client.get("/metrics").content.decode()
    assert not {case.refund_id, "buyer-of-the-cup", world.support.email, world.support.name} & set(text.split('"'))


def test_a_desk_without_its_database_says_so(
    client: Client, settings: LazySettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_args: Any, **_kwargs: Any) -> None:
        raise OperationalError("password of desk is wrong")

    monkeypatch.setattr(figures, "GROUPS", (refuse,))
    response = client.get("/metrics")
    assert (response.status_code, response.content) == (503, b"the database does not answer\n")


@pytest.mark.django_db
def test_a_desk_without_its_broker_still_gives_figures(client: Client, settings: LazySettings) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    found = samples(client)
    assert found["refunddesk_broker_up",] == 0
    assert ("refunddesk_tasks_waiting",) not in found


@pytest.mark.django_db
def test_figures_are_kept_for_five_seconds(client: Client, clock: time_machine.Traveller) -> None:
    client.get("/metrics")
    with CaptureQueriesContext(connection) as queries:
        client.get("/metrics")
    assert len(queries) == 0


def test_watching_changes_nothing(client: Client) -> None:
    assert client.post("/metrics").status_code == 405
