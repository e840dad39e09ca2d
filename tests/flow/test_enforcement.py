"""No deadline passes silently: remind, mark late, escalate, each once, whatever happens (domain.md section 4)."""

from datetime import timedelta

import pytest

from handoffs import sweep
from handoffs.flow import acts, clock, response
from handoffs.models import Case, Clock, ClockPolicy, OutboxMessage
from tests import factories
from tests.factories import NOON, World


def minutes(number: float) -> timedelta:
    return timedelta(minutes=number)


def steps(case: Case, kind: str = "first_response") -> list[tuple[str, int]]:
    rows = case.timeline.filter(kind__in=("reminded", "late", "escalated"), data__clock=kind)
    return [(row.kind, round((row.at - case.applied_at).total_seconds() / 60)) for row in rows]


def test_a_case_left_alone_is_reminded_at_15_and_24_late_at_30_and_escalated_after(world: World) -> None:
    case = factories.case(world.shop, path=3)
    for minute in range(1, 61):
        sweep.run(at=NOON + minutes(minute))
    assert steps(case) == [("reminded", 15), ("reminded", 24), ("late", 30), ("escalated", 45)]
    first = case.clocks.get(kind="first_response")
    assert (first.state, first.next_action_at, first.ended_at) == ("late", None, None)


def test_a_second_pass_at_the_same_moment_does_nothing(world: World) -> None:
    factories.case(world.shop, path=3)
    first, second = sweep.run(at=NOON + minutes(15)), sweep.run(at=NOON + minutes(15))
    assert (first["reminded"], second["reminded"], second["claimed"]) == (1, 0, 0)


def test_each_step_tells_the_right_people_once(world: World) -> None:
    case = factories.case(world.shop, path=3)
    for minute in (15, 24, 30, 45):
        sweep.run(at=NOON + minutes(minute))
    told = OutboxMessage.objects.filter(case=case).exclude(kind="arrived_late").values_list("kind", "to__name")
    assert sorted(told) == [
        ("escalated", "Manager"),
        ("late", "Support"),
        ("reminded", "Support"),
        ("reminded", "Support"),
    ]


def test_after_an_outage_the_steps_collapse_into_one_message_and_all_are_noted(world: World) -> None:
    case = factories.case(world.shop, path=3)
    counts = sweep.run(at=NOON + minutes(300))
    assert (counts["reminded"], counts["late"], counts["escalated"]) == (2, 1, 1)
    assert [kind for kind, _minute in steps(case)] == ["reminded", "reminded", "late", "escalated"]
    told = OutboxMessage.objects.filter(case=case, data__clock="first_response")
    assert sorted(told.values_list("kind", "to__name")) == [("escalated", "Manager"), ("escalated", "Support")]


def test_a_response_in_time_meets_the_clock_and_silences_it(world: World) -> None:
    case = factories.case(world.shop, path=3)
    response.respond(case.pk, response.Reply("您好，正在为您核实"), by=world.support, at=NOON + minutes(10))
    assert sweep.run(at=NOON + minutes(60))["late"] == 0
    assert case.clocks.get(kind="first_response").state == Clock.State.MET


def test_late_is_sticky(world: World) -> None:
    case = factories.case(world.shop, path=3)
    sweep.run(at=NOON + minutes(30))
    response.respond(case.pk, response.Reply("您好，正在为您核实"), by=world.support, at=NOON + minutes(40))
    first = case.clocks.get(kind="first_response")
    assert (first.state, first.ended_at) == ("late", NOON + minutes(40))


def test_a_response_after_due_that_the_sweep_has_not_seen_is_late_and_noted_once(world: World) -> None:
    case = factories.case(world.shop, path=3)
    response.respond(case.pk, response.Reply("您好，正在为您核实"), by=world.support, at=NOON + minutes(31))
    sweep.run(at=NOON + minutes(90))
    assert case.clocks.get(kind="first_response").state == "late"
    assert steps(case).count(("late", 31)) == 1


def test_the_clock_stops_when_the_agent_declares_it_sent(world: World) -> None:
    case = factories.case(world.shop, path=3)
    reply = response.Reply("您好，正在为您核实", channel="phone", sent_at=NOON + minutes(20))
    response.respond(case.pk, reply, by=world.support, at=NOON + minutes(35))
    first = case.clocks.get(kind="first_response")
    assert (first.state, first.ended_at) == ("met", NOON + minutes(20))


def test_an_application_that_arrives_late_is_late_with_its_cause_and_told_once_in_a_summary(world: World) -> None:
    rows = [factories.row(applied_at=NOON - minutes(90 + n)) for n in range(5)]
    factories.take(world.shop, *rows, at=NOON)
    clocks = Clock.objects.filter(kind="first_response")
    assert set(clocks.values_list("state", "cause")) == {("late", "arrived_late")}
    summary = OutboxMessage.objects.get(kind="arrived_late")
    assert (summary.to, summary.data["count"]) == (world.support, 5)
    assert sweep.run(at=NOON + minutes(1))["claimed"] == 0


