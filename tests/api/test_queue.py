"""My queue: what waits for me, once, first due first."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

from handoffs.flow import decision, handoff, owner
from handoffs.flow.handoff import Question
from handoffs.flow.proposal import Proposal
from handoffs.models import Handoff
from tests import factories
from tests.api.conftest import Caller
from tests.factories import NOON, World


def queue(call: Caller, user: Any, **query: Any) -> list[dict[str, Any]]:
    answer = call(user).get("/api/v1/queue/", query)
    assert answer.status_code == 200
    results: list[dict[str, Any]] = answer.json()["results"]
    return results


def test_support_has_its_own_cases_and_those_nobody_has_by_due(world: World, call: Caller) -> None:
    late = factories.case(world.shop, at=NOON - timedelta(minutes=40))
    fresh = factories.case(world.shop)
    open_case = factories.case(world.shop, at=NOON - timedelta(minutes=20))
    owner.put_back(open_case.pk, by=world.support, at=NOON)
    theirs = factories.case(world.shop)
    owner.assign(theirs.pk, to=world.manager, by=world.support, at=NOON)
    factories.case(world.shop, marketplace_status="CLOSED", phase="closed")
    found = queue(call, world.support)
    assert [(item["type"], item["id"]) for item in found] == [
        ("case", late.pk), ("case", open_case.pk), ("case", fresh.pk)
    ]  # fmt: skip
    assert {"path", "clocks", "next_step", "due_at"} <= set(found[0])


def test_a_counterpart_has_the_questions_that_reach_it(world: World, call: Caller) -> None:
    factories.case(world.shop)
    far = factories.case(world.shop, path=2)
    handoff.ask(far.pk, Question("recall_parcel"), by=world.support, at=NOON)
    assert [(item["type"], item["kind"]) for item in queue(call, world.warehouse)] == [("handoff", "stop_parcel")]
    assert [(item["type"], item["kind"]) for item in queue(call, world.logistics)] == [("handoff", "recall_parcel")]
    assert queue(call, world.qc) == []


def test_questions_on_one_waybill_stand_there_once(world: World, call: Caller) -> None:
    for _ in range(3):
        case = factories.case(world.shop, path=2)
        handoff.ask(case.pk, Question("recall_parcel"), by=world.support, at=NOON)
    assert Handoff.objects.filter(kind="recall_parcel").count() == 3
    assert len(queue(call, world.logistics)) == 1


def test_what_a_colleague_has_claimed_is_not_mine(world: World, call: Caller) -> None:
    factories.case(world.shop)
    other = factories.person("warehouse", world.shop)
    assert queue(call, other) == []
    asked = Handoff.objects.get()
    Handoff.objects.filter(pk=asked.pk).update(assignee=None)
    assert [item["id"] for item in queue(call, other)] == [asked.pk]
    handoff.claim(asked.pk, by=world.warehouse, at=NOON)
    assert queue(call, other) == []


def test_a_supervisor_has_the_approvals_and_a_manager_those_above_everybody(world: World, call: Caller) -> None:
    for yuan in (Decimal(300), Decimal(9000)):
        case = factories.case(world.shop, path=3, amount=yuan, total_fee=yuan)
        decision.propose(case.pk, Proposal("full_refund", "同意退款"), by=world.support, at=NOON)
    mine = [item["amount"] for item in queue(call, world.supervisor) if item["type"] == "handoff"]
    above = [item["amount"] for item in queue(call, world.manager) if item["type"] == "handoff"]
    assert (mine, above) == (["300.00"], ["9000.00"])


def test_somebody_with_two_roles_has_both_queues(world: World, call: Caller) -> None:
    world.support.memberships.create(role="warehouse", shop=world.shop)
    factories.case(world.shop)
    Handoff.objects.update(assignee=None)
    assert {item["type"] for item in queue(call, world.support)} == {"case", "handoff"}


def test_a_long_queue_says_that_there_is_more(world: World, call: Caller) -> None:
    for _ in range(3):
        factories.case(world.shop)
    answer = call(world.support).get("/api/v1/queue/?limit=2").json()
    assert (len(answer["results"]), answer["more"]) == (2, True)
    assert call(world.support).get("/api/v1/queue/?limit=3").json()["more"] is False
    assert call(world.support).get("/api/v1/queue/?limit=-1").status_code == 400
