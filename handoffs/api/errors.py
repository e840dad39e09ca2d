"""Every error in one shape: a code for programs, a sentence for people, the field it concerns."""

from collections.abc import Iterator
from typing import Any

from django.core.exceptions import PermissionDenied as DjangoDenied
from django.core.exceptions import RequestDataTooBig, SuspiciousOperation
from django.http import Http404
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from rest_framework import exceptions, status
from rest_framework.response import Response
from rest_framework.views import set_rollback

from handoffs.flow.errors import FlowError

CODES: dict[type[Exception], str] = {
    exceptions.NotAuthenticated: "not_authenticated",
    exceptions.AuthenticationFailed: "not_authenticated",
    exceptions.PermissionDenied: "not_allowed",
    exceptions.NotFound: "not_found",
    exceptions.MethodNotAllowed: "method_not_allowed",
    exceptions.NotAcceptable: "not_acceptable",
    exceptions.UnsupportedMediaType: "unsupported_media_type",
    exceptions.ParseError: "not_readable",
}


class TooLarge(exceptions.APIException):
    """The body is larger than the desk reads."""

    status_code = status.HTTP_413_REQUEST_ENTITY_TOO_LARGE
    default_detail = gettext_lazy("This is larger than can be taken at once.")
    default_code = "too_large"


def handle(error: Exception, context: dict[str, Any]) -> Response | None:
    """DRF's exception handler: None only for what nobody foresaw, which is then logged and answered with 500."""
    if isinstance(error, FlowError):
        set_rollback()
        return _answer(error.status, error.code, error.message, error.field)
    error = _in_drf_terms(error)
    if not isinstance(error, exceptions.APIException):
        return None
    set_rollback()
    if isinstance(error, exceptions.ValidationError):
        return _invalid(error)
    code = next((code for kind, code in CODES.items() if isinstance(error, kind)), str(error.default_code))
    response = _answer(error.status_code, code, error.detail)
    if challenge := getattr(error, "auth_header", None):
        response["WWW-Authenticate"] = challenge
    if wait := getattr(error, "wait", None):
        response["Retry-After"] = str(int(wait))
    return response


def _in_drf_terms(error: Exception) -> Exception:
    if isinstance(error, Http404):
        return exceptions.NotFound(_("There is no such page."))
    if isinstance(error, DjangoDenied):
        return exceptions.PermissionDenied()
    if isinstance(error, RequestDataTooBig):
        return TooLarge()
    if isinstance(error, SuspiciousOperation):
        return exceptions.ParseError(_("The request cannot be read."))
    return error


def _answer(http: int, code: str, message: Any, field: str = "", **more: Any) -> Response:
    return Response({"code": code, "message": str(message), "field": field or None, **more}, status=http)


def _invalid(error: exceptions.ValidationError) -> Response:
    """The first complaint in front, and all of them beside it."""
    found = [
        {"code": str(detail.code), "message": str(detail), "field": field or None}
        for field, detail in _complaints(error.detail)
    ]
    first = found[0] if found else {"code": "invalid", "message": _("The input cannot be taken."), "field": None}
    return Response({**first, "errors": found}, status=error.status_code)


def _complaints(detail: Any, path: str = "") -> Iterator[tuple[str, exceptions.ErrorDetail]]:
    """Each complaint with the dotted path to what it is about."""
    if isinstance(detail, dict):
        for name, inner in detail.items():
            here = path if name == "non_field_errors" else f"{path}.{name}".lstrip(".")
            yield from _complaints(inner, here)
    elif isinstance(detail, list):
        for number, inner in enumerate(detail):
            nested = isinstance(inner, dict | list)
            yield from _complaints(inner, f"{path}.{number}".lstrip(".") if nested else path)
    else:
        yield path, detail
