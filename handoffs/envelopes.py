"""What marketplaces wrap refunds in, taken off: plain values in, plain values out, no message and no other library.

It imports nothing but Python's own, for the process that reads a file of JSON (see intake/sheet.py) knows no Django.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any

DEEPEST = 64
# Fields that only JD's objects have.
TELLING = frozenset({"applyRefundSum", "sameOrderServiceBill", "afsRefundId"})


class TooDeep(ValueError):
    """JSON nested deeper than anything real."""


class Failed(Exception):
    """The marketplace says that the call failed: its code and its words, as they stand there."""

    def __init__(self, code: Any, said: Any) -> None:
        super().__init__(code, said)
        self.code, self.said = code, said


class Nothing(Exception):
    """There is no refund in it."""


def loads(
    written: str | bytes, *, fraction: Callable[[str], Any] = str, strange: Callable[[str], Any] | None = None
) -> Any:
    """JSON with its fractions as `fraction` makes them. Raises ValueError for what is none, TooDeep among them."""
    try:
        found = json.loads(written, parse_float=fraction, parse_constant=strange)
    except RecursionError as error:
        raise TooDeep from error
    if not _is_shallow(found):
        raise TooDeep
    return found


def _is_shallow(found: Any) -> bool:
    """Level by level, for what is deep would exhaust a function that calls itself."""
    level = _nests([found])
    for _level in range(DEEPEST):
        level = [nest for each in level for nest in _nests(each.values() if isinstance(each, dict) else each)]
        if not level:
            return True
    return not level


def _nests(values: Any) -> list[Any]:
    return [value for value in values if isinstance(value, dict | list)]


def unpacked(payload: Any, wanted: str) -> tuple[str, list[Any]]:
    """(format, objects) of a whole file; with “auto” its keys decide. Raises Failed or Nothing."""
    _must_be_no_error(payload)
    name = wanted if wanted != "auto" else "jd_api" if _is_jd(payload) else "top"
    found = of_jd(payload) if name == "jd_api" else of_top(payload)
    if not found and not _is_response(payload):
        raise Nothing
    return name, found


def _must_be_no_error(payload: Any) -> None:
    first = payload[0] if isinstance(payload, list) and payload else payload
    if not isinstance(first, dict) or "error_response" not in first:
        return
    told = first["error_response"]
    told = told if isinstance(told, dict) else {"msg": told}
    raise Failed(told.get("code"), told.get("sub_msg") or told.get("msg") or told.get("zh_desc"))


def _is_jd(payload: Any) -> bool:
    first = payload[0] if isinstance(payload, list) and payload else payload
    return isinstance(first, dict) and any(key.endswith("_responce") or key in TELLING for key in first)


def _is_response(payload: Any) -> bool:
    return isinstance(payload, dict) and any(key.endswith(("_response", "_responce")) for key in payload)


def of_jd(payload: Any) -> list[Any]:
    """The objects of a response whose key ends in `_responce`, as JD spells it; a list or a lone object as it is."""
    if not isinstance(payload, Mapping):
        return payload if isinstance(payload, list) else []
    if payload.keys() & TELLING:
        return [payload]
    inner: Any = next((payload[key] for key in payload if key.endswith("_responce")), payload)
    for key in ("queryResult", "pageResult", "result", "data"):
        if isinstance(inner, Mapping):
            _must_have_succeeded(inner)
            inner = inner.get(key, inner)
    return inner if isinstance(inner, list) else [inner] if isinstance(inner, Mapping) and "orderId" in inner else []


def _must_have_succeeded(result: Mapping[str, Any]) -> None:
    if result.get("success") in (False, "false"):
        said = result.get("errorMessage") or result.get("msg") or result.get("message")
        raise Failed(result.get("code") or result.get("errorCode"), said)


def of_top(payload: Any) -> list[Any]:
    """The refund objects of a response or a list, whichever envelope; an empty list where the key is missing."""
    if isinstance(payload, list):
        return [refund for item in payload for refund in (_opened(item) if _is_envelope(item) else [item])]
    return _opened(payload)


def _is_envelope(item: Any) -> bool:
    return isinstance(item, Mapping) and any(str(key).endswith("_response") for key in item)


def _exactly(written: str) -> Any:
    """JSON with its numbers exact; nothing for what is none."""
    try:
        return loads(written)
    except ValueError:
        return None


def _opened(payload: Any) -> list[Any]:
    if not isinstance(payload, Mapping):
        return []
    if isinstance(payload.get("jdp_response"), str):
        return _opened(_exactly(payload["jdp_response"]))
    if "refund_id" in payload:
        return [payload]
    inner: Any = next((payload[key] for key in payload if key.endswith("_response")), payload)
    for key in ("refunds", "refund", "rows"):
        if isinstance(inner, Mapping) and key in inner:
            inner = inner[key]
    return inner if isinstance(inner, list) else [inner] if isinstance(inner, Mapping) and "refund_id" in inner else []
