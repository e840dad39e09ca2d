"""Log lines: as JSON or for reading, with what the process is about, and without what belongs to buyers and keys.

Only the fields named here ever leave: what a library hangs onto a record (a request, a task's arguments) does not.
"""

import logging
import re
from collections.abc import Mapping
from typing import Any

from django.contrib.auth import get_user_model
from django.http import HttpRequest
from pythonjsonlogger.json import JsonFormatter

from accounts import trail

FIELDS = ("request_id", "person", "case", "task", "task_id", "method", "route", "status", "ms")
# Addresses under which a case goes by another name than `case_id`.
CASE_IN = (("handoffs/case/", "object_id"), ("api/v1/cases/", "pk"))
# Numbers that the desk made or looked at before it took them: whatever they resemble, lines are found by them.
LOOKED_AT = ("request_id", "task_id")
KEPT = frozenset({"time", "level", "logger", "message", "exc_info", "stack_info", *FIELDS})
# Text of errors is the one place that the desk does not write itself: what could slip through is taken out.
HIDDEN = (
    # A database repeats the row it refused; this runs to the end of its message.
    (re.compile(r"\b(DETAIL|CONTEXT|PARAMETERS): .*?(?=\n\n(?:The above|During)|\Z)", re.S), r"\1: (left out)"),
    (re.compile(r"(?<=[\w/])\?[^\s'\"<>]*=[^\s'\"<>]*"), "?(left out)"),
    (re.compile(r"(?<=://)[^/\s@]+(?=@)"), "(left out)"),
    (re.compile(r"(?i)\b((?:\w+_)?(?:token|secret|password|session|sign|key)['\"]?\s*[=:]\s*['\"]?)(?!\(left)[\w.+/=-]{6,}"),
     r"\1(left out)"),
    (re.compile(r"(?i)\b(bearer|token|basic) (?!\(left)[\w.+/=-]{16,}"), r"\1 (left out)"),
    # Not inside a number of letters and digits, such as a request's or a task's.
    (re.compile(r"(?<![0-9A-Fa-f])(?:(?:00|\+)?86[ -]?)?1[3-9]\d{9}(?![0-9A-Fa-f])"), "(phone)"),
    (re.compile(r"[\w.+-]+@(?=[\w-]+\.)"), "(left out)@"),
)  # fmt: skip


def clean(text: str) -> str:
    """The text without rows, queries, keys, phone numbers and mail addresses."""
    for pattern, instead in HIDDEN:
        text = pattern.sub(instead, text)
    return text


def _told(name: str, value: Any) -> Any:
    return clean(value) if isinstance(value, str) and name not in LOOKED_AT else value


def route(request: HttpRequest) -> str:
    """The address as the desk knows it, without numbers, keys and queries; `-` for one it does not know."""
    match = request.resolver_match
    return (match.route or "/") if match else "-"


def person_of(request: HttpRequest) -> int | None:
    """Whoever was found to be asking, by session or by token; finding out is not the log's business."""
    found = (request.__dict__.get("user"), getattr(request, "_cached_user", None))
    return next((user.pk for user in found if type(user) is get_user_model()), None)


def case_of(request: HttpRequest) -> int | None:
    """The case that the address names."""
    match = request.resolver_match
    if match is None:
        return None
    name = next((name for start, name in CASE_IN if match.route.startswith(start)), "case_id")
    found = str(match.kwargs.get(name, match.kwargs.get("case_id", "")))
    return int(found) if found.isdecimal() and len(found) < 19 else None


class Trail(logging.Filter):
    """Puts onto every record what the process is about; Django's own lines name the route instead of the address."""

    def filter(self, record: logging.LogRecord) -> bool:
        here = dict(trail.known())
        request = here.pop("request", None)
        if request is not None:
            here.setdefault("person", person_of(request))
            here.setdefault("case", case_of(request))
        for name, value in here.items():
            if value is not None and not hasattr(record, name):
                setattr(record, name, value)
        asked = getattr(record, "request", None)
        if isinstance(asked, HttpRequest) and isinstance(record.args, tuple) and len(record.args) == 2:
            record.args = (record.args[0], route(asked))
        return True


def _known(record: logging.LogRecord) -> Mapping[str, Any]:
    return {name: value for name in FIELDS if (value := getattr(record, name, None)) is not None}


class Json(JsonFormatter):
    """One JSON object a line."""

    def __init__(self) -> None:
        super().__init__("{levelname}{name}{message}", style="{", timestamp="time", json_ensure_ascii=False,
                         rename_fields={"levelname": "level", "name": "logger"})  # fmt: skip

    def process_log_record(self, log_data: dict[str, Any]) -> dict[str, Any]:
        """Only what is named, and text cleaned."""
        return {name: _told(name, value) for name, value in log_data.items() if name in KEPT}


class Line(logging.Formatter):
    """A line for people, with what is known at its end."""

    def __init__(self) -> None:
        super().__init__("{asctime} {levelname} {name} {message}", style="{")

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802
        known = " ".join(f"{name}={_told(name, value)}" for name, value in _known(record).items())
        return clean(super().formatMessage(record)) + (f" [{known}]" if known else "")

    def formatException(self, ei: Any) -> str:  # noqa: N802
        return clean(super().formatException(ei))

    def formatStack(self, stack_info: str) -> str:  # noqa: N802
        return clean(super().formatStack(stack_info))
