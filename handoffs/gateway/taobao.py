"""Taobao's and Tmall's side of the gateway: one door for all methods, at `/router/rest`."""

import threading
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from handoffs.gateway.reads import Reads
from handoffs.gateway.refunds import Refunds
from handoffs.gateway.shops import Sellers
from handoffs.gateway.till import Till
from handoffs.gateway.top import Call, Gate, Problem
from handoffs.gateway.writes import Writes


class Taobao:
    """`handle` is what a route calls. `gate`, `till` and `reads` hold what a test may set."""

    def __init__(self, *, now: Callable[[], datetime], lock: threading.RLock) -> None:
        self._lock = lock
        self.sellers, self.refunds = Sellers(), Refunds(now=now, lock=lock)
        self.gate = Gate(self.sellers, now)
        self.till, self.reads, self.writes = Till(self.refunds), Reads(self.refunds), Writes(self.refunds)
        self.methods: dict[str, Callable[[Call], dict[str, Any]]] = {
            **self.reads.methods,
            **self.writes.methods,
            **self.till.methods,
        }

    def handle(self, form: Mapping[str, str], files: Mapping[str, bytes] | None = None) -> tuple[int, dict[str, Any]]:
        """One call, alone: whatever it does, it does as a whole."""
        request_id = f"local{self.refunds.serial()}"
        with self._lock:
            try:
                call = self.gate.passed(form, files or {}, self.methods)
                content = self.methods[call.method](call)
            except Problem as problem:
                return 200, problem.answer(request_id)
        key = call.method.replace(".", "_").removeprefix("taobao_") + "_response"
        return 200, {key: {**content, "request_id": request_id}}
