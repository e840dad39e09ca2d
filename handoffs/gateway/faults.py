"""What a gateway can be told to get wrong, once each."""

import threading
from dataclasses import dataclass

KINDS = (
    "slow",  # the effect, and an answer `seconds` late
    "cut_before",  # the connection closed, no effect
    "cut_after",  # the effect, and the connection closed
    "half",  # the effect, and the connection closed in the middle of the answer
    "http_500",
    "html",
    "garbage",
    "isp",  # the marketplace's own "service broke down"
    "limited",  # turned away for `seconds`
    "duplicate",  # delivered twice; answered to the first
    "duplicate_last",  # delivered twice; answered to the second
)


@dataclass(frozen=True)
class Fault:
    """One thing to go wrong. `after`: the effect takes place all the same (http_500, html, garbage, isp)."""

    kind: str
    seconds: float = 1.0
    after: bool = False

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"No such fault: {self.kind}")

    @property
    def has_effect(self) -> bool:
        return self.after or self.kind in ("slow", "cut_after", "half", "duplicate", "duplicate_last")


class Faults:
    """A queue of (method, fault): a call meets the first that is for its method, or for any ("*")."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: list[tuple[str, Fault]] = []

    def append(self, one: tuple[str, Fault | str]) -> None:
        """Queue a fault for the next call of a method."""
        method, fault = one
        with self._lock:
            self._waiting.append((method, Fault(fault) if isinstance(fault, str) else fault))

    def add(self, method: str, kind: str, *, times: int = 1, seconds: float = 1.0, after: bool = False) -> None:
        """Queue the same fault for the next calls of a method."""
        for _time in range(times):
            self.append((method, Fault(kind, seconds, after)))

    def take(self, method: str) -> Fault | None:
        with self._lock:
            for place, (meant, fault) in enumerate(self._waiting):
                if meant in (method, "*"):
                    del self._waiting[place]
                    return fault
        return None

    def clear(self) -> None:
        with self._lock:
            self._waiting.clear()

    def __len__(self) -> int:
        return len(self._waiting)
