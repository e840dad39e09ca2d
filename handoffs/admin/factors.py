"""One's own second factor, and the list from which a manager resets that of a colleague who lost the telephone."""

import base64
from datetime import datetime

import qrcode
from axes.handlers.proxy import AxesProxyHandler
from django.contrib import messages
from django.contrib.auth import logout
from django.contrib.auth.signals import user_login_failed
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django_otp import login as verified
from django_otp.plugins.otp_totp.models import TOTPDevice
from qrcode.image.svg import SvgPathFillImage

from accounts import audit, second_factor
from accounts.models import User
from handoffs import outbox
from handoffs.admin.page import draw, number, page, person
from handoffs.models import OutboxMessage

KEY = "second_factor_key"


@page("GET", "POST")
def own(request: HttpRequest) -> HttpResponse:
    """Set it up, get new recovery codes, remove it; each with a code from the telephone."""
    user = person(request)
    if second_factor.enrolled(user):
        return _change(request, user) if request.method == "POST" else _shown(request, user)
    if request.method == "POST":
        return _enrol(request, user)
    return _offered(request, user)


def _enrol(request: HttpRequest, user: User) -> HttpResponse:
    key = request.session.get(KEY)
    done = key and second_factor.enrol(user, key, request.POST.get("code", ""), by=user, at=timezone.now())
    if not done:
        messages.error(request, _("This code does not fit. Is the telephone's clock right?"))
        return _offered(request, user)
    device, codes = done
    del request.session[KEY]
    request.session.cycle_key()
    verified(request, device)
    return _codes(request, codes)


def _change(request: HttpRequest, user: User) -> HttpResponse:
    now, verb, tried = timezone.now(), request.POST.get("verb"), {"username": user.email}
    if AxesProxyHandler.is_locked(request, tried):
        logout(request)
        return redirect("admin:login")
    device = second_factor.check(user, request.POST.get("code", ""), at=now)
    if device is None:
        user_login_failed.send(sender=__name__, credentials=tried, request=request, kind=audit.Kind.CODE_FAILED)
        messages.error(request, _("This code is wrong, or was used already. Wait for the next one."))
        return _shown(request, user)
    if verb == "codes":
        return _codes(request, second_factor.new_codes(user, by=user, at=now))
    if verb == "remove":
        second_factor.reset(user, by=user, at=now)
        messages.success(request, _("Your second factor is removed."))
    return redirect("admin:handoffs_second_factor")


def _offered(request: HttpRequest, user: User) -> HttpResponse:
    key = request.session.setdefault(KEY, second_factor.fresh_key())
    # On white, for the telephone must read it from a dark page too.
    image = qrcode.make(second_factor.device_of(user, key).config_url, image_factory=SvgPathFillImage, box_size=12)
    picture = base64.b64encode(image.to_string()).decode()
    return _page(request, picture=picture, key=second_factor.spelled(key), required=second_factor.required(user))


def _shown(request: HttpRequest, user: User) -> HttpResponse:
    return _page(request, enrolled=True, left=second_factor.codes_left(user))


def _codes(request: HttpRequest, codes: list[str]) -> HttpResponse:
    return _page(request, codes=codes)


def _page(request: HttpRequest, **context: object) -> HttpResponse:
    answer = draw(request, "handoffs/second_factor.html", title=_("Second factor"), **context)
    answer.headers["Cache-Control"] = "no-store"
    return answer


@page("GET", "POST", verb="edit_setup")
def everybody(request: HttpRequest) -> HttpResponse:
    """Who has a second factor and who should; POST removes somebody's, who then sets it up anew."""
    editor = person(request)
    if request.method == "POST":
        other = get_object_or_404(User, pk=number(request, "user"))
        if other.pk == editor.pk or (other.is_superuser and not editor.is_superuser):
            raise PermissionDenied
        second_factor.reset(other, by=editor, at=(now := timezone.now()))
        tell_of_reset("factor_removed", other, by=editor, at=now)
        messages.success(request, _("The second factor is removed."))
        return redirect("admin:handoffs_second_factors")
    having = set(TOTPDevice.objects.filter(confirmed=True).values_list("user_id", flat=True))
    rows = [
        {
            "user": user,
            "enrolled": user.pk in having,
            "required": second_factor.required(user),
            "may_reset": user.pk in having and user.pk != editor.pk and (editor.is_superuser or not user.is_superuser),
        }
        for user in User.objects.filter(is_active=True)
    ]
    return draw(request, "handoffs/second_factors.html", title=_("Second factors"), rows=rows)


def tell_of_reset(kind: str, about: User, *, by: User, at: datetime) -> None:
    """By bell and by mail, which nobody switches off for this: a colleague could now log in in one's name."""
    told = outbox.message(kind, to=about, key=f"{kind}:{at.isoformat()}", at=at, person=str(by))
    queued = OutboxMessage.Mail.QUEUED if about.is_active else OutboxMessage.Mail.NONE
    outbox.put([told._replace(mail=queued.value, next_try_at=at if about.is_active else None)])


PAGES = (
    ("me/second-factor/", own, "handoffs_second_factor"),
    ("people/second-factors/", everybody, "handoffs_second_factors"),
)