def test_a_pause_moves_due_by_exactly_its_length(world: World) -> None:
    case = factories.case(world.shop, path=3)
    first = clock.start(case, clock.Start("decide", "support", NOON), at=NOON)
    clock.pause(first, at=NOON + timedelta(minutes=10, seconds=7), reason="waiting_buyer")
    assert sweep.run(at=NOON + minutes(29))["reminded"] == 2  # the first response's own, the paused clock stands
    clock.resume(first, at=NOON + timedelta(minutes=70, seconds=9))
    first.refresh_from_db()
    assert first.due_at == NOON + timedelta(minutes=90, seconds=2)


def test_a_clock_keeps_the_policy_it_was_started_under(world: World) -> None:
    before = factories.case(world.shop, path=3)
    ClockPolicy.objects.filter(clock="first_response").update(minutes=20)
    after = factories.case(world.shop, path=3)
    due = [case.clocks.get(kind="first_response").due_at for case in (before, after)]
    assert due == [NOON + minutes(30), NOON + minutes(20)]


def test_a_clock_that_cannot_be_swept_is_pushed_back_and_shown_and_stops_no_other(world: World) -> None:
    broken, fine = factories.case(world.shop, path=3), factories.case(world.shop, path=3)
    row = broken.clocks.get(kind="first_response")
    Clock.objects.filter(pk=row.pk).update(step=0)
    row.terms.pk = None
    row.terms.digest, row.terms.data = "broken", {"minutes": 30, "calendar": None, "steps": [{"percent": "x"}]}
    row.terms.save()
    Clock.objects.filter(pk=row.pk).update(terms=row.terms)
    counts = sweep.run(at=NOON + minutes(15))
    row.refresh_from_db()
    assert (counts["failed"], counts["reminded"]) == (1, 1)
    assert row.failed
    assert row.next_action_at == NOON + minutes(75)
    assert steps(fine) == [("reminded", 15)]


def test_a_silent_parcel_counts_as_lost_and_a_claim_is_opened(world: World) -> None:
    case = factories.case(world.shop, path=2)
    acts.perform(case.pk, "watch_silence", {}, by=world.support, at=NOON)
    counts = sweep.run(at=NOON + timedelta(days=5))
    case.refresh_from_db()
    assert counts["expired"] == 1
    assert (case.goods, case.path) == ("lost", 2)
    assert case.claims.get().amount == case.amount
    assert case.clocks.get(kind="claim").state == "running"


def test_an_event_after_the_loss_reopens_the_question(world: World) -> None:
    case = factories.case(world.shop, path=2)
    acts.perform(case.pk, "watch_silence", {}, by=world.support, at=NOON)
    sweep.run(at=NOON + timedelta(days=5))
    acts.perform(case.pk, "parcel_event", {"what": "in_transit"}, by=world.support, at=NOON + timedelta(days=6))
    case.refresh_from_db()
    assert case.goods == "in_transit"


@pytest.mark.parametrize(("agreed_by", "state"), [("person", "met"), ("auto", "cancelled"), ("", "cancelled")])
def test_who_agreed_on_the_marketplace_decides_whether_the_clock_was_met(
    world: World, agreed_by: str, state: str
) -> None:
    case = factories.case(world.shop, path=3)
    agreed = factories.row(
        case.refund_id, order_id=case.order_id, line_id=case.line_id, phase="success", marketplace_status="SUCCESS",
        agreed_by=agreed_by, modified=NOON + minutes(12), order_status="SHIPPED", good_status="BUYER_RECEIVED",
    )  # fmt: skip
    factories.take(world.shop, agreed, at=NOON + minutes(20))
    assert case.clocks.get(kind="first_response").state == state


def test_the_buyers_edit_after_a_refusal_starts_a_new_version(world: World) -> None:
    case = factories.case(world.shop, path=3)
    same = {"order_id": case.order_id, "line_id": case.line_id, **factories.ON_PATH[3]}
    for minute, phase, status in ((10, "refused", "SELLER_REFUSE_BUYER"), (60, "wait_seller", "WAIT_SELLER_AGREE")):
        moved = {"phase": phase, "marketplace_status": status, "modified": NOON + minutes(minute)}
        factories.take(world.shop, factories.row(case.refund_id, **same, **moved), at=NOON + minutes(minute))
    clocks = case.clocks.filter(kind="first_response").order_by("version")
    assert [(c.version, c.state, c.due_at) for c in clocks] == [
        (1, "met", NOON + minutes(30)),
        (2, "running", NOON + minutes(90)),
    ]


def test_the_marketplaces_deadline_is_imported_and_never_guessed(world: World) -> None:
    without = factories.case(world.shop, path=3)
    dated = factories.case(world.shop, path=3, marketplace_deadline=NOON + timedelta(hours=40))
    assert not without.clocks.filter(kind="marketplace").exists()
    assert dated.clocks.get(kind="marketplace").due_at == NOON + timedelta(hours=40)
