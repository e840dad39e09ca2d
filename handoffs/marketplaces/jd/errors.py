"""What JD's errors mean for us (formats.md 2.4): may it be tried again, and may it have happened after all?

Proof that nothing happened is an error of the gate in front of the service: key, token, signature, version, arguments.
What the gate says about the service behind it (1, 17, 43, 65 to 69), and every code in no table, proves nothing: a
write that met it is unknown.
"""

import re
from collections.abc import Mapping
from typing import Any

from handoffs.marketplaces.base import Later, MarketplaceError, NotAllowed, Refused, Unknown

LIMITED = frozenset({"2"})
CLOSED_FOR_NOW = frozenset({"23"})
NO_RIGHT = frozenset({"3", "9", "10", "11", "12", "18", "19", "20", "21", "22", "24", "25", "64", "72", "73"})
MISTAKEN = frozenset({"4", "5", "6", "7", "8", "13", "14", "15", "16", "26", "27", "50", "60", "61", "62", "63", "71"})
BEHIND_THE_GATE = frozenset({"1", "17", "43", "65", "66", "67", "68", "69"})
# Where the service itself says that all is well.
FINE = frozenset({"", "0", "200", "00000"})
WAITS = {"2": 300.0, "23": 600.0}

_BREAKDOWN = re.compile(
    r"超时|繁忙|系统(异常|错误)|服务(异常|不可用)|网络|稍后|未知|timeout|time out|exception|system error|unavailable",
    re.IGNORECASE,
)
# Reviewed already: perhaps by this very call, delivered twice on its way. Reading back tells.
_DONE_BEFORE = re.compile("已审核|已处理|重复")


def error_of(error: Mapping[str, Any], *, write: bool) -> MarketplaceError:
    """The exception for an error_response's content."""
    code = _text(error.get("code"))
    message = _text(error.get("zh_desc")) or _text(error.get("en_desc")) or _text(error.get("msg")) or code
    kind = _kind(code, message, write=write)
    if kind is Later:
        return Later(message, code=code, wait=WAITS.get(code, 60.0))
    return kind(message, code=code)


def _kind(code: str, message: str, *, write: bool) -> type[MarketplaceError]:
    if code in LIMITED or code in CLOSED_FOR_NOW:
        return Later
    if code in NO_RIGHT:
        return NotAllowed
    if code in MISTAKEN:
        return Refused
    if write:
        return Unknown
    return Later if code in BEHIND_THE_GATE or _BREAKDOWN.search(message) else Refused


def no_of(result: Mapping[str, Any], *, write: bool) -> MarketplaceError:
    """The exception for a result that says `success: false`: the service's own no, unless its words leave a doubt."""
    code = _text(result.get("errorCode")) or _text(result.get("code"))
    words = (_text(result.get(name)) for name in ("errorMsg", "errorMessage", "msg", "message"))
    message = next((word for word in words if word), "") or code or "success=false"
    if write and (_BREAKDOWN.search(message) or _DONE_BEFORE.search(message)):
        return Unknown(message, code=code)
    return Later(message, code=code) if _BREAKDOWN.search(message) else Refused(message, code=code)


def _text(value: Any) -> str:
    return "" if value is None else str(value).strip()
