"""How the desk's own pages are drawn and guarded."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from celery import current_app
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.views.decorators.http import require_http_methods
from kombu.exceptions import OperationalError

from accounts.models import User
from handoffs import permissions
from handoffs.admin.site import desk
from handoffs.exact import whole
from handoffs.flow.errors import NotAllowed, NotYours
from handoffs.models import Case

View = Callable[..., HttpResponse]


def person(request: HttpRequest) -> User:
    """Who asks. Every page of the console is behind the login."""
    if not isinstance(request.user, User):
        raise PermissionDenied
    return request.user


def number(request: HttpRequest, name: str) -> int:
    """A posted id; 0, which names nothing, for whatever is no number."""
    return whole(request.POST.get(name, ""))


def draw(request: HttpRequest, template: str, *, title: Any, status: int = 200, **context: Any) -> HttpResponse:
    """A page inside the console's frame."""
    frame = desk.each_context(request)
    return TemplateResponse(
        request, template, {**frame, "title": title, "user": request.user, **context}, status=status
    )


def page(*methods: str, verb: str = "") -> Callable[[View], View]:
    """Guard a view: its methods, the right it needs, and the flow's 403 and 404 as pages."""

    def guard(view: View) -> View:
        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            if verb and not permissions.may(person(request), verb):
                raise PermissionDenied
            try:
                return view(request, *args, **kwargs)
            except NotYours as error:
                raise Http404(str(error)) from error
            except NotAllowed as error:
                raise PermissionDenied(str(error)) from error

        return require_http_methods(list(methods))(guarded)

    return guard


def hand_over(task: str, *args: int) -> bool:
    """Ask the worker for a task now. False when it cannot be reached; what the timetable does it then does later."""
    try:
        current_app.send_task(f"handoffs.tasks.{task}", args=list(args))
    except (OperationalError, OSError):
        return False
    return True


def seen_case(request: HttpRequest, case_id: int) -> Case:
    """The case, for those who may see it; for others it does not exist."""
    found = permissions.visible_cases(person(request)).select_related("shop", "owner").filter(pk=case_id).first()
    if found is None:
        raise Http404
    return found
