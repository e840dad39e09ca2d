"""Role × verb: what each role may do through each door of the API, and that a refused act changed nothing."""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pytest
import time_machine
from django.core.cache import cache
from django.db import transaction
from django.urls import URLPattern

from accounts.models.people import Role
from handoffs.api.urls import urlpatterns
from handoffs.flow import decision, handoff, owner
from handoffs.flow.handoff import Question
from handoffs.flow.proposal import Proposal
from handoffs.models import Case
from tests import factories, once, photos, snapshot
from tests.api.conftest import Caller
from tests.api.test_applications import application
from tests.factories import NOON, World

ROLES = tuple(Role.values)
DESK = {"support", "supervisor", "manager"}
APPROVING = {"supervisor", "manager"}
EVERYBODY = set(ROLES)
MESSAGE = "您好，已收到您的申请"


@dataclass
class Scene:
    """One case that every role can see, with a question to each and an approval that waits."""

    world: World
    case: Case
    asked: dict[str, int]
    waiting: int
    approved: int
    returned: int
    photo: int


@pytest.fixture
def scene(staged: Scene, db: None, clock: time_machine.Traveller) -> Scene:
    return deepcopy(staged)


@pytest.fixture
def world(scene: Scene) -> World:
    return scene.world


@time_machine.travel(NOON, tick=False)
def _staged() -> Scene:
    world = factories.world()
    case = factories.case(world.shop, path=2, amount=Decimal(250), total_fee=Decimal(250), return_waybill="YT0009")
    kinds = {"warehouse": "check_shipped", "qc": "ask_quality", "logistics": "recall_parcel",
             "supervisor": "special_request"}  # fmt: skip
    asked = {role: handoff.ask(case.pk, Question(k, note="请看"), by=world.support, at=NOON).pk
             for role, k in kinds.items()}  # fmt: skip
    waiting = decision.propose(case.pk, Proposal("full_refund", "同意退款"), by=world.support, at=NOON).pk
    small = Proposal("compensation", "商品瑕疵补偿", Decimal(5))
    approved = decision.propose(case.pk, small, by=world.support, at=NOON).pk
    back = handoff.ask(case.pk, Question("trace_delivery", note="在哪"), by=world.support, at=NOON).pk
    handoff.send_back(back, reason="单号不对", by=world.logistics, at=NOON)
    owner.put_back(case.pk, by=world.support, at=NOON)
    return Scene(world, case, asked, waiting, approved, back, photos.uploaded(world.support, at=NOON).pk)


staged = once.a_file(_staged)


@dataclass(frozen=True)
class Verb:
    """A call: its address, a body that would do, who may, and what the others are told."""

    name: str
    address: Callable[[Scene], str]
    may: set[str]
    body: Any = None
    method: str = "post"
    others: int = 403
    told: tuple[tuple[str, int], ...] = ()


def _case(verb: str) -> Callable[[Scene], str]:
    return lambda scene: f"cases/{scene.case.pk}/{verb}"


def _asked(role: str, verb: str) -> Callable[[Scene], str]:
    return lambda scene: f"handoffs/{scene.asked[role]}/{verb}"


def _decision(verb: str) -> Callable[[Scene], str]:
    return lambda scene: f"decisions/{scene.waiting}/{verb}"


def _to(role: str) -> Any:
    return lambda scene: {"user": scene.world.people[role].pk}


