"""Two letters before they go: one's hand-over, with a note for who follows, and the digest as it would be sent now."""

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import duty
from accounts.models import Membership, User
from handoffs import digests, handover, permissions
from handoffs.admin.page import draw, hand_over, page, person
from handoffs.exact import whole

NOTE = 2000


@page("GET", "POST")
def handing_over(request: HttpRequest) -> HttpResponse:
    """What is open with oneself, who will hear of it when duty ends, and the note that goes with it."""
    user, now = person(request), timezone.now()
    shift = duty.last_shift(user, now, within=handover.BREAK)
    if request.method == "POST":
        if shift is None:
            messages.error(request, _("You are not on duty. Go on duty first; the note belongs to a shift."))
        else:
            shift.note = request.POST.get("note", "").strip()[:NOTE]
            shift.save(update_fields=["note"])
            messages.success(request, _("Kept. It goes to who follows when your duty ends."))
        return redirect("admin:handoffs_handing_over")
    followers = duty.followers(user, now)
    context: dict[str, Any] = {
        "open": handover.left_by(user, seen_by=user, shops=user.shops_as(), at=now),
        "followers": list(User.objects.filter(pk__in=followers).order_by("name", "pk")),
        "shift": shift,
    }
    return draw(request, "handoffs/handing_over.html", title=_("Hand over"), **context)


@page("GET", "POST")
def digest(request: HttpRequest) -> HttpResponse:
    """The digest as it would go out now: one's own, or, for a manager, that of somebody in the own shops."""
    user, now = person(request), timezone.now()
    reader = _reader(request, user)
    letter = digests.digest_for(reader, now.astimezone(reader.zone).date(), at=now)
    if request.method == "POST":
        if letter is None or reader != user:
            messages.error(request, _("There is nothing to send."))
        elif digests.send_now(user, letter, at=now):
            hand_over("deliver")
            messages.success(request, _("It is on its way to %(address)s.") % {"address": user.email})
        else:
            messages.info(request, _("It was sent a moment ago."))
        return redirect("admin:handoffs_digest")
    context = {"letter": letter, "reader": reader, "own": reader == user, "people": _people(user)}
    return draw(request, "handoffs/digest.html", title=_("Preview of the digest"), **context)


def _people(user: User) -> list[User]:
    """Whose digest a manager may look at: everybody in the shops the manager sets up."""
    shops = [pk for pk in user.shops_as() if permissions.may(user, "edit_setup", shop_id=pk)]
    employed = Membership.objects.in_force(timezone.now()).filter(shop__in=shops).values("user")
    return list(User.objects.filter(pk__in=employed, is_active=True).order_by("name", "pk")) if shops else []


def _reader(request: HttpRequest, user: User) -> User:
    asked = request.GET.get("person", "")
    if not asked or whole(asked) == user.pk:
        return user
    found = next((each for each in _people(user) if each.pk == whole(asked)), None)
    if found is None:
        raise Http404
    return found


PAGES = (
    ("duty/hand-over/", handing_over, "handoffs_handing_over"),
    ("me/digest/", digest, "handoffs_digest"),
)
