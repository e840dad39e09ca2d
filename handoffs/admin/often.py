"""The page for who tries, or looks, too often in a minute."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _


def too_often(request: HttpRequest, left: int, message: str = "") -> HttpResponse:
    """Said with the seconds to wait."""
    said = {"message": message or _("Too many attempts. Try again in a minute.")}
    answer = render(request, "handoffs/too_often.html", said, status=429)
    answer.headers["Retry-After"] = str(left)
    return answer