VERBS = (
    Verb("case-respond", _case("respond/"), DESK, {"message": MESSAGE}),
    Verb("case-claim", _case("claim/"), DESK),
    Verb("case-assign", _case("assign/"), DESK, _to("manager")),
    Verb("case-put-back", _case("put_back/"), DESK),
    Verb("case-reveal-buyer", _case("reveal_buyer/"), DESK),
    Verb("case-handoffs", _case("handoffs/"), DESK, {"kind": "recheck_weight"}),
    Verb("case-handoffs", _case("handoffs/"), {"warehouse", "manager"}, {"kind": "inspect_return"}),
    Verb("case-decisions", _case("decisions/"), DESK, {"kind": "compensation", "amount": "3", "reason": "商品瑕疵补偿"},
         told=tuple((role, 409) for role in DESK)),
    Verb("case-acts", _case("acts/"), EVERYBODY, method="get"),
    Verb("case-act", _case("acts/note/"), DESK, {"text": "已电话沟通"}),
    Verb("case-act", _case("acts/waive_goods/"), APPROVING, {"reason": "不值得追回"}),
    Verb("case-act", _case("acts/tell_buyer/"), DESK, {"message": MESSAGE}),
    Verb("case-act", _case("acts/carry_out/"), DESK, {"reference": "BO-1"}),
    Verb("case", _case(""), EVERYBODY, method="get"),
    Verb("cases", lambda _s: "cases/", EVERYBODY, method="get"),
    Verb("queue", lambda _s: "queue/", EVERYBODY, method="get"),
    Verb("me", lambda _s: "me/", EVERYBODY, method="get"),
    Verb("reports", lambda _s: "reports/", APPROVING, method="get"),
    Verb("templates", lambda scene: f"templates/?case={scene.case.pk}", DESK, method="get"),
    Verb("handoffs", lambda _s: "handoffs/", EVERYBODY, method="get"),
    Verb("handoff", _asked("warehouse", ""), DESK | {"warehouse"}, method="get", others=404),
    Verb("handoff-claim", _asked("warehouse", "claim/"), {"warehouse", "manager"}, others=404,
         told=(("support", 403), ("supervisor", 403))),
    Verb("handoff-answer", _asked("logistics", "answer/"), {"logistics", "manager"}, {"answer": "cannot"}, others=404,
         told=(("support", 403), ("supervisor", 403))),
    Verb("handoff-answer", _asked("qc", "answer/"), {"qc", "manager"}, {"answer": "yes"}, others=404,
         told=(("support", 403), ("supervisor", 403))),
    Verb("handoff-answer", _asked("supervisor", "answer/"), APPROVING, {"answer": "yes"}, others=404,
         told=(("support", 403),)),
    Verb("handoff-return", _asked("qc", "return/"), {"qc", "manager"}, {"reason": "请说清楚"}, others=404,
         told=(("support", 403), ("supervisor", 403))),
    Verb("handoff-reassign", _asked("warehouse", "reassign/"), DESK | {"warehouse"}, _to("manager"), others=404),
    Verb("handoff-withdraw", _asked("qc", "withdraw/"), DESK, others=404, told=(("qc", 403),)),
    Verb("handoff-send-again", lambda scene: f"handoffs/{scene.returned}/send_again/", DESK,
         {"note": "已更正"}, others=404, told=(("logistics", 403),)),
    Verb("decision", _decision(""), DESK, method="get", others=404),
    Verb("decision-approve", _decision("approve/"), APPROVING, others=404, told=(("support", 403),)),
    Verb("decisions-approve", lambda _s: "decisions/approve/", APPROVING,
         lambda scene: {"decisions": [{"id": scene.waiting}]}),
    Verb("decision-refuse", _decision("refuse/"), APPROVING, {"reason": "证据不足"}, others=404,
         told=(("support", 403),)),
    Verb("decision-withdraw", _decision("withdraw/"), DESK, others=404),
    Verb("decision-carry-out", lambda scene: f"decisions/{scene.approved}/carry_out/", DESK, others=404),
    Verb("refund-applications", lambda _s: "refund-applications/", DESK, application()),
    Verb("parcel-events", lambda _s: "parcel-events/", DESK,
         {"shop": "tb", "waybill": "ZTO0001", "at": "2026-11-11 11:30:00", "state": "picked_up"}),
    Verb("attachments", lambda _s: "attachments/", EVERYBODY),
    Verb("attachment", lambda scene: f"attachments/{scene.photo}/", {"support"}, method="get", others=404),
)  # fmt: skip


def _send(call: Caller, scene: Scene, role: str, verb: Verb) -> int:
    client = call(scene.world.people[role])
    body = verb.body(scene) if callable(verb.body) else verb.body
    if verb.name == "attachments":
        return client.post("/api/v1/attachments/", {"file": photos.file()}, format="multipart").status_code
    sent = getattr(client, verb.method)(f"/api/v1/{verb.address(scene)}", body)
    status: int = sent.status_code
    b"".join(getattr(sent, "streaming_content", ()))
    return status


