"""Field types of the API: each takes no more than the desk can keep, and shows a value in one form only."""

import re
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext_lazy as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

FEN = Decimal("0.01")
AMOUNT = re.compile(r"\d{1,10}(\.\d{1,2})?", re.ASCII)
DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
YEARS = range(2000, 2101)
DEEPEST = 6
LARGEST = 20_000


class Amount(serializers.DecimalField):
    """Yuan with at most two decimals, as text or number; more than 0. Shown as text, “12.30”."""

    default_error_messages = {
        "amount": _("Give the amount in yuan as a plain number with at most two decimals, for example 12.30."),
        "positive": _("The amount must be more than 0."),
    }

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_digits=12, decimal_places=2, **kwargs)

    def to_internal_value(self, data: Any) -> Decimal:
        text = str(data).strip() if isinstance(data, str | int | Decimal) and not isinstance(data, bool) else ""
        if not AMOUNT.fullmatch(text):
            self.fail("positive" if text.startswith("-") and AMOUNT.fullmatch(text[1:]) else "amount")
        amount = Decimal(text).quantize(FEN)
        if amount <= 0:
            self.fail("positive")
        return amount


class Moment(serializers.DateTimeField):
    """ISO 8601 with offset, both ways; shown in the reader's time zone. A time without offset is not taken."""

    default_error_messages = {
        "offset": _("Give the time with its offset, for example 2026-11-11T12:00:00+08:00."),
        "range": _("This time lies outside the years the desk works in."),
    }

    def to_internal_value(self, value: Any) -> datetime:
        moment = _read(value)
        if moment is None or moment.tzinfo is None:
            self.fail("offset")
        if moment.year not in YEARS:
            self.fail("range")
        return moment.astimezone(UTC)

    def to_representation(self, value: datetime) -> str:
        return timezone.localtime(value).isoformat()


class Promise(serializers.CharField):
    """A day (which means its end, in the shop's zone) or a time with offset; kept as given for the flow to read."""

    default_error_messages = {
        "promise": _("Give a date such as 2026-11-30, or a time with its offset, 2026-11-30T18:00:00+08:00."),
    }

    def to_internal_value(self, data: Any) -> str:
        text = data.strip() if isinstance(data, str) else ""
        found = _day(text) if DATE.fullmatch(text) else _read(text)
        aware = isinstance(found, datetime) and found.tzinfo is not None
        if found is None or found.year not in YEARS or not (aware or type(found) is date):
            self.fail("promise")
        return text


class Words(serializers.CharField):
    """Text, and only text: a number or a list is a mistake of the caller's program."""

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        text: str = super().to_internal_value(data)
        return text


class YesNo(serializers.BooleanField):
    """true or false, or the same as text."""

    def to_internal_value(self, data: Any) -> bool:
        if not isinstance(data, bool) and data not in ("true", "false"):
            self.fail("invalid", input=data)
        return data in (True, "true")


@extend_schema_field({"oneOf": [{"type": "boolean"}, {"type": "string", "maxLength": 255}]})
class YesOrReason(serializers.Field[Any, Any, Any, Any]):
    """true, false, or the reason itself. Gives (yes, reason)."""

    default_error_messages = {"invalid": _("Say true, false, or why.")}

    def to_internal_value(self, data: Any) -> tuple[bool, str]:
        if isinstance(data, bool):
            return data, ""
        if not isinstance(data, str) or "\x00" in data or not _encodes(data):
            self.fail("invalid")
        return bool(data.strip()), data.strip()[:255]

    def to_representation(self, value: Any) -> Any:
        return value


@extend_schema_field(OpenApiTypes.OBJECT)
class Details(serializers.Field[Any, Any, Any, Any]):
    """An object of plain values: text, numbers, yes and no, lists and objects of these, not deep and not large."""

    default_error_messages = {
        "object": _("This must be an object."),
        "plain": _("This holds something that cannot be kept: give text, numbers, lists and objects, not too deep."),
        "large": _("This is too large."),
    }

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        if not isinstance(data, dict):
            self.fail("object")
        if len(str(data)) > LARGEST:
            self.fail("large")
        try:
            kept: dict[str, Any] = _plain(data, DEEPEST)
        except ValueError:
            self.fail("plain")
        return kept

    def to_representation(self, value: Any) -> Any:
        return value


def _plain(value: Any, deep: int) -> Any:
    if deep < 0:
        raise ValueError
    if isinstance(value, dict):
        return {_plain(str(key), deep): _plain(inner, deep - 1) for key, inner in value.items()}
    if isinstance(value, list):
        return [_plain(inner, deep - 1) for inner in value]
    if isinstance(value, Decimal):
        return _number(value)
    if isinstance(value, str) and ("\x00" in value or not _encodes(value)):
        raise ValueError
    return value


def _number(value: Decimal) -> float:
    if abs(value.adjusted()) > 20:
        raise ValueError
    return float(value)


def _encodes(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _read(value: Any) -> datetime | None:
    try:
        return parse_datetime(value) if isinstance(value, str) and len(value) > 10 else None
    except ValueError:
        return None


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None
