"""Cells and JSON values turned into what the desk keeps, with a complaint a person can act on where that fails.

Traps handled (formats.md sections 0 and 3): padded ids, ids of 19 digits, thousands commas, full width, durations.
"""

import re
import unicodedata
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any
from zoneinfo import ZoneInfo

from django.utils.translation import gettext as _

BEIJING = ZoneInfo("Asia/Shanghai")
EXACT = 2**53
EXCEL_EPOCH = datetime(1899, 12, 30)  # noqa: DTZ001  the day Excel counts from has no zone of its own
# Also what copying leaves behind unseen: hard spaces, marks of writing direction, joiners.
PADDING = "'\t\r\n \u3000\ufeff\u200b`\xa0\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2060\u2066\u2069"
YEARS = range(1970, 2101)
_MOMENT = re.compile(
    r"(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?"
    r"(?:[ T]+(\d{1,2}):(\d{1,2})(?::(\d{1,2})(?:\.\d+)?)?)?(Z|[+-]\d{2}:?\d{2})?"
)
_MONEY = re.compile(r"[¥￥元,，\s]|RMB|CNY", re.IGNORECASE)
BLANK = ("", "-", "--", "null", "NULL", "None", "无")


class Bad(Exception):
    """A value that cannot be taken: its column, a code and a sentence."""

    def __init__(self, field: str, code: str, message: str) -> None:
        super().__init__(message)
        self.field, self.code, self.message = field, code, message


def text(value: Any) -> str:
    """The value as text, its padding taken away; whole numbers without a point."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < EXACT else repr(value)
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M:%S")
    return str(value).strip(PADDING)


def identifier(value: Any, field: str, *, required: bool = False) -> str:
    """An id, exact. A number cell that has lost digits is refused, for the wrong id is worse than none."""
    if isinstance(value, float) and not value.is_integer() and abs(value) < EXACT:
        raise Bad(field, "not_an_id", _("“%(field)s” is no id.") % {"field": field})
    if isinstance(value, float | int) and not isinstance(value, bool):
        if isinstance(value, float) and (not value.is_integer() or abs(value) >= EXACT):
            raise Bad(field, "id_lost_digits", _(
                "The number in “%(field)s” has lost digits: the sheet keeps it as a number. Export the file again "
                "without saving it in a spreadsheet, or send it as csv.") % {"field": field})  # fmt: skip
        return str(int(value))
    if isinstance(value, list | dict | bool):
        raise Bad(field, "not_an_id", _("“%(field)s” is no id.") % {"field": field})
    found = unicodedata.normalize("NFKC", text(value)).strip(PADDING)
    if written := re.fullmatch(r'="(.*)"', found):
        # ="123" is how some exports keep a spreadsheet from rounding.
        found = written.group(1).strip(PADDING)
    if found in BLANK:
        found = ""
    if re.fullmatch(r"\d(?:\.\d+)?[eE]\+?\d+", found):
        raise Bad(field, "id_lost_digits", _(
            "“%(value)s” in “%(field)s” is a rounded number. Export the file again without saving it in a spreadsheet.")
            % {"value": found, "field": field})  # fmt: skip
    if required and not found:
        raise Bad(field, "missing", _("“%(field)s” is empty.") % {"field": field})
    return found


def money(value: Any, field: str, *, required: bool = False) -> Decimal | None:
    """Yuan with two decimals; empty gives None. Commas, currency signs and full-width digits are understood."""
    raw = unicodedata.normalize("NFKC", text(value)) if not isinstance(value, Decimal) else str(value)
    plain = _MONEY.sub("", raw)
    if plain in BLANK:
        if required:
            raise Bad(field, "missing", _("“%(field)s” is empty.") % {"field": field})
        return None
    try:
        if "e" in plain.lower() and not isinstance(value, float):
            raise InvalidOperation
        amount = Decimal(plain)
        exact = amount.is_finite() and amount == amount.quantize(Decimal("0.01"))
    except InvalidOperation:
        exact, amount = False, Decimal(0)
    if not exact and isinstance(value, float):
        amount = Decimal(repr(value)).quantize(Decimal("0.01"))
        exact = abs(float(amount) - value) < 1e-6
    if not exact:
        raise Bad(field, "not_money", _("“%(value)s” in “%(field)s” is no amount.") % {"value": raw, "field": field})
    if amount < 0:
        raise Bad(field, "negative", _("The amount in “%(field)s” is below 0.") % {"field": field})
    if amount >= Decimal(10) ** 10:
        raise Bad(field, "too_large", _("The amount in “%(field)s” is too large.") % {"field": field})
    return amount.quantize(Decimal("0.01"))


def moment(value: Any, field: str, *, required: bool = False) -> datetime | None:
    """A moment; without a zone it is Beijing's. Epoch milliseconds and spreadsheet serial numbers are understood."""
    if isinstance(value, date) and value.year in YEARS:
        found = value if isinstance(value, datetime) else datetime.combine(value, time(0))
        return found if found.tzinfo else found.replace(tzinfo=BEIJING)
    raw = unicodedata.normalize("NFKC", text(value)).strip()
    if raw in BLANK:
        if required:
            raise Bad(field, "missing", _("“%(field)s” is empty.") % {"field": field})
        return None
    understood = _numeric_moment(raw) or _written_moment(raw)
    if understood is None:
        raise Bad(field, "not_a_time", _("“%(value)s” in “%(field)s” is no time. Write it as 2026-11-11 09:30:00.")
                  % {"value": raw, "field": field})  # fmt: skip
    return understood


def moment_or_none(value: Any) -> datetime | None:
    """A moment nothing hangs on: what cannot be understood is left out and stands in the raw row only."""
    try:
        return moment(value, "")
    except Bad:
        return None


def _numeric_moment(raw: str) -> datetime | None:
    if not re.fullmatch(r"\d+(\.\d+)?", raw):
        return None
    number = float(raw)
    if 10**11 < number < 10**14:
        return datetime.fromtimestamp(number / 1000, tz=UTC)
    if 20_000 < number < 80_000:
        return (EXCEL_EPOCH + timedelta(seconds=round(number * 86400))).replace(tzinfo=BEIJING)
    return None


def _written_moment(raw: str) -> datetime | None:
    matched = _MOMENT.fullmatch(raw)
    if matched is None:
        return None
    year, month, day, hour, minute, second = (int(part or 0) for part in matched.groups()[:6])
    zone = matched.group(7)
    if year not in YEARS:
        return None
    try:
        naive = datetime(year, month, day, hour, minute, second)  # noqa: DTZ001  the zone is added below
        if zone:
            return datetime.fromisoformat(naive.isoformat() + ("+00:00" if zone == "Z" else zone))
    except ValueError:
        return None
    return naive.replace(tzinfo=BEIJING)


def quantity(value: Any) -> int | None:
    """A whole number of pieces; anything else is left out rather than guessed."""
    raw = text(value)
    return int(raw) if re.fullmatch(r"\d{1,9}", raw) else None


def waybill(value: Any) -> tuple[str, str]:
    """(carrier, waybill) out of “carrier:waybill”; a bare number has no carrier."""
    raw = text(value).replace("：", ":")
    if raw in BLANK:
        return "", ""
    carrier, sep, number = raw.partition(":")
    return (carrier.strip(), number.strip()) if sep else ("", raw)