ALLOWED = [(verb, role) for verb in VERBS for role in ROLES if role in verb.may and role not in dict(verb.told)]


@pytest.mark.parametrize("role", ROLES)
def test_each_role_does_what_is_its_own(call: Caller, scene: Scene, role: str) -> None:
    """Each verb on the same scene, which is put back after it."""
    call(scene.world.people[role])
    own = [verb for verb, who in ALLOWED if who == role]
    for verb in own:
        point = transaction.savepoint()
        if verb.name == "case-put-back":
            Case.objects.filter(pk=scene.case.pk).update(owner=scene.world.support)
        before = snapshot.of_the_desk()
        assert _send(call, scene, role, verb) in (200, 201), verb
        assert (snapshot.of_the_desk() != before) == (verb.method == "post"), verb
        transaction.savepoint_rollback(point)
        cache.clear()
    assert len(own) >= 8


@pytest.mark.parametrize("role", ROLES)
def test_what_is_not_a_roles_own_is_refused_and_changes_nothing(call: Caller, scene: Scene, role: str) -> None:
    refused = [verb for verb in VERBS if (verb, role) not in ALLOWED]
    before = snapshot.of_the_desk()
    for verb in refused:
        assert _send(call, scene, role, verb) == dict(verb.told).get(role, verb.others), verb
        assert snapshot.of_the_desk() == before, verb
    assert len(refused) >= {"support": 7, "supervisor": 5, "manager": 1}.get(role, 15)


def test_the_matrix_covers_every_address_of_the_api() -> None:
    named = {pattern.name for pattern in urlpatterns if isinstance(pattern, URLPattern) and pattern.name}
    assert named == {verb.name for verb in VERBS}


@pytest.mark.parametrize("role", ROLES)
def test_for_somebody_of_another_shop_nothing_of_it_is_there(call: Caller, scene: Scene, role: str) -> None:
    outsider = factories.person(role, scene.world.other_shop)
    scene.world.people["outsider"] = outsider
    call(outsider)
    before = snapshot.of_the_desk()
    for verb in VERBS:
        if any(part in verb.address(scene) for part in ("cases/", "handoffs/", "decisions/", "templates/")):
            if verb.name == "decisions-approve":
                assert _send(call, scene, "outsider", verb) == (200 if role in APPROVING else 403)
            elif verb.name in ("cases", "handoffs"):
                assert call(outsider).get(f"/api/v1/{verb.address(scene)}").json()["results"] == []
            else:
                assert _send(call, scene, "outsider", verb) == 404, verb
    assert call(outsider).get(f"/api/v1/attachments/{scene.photo}/").status_code == 404
    assert call(outsider).get("/api/v1/queue/").json()["results"] == []
    assert snapshot.of_the_desk() == before


def test_the_contact_of_another_carrier_does_not_see_the_question(call: Caller, scene: Scene) -> None:
    scene.world.people["other"] = factories.person(Role.LOGISTICS, scene.world.shop)
    verb = next(verb for verb in VERBS if verb.address(scene) == f"handoffs/{scene.asked['logistics']}/answer/")
    before = snapshot.of_the_desk()
    call(scene.world.people["other"])
    assert _send(call, scene, "other", verb) == 404
    assert snapshot.of_the_desk() == before


def test_nobody_approves_what_they_proposed(call: Caller, world: World) -> None:
    case = factories.case(world.shop, path=3, amount=Decimal(6000), total_fee=Decimal(6000))
    made = decision.propose(case.pk, Proposal("full_refund", "同意退款"), by=world.supervisor, at=NOON)
    before = snapshot.of_the_desk()
    answer = call(world.supervisor).post(f"/api/v1/decisions/{made.pk}/approve/")
    assert (answer.status_code, answer.json()["code"]) == (403, "own_proposal")
    assert snapshot.of_the_desk() == before


def test_the_right_is_judged_before_the_body(call: Caller, scene: Scene) -> None:
    answer = call(scene.world.warehouse).post(f"/api/v1/cases/{scene.case.pk}/respond/", {"message": 5})
    assert answer.status_code == 403
    outsider = factories.person(Role.SUPPORT, scene.world.other_shop)
    assert call(outsider).post(f"/api/v1/cases/{scene.case.pk}/respond/", {"message": 5}).status_code == 404
