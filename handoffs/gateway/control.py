"""Handling a gateway that runs in another process: `POST /control` with JSON in the field `do`. For the demo and tests.

`{"add": {...}}` adds a refund, `{"change": [id, {...}]}` changes one, `{"fault": [method, kind, {...}]}` queues a
fault, `{"set": {"sms_above": fen, "trusting": true}}` sets the till. Every answer holds the ledger.
"""

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from handoffs.gateway.server import Gateway, Request

PATH = "/control"
SETTINGS = ("sms_above", "sms_as_error", "sms_code", "trusting")


def open_to(gateway: "Gateway") -> None:
    """Let a gateway be handled through its own port. Only loopback reaches it, as all of a gateway."""
    gateway.routes[PATH] = lambda request: (200, _done(gateway, request))


def _done(gateway: "Gateway", request: "Request") -> dict[str, Any]:
    do: dict[str, Any] = json.loads(request.form.get("do") or "{}")
    answer: dict[str, Any] = {}
    if "add" in do:
        answer["refund"] = gateway.add_refund(**do["add"])
    if "change" in do:
        refund_id, fields = do["change"]
        answer["refund"] = gateway.change(refund_id, **fields)
    if "fault" in do:
        method, kind, options = do["fault"]
        gateway.faults.add(method, kind, **options)
    for name, value in do.get("set", {}).items():
        if name in SETTINGS:
            setattr(gateway.taobao.till, name, value)
    return answer | {"paid": gateway.paid}
