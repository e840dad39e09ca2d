"""Bodies read exactly: whole numbers of any length, fractions as Decimal, no NaN, nothing larger than allowed."""

from collections.abc import Mapping
from decimal import Decimal
from typing import IO, Any, NoReturn

from django.conf import settings
from django.utils.translation import gettext as _
from rest_framework.exceptions import ParseError
from rest_framework.parsers import BaseParser, DataAndFiles, MultiPartParser

from handoffs import exact
from handoffs.api.errors import TooLarge
from handoffs.flow.evidence import MAX_BYTES

# What a multipart body may have beside the file: boundaries, headers, a field or two.
ENVELOPE = 64 * 1024
# How half of a surrogate pair begins when it is written as an escape.
HALF = r"\ud"


class ExactJSONParser(BaseParser):
    """JSON in UTF-8. Ids of 19 digits stay exact and money never passes through a float."""

    media_type = "application/json"

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        _refuse_above(settings.DATA_UPLOAD_MAX_MEMORY_SIZE, parser_context)
        try:
            text = stream.read().decode("utf-8-sig")
            read = exact.loads(text, fraction=Decimal, strange=_no_number)
            return _whole(read) if HALF in text.lower() else read
        except (ValueError, ArithmeticError) as error:
            raise ParseError(_("The body is not JSON: %(error)s") % {"error": str(error)[:200]}) from error


class FileParser(MultiPartParser):
    """A form with one file, refused before it is read when it cannot fit."""

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> "DataAndFiles[Any, Any]":
        _refuse_above(MAX_BYTES + ENVELOPE, parser_context)
        return super().parse(stream, media_type, parser_context)


def _refuse_above(most: int, parser_context: Mapping[str, Any] | None) -> None:
    request = (parser_context or {}).get("request")
    length = request.META.get("CONTENT_LENGTH") if request is not None else None
    if exact.whole(str(length)) > most:
        raise TooLarge


def _whole(value: Any) -> Any:
    """The value with each half of a surrogate pair, which is no character, made the sign for an unreadable one."""
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, list):
        return [_whole(inner) for inner in value]
    if isinstance(value, dict):
        return {_whole(name): _whole(inner) for name, inner in value.items()}
    return value


def _no_number(name: str) -> NoReturn:
    raise ValueError(_("%(name)s is no number.") % {"name": name})
