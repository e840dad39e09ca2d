"""Whatever a program sends, the answer is one of ours: never a crash, and an error always in the one shape."""

import json
from itertools import cycle, islice
from typing import Any

import pytest

from tests.api.conftest import Caller
from tests.api.test_roles import VERBS, Scene, Verb, scene, staged, world
from tests.effort import THOROUGH
from tests.factories import World

__all__ = ["scene", "staged", "world"]

VALUES: tuple[Any, ...] = (
    True, -1, 10**30, "x" * 70_000, "\x00", "\ud800", "NaN", "١٢", [[]],
    {"a": {"b": [None]}}, "0001-01-01", [1, "x", None],
)  # fmt: skip
FIELDS = ("attachments", "data", "by", "parcel", "waybill", "decision", "user", "shop", "refund_id")
ODD = ("\x00", "x" * 5000, "-1", "9" * 30, "[]", "١", "NaN")
_turns, _odd = cycle(VALUES), cycle(ODD)
CHANGING = tuple(verb for verb in VERBS if verb.method == "post" and verb.name != "attachments")


def _sent(call: Caller, scene: Scene, verb: Verb, body: Any) -> None:
    answer = call(scene.world.manager).generic(
        "POST", f"/api/v1/{verb.address(scene)}", json.dumps(body), content_type="application/json"
    )
    assert answer.status_code < 500, (verb.name, body, answer.content)
    if answer.status_code >= 400:
        assert {"code", "message", "field"} <= set(answer.json()), (verb.name, body)


@pytest.mark.parametrize("verb", CHANGING, ids=lambda verb: verb.name)
@pytest.mark.slow
def test_nothing_that_is_sent_makes_the_desk_crash(call: Caller, scene: Scene, verb: Verb) -> None:
    good = verb.body(scene) if callable(verb.body) else (verb.body or {})
    bodies: tuple[Any, ...] = ([], "text", None, [[]], {"": ""}, dict.fromkeys((*good, *FIELDS), {"a": []}))
    for body in bodies:
        _sent(call, scene, verb, body)
    for name in list(good)[:3]:
        for value in VALUES if THOROUGH else islice(_turns, 5):  # so that all have their turn
            _sent(call, scene, verb, {**good, name: value})
    for value in VALUES:
        _sent(call, scene, verb, {**good, **dict.fromkeys(FIELDS, value)})


@pytest.mark.parametrize("depth", [65, 850, 900, 2000, 100_000])
def test_a_body_nested_too_deep_is_refused_in_words(call: Caller, world: World, depth: int) -> None:
    """Also one that is written inside a text, as the marketplace's own pushes have it."""
    deep = "[" * depth + "]" * depth
    client, address = call(world.support), "/api/v1/refund-applications/"
    for body in (deep, f'{{"shop": "tb", "refund": {deep}}}'):
        answer = client.generic("POST", address, body, content_type="application/json")
        assert (answer.status_code, answer.json()["code"]) == (400, "not_readable"), (body[:80], answer.content[:300])
    answer = client.post(address, {"shop": "tb", "jdp_response": deep}, format="json")
    assert [row["result"] for row in answer.json()["results"]] == ["rejected"]


@pytest.mark.parametrize("address", ["cases/", "handoffs/", "queue/", "templates/"])
@pytest.mark.slow
def test_no_query_makes_the_desk_crash(call: Caller, scene: Scene, address: str) -> None:
    names = ("shop", "refund_id", "order_id", "status", "path", "owner", "q", "cursor", "limit", "case", "kind", "live",
             "to_role", "language", "format", "page")  # fmt: skip
    for name in names:
        for value in ODD if THOROUGH else islice(_odd, 2):
            answer = call(scene.world.support).get(f"/api/v1/{address}", {name: value})
            assert answer.status_code in (200, 400, 404), (name, value, answer.content)
