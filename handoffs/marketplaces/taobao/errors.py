"""What TOP's error_response means for us (formats.md 1.6): may it be tried again, and may it have happened after all?

Proof that nothing happened is an error of the gate in front of the service: who calls, how often, with which signature
and arguments; and a plain `isv.*`, the service's own no. Anything else behind the gate (`isp.*`, codes 3, 10 and 15, a
code in no table) may come after the effect, so a write that met it is unknown.
"""

import re
from collections.abc import Mapping
from typing import Any

from handoffs.marketplaces.base import Later, MarketplaceError, NeedsCode, NotAllowed, Refused, Unknown

LIMITED = frozenset({"4", "5", "6", "7", "8"})
NO_RIGHT = frozenset({"11", "12", "13", "24", "25", "26", "27", "28", "29", "42"})
MISTAKEN = frozenset({"9", "21", "22", "23", "30", "31", "32", "33", "34", "40", "41", "43"})
BEHIND_THE_GATE = frozenset({"3", "10", "15"})

_BAN = re.compile(r"last for (\d+) more seconds?", re.IGNORECASE)
_RIGHT = re.compile(r"permission|session|authori[sz]|sub-?account|sub-?user|invalid-app", re.IGNORECASE)
_SMS = re.compile(r"sms|verif(y|ication)-?code|check-?code", re.IGNORECASE)
_SMS_WORDS = re.compile("短信|验证码|校验码")
# Some services put their own breakdowns under isv: those prove nothing.
_BREAKDOWN = re.compile(r"timeout|time-out|unavailable|service-error|system|remote|unknown|exception", re.IGNORECASE)
_SILENT = re.compile(r"timeout|time-out|unavailable|unknown", re.IGNORECASE)
_BREAKDOWN_WORDS = re.compile(r"超时|系统繁忙|系统异常|系统错误|服务异常|网络异常|timeout|system error", re.IGNORECASE)


def error_of(error: Mapping[str, Any], *, write: bool) -> MarketplaceError:
    """The exception for an error_response's content."""
    code, sub_code = _text(error.get("code")), _text(error.get("sub_code"))
    message = _text(error.get("sub_msg")) or _text(error.get("msg")) or sub_code or code
    kind, own = _kind(code, sub_code, message, write=write), {"code": code, "sub_code": sub_code}
    if kind is Later:
        return Later(message, wait=_wait(code, message), **own)
    return kind(message, **own)


def _kind(code: str, sub_code: str, message: str, *, write: bool) -> type[MarketplaceError]:
    if code in LIMITED:
        return Later
    if code in NO_RIGHT:
        return NotAllowed
    broken = sub_code.startswith("isp.") or bool(_BREAKDOWN.search(sub_code))
    if _asks_for_code(message, sub_code, broken=broken):
        return NeedsCode
    if not broken and sub_code.startswith("isv."):
        return NotAllowed if _RIGHT.search(sub_code) else Refused
    if not broken and code in MISTAKEN:
        return Refused
    if write:
        return Unknown
    return Later if broken or code in BEHIND_THE_GATE else Refused


def _asks_for_code(message: str, sub_code: str, *, broken: bool) -> bool:
    """A request for the code is a no, whatever its number; words that only tell of a breakdown are none."""
    if not broken:
        return wants_code(message, sub_code)
    return wants_code(message) and not broke_down(message) and not _SILENT.search(sub_code)


def wants_code(message: str, sub_code: str = "") -> bool:
    """Whether a refusal asks for the code that was sent by SMS. TOP documents no error code for it."""
    return bool(_SMS.search(sub_code) or _SMS_WORDS.search(message))


def broke_down(message: str) -> bool:
    """Whether a refusal in words tells of a breakdown, which does not prove that nothing happened."""
    return bool(_BREAKDOWN_WORDS.search(message))


def _wait(code: str, message: str) -> float:
    said = _BAN.search(message)
    if said:
        return float(said[1])
    return 1.0 if code == "7" else 60.0


def _text(value: Any) -> str:
    return "" if value is None else str(value).strip()
