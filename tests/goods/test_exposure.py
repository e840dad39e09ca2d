"""Exposure is what the timeline says: counted again, plainly, after any sequence of events, answers and refunds."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
import time_machine
from django.db import transaction
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from handoffs import sweep
from handoffs.carriers.base import State
from handoffs.flow import acts, answer, exposure, handoff, receiving
from handoffs.flow.errors import FlowError
from handoffs.models import Case, Handoff, Parcel, TimelineEntry
from tests import factories
from tests.effort import THOROUGH
from tests.factories import NOON, World
from tests.goods.telling import event, told

WHICH = st.integers(0, 2)
STATES = st.sampled_from([State.PICKED_UP, State.IN_TRANSIT, State.SIGNED, State.REFUSED, State.RETURNING,
                          State.RETURNED_SIGNED, State.AT_OUTLET])  # fmt: skip
# What an answer says of the goods; an answer that is not here says nothing.
SAID = {
    ("stop_parcel", "stopped"): "stopped", ("stop_parcel", "not_picked"): "not_picked", ("stop_parcel", "left"): "left",
    ("recall_parcel", "will_return"): "will_return", ("recall_parcel", "delivered"): "delivered",
    ("check_not_received", "delivered"): "delivered", ("check_not_received", "misdelivered"): "in_transit",
    ("check_not_received", "lost"): "lost", ("trace_return", "signed"): "return_shipped",
}  # fmt: skip


def recount(case: Case) -> bool:
    """Whether the money is gone and the goods are not secured, by nothing but the rows of the timeline in order."""
    gone = waived = False
    by_event, by_answer, said, path, claims = "", "", set(), None, set[int]()
    for entry in case.timeline.order_by("pk"):
        kind, data = entry.kind, entry.data
        if kind in ("confirmed", "paid_elsewhere"):
            gone = True
        elif kind == "goods_moved":
            by_event = data["what"]
        elif kind == "counted_lost" or (kind == "parcel_event" and data["what"] == "lost"):
            by_event = "lost"
        elif kind == "came_back" or (kind == "answered" and data["answer"] == "received"):
            by_event = "returned"
        elif kind == "answered":
            by_answer = SAID.get((data["kind"], data["answer"]), by_answer)
        elif kind == "path_changed":
            path = data["to"]
        elif kind == "claim_opened":
            claims.add(data["claim"])
        elif kind == "claim_settled" and data["result"] in ("refused", "withdrawn"):
            claims.discard(data["claim"])
        elif kind == "goods_waived":
            waived = True
        said |= {by_event, by_answer}
    stands = by_event or by_answer
    broken = path == 3 and stands == "delivered" and "will_return" in said
    never_sent = "not_picked" in said and stands in ("", "not_picked")
    claimed = bool(claims) and stands != "delivered"  # all of them as lost
    secured = stands in ("stopped", "returned") or never_sent or claimed or waived or (path == 3 and not broken)
    return gone and not secured


class Happenings(RuleBasedStateMachine):
    """Three applications: not shipped, on its way, coming back. Time goes on; news may be old when it comes."""

    def __init__(self) -> None:
        super().__init__()
        self.block = transaction.atomic()
        self.block.__enter__()
        self.world: World = factories.world()
        self.at: datetime = NOON
        self.rows = {number: factories.row(refund_id=f"99000{number}", **self.fields(number)) for number in (0, 1, 2)}
        factories.take(self.world.shop, *self.rows.values())
        self.cases = list(Case.objects.order_by("refund_id"))

    @staticmethod
    def fields(number: int) -> dict[str, Any]:
        path = (1, 2, 4)[number]
        parcels: dict[str, Any] = {"outbound": [("中通快递", f"ZTO000{number}")]} if path == 2 else {}
        return {**factories.ON_PATH[path], **parcels, "quantity": 1}

    def teardown(self) -> None:
        transaction.set_rollback(True)
        self.block.__exit__(None, None, None)

    def _try(self, act: Any, *args: Any, **values: Any) -> None:
        """An act that the desk may decline: then it changes nothing, as the doors see to."""
        try:
            with transaction.atomic(), time_machine.travel(self.at, tick=False):
                act(*args, **values)
        except FlowError:
            pass

    def _act(self, number: int, code: str, **values: Any) -> None:
        self._try(acts.perform, self.cases[number].pk, code, values, by=self.world.manager, at=self.at)

    @rule(hours=st.sampled_from([1, 20, 140]))
    def time_passes(self, hours: int) -> None:
        self.at += timedelta(hours=hours)
        with time_machine.travel(self.at, tick=False):
            sweep.run(at=self.at)

    @rule(number=WHICH, state=STATES, late=st.sampled_from([0, 0, 7]), leg=st.sampled_from(list(Parcel.Leg)))
    def an_event_comes(self, number: int, state: State, late: int, leg: str) -> None:
        waybill = f"YT900{number}" if leg == Parcel.Leg.RETURN else f"ZTO000{number}"
        when = self.at - timedelta(hours=late)
        with time_machine.travel(self.at, tick=False):
            told(self.cases[number], event(state, when), at=self.at, waybill=waybill, leg=leg)

    @rule(number=WHICH, kind=st.sampled_from(["stop_parcel", "recall_parcel", "check_not_received", "trace_return"]))
    def somebody_asks(self, number: int, kind: str) -> None:
        self._try(handoff.ask, self.cases[number].pk, handoff.Question(kind), by=self.world.manager, at=self.at)

    @rule(number=WHICH, place=st.integers(0, 3))
    def somebody_answers(self, number: int, place: int) -> None:
        asked = self.cases[number].handoffs.filter(status__in=Handoff.LIVE).order_by("pk").first()
        given = [word for kind, word in SAID if asked is not None and kind == asked.kind]
        if asked is None or not given:
            return
        by, signed = (self.at + timedelta(days=3)).isoformat(), {"signed_at": self.at.isoformat()}
        words = {"waybill": f"ZTO000{number}", "carrier": "中通快递", "note": "照实回答"}
        more = answer.Given(given[place % len(given)], by=by, data=signed, **words)
        self._try(answer.answer, asked.pk, more, by=self.world.manager, at=self.at)

    @rule(number=WHICH)
    def the_marketplace_pays(self, number: int) -> None:
        row = self.rows[number]
        done = {"marketplace_status": "SUCCESS", "phase": "success", "ended_at": self.at}
        paid = type(row)(row.number, row.source_kind, row.refund_id, {**row.fields, **done}, row.raw, self.at)
        factories.take(self.world.shop, paid, at=self.at)

    @rule(number=WHICH)
    def the_warehouse_scans_it(self, number: int) -> None:
        line = receiving.Counted(self.cases[number].pk, "", 1, "good")
        given = receiving.Receipt(f"key-{number}-{self.at:%d%H}", f"YT900{number}", weight_grams=300, lines=(line,))
        self._try(receiving.receive, given, by=self.world.warehouse, at=self.at)

    @rule(number=WHICH, code=st.sampled_from(["waive_goods", "came_back"]))
    def a_person_says_so(self, number: int, code: str) -> None:
        self._act(number, code, reason="金额太小，不再追回")

    @rule(number=WHICH, result=st.sampled_from(["", "accepted", "paid", "refused"]))
    def a_claim(self, number: int, result: str) -> None:
        if result:
            self._act(number, "settle_claim", result=result, amount="50", note="快递拒赔，证据不足")
        else:
            self._act(number, "open_claim", waybill=f"ZTO000{number}", carrier="中通快递", amount="50")

    @rule(number=WHICH, what=st.sampled_from(["lost", "returned", "in_transit", "will_return"]))
    def an_event_by_hand(self, number: int, what: str) -> None:
        self._act(number, "parcel_event", what=what, waybill=f"ZTO000{number}", carrier="中通快递")

    @invariant()
    def exposure_is_what_the_timeline_says(self) -> None:
        seen = set(exposure.exposed({self.world.shop.pk}).values_list("pk", flat=True))
        for case in self.cases:
            told_of = [(entry.kind, entry.data) for entry in TimelineEntry.objects.filter(case=case).order_by("pk")]
            assert (case.pk in seen) == recount(case), told_of
        count, amount = exposure.total(exposure.seen_by(self.world.manager))
        assert (count, amount) == (len(seen), Decimal(50) * len(seen))


@pytest.mark.django_db
def test_exposure_equals_a_plain_recount_from_the_timeline() -> None:
    run_state_machine_as_test(
        Happenings,
        settings=settings(max_examples=20 if THOROUGH else 5, stateful_step_count=20, deadline=None, derandomize=True,
                          suppress_health_check=list(HealthCheck)),
    )  # fmt: skip
