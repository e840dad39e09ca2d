"""Headers of every answer that the framework leaves out: what may be kept, and what of a device a page may use."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

# The camera reads waybills; nothing else of a device is anybody's.
DEVICE = "camera=(self), microphone=(), geolocation=(), payment=(), usb=(), serial=(), bluetooth=(), display-capture=()"


class HeadersMiddleware:
    """Stands before all that answers. An answer that does not say how long it may be kept is kept nowhere."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        response.headers.setdefault("Cache-Control", "no-store")
        response.headers.setdefault("Permissions-Policy", DEVICE)
        return response
